// The shares of a station: each is a Vault of its own below DATA/shares/, with the folder that it is kept in step with.
#pragma once

#include <filesystem>

#include "daemon/share/share_book.h"
#include "daemon/share/share_control.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// Before the id of a space: the alarm that it does not open.
inline constexpr const char* kShareAlarm = "share:";

/// One share. Thread-safe, as its parts are. Whoever works with it holds a pointer to it; a share that was erased goes
/// from the disk with the last of them.
class Share {
 public:
  Share(storage::SpaceId id, std::unique_ptr<Vault> opened, std::string synced_folder);
  ~Share();
  Share(const Share&) = delete;
  Share& operator=(const Share&) = delete;

  const storage::SpaceId space;
  std::unique_ptr<Vault> vault;  ///< never null; not founded while its device waits to be let in
  const std::string folder;      ///< absolute
  ShareBook book;

  bool joined() const { return vault->founded(); }
  /// What people call it: its name, or the first digits of its id before one is let in.
  std::string shown() const;

 private:
  friend class Shares;
  std::atomic<bool> erased_{false};
  std::shared_ptr<const bool> present_ = std::make_shared<bool>(true);  ///< until all of it is gone
};

/// All of them. Thread-safe, but for set_control().
class Shares {
 public:
  /// `data_folder`: the station's.
  Shares(std::string data_folder, Clock& clock, crypto::Random& random, const storage::DatabaseOptions& options);

  struct Fault {
    std::string space;  ///< its folder's name
    Error error;
  };
  /// Opens what is there, and clears away what was never finished or was left. Those that do not open are left alone.
  std::vector<Fault> open_all();

  /// In the order of their ids.
  std::vector<std::shared_ptr<Share>> all() const;
  std::shared_ptr<Share> find(const storage::SpaceId& space) const;  ///< nullptr: none
  /// By its name, or the beginning of its id (4 digits at least). not_found; usage: several fit.
  Result<std::shared_ptr<Share>> find(const std::string& name) const;

  /// May this folder be a share's? usage: not an absolute path, the data folder, or one that overlaps with it or with
  /// that of another share.
  Result<void> check_folder(const std::string& folder) const;
  /// Makes a share that is not founded yet. It counts for nothing, after a restart, unless it is founded, or has a
  /// pending join, by then. already_exists; wrong_state: one with this id is there that does not open; busy: one was
  /// left a moment ago, and is still used.
  Result<std::shared_ptr<Share>> add(const storage::SpaceId& space, const crypto::DeviceKeys& keys,
                                     const std::string& folder);
  /// Takes it off the list and from the disk; its folder's files stay.
  Result<void> remove(const std::shared_ptr<Share>& share);

  /// The runner of folders; nullptr: none. Before anything runs.
  void set_control(ShareControl* control) { control_ = control; }
  ShareControl* control() const { return control_; }

 private:
  std::string data_of(const storage::SpaceId& space) const;
  Result<std::shared_ptr<Share>> open(const storage::SpaceId& space);
  /// Nobody else makes it from here on, until it is there or given up.
  Result<void> reserve(const storage::SpaceId& space);
  Result<std::shared_ptr<Share>> make(const storage::SpaceId& space, const crypto::DeviceKeys& keys,
                                      const std::string& folder);
  const std::string data_folder_;
  Clock& clock_;
  crypto::Random& random_;
  storage::DatabaseOptions options_;
  ShareControl* control_ = nullptr;
  mutable std::mutex mutex_;
  std::map<storage::SpaceId, std::shared_ptr<Share>> shares_;
  std::set<storage::SpaceId> faulty_;
  std::set<storage::SpaceId> opening_;  ///< being made, without the lock
  std::map<storage::SpaceId, std::weak_ptr<const bool>> leaving_;
};

}  // namespace beffroi::daemon
