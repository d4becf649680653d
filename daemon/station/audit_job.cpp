#include "daemon/station/audit_job.h"

#include <spdlog/spdlog.h>

#include "daemon/net/deadline.h"
#include "daemon/service/translate.h"
#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

constexpr const char* kAuditAlarm = "integrity:audit";

asio::awaitable<Result<AuditReport>> ask(StationContext& station, PeerLink& link, Progress& progress) {
  BEFFROI_CO_CHECK(co_await link.exchange_state(*station.vault, station.work));
  co_return co_await link.audit(*station.vault, station.work, station.random, progress);
}

asio::awaitable<Result<AuditReport>> connect_and_ask(StationContext& station, Progress& progress,
                                                     std::chrono::milliseconds patience) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station));
  // Each of its answers may take minutes, and be one of many: all of them together may not.
  const Deadline deadline(station.executor, patience, [&link] { link->cut(); });
  auto report = co_await ask(station, *link, progress);
  co_await link->close();
  co_return report;
}

/// An audit that never ends counts as well. What was remembered before.
AuditMemory count_as_unanswered(StationContext& station) {
  const AuditMemory before = station.state.audits();
  AuditMemory now = before;
  ++now.unanswered;
  if (!now.since) now.since = station.clock.now();
  station.state.set_audits(now);
  return before;
}

void ring(StationContext& station, const Result<AuditReport>& report) {
  if (report && report->missing.empty()) return station.clear_alarm(kAuditAlarm);
  if (report)
    return station.raise_alarm(
        kAuditAlarm, Error{ErrorCode::corrupt,
                           N_("The peer was asked, as a test, for parts of your backups, and {} of them it did not "
                              "give back as they were. New backups go on, and what is still on this machine is sent "
                              "again. Tell the EPCI that its server has lost data."),
                           {std::to_string(report->missing.size())}});
  const Error& error = report.error();
  if (is_passing(error.code) || error.code == ErrorCode::cancelled || error.code == ErrorCode::wrong_state) return;
  station.raise_alarm(kAuditAlarm, Error{error.code,
                                         N_("The peer was asked, as a test, for parts of your backups, and did not "
                                            "give them: {} Call your technician if this lasts."),
                                         {translated(error.text, error.args)}});
}

}  // namespace

asio::awaitable<Result<AuditReport>> audit_peer(StationContext& station, std::shared_ptr<Progress> progress,
                                                AuditWords words) {
  const auto before =
      co_await station.work.run([&] { return words.nightly ? count_as_unanswered(station) : station.state.audits(); });
  auto report = co_await connect_and_ask(station, *progress, words.patience);
  ring(station, report);
  const bool stopped_here = !report && progress->cancel;
  co_await station.work.run([&] {
    if (report) station.state.set_audits({});
    if (stopped_here) station.state.set_audits(before);
    return true;
  });
  if (report)
    spdlog::info("audit: {} objects of {} snapshots, {} bytes, {} missing", report->objects, report->snapshots,
                 report->bytes, report->missing.size());
  co_return report;
}

}  // namespace beffroi::daemon
