// Waits for changes in a shared folder, without asking anything of the disk while there are none.
#pragma once

#include <asio/awaitable.hpp>
#include <asio/posix/stream_descriptor.hpp>
#include <chrono>

#include "daemon/service/clock.h"
#include "daemon/service/pool.h"
#include "daemon/share/folder_events.h"

namespace beffroi::daemon {

/// News are told when nothing more has come for this long…
inline constexpr std::chrono::milliseconds kNewsQuiet{300};
/// …and this long after the first one at the latest.
inline constexpr std::chrono::milliseconds kNewsPatience{2000};

/// Lives on one executor; only what is made for start() comes from elsewhere.
class FolderWatch {
 public:
  /// `pool` and `clock` outlive it. On the pool events are taken: a folder that was moved in is gone through for that.
  FolderWatch(const asio::any_io_executor& executor, Pool& pool, Clock& clock)
      : pool_(pool), clock_(clock), descriptor_(executor) {}
  ~FolderWatch();
  /// FolderEvents::open() takes its time for it: 10,000 folders about 100 ms, best on a thread of the pool. What
  /// changes from then on is told. May be called again, when nobody waits in next().
  void start(std::unique_ptr<FolderEvents> events);
  /// The next changes. cancelled: stop() was called; else errors of FolderEvents::take(): then it has to be started
  /// anew, and until then the folder looked at now and then.
  asio::awaitable<Result<FolderNews>> next();
  /// Ends who waits in next().
  void stop();

 private:
  asio::awaitable<Result<bool>> readable(std::optional<std::chrono::milliseconds> patience);
  asio::awaitable<Result<void>> take(FolderNews& news);

  Pool& pool_;
  Clock& clock_;
  std::unique_ptr<FolderEvents> events_;
  asio::posix::stream_descriptor descriptor_;  ///< that of events_, which owns it
  bool stopped_ = false;
};

}  // namespace beffroi::daemon
