// How an organisation ends at a peer, also over crashes and errors.
#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/sync/peer_host_impl.h"

namespace beffroi::daemon {

using storage::WriteBatch;

// The record of an erasure that was begun earlier says what was there then.
Result<Erasure> PeerHostImpl::erasure_of(const Organisation& organisation, const std::string& by,
                                         std::span<const Erasure> unfinished) const {
  for (const Erasure& begun : unfinished)
    if (begun.organisation == organisation.id()) return begun;
  Erasure out{organisation.id(), organisation.state(), clock_.now(), by, {}};
  for (const auto& hosted : spaces_of(organisation.id())) {
    BEFFROI_TRY(ErasedSpace erased, hosted->describe_for_erasure());
    out.spaces.push_back(std::move(erased));
  }
  BEFFROI_TRY(const auto tenants, load_tenants(*database_));
  for (const DamagedTenant& damaged : damaged_tenants()) {
    if (damaged.organisation != organisation.id()) continue;
    const auto tenant = tenants.find(damaged.space);
    BEFFROI_TRY(const auto usage, objects_->usage(damaged.space));
    ErasedSpace erased{.space = damaged.space, .objects = usage.objects, .sealed_bytes = usage.sealed_bytes};
    if (tenant != tenants.end()) {
      erased.enrolled = tenant->second.enrolled;
      erased.commits = tenant->second.commits;
    }
    out.spaces.push_back(std::move(erased));
  }
  return out;
}

Result<void> PeerHostImpl::retire(const OrganisationId& organisation) {
  for (const auto& hosted : spaces_of(organisation)) {
    const auto retired = hosted->retire();
    if (retired) continue;
    come_back(organisation);
    return retired;
  }
  return {};
}

void PeerHostImpl::come_back(const OrganisationId& organisation) {
  for (const auto& hosted : spaces_of(organisation)) hosted->come_back();
}

// A session's next request finds no space, and who waits for one is cut.
void PeerHostImpl::shut_out(Organisation& organisation) {
  const auto leaving = spaces_of(organisation.id());
  {
    const std::lock_guard lock(mutex_);
    for (const auto& hosted : leaving) {
      spaces_.erase(hosted->space());
      admitted_.remove(hosted->space());
    }
    std::erase_if(damaged_, [&](const DamagedTenant& damaged) { return damaged.organisation == organisation.id(); });
  }
  invitations_.drop(organisation.id());
  share_invitations_.drop(organisation.id());
  organisation.close();
}

Result<Erasure> PeerHostImpl::erase(const std::string& name, const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_TRY(const auto unfinished, unfinished_erasures(*database_));
  forget_erased(unfinished);
  BEFFROI_TRY(const auto organisation, named(name));
  if (!organisation->is_suspended())
    return fail(ErrorCode::wrong_state,
                N_("{} is in use. Suspend it first: 'beffroi peer suspend', and let it take its documents home."),
                name);
  BEFFROI_CHECK(retire(organisation->id()));
  auto erasure = erasure_of(*organisation, by, unfinished);
  const Result<void> begun = erasure ? begin_erasure(*database_, *erasure) : forward_error(erasure);
  if (!begun) {
    come_back(organisation->id());
    return forward_error(begun);
  }
  // Before what can't be undone.
  const auto written = audit_->add({.action = storage::AuditAction::erase,
                                    .actor = std::string(kOperator) + " " + by,
                                    .space = {},
                                    .organisation = name,
                                    .detail = "spaces: " + std::to_string(erasure->spaces.size())},
                                   storage::Durability::synced);
  if (!written) spdlog::warn("{}", written.error().message());
  shut_out(*organisation);
  BEFFROI_CHECK(finish(*erasure));
  return erasure;
}

// Nobody is at work in its spaces any more.
Result<void> PeerHostImpl::finish(const Erasure& erasure) {
  BEFFROI_CHECK(finish_erasure(*database_, *objects_, erasure));
  forget(erasure.organisation);
  return {};
}

void PeerHostImpl::forget(const OrganisationId& organisation) {
  WriteBatch gone;  // was written with the record
  organisations_.forget(gone, organisation);
  room_to_give_back_ = true;
}

// The last write of an erasure can fail, and be there after all once the disk has room again.
void PeerHostImpl::forget_erased(std::span<const Erasure> unfinished) {
  for (const auto& organisation : organisations_.all()) {
    const auto is_of_it = [&](const Erasure& erasure) { return erasure.organisation == organisation->id(); };
    if (organisation->is_closed() && std::ranges::none_of(unfinished, is_of_it)) forget(organisation->id());
  }
}

// What a crash has left of them. Nothing of it keeps the others from being served.
Result<void> PeerHostImpl::take_up_erasures() {
  BEFFROI_TRY(const auto unfinished, unfinished_erasures(*database_));
  for (const Erasure& erasure : unfinished) take_up(erasure);
  finish_erasures();
  return {};
}

void PeerHostImpl::take_up(const Erasure& erasure) {
  const auto organisation = organisations_.find(erasure.organisation);
  if (organisation && !organisation->is_suspended()) {
    spdlog::warn("the erasure of {} is dropped: it is not suspended any more", erasure.was.name);
    if (const auto dropped = call_off_erasure(*database_, erasure.organisation); !dropped)
      spdlog::warn("{}", dropped.error().message());
    return;
  }
  // Again before what can't be undone: the crash may have come before the operator's own entry.
  const auto written = audit_->add(
      {.action = storage::AuditAction::erase,
       .actor = kPeerActor,
       .space = {},
       .organisation = erasure.was.name,
       .detail = "begun by " + erasure.by + ", taken up at a start; spaces: " + std::to_string(erasure.spaces.size())},
      storage::Durability::synced);
  if (!written) spdlog::warn("{}", written.error().message());
  if (organisation) shut_out(*organisation);
}

// One that failed while its organisation was still let in is left to its operator, or to the next start.
void PeerHostImpl::finish_erasures() {
  const std::lock_guard changing(changing_);
  const auto unfinished = unfinished_erasures(*database_);
  if (!unfinished) {
    spdlog::error("{}", unfinished.error().message());
    return;
  }
  std::vector<StuckErasure> stuck;
  for (const Erasure& erasure : *unfinished) {
    const auto organisation = organisations_.find(erasure.organisation);
    if (organisation && !organisation->is_closed()) continue;
    const auto finished = finish(erasure);
    if (finished) continue;
    spdlog::error("the erasure of {} is not finished: {}", erasure.was.name, finished.error().message());
    stuck.push_back({erasure.organisation, erasure.was.name, finished.error()});
  }
  forget_erased(*unfinished);
  const std::lock_guard lock(mutex_);
  stuck_ = std::move(stuck);
}

std::vector<StuckErasure> PeerHostImpl::stuck_erasures() const {
  const std::lock_guard lock(mutex_);
  return stuck_;
}

}  // namespace beffroi::daemon
