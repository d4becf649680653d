// What a shared folder holds, as a tree entry says it. Another member's tree may say more, and who writes it for that
// member, perhaps as root, must not do more than this.
#pragma once

#include <optional>
#include <string_view>

#include "storage/tree/entry.h"

namespace beffroi::storage {

/// True for a target that leads nowhere but into the folder, from a link at `entry_path`: relative, and ".." only at
/// its beginning and never above the top. (Then it holds whatever other such links are on the way.)
bool stays_inside(std::string_view entry_path, std::string_view target);

/// Leaves the entry's path, type, content, time, link target, flags, and its rights 0777: no owner, attributes, hard
/// link or set-id bits. An error (refused) for what no shared folder holds: devices, fifos, and links from that path
/// that do not stay inside. Such an entry is not to be written.
std::optional<Error> keep_shared_part(Entry& entry);

}  // namespace beffroi::storage
