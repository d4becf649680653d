#include "tests/support/memory_channel.h"

#include <asio/post.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

namespace beffroi::daemon::testing {
namespace {

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

}  // namespace

void MemoryLine::cut() {
  if (std::exchange(broken, true)) return;
  for (auto& queue : queues) queue.resize(random.below(queue.size() + 1));
  wake();
}

void MemoryLine::close(int side) {
  closed[static_cast<std::size_t>(side)] = true;
  wake();
}

void MemoryLine::wake() {
  for (auto& timer : ready) timer.cancel();
}

MemoryPair make_memory_pair(asio::any_io_executor executor, const FaultPlan& plan,
                            const crypto::TransportPublicKey& client_key,
                            const crypto::TransportPublicKey& listener_key) {
  auto line = std::make_shared<MemoryLine>(std::move(executor), plan);
  return {line, std::make_unique<MemoryChannel>(line, 0, listener_key),
          std::make_unique<MemoryChannel>(line, 1, client_key)};
}

}  // namespace beffroi::daemon::testing
