// Reads one file's content in pieces: holes as holes, data cut by content.
#pragma once

#include <sys/stat.h>

#include <functional>

#include "daemon/backup/folder.h"
#include "storage/format/chunker.h"

namespace beffroi::daemon {

/// A stretch of a file in order: data, or a hole when `data` is empty.
struct FilePiece {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  Bytes data;
  bool is_whole = false;  ///< nothing stands before or behind it
};

/// What a reading was of.
struct FileReading {
  struct stat before{};
  bool changed = false;  ///< size or times differ between before and after
};

inline constexpr std::size_t kReadBytes = std::size_t{1} * 1024 * 1024;

/// One per thread: keeps its buffer.
class FileReader {
 public:
  explicit FileReader(const storage::Chunker& chunker) : chunker_(chunker), buffer_(4 * kReadBytes) {}

  /// Opens `name` and hands its pieces on in order; a file of up to `whole_bytes` bytes is one piece, holes included.
  /// An error of `take` ends the reading. not_found: gone meanwhile, or no regular file any more; io: can't be opened
  /// or read, or is another file than was `seen`: its entry must not give away what is in that one. On a `network`
  /// inodes and change times mean nothing: there another owner tells, and size and time say whether it changed.
  Result<FileReading> read(const OpenFolder& folder, const std::string& name, std::size_t whole_bytes,
                           const std::function<Result<void>(FilePiece)>& take, const struct stat* seen = nullptr,
                           bool network = false);

 private:
  using Take = std::function<Result<void>(FilePiece)>;
  Result<std::uint64_t> read_sparse(int file, const struct stat& status, const Take& take);
  Result<std::uint64_t> read_data(int file, std::uint64_t from, std::uint64_t to, const Take& take);
  Result<void> read_whole(int file, const Take& take);

  const storage::Chunker& chunker_;
  Bytes buffer_;
};

}  // namespace beffroi::daemon
