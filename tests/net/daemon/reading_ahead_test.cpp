// Goal: a channel that reads ahead gives the same frames in the same order, holds a bounded amount, tells the end where
// it belongs, and gives up when nothing comes.
#include "daemon/net/reading_ahead.h"

#include <gtest/gtest.h>
#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/post.hpp>
#include <asio/use_awaitable.hpp>

#include "tests/support/memory_channel.h"
#include "tests/support/run_coroutine.h"

namespace beffroi::daemon {
namespace {

using namespace testing;
using namespace std::chrono_literals;

class ReadingAheadTest : public ::testing::Test {
 protected:
  ReadingAheadTest() {
    MemoryPair pair = make_memory_pair(io_.get_executor(), {}, {}, {});
    line_ = pair.line;
    sender_ = std::move(pair.client);
    reader_ = make_reading_ahead(std::move(pair.listener), io_.get_executor());
  }
  void run(asio::awaitable<void> work) {
    asio::co_spawn(io_, std::move(work), asio::detached);
    io_.restart();
    io_.run_for(20s);
  }
  static Frame object(std::size_t bytes, std::uint8_t content) { return {FrameType::object, Bytes(bytes, content)}; }

  asio::io_context io_;
  std::shared_ptr<MemoryLine> line_;
  std::unique_ptr<Channel> sender_;
  std::unique_ptr<ReadingAhead> reader_;
};

TEST_F(ReadingAheadTest, KeepsOrderAndStopsBehindBye) {
  run([&]() -> asio::awaitable<void> {
    for (std::uint8_t i = 0; i < 50; ++i) EXPECT_TRUE(co_await sender_->send(object(i, i), 1s));
    EXPECT_TRUE(co_await sender_->send({FrameType::bye, {}}, 1s));
    for (std::uint8_t i = 0; i < 50; ++i) {
      const auto frame = co_await reader_->receive(1s);
      EXPECT_TRUE(frame && frame->body == Bytes(i, i));
    }
    const auto last = co_await reader_->receive(1s);
    EXPECT_TRUE(last && last->type == FrameType::bye);
    // The way back is still open.
    EXPECT_TRUE(co_await reader_->send({FrameType::bye, {}}, 1s));
    EXPECT_TRUE(co_await sender_->receive(1s));
  }());
}

TEST_F(ReadingAheadTest, HoldsNoMoreThanItsBoundAndOneFrame) {
  constexpr std::size_t kFrame = 400'000;
  run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(co_await sender_->send(object(kFrame, 7), 1s));
    for (int i = 0; i < 50; ++i) co_await asio::post(io_.get_executor(), asio::use_awaitable);
    EXPECT_LE(reader_->bytes_received(), kReadAheadBytes + kFrame + 100);
    EXPECT_GE(reader_->bytes_received(), kReadAheadBytes);
    for (int i = 0; i < 20; ++i) EXPECT_TRUE(co_await reader_->receive(1s));
    reader_->close();
  }());
}

// Goal: a flood of empty frames takes memory, too.
TEST_F(ReadingAheadTest, CountsEmptyFrames) {
  run([&]() -> asio::awaitable<void> {
    for (int i = 0; i < 60'000; ++i) EXPECT_TRUE(co_await sender_->send({FrameType::object, {}}, 1s));
    for (int i = 0; i < 50; ++i) co_await asio::post(io_.get_executor(), asio::use_awaitable);
    EXPECT_LT(reader_->bytes_received(), kReadAheadBytes / 8);
    for (int i = 0; i < 60'000; ++i) EXPECT_TRUE(co_await reader_->receive(1s));
    reader_->close();
  }());
}

TEST_F(ReadingAheadTest, TellsACutBehindWhatHadArrived) {
  run([&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await sender_->send(object(10, 1), 1s));
    for (int i = 0; i < 10; ++i) co_await asio::post(io_.get_executor(), asio::use_awaitable);
    sender_->close();
    EXPECT_TRUE(co_await reader_->receive(1s));
    const auto end = co_await reader_->receive(1s);
    EXPECT_EQ(end.error().code, ErrorCode::unreachable);
    const auto again = co_await reader_->receive(1s);
    EXPECT_EQ(again.error().code, ErrorCode::unreachable);
  }());
}

TEST_F(ReadingAheadTest, GivesUpOnASilentLineAndClosesIt) {
  run([&]() -> asio::awaitable<void> {
    const auto nothing = co_await reader_->receive(20ms);
    EXPECT_EQ(nothing.error().code, ErrorCode::timeout);
    EXPECT_FALSE(co_await sender_->send(object(1, 1), 1s));
  }());
}

// The reader of the line may still be waiting when its user goes.
TEST_F(ReadingAheadTest, MayBeDroppedAtAnyTime) {
  run([&]() -> asio::awaitable<void> {
    EXPECT_TRUE(co_await sender_->send(object(10, 1), 1s));
    reader_.reset();
    EXPECT_FALSE(co_await sender_->send(object(10, 1), 1s));
  }());
  EXPECT_TRUE(io_.stopped());
}

// Goal: who watches for the next frame hears of it, of the line's end, and of whoever wakes it, also before it watches.
TEST_F(ReadingAheadTest, AWatchEndsWithAFrameTheEndOrAWord) {
  run([&]() -> asio::awaitable<void> {
    reader_->wake();
    EXPECT_TRUE(co_await reader_->wait_for_frame());
    asio::post(io_, [&] { reader_->wake(); });
    EXPECT_TRUE(co_await reader_->wait_for_frame());
    EXPECT_TRUE(co_await sender_->send(object(3, 1), 1s));
    EXPECT_FALSE(co_await reader_->wait_for_frame());
    EXPECT_TRUE(co_await reader_->receive(1s));
    asio::post(io_, [&] { line_->cut(); });
    EXPECT_FALSE(co_await reader_->wait_for_frame());
    EXPECT_FALSE(co_await reader_->receive(1s));
  }());
}

}  // namespace
}  // namespace beffroi::daemon
