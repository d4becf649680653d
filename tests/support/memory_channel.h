// Two ends of a line in memory, on one executor, with seeded faults: it can be cut at any frame or byte, and what was
// on its way then arrives only in part, as with a real line.
#pragma once

#include <asio/steady_timer.hpp>
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
  void cut();
  void close(int side);
  void wake();

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

struct MemoryPair {
  std::shared_ptr<MemoryLine> line;
  std::unique_ptr<Channel> client;
  std::unique_ptr<Channel> listener;
};

MemoryPair make_memory_pair(asio::any_io_executor executor, const FaultPlan& plan,
                            const crypto::TransportPublicKey& client_key,
                            const crypto::TransportPublicKey& listener_key);

}  // namespace beffroi::daemon::testing
