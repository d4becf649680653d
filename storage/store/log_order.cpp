#include "storage/store/log_order.h"

#include <rocksdb/env.h>
#include <rocksdb/file_system.h>

#include <mutex>

namespace beffroi::storage {
namespace {

// The log that was created last, as long as it is open.
class CurrentLog {
 public:
  rocksdb::IOStatus sync() {
    const std::lock_guard lock(mutex_);
    return file_ == nullptr ? rocksdb::IOStatus::OK() : file_->Fsync({}, nullptr);
  }
  void set(rocksdb::FSWritableFile* file) {
    const std::lock_guard lock(mutex_);
    file_ = file;
  }
  void closed(const rocksdb::FSWritableFile* file) {
    const std::lock_guard lock(mutex_);
    if (file_ == file) file_ = nullptr;
  }

 private:
  std::mutex mutex_;
  rocksdb::FSWritableFile* file_ = nullptr;
};

class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  LogFile(std::shared_ptr<CurrentLog> current, std::unique_ptr<rocksdb::FSWritableFile> file)
      : FSWritableFileOwnerWrapper(std::move(file)), current_(std::move(current)) {
    current_->set(target());
  }
  ~LogFile() override { current_->closed(target()); }
  // RocksDB closes a log that it leaves only after it synced it, or when the database closes.
  rocksdb::IOStatus Close(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug) override {
    current_->closed(target());
    return FSWritableFileOwnerWrapper::Close(options, debug);
  }

 private:
  std::shared_ptr<CurrentLog> current_;
};

class LogOrderingFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  using FileSystemWrapper::FileSystemWrapper;
  const char* Name() const override { return "LogOrderingFileSystem"; }

  rocksdb::IOStatus NewWritableFile(const std::string& path, const rocksdb::FileOptions& options,
                                    std::unique_ptr<rocksdb::FSWritableFile>* file,
                                    rocksdb::IODebugContext* debug) override {
    if (!path.ends_with(".log")) return FileSystemWrapper::NewWritableFile(path, options, file, debug);
    rocksdb::IOStatus status = current_->sync();
    std::unique_ptr<rocksdb::FSWritableFile> log;
    if (status.ok()) status = FileSystemWrapper::NewWritableFile(path, options, &log, debug);
    if (status.ok()) *file = std::make_unique<LogFile>(current_, std::move(log));
    return status;
  }

 private:
  std::shared_ptr<CurrentLog> current_ = std::make_shared<CurrentLog>();
};

class LogOrderingEnv final : public rocksdb::EnvWrapper {
 public:
  explicit LogOrderingEnv(rocksdb::Env& base) : EnvWrapper(&base) {
    file_system_ = std::make_shared<LogOrderingFileSystem>(base.GetFileSystem());
    system_clock_ = base.GetSystemClock();
  }
  const char* Name() const override { return "LogOrderingEnv"; }
};

}  // namespace

std::unique_ptr<rocksdb::Env> make_log_ordering_env(rocksdb::Env& base) {
  return std::make_unique<LogOrderingEnv>(base);
}

}  // namespace beffroi::storage
