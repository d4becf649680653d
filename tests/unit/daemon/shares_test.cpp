// What a station keeps of its shares on disk, and what it clears away.
#include "daemon/share/shares.h"

#include <gtest/gtest.h>

#include "storage/space/share_ceremony.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TestVault;

class SharesTest : public ::testing::Test {
 protected:
  SharesTest() { reopen(); }
  void reopen() {
    shares_.reset();
    shares_ = std::make_unique<Shares>(vault_.data_folder(), vault_.clock, vault_.random, storage::DatabaseOptions{});
    faults_ = shares_->open_all();
  }
  Result<std::shared_ptr<Share>> add(const storage::SpaceId& space, const std::string& folder) {
    return shares_->add(space, vault_->device_keys(), vault_.folder.path() + folder);
  }
  storage::SpaceId found(const std::string& name, const std::string& folder) {
    const auto& own = vault_->device_keys();
    const auto records = storage::found_share(vault_.root, {own.public_part(), own.preshared.clone()},
                                              {name, "Mairie", "PC"}, vault_.clock.now(), vault_.random);
    const auto space = storage::SpaceLog::from_records(*records, std::nullopt)->space();
    const auto keys = storage::with_preshared(own, storage::founder_preshared(own.preshared, space));
    auto share = shares_->add(space, keys, vault_.folder.path() + folder);
    EXPECT_TRUE(share.has_value()) << share.error().message();
    const auto founded = (*share)->vault->found(*records, storage::SpaceKind::share);
    EXPECT_TRUE(founded.has_value()) << founded.error().message();
    return space;
  }
  storage::ShareInvitation invitation(const storage::SpaceId& space) {
    return {.address = "peer.example:8440",
            .peer = {},
            .space = space,
            .token = crypto::SecretBytes::random(storage::kShareTokenBytes, vault_.random),
            .role = storage::Role::reader,
            .expires = {vault_.clock.now().seconds + 1000}};
  }
  bool on_disk(const storage::SpaceId& space) const {
    return std::filesystem::exists(vault_.data_folder() + "/shares/" + space.hex());
  }

  TestVault vault_;
  std::unique_ptr<Shares> shares_;
  std::vector<Shares::Fault> faults_;
};

// Goal: shares are found by name or by the beginning of their id, also after a restart.
TEST_F(SharesTest, AreFoundByNameAndById) {
  const auto first = found("Voirie", "/a");
  const auto second = found("Ecole", "/b");
  reopen();
  ASSERT_TRUE(faults_.empty());
  EXPECT_EQ(shares_->all().size(), 2U);
  EXPECT_EQ((*shares_->find("Voirie"))->space, first);
  EXPECT_EQ((*shares_->find(second.hex().substr(0, 8)))->space, second);
  EXPECT_EQ((*shares_->find("Ecole"))->folder, vault_.folder.path() + "/b");
  EXPECT_EQ(shares_->find("Nobody").error().code, ErrorCode::not_found);
  EXPECT_EQ(shares_->find(first.hex().substr(0, 3)).error().code, ErrorCode::not_found);
  found("Voirie", "/c");
  EXPECT_EQ(shares_->find("Voirie").error().code, ErrorCode::usage);
}

// Goal: what was never finished goes at the next start; what waits to be let in stays, with all it needs.
TEST_F(SharesTest, OnlyWhatCountsOutlivesARestart) {
  const storage::SpaceId unfinished{{1}}, waiting{{2}};
  ASSERT_TRUE(add(unfinished, "/a").has_value());
  auto share = add(waiting, "/b");
  ASSERT_TRUE(share.has_value());
  const PendingJoin join{.invitation = invitation(waiting),
                         .identity_name = "Ben",
                         .device_name = "portable",
                         .asked = vault_.clock.now(),
                         .reason = {}};
  ASSERT_TRUE((*share)->book.set_join(join).has_value());
  const auto key = join.invitation.transport_key();
  share->reset();
  reopen();
  EXPECT_TRUE(faults_.empty());
  EXPECT_FALSE(on_disk(unfinished));
  const auto kept = shares_->find(waiting);
  ASSERT_NE(kept, nullptr);
  EXPECT_FALSE(kept->joined());
  const auto read = kept->book.join();
  ASSERT_TRUE(read.has_value() && read->has_value());
  EXPECT_EQ((*read)->invitation.transport_key(), key);
  EXPECT_EQ((*read)->device_name, "portable");
  EXPECT_EQ((*read)->state, PendingJoin::State::waiting);
}

// Goal: a share that was left is gone from the disk as soon as nobody uses it, and its place is not taken before.
TEST_F(SharesTest, WhatWasLeftGoes) {
  const auto space = found("Voirie", "/a");
  std::shared_ptr<Share> held = shares_->find(space);
  ASSERT_TRUE(shares_->remove(held).has_value());
  EXPECT_EQ(shares_->find(space), nullptr);
  EXPECT_TRUE(on_disk(space));
  EXPECT_EQ(add(space, "/a").error().code, ErrorCode::busy);
  held.reset();
  EXPECT_FALSE(on_disk(space));
  EXPECT_TRUE(add(space, "/a").has_value());
}

// Goal: a share that was left goes at the next start at the latest.
TEST_F(SharesTest, WhatACrashLeftBehindGoes) {
  const auto space = found("Voirie", "/a");
  ASSERT_TRUE(shares_->find(space)->book.set_gone().has_value());
  reopen();
  EXPECT_TRUE(shares_->all().empty());
  EXPECT_FALSE(on_disk(space));
}

// Goal: one that does not open is named and left alone, and the others open.
TEST_F(SharesTest, ADamagedShareIsNamedAndKept) {
  const auto damaged = found("Voirie", "/a");
  const auto sound = found("Ecole", "/b");
  shares_.reset();
  ASSERT_EQ(::truncate((vault_.data_folder() + "/shares/" + damaged.hex() + "/keys").c_str(), 5), 0);
  reopen();
  ASSERT_EQ(faults_.size(), 1U);
  EXPECT_EQ(faults_.front().space, damaged.hex());
  EXPECT_NE(shares_->find(sound), nullptr);
  EXPECT_TRUE(on_disk(damaged));
  EXPECT_EQ(add(damaged, "/c").error().code, ErrorCode::wrong_state);
  EXPECT_TRUE(on_disk(damaged));
}

// Goal: invitations come back as they were kept; ended ones give way to new ones, open ones do not.
TEST_F(SharesTest, TheBookKeepsInvitations) {
  const auto space = found("Voirie", "/a");
  const auto book = [&]() -> ShareBook& { return shares_->find(space)->book; };
  KeptInvitation kept{.invitation = invitation(space),
                      .made = vault_.clock.now(),
                      .state = KeptInvitation::State::open,
                      .applicant = {}};
  ASSERT_TRUE(book().keep(kept).has_value());
  kept.state = KeptInvitation::State::used;
  kept.applicant = "Ben, portable";
  ASSERT_TRUE(book().keep(kept).has_value());
  reopen();
  const auto all = book().invitations();
  ASSERT_EQ(all->size(), 1U);
  EXPECT_EQ(all->front().invitation.token, kept.invitation.token);
  EXPECT_EQ(all->front().invitation.expires, kept.invitation.expires);
  EXPECT_EQ(all->front().state, KeptInvitation::State::used);
  EXPECT_EQ(all->front().applicant, "Ben, portable");
  for (std::size_t i = 0; i < kMaxOpenInvitations; ++i) {
    const KeptInvitation open{
        .invitation = invitation(space), .made = {}, .state = KeptInvitation::State::open, .applicant = {}};
    ASSERT_TRUE(book().keep(open).has_value());
  }
  const KeptInvitation more{
      .invitation = invitation(space), .made = {}, .state = KeptInvitation::State::open, .applicant = {}};
  EXPECT_EQ(book().keep(more).error().code, ErrorCode::limit_exceeded);
  EXPECT_TRUE(book().keep(kept).has_value()) << "what is known may change all the same";
}

}  // namespace
}  // namespace beffroi::daemon
