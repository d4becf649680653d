#include "daemon/service/trusted_clock.h"

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

using storage::UnixTime;

constexpr std::string_view kKey = "peer/clock";
constexpr std::uint64_t kVersion = 1;
constexpr std::int64_t kCatchUpDivisor = 2;
constexpr std::int64_t kMaxSeconds = 253'402'300'799;  // the end of the year 9999: products of it don't overflow

UnixTime seconds_of(std::int64_t ms) { return {ms / 1000}; }

}  // namespace

Result<std::optional<KeptClock>> load_kept_clock(const storage::Database& database) {
  BEFFROI_TRY(const auto value, database.get(storage::Table::state, as_bytes(kKey)));
  if (!value) return std::nullopt;
  storage::CborReader in(*value);
  KeptClock out;
  in.array_of(4);
  if (in.uint() != kVersion) in.reject();
  out.trusted.seconds = in.integer();
  out.held = in.boolean();
  out.behind_s = in.uint(kMaxSeconds);
  in.leave();
  if (out.trusted.seconds < 0 || out.trusted.seconds > kMaxSeconds) in.reject();
  if (!in.finish())
    return fail(ErrorCode::corrupt, N_("What this peer keeps of its clock can't be read. Restore its database."));
  return out;
}

Result<void> save_kept_clock(storage::Database& database, const KeptClock& kept) {
  storage::CborWriter out;
  out.array(4).uint(kVersion).integer(kept.trusted.seconds).boolean(kept.held).uint(kept.behind_s);
  return database.put(storage::Table::state, as_bytes(kKey), out.take(), storage::Durability::buffered);
}

TrustedClock::TrustedClock(Clock& source, const std::optional<KeptClock>& kept)
    : source_(source), anchor_ms_(wall_ms()), anchored_at_ms_(source.monotonic().count()) {
  if (kept) begin(*kept);
}

void TrustedClock::begin(const KeptClock& kept) {
  anchor_ms_ = kept.trusted.seconds * 1000;
  behind_ms_ = static_cast<std::int64_t>(kept.behind_s) * 1000;
  const std::int64_t ahead_ms = wall_ms() - anchor_ms_;
  const std::int64_t absence_ms = kept.held ? kClockTolerance.count() : kAbsenceBelieved.count();
  if (ahead_ms > absence_ms || (ahead_ms < 0 && !is_believed(ahead_ms))) {
    hold(ahead_ms);
    return;
  }
  follow(ahead_ms);
  budget_ms_ = kClockTolerance.count();
}

// While the clock is held nothing is caught up with: nobody knows how far it is.
std::int64_t TrustedClock::trusted_ms() const {
  const std::int64_t passed = source_.monotonic().count() - anchored_at_ms_;
  return anchor_ms_ + (behind_ms_ > 0 && !hold_ ? passed / kCatchUpDivisor : passed);
}

UnixTime TrustedClock::now() {
  const std::lock_guard lock(mutex_);
  return seconds_of(trusted_ms());
}

void TrustedClock::move_anchor() {
  anchor_ms_ = trusted_ms();
  const std::int64_t now_ms = source_.monotonic().count();
  budget_ms_ = std::min(kClockTolerance.count(), budget_ms_ + (now_ms - anchored_at_ms_) / kClockRefillDivisor);
  anchored_at_ms_ = now_ms;
}

bool TrustedClock::is_believed(std::int64_t ahead_ms) const {
  return ahead_ms > 0 ? ahead_ms <= budget_ms_ : -ahead_ms <= behind_ms_ + kClockTolerance.count();
}

void TrustedClock::follow(std::int64_t ahead_ms) {
  hold_.reset();
  behind_ms_ = std::min(behind_ms_, std::max<std::int64_t>(-ahead_ms, 0));
  if (ahead_ms <= 0) return;
  anchor_ms_ += ahead_ms;
  budget_ms_ -= ahead_ms;
}

// The first difference stays on record, unless the clock has gone over to the other side.
void TrustedClock::hold(std::int64_t ahead_ms) {
  const auto reason = ahead_ms > 0 ? ClockHold::Reason::jumped_ahead : ClockHold::Reason::went_back;
  if (hold_ && hold_->reason == reason) return;
  hold_ = {.reason = reason, .wall = seconds_of(anchor_ms_ + ahead_ms), .trusted = seconds_of(anchor_ms_)};
}

TrustedClock::Change TrustedClock::tick() {
  const std::lock_guard lock(mutex_);
  const bool was_held = hold_.has_value();
  move_anchor();
  const std::int64_t ahead_ms = wall_ms() - anchor_ms_;
  if (is_believed(ahead_ms))
    follow(ahead_ms);
  else
    hold(ahead_ms);
  if (was_held == hold_.has_value()) return Change::none;
  return was_held ? Change::released : Change::held;
}

void TrustedClock::accept() {
  const std::lock_guard lock(mutex_);
  move_anchor();
  const std::int64_t ahead_ms = wall_ms() - anchor_ms_;
  hold_.reset();
  behind_ms_ = std::max<std::int64_t>(-ahead_ms, 0);
  anchor_ms_ += std::max<std::int64_t>(ahead_ms, 0);
  budget_ms_ = kClockTolerance.count();
}

ClockStatus TrustedClock::status() {
  const std::lock_guard lock(mutex_);
  return {.trusted = seconds_of(trusted_ms()),
          .wall = source_.now(),
          .hold = hold_,
          .catching_up = behind_ms_ > 0 && !hold_};
}

bool TrustedClock::expiry_allowed() const {
  const std::lock_guard lock(mutex_);
  return !hold_;
}

KeptClock TrustedClock::kept() const {
  const std::lock_guard lock(mutex_);
  return {.trusted = seconds_of(trusted_ms()),
          .held = hold_.has_value(),
          .behind_s = static_cast<std::uint64_t>(behind_ms_ / 1000)};
}

}  // namespace beffroi::daemon
