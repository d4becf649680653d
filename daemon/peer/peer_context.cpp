#include "daemon/peer/peer_context.h"

#include <spdlog/spdlog.h>

#include "daemon/service/schedule.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kWorkThreads = 8;
constexpr std::uint64_t kMiB = 1024ULL * 1024;

}  // namespace

PeerContext::PeerContext(const PeerSettings& peer_settings, asio::any_io_executor protocol_thread, Clock& clock_seam,
                         std::unique_ptr<PeerHost> opened)
    : settings(peer_settings),
      executor(protocol_thread),
      clock(clock_seam),
      host(std::move(opened)),
      alarms(host->database(), clock, settings.alarm_command),
      background(protocol_thread),
      running_since(clock.now()),
      work(kWorkThreads),
      bells(1),
      heartbeat(1) {}

Result<std::unique_ptr<PeerContext>> PeerContext::open(const PeerSettings& settings, asio::any_io_executor executor,
                                                       Clock& clock, crypto::Random& random,
                                                       const storage::DatabaseOptions& options) {
  BEFFROI_TRY(auto host, PeerHost::open(settings.data, clock, random, options));
  std::unique_ptr<PeerContext> out(new PeerContext(settings, executor, clock, std::move(host)));
  out->look_around();
  return out;
}

PeerFacts PeerContext::facts() const {
  const std::lock_guard lock(mutex_);
  return facts_;
}

bool PeerContext::is_silent(const Tenant& tenant) const {
  const auto heard = tenant.last_contact.value_or(tenant.enrolled);
  return settings.silent_days > 0 && working_days_between(heard, clock.now()) >= settings.silent_days;
}

void PeerContext::look_around() {
  PeerFacts fresh;
  if (const auto usage = storage::measure_disk(host->database()); usage) {
    fresh.store_bytes = usage->store_bytes;
    fresh.free_bytes = usage->free_bytes;
    fresh.disk_nearly_full = storage::excess_bytes(settings.limits, *usage, 0) > 0;
  }
  const auto tenants = host->tenants();
  if (tenants) {
    fresh.tenants = tenants->size();
    look_at_tenants(*tenants);
  } else {
    spdlog::warn("{}", tenants.error().message());
  }
  look_at_disk(fresh);
  const std::lock_guard lock(mutex_);
  facts_ = fresh;
}

void PeerContext::look_at_disk(const PeerFacts& facts) {
  set_alarm("disk_full", facts.disk_nearly_full,
            Error{ErrorCode::disk_full,
                  N_("The disk of {} is nearly full: {} MiB are free. Make room, or stations can't send any more."),
                  {settings.data, std::to_string(facts.free_bytes / kMiB)}});
}

void PeerContext::look_at_tenants(const std::vector<Tenant>& tenants) {
  for (const Tenant& tenant : tenants) {
    set_alarm("silent:" + tenant.space.hex(), is_silent(tenant),
              Error{ErrorCode::timeout,
                    N_("The station of {} has not been heard of for {} working days or more."),
                    {tenant.name, std::to_string(settings.silent_days)}});
    set_alarm("damaged:" + tenant.space.hex(), tenant.quarantined > 0,
              Error{ErrorCode::corrupt,
                    N_("Objects of {} were found damaged here: {}. Its station sends them again at its next contact."),
                    {tenant.name, std::to_string(tenant.quarantined)}});
  }
}

void PeerContext::set_alarm(const std::string& name, bool lasts, const Error& what) {
  ++ringing_;
  bells.post([this, name, lasts, what] {
    alarms.set(name, lasts, what);
    --ringing_;
  });
}

}  // namespace beffroi::daemon
