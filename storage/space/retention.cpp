#include "storage/space/retention.h"

#include <chrono>

#include "crypto/assert.h"

namespace beffroi::storage {
namespace {

constexpr std::int64_t kHourSeconds = 3600;
constexpr std::int64_t kDaySeconds = 24 * kHourSeconds;
constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999

/// Within the years that the calendar below is good for.
std::int64_t counted(UnixTime time) { return std::clamp<std::int64_t>(time.seconds, 0, kLastSecond); }

// Numbers of the calendar's buckets in UTC: equal in one bucket, and one more in the next.
std::int64_t hour_of(std::int64_t seconds) { return seconds / kHourSeconds; }
std::int64_t day_of(std::int64_t seconds) { return seconds / kDaySeconds; }
/// ISO weeks begin on Monday; 1970 began on a Thursday, three days into its week.
std::int64_t week_of(std::int64_t seconds) { return (day_of(seconds) + 3) / 7; }

std::chrono::year_month_day date_of(std::int64_t seconds) {
  return std::chrono::sys_days(std::chrono::days(day_of(seconds)));
}
std::int64_t year_of(std::int64_t seconds) { return static_cast<int>(date_of(seconds).year()); }
std::int64_t month_of(std::int64_t seconds) {
  const auto date = date_of(seconds);
  return 12 * std::int64_t{static_cast<int>(date.year())} + static_cast<unsigned>(date.month()) - 1;
}

using Span = std::uint32_t RetentionBody::*;

struct Unit {
  Span window;
  std::int64_t (*bucket_of)(std::int64_t seconds);
  KeepReason first, last;
};
constexpr std::array kUnits = {
    Unit{&RetentionBody::yearly, year_of, KeepReason::first_of_year, KeepReason::last_of_year},
    Unit{&RetentionBody::monthly, month_of, KeepReason::first_of_month, KeepReason::last_of_month},
    Unit{&RetentionBody::weekly, week_of, KeepReason::first_of_week, KeepReason::last_of_week},
    Unit{&RetentionBody::daily, day_of, KeepReason::first_of_day, KeepReason::last_of_day},
    Unit{&RetentionBody::hourly, hour_of, KeepReason::first_of_hour, KeepReason::last_of_hour},
};
constexpr std::array<Span, 7> kSpans = {&RetentionBody::lock_days, &RetentionBody::within_days, &RetentionBody::hourly,
                                        &RetentionBody::daily,     &RetentionBody::weekly,      &RetentionBody::monthly,
                                        &RetentionBody::yearly};
constexpr RetentionBody kNoRule{.lock_days = 0};

/// For each rule the longest of every span from it to the newest rule. (A rule only ever keeps, and more the longer its
/// spans are: so to be kept by one of several is to be kept by the longest of each.)
std::vector<RetentionBody> longest_from(const RetentionHistory& history) {
  std::vector<RetentionBody> out(history.size());
  RetentionBody longest = kNoRule;
  for (std::size_t i = history.size(); i-- > 0;) {
    for (const Span span : kSpans) longest.*span = std::max(longest.*span, history[i].second.*span);
    out[i] = longest;
  }
  return out;
}

class Evaluation {
 public:
  Evaluation(std::span<const RetentionCommit> branch, const RetentionHistory& history, UnixTime now)
      : branch_(branch), history_(history), longest_(longest_from(history)), now_(counted(now)) {
    const auto out_of_order = std::ranges::adjacent_find(branch, std::greater_equal<>(), &RetentionCommit::sequence);
    BEFFROI_ASSERT(out_of_order == branch.end());
    ReceiptTimes times;
    for (const RetentionCommit& commit : branch) times_.push_back(counted(times.next(commit.receipted)));
  }

  std::vector<RetentionVerdict> run() {
    for (std::size_t i = 0; i < branch_.size(); ++i) judge_alone(i);
    for (const Unit& unit : kUnits) judge_buckets(unit);
    if (!verdicts_.empty()) verdicts_.back().reasons.add(KeepReason::newest);
    return std::move(verdicts_);
  }

 private:
  /// What holds of a commit whatever else is in its branch.
  void judge_alone(std::size_t i) {
    const auto later =
        std::ranges::upper_bound(history_, branch_[i].position, {}, &RetentionHistory::value_type::first);
    const auto in_force = static_cast<std::size_t>(later - history_.begin());
    binding_.push_back(history_.empty() ? kNoRule : longest_[in_force == 0 ? 0 : in_force - 1]);
    const RetentionBody& rule = binding_.back();
    KeepReasons reasons;
    if (younger(i, rule.lock_days)) reasons.add(KeepReason::locked);
    if (now_ < times_[i]) reasons.add(KeepReason::future);
    if (in_force == 0) reasons.add(KeepReason::no_rule);
    if (branch_[i].pinned) reasons.add(KeepReason::pinned);
    if (younger(i, rule.within_days)) reasons.add(KeepReason::within);
    verdicts_.push_back({branch_[i].commit, reasons, {times_[i] + rule.lock_days * kDaySeconds}});
  }

  /// No days: not even what comes from the future is younger.
  bool younger(std::size_t i, std::uint32_t day_count) const {
    return day_count > 0 && now_ < times_[i] + day_count * kDaySeconds;
  }

  void judge_buckets(const Unit& unit) {
    const std::int64_t current = unit.bucket_of(now_);
    std::vector<std::int64_t> buckets;
    for (const std::int64_t time : times_) buckets.push_back(unit.bucket_of(time));
    for (std::size_t i = 0; i < buckets.size(); ++i) {
      const std::int64_t window = binding_[i].*unit.window;
      if (window == 0 || buckets[i] <= current - window) continue;
      if (i == 0 || buckets[i - 1] != buckets[i]) verdicts_[i].reasons.add(unit.first);
      if (i + 1 == buckets.size() || buckets[i + 1] != buckets[i]) verdicts_[i].reasons.add(unit.last);
    }
  }

  std::span<const RetentionCommit> branch_;
  const RetentionHistory& history_;
  std::vector<RetentionBody> longest_;
  std::int64_t now_;
  std::vector<std::int64_t> times_;     ///< of each commit, ascending
  std::vector<RetentionBody> binding_;  ///< all the rules that bind it, as one
  std::vector<RetentionVerdict> verdicts_;
};

}  // namespace

const char* keep_reason_name(KeepReason reason) {
  constexpr std::array<const char*, kKeepReasonCount> kNames = {
      "locked",        "future",       "no_rule",        "pinned",        "newest",        "within",
      "first_of_year", "last_of_year", "first_of_month", "last_of_month", "first_of_week", "last_of_week",
      "first_of_day",  "last_of_day",  "first_of_hour",  "last_of_hour"};
  return kNames.at(static_cast<std::size_t>(reason));
}

std::vector<KeepReason> KeepReasons::listed() const {
  std::vector<KeepReason> out;
  for (std::size_t i = 0; i < kKeepReasonCount; ++i)
    if (has(static_cast<KeepReason>(i))) out.push_back(static_cast<KeepReason>(i));
  return out;
}

std::vector<RetentionCommit> retention_input(const SpaceLog& log, std::span<const ReceiptedCommit> branch) {
  std::vector<RetentionCommit> out;
  out.reserve(branch.size());
  for (const ReceiptedCommit& held : branch)
    out.push_back({.commit = held.commit,
                   .sequence = held.sequence,
                   .receipted = held.receipted,
                   .position = log.position(held.log_head).value_or(0),
                   .pinned = log.pinned(held.commit)});
  return out;
}

std::vector<RetentionVerdict> evaluate_retention(std::span<const RetentionCommit> branch,
                                                 const RetentionHistory& history, UnixTime now) {
  return Evaluation(branch, history, now).run();
}

}  // namespace beffroi::storage
