// What the peer let go, as a station hears of it.
#include <spdlog/spdlog.h>

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

// All of a space together: each names at least one snapshot, and a year of nightly ones is below 64 KiB.
constexpr std::size_t kMaxFetchedExpiryBytes = 32U * 1024 * 1024;

// The numbers are ours to count, as those of receipts.
Result<void> check_numbers(Vault& vault, std::span<const Bytes> shown, std::uint64_t first) {
  const auto binding = vault.peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  for (std::size_t i = 0; i < shown.size(); ++i) {
    BEFFROI_TRY(const storage::Expiry expiry, storage::decode_expiry(shown[i], binding->peer.sign));
    if (expiry.counter == first + i) continue;
    return fail(ErrorCode::corrupt,
                N_("The peer shows what it let go under number {} in the place of number {}. Ask the EPCI what "
                   "happened to its server."),
                std::to_string(expiry.counter), std::to_string(first + i));
  }
  return {};
}

// From this number on, as the peer shows them: encoded and not verified.
asio::awaitable<Result<std::vector<Bytes>>> fetch_expiries(LinkSession& session, std::uint64_t from) {
  std::vector<Bytes> out;
  std::size_t bytes = 0;
  while (true) {
    Message request(ExpiriesGetMessage{from + out.size()});
    BEFFROI_CO_TRY(ExpiriesMessage answer, co_await session.call<ExpiriesMessage>(std::move(request)));
    if (from + out.size() > answer.newest) co_return out;
    if (answer.expiries.empty()) co_return std::unexpected(session.unexpected_answer());
    bytes += counted_bytes(answer.expiries);
    if (bytes > kMaxFetchedExpiryBytes)
      co_return fail(ErrorCode::limit_exceeded, N_("The peer names too many snapshots that it let go."));
    for (Bytes& expiry : answer.expiries) out.push_back(std::move(expiry));
  }
}

}  // namespace

asio::awaitable<Result<std::set<storage::CommitId>>> said_to_be_gone(LinkSession& session, Vault& vault,
                                                                     std::uint64_t from) {
  const auto binding = vault.peer();
  if (!binding) co_return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  BEFFROI_CO_TRY(const std::vector<Bytes> expiries, co_await fetch_expiries(session, from));
  std::set<storage::CommitId> out;
  for (const Bytes& encoded : expiries) {
    BEFFROI_CO_TRY(const storage::Expiry expiry, storage::decode_expiry(encoded, binding->peer.sign));
    for (const auto& gone : expiry.gone) out.insert(gone.commit);
  }
  co_return std::move(out);
}

asio::awaitable<Result<ShownExpiries>> fetch_new_expiries(LinkSession& session, Vault& vault, Pool& pool) {
  ShownExpiries out;
  BEFFROI_CO_TRY(out.known, co_await pool.run([&] { return vault.newest_expiry(); }));
  BEFFROI_CO_TRY(out.encoded, co_await fetch_expiries(session, out.first()));
  co_return std::move(out);
}

Result<void> take_expiries(Vault& vault, const ShownExpiries& shown) {
  if (shown.encoded.empty() && shown.known > 0)
    return fail(ErrorCode::corrupt,
                N_("The peer no longer shows that it let snapshots go (number {}), which it had signed. Ask the EPCI "
                   "what happened to its server."),
                std::to_string(shown.known));
  BEFFROI_CHECK(check_numbers(vault, shown.encoded, shown.first()));
  auto taken = vault.accept_expiries(shown.encoded);
  if (taken || taken.error().code != ErrorCode::wrong_state) return taken;
  // A machine whose clock is wrong goes on backing up, and lets nothing go meanwhile.
  spdlog::warn("{}", taken.error().message());
  return {};
}

}  // namespace beffroi::daemon
