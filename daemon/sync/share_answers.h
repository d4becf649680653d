// What a peer says of a share beside its log and objects: who waits to be let in, what came of a request, and whether
// there is anything new.
#pragma once

#include <chrono>

#include "storage/space/join_request.h"

namespace beffroi::daemon {

/// Of one space, at a time. A request is forgotten when its invitation ends.
inline constexpr std::size_t kMaxOpenShareInvitations = 64;
/// Longest wait for news in one request.
inline constexpr std::chrono::milliseconds kMaxNewsPatience{30'000};

/// What an invited station left for the managers. Sealed for who has the invitation's token, and not verified here.
struct WaitingRequest {
  crypto::TransportPublicKey invitation;
  Bytes sealed;  ///< storage::kSealedJoinRequestBytes
  storage::UnixTime received;
  bool operator==(const WaitingRequest&) const = default;
};

/// What came of a request, for who has the invitation. A yes is said by the log.
struct JoinAnswer {
  enum class State : std::uint8_t {
    waiting = 1,  ///< the invitation is open; nobody has decided
    refused = 2,  ///< a manager said no
    closed = 3,   ///< the invitation was used or taken back, or has expired
  };
  State state = State::waiting;
  Bytes refusal;  ///< storage::kSealedRefusalBytes when refused, else empty
  bool operator==(const JoinAnswer&) const = default;
};

/// How far a space has come. Whatever differs from what was known is new: a peer that was restored shows less.
struct SpaceNews {
  std::uint64_t log_length = 0;
  std::uint64_t newest_receipt = 0;  ///< counter; 0 before the first
  std::uint64_t requests = 0;        ///< changes when a request arrives; 0 for who manages nothing
  bool operator==(const SpaceNews&) const = default;
};

}  // namespace beffroi::daemon
