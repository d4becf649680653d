// Goal: each rule of retention keeps exactly what it says, up to the second and to the edge of the calendar.
#include "storage/space/retention.h"

#include <gmock/gmock.h>

#include "tests/support/retention_times.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

using testing::add_commit;
using ::testing::ElementsAre;
using testing::kDay;
using testing::reasons_of;
using testing::utc;

/// A rule that keeps next to nothing, to be changed in one place.
RetentionBody rule(std::uint32_t RetentionBody::* span, std::uint32_t length) {
  RetentionBody out{.lock_days = 1};
  out.*span = length;
  return out;
}
RetentionHistory only(const RetentionBody& body) { return {{1, body}}; }

std::vector<RetentionCommit> branch_at(std::initializer_list<const char*> times) {
  std::vector<RetentionCommit> out;
  for (const char* time : times) add_commit(out, utc(time));
  return out;
}

/// What keeps each commit.
std::vector<std::string> verdicts(std::span<const RetentionCommit> branch, const RetentionHistory& history,
                                  UnixTime now) {
  std::vector<std::string> out;
  for (const RetentionVerdict& verdict : evaluate_retention(branch, history, now))
    out.push_back(reasons_of(verdict.reasons));
  return out;
}

TEST(RetentionTest, ReasonsAreListedStrongestFirst) {
  std::set<std::string> names;
  KeepReasons all;
  for (std::size_t i = kKeepReasonCount; i-- > 0;) {
    EXPECT_FALSE(all.has(static_cast<KeepReason>(i)));
    all.add(static_cast<KeepReason>(i));
    names.insert(keep_reason_name(static_cast<KeepReason>(i)));
  }
  EXPECT_EQ(kKeepReasonCount, names.size());
  const auto listed = all.listed();
  EXPECT_EQ(kKeepReasonCount, listed.size());
  EXPECT_TRUE(std::ranges::is_sorted(listed));
  EXPECT_TRUE(KeepReasons().empty());
}

TEST(RetentionTest, VerdictsNameTheirCommitsInOrder) {
  const auto branch = branch_at({"2020-01-01 00:00:00", "2020-01-02 00:00:00"});
  const auto found = evaluate_retention(branch, {}, utc("2024-01-01 00:00:00"));
  ASSERT_EQ(2U, found.size());
  EXPECT_EQ(branch[0].commit, found[0].commit);
  EXPECT_EQ(branch[1].commit, found[1].commit);
  EXPECT_TRUE(evaluate_retention({}, only({}), {}).empty());
}

TEST(RetentionTest, WithoutARuleNothingExpires) {
  const auto branch = branch_at({"1970-01-01 00:00:00", "1990-01-01 00:00:00"});
  EXPECT_THAT(verdicts(branch, {}, utc("2024-01-01 00:00:00")), ElementsAre("no_rule", "no_rule newest"));
  EXPECT_EQ(branch[0].receipted, evaluate_retention(branch, {}, {})[0].locked_until);
}

TEST(RetentionTest, TheLockEndsToTheSecond) {
  const UnixTime now = utc("2024-06-30 12:00:00");
  std::vector<RetentionCommit> branch;
  add_commit(branch, {now.seconds - 30 * kDay});
  add_commit(branch, {now.seconds - 30 * kDay + 1});
  add_commit(branch, now);
  const auto found = evaluate_retention(branch, only({.lock_days = 30}), now);
  EXPECT_EQ("", reasons_of(found[0].reasons));
  EXPECT_EQ("locked", reasons_of(found[1].reasons));
  EXPECT_EQ("locked newest", reasons_of(found[2].reasons));
  EXPECT_EQ(now, found[0].locked_until);
  EXPECT_EQ(now.seconds + 1, found[1].locked_until.seconds);
}

TEST(RetentionTest, WithinKeepsAllThatIsYounger) {
  const UnixTime now = utc("2024-06-30 12:00:00");
  std::vector<RetentionCommit> branch;
  for (const std::int64_t age : {7 * kDay, 7 * kDay - 1, 7 * kDay - 1, 2 * kDay})
    add_commit(branch, {now.seconds - age});
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::within_days, 7)), now),
              ElementsAre("", "within", "within", "newest within"));
}

TEST(RetentionTest, TheNewestAndThePinnedNeverExpire) {
  auto branch = branch_at({"1990-01-01 00:00:00", "1990-01-01 00:00:00", "1990-01-01 00:00:00"});
  branch[1].pinned = true;
  EXPECT_THAT(verdicts(branch, only({.lock_days = 1}), utc("2024-01-01 00:00:00")),
              ElementsAre("", "pinned", "newest"));
}

TEST(RetentionTest, WhatComesFromTheFutureIsKept) {
  const auto branch = branch_at({"2024-01-01 00:00:00", "2030-01-01 00:00:00", "2030-01-01 00:00:01"});
  const auto found = verdicts(branch, only(rule(&RetentionBody::yearly, 1)), utc("2024-06-01 00:00:00"));
  EXPECT_THAT(found, ElementsAre("first_of_year last_of_year", "locked future first_of_year",
                                 "locked future newest last_of_year"));
}

TEST(RetentionTest, EachBucketKeepsItsFirstAndItsLast) {
  auto branch = branch_at({"2024-06-01 10:00:00", "2024-06-01 10:00:00", "2024-06-01 10:30:00", "2024-06-01 10:59:59",
                           "2024-06-01 11:00:00", "2024-06-05 00:00:00"});
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::hourly, 1000)), utc("2024-06-06 00:00:00")),
              ElementsAre("first_of_hour", "", "", "last_of_hour", "first_of_hour last_of_hour",
                          "newest first_of_hour last_of_hour"));
}

TEST(RetentionTest, AWindowIsAsManyBucketsAsItSaysTheCurrentOneAmongThem) {
  const auto branch = branch_at({"2024-06-01 10:59:59", "2024-06-01 11:00:00", "2024-06-02 00:00:00"});
  const UnixTime now = utc("2024-06-03 12:30:00");
  const auto kept_first = [&](std::uint32_t RetentionBody::* span, std::uint32_t length) {
    return verdicts(branch, only(rule(span, length)), now).front();
  };
  // Hours from 2024-06-01 10:00 to 2024-06-03 12:00, both included: 51.
  EXPECT_EQ("", kept_first(&RetentionBody::hourly, 50));
  EXPECT_EQ("first_of_hour last_of_hour", kept_first(&RetentionBody::hourly, 51));
  EXPECT_EQ("", kept_first(&RetentionBody::daily, 2));
  EXPECT_EQ("first_of_day", kept_first(&RetentionBody::daily, 3));
}

TEST(RetentionTest, AWindowOfNothingKeepsNothing) {
  const auto branch = branch_at({"2024-06-01 10:00:00", "2024-06-01 10:00:01"});
  EXPECT_THAT(verdicts(branch, only({.lock_days = 1}), utc("2024-06-02 10:00:01")), ElementsAre("", "newest"));
}

TEST(RetentionTest, WeeksAreIsoWeeksOverTheNewYear) {
  // Monday 2024-12-30 to Sunday 2025-01-05 is one week.
  const auto branch = branch_at({"2024-12-29 23:59:59", "2024-12-30 00:00:00", "2024-12-31 12:00:00",
                                 "2025-01-05 23:59:59", "2025-01-06 00:00:00", "2025-01-06 00:00:01"});
  const auto found = [&](std::uint32_t weeks, const char* now) {
    return verdicts(branch, only(rule(&RetentionBody::weekly, weeks)), utc(now));
  };
  EXPECT_THAT(found(2, "2025-01-12 23:59:59"),
              ElementsAre("", "first_of_week", "", "last_of_week", "first_of_week", "newest last_of_week"));
  EXPECT_THAT(found(2, "2025-01-13 00:00:00"), ElementsAre("", "", "", "", "first_of_week", "newest last_of_week"));
  EXPECT_THAT(found(3, "2025-01-12 23:59:59").front(), "first_of_week last_of_week");
}

TEST(RetentionTest, MonthsAndDaysKnowLeapYears) {
  const auto monthly = only(rule(&RetentionBody::monthly, 2));
  const auto leap =
      branch_at({"2024-01-31 23:59:59", "2024-02-01 00:00:00", "2024-02-29 23:59:59", "2024-03-01 00:00:00"});
  EXPECT_THAT(verdicts(leap, monthly, utc("2024-03-31 23:59:59")),
              ElementsAre("", "first_of_month", "last_of_month", "newest first_of_month last_of_month"));
  EXPECT_THAT(verdicts(leap, only(rule(&RetentionBody::daily, 2)), utc("2024-03-01 23:59:59")),
              ElementsAre("", "", "first_of_day last_of_day", "locked newest first_of_day last_of_day"));
  // 2100 is none: the day after 28 February is the first of March.
  const auto common = branch_at({"2100-02-28 23:59:59", "2100-03-01 00:00:00"});
  EXPECT_THAT(verdicts(common, monthly, utc("2100-04-01 00:00:00")),
              ElementsAre("", "newest first_of_month last_of_month"));
  EXPECT_THAT(verdicts(common, monthly, utc("2100-03-31 00:00:00")),
              ElementsAre("first_of_month last_of_month", "newest first_of_month last_of_month"));
}

TEST(RetentionTest, MonthsRunOnOverTheNewYear) {
  const auto branch = branch_at({"2023-10-31 00:00:00", "2023-11-01 00:00:00", "2024-01-15 00:00:00"});
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::monthly, 3)), utc("2024-01-20 00:00:00")),
              ElementsAre("", "first_of_month last_of_month", "newest first_of_month last_of_month"));
}

TEST(RetentionTest, YearsBeginOnTheFirstOfJanuary) {
  const auto branch =
      branch_at({"2022-12-31 23:59:59", "2023-01-01 00:00:00", "2023-12-31 23:59:59", "2024-01-01 00:00:00"});
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::yearly, 2)), utc("2024-12-31 23:59:59")),
              ElementsAre("", "first_of_year", "last_of_year", "newest first_of_year last_of_year"));
}

TEST(RetentionTest, TheFirstDaysOfTimeAreOrdinary) {
  const auto branch = branch_at({"1970-01-01 00:00:00", "1970-01-04 23:59:59", "1970-01-05 00:00:00"});
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::weekly, 2)), utc("1970-01-08 00:00:00")),
              ElementsAre("first_of_week", "last_of_week", "newest first_of_week last_of_week"));
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::yearly, UINT32_MAX)), utc("1970-12-31 00:00:00")),
              ElementsAre("first_of_year", "", "newest last_of_year"));
}

TEST(RetentionTest, TimesBeforeTheFirstSecondCountAsIt) {
  std::vector<RetentionCommit> branch;
  for (const std::int64_t time : {std::numeric_limits<std::int64_t>::min(), std::int64_t{-1}, std::int64_t{0}})
    add_commit(branch, {time});
  const auto yearly = only(rule(&RetentionBody::yearly, 1));
  EXPECT_THAT(verdicts(branch, yearly, utc("1970-06-01 00:00:00")),
              ElementsAre("first_of_year", "", "newest last_of_year"));
  EXPECT_THAT(verdicts(branch, yearly, {-kDay}),
              ElementsAre("locked first_of_year", "locked", "locked newest last_of_year"));
  EXPECT_EQ(kDay, evaluate_retention(branch, yearly, {})[0].locked_until.seconds);
}

TEST(RetentionTest, NoTimeAndNoWindowOverflows) {
  constexpr std::int64_t kLatest = std::numeric_limits<std::int64_t>::max();
  std::vector<RetentionCommit> branch;
  for (const std::int64_t time : {-kLatest, std::int64_t{0}, kLatest, kLatest}) add_commit(branch, {time});
  RetentionBody longest{.lock_days = kMaxLockDays};
  for (const auto span : {&RetentionBody::within_days, &RetentionBody::hourly, &RetentionBody::daily,
                          &RetentionBody::weekly, &RetentionBody::monthly, &RetentionBody::yearly})
    longest.*span = kMaxRetentionWindow;
  for (const std::int64_t now : {-kLatest, std::int64_t{0}, kLatest})
    for (const RetentionVerdict& verdict : evaluate_retention(branch, only(longest), {now}))
      EXPECT_TRUE(verdict.reasons.has(KeepReason::first_of_year) || verdict.reasons.has(KeepReason::last_of_year));
  EXPECT_THAT(verdicts(branch, only({.lock_days = 1}), {kLatest}), ElementsAre("", "", "locked", "locked newest"));
}

TEST(RetentionTest, AWeakerRuleBindsOnlyWhatCameAfterIt) {
  std::vector<RetentionCommit> branch;
  const std::array<std::uint64_t, 4> positions = {5, 9, 10, 11};
  for (const std::uint64_t position : positions)
    add_commit(branch, {utc("2024-06-01 10:00:00").seconds + static_cast<std::int64_t>(branch.size()) * kDay},
               position);
  const RetentionHistory weakened = {{5, {.lock_days = 60, .daily = 30}}, {10, {.lock_days = 1}}};
  const auto found = evaluate_retention(branch, weakened, utc("2024-06-20 00:00:00"));
  EXPECT_EQ("locked first_of_day last_of_day", reasons_of(found[0].reasons));
  EXPECT_EQ("locked first_of_day last_of_day", reasons_of(found[1].reasons));
  EXPECT_EQ("", reasons_of(found[2].reasons));
  EXPECT_EQ("newest", reasons_of(found[3].reasons));
  EXPECT_EQ(branch[1].receipted.seconds + 60 * kDay, found[1].locked_until.seconds);
  EXPECT_EQ(branch[2].receipted.seconds + kDay, found[2].locked_until.seconds);
}

TEST(RetentionTest, AStrongerRuleBindsAll) {
  std::vector<RetentionCommit> branch;
  for (const std::uint64_t position : {5U, 9U, 10U}) add_commit(branch, utc("2024-06-01 10:00:00"), position);
  const RetentionHistory strengthened = {{5, {.lock_days = 1}}, {10, {.lock_days = 60, .yearly = 1}}};
  EXPECT_THAT(verdicts(branch, strengthened, utc("2024-06-20 00:00:00")),
              ElementsAre("locked first_of_year", "locked", "locked newest last_of_year"));
}

TEST(RetentionTest, OfSeveralRulesEachSpanIsTheLongest) {
  std::vector<RetentionCommit> branch;
  for (const std::uint64_t position : {5U, 8U, 9U}) add_commit(branch, utc("2024-06-01 10:00:00"), position);
  // Neither is weaker than the other.
  const RetentionHistory crossed = {{5, {.lock_days = 40, .within_days = 1}}, {8, {.lock_days = 2, .within_days = 90}}};
  const auto found = evaluate_retention(branch, crossed, utc("2024-06-20 00:00:00"));
  EXPECT_EQ("locked within", reasons_of(found[0].reasons));
  EXPECT_EQ("within", reasons_of(found[1].reasons));
  EXPECT_EQ(branch[0].receipted.seconds + 40 * kDay, found[0].locked_until.seconds);
}

TEST(RetentionTest, WhatCameBeforeAllRulesNeverExpires) {
  std::vector<RetentionCommit> branch;
  for (const std::uint64_t position : {0U, 4U, 5U, 6U}) add_commit(branch, utc("2020-06-01 10:00:00"), position);
  const RetentionHistory history = {{5, {.lock_days = 30}}};
  const auto found = evaluate_retention(branch, history, utc("2024-06-01 00:00:00"));
  EXPECT_EQ("no_rule", reasons_of(found[0].reasons));
  EXPECT_EQ("no_rule", reasons_of(found[1].reasons));
  EXPECT_EQ("", reasons_of(found[2].reasons));
  EXPECT_EQ(branch[0].receipted.seconds + 30 * kDay, found[0].locked_until.seconds);
}

TEST(RetentionTest, AClockThatWentBackMakesNothingLookOld) {
  ReceiptTimes times;
  EXPECT_EQ(-5, times.next({-5}).seconds);
  EXPECT_EQ(100, times.next({100}).seconds);
  EXPECT_EQ(100, times.next({7}).seconds);
  EXPECT_EQ(101, times.next({101}).seconds);
  // Also when it was not asked.
  const auto branch = branch_at({"2024-06-01 00:00:00", "1980-01-01 00:00:00", "1990-01-01 00:00:00"});
  EXPECT_THAT(verdicts(branch, only({.lock_days = 30}), utc("2024-06-10 00:00:00")),
              ElementsAre("locked", "locked", "locked newest"));
  EXPECT_THAT(verdicts(branch, only(rule(&RetentionBody::daily, 100)), utc("2024-06-10 00:00:00")),
              ElementsAre("first_of_day", "", "newest last_of_day"));
}

TEST(RetentionTest, TheLogGivesPlacesAndPins) {
  testing::SpaceBuilder space;
  space.open_epoch();
  space.must(RetentionBody{.lock_days = 5});
  const CommitId first{{1}}, second{{2}};
  space.must(PinBody{.commit = second});
  const std::vector<ReceiptedCommit> held = {
      {.commit = first, .sequence = 3, .receipted = {50}, .log_head = space.log.head().id},
      {.commit = second, .sequence = 4, .receipted = {60}, .log_head = RecordId{{9}}}};
  const auto input = retention_input(space.log, held);
  ASSERT_EQ(2U, input.size());
  EXPECT_EQ(first, input[0].commit);
  EXPECT_EQ(3U, input[0].sequence);
  EXPECT_EQ(50, input[0].receipted.seconds);
  EXPECT_EQ(space.log.head().sequence, input[0].position);
  EXPECT_FALSE(input[0].pinned);
  EXPECT_EQ(0U, input[1].position);
  EXPECT_TRUE(input[1].pinned);
  EXPECT_THAT(verdicts(input, space.log.retentions(), utc("2024-01-01 00:00:00")),
              ElementsAre("", "no_rule pinned newest"));
}

}  // namespace
}  // namespace beffroi::storage
