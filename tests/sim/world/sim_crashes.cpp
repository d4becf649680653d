// Machines that stop at any moment, and come back with what their disks kept.
#include "tests/sim/world/sim_world.h"

namespace beffroi::sim {
namespace {

constexpr std::uint64_t kStopsAgainIn = 5;
constexpr std::uint64_t kChangesOfAStart = 60;

const char* name_of(SimDisk::Stop how) { return how == SimDisk::Stop::power ? "power cut" : "process killed"; }

// Opens what has stopped; sometimes it stops once more while it starts.
template <class Machine>
Result<void> start(Machine& machine, SimDisk::Stop how, bool stops_again, std::uint64_t after) {
  if (!machine.disk->has_stopped()) machine.disk->stop_after(0, how);
  machine.close();
  machine.disk->start_again();
  machine.disk->mend();
  if (stops_again) {
    machine.disk->stop_after(after, how);
    static_cast<void>(machine.open());
    machine.close();
    machine.disk->start_again();
  }
  return machine.open();
}

}  // namespace

void SimWorld::crash_peer(SimDisk::Stop how) {
  count(std::string("peer: ") + name_of(how));
  const bool again = one_in(kStopsAgainIn);
  if (again) count(std::string("peer, starting: ") + name_of(how));
  const auto opened = start(peer_, how, again, draw(kChangesOfAStart));
  peer_.full = false;
  if (!opened) return violated("the peer does not open: " + opened.error().message());
  check_now(true);
}

void SimWorld::crash_station(SimStation& station, SimDisk::Stop how) {
  count(std::string("station: ") + name_of(how));
  const bool again = one_in(kStopsAgainIn);
  if (again) count(std::string("station, starting: ") + name_of(how));
  const auto opened = start(station, how, again, draw(kChangesOfAStart));
  if (!opened) return violated(station.name + " does not open: " + opened.error().message());
  check_station(station);
}

// A disk that failed leaves a database that takes no more: its operator restarts the peer. A full one may stay so.
void SimWorld::after_disk_trouble() {
  if (peer_.disk->has_stopped()) return;  // it is started by whoever stopped it
  const auto alive = peer_.host->database().sync();
  if (alive || alive.error().code == ErrorCode::disk_full) return;
  trace("  the peer is restarted: " + alive.error().message());
  crash_peer(SimDisk::Stop::process);
}

void SimWorld::run_background() {
  peer_.env->run_background();
  for (const auto& station : stations_) station->env->run_background();
}

}  // namespace beffroi::sim
