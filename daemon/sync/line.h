// What a station knows of its line to the peer: how fast it carries, and how much of it may be used at this hour.
#pragma once

#include "daemon/net/channel.h"
#include "daemon/service/clock.h"
#include "daemon/service/upload_limit.h"

namespace beffroi::daemon {

/// Lives on the protocol thread.
class Line {
 public:
  Line(Clock& clock, const UploadLimit& limit, std::optional<std::uint64_t> bytes_per_second)
      : clock_(clock), limit_(limit), bytes_per_second_(bytes_per_second) {}

  /// Bytes per second that are allowed now; nullopt: all that the line carries.
  std::optional<std::uint64_t> allowed() const;
  enum class Measure : std::uint8_t {
    exact,
    least,  ///< the line was not what there was to wait for
  };
  /// The peer has acknowledged these bytes, so long after those before them, and more of them were on their way.
  void carried(std::size_t bytes, std::chrono::milliseconds took, Measure measure);
  /// What it carries as far as is known: a running mean of what it carried when nothing was limited.
  std::optional<std::uint64_t> bytes_per_second() const { return bytes_per_second_; }

 private:
  Clock& clock_;
  const UploadLimit limit_;
  std::optional<std::uint64_t> bytes_per_second_;
};

}  // namespace beffroi::daemon
