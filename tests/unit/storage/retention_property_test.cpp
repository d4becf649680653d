// Goal: over random histories retention agrees with a slow reading of its rules, nothing that is added pushes out what
// is there, and it makes no difference when the peer lets things go.
#include <gtest/gtest.h>

#include "crypto/random.h"
#include "tests/support/retention_times.h"

namespace beffroi::storage {
namespace {

using testing::add_commit;
using testing::kDay;
using testing::kHour;
using testing::reasons_of;

// ---- The rules once more, as slow as they are plain: buckets are what strftime calls them, rules are asked one by
// one.

struct SlowUnit {
  std::uint32_t RetentionBody::* window;
  const char* name;
  std::int64_t step;  ///< no longer than the shortest bucket
  KeepReason first, last;
};
constexpr std::array kSlowUnits = {
    SlowUnit{&RetentionBody::hourly, "%Y-%m-%d %H", kHour, KeepReason::first_of_hour, KeepReason::last_of_hour},
    SlowUnit{&RetentionBody::daily, "%Y-%m-%d", kDay, KeepReason::first_of_day, KeepReason::last_of_day},
    SlowUnit{&RetentionBody::weekly, "%G-W%V", kDay, KeepReason::first_of_week, KeepReason::last_of_week},
    SlowUnit{&RetentionBody::monthly, "%Y-%m", kDay, KeepReason::first_of_month, KeepReason::last_of_month},
    SlowUnit{&RetentionBody::yearly, "%Y", kDay, KeepReason::first_of_year, KeepReason::last_of_year},
};

std::string bucket_name(std::int64_t seconds, const SlowUnit& unit) {
  const std::time_t time = seconds;
  std::tm parts{};
  ::gmtime_r(&time, &parts);
  std::array<char, 32> out{};
  return {out.data(), std::strftime(out.data(), out.size(), unit.name, &parts)};
}

/// Is the bucket of `seconds` one of the last `window` ones, counted back from `now`?
bool in_window(std::int64_t seconds, std::int64_t now, const SlowUnit& unit, std::uint32_t window) {
  if (window == 0) return false;
  if (seconds > now) return true;
  std::set<std::string> recent;
  for (std::int64_t at = now; at >= seconds && recent.size() <= window; at -= unit.step)
    recent.insert(bucket_name(at, unit));
  recent.insert(bucket_name(seconds, unit));
  return recent.size() <= window;
}

class SlowRetention {
 public:
  SlowRetention(const std::vector<RetentionCommit>& branch, const RetentionHistory& history, UnixTime now)
      : branch_(branch), history_(history), now_(now.seconds) {}

  KeepReasons reasons(std::size_t i) const {
    KeepReasons out;
    if (time(i) > now_) out.add(KeepReason::future);
    if (branch_[i].pinned) out.add(KeepReason::pinned);
    if (i + 1 == branch_.size()) out.add(KeepReason::newest);
    bool ruled = false;
    for (std::size_t rule = 0; rule < history_.size(); ++rule) {
      ruled = ruled || history_[rule].first <= branch_[i].position;
      const bool replaced = rule + 1 < history_.size() && history_[rule + 1].first <= branch_[i].position;
      if (!replaced) add_reasons(i, history_[rule].second, out);
    }
    if (!ruled) out.add(KeepReason::no_rule);
    return out;
  }

 private:
  std::int64_t time(std::size_t i) const {
    std::int64_t out = 0;
    for (std::size_t j = 0; j <= i; ++j) out = std::max(out, branch_[j].receipted.seconds);
    return out;
  }
  void add_reasons(std::size_t i, const RetentionBody& rule, KeepReasons& out) const {
    if (now_ - time(i) < rule.lock_days * kDay) out.add(KeepReason::locked);
    if (rule.within_days > 0 && now_ - time(i) < rule.within_days * kDay) out.add(KeepReason::within);
    for (const SlowUnit& unit : kSlowUnits) {
      if (!in_window(time(i), now_, unit, rule.*unit.window)) continue;
      const auto same = [&](std::size_t j) { return bucket_name(time(j), unit) == bucket_name(time(i), unit); };
      bool first = true, last = true;
      for (std::size_t j = 0; j < branch_.size(); ++j) {
        if (j < i && same(j)) first = false;
        if (j > i && same(j)) last = false;
      }
      if (first) out.add(unit.first);
      if (last) out.add(unit.last);
    }
  }

  const std::vector<RetentionCommit>& branch_;
  const RetentionHistory& history_;
  std::int64_t now_;
};

// ---- Random histories.

constexpr std::int64_t kStart = 1'703'900'000;  // 2023-12-30: the new year comes soon

struct Story {
  std::vector<RetentionCommit> branch;
  RetentionHistory history;
  UnixTime now;
};

class StoryTeller {
 public:
  explicit StoryTeller(std::uint64_t seed) : random_(seed) {}

  /// Commits over some weeks, in bursts; few of them pinned, sometimes a clock that goes back.
  Story tell(std::size_t most_commits) {
    Story out;
    out.history = rules(random_.below(4));
    std::int64_t time = kStart;
    const std::size_t commits = 1 + random_.below(most_commits);
    std::uint64_t position = random_.below(12);
    for (std::size_t i = 0; i < commits; ++i) {
      time += pause();
      const bool back = random_.below(20) == 0;
      position += random_.below(3) == 0 ? random_.below(6) : 0;
      add_commit(out.branch, {back ? time - 3 * kDay : time}, position);
      out.branch.back().pinned = random_.below(15) == 0;
    }
    out.now = {time + static_cast<std::int64_t>(random_.below(40 * kDay)) - kDay};
    return out;
  }
  RetentionHistory rules(std::size_t count) {
    RetentionHistory out;
    for (std::size_t i = 0; i < count; ++i) out.emplace_back(3 + 7 * i, rule());
    return out;
  }
  RetentionBody rule() {
    return {.lock_days = 1 + upto(6),
            .within_days = upto(4),
            .hourly = upto(40),
            .daily = upto(12),
            .weekly = upto(5),
            .monthly = upto(4),
            .yearly = upto(3)};
  }
  std::int64_t pause() {
    constexpr std::array<std::int64_t, 6> kScales = {1, 600, kHour, 8 * kHour, kDay, 6 * kDay};
    return static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(kScales[random_.below(6)]) + 1));
  }
  std::uint64_t below(std::uint64_t bound) { return random_.below(bound); }

 private:
  /// Often nothing.
  std::uint32_t upto(std::uint32_t most) {
    return random_.below(3) == 0 ? 0 : static_cast<std::uint32_t>(random_.below(most + 1));
  }
  crypto::SeededRandom random_;
};

constexpr std::uint64_t kSeeds = 100;

std::vector<RetentionCommit> kept_of(const Story& story) {
  std::vector<RetentionCommit> out;
  const auto verdicts = evaluate_retention(story.branch, story.history, story.now);
  for (std::size_t i = 0; i < verdicts.size(); ++i)
    if (!verdicts[i].reasons.empty()) out.push_back(story.branch[i]);
  return out;
}
std::vector<std::uint64_t> numbers(const std::vector<RetentionCommit>& branch) {
  std::vector<std::uint64_t> out;
  for (const RetentionCommit& commit : branch) out.push_back(commit.sequence);
  return out;
}

TEST(RetentionPropertyTest, AgreesWithASlowReadingOfTheRules) {
  std::size_t gone = 0, kept = 0;
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    const Story story = StoryTeller(seed).tell(40);
    const SlowRetention slow(story.branch, story.history, story.now);
    const auto verdicts = evaluate_retention(story.branch, story.history, story.now);
    ASSERT_EQ(story.branch.size(), verdicts.size());
    for (std::size_t i = 0; i < verdicts.size(); ++i) {
      ASSERT_EQ(reasons_of(slow.reasons(i)), reasons_of(verdicts[i].reasons)) << "seed " << seed << ", commit " << i;
      ++(verdicts[i].reasons.empty() ? gone : kept);
    }
  }
  // The stories are worth telling.
  EXPECT_GT(gone, kSeeds);
  EXPECT_GT(kept, kSeeds);
}

/// Does a flood of commits at `times` leave this reason alone? All but being the newest, and the last of a bucket that
/// the flood reaches.
bool survives_flood(KeepReason reason, std::int64_t time, const std::vector<std::int64_t>& times) {
  if (reason == KeepReason::newest) return false;
  for (const SlowUnit& unit : kSlowUnits)
    if (reason == unit.last)
      return std::ranges::none_of(times, [&](auto at) { return bucket_name(at, unit) == bucket_name(time, unit); });
  return true;
}

// Whoever stole a device can add snapshots, as many as the peer takes.
TEST(RetentionPropertyTest, AFloodPushesNothingOut) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    StoryTeller teller(seed);
    Story story = teller.tell(40);
    const auto before = evaluate_retention(story.branch, story.history, story.now);
    std::vector<std::int64_t> counted;
    ReceiptTimes receipts;
    for (const auto& commit : story.branch) counted.push_back(receipts.next(commit.receipted).seconds);
    std::int64_t time = counted.back();
    std::vector<std::int64_t> flood;
    for (std::uint64_t left = teller.below(200); left > 0; --left) {
      time += static_cast<std::int64_t>(teller.below(kHour));
      flood.push_back(time);
      add_commit(story.branch, {time}, story.branch.back().position);
    }
    const auto after = evaluate_retention(story.branch, story.history, story.now);
    for (std::size_t i = 0; i < before.size(); ++i)
      for (const KeepReason reason : before[i].reasons.listed())
        if (survives_flood(reason, counted[i], flood))
          ASSERT_TRUE(after[i].reasons.has(reason))
              << "seed " << seed << ", commit " << i << ", " << keep_reason_name(reason);
  }
}

TEST(RetentionPropertyTest, WhatIsKeptStaysKeptWhenTheRestIsGone) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    Story story = StoryTeller(seed).tell(60);
    const auto once = kept_of(story);
    story.branch = once;
    ASSERT_EQ(numbers(once), numbers(kept_of(story))) << "seed " << seed;
  }
}

// A peer that was away for weeks ends with what one that looked every day has.
TEST(RetentionPropertyTest, LettingGoEveryDayOrAtTheEndIsTheSame) {
  for (std::uint64_t seed = 1; seed <= kSeeds; ++seed) {
    StoryTeller teller(seed);
    Story daily, at_the_end;
    daily.history = at_the_end.history = {{1, teller.rule()}};
    std::int64_t time = kStart;
    for (std::size_t i = 0; i < 100; ++i) {
      time += teller.pause();
      add_commit(at_the_end.branch, {time});
      daily.branch.push_back(at_the_end.branch.back());
      if (teller.below(2) == 0) continue;
      daily.now = {time};
      daily.branch = kept_of(daily);
    }
    daily.now = at_the_end.now = {time + static_cast<std::int64_t>(teller.below(20 * kDay))};
    ASSERT_EQ(numbers(kept_of(at_the_end)), numbers(kept_of(daily))) << "seed " << seed;
  }
}

TEST(RetentionPropertyTest, ALongBranchIsJudgedWhole) {
  constexpr std::int64_t kCommits = 200'000;
  Story story;
  for (std::int64_t i = 0; i < kCommits; ++i)
    add_commit(story.branch, {kStart + 600 * i}, static_cast<std::uint64_t>(i));
  for (std::uint64_t i = 0; i < 1000; ++i)
    story.history.emplace_back(100 * i, RetentionBody{.lock_days = 1, .daily = 30});
  story.now = {story.branch.back().receipted};
  // Of the days before yesterday two each; since then all, by the lock.
  const std::size_t kept = kept_of(story).size();
  EXPECT_GT(kept, 144U);
  EXPECT_LT(kept, 144U + 2 * 31U);
}

}  // namespace
}  // namespace beffroi::storage
