#include "daemon/backup/file_reader.h"

#include <fcntl.h>

#include "daemon/backup/metadata.h"

namespace beffroi::daemon {
namespace {

// A file that grows while it is read is read this far beyond what its size was: a log may grow for ever.
constexpr std::uint64_t kMaxGrowthBytes = 16ULL * 1024 * 1024;
// Files above this are not left in the system's cache: they would push out what people work with.
constexpr off_t kDropFromCacheBytes = off_t{16} * 1024 * 1024;
constexpr off_t kStatBlockBytes = 512;

std::unexpected<Error> read_failure() { return fail(ErrorCode::io, N_("Cannot read this file: {}."), errno_text()); }

bool is_another(const struct stat& seen, const struct stat& now, bool network) {
  if (network) return seen.st_uid != now.st_uid || seen.st_gid != now.st_gid;
  return seen.st_dev != now.st_dev || seen.st_ino != now.st_ino;
}

/// Bytes read at `offset`: as many as asked for, unless the file ends before.
Result<std::size_t> read_at(int file, std::uint64_t offset, std::span<std::uint8_t> out) {
  std::size_t filled = 0;
  while (filled < out.size()) {
    const ssize_t got = ::pread(file, out.data() + filled, out.size() - filled, static_cast<off_t>(offset + filled));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return read_failure();
    if (got == 0) break;
    filled += static_cast<std::size_t>(got);
  }
  return filled;
}

}  // namespace

Result<FileReading> FileReader::read(const OpenFolder& folder, const std::string& name, std::size_t whole_bytes,
                                     const Take& take, const struct stat* seen, bool network) {
  const FileDescriptor file = open_file_at(folder->get(), name);
  FileReading out;
  if (!file && (errno == ENOENT || errno == ELOOP)) return fail(ErrorCode::not_found, N_("This file is gone."));
  if (!file || ::fstat(file.get(), &out.before) != 0) return read_failure();
  if (!S_ISREG(out.before.st_mode)) return fail(ErrorCode::not_found, N_("This file is gone."));
  if (seen != nullptr && is_another(*seen, out.before, network))
    return fail(ErrorCode::io, N_("This file was replaced by another one before it was read."));
  const off_t size = out.before.st_size;
  if (static_cast<std::uint64_t>(size) <= whole_bytes) {
    BEFFROI_CHECK(read_whole(file.get(), whole_bytes, take));
  } else {
    ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);
    const bool sparse = out.before.st_blocks < size / kStatBlockBytes;
    BEFFROI_TRY(const std::uint64_t end,
                sparse ? read_sparse(file.get(), out.before, take) : read_data(file.get(), 0, UINT64_MAX, take));
    out.changed = end != static_cast<std::uint64_t>(size);
    if (size > kDropFromCacheBytes) ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_DONTNEED);
  }
  struct stat after{};
  if (::fstat(file.get(), &after) != 0) return read_failure();
  out.changed = out.changed || fingerprint_of(after, network) != fingerprint_of(out.before, network);
  return out;
}

Result<void> FileReader::read_whole(int file, std::size_t whole_bytes, const Take& take) {
  filled_ = begin_;
  // One byte more tells whether the file has grown.
  BEFFROI_TRY(const std::size_t length, read_at(file, 0, make_room().first(whole_bytes + 1)));
  if (length == 0) return {};
  if (length <= whole_bytes) return take({0, length, ByteView(*buffer_).subspan(begin_, length), nullptr, true});
  BEFFROI_CHECK(read_data(file, 0, UINT64_MAX, take));
  return {};
}

/// Room to read into, behind what is in the buffer; with too little left, in another one, to which that goes along.
std::span<std::uint8_t> FileReader::make_room() {
  if (buffer_->size() - filled_ < kReadRoomBytes) {
    const auto next = buffers_.take();
    std::copy(buffer_->begin() + static_cast<std::ptrdiff_t>(begin_),
              buffer_->begin() + static_cast<std::ptrdiff_t>(filled_), next->begin());
    filled_ -= std::exchange(begin_, 0);
    buffer_ = next;
  }
  return std::span(*buffer_).subspan(filled_);
}

/// Data and holes in turn, as the file system tells them apart. Returns the file's length as it was met.
Result<std::uint64_t> FileReader::read_sparse(int file, const struct stat& status, const Take& take) {
  const auto end = static_cast<std::uint64_t>(status.st_size);
  std::uint64_t at = 0;
  while (at < end) {
    const off_t data = ::lseek(file, static_cast<off_t>(at), SEEK_DATA);
    if (data < 0 && errno != ENXIO) return read_data(file, at, UINT64_MAX, take);
    const std::uint64_t data_begin = data < 0 ? end : std::min(end, static_cast<std::uint64_t>(data));
    if (data_begin > at) BEFFROI_CHECK(take({at, data_begin - at, {}, nullptr, false}));
    if (data_begin == end) return end;
    const off_t hole = ::lseek(file, static_cast<off_t>(data_begin), SEEK_HOLE);
    const std::uint64_t data_end = hole < 0 ? end : std::min(end, static_cast<std::uint64_t>(hole));
    BEFFROI_TRY(at, read_data(file, data_begin, data_end, take));
    if (at < data_end) return at;  // it became shorter
  }
  return at;
}

/// Cuts the data from `from` to `to`, or to the file's end. Returns where it ended.
Result<std::uint64_t> FileReader::read_data(int file, std::uint64_t from, std::uint64_t to, const Take& take) {
  struct stat status{};
  if (::fstat(file, &status) != 0) return read_failure();
  const std::uint64_t limit = std::min(to, static_cast<std::uint64_t>(status.st_size) + kMaxGrowthBytes);
  // It became shorter, and may grow again at any moment.
  if (from >= limit) return from;
  filled_ = begin_;
  std::uint64_t position = from;  // in the file, of begin_
  bool at_end = false;
  for (;;) {
    const ByteView rest = ByteView(*buffer_).subspan(begin_, filled_ - begin_);
    const std::size_t length = rest.empty() ? 0 : chunker_.next_cut(rest);
    if (length == rest.size() && length < storage::kChunkMaxBytes && !at_end) {
      // Where this chunk ends is still to be read.
      const auto room = make_room();
      const std::uint64_t next = position + rest.size();
      const std::size_t wanted = std::min<std::uint64_t>(room.size(), limit - next);
      BEFFROI_TRY(const std::size_t got, read_at(file, next, room.first(wanted)));
      at_end = got < room.size();
      filled_ += got;
      continue;
    }
    if (length == 0) return position;
    BEFFROI_CHECK(take({position, length, rest.first(length), buffer_, false}));
    begin_ += length;
    position += length;
  }
}

std::shared_ptr<Bytes> ReadBuffers::take() {
  std::unique_ptr<Bytes> buffer;
  {
    const std::lock_guard lock(free_->mutex);
    if (!free_->buffers.empty()) {
      buffer = std::move(free_->buffers.back());
      free_->buffers.pop_back();
    }
  }
  if (!buffer) buffer = std::make_unique<Bytes>(kReadBufferBytes);
  return {buffer.release(), [free = free_](Bytes* done) {
            std::unique_ptr<Bytes> back(done);
            const std::lock_guard lock(free->mutex);
            free->buffers.push_back(std::move(back));
          }};
}

}  // namespace beffroi::daemon
