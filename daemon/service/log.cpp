#include "daemon/service/log.h"

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

#include <cstdlib>

namespace beffroi::daemon {

void start_logging(const std::string& level) {
  spdlog::drop("beffroid");
  auto log = spdlog::stderr_color_mt("beffroid");
  log->set_pattern(std::getenv("JOURNAL_STREAM") != nullptr ? "%l: %v" : "%Y-%m-%d %H:%M:%S %^%l%$: %v");
  log->set_level(spdlog::level::from_str(level));
  spdlog::set_default_logger(std::move(log));
}

}  // namespace beffroi::daemon
