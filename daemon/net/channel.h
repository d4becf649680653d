// The transport seam: an ordered, authenticated stream of frames between two keys. Implementations: TLS over TCP, in
// memory (seeded faults) for simulations. All calls of one channel happen on one executor.
#pragma once

#include <asio/awaitable.hpp>
#include <chrono>
#include <functional>
#include <memory>
#include <optional>

#include "crypto/identity.h"
#include "crypto/result.h"

namespace beffroi::daemon {

/// Wire: le32 body length ‖ type ‖ body. A connection ends with a `bye` frame on both sides; end of stream before it is
/// an error.
enum class FrameType : std::uint8_t {
  message = 1,  ///< deterministic CBOR control message
  object = 2,   ///< raw sealed object
  bye = 3,
};
struct Frame {
  FrameType type = FrameType::message;
  Bytes body;
};
/// Longest body of any frame.
inline constexpr std::size_t kMaxFrameBytes = 3U * 1024 * 1024;
/// Longest wait for one frame when nothing else is said.
inline constexpr std::chrono::milliseconds kFrameTimeout{60'000};
/// Who is slower than this in the middle of a frame is cut off (a rural line still makes ten times as much).
inline constexpr std::size_t kSlowestBytesPerSecond = 4096;

class Channel {
 public:
  virtual ~Channel() = default;
  /// One frame, `bye` included. `timeout` is for its beginning: the body gets more, according to its length. Errors:
  /// timeout, unreachable (cut), protocol (malformed), limit_exceeded; the channel is of no more use after any of them.
  virtual asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds timeout = kFrameTimeout) = 0;
  /// Returns when the transport has taken the bytes (back-pressure). One sender and one receiver at a time.
  virtual asio::awaitable<Result<void>> send(Frame frame, std::chrono::milliseconds timeout = kFrameTimeout) = 0;
  /// What is sent from now on passes no faster than this; nullopt: as fast as it goes.
  virtual void limit_sending(std::optional<std::uint64_t> /*bytes_per_second*/) {}
  /// Proven by the handshake.
  virtual const crypto::TransportPublicKey& remote_key() const = 0;
  virtual std::string remote_address() const = 0;
  /// Both directions at once; a call that waits ends with an error.
  virtual void close() = 0;
  virtual std::uint64_t bytes_sent() const = 0;
  virtual std::uint64_t bytes_received() const = 0;

  /// Asked with the length of each frame's body before room is made for it: the frame is received when it returns, and
  /// the time that this takes does not count. Set while nothing is being received; a channel may leave it out.
  using BeforeBody = std::function<asio::awaitable<void>(std::size_t bytes)>;
  virtual void ask_before_bodies(BeforeBody /*ask*/) {}
};

}  // namespace beffroi::daemon
