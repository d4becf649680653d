#include "daemon/station/source_alarms.h"

#include <algorithm>

#include "daemon/service/translate.h"

namespace beffroi::daemon {
namespace {

const std::string kPrefix = "source:";

}  // namespace

void ring_for_sources(StationContext& station, const BackupResult& result) {
  const auto sources = SourceList(*station.vault).all();
  if (!sources) return;
  const bool all_named = result.problems.size() == result.problems_total;
  for (const Source& source : *sources) {
    const auto problem =
        std::ranges::find(result.problems, storage::to_entry_path(source.path), &storage::CommitProblem::path);
    if (problem != result.problems.end())
      station.raise_alarm(kPrefix + source.path, Error{ErrorCode::io,
                                                       N_("{} is not backed up as it should be: {}"),
                                                       {source.path, translated(problem->reason, problem->arguments)}});
    else if (all_named)
      station.clear_alarm(kPrefix + source.path);
  }
  clear_alarms_of_removed_sources(station);
}

void clear_alarms_of_removed_sources(StationContext& station) {
  const auto sources = SourceList(*station.vault).all();
  if (!sources) return;
  for (const Alarm& alarm : station.alarms.current()) {
    if (!alarm.name.starts_with(kPrefix)) continue;
    if (std::ranges::find(*sources, alarm.name.substr(kPrefix.size()), &Source::path) == sources->end())
      station.clear_alarm(alarm.name);
  }
}

}  // namespace beffroi::daemon
