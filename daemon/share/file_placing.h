// Puts files in their place in a shared folder, and takes them away, without ever losing what somebody put there in the
// meantime.
#pragma once

#include "daemon/share/folder_apply.h"
#include "daemon/share/local_file.h"

namespace beffroi::daemon {

/// What a name holds as far as is known.
struct Expected {
  std::optional<storage::Entry> entry;  ///< nullopt: nothing
  std::string cached_as;                ///< where the file cache knows it
};
/// Why it was left as it is; nullopt: done.
using Refusal = std::optional<Error>;

Error cannot_change(int error);
Error was_changed();

/// Not thread-safe.
class FilePlacing {
 public:
  /// All outlive it.
  FilePlacing(LocalFiles& files, const AtApplyPoint& at_point) : files_(files), at_point_(at_point) {}

  /// Makes a new file for content that comes, readable by nobody else, with the owner of what it replaces or of the
  /// folder. errno in the refusal.
  std::expected<FileDescriptor, Error> make_file(int folder, const std::string& temporary, const std::string& name);
  /// Gives `temporary` its name if that still holds what is expected; else, or when somebody works on that file, it
  /// stays a temporary file.
  Result<Refusal> publish(int from, const std::string& temporary, const OpenFolder& folder, const std::string& name,
                          const std::string& path, const Expected& expected);
  /// Removes a file or link that still is what is expected; nothing there is fine as well.
  Result<Refusal> remove(const OpenFolder& folder, const std::string& name, const std::string& path,
                         const Expected& expected);
  /// Is it still what is expected, whoever has it open?
  Result<Refusal> check(const OpenFolder& folder, const std::string& name, const Expected& expected, struct stat& seen);

  /// And nobody has it open for writing, or locked.
  Result<Refusal> check_at_rest(const OpenFolder& folder, const std::string& name, const Expected& expected,
                                struct stat& seen);
  /// Somebody's file under a temporary name gets its own back, or, when that is taken, one beside it.
  static void bring_back(int from, const std::string& temporary, int folder, const std::string& name);

 private:
  Result<Refusal> exchange(int from, const std::string& temporary, int folder, const std::string& name,
                           const std::string& path, const struct stat& seen);
  Result<void> at(ApplyPoint point, const std::string& path) const {
    return at_point_ ? at_point_(point, path) : Result<void>{};
  }

  LocalFiles& files_;
  const AtApplyPoint& at_point_;
};

/// As far as the system lets us: rights and time of a new file or folder. A folder has no time.
void set_metadata(int file, const storage::Entry& entry);
/// Owner and group of `like`, where the system lets us.
void give_to_owner_of(int file, const struct stat& like);

}  // namespace beffroi::daemon
