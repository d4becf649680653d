#include "daemon/peer/chores.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/service/priority.h"

namespace beffroi::daemon {
namespace {

using std::chrono::milliseconds;

constexpr std::chrono::seconds kRound{60};
/// Between two looks whether somebody is connected, or the daemon ends.
constexpr milliseconds kSlice{20};
/// While stations are connected, this many times as long as was worked nothing is done.
constexpr int kPausesPerWork = 19;
/// Read in one slice of a scrub.
constexpr std::uint64_t kScrubSliceBytes = 4ULL * 1024 * 1024;
constexpr std::string_view kCollectedKey = "peer/collected";
constexpr std::int64_t kHourS = 3600;
constexpr std::int64_t kDayMs = 24LL * 3600 * 1000;

std::unexpected<Error> stopped() { return fail(ErrorCode::cancelled, N_("Stopped. The next run goes on.")); }

}  // namespace

/// One chore at a time.
class Chores::Turn {
 public:
  static Result<std::unique_ptr<Turn>> take(bool& running) {
    if (running) return fail(ErrorCode::busy, N_("The peer is collecting or checking already. Wait until it is done."));
    return std::unique_ptr<Turn>(new Turn(running));
  }
  ~Turn() { running_ = false; }
  Turn(const Turn&) = delete;
  Turn& operator=(const Turn&) = delete;

 private:
  explicit Turn(bool& running) : running_(running) { running_ = true; }
  bool& running_;
};

asio::awaitable<bool> Chores::give_way(milliseconds worked) {
  if (peer_.connections() == 0) co_return !peer_.background.stopping();
  co_return co_await peer_.background.pause(std::max(worked, milliseconds(1)) * kPausesPerWork);
}

asio::awaitable<void> Chores::note(storage::AuditAction action, std::string detail) {
  co_await thread_.run([&] {
    peer_.host->audit().note(
        {.action = action, .actor = kPeerActor, .space = {}, .organisation = {}, .detail = detail});
    return true;
  });
}

asio::awaitable<void> Chores::note_scrub(ScrubPass pass) {
  co_await note(storage::AuditAction::scrub, std::to_string(pass.objects) + " objects, " + std::to_string(pass.bytes) +
                                                 " bytes read; damaged: " + std::to_string(pass.damaged));
}

asio::awaitable<Result<CollectionReport>> Chores::collect(std::shared_ptr<Progress> progress) {
  BEFFROI_CO_TRY(const auto turn, Turn::take(running_));
  progress->phase = Phase::collecting;
  CollectionReport report;
  report.expiry_held = !peer_.expiry_allowed();
  for (const auto& space : spaces_in_turn()) {
    BEFFROI_CO_CHECK(co_await take_turn(*space, *progress, report));
  }
  BEFFROI_CO_CHECK(co_await give_room_back(report));
  progress->phase = Phase::done;
  if (report.snapshots + report.objects > 0)
    co_await note(storage::AuditAction::collect, std::to_string(report.objects) + " objects, " +
                                                     std::to_string(report.bytes) + " bytes removed; " +
                                                     std::to_string(report.snapshots) + " snapshots let go");
  spdlog::info("collected: {} snapshots let go, {} objects and {} bytes removed", report.snapshots, report.objects,
               report.bytes);
  co_return report;
}

std::vector<std::shared_ptr<HostedSpace>> Chores::spaces_in_turn() const {
  auto out = peer_.host->spaces();
  std::ranges::sort(
      out, [this](const auto& one, const auto& other) { return turns_.comes_before(one->space(), other->space()); });
  return out;
}

// Whatever becomes of it, the others are collected all the same.
asio::awaitable<Result<void>> Chores::take_turn(HostedSpace& space, Progress& progress, CollectionReport& report) {
  const auto begun = co_await thread_.run([&] { return turns_.begin(space.space()); });
  if (!begun) spdlog::warn("{}", begun.error().message());
  const std::uint64_t reopenings = peer_.host->database().reopenings();
  auto whole = co_await collect_space(space, progress, report);
  // The disk was full until a moment ago.
  if (!whole && whole.error().code != ErrorCode::cancelled && peer_.host->database().reopenings() != reopenings)
    whole = co_await collect_space(space, progress, report);
  if (!whole && whole.error().code == ErrorCode::cancelled) co_return forward_error(whole);
  turns_.end(space.space(), !whole || *whole);
  if (!whole) {
    ++report.spaces_failed;
    spdlog::error("collection of {}: {}", space.space().hex(), whole.error().message());
  } else if (!*whole) {
    ++report.spaces_unfinished;
    spdlog::warn("collection of {}: not finished in its time; it gets more the next time", space.space().hex());
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Chores::give_room_back(CollectionReport& report) {
  const auto given = co_await thread_.run([this, &report]() -> Result<void> {
    const LowPriority priority;
    // First: while the disk fails, not every minute is for collecting all anew. What is owed stays owed.
    BEFFROI_CHECK(peer_.save_time(kCollectedKey, peer_.clock.now()));
    if (room_to_give_back_) BEFFROI_CHECK(peer_.host->database().compact());
    room_to_give_back_ = false;
    report.store_bytes = peer_.host->database().disk_bytes();
    return {};
  });
  co_return given;
}

asio::awaitable<Result<bool>> Chores::collect_space(HostedSpace& space, Progress& progress, CollectionReport& report) {
  const auto until = peer_.clock.monotonic() + turns_.longest(space.space());
  const auto all_gone = co_await let_snapshots_go(space, until, progress, report);
  if (!all_gone || !*all_gone) co_return all_gone;
  co_return co_await remove_garbage(space, until, progress, report);
}

// One expiry after the other: what stations ask meanwhile comes in between.
asio::awaitable<Result<bool>> Chores::let_snapshots_go(HostedSpace& space, milliseconds until, Progress& progress,
                                                       CollectionReport& report) {
  while (peer_.expiry_allowed()) {
    const auto began = peer_.clock.monotonic();
    const auto expired = co_await thread_.run([&] {
      const LowPriority priority;
      return space.expire(peer_.clock.now());
    });
    if (!expired) co_return forward_error(expired);
    if (*expired == 0) co_return true;
    report.snapshots += *expired;
    if (!co_await give_way(peer_.clock.monotonic() - began) || progress.cancel) co_return stopped();
    if (peer_.clock.monotonic() >= until) co_return false;
  }
  report.expiry_held = true;
  co_return true;
}

asio::awaitable<Result<bool>> Chores::remove_garbage(HostedSpace& space, milliseconds until, Progress& progress,
                                                     CollectionReport& report) {
  BEFFROI_CO_TRY(auto collection, co_await thread_.run([&] { return space.begin_collection(); }));
  Result<bool> more = true;
  bool goes_on = true;
  while (more && *more && goes_on && peer_.clock.monotonic() < until) {
    const auto began = peer_.clock.monotonic();
    more = co_await thread_.run([&] {
      const LowPriority priority;
      Result<bool> left = true;
      while (left && *left && peer_.clock.monotonic() - began < kSlice) left = collection->step();
      return left;
    });
    goes_on = co_await give_way(peer_.clock.monotonic() - began) && !progress.cancel;
  }
  report.objects += collection->counts().removed;
  report.bytes += collection->counts().removed_bytes;
  room_to_give_back_ = room_to_give_back_ || collection->counts().removed > 0;
  // Its end waits for the space's lock, which the protocol thread must not.
  co_await thread_.run([&] { return collection.reset(), true; });
  if (!more) co_return forward_error(more);
  if (!goes_on) co_return stopped();
  co_return !*more;
}

asio::awaitable<Result<ScrubPass>> Chores::scrub(std::shared_ptr<Progress> progress) {
  BEFFROI_CO_TRY(const auto turn, Turn::take(running_));
  progress->phase = Phase::checking;
  const auto begun = co_await thread_.run([this] { return scrub_.begin_anew(); });
  if (!begun) co_return forward_error(begun);
  while (true) {
    const auto step = co_await thread_.run([this] { return scrub_.step(kScrubSliceBytes); });
    if (!step) co_return forward_error(step);
    progress->bytes_read = step->pass.bytes;
    if (step->ended) {
      co_await note_scrub(step->pass);
      co_return step->pass;
    }
    if (progress->cancel || peer_.background.stopping()) co_return stopped();
  }
}

asio::awaitable<void> Chores::keep() {
  auto last = peer_.clock.monotonic();
  while (co_await peer_.background.pause(kRound)) {
    const auto now = peer_.clock.monotonic();
    co_await scrub_a_little(now - last);
    last = now;
    co_await collect_if_due();
  }
}

std::optional<storage::UnixTime> Chores::collected_at() const { return peer_.load_time(kCollectedKey); }

asio::awaitable<void> Chores::collect_if_due() {
  const auto every_hours = peer_.settings.gc_every_hours;
  if (every_hours == 0 || running_ || peer_.is_just_back()) co_return;
  const auto last = co_await thread_.run([this] { return collected_at(); });
  const auto now = peer_.clock.now();
  if (last && now.seconds >= last->seconds && now.seconds - last->seconds < every_hours * kHourS) co_return;
  const auto collected = co_await collect(std::make_shared<Progress>());
  if (!collected && collected.error().code != ErrorCode::cancelled) spdlog::error("{}", collected.error().message());
}

// As much as keeps the pass in its time: what was missed while the peer was off is not made up for.
asio::awaitable<void> Chores::scrub_a_little(milliseconds since_last) {
  const auto every_days = peer_.settings.scrub_every_days;
  if (every_days == 0 || running_) co_return;
  const auto share = static_cast<double>(since_last.count()) / (static_cast<double>(every_days) * kDayMs);
  auto left = static_cast<std::uint64_t>(static_cast<double>(peer_.facts().store_bytes) * share) + 1;
  const auto turn = Turn::take(running_);
  while (left > 0) {
    const std::uint64_t bytes = std::min(left, kScrubSliceBytes);
    left -= bytes;
    const auto began = peer_.clock.monotonic();
    const auto step = co_await thread_.run([this, bytes] {
      const LowPriority priority;
      return scrub_.step(bytes);
    });
    if (!step) spdlog::error("{}", step.error().message());
    if (step && step->ended) co_await note_scrub(step->pass);
    if (!step || step->ended || !co_await give_way(peer_.clock.monotonic() - began)) co_return;
  }
}

}  // namespace beffroi::daemon
