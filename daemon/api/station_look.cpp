// GET /v1/snapshots, /v1/ls, /v1/find, /v1/diff: looking into snapshots, each caller as far as his rights reach.
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/name_pattern.h"
#include "daemon/api/station_api.h"
#include "daemon/restore/access.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;

/// A snapshot that is being looked at.
struct Opened {
  Opened(const Snapshot& chosen, const storage::ObjectOpener& with, const Caller& who)
      : snapshot(chosen),
        opener(with),
        tree(opener, snapshot.commit.clear.root),
        visible(make_access_filter(opener, snapshot.commit.clear.root, {who.uid, who.gids, who.is_admin})) {}
  const Snapshot snapshot;
  const storage::ObjectOpener opener;
  const storage::TreeReader tree;
  const EntryFilter visible;
};

Result<std::shared_ptr<Opened>> open_snapshot(StationContext& station, const std::string& name, const Caller& caller) {
  BEFFROI_TRY(const Snapshot snapshot, station.vault->resolve(name));
  BEFFROI_TRY(auto source, station.source(StationContext::From::automatic));
  return std::make_shared<Opened>(snapshot, storage::ObjectOpener(station.vault->keys(), std::move(source)), caller);
}

asio::awaitable<Result<void>> answer_snapshots(StationContext& station, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto snapshots, co_await station.work.run([&station] { return station.vault->snapshots(); }));
  Json out = Json::array();
  for (const Snapshot& snapshot : snapshots) out.push_back(snapshot_json(snapshot));
  co_return co_await reply_json(exchange, {{"snapshots", out}});
}

Result<void> write_if_visible(const Opened& opened, LineWriter& writer, const Entry& entry) {
  return opened.visible(entry) ? writer.write(entry_json(entry)) : Result<void>();
}

Result<void> list(const Opened& opened, const std::string& path, bool recursive, LineWriter& writer) {
  const std::string entry_path = storage::to_entry_path(path);
  BEFFROI_TRY(const auto top, opened.tree.find(entry_path));
  if (!top || !opened.visible(*top))
    return fail(ErrorCode::not_found, N_("There is no {} in the snapshot {}."), storage::to_display_path(entry_path),
                opened.snapshot.commit.id.hex().substr(0, 12));
  if (top->type != storage::EntryType::directory) return writer.write(entry_json(*top));
  const auto visit = [&](const Entry& entry) {
    // A folder's own line is not part of what is in it.
    return entry.path == top->path ? Result<void>() : write_if_visible(opened, writer, entry);
  };
  return recursive ? opened.tree.for_each(entry_path, visit) : opened.tree.list(entry_path, visit);
}

asio::awaitable<Result<void>> answer_ls(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const std::string path, query_path(request));
  const bool recursive = query_flag(request, "recursive");
  BEFFROI_CO_TRY(const auto opened, open_snapshot(station, query_text(request, "snapshot", "latest"), request.caller));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::look));
  co_return co_await stream_lines(exchange, station.streams,
                                  [&](LineWriter& writer) { return list(*opened, path, recursive, writer); });
}

Result<void> find(const Opened& opened, const NamePattern& pattern, LineWriter& writer) {
  const std::string id = opened.snapshot.commit.id.hex();
  return opened.tree.for_each("", [&](const Entry& entry) -> Result<void> {
    if (!pattern.matches(storage::to_display_path(entry.path)) || !opened.visible(entry)) return {};
    Json line = entry_json(entry);
    line["snapshot"] = id;
    return writer.write(line);
  });
}

asio::awaitable<Result<void>> answer_find(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  const std::string pattern = query_text(request, "pattern");
  if (pattern.empty()) co_return fail(ErrorCode::usage, N_("Say what to look for: a name, with * and ?."));
  BEFFROI_CO_TRY(const auto opened, open_snapshot(station, query_text(request, "snapshot", "latest"), request.caller));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::look));
  co_return co_await stream_lines(exchange, station.streams,
                                  [&](LineWriter& writer) { return find(*opened, NamePattern(pattern), writer); });
}

const char* change_name(storage::Change change) {
  switch (change) {
    case storage::Change::added:
      return "added";
    case storage::Change::removed:
      return "removed";
    case storage::Change::content:
      return "content";
    case storage::Change::metadata:
      return "metadata";
  }
  return "metadata";
}

Json change_json(storage::Change change, const Entry* before, const Entry* after) {
  const Json described = entry_json(after != nullptr ? *after : *before);
  Json out = {{"event", "entry"},
              {"change", change_name(change)},
              {"path", described["path"]},
              {"type", described["type"]},
              {"size_before", before != nullptr ? Json(before->size) : Json(nullptr)},
              {"size_after", after != nullptr ? Json(after->size) : Json(nullptr)}};
  if (described.contains("path_b64")) out["path_b64"] = described["path_b64"];
  return out;
}

asio::awaitable<Result<void>> answer_diff(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto a, open_snapshot(station, query_text(request, "a"), request.caller));
  BEFFROI_CO_TRY(const auto b, open_snapshot(station, query_text(request, "b"), request.caller));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::look));
  co_return co_await stream_lines(exchange, station.streams, [&](LineWriter& writer) {
    const auto visit = [&](storage::Change change, const Entry* before, const Entry* after) -> Result<void> {
      const bool hidden = (before != nullptr && !a->visible(*before)) || (after != nullptr && !b->visible(*after));
      return hidden ? Result<void>() : writer.write(change_json(change, before, after));
    };
    return storage::diff_trees(a->opener, a->snapshot.commit.clear.root, b->snapshot.commit.clear.root, visit);
  });
}

}  // namespace

void add_look_routes(Routes& routes, StationContext& station) {
  routes.push_back({"GET", "/v1/snapshots", false,
                    [&station](HttpRequest&, HttpExchange& x) { return answer_snapshots(station, x); }});
  routes.push_back(
      {"GET", "/v1/ls", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_ls(station, r, x); }});
  routes.push_back(
      {"GET", "/v1/find", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_find(station, r, x); }});
  routes.push_back(
      {"GET", "/v1/diff", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_diff(station, r, x); }});
}

}  // namespace beffroi::daemon
