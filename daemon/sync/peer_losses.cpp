// The operator of a peer that was restored from an older state says so to its stations.
#include <spdlog/spdlog.h>

#include "daemon/sync/peer_host_impl.h"

namespace beffroi::daemon {
namespace {

Result<void> check_words(const LossWords& words, storage::UnixTime now) {
  if (words.since > now) return fail(ErrorCode::usage, N_("What is lost can't be lost since a time to come."));
  if (!storage::is_loss_reason(words.reason))
    return fail(ErrorCode::usage, N_("A contact or reason is one line of at most {} bytes."),
                std::to_string(storage::kMaxLossReasonBytes));
  return {};
}

// The reason comes last: it is what may be cut.
std::string loss_text(const LossWords& words, std::size_t spaces) {
  return "spaces: " + std::to_string(spaces) + ", since " + std::to_string(words.since.seconds) +
         " s after 1970: " + words.reason;
}

}  // namespace

Result<std::vector<DeclaredLoss>> PeerHostImpl::declare_loss(const LossWords& words, const std::string& by) {
  const std::lock_guard changing(changing_);
  BEFFROI_CHECK(check_words(words, clock_.now()));
  auto concerned = all();
  if (words.organisation) {
    BEFFROI_TRY(const auto organisation, named(*words.organisation));
    concerned = spaces_of(organisation->id());
  }
  if (concerned.empty()) return fail(ErrorCode::not_found, N_("There is no station here that would have to know."));
  // Before the first one hears of it: else it would be told again at the next try.
  for (const auto& hosted : concerned) {
    BEFFROI_TRY(const auto known, hosted->losses());
    BEFFROI_CHECK(check_loss_count(known.size()));
  }
  const std::string text = loss_text(words, concerned.size());
  spdlog::warn("{}: {} {}", storage::audit_action_name(storage::AuditAction::declare_loss),
               words.organisation.value_or(""), text);
  BEFFROI_CHECK(audit_->add({.action = storage::AuditAction::declare_loss,
                             .actor = by,
                             .space = {},
                             .organisation = words.organisation.value_or(""),
                             .detail = text},
                            storage::Durability::synced));
  std::vector<DeclaredLoss> out;
  for (const auto& hosted : concerned) {
    BEFFROI_TRY(storage::Loss loss, hosted->declare_loss(words));
    out.push_back({hosted->organisation()->state().name, std::move(loss)});
  }
  return out;
}

}  // namespace beffroi::daemon
