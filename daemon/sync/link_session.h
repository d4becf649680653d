// Requests and answers over a channel, as a station sees them: answers come in the order of the requests.
#pragma once

#include "daemon/net/channel.h"
#include "daemon/sync/messages.h"

namespace beffroi::daemon {

/// What a peer may need for one answer: a large commit on a slow disk, and what is still on its way on a slow line.
inline constexpr std::chrono::milliseconds kAnswerTimeout{300'000};

/// Lives on one executor. After an error that is not the peer's answer, the session is of no more use.
class LinkSession {
 public:
  explicit LinkSession(std::unique_ptr<Channel> channel) : channel_(std::move(channel)) {}

  asio::awaitable<Result<void>> send(Message message);
  asio::awaitable<Result<void>> send_object(Bytes object);
  /// The next frame: an object or a message. What the peer says is wrong is an error here.
  asio::awaitable<Result<Frame>> receive_frame();
  asio::awaitable<Result<Message>> receive_message();
  /// protocol when the peer answers with something else.
  template <class Answer>
  asio::awaitable<Result<Answer>> receive() {
    co_return taken<Answer>(co_await receive_message());
  }
  template <class Answer>
  asio::awaitable<Result<Answer>> call(Message request) {
    co_return taken<Answer>(co_await ask(std::move(request)));
  }

  Channel& channel() const { return *channel_; }
  Error unexpected_answer() const;

 private:
  template <class Answer>
  Result<Answer> taken(Result<Message> message) const {
    if (!message) return forward_error(message);
    auto* answer = std::get_if<Answer>(&*message);
    if (answer == nullptr) return std::unexpected(unexpected_answer());
    return std::move(*answer);
  }
  asio::awaitable<Result<Message>> ask(Message request);
  asio::awaitable<Result<void>> send_frame(Frame frame);
  std::unique_ptr<Channel> channel_;
};

}  // namespace beffroi::daemon
