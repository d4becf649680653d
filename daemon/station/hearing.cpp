#include "daemon/station/hearing.h"

#include <spdlog/spdlog.h>

#include <asio/co_spawn.hpp>
#include <asio/use_future.hpp>
#include <bit>

#include "daemon/net/deadline.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kShownIdDigits = 12;

}  // namespace

asio::awaitable<Result<void>> hear_of_the_peer(StationContext& station) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station));
  const Deadline deadline(station.executor, kHearingPatience, [&link] { link->cut(); });
  auto exchanged = co_await link->exchange_state(*station.vault, station.work);
  co_await link->close();
  co_return exchanged;
}

Result<void> hear_and_wait(StationContext& station) {
  return asio::co_spawn(station.executor, hear_of_the_peer(station), asio::use_future).get();
}

Result<void> SnapshotWatch::still_there(bool ask_again) {
  if (asks_ && (std::has_single_bit(++calls_) || ask_again)) {
    const auto heard = hear_and_wait(station_);
    if (!heard) spdlog::warn("what went at the peer is not known: {}", heard.error().message());
  }
  if (station_.vault->resolve(snapshot_.hex())) return {};
  return fail(ErrorCode::not_found,
              N_("The snapshot {} has gone meanwhile: the rules of this vault let it go, or it was deleted. What has "
                 "come of it is right, the rest can't be brought back. 'beffroi snapshots' lists those that are here."),
              snapshot_.hex().substr(0, kShownIdDigits));
}

}  // namespace beffroi::daemon
