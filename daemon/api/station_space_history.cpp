// /v1/spaces/versions, trash, changes, version, restore, rewind: what became of the files of a shared folder.
#include <charconv>
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/frame_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/share_look.h"
#include "daemon/api/space_json.h"
#include "daemon/api/station_api.h"
#include "daemon/restore/restore_stream.h"
#include "daemon/share/membership.h"
#include "daemon/share/share_author.h"
#include "daemon/share/share_history.h"
#include "storage/merge/shared_part.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kMaxVersions = 1000;
constexpr std::size_t kMaxTrashItems = 10'000;
constexpr std::uint64_t kMaxTrashDays = 36'500;
constexpr std::size_t kReadAheadThreads = 2;
constexpr std::int64_t kDayS = 86'400;

Result<ShareHistory> history_of(const ShareLook& look) {
  return ShareHistory::open(*look.share->vault, look.source, *look.job->progress());
}

void set_maker(Json& object, const Moment& moment) {
  object["time"] = time_text(moment.time);
  object["person"] = moment.maker.person;
  object["computer"] = moment.maker.computer;
  object["device"] = moment.maker.device.hex();
  object["snapshot"] = moment.snapshot.commit.id.hex();
}

const char* type_name(storage::EntryType type) {
  if (type == storage::EntryType::file) return "file";
  return type == storage::EntryType::directory ? "directory" : "symlink";
}

Json size_json(const std::optional<std::uint64_t>& size) { return size ? Json(*size) : Json(nullptr); }

Json version_json(const ShareHistory& history, const PathVersion& version) {
  Json out = {{"act", path_act_name(version.act)}};
  set_maker(out, history.timeline().moments()[version.moment]);
  set_share_path(out, version.path);
  out["size"] = version.entry ? Json(version.entry->size) : Json(nullptr);
  out["type"] = version.entry ? Json(type_name(version.entry->type)) : Json(nullptr);
  out["mtime"] = version.entry ? Json(time_text(version.entry->mtime_s, version.entry->mtime_ns)) : Json(nullptr);
  return out;
}

Result<Json> list_versions(const ShareLook& look, const std::string& path, std::size_t most) {
  BEFFROI_TRY(const std::string entry_path, path_in_share(*look.share, path));
  BEFFROI_TRY(ShareHistory history, history_of(look));
  BEFFROI_TRY(const auto versions, history.versions(entry_path, most + 1));
  Json listed = Json::array();
  for (std::size_t i = 0; i < std::min(versions.size(), most); ++i)
    listed.push_back(version_json(history, versions[i]));
  Json out = {{"space", look.share->space.hex()}, {"versions", listed}, {"more", versions.size() > most}};
  set_share_path(out, entry_path);
  return out;
}

Result<std::uint64_t> query_number(const HttpRequest& request, const char* name, std::uint64_t otherwise,
                                   std::uint64_t most) {
  const std::string text = query_text(request, name);
  std::uint64_t out = otherwise;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  const bool is_number = text.empty() || (error == std::errc() && end == text.data() + text.size());
  if (is_number && out <= most) return out;
  return fail(ErrorCode::usage, N_("The request's field \"{}\" can't be used."), std::string(name));
}

asio::awaitable<Result<void>> answer_versions(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const std::string path, query_path(request));
  BEFFROI_CO_TRY(const std::uint64_t most, query_number(request, "most", 50, kMaxVersions));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, query_text(request, "space")));
  BEFFROI_CO_TRY(Json out, co_await station.streams.run([&] { return list_versions(look, path, most); }));
  co_return co_await reply_json(exchange, std::move(out));
}

Result<Json> list_trash(const ShareLook& look, storage::UnixTime since) {
  BEFFROI_TRY(ShareHistory history, history_of(look));
  BEFFROI_TRY(const auto items, history.trash(since, kMaxTrashItems));
  const auto& moments = history.timeline().moments();
  Json listed = Json::array();
  for (const TrashItem& item : items) {
    Json one = {{"size", item.size}, {"type", type_name(item.type)}};
    set_maker(one, moments[item.deleted]);
    one["deleted_in"] = one["snapshot"];
    one["snapshot"] = moments[item.last].snapshot.commit.id.hex();
    set_share_path(one, item.path);
    listed.push_back(std::move(one));
  }
  return Json{{"space", look.share->space.hex()}, {"items", listed}, {"more", items.size() == kMaxTrashItems}};
}

asio::awaitable<Result<void>> answer_trash(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const std::uint64_t days, query_number(request, "days", 30, kMaxTrashDays));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, query_text(request, "space")));
  const storage::UnixTime since{station.clock.now().seconds - static_cast<std::int64_t>(days) * kDayS};
  BEFFROI_CO_TRY(Json out, co_await station.streams.run([&] { return list_trash(look, since); }));
  co_return co_await reply_json(exchange, std::move(out));
}

Json change_json(const Moment& moment, const PathChange& change) {
  Json out = {{"event", "change"},
              {"act", path_act_name(change.act)},
              {"type", type_name(change.type)},
              {"size_before", size_json(change.size_before)},
              {"size_after", size_json(change.size_after)}};
  set_maker(out, moment);
  set_share_path(out, change.path);
  if (change.act == PathAct::renamed) {
    Json from;
    set_share_path(from, change.from);
    out["from"] = from["path"];
    if (from.contains("path_b64")) out["from_b64"] = from["path_b64"];
  }
  return out;
}

asio::awaitable<Result<void>> answer_changes(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  constexpr std::uint64_t kEver = INT64_MAX;
  BEFFROI_CO_TRY(const std::uint64_t since, query_number(request, "since", 0, kEver));
  BEFFROI_CO_TRY(const std::uint64_t until, query_number(request, "until", kEver, kEver));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, query_text(request, "space")));
  co_return co_await stream_lines(exchange, station.streams, [&](LineWriter& writer) -> Result<void> {
    BEFFROI_TRY(ShareHistory history, history_of(look));
    return history.changes({static_cast<std::int64_t>(since)}, {static_cast<std::int64_t>(until)},
                           [&](const Moment& moment, const PathChange& change) -> Result<void> {
                             BEFFROI_CHECK(writer.looked_at_one());
                             return writer.write(change_json(moment, change));
                           });
  });
}

/// Which version of which file is wanted.
struct VersionWish {
  std::string space, path, snapshot;
};

Result<VersionWish> read_wish(const HttpRequest& request) {
  BodyFields fields(request.body);
  VersionWish out{.space = fields.text("space"), .path = fields.bytes("path"), .snapshot = fields.text("snapshot")};
  BEFFROI_CHECK(fields.finish());
  return out;
}

Result<Json> name_version(const ShareLook& look, const VersionWish& wish) {
  BEFFROI_TRY(const std::string entry_path, path_in_share(*look.share, wish.path));
  BEFFROI_TRY(ShareHistory history, history_of(look));
  BEFFROI_TRY(const PathVersion version, history.version(entry_path, wish.snapshot));
  Json out = version_json(history, version);
  out["space"] = look.share->space.hex();
  out["folder"] = look.share->folder;
  return out;
}

asio::awaitable<Result<void>> answer_version(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const VersionWish wish, read_wish(request));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, wish.space));
  BEFFROI_CO_TRY(Json out, co_await station.streams.run([&] { return name_version(look, wish); }));
  co_return co_await reply_json(exchange, std::move(out));
}

/// What another member's tree says beyond what a shared folder holds reaches no client: root may be writing it.
Result<void> stream_version(const ShareLook& look, const VersionWish& wish, FrameSender& sender) {
  Vault& vault = *look.share->vault;
  BEFFROI_TRY(const std::string entry_path, path_in_share(*look.share, wish.path));
  BEFFROI_TRY(const Snapshot snapshot, vault.resolve(wish.snapshot));
  BEFFROI_TRY(auto keys, vault.keys_for(snapshot.sealed.content_generation));
  const storage::ObjectOpener opener(std::move(keys), look.source);
  BEFFROI_CHECK(stream_restore(
      opener, snapshot.commit.clear.root, {{entry_path}}, {},
      [&sender](ByteView head, ByteView rest) { return sender.send(head, rest); }, {}, *look.job->progress(),
      kReadAheadThreads, {}, storage::keep_shared_part));
  return {};
}

asio::awaitable<Result<void>> answer_restore(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const VersionWish wish, read_wish(request));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, wish.space));
  co_return co_await stream_frames(exchange, station.streams,
                                   [&](FrameSender& sender) { return stream_version(look, wish, sender); });
}

struct RewindWish {
  std::string space;
  storage::UnixTime to;
  bool dry_run = false;
};

Result<RewindWish> read_rewind(const HttpRequest& request) {
  BodyFields fields(request.body);
  RewindWish out{.space = fields.text("space"), .to = {}};
  const auto to = fields.number("to");
  out.dry_run = fields.flag("dry_run");
  BEFFROI_CHECK(fields.finish());
  if (!to || *to > INT64_MAX)
    return fail(ErrorCode::usage, N_("The request's field \"{}\" can't be used."), std::string("to"));
  out.to.seconds = static_cast<std::int64_t>(*to);
  return out;
}

Result<Json> rewind(const ShareLook& look, const RewindWish& wish, storage::UnixTime now) {
  BEFFROI_TRY(ShareHistory history, history_of(look));
  BEFFROI_TRY(const Rewind found, history.rewind(wish.to));
  Json out = {{"space", look.share->space.hex()},
              {"as_of", found.as_of.commit.id.hex()},
              {"files_added", found.added},
              {"files_changed", found.changed},
              {"files_deleted", found.deleted},
              {"others_open", found.others_open},
              {"snapshot", nullptr},
              {"dry_run", wish.dry_run}};
  if (wish.dry_run || found.added + found.changed + found.deleted == 0) return out;
  const auto role = own_role(*look.share);
  if (!role || !storage::role_writes(*role))
    return fail(ErrorCode::refused,
                N_("You may only read in this space. Ask a member who may write to go back in time."));
  BEFFROI_TRY(const storage::Commit made,
              commit_rewind(*look.share->vault, history.timeline(), found, author_of(*look.share, now)));
  out["snapshot"] = made.id.hex();
  return out;
}

asio::awaitable<Result<void>> answer_rewind(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const RewindWish wish, read_rewind(request));
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, wish.space));
  BEFFROI_CO_TRY(Json out, co_await station.streams.run([&] { return rewind(look, wish, station.clock.now()); }));
  const bool changed = !out["snapshot"].is_null();
  if (changed && station.shares.control() != nullptr) station.shares.control()->look(look.share->space);
  co_return co_await reply_json(exchange, std::move(out));
}

}  // namespace

void add_space_history_routes(Routes& routes, StationContext& station) {
  const AdminRoutes add(routes, station);
  add("GET", "/v1/spaces/versions", answer_versions);
  add("GET", "/v1/spaces/trash", answer_trash);
  add("GET", "/v1/spaces/changes", answer_changes);
  add("POST", "/v1/spaces/version", answer_version);
  add("POST", "/v1/spaces/restore", answer_restore);
  add("POST", "/v1/spaces/rewind", answer_rewind);
}

}  // namespace beffroi::daemon
