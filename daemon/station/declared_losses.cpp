#include "daemon/station/declared_losses.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/api/json.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kDateLength = 10;  // of "2026-11-23T22:30:05Z"

}  // namespace

Result<void> ring_for_losses(StationContext& station) {
  const std::uint64_t settled = station.state.settled_losses();
  BEFFROI_TRY(const auto declared, station.vault->store().encoded_losses());
  if (declared.size() <= settled) return {};
  BEFFROI_TRY(const auto losses, station.vault->peer_losses());
  const std::span open = std::span(losses).subspan(settled);
  const auto earliest = std::ranges::min_element(open, {}, [](const PeerLoss& one) { return one.loss.since; });
  station.raise_alarm(kPeerLossAlarm,
                      Error{ErrorCode::corrupt,
                            N_("The EPCI's server has lost what it had received since {}, as its operator says. Your "
                               "documents are sent to it again."),
                            {time_text(earliest->loss.since).substr(0, kDateLength)}});
  if (std::ranges::any_of(open, [](const PeerLoss& one) { return one.expiries > 0; }))
    station.state.set_trees_missing(true);
  return {};
}

Result<void> settle_losses(StationContext& station) {
  BEFFROI_TRY(const auto waiting, station.vault->unreceipted());
  if (!waiting.empty()) return {};
  BEFFROI_TRY(const auto losses, station.vault->store().losses());
  if (losses.size() > station.state.settled_losses()) {
    station.state.set_settled_losses(losses.size());
    spdlog::warn("all that the peer had declared lost was sent again");
  }
  station.clear_alarm(kPeerLossAlarm);
  return {};
}

}  // namespace beffroi::daemon
