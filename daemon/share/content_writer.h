// Writes contents out of the space into files that were made for them, opened ahead by threads of their own.
#pragma once

#include <atomic>

#include "daemon/vault/file_descriptor.h"
#include "daemon/vault/read_ahead.h"

namespace beffroi::daemon {

/// What is opened ahead of the writing at most.
inline constexpr std::size_t kMaxContentAheadBytes = std::size_t{24} * 1024 * 1024;
inline constexpr std::size_t kMaxContentAheadItems = 2048;

/// What contents from others leave free on the folder's disk; of a small disk a tenth.
inline constexpr std::uint64_t kMinFreeBytes = std::uint64_t{64} * 1024 * 1024;
/// Stations cut no more pieces than one for each of these many bytes, and two: holes are whole blocks, chunks are
/// longer.
inline constexpr std::uint64_t kLeastPieceBytes = 4096;

/// What errno says of writing one file. disk_full: no room; refused: a matter of this file only (longer than the file
/// system takes); io: all others.
ErrorCode write_error_code(int error);

/// How much may be written into the file system of an open file or folder. What it doesn't tell is no bound.
std::uint64_t room_for_content(int file);

/// A new, empty file.
struct NewFile {
  FileDescriptor file;
  std::optional<Error> failure;  ///< it did not become whole; disk_full: for want of room
};

/// Not thread-safe.
class ContentWriter {
 public:
  /// `opener` and `cancel` outlive it; the latter ends what is being written (cancelled).
  ContentWriter(const storage::ObjectOpener& opener, std::size_t threads, const std::atomic<bool>& cancel)
      : opener_(opener), cancel_(cancel), ahead_(opener, threads, Verify::content) {}
  /// Does the entry's content fit, holes not counted? disk_full: it needs more than `room` bytes. Reads of its content
  /// tree no more than what tells, and nothing at all when it fits with its holes filled.
  Result<void> check_room(const storage::Entry& entry, std::uint64_t room) const;
  /// Writes the entry's content, holes as holes; some of it only with later ones. corrupt: more pieces than any station
  /// makes of a file of this size.
  void add(const std::shared_ptr<NewFile>& file, const storage::Entry& entry);
  /// All is written, or has failed.
  void finish();

 private:
  struct Piece {
    std::shared_ptr<NewFile> file;
    std::shared_ptr<SegmentTask> task;
    std::uint64_t offset = 0;
  };
  using Visit = std::function<Result<void>(const storage::Segment&)>;
  Result<void> for_each_segment(const storage::Entry& entry, const Visit& visit) const;
  void dispatch();
  void write_until(std::size_t max_items, std::size_t max_bytes);

  const storage::ObjectOpener& opener_;
  const std::atomic<bool>& cancel_;
  std::deque<Piece> pieces_;
  std::size_t bytes_ahead_ = 0;
  SegmentTasks upcoming_;
  ReadAhead ahead_;
};

}  // namespace beffroi::daemon
