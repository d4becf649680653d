// Verifies the chain of an audit log from its exported fields, as they come.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>

#include "storage/space/audit_entry.h"

namespace beffroi::client {

/// Takes entries in order, then finish().
class AuditCheck {
 public:
  /// `from`: number of the first entry; nullopt: whichever comes first. `noted`: a head that somebody wrote down
  /// earlier, and that must still be there.
  AuditCheck(std::optional<std::uint64_t> from, std::optional<storage::AuditHead> noted) : from_(from), noted_(noted) {}
  /// ErrorCode::corrupt, naming the entry, when the chain breaks here, or it is not the one that was noted.
  Result<void> take(const nlohmann::json& fields);
  /// `told`: the head as the peer or the file says it. ErrorCode::corrupt when the chain ends elsewhere, or before what
  /// was noted; usage when what was noted lies before the first entry.
  Result<void> finish(const std::optional<storage::AuditHead>& told) const;

  std::uint64_t first() const { return from_.value_or(1); }
  /// The last entry taken; counter 0 when there was none and it should begin at 1.
  storage::AuditHead head() const {
    return chain_ ? chain_->head() : storage::AuditHead{.counter = first() - 1, .hash = {}};
  }
  bool is_empty() const { return !chain_; }

 private:
  std::optional<std::uint64_t> from_;
  std::optional<storage::AuditHead> noted_;
  bool noted_found_ = false;
  std::optional<storage::AuditChain> chain_;
};

}  // namespace beffroi::client
