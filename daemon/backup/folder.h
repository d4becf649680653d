// Folders by descriptor: every name is opened relative to its folder, so that paths may be longer than PATH_MAX and a
// folder swapped for a symlink leads nowhere.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "crypto/result.h"
#include "daemon/vault/file_descriptor.h"

namespace beffroi::daemon {

/// Shared with those who still open files in it.
using OpenFolder = std::shared_ptr<const FileDescriptor>;

/// Opens a folder for reading, without touching its access time where the system allows. errno is set on failure.
FileDescriptor open_folder_at(int folder, const std::string& name, bool follow_links);
/// The same for an absolute path without "." and "..", of any length. No part of it may be a link: whoever owns one of
/// the folders on the way can't lead a reader with more rights somewhere else.
FileDescriptor open_path_without_links(const std::string& path);
/// Opens a regular file for reading; never follows a link, never waits for a FIFO's other end.
FileDescriptor open_file_at(int folder, const std::string& name);

/// Names in a folder but "." and "..", in byte order. ErrorCode::io with the system's reason.
Result<std::vector<std::string>> read_names(int folder);

}  // namespace beffroi::daemon
