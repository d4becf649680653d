// Whoever has a station can stop a deletion, whatever else its peer no longer takes: nobody's documents may go for a
// contract that has ended, or for a log that somebody has filled.
#include <gtest/gtest.h>

#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using storage::CommitId;
using storage::RecordBody;

std::vector<CommitId> made_up_commits(std::size_t count) {
  std::vector<CommitId> out(count);
  for (std::size_t i = 0; i < count; ++i) {
    out[i].data[0] = static_cast<std::uint8_t>(i >> 8U);
    out[i].data[1] = static_cast<std::uint8_t>(i);
  }
  return out;
}

class CancellingTest : public ::testing::Test {
 protected:
  /// The root signs, before the vault joins its peer.
  storage::RecordId sign(const RecordBody& body) {
    const Bytes record =
        storage::make_record(&log_.head(), log_.space(), body, station_.clock.now(), station_.root.sign);
    BEFFROI_ASSERT(log_.append(record).has_value());
    return log_.head().id;
  }
  std::size_t length_of(const RecordBody& body) {
    return storage::make_record(&log_.head(), log_.space(), body, station_.clock.now(), station_.root.sign).size();
  }
  /// As long as a peer takes it, but for a few bytes.
  void fill_log() {
    const storage::DeletionBody large{made_up_commits(storage::kMaxNamedCommits)};
    const storage::DeletionBody small{made_up_commits(1)};
    std::uint64_t left = kMaxLogBytes;
    for (const Bytes& record : log_.encoded()) left -= record.size();
    for (; left >= length_of(large); left -= log_.encoded().back().size()) sign(large);
    constexpr std::size_t kIdBytes = 34;  // with what says its length
    constexpr std::size_t kRoom = 8;      // the list's own length grows
    if (left > length_of(small) + kRoom)
      sign(storage::DeletionBody{made_up_commits(1 + (left - length_of(small) - kRoom) / kIdBytes)});
  }
  void join() {
    const auto key = crypto::transport_public(world_.invite().transport_seed());
    const auto enrolled = world_.host->enrol(key, log_.encoded());
    ASSERT_TRUE(enrolled) << enrolled.error().message();
  }
  /// By the station itself, over the line.
  Result<void> cancel(const storage::RecordId& deletion) {
    const auto record = storage::cancel_deletion(log_, station_->device_keys(), deletion, station_.clock.now());
    if (!record) return forward_error(record);
    auto link = world_.connect(*station_);
    if (!link) return forward_error(link);
    BEFFROI_CHECK(world_.run((*link)->append_record(*record)));
    return log_.append(*record);
  }
  std::shared_ptr<HostedSpace> space() { return world_.caller(*station_).space; }
  bool is_cancelled(const storage::RecordId& deletion) { return space()->log().cancelled(deletion); }

  PeerWorld world_;
  TestVault station_;
  storage::SpaceLog log_ = station_->log();
};

TEST_F(CancellingTest, ASuspendedOrganisationCanCancel) {
  const auto deletion = sign(storage::DeletionBody{made_up_commits(1)});
  join();
  ASSERT_TRUE(world_.host->suspend("Mairie", "contract ended"));
  const auto rotation = storage::rotate_epoch(log_, station_->device_keys(), station_.clock.now(), station_.random);
  ASSERT_TRUE(rotation);
  ASSERT_FALSE(space()->append_record(*rotation)) << "nothing else of a device";
  const auto cancelled = cancel(deletion);
  ASSERT_TRUE(cancelled) << cancelled.error().message();
  EXPECT_TRUE(is_cancelled(deletion));
}

TEST_F(CancellingTest, AFullLogTakesACancelling) {
  const auto deletion = sign(storage::DeletionBody{made_up_commits(1)});
  fill_log();
  join();
  const auto rules = storage::set_retention(station_.root, log_, {.lock_days = 60}, station_.clock.now());
  ASSERT_TRUE(rules);
  const auto full = space()->append_record(*rules);
  ASSERT_FALSE(full) << "not even of the root";
  EXPECT_EQ(full.error().code, ErrorCode::limit_exceeded);
  const auto cancelled = cancel(deletion);
  ASSERT_TRUE(cancelled) << cancelled.error().message();
  EXPECT_TRUE(is_cancelled(deletion));
}

}  // namespace
}  // namespace beffroi::daemon::testing
