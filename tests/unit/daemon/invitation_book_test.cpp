// Goal: handshakes ask whom an invitation admits, on the protocol thread: they are answered while the disk is slow.
#include "daemon/sync/invitation_book.h"

#include <gtest/gtest.h>

#include <future>

#include "tests/support/fault_env.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {
namespace {

using namespace std::chrono_literals;

class InvitationBookTest : public ::testing::Test {
 protected:
  InvitationBookTest() {
    auto opened = storage::Database::open(folder.path() + "/db", {.env = &env});
    BEFFROI_ASSERT(opened.has_value());
    database = std::move(*opened);
    book = std::make_unique<InvitationBook>(*database, clock);
    BEFFROI_ASSERT(book->add(key, {OrganisationId{}, {clock.now().seconds + 1000}, {}, false}).has_value());
  }
  /// The book answers although `change` waits for the disk.
  void expect_answers_during(const std::function<Result<void>()>& change) {
    disk->hold();
    auto changed = std::async(std::launch::async, change);
    EXPECT_EQ(changed.wait_for(300ms), std::future_status::timeout) << "it does not write";
    auto answered = std::async(std::launch::async, [this] { return book->knows(key); });
    EXPECT_EQ(answered.wait_for(10s), std::future_status::ready);
    disk->release();
    EXPECT_TRUE(changed.get());
  }

  std::shared_ptr<storage::testing::FaultFileSystem> disk = std::make_shared<storage::testing::FaultFileSystem>(4);
  storage::testing::FaultEnv env{disk};
  TemporaryFolder folder;
  ManualClock clock;
  crypto::TransportPublicKey key{{7}};
  std::unique_ptr<storage::Database> database;
  std::unique_ptr<InvitationBook> book;
};

TEST_F(InvitationBookTest, AnswersWhileOneIsRevoked) {
  expect_answers_during([this]() -> Result<void> {
    BEFFROI_CHECK(book->revoke(invitation_id(key)));
    return {};
  });
  EXPECT_EQ(book->use(key, {}).error().code, ErrorCode::refused);
  EXPECT_FALSE(book->organisation_of(key));
}

TEST_F(InvitationBookTest, AnswersWhileOthersAreForgotten) {
  clock.pass((kInvitationMemoryDays + 1) * 24 * 3600);
  EXPECT_TRUE(book->list().empty());
  expect_answers_during([this] { return book->forget_ended(); });
  EXPECT_FALSE(load_invitations(*database)->contains(key));
}

}  // namespace
}  // namespace beffroi::daemon::testing
