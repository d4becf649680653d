#include "daemon/station/station_context.h"

#include "daemon/service/coroutine.h"
#include "daemon/service/translate.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kWorkThreads = 4;
/// Looks, one exclusive job, one to spare.
constexpr std::size_t kStreamThreads = kMaxLooks + 2;

}  // namespace

StationContext::StationContext(const StationSettings& station_settings, asio::any_io_executor protocol_thread,
                               const StationSeams& seams, std::unique_ptr<Vault> opened)
    : settings(station_settings),
      executor(protocol_thread),
      clock(seams.clock),
      random(seams.random),
      connector(seams.connector),
      vault(std::move(opened)),
      shares(station_settings.data, seams.clock, seams.random, seams.database),
      state(vault->database()),
      line(clock, settings.upload_limit, state.line_speed()),
      alarms(vault->database(), clock, settings.alarm_command),
      background(protocol_thread),
      work(kWorkThreads),
      streams(kStreamThreads),
      bells(1),
      heartbeat(1) {}

Result<std::unique_ptr<StationContext>> StationContext::open(const StationSettings& settings,
                                                             asio::any_io_executor executor,
                                                             const StationSeams& seams) {
  BEFFROI_TRY(auto vault, Vault::open(settings.data, seams.clock, seams.random, seams.database));
  std::unique_ptr<StationContext> out(new StationContext(settings, executor, seams, std::move(vault)));
  for (const Shares::Fault& fault : out->shares.open_all())
    out->raise_alarm(kShareAlarm + fault.space,
                     Error{fault.error.code,
                           N_("A shared space of this computer can't be opened, and its folder is not kept in step: {} "
                              "Call your technician."),
                           {translated(fault.error.text, fault.error.args)}});
  for (const auto& share : out->shares.all()) out->clear_alarm(kShareAlarm + share->space.hex());
  out->facts_ = gather_facts(*out->vault, out->state, settings.limits);
  out->push_wanted = settings.schedule.enabled && out->facts_.pending_commits > 0;
  return out;
}

asio::awaitable<void> StationContext::refresh_facts() {
  co_await work.run([this] {
    StationFacts fresh = gather_facts(*vault, state, settings.limits);
    const std::lock_guard lock(mutex_);
    facts_ = std::move(fresh);
    return true;
  });
}

asio::awaitable<void> StationContext::refresh_sources(std::chrono::milliseconds patience) {
  if (!looking_) {
    looking_ = true;
    start_coroutine(executor, look_once());
  }
  asio::steady_timer timer(executor);
  timer.expires_after(patience);
  waiting_.insert(&timer);
  if (looking_) co_await time_comes(timer);
  waiting_.erase(&timer);
}

asio::awaitable<void> StationContext::look_once() {
  auto found = co_await work.run([paths = facts().sources] { return look_at_sources(paths); });
  {
    const std::lock_guard lock(mutex_);
    conditions_ = std::move(found);
  }
  looking_ = false;
  for (asio::steady_timer* timer : waiting_) timer->cancel();
}

StationFacts StationContext::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

std::map<std::string, SourceCondition> StationContext::source_conditions() const {
  const std::lock_guard lock(mutex_);
  return conditions_;
}

void StationContext::raise_alarm(const std::string& name, const Error& what) {
  ++ringing_;
  bells.post([this, name, what] {
    alarms.raise(name, what);
    --ringing_;
  });
}

void StationContext::clear_alarm(const std::string& name) {
  ++ringing_;
  bells.post([this, name] {
    alarms.clear(name);
    --ringing_;
  });
}

Result<StationContext::From> StationContext::parse_from(const std::string& text) {
  if (text.empty() || text == "auto") return From::automatic;
  if (text == "local") return From::local;
  if (text == "peer") return From::peer;
  return fail(ErrorCode::usage, N_("There is no place \"{}\" to read from: choose auto, local or peer."), text);
}

Result<std::shared_ptr<storage::ObjectSource>> StationContext::source(From from) {
  const bool has_peer = vault->peer().has_value();
  if (from == From::peer && !has_peer)
    return fail(ErrorCode::wrong_state,
                N_("This station has not joined a peer. Ask for an invitation, then use 'beffroi join'."));
  if (from == From::local || !has_peer) return vault->local_source();
  return make_remote_source(*vault, executor, connector, from == From::automatic);
}

Result<void> require_vault(const StationContext& station) {
  if (station.vault->founded()) return {};
  return fail(ErrorCode::wrong_state,
              N_("This station has no vault yet. Make one with 'beffroi init', or bring one back "
                 "with 'beffroi recover'."));
}

}  // namespace beffroi::daemon
