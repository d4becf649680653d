// Small files that are never overwritten: the kit's sheet, the peer's details.
#pragma once

#include <string>

#include "crypto/bytes.h"
#include "crypto/result.h"

namespace beffroi::client {

enum class FileAudience { owner, everybody };  ///< mode 0600 or 0644

/// Creates `path` and writes all of `content`, file and folder synced. already_exists: something of that name is there
/// (a symbolic link too) and stays as it is; io, disk_full: nothing of it is left.
Result<void> write_new_file(const std::string& path, ByteView content, FileAudience audience);

/// All of a file of at most 64 KiB, or of standard input for "-". not_found, io, limit_exceeded. The caller wipes a
/// secret.
Result<std::string> read_short_file(const std::string& path);

/// ErrorCode::already_exists when something of that name is there.
Result<void> check_absent(const std::string& path);

}  // namespace beffroi::client
