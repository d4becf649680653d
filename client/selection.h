// SNAP[:PATH] and paths, as they are written on the command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace beffroi::client {

/// `snapshot` is an id's beginning or "latest" (never empty); `path` is absolute and normal ("/a/b"), any bytes, and
/// absent when no colon was written. "/" selects everything.
struct Selection {
  std::string snapshot;
  std::optional<std::string> path;
  bool operator==(const Selection&) const = default;
};

/// Splits at the first colon: a snapshot's name has none, a path may have many. ErrorCode::usage for an empty name or
/// path, or a path with "..".
Result<Selection> parse_selection(std::string_view text);

/// "/" + components, without empty ones and "."; a path that does not begin with '/' is taken from the root, as in ls's
/// output. ErrorCode::usage for "..", which has no meaning in a snapshot.
Result<std::string> normal_snapshot_path(std::string_view path);

/// An absolute path of this machine, from the current folder, without resolving symbolic links. ErrorCode::io when
/// there is no current folder.
Result<std::string> absolute_path(std::string_view path);

}  // namespace beffroi::client
