// lstat() of a folder's names, some of them ahead of the walk and by a thread of its own: a third of what an unchanged
// file costs the walk, and on a network's file system nearly all of it.
#pragma once

#include <sys/stat.h>

#include <atomic>

#include "daemon/backup/folder.h"
#include "daemon/backup/work_queue.h"

namespace beffroi::daemon {

using Names = std::shared_ptr<const std::vector<std::string>>;

/// Names that are looked at together.
inline constexpr std::size_t kStatWindow = 256;
/// The walk may have to wait for other stages: then it looks anew.
inline constexpr std::chrono::milliseconds kOldestLook{500};
/// Of fewer names the walk itself is as quick.
inline constexpr std::size_t kStatAheadMin = 32;

/// The next names of one folder. Whoever comes to a name first looks at it, the walk or the thread.
class StatWindow {
 public:
  /// `at_once`: the walk begins with it now.
  StatWindow(OpenFolder folder, Names names, std::size_t first, bool at_once);
  /// By the thread.
  void look();
  /// By the walk: an lstat that was made since the window was. False: `error` is errno.
  bool take(std::size_t name, struct stat& status, int& error);
  bool contains(std::size_t name) const { return name >= first_ && name - first_ < count_; }
  /// The walk takes nothing more.
  void drop() { dropped_ = true; }

 private:
  enum State : std::uint8_t { open, claimed, awaited, known };
  struct One {
    std::atomic<State> state = open;
    int error = 0;
    struct stat status{};
  };
  bool claim(One& one);
  void look_at(std::size_t index);
  static void await(One& one);

  const OpenFolder folder_;
  const Names names_;
  const std::size_t first_, lead_, count_;
  std::unique_ptr<One[]> looks_;
  std::atomic<bool> dropped_ = false;
};

/// The thread. Windows that it does not come to are the walk's.
class StatThread {
 public:
  ~StatThread() { windows_.close(); }
  void begin(const std::shared_ptr<StatWindow>& window) { windows_.try_push(window); }

 private:
  static constexpr std::size_t kMaxWindows = 16;
  WorkQueue<std::shared_ptr<StatWindow>> windows_{kMaxWindows, SIZE_MAX};
  WorkerThreads thread_{1, [this] {
                          while (const auto window = windows_.pop()) (*window)->look();
                        }};
};

/// What a walk has ahead of it in one folder.
class StatAhead {
 public:
  StatAhead() = default;
  ~StatAhead() { forget(); }
  StatAhead(StatAhead&&) noexcept = default;
  StatAhead& operator=(StatAhead&&) noexcept = default;
  /// As lstat(names[name]) in the folder, at most kOldestLook ago. False: `error` is errno.
  bool lstat(StatThread& thread, const OpenFolder& folder, const Names& names, std::size_t name, struct stat& status,
             int& error);
  /// The walk was elsewhere: what is known of the folder's names may be old.
  void forget();

 private:
  std::shared_ptr<StatWindow> now_, next_;
  std::chrono::milliseconds begun_{0};  ///< the first of them
};

}  // namespace beffroi::daemon
