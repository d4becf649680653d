#include "daemon/share/content_writer.h"

#include <sys/statvfs.h>

#include <algorithm>

namespace beffroi::daemon {
namespace {

// A source far away answers for many at once.
constexpr std::size_t kPrefetchIds = 64;

Error cannot_write(int error) {
  return {write_error_code(error), N_("This file could not be written: {}."), {errno_text(error)}};
}

std::optional<Error> write_at(int file, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return cannot_write(errno);
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return std::nullopt;
}

std::unexpected<Error> not_cut_so() {
  return fail(
      ErrorCode::corrupt,
      N_("This file is put together of pieces as no station cuts them, and so is not written. Ask who shared it "
         "to save it anew."));
}

}  // namespace

ErrorCode write_error_code(int error) {
  switch (error) {
    case ENOSPC:
    case EDQUOT:
      return ErrorCode::disk_full;
    case EFBIG:
    case EINVAL:
    case EOVERFLOW:
      return ErrorCode::refused;
    default:
      return ErrorCode::io;
  }
}

std::uint64_t room_for_content(int file) {
  struct statvfs disk{};
  if (::fstatvfs(file, &disk) != 0 || disk.f_blocks == 0) return UINT64_MAX;
  const auto block = static_cast<std::uint64_t>(disk.f_frsize);
  const std::uint64_t free = disk.f_bavail * block, kept = std::min(kMinFreeBytes, disk.f_blocks * block / 10);
  return free > kept ? free - kept : 0;
}

Result<void> ContentWriter::check_room(const storage::Entry& entry, std::uint64_t room) const {
  if (entry.size <= room) return {};
  std::uint64_t needed = 0;
  return for_each_segment(entry, [&](const storage::Segment& segment) -> Result<void> {
    // A block at least, so that the room bounds how many there are.
    if (segment.object) needed += std::max(segment.length, kLeastPieceBytes);
    if (needed <= room) return {};
    return fail(ErrorCode::disk_full,
                N_("There is not enough room for this file on the disk of the shared folder. Make room on it."));
  });
}

/// The same few bytes, or no bytes at all, may be named any number of times: what a station would not have written is
/// not read to its end.
Result<void> ContentWriter::for_each_segment(const storage::Entry& entry, const Visit& visit) const {
  const std::uint64_t most = entry.size / kLeastPieceBytes + 2;
  std::uint64_t count = 0, rest = entry.size;
  bool after_hole = false;
  return storage::for_each_segment(entry, opener_, [&](const storage::Segment& segment) -> Result<void> {
    if (cancel_) return fail(ErrorCode::cancelled, N_("Bringing the shared folder up to date was stopped."));
    const bool is_hole = !segment.object;
    if (++count > most || (is_hole && after_hole) || segment.length > rest) return not_cut_so();
    after_hole = is_hole;
    rest -= segment.length;
    return visit(segment);
  });
}

void ContentWriter::add(const std::shared_ptr<NewFile>& file, const storage::Entry& entry) {
  std::uint64_t offset = 0;
  const auto listed = for_each_segment(entry, [&](const storage::Segment& segment) -> Result<void> {
    // The rest needn't be fetched.
    if (file->failure) return std::unexpected(*file->failure);
    const std::uint64_t at = std::exchange(offset, offset + segment.length);
    if (!segment.object) return {};
    Piece piece{file, std::make_shared<SegmentTask>(), at};
    piece.task->segment = segment;
    upcoming_.push_back(piece.task);
    bytes_ahead_ += segment.length;
    pieces_.push_back(std::move(piece));
    if (upcoming_.size() >= kPrefetchIds) dispatch();
    write_until(kMaxContentAheadItems, kMaxContentAheadBytes);
    return {};
  });
  if (!listed && !file->failure) file->failure = listed.error();
  // A hole at the end.
  if (!file->failure && ::ftruncate(file->file.get(), static_cast<off_t>(offset)) != 0)
    file->failure = cannot_write(errno);
}

void ContentWriter::finish() { write_until(0, 0); }

void ContentWriter::dispatch() {
  if (!upcoming_.empty()) ahead_.add(std::exchange(upcoming_, {}));
}

void ContentWriter::write_until(std::size_t max_items, std::size_t max_bytes) {
  while (pieces_.size() > max_items || (bytes_ahead_ > max_bytes && !pieces_.empty())) {
    const Piece piece = std::move(pieces_.front());
    pieces_.pop_front();
    bytes_ahead_ -= piece.task->segment.length;
    // It may be among those that were only collected so far.
    if (!piece.task->given) dispatch();
    ahead_.wait(piece.task);
    if (piece.file->failure) continue;
    if (!piece.task->bytes)
      piece.file->failure = piece.task->bytes.error();
    else
      piece.file->failure = write_at(piece.file->file.get(), piece.offset, *piece.task->bytes);
  }
}

}  // namespace beffroi::daemon
