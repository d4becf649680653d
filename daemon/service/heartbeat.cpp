#include "daemon/service/heartbeat.h"

#include <spdlog/spdlog.h>

#include "daemon/service/notify.h"

namespace beffroi::daemon {

bool storage_answers(storage::Database& database, Clock& clock) {
  constexpr std::string_view kKey = "heartbeat";
  Bytes beat(8);
  put_le64(beat.data(), static_cast<std::uint64_t>(clock.now().seconds));
  const auto written = database.put(storage::Table::state, as_bytes(kKey), beat, storage::Durability::synced);
  if (!written) {
    spdlog::error("{}", written.error().message());
    return written.error().code == ErrorCode::disk_full;
  }
  const auto read = database.get(storage::Table::state, as_bytes(kKey));
  return read && *read == beat;
}

asio::awaitable<void> keep_watchdog_fed(Background& background, storage::Database& database, Clock& clock, Pool& pool) {
  const auto interval = watchdog_interval();
  if (!interval) co_return;
  do {
    const bool alive = co_await pool.run([&database, &clock] { return storage_answers(database, clock); });
    if (alive) notify_watchdog();
  } while (co_await background.pause(*interval));
}

}  // namespace beffroi::daemon
