// The rules of hosting: enrolment, leases, objects, commits and receipts, without a network.
#include "daemon/sync/peer_host.h"

#include <gtest/gtest.h>

#include "storage/format/codec.h"
#include "storage/format/sealing.h"
#include "tests/support/audit_verdict.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {
namespace {

using storage::ObjectId;
using storage::ObjectKind;

class PeerHostTest : public ::testing::Test {
 protected:
  PeerHostTest() : random(3), root(crypto::DeviceKeys::generate(random)), device(crypto::DeviceKeys::generate(random)) {
    reopen();
    records = founding(root, device);
  }

  void reopen() {
    host.reset();
    auto opened = PeerHost::open(folder.path() + "/peer", clock, random);
    if (!opened) throw std::runtime_error(opened.error().message());
    host = std::move(*opened);
  }
  std::vector<Bytes> founding(const crypto::DeviceKeys& with_root, const crypto::DeviceKeys& first) {
    const storage::DeviceRequest request{first.public_part(), first.preshared.clone()};
    auto out = storage::found_vault(with_root, request, "Mairie", clock.now(), random);
    BEFFROI_ASSERT(out.has_value());
    return std::move(*out);
  }
  crypto::TransportPublicKey invite(std::optional<std::uint64_t> quota = {}, std::int64_t seconds = 1000) {
    auto out = host->invite("Mairie", quota, {clock.now().seconds + seconds}, "peer.example:8440");
    BEFFROI_ASSERT(out.has_value());
    return out->transport_key();
  }
  void enrol(std::optional<std::uint64_t> quota = {}) {
    const auto enrolled = host->enrol(invite(quota), records);
    if (!enrolled) throw std::runtime_error(enrolled.error().message());
    meet();
  }
  /// Looks the hosted space up again.
  void meet() {
    auto found = host->caller(device.public_part().transport);
    if (!found) throw std::runtime_error(found.error().message());
    caller = std::move(*found);
    space = caller.space;
  }
  storage::SpaceLog log() const { return space->log(); }

  struct Object {
    storage::ObjectRef ref;
    Bytes bytes;
  };
  Object seal(ObjectKind kind, std::uint64_t content, const std::vector<storage::ObjectRef>& children = {}) {
    const auto access = storage::open_access(log(), device);
    BEFFROI_ASSERT(access.has_value());
    return seal_with(*access->keys->current(), kind, content, children);
  }
  Object seal_with(const storage::EpochKeys& keys, ObjectKind kind, std::uint64_t content,
                   const std::vector<storage::ObjectRef>& children = {}) {
    storage::ChildTable table;
    for (const auto& child : children) table.add(child);
    table.freeze();
    Bytes plaintext(300);
    crypto::SeededRandom(content).fill(plaintext);
    storage::PayloadEncoder encoder;
    auto sealed = seal_object(log().space(), keys, kind, table, encoder.encode(plaintext, 1).bytes);
    return {sealed.ref, std::move(sealed.bytes)};
  }

  storage::CommitClear clear_on(const ObjectId& tree, std::uint64_t sequence,
                                std::vector<storage::CommitId> parents = {}) const {
    storage::CommitClear clear;
    clear.space = log().space();
    clear.device = device.public_part().id();
    clear.sequence = sequence;
    clear.parents = std::move(parents);
    clear.root = tree;
    clear.epoch = log().epoch();
    clear.log_head = log().head().id;
    clear.clock = {1};
    return clear;
  }
  Bytes commit(const storage::CommitClear& clear, const crypto::DeviceKeys& signer) const {
    const auto access = storage::open_access(log(), device);
    BEFFROI_ASSERT(access.has_value());
    return storage::make_commit(clear, {}, *access->keys->epoch(clear.epoch), signer.sign);
  }
  Bytes commit(const storage::CommitClear& clear) const { return commit(clear, device); }
  storage::LeaseId lease() {
    const auto opened = space->open_lease(caller.device);
    BEFFROI_ASSERT(opened.has_value());
    return opened->id;
  }
  /// A leaf over one chunk, at the peer.
  Object put_tree(const storage::LeaseId& under, std::uint64_t content) {
    const Object chunk = seal(ObjectKind::chunk, content);
    const Object leaf = seal(ObjectKind::leaf, content + 1000, {chunk.ref});
    const std::vector<Bytes> objects{chunk.bytes, leaf.bytes};
    const auto put = space->put(under, objects);
    if (!put) throw std::runtime_error(put.error().message());
    return leaf;
  }
  /// A whole push; returns the commit's id.
  storage::CommitId push(std::uint64_t sequence, std::vector<storage::CommitId> parents, std::uint64_t content) {
    const auto under = lease();
    const Bytes encoded = commit(clear_on(put_tree(under, content).ref.id, sequence, std::move(parents)));
    const auto receipt = space->accept_commit(under, caller.device, encoded, {});
    if (!receipt) throw std::runtime_error(receipt.error().message());
    return storage::decode_commit(encoded)->id;
  }

  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random;
  crypto::DeviceKeys root;
  crypto::DeviceKeys device;
  std::unique_ptr<PeerHost> host;
  std::vector<Bytes> records;
  PeerHost::Caller caller;
  std::shared_ptr<HostedSpace> space;
};

TEST_F(PeerHostTest, KeysAndTenantsOutliveARestart) {
  enrol(5'000'000);
  const auto before = host->public_part();
  push(1, {}, 1);
  space.reset();
  caller = {};
  reopen();
  EXPECT_EQ(host->public_part(), before);
  meet();
  const auto tenants = host->tenants();
  ASSERT_TRUE(tenants);
  ASSERT_EQ(tenants->size(), 1U);
  EXPECT_EQ(tenants->front().name, "Mairie");
  EXPECT_EQ(tenants->front().quota_bytes, 5'000'000U);
  EXPECT_EQ(tenants->front().commits, 1U);
  EXPECT_GT(tenants->front().used_bytes, 1000U);
  EXPECT_EQ(tenants->front().last_commit, clock.now());
  EXPECT_TRUE(host->invitations()->front().used);
}

TEST_F(PeerHostTest, OnlyKnownKeysAreLetIn) {
  const auto invitation = invite();
  EXPECT_TRUE(host->admits(invitation));
  EXPECT_FALSE(host->admits(device.public_part().transport));
  ASSERT_TRUE(host->enrol(invitation, records));
  EXPECT_TRUE(host->admits(device.public_part().transport));
  EXPECT_TRUE(host->admits(root.public_part().transport));
  EXPECT_FALSE(host->admits(crypto::TransportPublicKey{{1}}));
  EXPECT_TRUE(host->caller(root.public_part().transport)->is_root);
  EXPECT_FALSE(host->caller(root.public_part().transport)->may_write);
  EXPECT_TRUE(host->caller(device.public_part().transport)->may_write);
  EXPECT_EQ(host->caller(invitation).error().code, ErrorCode::refused);
}

TEST_F(PeerHostTest, AnInvitationIsForOneVault) {
  const auto invitation = invite();
  ASSERT_TRUE(host->enrol(invitation, records));
  // The answer was lost: once more is fine, for the same vault.
  EXPECT_TRUE(host->enrol(invitation, records));
  const auto other = founding(crypto::DeviceKeys::generate(random), crypto::DeviceKeys::generate(random));
  const auto refused = host->enrol(invitation, other);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_EQ(refused.error().text, "This invitation was already used. Ask the EPCI for a new one.");
  EXPECT_TRUE(host->admits(invitation));
  EXPECT_EQ(host->tenants()->size(), 1U);
}

TEST_F(PeerHostTest, AnInvitationExpires) {
  const auto invitation = invite({}, 3600);
  clock.wall_s = 1'800'003'601;
  EXPECT_TRUE(host->admits(invitation));
  const auto refused = host->enrol(invitation, records);
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, ErrorCode::refused);
  EXPECT_EQ(refused.error().message(), "This invitation expired on 2027-01-15. Ask the EPCI for a new one.");
  clock.wall_s += (kInvitationMemoryDays + 1) * 24 * 3600;
  EXPECT_FALSE(host->admits(invitation));
  EXPECT_EQ(host->enrol(invitation, records).error().code, ErrorCode::refused);
}

TEST_F(PeerHostTest, ALogThatDoesNotVerifyIsNotHosted) {
  const auto invitation = invite();
  auto damaged = records;
  damaged.back()[damaged.back().size() / 2] ^= 1;
  EXPECT_FALSE(host->enrol(invitation, damaged));
  EXPECT_FALSE(host->enrol(invitation, {}));
  EXPECT_FALSE(host->enrol(invitation, std::span(records).subspan(1)));
  EXPECT_TRUE(host->tenants()->empty());
  EXPECT_TRUE(host->enrol(invitation, records));
}

// Goal: what was left of an enrolment that came to nothing does not become part of a log.
TEST_F(PeerHostTest, ALogTakesThePlaceOfWhatWasLeftThere) {
  const auto id = storage::SpaceLog::from_records(records, std::nullopt)->space();
  storage::SpaceStore left(host->database(), id);
  ASSERT_TRUE(left.append_record(records.size(), as_bytes("of a log that was never hosted")));
  enrol();
  space.reset();
  caller = {};
  reopen();
  EXPECT_TRUE(host->damaged_tenants().empty());
  meet();
  EXPECT_EQ(log().encoded(), records);
}

TEST_F(PeerHostTest, ObjectsAreCheckedAtThePut) {
  enrol();
  const auto under = lease();
  const Object chunk = seal(ObjectKind::chunk, 1);
  const Object leaf = seal(ObjectKind::leaf, 2, {chunk.ref});
  const auto put = [&](const Bytes& object) { return space->put(under, {&object, 1}); };
  EXPECT_EQ(put(leaf.bytes).error().code, ErrorCode::conflict);  // before its child
  EXPECT_EQ(put(Bytes(500)).error().code, ErrorCode::corrupt);
  const Object wrong_height = seal(ObjectKind::leaf, 2, {{chunk.ref.id, 3}});
  ASSERT_TRUE(put(chunk.bytes));
  EXPECT_EQ(put(wrong_height.bytes).error().code, ErrorCode::corrupt);
  EXPECT_TRUE(put(leaf.bytes));
  EXPECT_TRUE(put(leaf.bytes));  // again changes nothing

  const std::vector<ObjectId> ids{chunk.ref.id, wrong_height.ref.id, leaf.ref.id};
  EXPECT_EQ(*space->lacks(under, ids), (std::vector<bool>{false, true, false}));
  EXPECT_EQ(*space->get(leaf.ref.id), leaf.bytes);
}

TEST_F(PeerHostTest, ObjectsOfAnotherSpaceOrEpochAreRefused) {
  enrol();
  const auto under = lease();
  const storage::EpochKeys later({2}, crypto::SecretBytes(32));
  const Bytes future = seal_with(later, ObjectKind::chunk, 1).bytes;
  EXPECT_EQ(space->put(under, {&future, 1}).error().code, ErrorCode::refused);
  Bytes elsewhere = seal(ObjectKind::chunk, 1).bytes;
  elsewhere[8] ^= 1;  // the space id in the header
  EXPECT_EQ(space->put(under, {&elsewhere, 1}).error().code, ErrorCode::refused);

  const Object kept = put_tree(under, 5);
  const Bytes old = seal(ObjectKind::chunk, 7).bytes;
  const auto rotation = storage::rotate_epoch(log(), device, clock.now(), random);
  ASSERT_TRUE(rotation);
  ASSERT_TRUE(space->append_record(*rotation));
  EXPECT_EQ(space->put(under, {&old, 1}).error().code, ErrorCode::refused);
  // Healing is the exception: the same bytes of something that is known here.
  ASSERT_TRUE(space->quarantine(kept.ref.id));
  EXPECT_EQ(*space->wanted_for_healing(), std::vector{kept.ref.id});
  EXPECT_EQ(*space->lacks(under, {&kept.ref.id, 1}), std::vector{true});
  EXPECT_TRUE(space->put(under, {&kept.bytes, 1}));
  EXPECT_TRUE(space->wanted_for_healing()->empty());
  EXPECT_EQ(*space->get(kept.ref.id), kept.bytes);
}

TEST_F(PeerHostTest, TheQuotaHoldsAndIsNamed) {
  enrol(40'000);
  const auto under = lease();
  Result<void> put;
  int objects = 0;
  for (; put && objects < 1000; ++objects) {
    const Bytes object = seal(ObjectKind::chunk, 100U + static_cast<std::uint64_t>(objects)).bytes;
    put = space->put(under, {&object, 1});
  }
  ASSERT_FALSE(put);
  EXPECT_GT(objects, 10);
  EXPECT_EQ(put.error().code, ErrorCode::refused);
  EXPECT_NE(put.error().message().find("40000"), std::string::npos);
  EXPECT_LE(host->tenants()->front().used_bytes, 40'000U);
}

TEST_F(PeerHostTest, ReceiptsFormAChainAndTheSameCommitGetsTheSame) {
  enrol();
  const auto under = lease();
  const Bytes encoded = commit(clear_on(put_tree(under, 1).ref.id, 1));
  const auto first = space->accept_commit(under, caller.device, encoded, {});
  ASSERT_TRUE(first) << first.error().message();
  clock.wall_s += 60;
  const auto again = space->accept_commit(under, caller.device, encoded, {});
  ASSERT_TRUE(again);
  EXPECT_EQ(*again, *first);
  const auto one = storage::decode_receipt(*first, host->public_part().sign);
  ASSERT_TRUE(one);
  EXPECT_EQ(one->counter, 1U);
  EXPECT_EQ(one->log_head, log().head().id);
  push(2, {one->commit}, 2);
  EXPECT_EQ(*space->newest_receipt(), 2U);
  const auto two = storage::decode_receipt(space->receipts_from(2)->front(), host->public_part().sign);
  ASSERT_TRUE(two);
  EXPECT_EQ(two->previous, one->id);
  EXPECT_EQ(space->branch_commits(caller.device, 1)->size(), 2U);
  EXPECT_EQ(space->heads()->front().sequence, 2U);
}

TEST_F(PeerHostTest, ACommitMustBeCompleteUnderALivingLease) {
  enrol();
  const auto under = lease();
  const Object chunk = seal(ObjectKind::chunk, 1);
  const Object leaf = seal(ObjectKind::leaf, 2, {chunk.ref});
  ASSERT_TRUE(space->put(under, {&chunk.bytes, 1}));
  const Bytes encoded = commit(clear_on(leaf.ref.id, 1));
  EXPECT_EQ(space->accept_commit(under, caller.device, encoded, {}).error().code, ErrorCode::conflict);
  ASSERT_TRUE(space->put(under, {&leaf.bytes, 1}));
  EXPECT_EQ(space->accept_commit(storage::LeaseId{}, caller.device, encoded, {}).error().code, ErrorCode::conflict);
  const Bytes rootless = commit(clear_on(chunk.ref.id, 1));
  EXPECT_EQ(space->accept_commit(under, caller.device, rootless, {}).error().code, ErrorCode::refused);
  EXPECT_TRUE(space->accept_commit(under, caller.device, encoded, {}));
  // It ended with its commit.
  EXPECT_EQ(space->lacks(under, {&leaf.ref.id, 1}).error().code, ErrorCode::conflict);
  EXPECT_EQ(space->put(under, {&chunk.bytes, 1}).error().code, ErrorCode::conflict);
}

TEST_F(PeerHostTest, ADamagedClosureIsRefusedUnlessTheAuthorKnows) {
  enrol();
  const auto under = lease();
  const Object chunk = seal(ObjectKind::chunk, 1);
  const Object leaf = seal(ObjectKind::leaf, 2, {chunk.ref});
  const std::vector<Bytes> objects{chunk.bytes, leaf.bytes};
  ASSERT_TRUE(space->put(under, objects));
  ASSERT_TRUE(space->quarantine(chunk.ref.id));
  const Bytes encoded = commit(clear_on(leaf.ref.id, 1));
  EXPECT_EQ(space->accept_commit(under, caller.device, encoded, {}).error().code, ErrorCode::conflict);
  EXPECT_TRUE(space->accept_commit(under, caller.device, encoded, {&chunk.ref.id, 1}));
}

TEST_F(PeerHostTest, ACommitMustExtendItsBranch) {
  enrol();
  const auto first = push(1, {}, 1);
  const auto under = lease();
  const ObjectId tree = put_tree(under, 2).ref.id;
  const auto code = [&](const storage::CommitClear& clear) {
    const auto out = space->accept_commit(under, caller.device, commit(clear), {});
    return out ? ErrorCode::partial : out.error().code;
  };
  EXPECT_EQ(code(clear_on(tree, 3, {first})), ErrorCode::conflict);
  EXPECT_EQ(code(clear_on(tree, 1)), ErrorCode::refused);                                 // a second first one
  EXPECT_EQ(code(clear_on(tree, 2, {storage::CommitId{{9}}})), ErrorCode::refused);       // not on its head
  EXPECT_EQ(code(clear_on(tree, 2, {storage::CommitId{}, first})), ErrorCode::conflict);  // a parent unknown here
  auto stranger = clear_on(tree, 2, {first});
  stranger.device = crypto::DeviceId{{1}};
  EXPECT_EQ(code(stranger), ErrorCode::refused);
  auto old_log = clear_on(tree, 2, {first});
  old_log.log_head = log().records().front().id;
  EXPECT_EQ(code(old_log), ErrorCode::refused);
  auto other_space = clear_on(tree, 2, {first});
  other_space.space = storage::SpaceId{{1}};
  EXPECT_EQ(code(other_space), ErrorCode::corrupt);
  const Bytes forged = commit(clear_on(tree, 2, {first}), root);
  EXPECT_EQ(space->accept_commit(under, caller.device, forged, {}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(code(clear_on(tree, 2, {first})), ErrorCode::partial);  // accepted
}

TEST_F(PeerHostTest, ACommitOfAnOldEpochIsRefused) {
  enrol();
  const auto under = lease();
  const Bytes encoded = commit(clear_on(put_tree(under, 1).ref.id, 1));
  const auto rotation = storage::rotate_epoch(log(), device, clock.now(), random);
  ASSERT_TRUE(rotation);
  ASSERT_TRUE(space->append_record(*rotation));
  EXPECT_EQ(space->accept_commit(under, caller.device, encoded, {}).error().code, ErrorCode::refused);
}

TEST_F(PeerHostTest, TheLogGrowsByCompareAndSwap) {
  enrol();
  const auto one = storage::rotate_epoch(log(), device, clock.now(), random);
  const auto other = storage::rotate_epoch(log(), device, clock.now(), random);
  ASSERT_TRUE(space->append_record(*one));
  EXPECT_TRUE(space->append_record(*one));  // the answer was lost
  EXPECT_EQ(space->append_record(*other).error().code, ErrorCode::conflict);
  EXPECT_EQ(space->append_record(Bytes{1, 2, 3}).error().code, ErrorCode::corrupt);
  EXPECT_EQ(space->records_from(records.size())->front(), *one);
  space.reset();
  caller = {};
  reopen();
  meet();
  EXPECT_EQ(log().records().size(), records.size() + 1);
}

TEST_F(PeerHostTest, ARemovedDeviceIsOutAtOnce) {
  enrol();
  storage::RemovalBody removal;
  removal.devices.push_back({.device = caller.device, .last_valid_commit = {}});
  const auto head = log();
  ASSERT_TRUE(space->append_record(storage::make_record(&head.head(), head.space(), removal, clock.now(), root.sign)));
  EXPECT_FALSE(host->admits(device.public_part().transport));
  EXPECT_EQ(host->caller(device.public_part().transport).error().code, ErrorCode::refused);
  EXPECT_TRUE(host->admits(root.public_part().transport));
}

// Goal: not even the root makes worthless what has a receipt: a removal goes on from the end of the branch, but for
// what came within the last day (a thief who goes on pushing must not keep the owner from a recovery).
TEST_F(PeerHostTest, ARemovalCutsNothingOffThatIsOlderThanADay) {
  enrol();
  const auto first = push(1, {}, 1);
  const auto second = push(2, {first}, 2);
  clock.wall_s += kBranchEndHours * 3600;
  const auto third = push(3, {second}, 3);
  const auto remove = [&](std::optional<storage::CommitId> last, std::uint64_t sequence) {
    storage::RemovalBody removal;
    removal.devices.push_back({.device = caller.device, .last_valid_commit = last, .last_valid_sequence = sequence});
    const auto head = log();
    return space->append_record(storage::make_record(&head.head(), head.space(), removal, clock.now(), root.sign));
  };
  EXPECT_EQ(remove({}, 0).error().code, ErrorCode::refused);
  EXPECT_EQ(remove(first, 1).error().code, ErrorCode::refused);
  EXPECT_EQ(remove(first, 2).error().code, ErrorCode::refused);  // not that branch's second one
  EXPECT_EQ(remove(storage::CommitId{{9}}, 4).error().code, ErrorCode::refused);
  EXPECT_TRUE(host->admits(device.public_part().transport));
  clock.wall_s += kBranchEndHours * 3600;
  EXPECT_EQ(remove(second, 2).error().code, ErrorCode::refused);
  clock.wall_s -= 1;
  EXPECT_TRUE(remove(second, 2));
  EXPECT_FALSE(host->admits(device.public_part().transport));
  EXPECT_EQ(space->log().device(caller.device)->last_valid_commit, second);
  EXPECT_NE(third, second);
}

// Goal: the snapshots that a recovery goes on from are at the peer and the newest ones.
TEST_F(PeerHostTest, ARecoveryGoesOnFromTheEndsOfBranches) {
  enrol();
  const auto first = push(1, {}, 1);
  const auto second = push(2, {first}, 2);
  clock.wall_s += kBranchEndHours * 3600;
  const auto recover = [&](std::vector<storage::CommitId> heads) {
    const auto head = log();
    const storage::RecoveryBody body{.device = caller.device, .heads = std::move(heads)};
    return space->append_record(storage::make_record(&head.head(), head.space(), body, clock.now(), root.sign));
  };
  EXPECT_EQ(recover({first}).error().code, ErrorCode::refused);
  EXPECT_EQ(recover({storage::CommitId{{9}}}).error().code, ErrorCode::refused);
  EXPECT_TRUE(recover({second}));
}

// Goal: nobody can accuse an honest peer of two histories by naming a receipt that it never gave.
TEST_F(PeerHostTest, ACommitNamesAReceiptOfThisPeer) {
  enrol();
  const auto first = push(1, {}, 1);
  const auto under = lease();
  auto clear = clear_on(put_tree(under, 2).ref.id, 2, {first});
  clear.last_receipt = storage::ReceiptId{{7}};
  EXPECT_EQ(space->accept_commit(under, caller.device, commit(clear), {}).error().code, ErrorCode::refused);
  clear.last_receipt = storage::decode_receipt(space->receipts_from(1)->front(), host->public_part().sign)->id;
  EXPECT_TRUE(space->accept_commit(under, caller.device, commit(clear), {}));
}

// Goal: a stolen device can't make its branch too long for a recovery within a night.
TEST_F(PeerHostTest, ADeviceCommitsABoundedNumberOfTimesADay) {
  enrol();
  const auto tree = put_tree(lease(), 1).ref.id;
  std::vector<storage::CommitId> parents;
  const auto next = [&](std::uint64_t sequence) {
    const Bytes encoded = commit(clear_on(tree, sequence, parents));
    const auto receipt = space->accept_commit(lease(), caller.device, encoded, {});
    if (receipt) parents = {storage::decode_commit(encoded)->id};
    return receipt ? std::optional<ErrorCode>() : receipt.error().code;
  };
  for (std::uint64_t sequence = 1; sequence <= kMaxCommitsPerDay; ++sequence) ASSERT_EQ(next(sequence), std::nullopt);
  EXPECT_EQ(next(kMaxCommitsPerDay + 1), ErrorCode::busy);
  clock.wall_s += 24 * 3600;
  EXPECT_EQ(next(kMaxCommitsPerDay + 1), std::nullopt);
}

// Goal: a space that lets very much go does so piece by piece: nobody waits for all of it.
TEST_F(PeerHostTest, SnapshotsGoAnExpiryAtATime) {
  enrol();
  const auto tree = put_tree(lease(), 1).ref.id;
  std::vector<storage::CommitId> parents;
  for (std::uint64_t sequence = 1; sequence <= storage::kMaxExpiredCommits + 100; ++sequence) {
    if (sequence % kMaxCommitsPerDay == 0) clock.pass(24LL * 3600);
    const Bytes encoded = commit(clear_on(tree, sequence, parents));
    const auto receipt = space->accept_commit(lease(), caller.device, encoded, {});
    ASSERT_TRUE(receipt) << receipt.error().message();
    parents = {storage::decode_commit(encoded)->id};
  }
  clock.pass(4000LL * 24 * 3600);
  EXPECT_EQ(*space->expire(clock.now()), storage::kMaxExpiredCommits);
  const std::uint64_t rest = *space->expire(clock.now());
  EXPECT_GT(rest, 0U);
  EXPECT_LT(rest, 100U);
  EXPECT_EQ(*space->expire(clock.now()), 0U);
  EXPECT_EQ(*space->newest_expiry(), 2U);
}

// Goal: objects count by their number as well: what is known and pinned of a small one is larger than it.
TEST_F(PeerHostTest, EveryObjectCountsInTheQuota) {
  enrol();
  const std::uint64_t before = host->tenants()->front().used_bytes;
  const Bytes object = seal(ObjectKind::chunk, 1).bytes;
  ASSERT_TRUE(space->put(lease(), {&object, 1}));
  EXPECT_EQ(host->tenants()->front().used_bytes, before + object.size() + kBytesPerObject);
}

// Goal: one tenant whose records are damaged does not keep the others from being served.
TEST_F(PeerHostTest, ADamagedTenantDoesNotStopTheOthers) {
  enrol();
  const auto other_device = crypto::DeviceKeys::generate(random);
  ASSERT_TRUE(host->enrol(invite(), founding(crypto::DeviceKeys::generate(random), other_device)));
  const auto damaged = log().space();
  Bytes key = to_bytes(damaged);
  key.resize(key.size() + 8);
  key.back() = 1;  // the second record
  ASSERT_TRUE(host->database().put(storage::Table::records, key, Bytes{1, 2, 3}, storage::Durability::synced));
  space.reset();
  caller = {};
  reopen();
  EXPECT_FALSE(host->admits(device.public_part().transport));
  EXPECT_TRUE(host->caller(other_device.public_part().transport));
  ASSERT_EQ(host->damaged_tenants().size(), 1U);
  EXPECT_EQ(host->damaged_tenants().front().space, damaged);
  EXPECT_EQ(host->damaged_tenants().front().name, "Mairie");
}

TEST_F(PeerHostTest, ALeaseIsOneForADeviceAndOutlivesARestart) {
  enrol();
  const auto under = lease();
  EXPECT_EQ(lease(), under);
  const Object leaf = put_tree(under, 1);
  space.reset();
  caller = {};
  reopen();
  meet();
  EXPECT_EQ(lease(), under);
  EXPECT_TRUE(space->accept_commit(under, caller.device, commit(clear_on(leaf.ref.id, 1)), {}));
}

TEST_F(PeerHostTest, DamagedBytesAreNoticedWhenTheyAreRead) {
  enrol();
  const Object leaf = put_tree(lease(), 1);
  Bytes key = to_bytes(log().space());
  key.insert(key.end(), leaf.ref.id.data.begin(), leaf.ref.id.data.end());
  Bytes damaged = leaf.bytes;
  damaged[damaged.size() - 20] ^= 1;
  ASSERT_TRUE(host->database().put(storage::Table::objects, key, damaged, storage::Durability::synced));
  EXPECT_EQ(space->get(leaf.ref.id).error().code, ErrorCode::not_found);
  EXPECT_EQ(*space->wanted_for_healing(), std::vector{leaf.ref.id});
  EXPECT_EQ(host->tenants()->front().quarantined, 1U);
  EXPECT_FALSE(space->facts({&leaf.ref.id, 1})->front());
  space.reset();
  caller = {};
  reopen();
  meet();
  EXPECT_EQ(*space->wanted_for_healing(), std::vector{leaf.ref.id});
}

TEST_F(PeerHostTest, AKeyOfTwoSpacesMustNameOne) {
  enrol();
  const auto second = founding(crypto::DeviceKeys::generate(random), device);
  ASSERT_TRUE(host->enrol(invite(), second));
  const auto& key = device.public_part().transport;
  EXPECT_EQ(host->caller(key).error().code, ErrorCode::usage);
  EXPECT_EQ(host->caller(key, log().space())->space->log().space(), log().space());
  EXPECT_EQ(host->caller(key, storage::SpaceId{}).error().code, ErrorCode::refused);
}

// Goal: what stations and their people did stands in the audit log, with who it was, and nothing of what they store.
TEST_F(PeerHostTest, TheAuditLogTellsWhatStationsDid) {
  enrol();
  const auto by_device = device_actor(caller.device);
  const auto first = push(1, {}, 1);
  const auto rotation = storage::rotate_epoch(log(), device, clock.now(), random);
  ASSERT_TRUE(space->append_record(*rotation));
  ASSERT_TRUE(space->append_record(*rotation));  // the answer was lost: not twice in the log
  const auto under = lease();
  const Object kept = put_tree(under, 5);
  ASSERT_TRUE(space->quarantine(kept.ref.id));
  ASSERT_TRUE(space->quarantine(kept.ref.id));
  ASSERT_TRUE(space->put(under, {&kept.bytes, 1}));
  auto stranger = clear_on(kept.ref.id, 2, {first});
  stranger.device = crypto::DeviceId{{1}};
  EXPECT_EQ(space->accept_commit(under, caller.device, commit(stranger), {}).error().code, ErrorCode::refused);
  storage::RemovalBody removal;
  removal.devices.push_back(
      {.device = caller.device, .last_valid_commit = storage::CommitId{{9}}, .last_valid_sequence = 1});
  const auto head = log();
  EXPECT_FALSE(space->append_record(storage::make_record(&head.head(), head.space(), removal, clock.now(), root.sign)));
  struct Line {
    std::string action, actor, detail;
    bool operator==(const Line&) const = default;
  };
  std::vector<Line> lines;
  for (const auto& [entry, hash] : *host->audit().read(3, 100)) {
    lines.push_back({entry.action, entry.actor, entry.detail});
    EXPECT_EQ(entry.space, log().space());
    EXPECT_EQ(entry.organisation, "Mairie");
  }
  ASSERT_EQ(lines.size(), 6U);
  EXPECT_EQ(lines[0], (Line{"receipt", by_device, "receipt 1 for snapshot " + first.hex()}));
  EXPECT_EQ(lines[1], (Line{"record", by_device, "record " + std::to_string(records.size()) + ", epoch"}));
  EXPECT_EQ(lines[2], (Line{"damaged", kPeerActor, "object " + kept.ref.id.hex()}));
  EXPECT_EQ(lines[3], (Line{"healed", by_device, "1 objects, the first one " + kept.ref.id.hex()}));
  EXPECT_EQ(lines[4].action + " " + lines[4].actor, "refused " + by_device);
  EXPECT_EQ(lines[5].action + " " + lines[5].actor, "refused root");
  EXPECT_FALSE(verify(host->audit()).broken_at);
}

// Goal: an invitation and its use can be told together; a used one that somebody tries again is written down.
TEST_F(PeerHostTest, TheAuditLogTellsOfInvitations) {
  const auto invitation = invite(5000, 7200);
  ASSERT_TRUE(host->enrol(invitation, records));
  ASSERT_TRUE(host->enrol(invitation, records));  // the answer was lost
  const auto other = founding(crypto::DeviceKeys::generate(random), crypto::DeviceKeys::generate(random));
  EXPECT_FALSE(host->enrol(invitation, other));
  const auto entries = *host->audit().read(1, 100);
  ASSERT_EQ(entries.size(), 3U);
  const std::string bearer = "invitation " + invitation_id(invitation);
  EXPECT_EQ(entries[0].entry.action, "invite");
  EXPECT_EQ(entries[0].entry.actor, kOperator);
  EXPECT_EQ(entries[0].entry.organisation, "Mairie");
  EXPECT_EQ(entries[0].entry.detail, bearer + ", 5000 bytes, good for 2 h");
  EXPECT_EQ(entries[1].entry.action, "enrol");
  EXPECT_EQ(entries[1].entry.actor, bearer);
  EXPECT_EQ(entries[2].entry.action, "refused");
  EXPECT_EQ(entries[2].entry.actor, bearer);
}

}  // namespace
}  // namespace beffroi::daemon::testing
