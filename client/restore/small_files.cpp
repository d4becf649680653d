#include "client/restore/small_files.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace beffroi::client {
namespace {

/// errno of a failure, or 0.
int write_at(int file, std::uint64_t offset, ByteView bytes) {
  while (!bytes.empty()) {
    const ssize_t written = pwrite(file, bytes.data(), bytes.size(), static_cast<off_t>(offset));
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    bytes = bytes.subspan(static_cast<std::size_t>(written));
    offset += static_cast<std::uint64_t>(written);
  }
  return 0;
}

int write_content(int descriptor, const SmallFile& file) {
  std::uint64_t end = 0;
  for (const auto& [offset, bytes] : file.pieces) {
    if (const int error = write_at(descriptor, offset, bytes); error != 0) return error;
    end = std::max(end, offset + bytes.size());
  }
  if (end == file.entry.size) return 0;
  return ftruncate(descriptor, static_cast<off_t>(file.entry.size)) == 0 ? 0 : errno;
}

void write_file(SmallFile& file) {
  const int folder = file.folder->get();
  file.plan = plan_file(folder, file.name, file.entry, file.overwrite);
  if (file.plan == FilePlan::leave || file.plan == FilePlan::folder_in_the_way) return;
  const std::string temporary = temporary_name();
  const Descriptor made(openat(folder, temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  file.error = made ? write_content(made.get(), file) : errno;
  if (!made) return;
  if (file.error == 0) {
    file.metadata = apply_metadata({made.get(), false}, file.entry, file.owner, file.privileged);
    file.error = publish_file(folder, temporary, folder, file.name, file.plan == FilePlan::replace);
  }
  if (file.error != 0) unlinkat(folder, temporary.c_str(), 0);
}

}  // namespace

SmallFiles::SmallFiles(std::size_t threads) {
  for (std::size_t i = 0; i < threads; ++i) try {
      threads_.emplace_back([this] { work(); });
    } catch (const std::system_error&) {
      // The system allows no more: those that are there do it all.
      if (threads_.empty()) throw;
      break;
    }
}

SmallFiles::~SmallFiles() {
  {
    const std::lock_guard lock(mutex_);
    closed_ = true;
  }
  submitted_.notify_all();
}

void SmallFiles::submit(const std::shared_ptr<SmallFile>& file) {
  {
    const std::lock_guard lock(mutex_);
    waiting_.push_back(file);
  }
  submitted_.notify_one();
}

void SmallFiles::wait(const SmallFile& file) {
  std::unique_lock lock(mutex_);
  written_.wait(lock, [&] { return file.done; });
}

bool SmallFiles::is_done(const SmallFile& file) {
  const std::lock_guard lock(mutex_);
  return file.done;
}

/// Files of one folder, if possible of one in which nobody is at work: the file system lets one at a time make files
/// there.
SmallFiles::Files SmallFiles::take_some() {
  constexpr std::size_t kMaxAtOnce = 16;
  const auto is_free = [&](const auto& file) {
    return std::find(busy_.begin(), busy_.end(), file->folder.get()) == busy_.end();
  };
  auto file = std::find_if(waiting_.begin(), waiting_.end(), is_free);
  if (file == waiting_.end()) file = waiting_.begin();
  const Descriptor* const folder = (*file)->folder.get();
  const auto begin = file;
  Files out;
  for (; file != waiting_.end() && (*file)->folder.get() == folder && out.size() < kMaxAtOnce; ++file)
    out.push_back(std::move(*file));
  waiting_.erase(begin, file);
  busy_.push_back(folder);
  return out;
}

void SmallFiles::work() {
  for (;;) {
    Files files;
    {
      std::unique_lock lock(mutex_);
      submitted_.wait(lock, [&] { return closed_ || !waiting_.empty(); });
      if (waiting_.empty()) return;
      files = take_some();
    }
    for (const auto& file : files) write_file(*file);
    {
      const std::lock_guard lock(mutex_);
      busy_.erase(std::find(busy_.begin(), busy_.end(), files.front()->folder.get()));
      for (const auto& file : files) file->done = true;
    }
    written_.notify_one();
  }
}

}  // namespace beffroi::client
