// Goal: who is let in and then only trickles does not hold a place: a hello and a visit have their time in all, however
// long the frames say that they are. A station that is at work has all the time that it needs.
#include <gtest/gtest.h>

#include <asio/co_spawn.hpp>
#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "daemon/sync/peer_server.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using namespace std::chrono_literals;

/// Says some frames, then the head of a long one, and nothing more.
class TricklingChannel final : public Channel {
 public:
  TricklingChannel(const asio::any_io_executor& executor, const crypto::TransportPublicKey& key,
                   std::deque<Frame> first)
      : key_(key), frames_(std::move(first)), closed_(executor) {}

  asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds) override {
    if (!frames_.empty()) {
      Frame frame = std::move(frames_.front());
      frames_.pop_front();
      received_ += frame.body.size() + kFrameHeadBytes;
      co_return frame;
    }
    received_ += kFrameHeadBytes;
    asio::error_code woken;
    closed_.expires_after(24h);
    if (open_) co_await closed_.async_wait(asio::redirect_error(asio::use_awaitable, woken));
    co_return fail(ErrorCode::unreachable, "The line was cut.");
  }
  asio::awaitable<Result<void>> send(Frame, std::chrono::milliseconds) override {
    co_return open_ ? Result<void>() : fail(ErrorCode::unreachable, "The line was cut.");
  }
  const crypto::TransportPublicKey& remote_key() const override { return key_; }
  std::string remote_address() const override { return "memory:1"; }
  void close() override {
    open_ = false;
    closed_.cancel();
  }
  std::uint64_t bytes_sent() const override { return 0; }
  std::uint64_t bytes_received() const override { return received_; }

 private:
  crypto::TransportPublicKey key_;
  std::deque<Frame> frames_;
  asio::steady_timer closed_;
  bool open_ = true;
  std::uint64_t received_ = 0;
};

class PeerGreetingTest : public ::testing::Test {
 protected:
  PeerGreetingTest() { world.join(*station); }
  ~PeerGreetingTest() override {
    if (!ended) line->close();
    run(10s);
  }
  void serve(const crypto::TransportPublicKey& key, std::deque<Frame> said) {
    auto channel = std::make_unique<TricklingChannel>(world.context.get_executor(), key, std::move(said));
    line = channel.get();
    asio::co_spawn(world.context,
                   serve_station(std::move(channel), *world.host, world.shares, {.hello = 300ms, .visit = 400ms}),
                   [this](const std::exception_ptr&) { ended = true; });
  }
  /// Until nothing is left to do, or so long.
  void run(std::chrono::milliseconds longest) {
    world.context.restart();
    world.context.run_for(longest);
  }
  static Frame hello() { return {FrameType::message, encode_message(HelloMessage{})}; }
  crypto::TransportPublicKey device_key() { return crypto::transport_public(station->device_keys().transport_seed); }

  PeerWorld world;
  TestVault station;
  Channel* line = nullptr;
  bool ended = false;
};

TEST_F(PeerGreetingTest, AHelloThatNeverEndsIsCutOff) {
  serve(device_key(), {});
  run(10s);
  EXPECT_TRUE(ended);
}

TEST_F(PeerGreetingTest, AVisitThatNeverEndsIsCutOff) {
  serve(world.invite().transport_key(), {hello()});
  run(10s);
  EXPECT_TRUE(ended);
}

TEST_F(PeerGreetingTest, AStationMayTakeItsTime) {
  serve(device_key(), {hello()});
  run(1200ms);
  EXPECT_FALSE(ended);
}

}  // namespace
}  // namespace beffroi::daemon::testing
