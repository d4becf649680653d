// When cycles of a shared folder follow each other.
#include "daemon/share/share_pace.h"

#include <gtest/gtest.h>

#include <functional>

namespace beffroi::daemon {
namespace {

using namespace std::chrono_literals;

// Goal: a change is looked at at once, the next one after a short pause, and the whole folder every quarter of an hour.
TEST(SharePaceTest, IsQuickAndNotTooQuick) {
  SharePace pace;
  EXPECT_EQ(pace.next(), 0ms);
  EXPECT_TRUE(pace.is_full_look_due(0ms));
  pace.began();
  pace.took_in(1000ms, true, true, false);
  pace.went_well();
  EXPECT_EQ(pace.next(), 1000ms + kFullLook);
  EXPECT_FALSE(pace.is_full_look_due(2000ms));
  pace.want(1100ms);
  EXPECT_EQ(pace.next(), 1000ms + kLeastPause);
  pace.began();
  pace.took_in(10'000ms, true, false, true);
  pace.went_well();
  EXPECT_EQ(pace.next(), 10'000ms + kFirstLookAgain);
}

/// Commits of a day in which something changes all the time.
std::uint64_t commits_of_a_day(const std::function<void(SharePace&, SharePace::Time)>& ask) {
  SharePace pace;
  std::uint64_t commits = 0;
  for (auto now = 0ms; now < 24h; now = std::max(now + 100ms, pace.next())) {
    const bool commit = pace.may_commit(now);
    pace.began();
    pace.took_in(now, commit, false, false);
    pace.went_well();
    if (!commit) pace.commit_later(now);
    commits += commit ? 1 : 0;
    ask(pace, now);
  }
  return commits;
}

// Goal: a day of changes without end stays below what a peer takes, however often somebody asks or others have news;
// and what had to wait is not forgotten, though nothing else happens.
TEST(SharePaceTest, ADayOfCommitsIsBounded) {
  const auto changes = [](SharePace& pace, auto now) { pace.want(now); };
  const auto news = [](SharePace& pace, auto now) { pace.want_now(now); };
  const auto only_at_first = [](SharePace& pace, auto now) {
    if (pace.may_commit(now)) pace.want(now);
  };
  for (const auto& commits : {commits_of_a_day(changes), commits_of_a_day(news), commits_of_a_day(only_at_first)}) {
    EXPECT_LT(commits, 5000U);
    EXPECT_GT(commits, 4000U);
  }
}

// Goal: what the peer refuses is not offered again before the wait is over, whoever asks; others' changes come
// meanwhile, and each refusal waits longer.
TEST(SharePaceTest, ARefusalWaitsForItself) {
  SharePace pace;
  pace.began();
  pace.took_in(0ms, true, true, false);
  pace.refused(0ms);
  EXPECT_TRUE(pace.is_refused(kFirstShareRetry - 1ms));
  pace.want_now(10ms);
  EXPECT_EQ(pace.next(), 10ms);
  pace.began();
  pace.took_in(10ms, false, false, false);
  pace.commit_later(10ms);
  EXPECT_EQ(pace.next(), kFirstShareRetry);
  EXPECT_FALSE(pace.is_refused(kFirstShareRetry));
  pace.began();
  pace.took_in(kFirstShareRetry, true, false, false);
  pace.refused(kFirstShareRetry);
  EXPECT_EQ(pace.next(), 3 * kFirstShareRetry);
  pace.took_in(3 * kFirstShareRetry, true, false, false);
  pace.went_well();
  EXPECT_FALSE(pace.is_refused(3 * kFirstShareRetry));
}

// Goal: failures are tried again more and more seldom, but at once when somebody asks.
TEST(SharePaceTest, FailuresWait) {
  SharePace pace;
  auto now = 0ms;
  for (int i = 0; i < 20; ++i) {
    pace.began();
    pace.failed(now);
    EXPECT_GE(pace.next(), now + kFirstShareRetry);
    EXPECT_LE(pace.next(), now + kLongestShareRetry);
    now = pace.next();
  }
  pace.began();
  pace.failed(now);
  EXPECT_EQ(pace.next(), now + kLongestShareRetry);
  pace.want(now + 1ms);
  EXPECT_EQ(pace.next(), now + kLongestShareRetry);
  pace.want_now(now + 1ms);
  EXPECT_EQ(pace.next(), now + 1ms);
}

// Goal: whatever a peer says, and however often it comes and goes, it does not drive a station.
TEST(SharePaceTest, APeerCanNotDriveAStation) {
  SharePace pace;
  pace.began();
  pace.took_in(0ms, false, true, false);
  pace.went_well();
  std::uint64_t cycles = 0;
  for (auto now = 0ms; now < 10min; now += 10ms) {
    pace.want(now);
    if (pace.next() > now) continue;
    pace.began();
    pace.took_in(now, false, true, false);
    pace.went_well();
    ++cycles;
  }
  EXPECT_EQ(cycles, 10min / kLeastPause - 1);
  cycles = 0;
  for (std::chrono::milliseconds now = 10min; now < 70min; now += 10ms) {
    pace.want(now);
    pace.peer_is_back(now);
    if (pace.next() > now) continue;
    pace.began();
    pace.failed(now);
    ++cycles;
  }
  EXPECT_LE(cycles, 1h / kPeerReturns + 10) << "a few by the first, short waits";
}

// Goal: a peer that has been away holds nothing up when it is there again; one that comes and goes gains nothing by it.
TEST(SharePaceTest, APeerThatIsBackIsAskedAtOnce) {
  SharePace pace;
  pace.began();
  pace.failed(0ms);
  pace.peer_is_back(1ms);
  EXPECT_EQ(pace.next(), 1ms);
  pace.began();
  pace.failed(2ms);
  pace.peer_is_back(3ms);
  EXPECT_EQ(pace.next(), 2ms + 2 * kFirstShareRetry);
  pace.began();
  pace.failed(kPeerReturns);
  pace.peer_is_back(kPeerReturns + 1ms);
  EXPECT_EQ(pace.next(), kPeerReturns + 1ms);
}

// Goal: the first news after a quiet time is acted on at once, and asked for more at once; an answer that comes at once
// waits for its second to be over.
TEST(SharePaceTest, NewsOfAQuickPeerIsAskedForOnceASecond) {
  EXPECT_EQ(pause_after_news(5000ms, 5000ms), kLeastPause);
  EXPECT_EQ(pause_after_news(5000ms, 5400ms), kLeastPause - 400ms);
  EXPECT_EQ(pause_after_news(5000ms, 6000ms), 0ms);
  EXPECT_EQ(pause_after_news(5000ms, 35'000ms), 0ms);
  SharePace pace;
  pace.began();
  pace.took_in(5000ms, true, true, false);
  pace.went_well();
  pace.want(20'000ms);
  EXPECT_EQ(pace.next(), 20'000ms);
}

}  // namespace
}  // namespace beffroi::daemon
