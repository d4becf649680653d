// /v1/spaces/files, fetch, free: what a shared space has, and which part of it is kept in the folder here.
#include <nlohmann/json.hpp>

#include "daemon/api/event_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/share_look.h"
#include "daemon/api/space_json.h"
#include "daemon/api/station_api.h"
#include "daemon/share/share_history.h"
#include "daemon/share/share_state.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;

const char* kept_name(const LocalPaths& local, const Entry& entry) {
  if (entry.type == EntryType::directory && local.is_mixed(entry.path)) return "part";
  return local.has(entry.path) ? "yes" : "no";
}

Json file_json(const LocalPaths& local, const Entry& entry) {
  Json out = entry_json(entry);
  for (const char* field : {"uid", "gid", "user", "group", "flags", "digest"}) out.erase(field);
  set_share_path(out, entry.path);
  out["kept_here"] = kept_name(local, entry);
  return out;
}

/// What the newest state of a space that this station knows has at or in `asked`.
Result<void> list(const ShareLook& look, const std::string& asked, bool recursive, LineWriter& writer) {
  const Share& share = *look.share;
  BEFFROI_TRY(const std::string path, path_in_share(share, asked));
  const ShareState rows(share.vault->database());
  BEFFROI_TRY(const FolderState state, rows.folder());
  BEFFROI_TRY(const LocalPaths local, rows.local_paths());
  if (!state.applied)
    return fail(ErrorCode::wrong_state,
                N_("This folder is not in step yet. Start 'beffroi space sync', then try again."));
  BEFFROI_TRY(auto keys, share.vault->keys_for(state.content_generation));
  const storage::ObjectOpener opener(std::move(keys), look.source);
  const storage::TreeReader tree(opener, *state.applied);
  const auto write = [&](const Entry& entry) -> Result<void> {
    BEFFROI_CHECK(writer.looked_at_one());
    // A folder's own line is not part of what is in it.
    const bool is_top = entry.path == path && entry.type == EntryType::directory;
    return is_top ? Result<void>() : writer.write(file_json(local, entry));
  };
  BEFFROI_TRY(const auto top, tree.find(path));
  if (!top && !path.empty())
    return fail(ErrorCode::not_found,
                N_("The space has nothing of this name: {}. 'beffroi space files' shows what it has."),
                share_path_text(path));
  if (top && top->type != EntryType::directory) return write(*top);
  return recursive ? tree.for_each(path, write) : tree.list(path, write);
}

asio::awaitable<Result<void>> answer_files(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_TRY(const std::string path, query_path(request));
  const bool recursive = query_flag(request, "recursive");
  BEFFROI_CO_TRY(const ShareLook look, look_into_share(station, query_text(request, "space")));
  co_return co_await stream_lines(exchange, station.streams,
                                  [&](LineWriter& writer) { return list(look, path, recursive, writer); });
}

Result<std::set<std::string>> paths_in_share(const Share& share, const std::vector<std::string>& asked,
                                             bool everything) {
  std::set<std::string> out;
  if (everything) return std::set<std::string>{""};
  for (const std::string& path : asked) {
    BEFFROI_TRY(std::string entry_path, path_in_share(share, path));
    if (entry_path.empty()) return fail(ErrorCode::usage, N_("That is the whole space: say --all if it is meant."));
    out.insert(std::move(entry_path));
  }
  if (out.empty()) return fail(ErrorCode::usage, N_("Say which files or folders, or --all."));
  return out;
}

using Change = asio::awaitable<Result<PartChange>> (ShareControl::*)(storage::SpaceId, std::set<std::string>);

asio::awaitable<Result<void>> answer_change(StationContext& station, HttpRequest& request, HttpExchange& exchange,
                                            Change change) {
  BodyFields fields(request.body);
  const std::string name = fields.text("space");
  const std::vector<std::string> asked = fields.paths("paths");
  const bool everything = fields.flag("everything");
  BEFFROI_CO_CHECK(fields.finish());
  BEFFROI_CO_TRY(const SharePointer share, station.shares.find(name));
  BEFFROI_CO_TRY(ShareControl* const control, control_of(station, *share));
  BEFFROI_CO_TRY(std::set<std::string> paths, paths_in_share(*share, asked, everything));
  const auto work = [share, control, change, paths]() -> asio::awaitable<Result<Json>> {
    BEFFROI_CO_TRY(const PartChange done, co_await (control->*change)(share->space, paths));
    co_return Json{{"space", share->space.hex()}, {"files", done.files}, {"left", done.left}};
  };
  co_return co_await stream_events(exchange, station.executor, std::make_shared<Progress>(), false, work);
}

}  // namespace

void add_space_file_routes(Routes& routes, StationContext& station) {
  const AdminRoutes add(routes, station);
  add("GET", "/v1/spaces/files", answer_files);
  add("POST", "/v1/spaces/fetch",
      [](auto& s, auto& r, auto& x) { return answer_change(s, r, x, &ShareControl::fetch); });
  add("POST", "/v1/spaces/free", [](auto& s, auto& r, auto& x) { return answer_change(s, r, x, &ShareControl::free); });
}

}  // namespace beffroi::daemon
