#include "tests/sim/world/sim_disk.h"

#include <rocksdb/env.h>

#include <algorithm>

namespace beffroi::sim {
namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;

class SilentLogger final : public rocksdb::Logger {
 public:
  using rocksdb::Logger::Logv;
  void Logv(const char*, va_list) override {}
  std::size_t GetLogFileSize() const override { return 0; }
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::string of) : path(std::move(of)) {}
  std::string path;
};

// One name for each file: RocksDB writes some with a slash too many.
std::string clean(const std::string& path) {
  std::string out;
  for (const char c : path)
    if (c != '/' || out.empty() || out.back() != '/') out.push_back(c);
  if (out.size() > 1 && out.back() == '/') out.pop_back();
  return out;
}

std::string parent(const std::string& path) { return path.substr(0, path.rfind('/')); }

}  // namespace

// One class for both ways of reading; the file does not change under a reader but by appends.
class SimDisk::Reader final : public rocksdb::FSSequentialFile, public rocksdb::FSRandomAccessFile {
 public:
  Reader(SimDisk& disk, std::shared_ptr<File> file) : disk_(disk), file_(std::move(file)) {}
  IOStatus Read(size_t n, const IOOptions& options, rocksdb::Slice* out, char* scratch,
                IODebugContext* debug) override {
    const IOStatus status = Read(at_, n, options, out, scratch, debug);
    at_ += out->size();
    return status;
  }
  IOStatus Skip(std::uint64_t n) override {
    at_ += n;
    return IOStatus::OK();
  }
  IOStatus Read(std::uint64_t offset, size_t n, const IOOptions&, rocksdb::Slice* out, char* scratch,
                IODebugContext*) const override {
    const std::lock_guard lock(disk_.mutex_);
    const std::size_t from = std::min<std::size_t>(offset, file_->bytes.size());
    const std::size_t count = std::min(n, file_->bytes.size() - from);
    std::copy_n(file_->bytes.data() + from, count, scratch);
    *out = rocksdb::Slice(scratch, count);
    return IOStatus::OK();
  }
  IOStatus InvalidateCache(size_t, size_t) override { return IOStatus::OK(); }
  bool use_direct_io() const override { return false; }
  size_t GetRequiredBufferAlignment() const override { return 1; }
  rocksdb::Temperature GetTemperature() const override { return rocksdb::Temperature::kUnknown; }

 private:
  SimDisk& disk_;
  std::shared_ptr<File> file_;
  std::uint64_t at_ = 0;
};

class SimDisk::Writer final : public rocksdb::FSWritableFile {
 public:
  Writer(SimDisk& disk, std::string path, std::shared_ptr<File> file)
      : disk_(disk), path_(std::move(path)), file_(std::move(file)) {}
  using FSWritableFile::Append;
  IOStatus Append(const rocksdb::Slice& data, const IOOptions&, IODebugContext*) override {
    return disk_.append(path_, *file_, {data.data(), data.size()});
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return disk_.sync(*file_); }
  bool IsSyncThreadSafe() const override { return true; }
  std::uint64_t GetFileSize(const IOOptions&, IODebugContext*) override {
    const std::lock_guard lock(disk_.mutex_);
    return file_->bytes.size();
  }

 private:
  SimDisk& disk_;
  std::string path_;
  std::shared_ptr<File> file_;
};

class SimDisk::Folder final : public rocksdb::FSDirectory {
 public:
  Folder(SimDisk& disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return disk_.sync_folder(path_); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  SimDisk& disk_;
  std::string path_;
};

void SimDisk::stop_after(std::uint64_t changes, Stop how) {
  const std::lock_guard lock(mutex_);
  stop_at_ = changes_ + changes;
  stop_how_ = how;
}

bool SimDisk::has_stopped() {
  const std::lock_guard lock(mutex_);
  return moment_.has_value();
}

void SimDisk::start_again() {
  const std::lock_guard lock(mutex_);
  if (!moment_) keep_moment();
  now_ = std::move(*moment_);
  moment_.reset();
  if (stop_how_ == Stop::power) {
    drop_unsynced(now_);
    take_back_entries(now_);
  }
  stop_at_ = std::numeric_limits<std::uint64_t>::max();
}

void SimDisk::keep_moment() { moment_ = copy(now_); }

SimDisk::Image SimDisk::copy(const Image& image) {
  Image out{{}, image.entries};
  for (const auto& [path, file] : image.files) out.files[path] = std::make_shared<File>(*file);
  return out;
}

SimDisk::Image SimDisk::image() {
  const std::lock_guard lock(mutex_);
  return copy(now_);
}

void SimDisk::put_back(const Image& image) {
  const std::lock_guard lock(mutex_);
  now_ = copy(image);
  // Whoever copies an image back sees to it that it stays.
  for (const auto& [path, file] : now_.files) file->synced = file->bytes.size();
  now_.entries.clear();
}

void SimDisk::drop_unsynced(Image& image) {
  for (const auto& [path, file] : image.files) {
    const std::size_t unsynced = file->bytes.size() - file->synced;
    if (unsynced == 0) continue;
    const std::size_t left = random_.below(2) == 0 ? 0 : random_.below(unsynced + 1);
    file->bytes.resize(file->synced + left);
    // The length may reach the disk before the bytes do. Of logs only: see tests/support/fault_env.h.
    if (path.ends_with(".log") && random_.below(3) == 0)
      file->bytes.resize(file->bytes.size() + random_.below(unsynced - left + 1), '\0');
    file->synced = file->bytes.size();
  }
}

void SimDisk::take_back_entries(Image& image) {
  const std::size_t durable = random_.below(image.entries.size() + 1);
  for (std::size_t i = image.entries.size(); i > durable; --i) {
    const Entry& entry = image.entries[i - 1];
    auto file = image.files.extract(entry.path);
    if (!file) continue;
    if (!entry.renamed_from.empty()) image.files[entry.renamed_from] = file.mapped();
    if (entry.replaced) image.files[entry.path] = entry.replaced;
  }
  image.entries.clear();
}

void SimDisk::set_free_bytes(std::optional<std::uint64_t> bytes) {
  const std::lock_guard lock(mutex_);
  free_bytes_ = bytes;
}

void SimDisk::fail_changes(std::uint64_t after, std::uint64_t count) {
  const std::lock_guard lock(mutex_);
  fail_from_ = changes_ + after;
  fail_until_ = fail_from_ + count;
}

void SimDisk::mend() {
  const std::lock_guard lock(mutex_);
  free_bytes_.reset();
  fail_from_ = fail_until_ = 0;
}

std::uint64_t SimDisk::writes_without_room() {
  const std::lock_guard lock(mutex_);
  return writes_without_room_;
}

std::uint64_t SimDisk::write_errors() {
  const std::lock_guard lock(mutex_);
  return write_errors_;
}

IOStatus SimDisk::change() {
  if (changes_ >= stop_at_ && !moment_) keep_moment();
  const std::uint64_t number = changes_++;
  if (number < fail_from_ || number >= fail_until_) return IOStatus::OK();
  ++write_errors_;
  return IOStatus::IOError("the disk does not answer");
}

std::shared_ptr<SimDisk::File> SimDisk::find(const std::string& path) const {
  const auto found = now_.files.find(path);
  return found == now_.files.end() ? nullptr : found->second;
}

// What fails, does not fit, or is under way when the power goes, is written in part.
IOStatus SimDisk::append(const std::string& path, File& file, std::string_view data) {
  const std::lock_guard lock(mutex_);
  const bool was_stopped = moment_.has_value();
  IOStatus status = change();
  std::size_t fits = data.size();
  if (!status.ok()) {
    fits = random_.below(data.size() + 1);
  } else if (free_bytes_ && data.size() > *free_bytes_) {
    fits = *free_bytes_;
    ++writes_without_room_;
    status = IOStatus::NoSpace("the disk is full");
  }
  file.bytes.append(data.substr(0, fits));
  if (free_bytes_) *free_bytes_ -= std::min<std::uint64_t>(*free_bytes_, fits);
  if (moment_ && !was_stopped)
    if (const auto kept = moment_->files.find(path); kept != moment_->files.end())
      kept->second->bytes.append(data.substr(0, random_.below(fits + 1)));
  return status;
}

IOStatus SimDisk::sync(File& file) {
  const std::lock_guard lock(mutex_);
  IOStatus status = change();
  if (status.ok() && free_bytes_ && *free_bytes_ == 0) {
    ++writes_without_room_;
    return IOStatus::NoSpace("the disk is full");
  }
  if (status.ok()) file.synced = file.bytes.size();
  return status;
}

IOStatus SimDisk::sync_folder(const std::string& path) {
  const std::lock_guard lock(mutex_);
  IOStatus status = change();
  if (status.ok()) std::erase_if(now_.entries, [&](const Entry& entry) { return parent(entry.path) == path; });
  return status;
}

IOStatus SimDisk::NewSequentialFile(const std::string& name, const rocksdb::FileOptions&,
                                    std::unique_ptr<rocksdb::FSSequentialFile>* out, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  auto file = find(path);
  if (!file) return IOStatus::PathNotFound(path);
  *out = std::make_unique<Reader>(*this, std::move(file));
  return IOStatus::OK();
}

IOStatus SimDisk::NewRandomAccessFile(const std::string& name, const rocksdb::FileOptions&,
                                      std::unique_ptr<rocksdb::FSRandomAccessFile>* out, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  auto file = find(path);
  if (!file) return IOStatus::PathNotFound(path);
  *out = std::make_unique<Reader>(*this, std::move(file));
  return IOStatus::OK();
}

IOStatus SimDisk::NewWritableFile(const std::string& name, const rocksdb::FileOptions&,
                                  std::unique_ptr<rocksdb::FSWritableFile>* out, IODebugContext*) {
  const std::string path = clean(name);
  // RocksDB writes them and reads them back at each start, which takes four fifths of a run, and does without them.
  if (path.contains("/OPTIONS-")) return IOStatus::NotSupported(path);
  const std::lock_guard lock(mutex_);
  IOStatus status = change();
  if (!status.ok()) return status;
  auto file = std::make_shared<File>();
  Entry entry{path, {}, find(path)};
  now_.files[path] = file;
  now_.entries.push_back(std::move(entry));
  *out = std::make_unique<Writer>(*this, path, std::move(file));
  return IOStatus::OK();
}

IOStatus SimDisk::NewDirectory(const std::string& name, const IOOptions&, std::unique_ptr<rocksdb::FSDirectory>* out,
                               IODebugContext*) {
  const std::string path = clean(name);
  *out = std::make_unique<Folder>(*this, path);
  return IOStatus::OK();
}

IOStatus SimDisk::FileExists(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  return find(path) || folders_.contains(path) ? IOStatus::OK() : IOStatus::NotFound(path);
}

IOStatus SimDisk::GetChildren(const std::string& name, const IOOptions&, std::vector<std::string>* out,
                              IODebugContext*) {
  const std::string folder = clean(name);
  const std::lock_guard lock(mutex_);
  out->clear();
  if (!folders_.contains(folder)) return IOStatus::NotFound(folder);
  for (const auto& [path, file] : now_.files)
    if (parent(path) == folder) out->push_back(path.substr(folder.size() + 1));
  return IOStatus::OK();
}

// At once and for good: that is the worse case for whoever deletes before what replaces it is durable.
IOStatus SimDisk::DeleteFile(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  IOStatus status = change();
  if (!status.ok()) return status;
  const auto file = find(path);
  if (!file) return IOStatus::PathNotFound(path);
  if (free_bytes_) *free_bytes_ += file->bytes.size();
  now_.files.erase(path);
  std::erase_if(now_.entries, [&](const Entry& entry) { return entry.path == path; });
  return status;
}

// Folders are durable at once: they are made when a database is, before anything is promised.
IOStatus SimDisk::CreateDir(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  folders_.insert(path);
  return IOStatus::OK();
}

IOStatus SimDisk::CreateDirIfMissing(const std::string& path, const IOOptions& options, IODebugContext* debug) {
  return CreateDir(path, options, debug);
}

IOStatus SimDisk::DeleteDir(const std::string& name, const IOOptions&, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  folders_.erase(path);
  return IOStatus::OK();
}

IOStatus SimDisk::GetFileSize(const std::string& name, const IOOptions&, std::uint64_t* out, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  const auto file = find(path);
  if (!file) return IOStatus::PathNotFound(path);
  *out = file->bytes.size();
  return IOStatus::OK();
}

IOStatus SimDisk::GetFileModificationTime(const std::string&, const IOOptions&, std::uint64_t* out, IODebugContext*) {
  *out = 0;
  return IOStatus::OK();
}

IOStatus SimDisk::RenameFile(const std::string& old_name, const std::string& new_name, const IOOptions&,
                             IODebugContext*) {
  const std::string from = clean(old_name);
  const std::string to = clean(new_name);
  const std::lock_guard lock(mutex_);
  IOStatus status = change();
  if (!status.ok()) return status;
  auto file = now_.files.extract(from);
  if (!file) return IOStatus::PathNotFound(from);
  now_.entries.push_back({to, from, find(to)});
  now_.files[to] = file.mapped();
  return status;
}

IOStatus SimDisk::LockFile(const std::string& name, const IOOptions&, rocksdb::FileLock** out, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  if (!locked_.insert(path).second) return IOStatus::IOError("locked", path);
  *out = new Lock(path);
  return IOStatus::OK();
}

IOStatus SimDisk::UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) {
  const std::lock_guard guard(mutex_);
  const std::unique_ptr<Lock> mine(static_cast<Lock*>(lock));
  locked_.erase(mine->path);
  return IOStatus::OK();
}

IOStatus SimDisk::GetTestDirectory(const IOOptions&, std::string* out, IODebugContext*) {
  *out = "/test";
  return IOStatus::OK();
}

IOStatus SimDisk::NewLogger(const std::string&, const IOOptions&, std::shared_ptr<rocksdb::Logger>* out,
                            IODebugContext*) {
  *out = std::make_shared<SilentLogger>();
  return IOStatus::OK();
}

IOStatus SimDisk::GetAbsolutePath(const std::string& path, const IOOptions&, std::string* out, IODebugContext*) {
  *out = path;
  return IOStatus::OK();
}

IOStatus SimDisk::IsDirectory(const std::string& name, const IOOptions&, bool* out, IODebugContext*) {
  const std::string path = clean(name);
  const std::lock_guard lock(mutex_);
  *out = folders_.contains(path);
  return IOStatus::OK();
}

IOStatus SimDisk::GetFreeSpace(const std::string&, const IOOptions&, std::uint64_t* out, IODebugContext*) {
  constexpr std::uint64_t kPlenty = 1ULL << 40;
  const std::lock_guard lock(mutex_);
  *out = free_bytes_.value_or(kPlenty);
  return IOStatus::OK();
}

}  // namespace beffroi::sim
