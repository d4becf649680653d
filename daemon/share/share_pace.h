// When the next cycle of a synced folder is due. Pure: times come in.
#pragma once

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>

namespace beffroi::daemon {

/// Between the ends of two cycles, whatever happens.
inline constexpr std::chrono::milliseconds kLeastPause{1000};
/// The whole folder is looked at this often, for what the kernel did not tell.
inline constexpr std::chrono::milliseconds kFullLook{15 * 60 * 1000};
/// Files that were being written, or could not be: first and longest wait.
inline constexpr std::chrono::milliseconds kFirstLookAgain{1500};
inline constexpr std::chrono::milliseconds kLongestLookAgain{60'000};
/// After a failure: doubled each time.
inline constexpr std::chrono::milliseconds kFirstShareRetry{5000};
inline constexpr std::chrono::milliseconds kLongestShareRetry{300'000};
/// So seldom a peer that is there again cuts such a wait short.
inline constexpr std::chrono::milliseconds kPeerReturns{30'000};
/// Commits that may follow each other without a wait, and the time in which one more may: 4,320 a day.
inline constexpr double kCommitsInHand = 200;
inline constexpr std::chrono::milliseconds kCommitEvery{20'000};

/// How long a station lets a peer be before it asks again for news: after one that answered late, not at all.
inline std::chrono::milliseconds pause_after_news(std::chrono::milliseconds asked, std::chrono::milliseconds answered) {
  return std::max(asked + kLeastPause - answered, std::chrono::milliseconds{0});
}

class SharePace {
 public:
  using Time = std::chrono::milliseconds;

  /// Something has changed, here or elsewhere.
  void want(Time now) { wanted_ = std::min(wanted_, now); }
  /// Somebody waits here: nothing holds it up. Never for what a peer says, or one could drive a station without a
  /// pause.
  void want_now(Time now) {
    want(now);
    not_before_ = now;
  }
  /// The peer is there again after a failure: it holds nothing up any more. But a peer may come and go as it likes.
  void peer_is_back(Time now) {
    if (now < next_return_) return;
    next_return_ = now + kPeerReturns;
    want_now(now);
  }
  Time next() const { return std::max(std::min({wanted_, look_again_, full_look_, commit_due_}), not_before_); }
  bool is_full_look_due(Time now) const { return now >= full_look_; }

  /// Whoever asks for a cycle, and however often: no more commits than these.
  bool may_commit(Time now) const { return in_hand(now) >= 1; }
  /// A cycle that was not to commit had something to commit.
  void commit_later(Time now) {
    const double lacking = 1 - std::min(in_hand(now), 1.0);
    const double wait = lacking * static_cast<double>(kCommitEvery.count());
    commit_due_ = std::max(now + std::max(kLeastPause, Time(static_cast<Time::rep>(std::ceil(wait)))), refused_until_);
  }

  void began() { wanted_ = look_again_ = commit_due_ = Time::max(); }
  /// The folder's part was done, whatever became of the commit.
  void took_in(Time now, bool committed, bool full, bool look_again) {
    if (full) full_look_ = now + kFullLook;
    again_ = look_again ? std::min(again_ * 2, kLongestLookAgain) : kFirstLookAgain / 2;
    look_again_ = look_again ? now + again_ : Time::max();
    commits_ = in_hand(now) - (committed ? 1 : 0);
    counted_ = now;
    not_before_ = now + kLeastPause;
  }
  /// Nothing of it was left to be sent, either.
  void went_well() {
    failures_ = 0;
    refused_until_ = Time{0};
  }
  /// The peer refused what was committed: for the wait after a failure it would be refused again, whoever asks.
  void refused(Time now) {
    failed(now);
    refused_until_ = not_before_;
  }
  bool is_refused(Time now) const { return now < refused_until_; }
  void failed(Time now) {
    const auto doublings = std::min<std::uint32_t>(failures_++, 10);
    not_before_ = now + std::min(kFirstShareRetry * (1U << doublings), kLongestShareRetry);
    wanted_ = now;
  }

 private:
  double in_hand(Time now) const {
    const double since = static_cast<double>((now - counted_).count()) / static_cast<double>(kCommitEvery.count());
    return std::min(kCommitsInHand, commits_ + since);
  }

  Time wanted_{0};
  Time look_again_ = Time::max();
  Time full_look_{0};
  Time not_before_{0};
  Time commit_due_ = Time::max();
  Time refused_until_{0};
  Time next_return_{0};
  Time again_ = kFirstLookAgain / 2;
  Time counted_{0};
  double commits_ = kCommitsInHand;
  std::uint32_t failures_ = 0;
};

}  // namespace beffroi::daemon
