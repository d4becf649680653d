#include "daemon/peer/peer_context.h"

#include <spdlog/spdlog.h>

#include <set>

#include "daemon/api/json.h"
#include "daemon/service/schedule.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kWorkThreads = 8;
constexpr std::uint64_t kMiB = 1024ULL * 1024;
/// A peer that was off for longer can't tell who was silent meanwhile.
constexpr std::int64_t kAbsenceS = 12LL * 3600;
constexpr std::int64_t kSettlingS = 4LL * 3600;
constexpr std::string_view kLastLook = "peer/last_look";
constexpr std::string_view kBackSince = "peer/back_since";

}  // namespace

PeerContext::PeerContext(const PeerSettings& peer_settings, asio::any_io_executor protocol_thread,
                         std::unique_ptr<TrustedClock> clock_seam, std::unique_ptr<PeerHost> opened)
    : settings(peer_settings),
      executor(protocol_thread),
      trusted_clock(std::move(clock_seam)),
      clock(*trusted_clock),
      host(std::move(opened)),
      alarms(host->database(), clock, settings.alarm_command),
      background(protocol_thread),
      running_since(clock.now()),
      work(kWorkThreads),
      shares(work),
      bells(1),
      heartbeat(1) {}

Result<std::unique_ptr<PeerContext>> PeerContext::open(const PeerSettings& settings, asio::any_io_executor executor,
                                                       Clock& machine_clock, crypto::Random& random,
                                                       const storage::DatabaseOptions& options) {
  BEFFROI_TRY(auto database, PeerHost::open_database(settings.data, options));
  BEFFROI_TRY(const auto kept, load_kept_clock(*database));
  auto clock = std::make_unique<TrustedClock>(machine_clock, kept);
  BEFFROI_TRY(auto host, PeerHost::open(settings.data, std::move(database), *clock, random));
  host->set_contact(settings.contact);
  std::unique_ptr<PeerContext> out(new PeerContext(settings, executor, std::move(clock), std::move(host)));
  out->audit(storage::AuditAction::start, kPeerActor, "version " BEFFROI_VERSION);
  out->note_clock_at_start(kept && kept->held);
  out->note_presence();
  out->look_around();
  return out;
}

std::optional<storage::UnixTime> PeerContext::load_time(std::string_view key) const {
  const auto stored = host->database().get(storage::Table::state, as_bytes(key));
  if (!stored || !*stored || (*stored)->size() != 8) return std::nullopt;
  return storage::UnixTime{static_cast<std::int64_t>(get_le64((*stored)->data()))};
}

Result<void> PeerContext::save_time(std::string_view key, storage::UnixTime time) {
  Bytes value(8);
  put_le64(value.data(), static_cast<std::uint64_t>(time.seconds));
  return host->database().put(storage::Table::state, as_bytes(key), value, storage::Durability::buffered);
}

PeerFacts PeerContext::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

void PeerContext::note_presence() {
  const auto now = clock.now();
  const auto last = load_time(kLastLook);
  if (last && now.seconds - last->seconds > kAbsenceS) {
    if (const auto saved = save_time(kBackSince, now); !saved) spdlog::warn("{}", saved.error().message());
  }
  const auto since = load_time(kBackSince);
  const std::lock_guard lock(mutex_);
  back_since_ = since;
}

bool PeerContext::is_just_back() const {
  const std::lock_guard lock(mutex_);
  return back_since_ && clock.now().seconds - back_since_->seconds < kSettlingS;
}

bool PeerContext::is_old(storage::UnixTime time) const {
  std::optional<storage::UnixTime> back_since;
  {
    const std::lock_guard lock(mutex_);
    back_since = back_since_;
  }
  const auto since = std::max(time, back_since.value_or(time));
  return settings.silent_days > 0 && working_days_between(since, clock.now()) >= settings.silent_days;
}

bool PeerContext::is_silent(const Tenant& tenant) const {
  // It may not store; and nobody need work in a share every day.
  if (tenant.suspended || tenant.kind == storage::SpaceKind::share) return false;
  return is_old(tenant.last_contact.value_or(tenant.enrolled)) || is_old(tenant.last_commit.value_or(tenant.enrolled));
}

void PeerContext::look_around() {
  look_at_clock();
  const PeerFacts fresh = measure();
  host->set_full(fresh.disk_nearly_full);
  if (const auto tenants = host->tenants(); tenants) {
    look_at_tenants(*tenants);
    for (const HostedOrganisation& organisation : host->organisations()) look_at_quota(organisation);
    clear_orphans(*tenants);
  } else {
    spdlog::warn("{}", tenants.error().message());
  }
  for (const DamagedTenant& damaged : host->damaged_tenants())
    set_alarm("unreadable:" + damaged.space.hex(), true,
              Error{damaged.error.code,
                    N_("What this peer keeps of {} can't be read, and is not served: {} Restore its database."),
                    {damaged.name, damaged.error.message()}});
  look_at_erasures();
  look_at_disk(fresh);
  if (const auto saved = save_time(kLastLook, clock.now()); !saved) spdlog::warn("{}", saved.error().message());
  const std::lock_guard lock(mutex_);
  facts_ = fresh;
}

// What can't be measured now is as it was: a full disk does not become empty by it.
PeerFacts PeerContext::measure() const {
  const auto usage = storage::measure_disk(host->database());
  if (!usage) {
    spdlog::warn("{}", usage.error().message());
    return facts();
  }
  return {.store_bytes = usage->store_bytes,
          .free_bytes = usage->free_bytes,
          .disk_nearly_full = storage::excess_bytes(settings.limits, *usage, 0) > 0};
}

void PeerContext::look_at_clock() {
  const TrustedClock::Change change = trusted_clock->tick();
  save_clock();
  if (change == TrustedClock::Change::held) note_held_clock();
  if (change == TrustedClock::Change::released)
    audit(storage::AuditAction::clock_released, kPeerActor, "both clocks agree again");
  if (const auto closed = host->audit().close_hour(); !closed) spdlog::warn("{}", closed.error().message());
  const auto hold = trusted_clock->status().hold.value_or(ClockHold{});
  const bool ahead = hold.reason == ClockHold::Reason::jumped_ahead;
  set_alarm(
      "clock", !trusted_clock->expiry_allowed(),
      Error{ErrorCode::wrong_state,
            ahead ? N_("This machine's clock jumped ahead: it showed {} when the peer counted {}. Nothing expires "
                       "until the clock is put right, or 'beffroi peer clock --accept' says that it is right.")
                  : N_("This machine's clock went back: it showed {} when the peer counted {}. Nothing expires "
                       "until the clock is put right, or 'beffroi peer clock --accept' says that it is right."),
            {time_text(hold.wall), time_text(hold.trusted)}});
}

void PeerContext::note_held_clock() {
  const auto hold = trusted_clock->status().hold;
  if (!hold) return;
  const bool ahead = hold->reason == ClockHold::Reason::jumped_ahead;
  audit(storage::AuditAction::clock_held, kPeerActor,
        std::string(ahead ? "jumped ahead" : "went back") + ": the machine showed " + time_text(hold->wall));
}

// What was held before stands in the log already.
void PeerContext::note_clock_at_start(bool was_held) {
  if (!was_held) note_held_clock();
  if (was_held && trusted_clock->expiry_allowed())
    audit(storage::AuditAction::clock_released, kPeerActor, "both clocks agree again");
}

void PeerContext::save_clock() {
  const auto saved = save_kept_clock(host->database(), trusted_clock->kept());
  if (!saved) spdlog::warn("{}", saved.error().message());
}

Result<void> PeerContext::accept_clock(const std::string& by) {
  const storage::UnixTime before = clock.now();
  trusted_clock->accept();
  BEFFROI_CHECK(save_kept_clock(host->database(), trusted_clock->kept()));
  const ClockStatus status = trusted_clock->status();
  audit(storage::AuditAction::clock_released, by,
        "accepted: the machine showed " + time_text(status.wall) + " when the peer counted " + time_text(before));
  // The stations were not silent while the clock jumped over the days.
  note_presence();
  look_around();
  return {};
}

void PeerContext::note_stop() {
  save_clock();
  if (const auto closed = host->audit().close_hour(true); !closed) spdlog::warn("{}", closed.error().message());
  audit(storage::AuditAction::stop, kPeerActor, {});
}

void PeerContext::audit(storage::AuditAction action, const std::string& actor, const std::string& detail) const {
  host->audit().note({.action = action, .actor = actor, .space = {}, .organisation = {}, .detail = detail});
}

void PeerContext::look_at_disk(const PeerFacts& facts) {
  set_alarm("disk_full", facts.disk_nearly_full,
            Error{ErrorCode::disk_full,
                  N_("The disk of {} is nearly full: {} MiB are free. Nothing new is taken in. Make room."),
                  {settings.data, std::to_string(facts.free_bytes / kMiB)}});
}

void PeerContext::look_at_tenants(const std::vector<Tenant>& tenants) {
  for (const Tenant& tenant : tenants) {
    const bool unheard = is_old(tenant.last_contact.value_or(tenant.enrolled));
    set_alarm("silent:" + tenant.space.hex(), is_silent(tenant),
              Error{ErrorCode::timeout,
                    unheard ? N_("The station of {} has not been heard of for {} working days or more.")
                            : N_("The station of {} calls, but has stored no snapshot for {} working days or more."),
                    {tenant.name, std::to_string(settings.silent_days)}});
    set_alarm("damaged:" + tenant.space.hex(), tenant.quarantined > 0,
              Error{ErrorCode::corrupt,
                    N_("Objects of {} were found damaged here: {}. Its station sends them again at its next contact."),
                    {tenant.name, std::to_string(tenant.quarantined)}});
  }
}

void PeerContext::look_at_erasures() {
  for (const StuckErasure& erasure : host->stuck_erasures())
    set_alarm("erasing:" + erasure.organisation.hex(), true,
              Error{erasure.error.code,
                    N_("The erasure of {} is not finished: {} It is tried again every minute."),
                    {erasure.name, erasure.error.message()}});
}

void PeerContext::look_at_quota(const HostedOrganisation& organisation) {
  const std::uint64_t quota = organisation.state.quota_bytes.value_or(0);
  const bool nearly_full = organisation.state.quota_bytes && organisation.used_bytes >= quota - quota / 10;
  set_alarm(
      "quota:" + organisation.id.hex(), nearly_full,
      Error{ErrorCode::limit_exceeded,
            N_("{} has used {} of its {} MiB. Its backups stop when all is used."),
            {organisation.state.name, std::to_string(organisation.used_bytes / kMiB), std::to_string(quota / kMiB)}});
}

void PeerContext::clear_orphans(const std::vector<Tenant>& tenants) {
  std::set<std::string> here;
  for (const Tenant& tenant : tenants) here.insert(tenant.space.hex());
  for (const DamagedTenant& damaged : host->damaged_tenants()) here.insert(damaged.space.hex());
  for (const HostedOrganisation& organisation : host->organisations()) here.insert(organisation.id.hex());
  static const std::set<std::string> kinds = {"silent", "quota", "damaged", "unreadable", "erasing"};
  for (const Alarm& alarm : alarms.current()) {
    const auto colon = std::min(alarm.name.find(':'), alarm.name.size());
    if (kinds.contains(alarm.name.substr(0, colon)) && !here.contains(alarm.name.substr(colon + 1)))
      set_alarm(alarm.name, false, Error{ErrorCode::not_found, {}, {}});
  }
}

void PeerContext::give_room_back() {
  work.post([this] {
    if (const auto given = host->give_room_back(); !given) spdlog::warn("{}", given.error().message());
  });
}

void PeerContext::set_alarm(const std::string& name, bool lasts, const Error& what) {
  ++ringing_;
  bells.post([this, name, lasts, what] {
    alarms.set(name, lasts, what);
    --ringing_;
  });
}

}  // namespace beffroi::daemon
