#include "client/selection.h"

#include <filesystem>
#include <vector>

namespace beffroi::client {

Result<std::string> normal_snapshot_path(std::string_view path) {
  std::string out;
  std::size_t from = 0;
  while (from <= path.size()) {
    const auto end = std::min(path.find('/', from), path.size());
    const std::string_view component = path.substr(from, end - from);
    from = end + 1;
    if (component.empty() || component == ".") continue;
    if (component == "..")
      return fail(ErrorCode::usage, N_("\"{}\" has \"..\" in it: write the path as 'beffroi ls' shows it."), path);
    out.append("/").append(component);
  }
  return out.empty() ? "/" : out;
}

Result<Selection> parse_selection(std::string_view text) {
  const auto colon = text.find(':');
  Selection out{std::string(text.substr(0, colon)), std::nullopt};
  if (out.snapshot.empty() || out.snapshot.contains('/'))
    return fail(ErrorCode::usage,
                N_("\"{}\" does not begin with a snapshot: write latest:/path, or an id from 'beffroi snapshots'."),
                text);
  if (colon == std::string_view::npos) return out;
  if (colon + 1 == text.size()) return fail(ErrorCode::usage, N_("\"{}\" has no path after the colon."), text);
  BEFFROI_TRY(out.path, normal_snapshot_path(text.substr(colon + 1)));
  return out;
}

Result<std::string> absolute_path(std::string_view path) {
  std::error_code error;
  const auto whole = std::filesystem::absolute(std::filesystem::path(path), error);
  if (error) return fail(ErrorCode::io, N_("Cannot tell where {} is: {}."), path, error.message());
  std::string out = whole.lexically_normal().native();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

}  // namespace beffroi::client
