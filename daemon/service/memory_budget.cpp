#include "daemon/service/memory_budget.h"

#include <algorithm>
#include <asio/steady_timer.hpp>
#include <list>
#include <map>
#include <utility>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::hours kUntilThereIsRoom{24};

struct Waiting {
  Waiting(MemoryAccount& of, std::size_t for_bytes, const asio::any_io_executor& executor)
      : account(of), bytes(for_bytes), changed(executor) {}
  MemoryAccount& account;
  std::size_t bytes;
  asio::steady_timer changed;
  bool may_go_on = false;  ///< and is no longer in the list
};

}  // namespace

struct MemoryBudget::State {
  explicit State(Limits with) : limits(with) {}

  void add(const ShareKey& share, std::size_t bytes) {
    held += bytes;
    held_of[share] += bytes;
  }
  void remove(const ShareKey& share, std::size_t bytes) {
    held -= bytes;
    const auto found = held_of.find(share);
    if (found == held_of.end()) return;
    found->second -= bytes;
    if (found->second == 0) held_of.erase(found);
  }
  std::size_t of(const ShareKey& share) const {
    const auto found = held_of.find(share);
    return found == held_of.end() ? 0 : found->second;
  }
  // In the order in which they came, but nobody waits for somebody else's share.
  void let_go_on() {
    for (auto at = waiting.begin(); at != waiting.end();) {
      Waiting& who = **at;
      if (!who.account.closed_ && !who.account.fits(who.bytes)) {
        ++at;
        continue;
      }
      who.account.count(who.bytes);
      who.account.taken_ += who.bytes;
      who.may_go_on = true;
      who.changed.cancel();
      at = waiting.erase(at);
    }
  }

  Limits limits;
  std::size_t held = 0;
  std::map<ShareKey, std::size_t> held_of;
  std::list<Waiting*> waiting;
};

MemoryBudget::MemoryBudget(Limits limits) : state_(std::make_shared<State>(limits)) {}
MemoryBudget::~MemoryBudget() = default;

std::shared_ptr<MemoryAccount> MemoryBudget::open_account(asio::any_io_executor executor) {
  return std::make_shared<MemoryAccount>(state_, std::move(executor));
}

std::size_t MemoryBudget::held_bytes() const { return state_->held; }

MemoryHold::MemoryHold(std::shared_ptr<MemoryAccount> account, std::size_t bytes) : account_(std::move(account)) {
  grow(bytes);
}

MemoryHold::~MemoryHold() {
  if (account_) account_->uncount(bytes_);
}

MemoryHold::MemoryHold(MemoryHold&& other) noexcept
    : account_(std::exchange(other.account_, nullptr)), bytes_(std::exchange(other.bytes_, 0)) {}

MemoryHold& MemoryHold::operator=(MemoryHold&& other) noexcept {
  std::swap(account_, other.account_);
  std::swap(bytes_, other.bytes_);
  return *this;
}

void MemoryHold::grow(std::size_t bytes) {
  account_->count(bytes);
  bytes_ += bytes;
}

MemoryAccount::MemoryAccount(std::shared_ptr<MemoryBudget::State> budget, asio::any_io_executor executor)
    : budget_(std::move(budget)), executor_(std::move(executor)) {}

MemoryAccount::~MemoryAccount() {
  budget_->remove(share_, held_);
  budget_->let_go_on();
}

void MemoryAccount::belong_to(const ShareKey& share) {
  budget_->remove(share_, held_);
  share_ = share;
  budget_->add(share_, held_);
  budget_->let_go_on();
}

bool MemoryAccount::fits(std::size_t bytes) const {
  const auto& limits = budget_->limits;
  return taken_ == 0 ||
         (budget_->held + bytes <= limits.all_bytes && budget_->of(share_) + bytes <= limits.share_bytes);
}

asio::awaitable<void> MemoryAccount::take(std::size_t bytes) {
  const auto self = shared_from_this();
  if (closed_ || fits(bytes)) {
    count(bytes);
    taken_ += bytes;
    co_return;
  }
  // Out of the list when the coroutine is destroyed as well.
  struct Visit {
    Visit(MemoryAccount& account, std::size_t of_bytes) : who(account, of_bytes, account.executor_) {
      account.budget_->waiting.push_back(&who);
    }
    ~Visit() {
      if (!who.may_go_on) who.account.budget_->waiting.remove(&who);
    }
    Waiting who;
  };
  Visit visit(*this, bytes);
  while (!visit.who.may_go_on) {
    visit.who.changed.expires_after(kUntilThereIsRoom);
    co_await time_comes(visit.who.changed);
  }
}

void MemoryAccount::give_back(std::size_t bytes) {
  taken_ -= bytes;
  uncount(bytes);
}

bool MemoryAccount::is_short() const {
  return std::ranges::any_of(budget_->waiting, [&](const Waiting* who) { return who->account.share_ == share_; });
}

void MemoryAccount::close() {
  closed_ = true;
  budget_->let_go_on();
}

void MemoryAccount::count(std::size_t bytes) {
  held_ += bytes;
  budget_->add(share_, bytes);
}

void MemoryAccount::uncount(std::size_t bytes) {
  held_ -= bytes;
  budget_->remove(share_, bytes);
  budget_->let_go_on();
}

}  // namespace beffroi::daemon
