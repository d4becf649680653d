// A peer's audit log, verified page by page as everybody can who reads it over the API.
#pragma once

#include "daemon/sync/audit_log.h"

namespace beffroi::daemon::testing {

struct AuditVerdict {
  storage::AuditHead head;                 ///< the last entry that is right
  std::optional<std::uint64_t> broken_at;  ///< the first one that is not, if any
};

inline AuditVerdict verify(const AuditLog& log) {
  constexpr std::size_t kPage = 100;
  storage::AuditChain chain;
  while (true) {
    const auto page = log.read(chain.head().counter + 1, kPage);
    if (page && page->empty()) return {chain.head(), std::nullopt};
    if (!page) return {chain.head(), chain.head().counter + 1};
    for (const auto& [entry, hash] : *page)
      if (!chain.follow(entry, hash)) return {chain.head(), chain.head().counter + 1};
  }
}

}  // namespace beffroi::daemon::testing
