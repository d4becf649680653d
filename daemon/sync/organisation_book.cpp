#include "daemon/sync/organisation_book.h"

#include <algorithm>

#include "daemon/sync/peer_state.h"

namespace beffroi::daemon {

using storage::WriteBatch;

Result<void> OrganisationBook::load() {
  BEFFROI_TRY(auto states, load_organisations(database_));
  const std::lock_guard lock(mutex_);
  for (auto& [id, state] : states) organisations_[id] = std::make_shared<Organisation>(id, std::move(state));
  return {};
}

std::shared_ptr<Organisation> OrganisationBook::find(const OrganisationId& id) const {
  const std::lock_guard lock(mutex_);
  const auto found = organisations_.find(id);
  return found == organisations_.end() ? nullptr : found->second;
}

std::shared_ptr<Organisation> OrganisationBook::named(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  for (const auto& [id, organisation] : organisations_)
    if (organisation->state().name == name) return organisation;
  return nullptr;
}

std::vector<std::shared_ptr<Organisation>> OrganisationBook::all() const {
  std::vector<std::shared_ptr<Organisation>> out;
  {
    const std::lock_guard lock(mutex_);
    for (const auto& [id, organisation] : organisations_) out.push_back(organisation);
  }
  std::ranges::sort(out, {}, [](const auto& organisation) { return organisation->state().name; });
  return out;
}

Result<std::shared_ptr<Organisation>> OrganisationBook::add(const OrganisationId& id, const OrganisationState& state) {
  WriteBatch batch;
  put_organisation(batch, id, state);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::synced));
  auto out = std::make_shared<Organisation>(id, state);
  const std::lock_guard lock(mutex_);
  organisations_[id] = out;
  return out;
}

Result<void> OrganisationBook::change(Organisation& organisation, const OrganisationState& state) {
  WriteBatch batch;
  put_organisation(batch, organisation.id(), state);
  BEFFROI_CHECK(database_.write(batch, storage::Durability::synced));
  organisation.set_state(state);
  return {};
}

void OrganisationBook::forget(WriteBatch& batch, const OrganisationId& id) {
  remove_organisation(batch, id);
  const std::lock_guard lock(mutex_);
  organisations_.erase(id);
}

}  // namespace beffroi::daemon
