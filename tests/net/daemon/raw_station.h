// A connection to a peer that says what no station would.
#pragma once

#include "daemon/sync/messages.h"
#include "tests/support/tls_peer.h"

namespace beffroi::daemon::testing {

/// What failed; `cancelled` when nothing did.
template <class T>
Error error_of(const Result<T>& result) {
  return result ? Error{ErrorCode::cancelled, "no error", {}} : result.error();
}

/// Has a thread of its own, and waits at most 15 s for anything.
class RawStation {
 public:
  /// Connects with this key, and hears the peer's hello.
  RawStation(TlsPeer& peer, const crypto::SecretBytes& seed);
  ~RawStation();
  RawStation(const RawStation&) = delete;
  RawStation& operator=(const RawStation&) = delete;

  void greet(std::optional<storage::SpaceId> space = {});
  void send(Frame frame);
  void send(const Message& message);
  Result<Frame> receive_frame();
  /// An error message is an error here; so is an object (protocol).
  Result<Message> receive();
  /// The error that the peer answers with; `cancelled` when it answers with something else.
  Error error() { return error_of(receive()); }
  /// protocol when the answer is none of this kind.
  template <class Answer>
  Result<Answer> ask(const Message& request) {
    send(request);
    return answer<Answer>();
  }
  template <class Answer>
  Result<Answer> answer() {
    auto message = receive();
    if (!message) return forward_error(message);
    auto* expected = std::get_if<Answer>(&*message);
    if (expected == nullptr) return fail(ErrorCode::protocol, "another answer");
    return std::move(*expected);
  }
  /// What the peer says of an object, when it is asked to make it durable.
  Error put(Bytes object);
  /// Says bye, as somebody who was refused; true when the peer has cut the line.
  bool is_cut();

  ProtocolThread thread;
  std::unique_ptr<Channel> channel;
  Result<Frame> hello;
};

}  // namespace beffroi::daemon::testing
