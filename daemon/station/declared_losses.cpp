#include "daemon/station/declared_losses.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/api/json.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kDateLength = 10;  // of "2026-11-23T22:30:05Z"
/// After that long nobody does anything about what can't be sent again: the status goes on saying it.
constexpr std::int64_t kUnsendableAlarmS = 30LL * 24 * 3600;

/// `open`: not made good yet, at least one.
Error in_words(std::span<const PeerLoss> open) {
  const auto earliest = std::ranges::min_element(open, {}, [](const PeerLoss& one) { return one.loss.since; });
  const std::string since = time_text(earliest->loss.since).substr(0, kDateLength);
  const std::uint64_t unsendable = count_unsendable(open);
  if (unsendable == 0)
    return {ErrorCode::corrupt,
            N_("The EPCI's server has lost what it had received since {}, as its operator says. Your documents are "
               "sent to it again."),
            {since}};
  return {ErrorCode::corrupt,
          N_("The EPCI's server has lost what it had received since {}, as its operator says. Snapshots of that time "
             "that can't be sent to it again: {}. A part of what they held was on that server alone. Later backups "
             "hold your documents as they are now. Tell your technician."),
          {since, std::to_string(unsendable)}};
}

/// Snapshots that are listed again since the peer forgot that they had expired have no trees here.
void have_trees_fetched(StationContext& station, std::span<const PeerLoss> open) {
  const std::uint64_t known = station.state.settled_losses() + open.size();
  if (station.state.seen_losses() >= known) return;
  if (std::ranges::any_of(open, [](const PeerLoss& one) { return one.expiries > 0; }))
    station.state.set_trees_missing(true);
  station.state.set_seen_losses(known);
}

}  // namespace

Result<std::vector<PeerLoss>> open_losses(Vault& vault, const StationState& state) {
  const std::uint64_t settled = state.settled_losses();
  BEFFROI_TRY(const auto declared, vault.store().encoded_losses());
  if (declared.size() <= settled) return std::vector<PeerLoss>();
  BEFFROI_TRY(auto losses, vault.peer_losses());
  losses.erase(losses.begin(), losses.begin() + static_cast<std::ptrdiff_t>(settled));
  return losses;
}

std::uint64_t count_unsendable(std::span<const PeerLoss> losses) {
  std::uint64_t out = 0;
  for (const PeerLoss& one : losses) out += one.unsendable;
  return out;
}

bool is_to_ring(std::span<const PeerLoss> open, storage::UnixTime now) {
  return std::ranges::any_of(open, [&](const PeerLoss& one) {
    return one.unsendable == 0 || now.seconds < one.loss.declared.seconds + kUnsendableAlarmS;
  });
}

Result<void> ring_for_losses(StationContext& station) {
  BEFFROI_TRY(const auto open, open_losses(*station.vault, station.state));
  if (is_to_ring(open, station.clock.now()))
    station.raise_alarm(kPeerLossAlarm, in_words(open));
  else
    station.clear_alarm(kPeerLossAlarm);
  have_trees_fetched(station, open);
  return {};
}

Result<void> settle_losses(StationContext& station) {
  BEFFROI_TRY(const auto waiting, station.vault->unreceipted());
  if (!waiting.empty()) return {};
  BEFFROI_TRY(const auto open, open_losses(*station.vault, station.state));
  if (!open.empty() && count_unsendable(open) == 0) {
    station.state.set_settled_losses(station.state.settled_losses() + open.size());
    spdlog::warn("all that the peer had declared lost was sent again");
  }
  return ring_for_losses(station);
}

}  // namespace beffroi::daemon
