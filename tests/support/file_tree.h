// Real folders for tests: made, described, and written back from a restore stream, name by name below open folders, so
// that paths may be longer than PATH_MAX. Independent of the code under test.
#pragma once

#include <dirent.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/xattr.h>

#include <map>
#include <set>
#include <string>
#include <vector>

#include "crypto/assert.h"
#include "daemon/restore/restore_frame.h"
#include "daemon/vault/file_descriptor.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon::testing {

inline FileDescriptor open_dir(int at, const std::string& name) {
  return FileDescriptor(::openat(at, name.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
}

inline void write_file(const std::string& path, std::string_view content) {
  const FileDescriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  BEFFROI_ASSERT(file && ::write(file.get(), content.data(), content.size()) == static_cast<ssize_t>(content.size()));
}

inline std::string read_all(int file) {
  std::string out;
  std::vector<char> buffer(65536);  // not on the stack: callers recurse deeply
  for (ssize_t got = 0; (got = ::read(file, buffer.data(), buffer.size())) > 0;)
    out.append(buffer.data(), static_cast<std::size_t>(got));
  return out;
}

/// Attributes of `name`, "name=value" in order.
inline std::string describe_xattrs(int folder, const std::string& name) {
  const std::string path = "/proc/self/fd/" + std::to_string(folder) + "/" + name;
  std::string names(65536, '\0');
  const ssize_t length = ::llistxattr(path.c_str(), names.data(), names.size());
  std::set<std::string> out;
  for (ssize_t at = 0; at < length; at += static_cast<ssize_t>(std::strlen(names.c_str() + at)) + 1) {
    std::string value(65536, '\0');
    const ssize_t got = ::lgetxattr(path.c_str(), names.c_str() + at, value.data(), value.size());
    if (got < 0) continue;
    out.insert(std::string(names.c_str() + at) + "=" + to_hex(as_bytes(value).first(static_cast<std::size_t>(got))));
  }
  std::string joined;
  for (const std::string& one : out) joined += " " + one;
  return joined;
}

using TreeDescription = std::map<std::string, std::string>;

/// All that a restore must give back of what is below `folder`: entry path below it → type, mode, owner, mtime,
/// content, link target, device, attributes, and which names are links of one file.
class TreeDescriber {
 public:
  TreeDescription describe(const std::string& folder) {
    const FileDescriptor top(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    BEFFROI_ASSERT(top);
    below(top.get(), {});
    return std::move(out_);
  }

 private:
  void below(int folder, const std::string& path) {
    std::set<std::string> names;
    DIR* listing = ::fdopendir(::dup(folder));
    BEFFROI_ASSERT(listing != nullptr);
    ::rewinddir(listing);
    while (const dirent* entry = ::readdir(listing)) names.insert(entry->d_name);
    ::closedir(listing);
    for (const std::string& name : names)
      if (name != "." && name != "..") one(folder, name, path.empty() ? name : path + '\0' + name);
  }

  void one(int folder, const std::string& name, const std::string& path) {
    struct stat status{};
    BEFFROI_ASSERT(::fstatat(folder, name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0);
    if (S_ISSOCK(status.st_mode)) return;
    std::string text = std::to_string(status.st_mode) + " " + std::to_string(status.st_uid) + ":" +
                       std::to_string(status.st_gid) + " " + std::to_string(status.st_mtim.tv_sec) + "." +
                       std::to_string(status.st_mtim.tv_nsec) + describe_xattrs(folder, name);
    if (S_ISLNK(status.st_mode)) {
      std::string target(8192, '\0');
      target.resize(static_cast<std::size_t>(::readlinkat(folder, name.c_str(), target.data(), target.size())));
      text += " -> " + target;
    }
    if (S_ISCHR(status.st_mode) || S_ISBLK(status.st_mode)) text += " dev " + std::to_string(status.st_rdev);
    if (S_ISREG(status.st_mode)) {
      const FileDescriptor file(::openat(folder, name.c_str(), O_RDONLY | O_NOFOLLOW | O_CLOEXEC));
      const std::string content = read_all(file.get());
      text += " " + std::to_string(content.size()) + " bytes " + std::to_string(std::hash<std::string>()(content));
      if (status.st_nlink > 1)
        text += " link of " + links_.try_emplace({status.st_dev, status.st_ino}, path).first->second;
    }
    out_[path] = text;
    if (S_ISDIR(status.st_mode)) below(open_dir(folder, name).get(), path);
  }

  TreeDescription out_;
  std::map<std::pair<dev_t, ino_t>, std::string> links_;
};

inline TreeDescription describe_tree(const std::string& folder) { return TreeDescriber().describe(folder); }

/// Takes a restore stream and writes it below a folder, as a client does.
class RestoreReceiver {
 public:
  /// `strip`: entry path of the source whose content lands in `target`.
  RestoreReceiver(std::string target, std::string strip) : target_(std::move(target)), strip_(std::move(strip)) {}

  FrameWriter writer() {
    return [this](ByteView head, ByteView rest) {
      Bytes frame = to_bytes(head);
      frame.insert(frame.end(), rest.begin(), rest.end());
      return take(frame);
    };
  }
  /// Times and modes of folders come last: writing into them changes them.
  void finish() {
    file_.close();
    for (auto folder = folders_.rbegin(); folder != folders_.rend(); ++folder) apply_metadata(*folder);
  }
  std::vector<std::string> failures;  ///< entry paths
  std::vector<std::string> paths;     ///< of all entries
  std::uint64_t data_bytes = 0;
  bool ended = false;

 private:
  Result<void> take(ByteView frame) {
    EXPECT_FALSE(ended);
    EXPECT_EQ(frame.size(), kFrameHeaderBytes + get_le32(frame.data()));
    const ByteView body = frame.subspan(kFrameHeaderBytes);
    switch (static_cast<RestoreFrameType>(frame[4])) {
      case RestoreFrameType::entry:
        take_entry(body);
        break;
      case RestoreFrameType::data:
        take_data(body);
        break;
      case RestoreFrameType::failure: {
        storage::CborReader in(body);
        in.array_of(3);
        failures.push_back(to_string(in.bytes()));
        break;
      }
      case RestoreFrameType::end:
        ended = true;
        break;
      case RestoreFrameType::stream_failure:
        ADD_FAILURE() << "the whole stream failed";
        break;
    }
    return {};
  }

  std::string below_target(const std::string& path) const {
    if (strip_.empty() || path.size() <= strip_.size()) return strip_.empty() ? path : std::string();
    return path.substr(strip_.size() + 1);
  }

  /// The open folder that holds `path`, and its last name.
  std::pair<FileDescriptor, std::string> locate(const std::string& path) const {
    FileDescriptor folder(::open(target_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    std::size_t begin = 0;
    for (std::size_t end = 0; (end = path.find('\0', begin)) != std::string::npos; begin = end + 1)
      folder = open_dir(folder.get(), path.substr(begin, end - begin));
    return {std::move(folder), path.substr(begin)};
  }

  void take_entry(ByteView body) {
    const auto decoded = storage::decode_entry_logical(body);
    ASSERT_TRUE(decoded.has_value());
    file_.close();
    const storage::Entry entry = *decoded;
    paths.push_back(entry.path);
    writes_ = storage::is_at_or_below(entry.path, strip_) && !below_target(entry.path).empty();
    if (!writes_) return;
    const auto [folder, name] = locate(below_target(entry.path));
    ASSERT_TRUE(folder);
    create(folder.get(), name, entry);
    if (entry.type == storage::EntryType::directory)
      folders_.push_back(entry);
    else
      apply_metadata(entry);
  }

  void create(int folder, const std::string& name, const storage::Entry& entry) {
    const dev_t device = makedev(entry.device_major, entry.device_minor);
    switch (entry.type) {
      case storage::EntryType::directory:
        ASSERT_EQ(::mkdirat(folder, name.c_str(), 0700), 0);
        break;
      case storage::EntryType::symlink:
        ASSERT_EQ(::symlinkat(entry.link_target.c_str(), folder, name.c_str()), 0);
        break;
      case storage::EntryType::fifo:
        ASSERT_EQ(::mkfifoat(folder, name.c_str(), 0600), 0);
        break;
      case storage::EntryType::character_device:
        ASSERT_EQ(::mknodat(folder, name.c_str(), S_IFCHR | 0600, device), 0);
        break;
      case storage::EntryType::block_device:
        ASSERT_EQ(::mknodat(folder, name.c_str(), S_IFBLK | 0600, device), 0);
        break;
      case storage::EntryType::file:
        create_file(folder, name, entry);
        break;
    }
  }

  void create_file(int folder, const std::string& name, const storage::Entry& entry) {
    if (!entry.hard_link.empty()) {
      const auto [first, is_first] = groups_.try_emplace(entry.hard_link, entry.path);
      if (!is_first) {
        const auto [first_folder, first_name] = locate(below_target(first->second));
        ASSERT_EQ(::linkat(first_folder.get(), first_name.c_str(), folder, name.c_str(), 0), 0);
        return;
      }
    }
    file_ = FileDescriptor(::openat(folder, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    ASSERT_TRUE(file_);
    ASSERT_EQ(::ftruncate(file_.get(), static_cast<off_t>(entry.size)), 0);
    last_ = entry;
  }

  void take_data(ByteView body) {
    const std::uint64_t offset = get_le64(body.data());
    const ByteView bytes = body.subspan(8);
    data_bytes += bytes.size();
    if (!writes_) return;
    ASSERT_TRUE(file_);
    ASSERT_LE(offset + bytes.size(), last_.size);
    ASSERT_EQ(::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(offset)),
              static_cast<ssize_t>(bytes.size()));
    const std::array<timespec, 2> times = times_of(last_);
    ::futimens(file_.get(), times.data());
    ::fchmod(file_.get(), last_.mode);
  }

  static std::array<timespec, 2> times_of(const storage::Entry& entry) {
    const timespec mtime{entry.mtime_s, static_cast<long>(entry.mtime_ns)};
    return {mtime, mtime};
  }

  void apply_metadata(const storage::Entry& entry) {
    const auto [folder, name] = locate(below_target(entry.path));
    const std::string path = "/proc/self/fd/" + std::to_string(folder.get()) + "/" + name;
    EXPECT_EQ(::fchownat(folder.get(), name.c_str(), entry.uid, entry.gid, AT_SYMLINK_NOFOLLOW), 0);
    if (entry.type != storage::EntryType::symlink) EXPECT_EQ(::fchmodat(folder.get(), name.c_str(), entry.mode, 0), 0);
    for (const auto& attribute : entry.xattrs)
      EXPECT_EQ(::lsetxattr(path.c_str(), attribute.name.c_str(), attribute.value.data(), attribute.value.size(), 0),
                0);
    const auto times = times_of(entry);
    EXPECT_EQ(::utimensat(folder.get(), name.c_str(), times.data(), AT_SYMLINK_NOFOLLOW), 0);
  }

  std::string target_, strip_;
  FileDescriptor file_;
  storage::Entry last_;
  bool writes_ = false;  ///< the last entry is one that is written, not only counted
  std::vector<storage::Entry> folders_;
  std::map<std::string, std::string> groups_;
};

}  // namespace beffroi::daemon::testing
