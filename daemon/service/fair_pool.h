// A pool whose threads are given in turn: whoever asks for much waits behind whoever asks for little.
#pragma once

#include <asio/awaitable.hpp>
#include <memory>

#include "daemon/service/pool.h"
#include "daemon/service/share.h"

namespace beffroi::daemon {

/// Work of each share waits in the order in which it came; the shares are served one job after the other, in a circle,
/// and no share has more than some places at a time. What waits is bounded by who awaits it. All calls on one executor;
/// what waits and turns end with it at the latest, and may end after the pool.
class FairPool {
 public:
  /// Places: how much runs at a time. In all, less than the pool has threads leaves some to others.
  struct Places {
    std::size_t all = 1;
    std::size_t of_share = 1;
  };
  FairPool(Pool& pool, Places places);
  ~FairPool();
  FairPool(const FairPool&) = delete;
  FairPool& operator=(const FairPool&) = delete;

  /// Pool::run(), when it is this share's turn.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> run(ShareKey share, Work work) {
    return run_for<std::invoke_result_t<Work>>(share, std::move(work));
  }

  /// A place, as long as it is held.
  using Turn = std::shared_ptr<void>;
  asio::awaitable<Turn> take_turn(ShareKey share);

 private:
  struct State;
  template <class Value>
  asio::awaitable<Value> run_for(ShareKey share, std::move_only_function<Value()> work) {
    const Turn turn = co_await take_turn(share);
    co_return co_await pool_.run(std::move(work));
  }

  Pool& pool_;
  std::shared_ptr<State> state_;
};

}  // namespace beffroi::daemon
