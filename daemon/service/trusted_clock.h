// A clock on which things may expire. A wall clock can be set, by an attacker or by an empty battery; monotonic time
// can't, but ends with the machine. So trusted time goes on by the monotonic clock from a moment that was believed, and
// follows the wall clock only in small steps. A larger difference holds it: time goes on, nothing expires, and somebody
// must look.
//
// What it does not see: a wall clock that is wrong at the very first start; and one that is put forward by at most
// kAbsenceBelieved while the machine is off, which nobody can tell from an absence.
#pragma once

#include <mutex>
#include <optional>

#include "daemon/service/clock.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// How far the wall clock may be behind trusted time. And the most that it is followed forward in one go.
inline constexpr std::chrono::milliseconds kClockTolerance = std::chrono::hours(1);
/// Steps forward are paid from a budget that begins with kClockTolerance, holds no more, and gets a minute for each
/// hour of running: who drags the clock gains 1/60 of real time.
inline constexpr std::int64_t kClockRefillDivisor = 60;
/// How long the peer may have been off for its wall clock to be believed when it starts.
inline constexpr std::chrono::milliseconds kAbsenceBelieved = std::chrono::days(14);

/// The wall clock is not believed.
struct ClockHold {
  enum class Reason : std::uint8_t { jumped_ahead, went_back };
  Reason reason = Reason::jumped_ahead;
  storage::UnixTime wall;     ///< what it showed when that was noticed
  storage::UnixTime trusted;  ///< and trusted time then
};

struct ClockStatus {
  storage::UnixTime trusted;
  storage::UnixTime wall;
  std::optional<ClockHold> hold;
  bool catching_up = false;  ///< see TrustedClock::accept
};

/// What outlives a restart.
struct KeptClock {
  storage::UnixTime trusted;
  bool held = false;
  std::uint64_t behind_s = 0;  ///< how far the accepted wall clock is still behind
  bool operator==(const KeptClock&) const = default;
};
/// "peer/clock" → CBOR [1, trusted time, held, seconds behind]. corrupt when it can't be read: then nothing may be
/// believed.
Result<std::optional<KeptClock>> load_kept_clock(const storage::Database& database);
/// Buffered.
Result<void> save_kept_clock(storage::Database& database, const KeptClock& kept);

/// Thread-safe as far as `source` is.
class TrustedClock final : public Clock {
 public:
  /// The first start has nothing kept and takes the wall clock as it is. Otherwise time never begins before what is
  /// kept: a wall clock that is behind it by more than the tolerance, or ahead by more than kAbsenceBelieved, is held.
  /// What was held stays so, unless both agree within the tolerance.
  TrustedClock(Clock& source, const std::optional<KeptClock>& kept);

  /// Trusted time: never less than it was, whatever the wall clock does; across restarts never less than what was kept.
  storage::UnixTime now() override;
  std::chrono::milliseconds monotonic() override { return source_.monotonic(); }

  enum class Change : std::uint8_t { none, held, released };
  /// Compares both clocks; once a minute. A hold ends here by itself, when they agree again.
  Change tick();
  /// Somebody has looked, and the wall clock is right: follows it, however far ahead it is. When it is behind, trusted
  /// time goes on at half speed until it has caught up: so no two moments are one, and none comes again.
  void accept();

  ClockStatus status();
  /// What rests on time running out must ask: false while the clock is held.
  bool expiry_allowed() const;
  /// To be saved after each tick() and accept().
  KeptClock kept() const;

 private:
  std::int64_t trusted_ms() const;
  std::int64_t wall_ms() const { return source_.now().seconds * 1000; }
  void begin(const KeptClock& kept);
  void move_anchor();
  bool is_believed(std::int64_t ahead_ms) const;
  void follow(std::int64_t ahead_ms);
  void hold(std::int64_t ahead_ms);

  Clock& source_;
  mutable std::mutex mutex_;
  std::int64_t anchor_ms_ = 0;       ///< trusted time, milliseconds since 1970…
  std::int64_t anchored_at_ms_ = 0;  ///< …at this monotonic time
  std::int64_t budget_ms_ = kClockTolerance.count();
  std::int64_t behind_ms_ = 0;  ///< positive while catching up with an accepted wall clock
  std::optional<ClockHold> hold_;
};

}  // namespace beffroi::daemon
