// Sends what a backup stores while it goes on.
#pragma once

#include "daemon/service/started.h"
#include "daemon/station/station_context.h"
#include "daemon/sync/stored_objects.h"

namespace beffroi::daemon {

/// Lives on the protocol thread, and ends with end(). Connects when there is something to send; what goes wrong is only
/// logged, since the push after the backup meets it again.
class SendingAhead {
 public:
  SendingAhead(StationContext& station, std::shared_ptr<Progress> progress);
  ~SendingAhead() { state_->objects.finish(); }
  SendingAhead(const SendingAhead&) = delete;
  SendingAhead& operator=(const SendingAhead&) = delete;
  /// Given to the backup.
  StoredObjects& objects() { return state_->objects; }
  /// The backup has ended: returns when nothing is on its way any more.
  asio::awaitable<void> end();

 private:
  struct State {
    State(StationContext& context, std::shared_ptr<Progress> counted)
        : station(context), progress(std::move(counted)), objects(context.executor) {}
    StationContext& station;
    const std::shared_ptr<Progress> progress;
    StoredObjects objects;
  };
  /// The coroutine owns the state as well: it may outlive who began it.
  static asio::awaitable<Result<void>> run(std::shared_ptr<State> state);
  static asio::awaitable<Result<void>> send(State& state);
  std::shared_ptr<State> state_;
  Started<Result<void>> running_;
};

}  // namespace beffroi::daemon
