// Reads one file's content in pieces: holes as holes, data cut by content.
#pragma once

#include <sys/stat.h>

#include <functional>
#include <mutex>

#include "daemon/backup/folder.h"
#include "storage/format/chunker.h"

namespace beffroi::daemon {

/// A stretch of a file in order: data, or a hole when `data` is empty.
struct FilePiece {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  ByteView data;                        ///< as long as `buffer` is held; of a whole file, during the call only
  std::shared_ptr<const Bytes> buffer;  ///< others share it
  bool is_whole = false;                ///< nothing stands before or behind it
};

/// What a reading was of.
struct FileReading {
  struct stat before{};
  bool changed = false;  ///< size or times differ between before and after
};

inline constexpr std::size_t kReadBufferBytes = 2 * storage::kChunkMaxBytes;
/// With less room left in a buffer the next one is taken.
inline constexpr std::size_t kReadRoomBytes = std::size_t{256} * 1024;

/// Where files are read into. A buffer goes back when the last piece in it is gone, in whatever thread: pieces are
/// never copied, and memory is given out once. Thread-safe; buffers may outlive it.
class ReadBuffers {
 public:
  std::shared_ptr<Bytes> take();

 private:
  struct Free {
    std::mutex mutex;
    std::vector<std::unique_ptr<Bytes>> buffers;
  };
  std::shared_ptr<Free> free_ = std::make_shared<Free>();
};

/// One per thread.
class FileReader {
 public:
  /// Both outlive the reader.
  FileReader(const storage::Chunker& chunker, ReadBuffers& buffers)
      : chunker_(chunker), buffers_(buffers), buffer_(buffers_.take()) {}

  /// Opens `name` and hands its pieces on in order; a file of up to `whole_bytes` bytes (below kReadRoomBytes) is one
  /// piece, holes included.
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
  Result<void> read_whole(int file, std::size_t whole_bytes, const Take& take);
  std::span<std::uint8_t> make_room();

  const storage::Chunker& chunker_;
  ReadBuffers& buffers_;
  std::shared_ptr<Bytes> buffer_;
  std::size_t begin_ = 0;   ///< in the buffer, of what has been read and not handed on; before it others may read
  std::size_t filled_ = 0;  ///< where it ends
};

}  // namespace beffroi::daemon
