// Who attacks a shared space: its peer, a member that was removed, a reader. What they do is noticed or has no effect.
// (That a peer can't swap the keys of who is invited: join_request_test, share_membership_test.)
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

namespace fs = std::filesystem;

/// What the peer stores, with nothing of one's own.
class PeerStore final : public storage::ObjectSource {
 public:
  PeerStore(PeerWorld& peer, Vault& member) : peer_(peer), member_(member) {}
  Result<Bytes> get(const storage::ObjectId& id) override { return peer_.caller(member_).space->get(id); }

 private:
  PeerWorld& peer_;
  Vault& member_;
};

/// The peer's folder as an operator would put it back from an image.
void copy_peer(PeerWorld& peer, const fs::path& from, const fs::path& to) {
  peer.close_peer();
  fs::remove_all(to);
  fs::copy(from, to, fs::copy_options::recursive);
  peer.reopen_peer();
}

std::set<storage::ObjectId> stored_by(Replica& replica) {
  std::set<storage::ObjectId> out;
  for (const Snapshot& snapshot : *replica.vault->snapshots())
    out.merge(closure_of(replica.vault->objects(), snapshot.commit));
  return out;
}

// Goal: a member that was removed opens nothing that was written afterwards, with all keys that it had and all that the
// peer stores; what it could read before it still can.
TEST(ShareAttackTest, ARemovedMemberReadsNothingWrittenAfterwards) {
  ShareReplicas world(3);
  world[0].folder.write("before.txt", std::string(50'000, 'b'), 1);
  world.settle();
  const std::set<storage::ObjectId> before = stored_by(world[0]);
  const std::unique_ptr<Replica> gone = std::move(world.replicas.back());
  world.replicas.pop_back();
  const auto records = storage::remove_member(world[0].vault->log(), world[0].person.keys, gone->person.identity(),
                                              {.ends = {}, .hostile = false}, world.peer.clock.now(), world.random);
  ASSERT_TRUE(records.has_value()) << records.error().message();
  ASSERT_TRUE(world[0].vault->append_records(*records).has_value());
  world[0].folder.write("after.txt", std::string(50'000, 'a'), 2);
  world[1].folder.write("small.txt", "small", 2);
  world.settle();

  const storage::ObjectOpener opener(gone->vault->keys(), std::make_shared<PeerStore>(world.peer, *world[0].vault));
  std::size_t old_ones = 0, new_ones = 0;
  for (const auto& id : stored_by(world[0])) {
    const bool opens = opener.open(id).has_value();
    EXPECT_EQ(opens, before.contains(id)) << id.hex();
    ++(before.contains(id) ? old_ones : new_ones);
  }
  EXPECT_GE(old_ones, 2U);
  EXPECT_GE(new_ones, 4U);
  gone->folder.write("late.txt", "late", 3);
  EXPECT_EQ(gone->sync().error().code, ErrorCode::refused);
}

// Goal: what a reader changes stays with it; a commit that it signs all the same is taken neither by the peer nor by
// another member to whom the peer would show it.
TEST(ShareAttackTest, AReaderWritesNothing) {
  ShareReplicas world(3, 1, storage::Role::reader);
  world[0].folder.write("a.txt", "a", 1);
  world.settle();
  Replica& reader = *world.replicas.back();
  reader.folder.write("a.txt", "changed", 2);
  EXPECT_FALSE(reader.synced().report.commit.has_value());
  EXPECT_EQ(world[1].synced().report.files_written, 0U);

  const Snapshot newest = world[0].vault->snapshots()->back();
  storage::CommitClear forged = newest.commit.clear;
  forged.device = reader.vault->device_id();
  forged.sequence = 1;
  forged.parents.clear();
  const Bytes encoded = storage::testing::encoded_commit(forged, reader.person.keys);
  const auto caller = world.peer.caller(*reader.vault);
  const auto lease = caller.space->open_lease(caller.device);
  const auto taken = caller.space->accept_commit(lease ? lease->id : storage::LeaseId{}, caller.device, encoded, {});
  EXPECT_EQ(taken.error().code, ErrorCode::refused) << taken.error().message();
  EXPECT_FALSE(world[1].vault->adopt_commit(encoded).has_value());
}

// Goal: a peer that shows one member an older state than the others has to keep them apart for ever: the first thing
// that it shows of the other side betrays it, and changes no folder.
TEST(ShareAttackTest, AnOldStateForOneMemberIsNoticed) {
  ShareReplicas world(2);
  world[0].folder.write("a.txt", "a", 1);
  world.settle();
  const fs::path data = world.peer.folder.path() + "/peer", image = world.peer.folder.path() + "/image";
  copy_peer(world.peer, data, image);
  world[0].folder.write("a.txt", "new", 2);
  world[0].synced();
  const auto shown_to_one = world[0].folder.listing();
  copy_peer(world.peer, image, data);
  world.peer.clock.pass(5);
  world[1].folder.write("b.txt", "b", 2);
  world[1].synced();
  const auto out = world[0].sync();
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::corrupt);
  EXPECT_EQ(world[0].folder.listing(), shown_to_one);
}

// Goal: an object in another one's place is no tree: nothing is written, and nothing looks deleted.
TEST(ShareAttackTest, ASwappedTreeChangesNoFolder) {
  ShareReplicas world(2);
  for (const char* name : {"a.txt", "b.txt"}) world[0].folder.write(name, name, 1);
  world.settle();
  const auto before = world[1].folder.listing();
  const Bytes older =
      *world[0].vault->objects().get(world[0].vault->space(), world[0].vault->snapshots()->back().commit.clear.root);
  world[0].folder.write("c.txt", "c", 2);
  world[0].folder.remove("a.txt");
  world[0].synced();
  world.peer.edit_objects = [&](Bytes& object) { object = older; };
  const auto out = world[1].sync();
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::corrupt) << out.error().message();
  EXPECT_EQ(world[1].folder.listing(), before);
  world.peer.edit_objects = {};
  world.settle();
  EXPECT_EQ(world[1].folder.listing(), (std::map<std::string, std::string>{{"b.txt", "b.txt"}, {"c.txt", "c"}}));
}

// Goal: a log record that the peer holds back is missed as soon as it shows anything that rests on it.
TEST(ShareAttackTest, AHiddenRemovalIsNoticed) {
  ShareReplicas world(3);
  world[0].folder.write("a.txt", "a", 1);
  world.settle();
  const auto rotation =
      storage::rotate_epoch(world[0].vault->log(), world[0].person.keys, world.peer.clock.now(), world.random);
  ASSERT_TRUE(world[0].vault->append_records({&*rotation, 1}).has_value());
  world[0].folder.write("b.txt", "b", 2);
  world[0].synced();
  const std::size_t known = world[1].vault->log_length();
  world.peer.edit_answers = [&](Message& answer) {
    if (auto* const log = std::get_if<LogMessage>(&answer)) {
      log->length = known;
      if (log->records.size() > 1) log->records.resize(1);
    }
  };
  const auto out = world[1].sync();
  ASSERT_FALSE(out.has_value());
  EXPECT_EQ(out.error().code, ErrorCode::corrupt) << out.error().message();
  EXPECT_FALSE(world[1].folder.listing().contains("b.txt"));
}

}  // namespace
}  // namespace beffroi::daemon::testing
