#include "daemon/station/station.h"

#include <spdlog/spdlog.h>

#include "daemon/api/station_api.h"
#include "daemon/service/heartbeat.h"
#include "daemon/service/main_loop.h"
#include "daemon/service/notify.h"
#include "daemon/share/share_joining.h"
#include "daemon/share/share_runner.h"
#include "daemon/station/housekeeping.h"
#include "daemon/station/nightly.h"

namespace beffroi::daemon {
namespace {

void start_loops(StationContext& station) {
  Background& background = station.background;
  background.spawn(keep_watchdog_fed(background, station.vault->database(), station.clock, station.heartbeat));
  background.spawn(keep_house(station));
  background.spawn(keep_nightly_backups(station));
  background.spawn(keep_pushing(station));
  background.spawn(keep_joining(station));
}

}  // namespace

Result<void> run_station(const StationSettings& settings) {
  asio::io_context io(1);
  asio::signal_set signals = catch_signals(io);
  const StationSeams seams{.clock = system_clock(), .random = crypto::system_random(), .connector = tls_connector()};
  BEFFROI_TRY(const auto station, StationContext::open(settings, io.get_executor(), seams));
  Recovery recovery(*station);
  ShareRunner sharing(*station);
  const Router router = station_router(*station, recovery);
  // Open to everybody: the daemon asks the kernel who calls, and all may restore their own files.
  const HttpServer::Options options{
      .socket_path = settings.socket, .admin_group = settings.admin_group, .open_to_everybody = true};
  BEFFROI_TRY(const auto server,
              HttpServer::listen(io.get_executor(), options, [&router](HttpRequest& request, HttpExchange& exchange) {
                return router.handle(request, exchange);
              }));
  server->start();
  start_loops(*station);
  sharing.start();
  spdlog::info("station {} ready, data in {}", BEFFROI_VERSION, settings.data);
  notify_ready(station->vault->founded() ? "ready" : "waiting for 'beffroi init' or 'beffroi recover'");
  run_until_signal(io, signals,
                   {.stop =
                        [&] {
                          server->stop();
                          station->jobs.cancel_all();
                          station->background.stop();
                        },
                    .cut = [&] { server->cut(); },
                    .idle =
                        [&] {
                          return server->connections() == 0 && station->jobs.count() == 0 &&
                                 station->background.running() == 0 && station->threads_are_idle();
                        }});
  recovery.drop();
  return {};
}

}  // namespace beffroi::daemon
