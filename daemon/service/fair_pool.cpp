#include "daemon/service/fair_pool.h"

#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <deque>
#include <list>
#include <map>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::hours kUntilItsTurn{24};

struct Waiting {
  explicit Waiting(const asio::any_io_executor& executor) : changed(executor) {}
  asio::steady_timer changed;
  bool has_turn = false;
};

}  // namespace

struct FairPool::State {
  struct Share {
    std::deque<Waiting*> waiting;
    std::size_t running = 0;
  };

  explicit State(Places with) : places(with) {}

  void wait(const ShareKey& key, Waiting& who) {
    Share& share = shares[key];
    if (share.waiting.empty()) circle.push_back(key);
    share.waiting.push_back(&who);
  }

  // The first of the circle that may have a place gets it, and goes to the circle's end.
  void give_places() {
    for (auto at = circle.begin(); running < places.all && at != circle.end();) {
      if (shares.at(*at).running >= places.of_share) {
        ++at;
        continue;
      }
      give_place(at);
      at = circle.begin();
    }
  }

  void give_place(std::list<ShareKey>::iterator at) {
    const ShareKey key = *at;
    Share& share = shares.at(key);
    Waiting& next = *share.waiting.front();
    share.waiting.pop_front();
    circle.erase(at);
    if (!share.waiting.empty()) circle.push_back(key);
    ++share.running;
    ++running;
    next.has_turn = true;
    next.changed.cancel();
  }

  void take_back(const ShareKey& key) {
    --running;
    --shares.at(key).running;
    tidy(key);
    give_places();
  }

  void forget(const ShareKey& key, Waiting& who) {
    std::erase(shares.at(key).waiting, &who);
    if (shares.at(key).waiting.empty()) circle.remove(key);
    tidy(key);
  }

  void tidy(const ShareKey& key) {
    const auto found = shares.find(key);
    if (found->second.waiting.empty() && found->second.running == 0) shares.erase(found);
  }

  Places places;
  std::size_t running = 0;
  std::map<ShareKey, Share> shares;
  std::list<ShareKey> circle;  ///< shares of which something waits
};

FairPool::FairPool(Pool& pool, Places places) : pool_(pool), state_(std::make_shared<State>(places)) {}
FairPool::~FairPool() = default;

// A coroutine that is destroyed while it waits leaves the queue, or gives its place back.
asio::awaitable<FairPool::Turn> FairPool::take_turn(ShareKey share) {
  struct Visit {
    Visit(std::shared_ptr<State> of, const ShareKey& key, const asio::any_io_executor& executor)
        : state(std::move(of)), share(key), who(executor) {
      state->wait(share, who);
    }
    ~Visit() {
      if (who.has_turn)
        state->take_back(share);
      else
        state->forget(share, who);
    }
    std::shared_ptr<State> state;
    ShareKey share;
    Waiting who;
  };
  const auto visit = std::make_shared<Visit>(state_, share, co_await asio::this_coro::executor);
  visit->state->give_places();
  while (!visit->who.has_turn) {
    visit->who.changed.expires_after(kUntilItsTurn);
    co_await time_comes(visit->who.changed);
  }
  co_return visit;
}

}  // namespace beffroi::daemon
