// GET /v1/snapshots, /v1/ls, /v1/find, /v1/diff: looking into snapshots, each caller as far as his rights reach.
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "daemon/api/event_stream.h"
#include "daemon/api/frame_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/name_pattern.h"
#include "daemon/api/snapshot_rights.h"
#include "daemon/api/station_api.h"
#include "daemon/backup/run_ahead.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;

using Entries = std::vector<Entry>;

/// A snapshot that is being looked at.
struct Opened {
  Opened(const Snapshot& chosen, const storage::ObjectOpener& with, ReadRights who, std::set<std::string> named)
      : snapshot(chosen),
        opener(with),
        tree(opener, snapshot.commit.clear.root),
        visible(make_access_filter(opener, snapshot.commit.clear.root, std::move(who), std::move(named))) {}
  const Snapshot snapshot;
  const storage::ObjectOpener opener;
  const storage::TreeReader tree;
  const EntryFilter visible;
};

/// `named`: entry paths that the caller knows of.
Result<std::shared_ptr<Opened>> open_snapshot(StationContext& station, const std::string& name, const Caller& caller,
                                              std::set<std::string> named = {}) {
  BEFFROI_TRY(const Snapshot snapshot, station.vault->resolve(name));
  BEFFROI_TRY(auto source, station.source(StationContext::From::automatic));
  BEFFROI_TRY(auto keys, station.vault->keys_for(snapshot.sealed.content_generation));
  return std::make_shared<Opened>(snapshot, storage::ObjectOpener(std::move(keys), std::move(source)),
                                  rights_in(*station.vault, snapshot, caller), std::move(named));
}

asio::awaitable<Result<void>> answer_snapshots(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const auto snapshots, co_await station.work.run([&station] { return station.vault->snapshots(); }));
  Json out = Json::array();
  for (const Snapshot& snapshot : snapshots) {
    Json one = snapshot_json(snapshot);
    if (!request.caller.is_admin)
      for (const char* field : {"host", "sources", "tags"}) one.erase(field);
    out.push_back(std::move(one));
  }
  co_return co_await reply_json(exchange, {{"snapshots", out}});
}

/// A hard link is named after the first of its group that was listed: what the group is called in the tree may be a
/// name that the caller can't see.
class LinkNames {
 public:
  Entry named(Entry entry) {
    if (!entry.hard_link.empty()) entry.hard_link = groups_.try_emplace(entry.hard_link, entry.path).first->second;
    return entry;
  }

 private:
  std::unordered_map<std::string, std::string> groups_;
};

/// Where a listing goes.
struct Listing {
  std::function<Result<void>()> looked_at_one;
  std::function<Result<void>(const Entry&)> write;
};

/// As TreeReader::for_each(), but the leaves are opened by a thread ahead.
Result<void> for_all_below(const Opened& opened, const std::string& entry_path,
                           const std::function<Result<void>(const Entry&)>& visit) {
  storage::TreeCursor cursor(opened.opener, opened.snapshot.commit.clear.root);
  BEFFROI_CHECK(cursor.seek_at_least(entry_path));
  // What is behind is not fetched: at a peer that may take long.
  bool is_behind = false;
  RunAhead<Entries> ahead(
      {.items = kMaxLeavesAhead, .weight = kMaxLeafBytesAhead},
      [&]() -> Result<std::optional<Entries>> {
        if (is_behind) return std::nullopt;
        BEFFROI_TRY(auto entries, cursor.next_entries());
        is_behind = entries && !storage::is_at_or_below(entries->back().path, entry_path);
        return entries;
      },
      [](const Entries& entries) { return entries.size() * sizeof(Entry); }, std::nullopt);
  for (;;) {
    BEFFROI_TRY(const auto entries, ahead.next());
    if (!entries) return {};
    for (const Entry& entry : *entries) {
      if (!storage::is_at_or_below(entry.path, entry_path)) return {};
      BEFFROI_CHECK(visit(entry));
    }
  }
}

Result<void> list(const Opened& opened, const std::string& path, bool recursive, const Listing& listing) {
  const std::string entry_path = storage::to_entry_path(path);
  BEFFROI_TRY(const auto top, opened.tree.find(entry_path));
  if (!top || !opened.visible(*top))
    return fail(ErrorCode::not_found, N_("There is no {} in the snapshot {}."), storage::to_display_path(entry_path),
                opened.snapshot.commit.id.hex().substr(0, 12));
  LinkNames names;
  if (top->type != storage::EntryType::directory) return listing.write(names.named(*top));
  const auto visit = [&](const Entry& entry) -> Result<void> {
    BEFFROI_CHECK(listing.looked_at_one());
    // A folder's own line is not part of what is in it.
    if (entry.path == top->path || !opened.visible(entry)) return {};
    return entry.hard_link.empty() ? listing.write(entry) : listing.write(names.named(entry));
  };
  return recursive ? for_all_below(opened, entry_path, visit) : opened.tree.list(entry_path, visit);
}

asio::awaitable<Result<void>> answer_ls(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const std::string path, query_path(request));
  const bool recursive = query_flag(request, "recursive");
  BEFFROI_CO_TRY(const auto opened, open_snapshot(station, query_text(request, "snapshot", "latest"), request.caller,
                                                  {storage::to_entry_path(path)}));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::look));
  if (query_flag(request, "frames"))
    co_return co_await stream_frames(exchange, station.streams, [&](FrameSender& sender) -> Result<void> {
      RestoreCounts counts;
      BEFFROI_CHECK(list(*opened, path, recursive,
                         {[&] { return sender.looked_at_one(); },
                          [&](const Entry& entry) {
                            ++counts.entries;
                            return sender.send(entry_frame(entry));
                          }}));
      return sender.send(end_frame(counts));
    });
  co_return co_await stream_lines(exchange, station.streams, [&](LineWriter& writer) {
    return list(
        *opened, path, recursive,
        {[&] { return writer.looked_at_one(); }, [&](const Entry& entry) { return writer.write(entry_json(entry)); }});
  });
}

Result<void> find(const Opened& opened, const NamePattern& pattern, LineWriter& writer) {
  const std::string id = opened.snapshot.commit.id.hex();
  LinkNames names;
  return opened.tree.for_each("", [&](const Entry& entry) -> Result<void> {
    BEFFROI_CHECK(writer.looked_at_one());
    if (!pattern.matches(storage::to_display_path(entry.path)) || !opened.visible(entry)) return {};
    Json line = entry_json(names.named(entry));
    line["snapshot"] = id;
    return writer.write(line);
  });
}

asio::awaitable<Result<void>> answer_find(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  const std::string pattern = query_text(request, "pattern");
  if (pattern.empty()) co_return fail(ErrorCode::usage, N_("Say what to look for: a name, with * and ?."));
  if (pattern.size() > kMaxPatternBytes)
    co_return fail(ErrorCode::usage, N_("What to look for may be {} bytes long at most."),
                   std::to_string(kMaxPatternBytes));
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
      BEFFROI_CHECK(writer.looked_at_one());
      const bool hidden = (before != nullptr && !a->visible(*before)) || (after != nullptr && !b->visible(*after));
      return hidden ? Result<void>() : writer.write(change_json(change, before, after));
    };
    return storage::diff_trees(a->opener, a->snapshot.commit.clear.root, b->opener, b->snapshot.commit.clear.root,
                               visit);
  });
}

}  // namespace

void add_look_routes(Routes& routes, StationContext& station) {
  routes.push_back({"GET", "/v1/snapshots", false,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_snapshots(station, r, x); }});
  routes.push_back(
      {"GET", "/v1/ls", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_ls(station, r, x); }});
  routes.push_back(
      {"GET", "/v1/find", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_find(station, r, x); }});
  routes.push_back(
      {"GET", "/v1/diff", false, [&station](HttpRequest& r, HttpExchange& x) { return answer_diff(station, r, x); }});
}

}  // namespace beffroi::daemon
