#include "daemon/share/share_keeper.h"

#include <spdlog/spdlog.h>

#include "daemon/service/coroutine.h"
#include "daemon/service/translate.h"
#include "daemon/share/membership.h"
#include "daemon/share/share_author.h"
#include "daemon/share/share_change.h"
#include "daemon/station/sync_job.h"
#include "daemon/vault/collection.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::milliseconds kNewsPatienceAtPeer{30'000};
constexpr std::chrono::milliseconds kReconnect{30'000};
constexpr std::chrono::milliseconds kReconnectSoon{3'000};
/// Where the kernel can't watch the folder, it is looked at this often.
constexpr std::chrono::milliseconds kUnwatchedLook{60'000};
constexpr const char* kHeldAlarm = "share_held:";
constexpr const char* kFailedAlarm = "share_failed:";
constexpr const char* kPeerFaultAlarm = "integrity:share:";
constexpr std::size_t kIdDigits = 12;

Error held_error(const std::string& name, const HeldBack& held) {
  switch (held.reason) {
    case storage::BrakeReason::folder_missing:
      return {ErrorCode::wrong_state,
              N_("The folder of \"{}\" is not there. Nothing is synchronised until it is back: is its disk connected?"),
              {name}};
    case storage::BrakeReason::other_folder:
      return {ErrorCode::wrong_state,
              N_("What is in the place of the folder of \"{}\" is not that folder. Nothing is synchronised until it is "
                 "back: is its disk connected?"),
              {name}};
    case storage::BrakeReason::emptied:
    case storage::BrakeReason::too_many:
      break;
  }
  return {ErrorCode::wrong_state,
          N_("Very much was changed in the folder of \"{}\" at once: {} files deleted, {} rewritten. It is not passed "
             "on. If it is meant: 'beffroi space resume'; if not: 'beffroi space undo' brings the files back."),
          {name, std::to_string(held.counts.deleted), std::to_string(held.counts.rewritten)}};
}

}  // namespace

ShareKeeper::ShareKeeper(StationContext& station, Pool& folders, std::shared_ptr<Share> share)
    : station_(station),
      folders_(folders),
      share_(std::move(share)),
      folder_(share_->folder, *share_->vault),
      cycle_(*share_->vault, folder_),
      line_(station.clock, station.settings.upload_limit, station.state.line_speed()),
      parts_{*share_->vault, cycle_, station.work, folders, &line_},
      watch_(station.executor, station.work, station.clock) {}

void ShareKeeper::start() {
  for (const auto loop : {&ShareKeeper::keep, &ShareKeeper::watch, &ShareKeeper::listen}) {
    ++loops_;
    station_.background.spawn(count_loop((this->*loop)()));
  }
}

asio::awaitable<void> ShareKeeper::count_loop(asio::awaitable<void> loop) {
  try {
    co_await std::move(loop);
  } catch (const std::exception& exception) {
    spdlog::error("a loop of a shared folder has ended: {}", exception.what());
  }
  --loops_;
  tell_change();
}

void ShareKeeper::stop() {
  stopping_ = true;
  progress_.cancel = true;
  watch_.stop();
  if (listening_ != nullptr) listening_->cut();
  for (asio::steady_timer* timer : sleepers_) timer->cancel();
}

asio::awaitable<void> ShareKeeper::end() {
  stop();
  while (loops_ > 0 || running_) co_await wait_for_change();
  for (const char* kind : {kHeldAlarm, kFailedAlarm, kPeerFaultAlarm}) station_.clear_alarm(alarm(kind));
}

asio::awaitable<bool> ShareKeeper::sleep(std::chrono::milliseconds time) {
  if (over()) co_return false;
  asio::steady_timer timer(station_.executor);
  timer.expires_after(time);
  sleepers_.insert(&timer);
  co_await time_comes(timer);
  sleepers_.erase(&timer);
  co_return !over();
}

asio::awaitable<bool> ShareKeeper::sleep_out(std::chrono::milliseconds time) {
  const auto end = station_.clock.monotonic() + time;
  for (auto now = station_.clock.monotonic(); now < end; now = station_.clock.monotonic())
    if (!co_await sleep(end - now)) co_return false;
  co_return !over();
}

/// Until a cycle or a loop has ended.
asio::awaitable<void> ShareKeeper::wait_for_change() {
  asio::steady_timer timer(station_.executor);
  timer.expires_at(asio::steady_timer::time_point::max());
  waiting_.insert(&timer);
  co_await time_comes(timer);
  waiting_.erase(&timer);
}

void ShareKeeper::tell_change() {
  for (asio::steady_timer* timer : waiting_) timer->cancel();
}

void ShareKeeper::wake() {
  for (asio::steady_timer* timer : sleepers_) timer->cancel();
}

void ShareKeeper::look() {
  pace_.want_now(station_.clock.monotonic());
  wake();
}

asio::awaitable<void> ShareKeeper::keep() {
  co_await refresh();
  while (!over()) {
    if (!co_await become_idle()) co_return;
    const auto now = station_.clock.monotonic();
    if (pace_.next() > now) {
      // A change wakes it.
      co_await sleep(std::min(pace_.next() - now, kFullLook));
      continue;
    }
    dirty_.everything = dirty_.everything || pace_.is_full_look_due(now);
    co_await run_cycle();
  }
}

asio::awaitable<void> ShareKeeper::run_cycle() {
  const Working working(*this);
  pace_.began();
  const ScanScope scope = std::exchange(dirty_, {});
  auto outcome = co_await talk(scope);
  note(outcome, scope);
  ring(outcome);
  if (outcome) co_await renew_keys();
  if (outcome) co_await collect_if_due();
  last_ = std::move(outcome);
  ++cycles_;
  co_await refresh();
}

asio::awaitable<Result<std::unique_ptr<PeerLink>>> ShareKeeper::connect() {
  co_return co_await connect_to_share(station_, *share_);
}

asio::awaitable<CycleSettings> ShareKeeper::settings() {
  co_return co_await station_.work.run([this] {
    CycleSettings out;
    out.author = author_of(*share_, station_.clock.now());
    out.rules = share_->vault->log().ignore_rules();
    out.limits = station_.settings.limits;
    return out;
  });
}

asio::awaitable<Result<SyncOutcome>> ShareKeeper::talk(const ScanScope& scope) {
  BEFFROI_CO_TRY(const auto link, co_await connect());
  auto source = make_remote_source(*share_->vault, station_.executor, station_.connector, true);
  CycleSettings how = co_await settings();
  how.may_commit = pace_.may_commit(station_.clock.monotonic());
  if (pace_.is_refused(station_.clock.monotonic())) how.refused = refused_;
  auto outcome = co_await sync_share(*link, parts_, scope, std::move(how), std::move(source), progress_);
  co_await link->close();
  co_return outcome;
}

void ShareKeeper::note(const Result<SyncOutcome>& outcome, const ScanScope& scope) {
  const auto now = station_.clock.monotonic();
  if (outcome) {
    const CycleReport& report = outcome->report;
    pace_.took_in(now, report.commit.has_value(), scope.everything, report.look_again && !report.held);
    if (!report.held) last_sync_ = station_.clock.now();
    // What is held back is looked at as a whole the next time.
    if (report.held) dirty_.everything = true;
    note_sending(*outcome, now);
    return;
  }
  spdlog::warn("shared folder {}: {}", share_->shown(), outcome.error().message());
  dirty_.everything = dirty_.everything || scope.everything;
  dirty_.paths.insert(scope.paths.begin(), scope.paths.end());
  pace_.failed(now);
}

void ShareKeeper::note_sending(const SyncOutcome& outcome, SharePace::Time now) {
  if (outcome.refused) {
    refused_ = outcome.refused;
    pace_.refused(now);
  } else if (outcome.not_sent && !outcome.report.refused) {
    pace_.failed(now);
  } else if (!outcome.not_sent) {
    pace_.went_well();
  }
  if (outcome.report.waits) pace_.commit_later(now);
}

std::string ShareKeeper::alarm(const char* kind) const { return kind + share_->space.hex().substr(0, kIdDigits); }

void ShareKeeper::ring(const Result<SyncOutcome>& outcome) {
  if (!outcome) {
    const Error& error = outcome.error();
    if (error.code == ErrorCode::corrupt) return station_.raise_alarm(alarm(kPeerFaultAlarm), error);
    if (is_passing(error.code) || error.code == ErrorCode::cancelled || error.code == ErrorCode::wrong_state) return;
    return station_.raise_alarm(alarm(kFailedAlarm),
                                Error{error.code,
                                      N_("The shared folder \"{}\" is not kept in step. {} Call your technician if you "
                                         "can't mend it."),
                                      {share_->shown(), translated(error.text, error.args)}});
  }
  station_.clear_alarm(alarm(kPeerFaultAlarm));
  if (outcome->report.held)
    station_.raise_alarm(alarm(kHeldAlarm), held_error(share_->shown(), *outcome->report.held));
  else
    station_.clear_alarm(alarm(kHeldAlarm));
  if (!outcome->not_sent) return station_.clear_alarm(alarm(kFailedAlarm));
  if (is_passing(outcome->not_sent->code)) return;
  station_.raise_alarm(alarm(kFailedAlarm),
                       Error{outcome->not_sent->code,
                             N_("What is changed in the shared folder \"{}\" does not reach the others: {} Call your "
                                "technician if you can't mend it."),
                             {share_->shown(), translated(outcome->not_sent->text, outcome->not_sent->args)}});
}

/// After somebody left: nothing is passed on before a member who may write has done it.
asio::awaitable<void> ShareKeeper::renew_keys() {
  if (share_->vault->can_write()) co_return;
  const auto renewed = co_await renew_keys_if_due(station_, share_);
  if (!renewed) spdlog::warn("shared folder {}: {}", share_->shown(), renewed.error().message());
  if (renewed && *renewed) look();
}

asio::awaitable<void> ShareKeeper::collect_if_due() {
  if (!share_->vault->collection_due()) co_return;
  const auto collected = co_await folders_.run([this] { return collect(*share_->vault, station_.random, progress_); });
  if (!collected) spdlog::warn("shared folder {}: {}", share_->shown(), collected.error().message());
  parts_.known_trees.clear();
}

/// What the status shows, so that it waits for nothing.
asio::awaitable<void> ShareKeeper::refresh() {
  ShareStatus fresh = co_await station_.work.run([this] {
    ShareStatus out;
    out.folder = folder_.look();
    const auto pending = share_->vault->unreceipted();
    if (pending) out.pending_commits = pending->size();
    if (auto local = cycle_.state().local_paths()) out.local = std::move(*local);
    if (const auto conflicts = cycle_.state().conflicts()) out.conflicts = *conflicts;
    if (const auto held = cycle_.state().held(); held && *held)
      out.brake = ShareBrake{(*held)->reason, (*held)->counts, (*held)->since};
    for (const SkippedFile& file : cycle_.skipped())
      out.skipped.push_back({file.path, Error{ErrorCode::partial, file.reason, file.arguments}});
    return out;
  });
  status_ = std::move(fresh);
}

void ShareKeeper::hear(const FolderNews& news) {
  dirty_.everything = dirty_.everything || news.everything;
  dirty_.paths.insert(news.paths.begin(), news.paths.end());
  pace_.want(station_.clock.monotonic());
  wake();
}

asio::awaitable<void> ShareKeeper::watch() {
  while (!over()) {
    auto events = co_await folders_.run([this] { return FolderEvents::open(folder_.place()); });
    if (!events) {
      if (!co_await sleep_out(kUnwatchedLook)) co_return;
    } else {
      watch_.start(std::move(*events));
    }
    // What happened while nobody watched.
    hear({.paths = {}, .everything = true});
    if (!events) continue;
    for (auto news = co_await watch_.next(); news; news = co_await watch_.next()) hear(*news);
  }
}

asio::awaitable<void> ShareKeeper::listen() {
  SpaceNews known;
  while (!over()) {
    auto link = co_await connect();
    if (!link) {
      co_await sleep_out(kReconnect);
      continue;
    }
    if (last_ && !*last_) {
      pace_.peer_is_back(station_.clock.monotonic());
      wake();
    }
    listening_ = link->get();
    while (!over()) {
      const auto asked = station_.clock.monotonic();
      const auto news = co_await listening_->wait_for_news(known, kNewsPatienceAtPeer);
      if (!news) break;
      known = *news;
      take_news(known);
      if (!co_await sleep_out(pause_after_news(asked, station_.clock.monotonic()))) break;
    }
    listening_ = nullptr;
    co_await sleep_out(kReconnectSoon);
  }
}

/// Only what the peer says: the pace of cycles stays as it is.
void ShareKeeper::take_news(const SpaceNews& news) {
  const auto newest = share_->vault->newest_receipt();
  const bool is_new =
      news.newest_receipt > (newest ? newest->counter : 0) || news.log_length > share_->vault->log_length();
  if (!is_new) return;
  pace_.want(station_.clock.monotonic());
  wake();
}

asio::awaitable<Result<ShareCycle>> ShareKeeper::sync_now() {
  // One that runs now may have looked before.
  const std::uint64_t wanted = cycles_ + (running_ ? 2 : 1);
  dirty_.everything = true;
  look();
  while (cycles_ < wanted) {
    if (over()) co_return fail(ErrorCode::cancelled, N_("Stopped: the service is ending."));
    if (!running_) look();
    co_await wait_for_change();
  }
  const Result<SyncOutcome>& last = *last_;
  if (!last) co_return forward_error(last);
  if (last->report.held) co_return std::unexpected(held_error(share_->shown(), *last->report.held));
  co_return ShareCycle{.files_sent = last->report.files_passed,
                       .files_received = last->report.files_written,
                       .conflicts = last->report.conflicts,
                       .confirmed = last->confirmed,
                       .not_sent = last->not_sent};
}

asio::awaitable<bool> ShareKeeper::become_idle() {
  while (running_ && !over()) co_await wait_for_change();
  co_return !over();
}

asio::awaitable<Result<ShareCycle>> ShareKeeper::resume() {
  if (!co_await become_idle()) co_return fail(ErrorCode::cancelled, N_("Stopped: the service is ending."));
  BEFFROI_CO_CHECK(co_await station_.work.run([this] { return cycle_.release(); }));
  co_return co_await sync_now();
}

/// Between two cycles.
asio::awaitable<Result<PartChange>> ShareKeeper::change_folder(FolderChange change) {
  if (!co_await become_idle()) co_return fail(ErrorCode::cancelled, N_("Stopped: the service is ending."));
  const Working working(*this);
  const CycleSettings how = co_await settings();
  auto source = make_remote_source(*share_->vault, station_.executor, station_.connector, true);
  auto done = co_await folders_.run([&] { return change(how, source); });
  co_await refresh();
  look();
  co_return done;
}

asio::awaitable<Result<std::uint64_t>> ShareKeeper::undo() {
  const auto bring_back = [this](const CycleSettings& how, const auto& source) -> Result<PartChange> {
    BEFFROI_TRY(const auto held, cycle_.state().held());
    if (!held) return fail(ErrorCode::wrong_state, N_("Nothing of this folder is held back."));
    // Its disk may only be away: nothing is made in its place unless nothing is there.
    if (held->reason == storage::BrakeReason::folder_missing)
      BEFFROI_CHECK(SyncedFolder::create(share_->folder, share_->space));
    BEFFROI_TRY(const std::uint64_t files, cycle_.undo(how, source, progress_));
    return PartChange{.files = files, .left = 0};
  };
  BEFFROI_CO_TRY(const PartChange done, co_await change_folder(bring_back));
  co_return done.files;
}

asio::awaitable<Result<PartChange>> ShareKeeper::fetch(std::set<std::string> paths) {
  // What a reader deleted comes back only if that was seen.
  if (!cycle_.can_commit()) BEFFROI_CO_CHECK(co_await sync_now());
  co_return co_await change_folder([this, paths = std::move(paths)](const CycleSettings& how, const auto& source) {
    return cycle_.fetch(paths, how, source, progress_);
  });
}

asio::awaitable<Result<PartChange>> ShareKeeper::free(std::set<std::string> paths) {
  BEFFROI_CO_TRY(const ShareCycle synced, co_await sync_now());
  if (!synced.confirmed)
    co_return fail(ErrorCode::wrong_state,
                   N_("Something of this folder has not reached the peer yet, so nothing was removed here. 'beffroi "
                      "space status' says what."));
  co_return co_await change_folder([this, paths = std::move(paths)](const CycleSettings& how, const auto& source) {
    return cycle_.free(paths, how, source, progress_);
  });
}

ShareStatus ShareKeeper::status() const {
  ShareStatus out = status_;
  out.running = running_;
  out.last_sync = last_sync_;
  if (last_ && !*last_) out.last_error = last_->error();
  if (last_ && *last_ && (*last_)->not_sent) out.last_error = (*last_)->not_sent;
  return out;
}

}  // namespace beffroi::daemon
