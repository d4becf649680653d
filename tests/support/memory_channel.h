// Two ends of a line in memory, on one executor, with seeded faults: it can be cut at any frame or byte, and what was
// on its way then arrives only in part, as with a real line.
#pragma once

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/steady_timer.hpp>
#include <asio/this_coro.hpp>
#include <asio/use_awaitable.hpp>
#include <deque>
#include <functional>
#include <limits>

#include "crypto/random.h"
#include "daemon/net/frame.h"

namespace beffroi::daemon::testing {

inline constexpr std::uint64_t kNever = std::numeric_limits<std::uint64_t>::max();

struct FaultPlan {
  std::uint64_t seed = 1;
  std::uint64_t cut_after_frames = kNever;  ///< of both directions together
  std::uint64_t cut_after_bytes = kNever;
  std::uint64_t max_yields = 0;  ///< turns of the executor that a send or receive lets pass
  /// The listener's machine has lost its power: what its process still does, nobody hears of.
  std::function<bool()> power_is_cut = {};
};

/// What both ends share.
class MemoryLine {
 public:
  MemoryLine(asio::any_io_executor on, const FaultPlan& with)
      : executor(on), plan(with), random(with.seed), ready{asio::steady_timer(on), asio::steady_timer(on)} {}

  /// The line breaks. Of what is under way to each end, a part of seeded length from the front still arrives.
  void cut() {
    if (std::exchange(broken, true)) return;
    for (auto& queue : queues) queue.resize(random.below(queue.size() + 1));
    wake();
  }
  void close(int side) {
    closed[static_cast<std::size_t>(side)] = true;
    wake();
  }
  void wake() {
    for (auto& timer : ready) timer.cancel();
  }

  asio::any_io_executor executor;
  FaultPlan plan;
  crypto::SeededRandom random;
  std::array<std::deque<Frame>, 2> queues;  ///< by the end that they go to
  std::array<asio::steady_timer, 2> ready;
  std::array<bool, 2> closed{};
  bool broken = false;
  std::uint64_t frames = 0;
  std::uint64_t bytes = 0;
};

class MemoryChannel final : public Channel {
 public:
  MemoryChannel(std::shared_ptr<MemoryLine> line, int side, const crypto::TransportPublicKey& remote)
      : line_(std::move(line)), side_(side), remote_(remote) {}
  ~MemoryChannel() override { line_->close(side_); }

  asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds timeout) override {
    co_await pass_turns();
    auto& queue = line_->queues[index()];
    auto& ready = line_->ready[index()];
    while (queue.empty()) {
      if (line_->broken || line_->closed[0] || line_->closed[1]) co_return std::unexpected(lost());
      asio::error_code woken;
      ready.expires_after(timeout);
      co_await ready.async_wait(asio::redirect_error(asio::use_awaitable, woken));
      if (!woken && queue.empty()) co_return fail(ErrorCode::timeout, "The memory line was silent.");
    }
    if (before_body_) co_await before_body_(queue.front().body.size());
    if (queue.empty()) co_return std::unexpected(lost());
    Frame frame = std::move(queue.front());
    queue.pop_front();
    received_ += frame.body.size() + kFrameHeadBytes;
    line_->wake();
    co_return frame;
  }

  asio::awaitable<Result<void>> send(Frame frame, std::chrono::milliseconds) override {
    co_await pass_turns();
    (void)encode_frame(frame);  // for its assertions
    const std::uint64_t size = frame.body.size() + kFrameHeadBytes;
    if (line_->plan.power_is_cut && line_->plan.power_is_cut()) line_->cut();
    if (line_->broken || line_->closed[0] || line_->closed[1]) co_return std::unexpected(lost());
    line_->bytes += size;
    if (line_->frames++ >= line_->plan.cut_after_frames || line_->bytes > line_->plan.cut_after_bytes) {
      line_->cut();
      // The sender learns of it now or later, as with TCP.
      if (line_->random.below(2) == 0) co_return std::unexpected(lost());
      co_return Result<void>();
    }
    sent_ += size;
    line_->queues[1 - index()].push_back(std::move(frame));
    line_->wake();
    co_return Result<void>();
  }

  void ask_before_bodies(BeforeBody ask) override { before_body_ = std::move(ask); }
  const crypto::TransportPublicKey& remote_key() const override { return remote_; }
  std::string remote_address() const override { return "memory:1"; }
  void close() override { line_->close(side_); }
  std::uint64_t bytes_sent() const override { return sent_; }
  std::uint64_t bytes_received() const override { return received_; }

 private:
  std::size_t index() const { return static_cast<std::size_t>(side_); }
  static Error lost() { return {ErrorCode::unreachable, "The memory line was cut.", {}}; }
  asio::awaitable<void> pass_turns() {
    const std::uint64_t turns = line_->plan.max_yields == 0 ? 0 : line_->random.below(line_->plan.max_yields + 1);
    for (std::uint64_t i = 0; i < turns; ++i) co_await asio::post(line_->executor, asio::use_awaitable);
  }

  std::shared_ptr<MemoryLine> line_;
  int side_;
  crypto::TransportPublicKey remote_;
  BeforeBody before_body_;
  std::uint64_t sent_ = 0;
  std::uint64_t received_ = 0;
};

struct MemoryPair {
  std::shared_ptr<MemoryLine> line;
  std::unique_ptr<Channel> client;
  std::unique_ptr<Channel> listener;
};

inline MemoryPair make_memory_pair(asio::any_io_executor executor, const FaultPlan& plan,
                                   const crypto::TransportPublicKey& client_key,
                                   const crypto::TransportPublicKey& listener_key) {
  auto line = std::make_shared<MemoryLine>(std::move(executor), plan);
  return {line, std::make_unique<MemoryChannel>(line, 0, listener_key),
          std::make_unique<MemoryChannel>(line, 1, client_key)};
}

}  // namespace beffroi::daemon::testing
