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

// Snapshots went by a log record that was not known here when the logs had been compared: either the log has grown in
// between, or the peer keeps a part of it back.
asio::awaitable<Result<void>> name_the_hidden_log(LinkSession& session, const storage::SpaceLog& log) {
  BEFFROI_CO_TRY(const bool goes_on, co_await log_goes_on(session, log));
  if (goes_on) co_return fail(ErrorCode::conflict, N_("The log of the space has changed meanwhile: try again."));
  co_return fail(ErrorCode::corrupt,
                 N_("The peer let snapshots go by a log which it hides. Nothing here was changed. Ask the EPCI what "
                    "happened to its server."));
}

// What was decided with receipts that came after ours were fetched can't be judged yet.
asio::awaitable<Result<bool>> has_receipts_since(LinkSession& session, std::uint64_t known) {
  Message request(ReceiptsGetMessage{known + 1});
  BEFFROI_CO_TRY(const ReceiptsMessage answer, co_await session.call<ReceiptsMessage>(std::move(request)));
  co_return answer.newest > known;
}

}  // namespace

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

asio::awaitable<Result<void>> take_expiries(LinkSession& session, Vault& vault, Pool& pool) {
  // Before the peer is asked: it must know more only if it was told since.
  const storage::SpaceLog log = vault.log();
  const auto receipt = vault.newest_receipt();
  const auto known = co_await pool.run([&] { return vault.newest_expiry(); });
  if (!known) co_return forward_error(known);
  // The last one known once more: the vault compares it with what is shown now.
  const std::uint64_t first = std::max<std::uint64_t>(*known, 1);
  BEFFROI_CO_TRY(const std::vector<Bytes> shown, co_await fetch_expiries(session, first));
  if (shown.empty() && *known > 0)
    co_return fail(
        ErrorCode::corrupt,
        N_("The peer no longer shows that it let snapshots go (number {}), which it had signed. Ask the EPCI "
           "what happened to its server."),
        std::to_string(*known));
  const auto taken = co_await pool.run([&]() -> Result<void> {
    BEFFROI_CHECK(check_numbers(vault, shown, first));
    return vault.accept_expiries(shown);
  });
  if (taken) co_return taken;
  if (taken.error().code == ErrorCode::conflict) co_return co_await name_the_hidden_log(session, log);
  if (taken.error().code == ErrorCode::corrupt) {
    BEFFROI_CO_TRY(const bool since, co_await has_receipts_since(session, receipt ? receipt->counter : 0));
    if (since) co_return fail(ErrorCode::conflict, N_("Snapshots have reached the peer meanwhile: try again."));
  }
  if (taken.error().code != ErrorCode::wrong_state) co_return taken;
  // A machine whose clock is wrong goes on backing up, and lets nothing go meanwhile.
  spdlog::warn("{}", taken.error().message());
  co_return Result<void>();
}

}  // namespace beffroi::daemon
