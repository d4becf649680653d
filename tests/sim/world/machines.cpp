#include "tests/sim/world/machines.h"

namespace beffroi::sim {

storage::DatabaseOptions Machine::options() const {
  // Enough for all that a run writes: no write ever waits for a flush.
  constexpr std::size_t kMemtableBytes = 24U * 1024 * 1024;
  return {.cache_bytes = 256U * 1024, .memtable_bytes = kMemtableBytes, .background_threads = 1, .env = env.get()};
}

Result<void> SimPeer::open() {
  close();
  BEFFROI_TRY(auto database, daemon::PeerHost::open_database(folder, options()));
  BEFFROI_TRY(const auto kept, daemon::load_kept_clock(*database));
  trusted = std::make_unique<daemon::TrustedClock>(clock, kept);
  BEFFROI_TRY(host, daemon::PeerHost::open(folder, std::move(database), *trusted, random));
  chores = std::make_unique<PeerChores>(*host, *trusted, *env);
  return {};
}

void SimPeer::close() {
  chores.reset();
  host.reset();
  trusted.reset();
}

Result<void> SimPeer::look_at_clock() {
  trusted->tick();
  return daemon::save_kept_clock(host->database(), trusted->kept());
}

Result<void> SimStation::open() {
  close();
  BEFFROI_TRY(vault, daemon::Vault::open(folder, clock, random, options()));
  return {};
}

}  // namespace beffroi::sim
