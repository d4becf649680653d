// What the peer says that it lost, as a station hears of it.
#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {

asio::awaitable<Result<void>> take_losses(LinkSession& session, Vault& vault, Pool& pool) {
  // Before the peer is asked: another session of this station may learn of one meanwhile, which the answer need not
  // show.
  const auto known = co_await pool.run([&]() -> Result<std::size_t> {
    BEFFROI_TRY(const auto losses, vault.store().encoded_losses());
    return losses.size();
  });
  if (!known) co_return forward_error(known);
  Message request(LossesGetMessage{});
  BEFFROI_CO_TRY(const LossesMessage answer, co_await session.call<LossesMessage>(std::move(request)));
  if (answer.losses.empty() && *known == 0) co_return Result<void>();
  const auto taken = co_await pool.run([&] { return vault.accept_losses(answer.losses, *known); });
  if (!taken) co_return forward_error(taken);
  co_return Result<void>();
}

}  // namespace beffroi::daemon
