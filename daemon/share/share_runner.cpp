#include "daemon/share/share_runner.h"

#include <unistd.h>

namespace beffroi::daemon {
namespace {

/// Folders that are worked on at once.
constexpr std::size_t kFolderThreads = 2;
constexpr std::chrono::hours kHour{1};

}  // namespace

ShareRunner::ShareRunner(StationContext& station) : station_(station), folders_(kFolderThreads) {
  station.shares.set_control(this);
}

ShareRunner::~ShareRunner() { station_.shares.set_control(nullptr); }

void ShareRunner::start() {
  for (const auto& share : station_.shares.all())
    if (share->joined()) begin(share->space);
  station_.background.spawn(wait_for_end());
}

/// The station ends: nobody goes on waiting.
asio::awaitable<void> ShareRunner::wait_for_end() {
  while (co_await station_.background.pause(kHour)) continue;
  for (const auto& [space, keeper] : keepers_) keeper->stop();
}

asio::awaitable<Result<void>> ShareRunner::prepare(std::string folder, storage::SpaceId space) {
  co_return co_await folders_.run([&]() -> Result<void> {
    BEFFROI_CHECK(SyncedFolder::create(folder, space));
    return {};
  });
}

void ShareRunner::begin(storage::SpaceId space) {
  const auto share = station_.shares.find(space);
  if (!share || !share->joined() || keepers_.contains(space)) return;
  const auto keeper = std::make_shared<ShareKeeper>(station_, folders_, share);
  keepers_.emplace(space, keeper);
  keeper->start();
}

asio::awaitable<void> ShareRunner::end(storage::SpaceId space) {
  if (const auto found = keepers_.find(space); found != keepers_.end()) {
    const auto keeper = found->second;
    co_await keeper->end();
    keepers_.erase(space);
  }
  // Also where nothing had begun: the mark of a space that is given up would keep every other one out of the folder.
  const auto share = station_.shares.find(space);
  if (!share) co_return;
  co_await folders_.run([&] {
    const auto place = SyncedFolder::at(share->folder, space);
    const std::string marker = place.path() + "/" + std::string(kMarkerName);
    if (place.look() == storage::FolderFound::same) static_cast<void>(::unlink(marker.c_str()));
    return true;
  });
}

Result<std::shared_ptr<ShareKeeper>> ShareRunner::find(const storage::SpaceId& space) const {
  const auto found = keepers_.find(space);
  if (found != keepers_.end()) return found->second;
  // It was founded while the peer was away.
  return fail(ErrorCode::wrong_state,
              N_("The peer does not know of this space yet: it hears of it by itself, as soon as it can be reached."));
}

void ShareRunner::look(storage::SpaceId space) {
  if (const auto keeper = find(space)) (*keeper)->look();
}

asio::awaitable<Result<ShareCycle>> ShareRunner::sync_now(storage::SpaceId space) {
  BEFFROI_CO_TRY(const auto keeper, find(space));
  co_return co_await keeper->sync_now();
}

asio::awaitable<Result<ShareCycle>> ShareRunner::resume(storage::SpaceId space) {
  BEFFROI_CO_TRY(const auto keeper, find(space));
  co_return co_await keeper->resume();
}

asio::awaitable<Result<std::uint64_t>> ShareRunner::undo(storage::SpaceId space) {
  BEFFROI_CO_TRY(const auto keeper, find(space));
  co_return co_await keeper->undo();
}

asio::awaitable<Result<PartChange>> ShareRunner::fetch(storage::SpaceId space, std::set<std::string> paths) {
  BEFFROI_CO_TRY(const auto keeper, find(space));
  co_return co_await keeper->fetch(std::move(paths));
}

asio::awaitable<Result<PartChange>> ShareRunner::free(storage::SpaceId space, std::set<std::string> paths) {
  BEFFROI_CO_TRY(const auto keeper, find(space));
  co_return co_await keeper->free(std::move(paths));
}

Result<ShareStatus> ShareRunner::status(const storage::SpaceId& space) const {
  BEFFROI_TRY(const auto keeper, find(space));
  return keeper->status();
}

}  // namespace beffroi::daemon
