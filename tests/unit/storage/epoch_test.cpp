// Goal: members get the keys that they are entitled to, through every kind of rotation, and nobody else gets any; wrong
// keys are noticed and lock nobody out of what was written before.
#include "storage/space/epoch.h"

#include <gtest/gtest.h>

#include "tests/support/space_builder.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::SpaceBuilder;

std::vector<std::uint32_t> epochs_of(const SpaceAccess& access, std::uint32_t up_to) {
  std::vector<std::uint32_t> out;
  for (std::uint32_t epoch = 1; epoch <= up_to; ++epoch)
    if (access.keys->epoch(Epoch{epoch}) != nullptr) out.push_back(epoch);
  return out;
}

using Numbers = std::vector<std::uint32_t>;

struct EpochTest : ::testing::Test {
  SpaceBuilder space;
  crypto::DeviceKeys station = space.admit(Role::writer);
  SpaceLog& log = space.log;

  EpochTest() { space.open_epoch(); }
  SpaceAccess access(const crypto::DeviceKeys& who) const {
    auto out = open_access(log, who);
    if (!out) throw std::runtime_error(out.error().message());
    return std::move(*out);
  }
  const EpochBody& newest() const { return std::get<EpochBody>(log.head().body); }
};

TEST_F(EpochTest, GoldenEpochsOpenForTheirMembers) {
  const auto vectors = read_vectors("storage/space.json");
  std::vector<Bytes> records;
  for (const auto& record : vectors.at("records")) records.push_back(hex_of(record, "record"));
  const auto golden = SpaceLog::from_records(records, std::nullopt);
  const auto open = [&](const char* who) {
    return open_access(*golden, *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), who)));
  };
  const auto root = open("root");
  ASSERT_TRUE(root.has_value()) << root.error().message();
  EXPECT_TRUE(root->problems.empty());
  for (std::uint32_t epoch = 1; epoch <= 4; ++epoch)
    EXPECT_EQ(hex_of(vectors.at("epochs").at(epoch - 1), "secret"),
              to_bytes(root->keys->epoch(Epoch{epoch})->secret().view()));
  EXPECT_EQ(vectors.at("name"), root->current.space_name);
  EXPECT_EQ(hex_of(vectors.at("epochs").at(3), "dedup"), to_bytes(root->current.content.dedup.view()));
  EXPECT_EQ(hex_of(vectors.at("epochs").at(0), "dedup"),
            to_bytes(root->generations.at(1)->content_keys().dedup.view()));
  EXPECT_EQ((Numbers{1, 2, 3}), epochs_of(*open("station"), 4));
  EXPECT_EQ((Numbers{2, 3, 4}), epochs_of(*open("laptop"), 4));
  EXPECT_EQ(ErrorCode::not_found, open("peer").error().code);
}

TEST_F(EpochTest, AllMembersGetTheSameKeys) {
  const SpaceAccess root = access(space.root);
  const SpaceAccess device = access(station);
  EXPECT_TRUE(root.current.secret == device.current.secret);
  EXPECT_TRUE(root.current.content.boundary == device.current.content.boundary);
  EXPECT_TRUE(root.current.content.dedup == device.current.content.dedup);
  EXPECT_TRUE(*root.current.reader_key == *device.current.reader_key);
  EXPECT_EQ("Essai", device.current.space_name);
  EXPECT_EQ(2U, device.current.preshared.size());
}

TEST_F(EpochTest, NewReaderReadsBackAcrossFiveRotations) {
  for (int i = 0; i < 5; ++i) space.open_epoch(station);
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  EXPECT_EQ(ErrorCode::not_found, open_access(log, reader).error().code);
  space.open_epoch();
  const SpaceAccess opened = access(reader);
  EXPECT_EQ((Numbers{1, 2, 3, 4, 5, 6, 7}), epochs_of(opened, 7));
  EXPECT_TRUE(opened.problems.empty());
  for (std::uint32_t epoch = 1; epoch <= 7; ++epoch)
    EXPECT_TRUE(opened.keys->epoch(Epoch{epoch})->secret() == access(space.root).keys->epoch(Epoch{epoch})->secret());
}

TEST_F(EpochTest, SecretIsFreshAndContentKeysStayWhenAnEpochFollows) {
  const SpaceAccess before = access(station);
  space.open_epoch(station);
  const SpaceAccess after = access(station);
  EXPECT_FALSE(before.current.secret == after.current.secret);
  EXPECT_TRUE(before.current.content.dedup == after.current.content.dedup);
  space.open_epoch(space.root, true);
  EXPECT_FALSE(before.current.content.dedup == access(station).current.content.dedup);
}

TEST_F(EpochTest, OlderContentKeysStayReachable) {
  const Digest old_digest = access(station).keys->digests().chunk(as_bytes("charter"));
  space.open_epoch(space.root, true);
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  space.open_epoch(space.root, true);
  const SpaceAccess opened = access(reader);
  EXPECT_EQ(3U, opened.generations.size());
  EXPECT_EQ(old_digest, opened.generations.at(1)->digests().chunk(as_bytes("charter")));
  EXPECT_NE(old_digest, opened.keys->digests().chunk(as_bytes("charter")));
  EXPECT_NE(nullptr, opened.generations.at(1)->epoch(Epoch{3}));
}

TEST_F(EpochTest, DepositorCanNotOpenEpochsOlderThanItself) {
  const crypto::DeviceKeys depositor = space.admit(Role::depositor);
  space.open_epoch();
  space.open_epoch(station);
  const SpaceAccess opened = access(depositor);
  EXPECT_EQ((Numbers{2, 3}), epochs_of(opened, 3));
  EXPECT_FALSE(opened.current.reader_key.has_value());
  EXPECT_TRUE(opened.problems.empty());
}

// A depositor can't hand on a reader key that it never had: the next reader who opens an epoch makes up for it.
TEST_F(EpochTest, HistoryStaysReadableAcrossADepositorsRotations) {
  const crypto::DeviceKeys depositor = space.admit(Role::depositor);
  space.open_epoch();
  space.open_epoch(depositor);
  space.open_epoch(depositor);
  EXPECT_EQ((Numbers{1, 2, 3, 4}), epochs_of(access(station), 4));
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  space.open_epoch(station);
  EXPECT_EQ((Numbers{1, 2, 3, 4, 5}), epochs_of(access(reader), 5));
}

TEST_F(EpochTest, RemovedDeviceCanNotOpenTheNextEpoch) {
  const crypto::DeviceKeys second = space.admit(Role::writer);
  space.open_epoch();
  space.must(SpaceBuilder::removal({second.public_part()}));
  space.open_epoch();
  EXPECT_EQ(ErrorCode::not_found, open_grant(log.space(), newest(), second).error().code);
  EXPECT_EQ((Numbers{1, 2}), epochs_of(access(second), 3));
  // Nor with a box that was meant for somebody else.
  EpochBody forged = newest();
  forged.boxes[0].recipient = second.public_part().id();
  EXPECT_EQ(ErrorCode::corrupt, open_grant(log.space(), forged, second).error().code);
}

TEST_F(EpochTest, GrantIsBoundToSpaceEpochAndRecord) {
  EpochBody other_number = newest();
  other_number.epoch = {2};
  EXPECT_EQ(ErrorCode::corrupt, open_grant(log.space(), other_number, station).error().code);
  EXPECT_EQ(ErrorCode::corrupt, open_grant(SpaceId{{1}}, newest(), station).error().code);
  for (const bool in_commitment : {true, false}) {
    EpochBody changed = newest();
    (in_commitment ? changed.commitment[5] : changed.shared[5]) ^= 1;
    EXPECT_EQ(ErrorCode::corrupt, open_grant(log.space(), changed, station).error().code);
  }
  EpochBody generation = newest();
  generation.content_generation = 2;
  EXPECT_EQ(ErrorCode::corrupt, open_grant(log.space(), generation, station).error().code);
  EpochBody suite = newest();
  for (auto& box : suite.boxes) box.suite = 2;
  EXPECT_EQ(ErrorCode::unsupported_version, open_grant(log.space(), suite, station).error().code);
}

TEST_F(EpochTest, WrongReaderKeyIsNoticedByItsReader) {
  const SpaceAccess honest = access(station);
  Bytes plaintext = to_bytes(honest.current.secret.view());
  plaintext.resize(2 * kEpochSecretBytes);
  const DeviceId me = station.public_part().id();
  Bytes context(4);
  put_le32(context.data(), 1);
  context.insert(context.end(), log.space().data.begin(), log.space().data.end());
  context.insert(context.end(), me.data.begin(), me.data.end());
  EpochBody forged = newest();
  std::ranges::find(forged.boxes, me, &EpochBody::Box::recipient)->bytes =
      *crypto::seal_box(1, station.box.public_key, station.preshared, context, plaintext, space.random);
  EXPECT_EQ(ErrorCode::corrupt, open_grant(log.space(), forged, station).error().code);
  EXPECT_TRUE(open_grant(log.space(), forged, space.root).has_value());
}

TEST_F(EpochTest, EveryFlippedByteOfABoxIsNoticed) {
  const auto mine = std::ranges::find(newest().boxes, station.public_part().id(), &EpochBody::Box::recipient);
  const auto index = static_cast<std::size_t>(mine - newest().boxes.begin());
  for (std::size_t i = 0; i < mine->bytes.size(); ++i) {
    EpochBody damaged = newest();
    damaged.boxes[index].bytes[i] ^= 1;
    EXPECT_FALSE(open_grant(log.space(), damaged, station).has_value()) << i;
  }
}

// A stolen station may sign boxes that nobody can open. What was written before must stay readable, its root must be
// able to go on, and the alarm must name the station.
TEST_F(EpochTest, UnopenableEpochLocksNobodyOutOfTheOlderOnes) {
  EpochBody useless = space.epoch(station);
  for (auto& box : useless.boxes) box.bytes.back() ^= 1;
  space.must(useless, station);
  const SpaceAccess root = access(space.root);
  EXPECT_EQ(1U, root.current.epoch.value);
  ASSERT_EQ(1U, root.problems.size());
  EXPECT_EQ(2U, root.problems[0].epoch.value);
  EXPECT_EQ(station.sign.public_key, root.problems[0].signer);
  space.must(SpaceBuilder::removal({station.public_part()}));
  const crypto::DeviceKeys replacement = space.admit(Role::writer);
  space.open_epoch();
  EXPECT_EQ((Numbers{1, 3}), epochs_of(access(replacement), 3));
}

TEST_F(EpochTest, UselessHandedKeysAreReportedAndMadeUpFor) {
  EpochBody useless = space.epoch(station);
  useless.handed_keys.back() ^= 1;
  space.must(useless, station);
  EXPECT_EQ((Numbers{1, 2}), epochs_of(access(space.root), 2));
  EXPECT_EQ(station.sign.public_key, access(space.root).problems.at(0).signer);
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  space.open_epoch();
  EXPECT_EQ((Numbers{1, 2, 3}), epochs_of(access(reader), 3));
}

TEST_F(EpochTest, HandedKeysThatContradictTheirEpochAreIgnored) {
  SpaceAccess lying = access(station);
  const crypto::SecretBytes honest = lying.current.secret.clone();
  lying.unhanded.at(Epoch{1}).secret = crypto::SecretBytes(32);
  EpochPlan plan{.epoch = {2},
                 .content = &lying.current.content,
                 .handed = &lying.unhanded,
                 .space_name = "Essai",
                 .recipients = {}};
  plan.recipients = *epoch_recipients(log, space.preshared);
  space.must(*make_epoch(log.space(), plan, space.random), station);
  const crypto::DeviceKeys reader = space.admit(Role::reader);
  EXPECT_EQ((Numbers{1, 2}), epochs_of(access(space.root), 2));
  EXPECT_TRUE(access(space.root).keys->epoch(Epoch{1})->secret() == honest);
  EXPECT_EQ(1U, access(space.root).problems.size());
  space.open_epoch();
  EXPECT_EQ((Numbers{1, 2, 3}), epochs_of(access(reader), 3));
  EXPECT_TRUE(access(reader).keys->epoch(Epoch{1})->secret() == honest);
}

TEST_F(EpochTest, KeysChangedInPassingAreReportedAndNotUsed) {
  const SpaceAccess honest = access(space.root);
  const ContentKeys other{.generation = 1, .boundary = crypto::SecretBytes(32), .dedup = crypto::SecretBytes(32)};
  PresharedTable wrong;
  for (const auto& [id, secret] : space.preshared) wrong.emplace(id, secret.clone());
  EpochPlan plan{.epoch = {2}, .content = &other, .handed = &honest.unhanded, .space_name = "Essai", .recipients = {}};
  plan.recipients = *epoch_recipients(log, wrong);
  space.must(*make_epoch(log.space(), plan, space.random), station);
  const SpaceAccess root = access(space.root);
  EXPECT_TRUE(root.current.content.dedup == honest.current.content.dedup);
  ASSERT_EQ(1U, root.problems.size());
  EXPECT_EQ(station.sign.public_key, root.problems[0].signer);
}

TEST_F(EpochTest, ForgedPresharedSecretOfAnotherIsNotUsed) {
  const crypto::DeviceKeys second = space.admit(Role::writer);
  space.open_epoch();
  const SpaceAccess honest = access(station);
  PresharedTable wrong;
  for (const auto& [id, secret] : space.preshared) wrong.emplace(id, secret.clone());
  wrong.at(second.public_part().id()) = crypto::SecretBytes(32);
  EpochPlan plan{.epoch = {3},
                 .content = &honest.current.content,
                 .handed = &honest.unhanded,
                 .space_name = "Essai",
                 .recipients = {}};
  plan.recipients = *epoch_recipients(log, wrong);
  space.must(*make_epoch(log.space(), plan, space.random), station);
  const SpaceAccess root = access(space.root);
  EXPECT_TRUE(root.current.preshared.at(second.public_part().id()) == second.preshared);
  EXPECT_EQ(3U, root.problems.at(0).epoch.value);
  EXPECT_EQ(station.sign.public_key, root.problems.at(0).signer);
}

TEST_F(EpochTest, NormalRotationHandsOnOneEpochOnly) {
  for (int i = 0; i < 3; ++i) space.open_epoch(station);
  EXPECT_EQ(1U, access(station).unhanded.size());
  EXPECT_EQ(4U, access(station).unhanded.begin()->first.value);
}

TEST_F(EpochTest, DeviceThatNobodySharedTheSecretOfIsNamed) {
  space.admit(Role::writer);
  const SpaceAccess opened = access(station);
  EXPECT_EQ(ErrorCode::wrong_state, epoch_recipients(log, opened.current.preshared).error().code);
}

TEST_F(EpochTest, NameIsBounded) {
  for (const std::string& name : {std::string(), std::string(256, 'x')}) {
    EpochPlan plan{.epoch = {1}, .space_name = name, .recipients = {}};
    EXPECT_EQ(ErrorCode::usage, make_epoch(log.space(), plan, space.random).error().code);
  }
}

}  // namespace
}  // namespace beffroi::storage
