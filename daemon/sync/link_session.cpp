#include "daemon/sync/link_session.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::milliseconds kLastWordsTimeout{2'000};

}  // namespace

Error LinkSession::unexpected_answer() const {
  return {ErrorCode::protocol,
          N_("The peer at {} gave an answer that does not belong here. Update Beffroi on both sides."),
          {channel_->remote_address()}};
}

asio::awaitable<Result<void>> LinkSession::send_frame(Frame frame) {
  const Result<void> sent = co_await channel_->send(std::move(frame));
  if (sent || sent.error().code != ErrorCode::unreachable) co_return sent;
  // A peer that ends a session says why before it cuts the line.
  const auto last_words = co_await channel_->receive(kLastWordsTimeout);
  if (last_words && last_words->type == FrameType::message) {
    const auto message = decode_message(last_words->body);
    if (message && std::holds_alternative<ErrorMessage>(*message))
      co_return std::unexpected(std::get<ErrorMessage>(*message).error);
  }
  co_return sent;
}

asio::awaitable<Result<void>> LinkSession::send(Message message) {
  co_return co_await send_frame({FrameType::message, encode_message(message)});
}

asio::awaitable<Result<Message>> LinkSession::ask(Message request) {
  BEFFROI_CO_CHECK(co_await send(std::move(request)));
  co_return co_await receive_message();
}

asio::awaitable<Result<void>> LinkSession::send_object(Bytes object) {
  co_return co_await send_frame({FrameType::object, std::move(object)});
}

asio::awaitable<Result<Frame>> LinkSession::receive_frame() {
  BEFFROI_CO_TRY(Frame frame, co_await channel_->receive(kAnswerTimeout));
  if (frame.type == FrameType::bye) co_return std::unexpected(unexpected_answer());
  co_return std::move(frame);
}

asio::awaitable<Result<Message>> LinkSession::receive_message() {
  BEFFROI_CO_TRY(const Frame frame, co_await receive_frame());
  if (frame.type != FrameType::message) co_return std::unexpected(unexpected_answer());
  BEFFROI_CO_TRY(Message message, decode_message(frame.body));
  if (const auto* error = std::get_if<ErrorMessage>(&message)) co_return std::unexpected(error->error);
  co_return std::move(message);
}

}  // namespace beffroi::daemon
