#include "tests/net/daemon/raw_station.h"

namespace beffroi::daemon::testing {

using namespace std::chrono_literals;

RawStation::RawStation(TlsPeer& peer, const crypto::SecretBytes& seed) {
  auto connected = thread.run(tls_connect({"127.0.0.1", peer.listener->port()}, seed, {}, 15s));
  BEFFROI_ASSERT(connected.has_value());
  channel = std::move(*connected);
  hello = receive_frame();
}

RawStation::~RawStation() {
  thread.call([&] { channel.reset(); });
}

void RawStation::greet(std::optional<storage::SpaceId> space) {
  HelloMessage reply;
  reply.space = space;
  send(Message(reply));
}

void RawStation::send(Frame frame) { (void)thread.run(channel->send(std::move(frame), 15s)); }

void RawStation::send(const Message& message) { send(Frame{FrameType::message, encode_message(message)}); }

Result<Frame> RawStation::receive_frame() { return thread.run(channel->receive(15s)); }

Result<Message> RawStation::receive() {
  BEFFROI_TRY(const Frame frame, receive_frame());
  if (frame.type != FrameType::message) return fail(ErrorCode::protocol, "no message");
  BEFFROI_TRY(Message message, decode_message(frame.body));
  if (const auto* told = std::get_if<ErrorMessage>(&message)) return std::unexpected(told->error);
  return message;
}

Error RawStation::put(Bytes object) {
  send(Frame{FrameType::object, std::move(object)});
  return error_of(ask<DurableMessage>(FlushMessage{}));
}

bool RawStation::is_cut() {
  send(Frame{FrameType::bye, {}});
  const auto after = receive_frame();
  return !after && after.error().code == ErrorCode::unreachable;
}

}  // namespace beffroi::daemon::testing
