// What the sessions of a peer may hold in memory together: frames on their way in and out, and what is made of them.
#pragma once

#include <asio/any_io_executor.hpp>
#include <asio/awaitable.hpp>
#include <memory>

#include "daemon/service/share.h"

namespace beffroi::daemon {

class MemoryAccount;

/// Lives on one executor, with its accounts, which may outlive it.
class MemoryBudget {
 public:
  struct Limits {
    std::size_t all_bytes = 0;
    std::size_t share_bytes = 0;
  };
  explicit MemoryBudget(Limits limits);
  ~MemoryBudget();
  /// One session's, of nobody's share at first.
  std::shared_ptr<MemoryAccount> open_account(asio::any_io_executor executor);
  std::size_t held_bytes() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

/// Bytes that are counted until it is gone or replaced. Keeps the account.
class MemoryHold {
 public:
  MemoryHold() = default;
  MemoryHold(std::shared_ptr<MemoryAccount> account, std::size_t bytes);
  ~MemoryHold();
  MemoryHold(MemoryHold&& other) noexcept;
  MemoryHold& operator=(MemoryHold&& other) noexcept;
  void grow(std::size_t bytes);

 private:
  std::shared_ptr<MemoryAccount> account_;
  std::size_t bytes_ = 0;
};

class MemoryAccount : public std::enable_shared_from_this<MemoryAccount> {
 public:
  MemoryAccount(std::shared_ptr<MemoryBudget::State> budget, asio::any_io_executor executor);
  ~MemoryAccount();
  MemoryAccount(const MemoryAccount&) = delete;
  MemoryAccount& operator=(const MemoryAccount&) = delete;

  /// What is held counts for this share from now on.
  void belong_to(const ShareKey& share);
  /// Counts what is about to arrive, when there is room for it. Who has taken nothing, or has given all of it back,
  /// never waits: so one frame of each session may always be on its way, and no session can stop another.
  asio::awaitable<void> take(std::size_t bytes);
  void give_back(std::size_t bytes);
  /// Counts without waiting what is there already.
  MemoryHold hold(std::size_t bytes) { return {shared_from_this(), bytes}; }
  /// Somebody of this share waits: what can be let go of should be.
  bool is_short() const;
  /// Nothing waits any more, now or later.
  void close();

 private:
  friend class MemoryHold;
  friend struct MemoryBudget::State;
  bool fits(std::size_t bytes) const;
  void count(std::size_t bytes);
  void uncount(std::size_t bytes);

  std::shared_ptr<MemoryBudget::State> budget_;
  asio::any_io_executor executor_;
  ShareKey share_{};
  std::size_t held_ = 0;   ///< taken or not
  std::size_t taken_ = 0;  ///< by take()
  bool closed_ = false;
};

}  // namespace beffroi::daemon
