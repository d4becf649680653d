#include "client/audit/audit_check.h"

#include <nlohmann/json.hpp>

#include "client/audit/exported_entry.h"

namespace beffroi::client {

Result<void> AuditCheck::take(const nlohmann::json& fields) {
  BEFFROI_TRY(const ExportedEntry exported, exported_entry(fields));
  if (!chain_) {
    if (!from_) from_ = std::max<std::uint64_t>(exported.entry.counter, 1);
    chain_.emplace(*from_);
  }
  BEFFROI_CHECK(chain_->follow(exported.entry, exported.hash));
  if (!noted_ || noted_->counter != exported.entry.counter) return {};
  if (noted_->hash != exported.hash)
    return fail(ErrorCode::corrupt,
                N_("Entry {} of the audit log is not the one that was noted: the log was written anew."),
                std::to_string(noted_->counter));
  noted_found_ = true;
  return {};
}

Result<void> AuditCheck::finish(const std::optional<storage::AuditHead>& told) const {
  if (told && (told->counter != head().counter || (!is_empty() && told->hash != head().hash)))
    return fail(ErrorCode::corrupt, N_("The audit log ends at entry {}, but should end at entry {}."),
                std::to_string(head().counter), std::to_string(told->counter));
  if (!noted_ || noted_found_) return {};
  if (noted_->counter < first())
    return fail(ErrorCode::usage, N_("The noted entry {} lies before the first one that is looked at: see --from."),
                std::to_string(noted_->counter));
  return fail(ErrorCode::corrupt, N_("The audit log has no entry {}, which was noted: its end was cut off."),
              std::to_string(noted_->counter));
}

}  // namespace beffroi::client
