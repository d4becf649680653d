// The audit log over the local API: pages of entries, with all that is needed to verify them.
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/json.h"
#include "daemon/api/peer_api.h"

namespace beffroi::daemon {
namespace {

/// Entries of one answer: at most about 2 MiB of JSON.
constexpr std::uint64_t kMaxPage = 1000;

Result<std::uint64_t> query_number(const HttpRequest& request, const char* name, std::uint64_t otherwise) {
  const std::string text = query_text(request, name);
  if (text.empty()) return otherwise;
  std::uint64_t out = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  if (error != std::errc() || end != text.data() + text.size())
    return fail(ErrorCode::usage, N_("The request's field \"{}\" can't be used."), name);
  return out;
}

Json audit_json(const StoredAuditEntry& stored) {
  const storage::AuditEntry& entry = stored.entry;
  return {{"counter", entry.counter},
          {"time", time_text(entry.time)},
          {"previous", entry.previous.hex()},
          {"hash", stored.hash.hex()},
          {"actor", entry.actor},
          {"action", entry.action},
          {"space", entry.space ? Json(entry.space->hex()) : Json(nullptr)},
          {"organisation", entry.organisation},
          {"detail", entry.detail}};
}

struct AuditPage {
  storage::AuditHead head;
  std::vector<StoredAuditEntry> entries;
};

// The head first: every entry up to it is there by then.
Result<AuditPage> read_page(const AuditLog& log, std::uint64_t from, std::uint64_t limit) {
  AuditPage out{.head = log.head(), .entries = {}};
  BEFFROI_TRY(out.entries, log.read(from, std::min(limit, kMaxPage)));
  return out;
}

}  // namespace

asio::awaitable<Result<void>> answer_audit(PeerContext& peer, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const std::uint64_t from, query_number(request, "from", 1));
  BEFFROI_CO_TRY(const std::uint64_t limit, query_number(request, "limit", kMaxPage));
  // The log's lock is held while its disk is written to.
  BEFFROI_CO_TRY(const AuditPage page,
                 co_await peer.work.run([&] { return read_page(peer.host->audit(), from, limit); }));
  Json entries = Json::array();
  for (const StoredAuditEntry& stored : page.entries) entries.push_back(audit_json(stored));
  co_return co_await reply_json(
      exchange, {{"entries", entries}, {"head", {{"counter", page.head.counter}, {"hash", page.head.hash.hex()}}}});
}

}  // namespace beffroi::daemon
