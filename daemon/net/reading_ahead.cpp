#include "daemon/net/reading_ahead.h"

#include <asio/steady_timer.hpp>
#include <deque>
#include <optional>

#include "daemon/service/coroutine.h"

namespace beffroi::daemon {
namespace {

// How long the line may be silent is decided by who waits for a frame.
constexpr std::chrono::hours kSilence{24};

// An empty frame takes room as well.
std::size_t weight_of(std::size_t body_bytes) {
  constexpr std::size_t kAllocationBytes = 32;
  return sizeof(Frame) + kAllocationBytes + body_bytes;
}

/// What the channel and the coroutine that fills it share. Lives as long as either.
struct Ahead {
  Ahead(std::unique_ptr<Channel> inner, const asio::any_io_executor& executor, std::shared_ptr<MemoryAccount> account)
      : channel(std::move(inner)), memory(std::move(account)), changed_by_reader(executor), changed_by_user(executor) {
    if (memory) channel->ask_before_bodies([this](std::size_t body_bytes) { return make_room(body_bytes); });
  }
  ~Ahead() {
    if (memory) memory->give_back(arriving + bytes);
  }
  asio::awaitable<void> make_room(std::size_t body_bytes) {
    co_await memory->take(weight_of(body_bytes));
    arriving = weight_of(body_bytes);
  }

  std::unique_ptr<Channel> channel;
  std::shared_ptr<MemoryAccount> memory;
  std::size_t arriving = 0;  ///< taken from `memory` for the frame that is being received
  std::deque<Frame> frames;
  std::size_t bytes = 0;       ///< weight of the frames
  std::uint64_t received = 0;  ///< by the channel, with the last whole frame
  std::optional<Error> end;    ///< behind the frames
  bool abandoned = false;
  bool watched = false;  ///< by wait_for_frame()
  bool woken = false;
  asio::steady_timer changed_by_reader, changed_by_user;
};

asio::awaitable<bool> wait(asio::steady_timer& timer, std::chrono::milliseconds longest) {
  timer.expires_after(longest);
  co_return !co_await time_comes(timer);
}

asio::awaitable<void> fill_until_end(Ahead& ahead) {
  bool is_last = false;
  while (!is_last && !ahead.abandoned) {
    if (ahead.bytes >= kReadAheadBytes) {
      co_await wait(ahead.changed_by_user, kSilence);
      continue;
    }
    auto frame = co_await ahead.channel->receive(kSilence);
    is_last = !frame || frame->type == FrameType::bye;
    if (frame) {
      if (ahead.memory && ahead.arriving == 0) co_await ahead.make_room(frame->body.size());
      ahead.arriving = 0;
      ahead.bytes += weight_of(frame->body.size());
      ahead.received = ahead.channel->bytes_received();
      ahead.frames.push_back(std::move(*frame));
    } else {
      ahead.end = frame.error();
    }
    ahead.changed_by_reader.cancel();
  }
}

// Whatever ends it (no memory for a frame, say), the reader hears of it.
asio::awaitable<void> fill(std::shared_ptr<Ahead> ahead) {
  try {
    co_await fill_until_end(*ahead);
  } catch (const std::exception& exception) {
    ahead->end = Error{ErrorCode::io, N_("The daemon could not do this: {}."), {exception.what()}};
    ahead->changed_by_reader.cancel();
  }
}

class ReadingAheadImpl final : public ReadingAhead {
 public:
  ReadingAheadImpl(std::unique_ptr<Channel> channel, const asio::any_io_executor& executor,
                   std::shared_ptr<MemoryAccount> memory)
      : ahead_(std::make_shared<Ahead>(std::move(channel), executor, std::move(memory))) {
    start_coroutine(executor, fill(ahead_));
  }
  ~ReadingAheadImpl() override {
    ahead_->abandoned = true;
    close();
  }

  asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds timeout) override {
    while (ahead_->frames.empty()) {
      if (ahead_->end) co_return std::unexpected(*ahead_->end);
      if (co_await wait(ahead_->changed_by_reader, timeout) || !ahead_->frames.empty()) continue;
      // A frame that has begun is the channel's to wait for: it gives each its own time.
      if (ahead_->channel->bytes_received() != ahead_->received && !ahead_->end) {
        co_await wait(ahead_->changed_by_reader, kSilence);
        continue;
      }
      close();
      co_return fail(ErrorCode::timeout,
                     N_("The line to the peer at {} has been silent for too long. Try again later."), remote_address());
    }
    Frame out = std::move(ahead_->frames.front());
    ahead_->frames.pop_front();
    ahead_->bytes -= weight_of(out.body.size());
    if (ahead_->memory) ahead_->memory->give_back(weight_of(out.body.size()));
    ahead_->changed_by_user.cancel();
    co_return out;
  }

  asio::awaitable<bool> wait_for_frame() override {
    ahead_->watched = true;
    while (ahead_->frames.empty() && !ahead_->end && !ahead_->woken) co_await wait(ahead_->changed_by_reader, kSilence);
    ahead_->watched = false;
    co_return std::exchange(ahead_->woken, false);
  }
  // A receive() that waits goes on: its time must not begin anew.
  void wake() override {
    ahead_->woken = true;
    if (ahead_->watched) ahead_->changed_by_reader.cancel();
  }

  asio::awaitable<Result<void>> send(Frame frame, std::chrono::milliseconds timeout) override {
    return ahead_->channel->send(std::move(frame), timeout);
  }
  void limit_sending(std::optional<std::uint64_t> bytes_per_second) override {
    ahead_->channel->limit_sending(bytes_per_second);
  }
  const crypto::TransportPublicKey& remote_key() const override { return ahead_->channel->remote_key(); }
  std::string remote_address() const override { return ahead_->channel->remote_address(); }
  void close() override {
    ahead_->channel->close();
    if (ahead_->memory) ahead_->memory->close();
    ahead_->changed_by_user.cancel();
    ahead_->changed_by_reader.cancel();
  }
  std::uint64_t bytes_sent() const override { return ahead_->channel->bytes_sent(); }
  std::uint64_t bytes_received() const override { return ahead_->channel->bytes_received(); }

 private:
  std::shared_ptr<Ahead> ahead_;
};

}  // namespace

std::unique_ptr<ReadingAhead> make_reading_ahead(std::unique_ptr<Channel> channel,
                                                 const asio::any_io_executor& executor,
                                                 std::shared_ptr<MemoryAccount> memory) {
  return std::make_unique<ReadingAheadImpl>(std::move(channel), executor, std::move(memory));
}

}  // namespace beffroi::daemon
