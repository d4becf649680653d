// Goal: what the root signs founds and recovers a vault whatever state its log is in, sets its rules and deletes; what
// a station signs alone is a pure rotation, or stops a deletion.
#include "storage/space/ceremony.h"

#include <gtest/gtest.h>

#include "storage/space/deletion_wait.h"
#include "tests/support/space_builder.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::commit_on;
using testing::kTestClock;
using testing::signed_commit;
using testing::SpaceBuilder;

DeviceRequest request_of(const crypto::DeviceKeys& device) { return {device.public_part(), device.preshared.clone()}; }

struct CeremonyTest : ::testing::Test {
  crypto::SeededRandom random{7};
  crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random));
  crypto::DeviceKeys station = crypto::DeviceKeys::generate(random);
  SpaceLog log = founded();

  SpaceLog founded() {
    const auto records = found_vault(root, request_of(station), "Essai", kTestClock, random);
    auto out = SpaceLog::from_records(*records, std::nullopt);
    if (!out) throw std::runtime_error(out.error().message());
    return std::move(*out);
  }
  // Recovers onto `device` and appends what came of it.
  std::vector<Bytes> recover(const crypto::DeviceKeys& device, RecoveryPlan plan = {}) {
    plan.log = &log;
    auto records = recover_vault(root, request_of(device), plan, kTestClock, random);
    if (!records) throw std::runtime_error(records.error().message());
    for (const Bytes& record : *records)
      if (auto added = log.append(record); !added) throw std::runtime_error(added.error().message());
    return std::move(*records);
  }
  ErrorCode refused_recovery(const crypto::DeviceKeys& device, RecoveryPlan plan = {}) {
    plan.log = &log;
    return recover_vault(root, request_of(device), plan, kTestClock, random).error().code;
  }
  std::size_t epochs_open_to(const crypto::DeviceKeys& device) const {
    const auto access = open_access(log, device);
    std::size_t out = 0;
    for (std::uint32_t epoch = 1; access && epoch <= log.epoch().value; ++epoch)
      out += access->keys->epoch(Epoch{epoch}) != nullptr;
    return out;
  }
  DeviceId id_of(const crypto::DeviceKeys& device) const { return device.public_part().id(); }
};

TEST_F(CeremonyTest, GoldenVaultIsFoundedByteForByte) {
  const auto vectors = read_vectors("storage/space.json");
  const auto keys = [&](const char* who) { return *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), who)); };
  crypto::SeededRandom seeded(vectors.at("seed"));
  const auto request = DeviceRequest::decode(hex_of(vectors, "device_request"));
  ASSERT_TRUE(request.has_value());
  EXPECT_EQ(hex_of(vectors, "device_request"), to_bytes(request->encode().view()));
  const auto records =
      found_vault(keys("root"), *request, vectors.at("name"), {vectors.at("clock").get<std::int64_t>()}, seeded);
  ASSERT_TRUE(records.has_value());
  ASSERT_EQ(4U, records->size());
  for (std::size_t i = 0; i < 4; ++i) EXPECT_EQ(hex_of(vectors.at("records").at(i), "record"), (*records)[i]);
}

TEST_F(CeremonyTest, RequestIsCheckedWhenRead) {
  const crypto::SecretBytes encoded = request_of(station).encode();
  for (std::size_t length = 0; length < encoded.size(); ++length)
    EXPECT_FALSE(DeviceRequest::decode(encoded.view().first(length)).has_value());
}

TEST_F(CeremonyTest, FoundedVaultIsReadyForItsStation) {
  EXPECT_EQ(SpaceKind::vault, log.kind());
  EXPECT_EQ(1U, log.epoch().value);
  EXPECT_FALSE(log.rotation_due());
  EXPECT_EQ(Role::writer, log.device(id_of(station))->role);
  EXPECT_TRUE(log.accepts_new_commit(signed_commit(commit_on(log, station), station)).has_value());
  EXPECT_EQ("Essai", open_access(log, root)->current.space_name);
  ASSERT_EQ(1U, log.retentions().size());
  EXPECT_EQ(kDefaultRetention, log.retentions().front().second);
}

TEST_F(CeremonyTest, VaultNeedsAName) {
  EXPECT_EQ(ErrorCode::usage, found_vault(root, request_of(station), "", kTestClock, random).error().code);
}

TEST_F(CeremonyTest, StationRotatesAlone) {
  const auto record = rotate_epoch(log, station, kTestClock, random);
  ASSERT_TRUE(record.has_value());
  ASSERT_TRUE(log.append(*record).has_value());
  EXPECT_EQ(2U, log.epoch().value);
  EXPECT_EQ(2U, epochs_open_to(root));
}

TEST_F(CeremonyTest, RotationIsRefusedToWhoMayNot) {
  const crypto::DeviceKeys stranger = crypto::DeviceKeys::generate(random);
  EXPECT_EQ(ErrorCode::not_found, rotate_epoch(log, stranger, kTestClock, random).error().code);
  const crypto::DeviceKeys other = crypto::DeviceKeys::generate(random);
  ASSERT_TRUE(log.append(make_record(&log.head(), log.space(), SpaceBuilder::certified(other, root, Role::writer), {},
                                     root.sign))
                  .has_value());
  EXPECT_EQ(ErrorCode::wrong_state, rotate_epoch(log, station, kTestClock, random).error().code);
}

TEST_F(CeremonyTest, RecoveryReplacesTheLostStation) {
  const Commit last = signed_commit(commit_on(log, station), station);
  const HomeBody home{.peer = {}, .address = "peer.example:8440"};
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(random);
  RecoveryPlan plan;
  plan.heads.emplace(id_of(station), BranchEnd{last.id, 1});
  plan.home = home;
  recover(fresh, plan);

  EXPECT_EQ(2U, log.epoch().value);
  EXPECT_EQ(1U, log.content_generation());
  EXPECT_EQ(home, log.home());
  EXPECT_TRUE(log.device(id_of(station))->removed);
  EXPECT_TRUE(log.accepts(last).has_value());
  EXPECT_EQ(2U, epochs_open_to(fresh));
  EXPECT_EQ(1U, epochs_open_to(station));
  EXPECT_TRUE(log.accepts_new_commit(signed_commit(commit_on(log, fresh), fresh)).has_value());
  const auto is_recovery = [](const Record& record) { return std::holds_alternative<RecoveryBody>(record.body); };
  const auto recovery = std::ranges::find_if(log.records(), is_recovery);
  ASSERT_NE(log.records().end(), recovery);
  EXPECT_EQ(std::vector{last.id}, std::get<RecoveryBody>(recovery->body).heads);
}

TEST_F(CeremonyTest, SecondRecoveryFollowsTheFirst) {
  const crypto::DeviceKeys first = crypto::DeviceKeys::generate(random);
  const crypto::DeviceKeys second = crypto::DeviceKeys::generate(random);
  recover(first);
  ASSERT_TRUE(log.append(*rotate_epoch(log, first, kTestClock, random)).has_value());
  recover(second);
  EXPECT_EQ(4U, log.epoch().value);
  EXPECT_EQ(4U, epochs_open_to(second));
  EXPECT_TRUE(log.device(id_of(first))->removed);
}

TEST_F(CeremonyTest, KeptDevicesGoOn) {
  RecoveryPlan keep;
  keep.keep_others = true;
  const crypto::DeviceKeys second = crypto::DeviceKeys::generate(random);
  recover(second, keep);
  EXPECT_FALSE(log.device(id_of(station))->removed);
  EXPECT_EQ(2U, epochs_open_to(station));
  EXPECT_EQ(2U, epochs_open_to(second));
  ASSERT_TRUE(log.append(*rotate_epoch(log, station, kTestClock, random)).has_value());
  EXPECT_EQ(3U, epochs_open_to(second));
}

TEST_F(CeremonyTest, AllOfSeveralDevicesAreRemoved) {
  RecoveryPlan keep;
  keep.keep_others = true;
  for (int i = 0; i < 5; ++i) recover(crypto::DeviceKeys::generate(random), keep);
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(random);
  recover(fresh);
  const auto active = std::ranges::count_if(log.devices(), [](const auto& device) { return !device.second.removed; });
  EXPECT_EQ(1, active);
  EXPECT_EQ(log.epoch().value, epochs_open_to(fresh));
}

// Cut short after any record, by this device or by another one that was lost as well.
TEST_F(CeremonyTest, RecoveryGoesOnWhereAnEarlierOneWasCutShort) {
  const crypto::DeviceKeys first = crypto::DeviceKeys::generate(random);
  const crypto::DeviceKeys second = crypto::DeviceKeys::generate(random);
  const SpaceLog before = log;
  const std::vector<Bytes> records = recover(first);
  for (const auto* again : {&first, &second})
    for (std::size_t done = 0; done <= records.size(); ++done) {
      log = before;
      for (const Bytes& record : std::span(records).first(done)) ASSERT_TRUE(log.append(record).has_value());
      recover(*again);
      EXPECT_FALSE(log.rotation_due());
      EXPECT_EQ(log.epoch().value, epochs_open_to(*again)) << done;
      EXPECT_TRUE(log.device(id_of(station))->removed);
      EXPECT_EQ(again == &second && done > 0, log.device(id_of(first)) != nullptr && log.device(id_of(first))->removed);
    }
}

TEST_F(CeremonyTest, TheftRenewsTheContentKeys) {
  const crypto::SecretBytes dedup = open_access(log, root)->current.content.dedup.clone();
  RecoveryPlan theft;
  theft.hostile = true;
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(random);
  recover(fresh, theft);
  EXPECT_EQ(2U, log.content_generation());
  EXPECT_FALSE(open_access(log, fresh)->current.content.dedup == dedup);
  EXPECT_TRUE(open_access(log, fresh)->generations.at(1)->content_keys().dedup == dedup);
}

// What a thief can do to the log must not keep the root from recovering.
TEST_F(CeremonyTest, RecoverySucceedsAfterASabotagedRotation) {
  auto record = decode_record(*rotate_epoch(log, station, kTestClock, random));
  auto body = std::get<EpochBody>(record->body);
  for (auto& box : body.boxes) box.bytes.assign(box.bytes.size(), 0);
  body.shared.assign(body.shared.size(), 0);
  body.commitment.fill(0);
  ASSERT_TRUE(log.append(make_record(&log.head(), log.space(), body, {}, station.sign)).has_value());
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(random);
  recover(fresh);
  EXPECT_EQ(3U, log.epoch().value);
  EXPECT_EQ(2U, epochs_open_to(fresh));
  EXPECT_EQ(nullptr, open_access(log, fresh)->keys->epoch(Epoch{2}));
  EXPECT_NE(nullptr, open_access(log, fresh)->keys->epoch(Epoch{1}));
}

TEST_F(CeremonyTest, RecoveryRefusesWhatCanNotWork) {
  const crypto::DeviceKeys fresh = crypto::DeviceKeys::generate(random);
  RecoveryPlan bad_home;
  bad_home.home = HomeBody{.peer = {}, .address = "no blanks"};
  EXPECT_EQ(ErrorCode::usage, refused_recovery(fresh, bad_home));
  recover(fresh);
  EXPECT_EQ(ErrorCode::already_exists, refused_recovery(station));
  const crypto::DeviceKeys other_root = crypto::DeviceKeys::generate(random);
  RecoveryPlan plan;
  plan.log = &log;
  EXPECT_EQ(ErrorCode::refused, recover_vault(other_root, request_of(fresh), plan, kTestClock, random).error().code);
}

TEST_F(CeremonyTest, DeviceWithoutKeysCanNotBeKept) {
  const crypto::DeviceKeys waiting = crypto::DeviceKeys::generate(random);
  ASSERT_TRUE(log.append(make_record(&log.head(), log.space(), SpaceBuilder::certified(waiting, root, Role::writer), {},
                                     root.sign))
                  .has_value());
  RecoveryPlan keep;
  keep.keep_others = true;
  EXPECT_EQ(ErrorCode::wrong_state, refused_recovery(crypto::DeviceKeys::generate(random), keep));
}

// Goal: rules and deletions that the kit of this vault signs fit its log; another kit, or nonsense, is refused before
// anything is signed.
TEST_F(CeremonyTest, RulesAndDeletionsAreSignedByTheRoot) {
  const crypto::DeviceKeys other_root = crypto::DeviceKeys::generate(random);
  const RetentionBody rules{.lock_days = 40, .within_days = 3, .yearly = 5};
  const auto rule = set_retention(root, log, rules, kTestClock);
  ASSERT_TRUE(rule && log.append(*rule));
  EXPECT_EQ(rules, log.retentions().back().second);
  EXPECT_EQ(ErrorCode::refused, set_retention(other_root, log, rules, kTestClock).error().code);
  for (const RetentionBody& bad : {RetentionBody{.lock_days = 0}, RetentionBody{.lock_days = kMaxLockDays + 1},
                                   RetentionBody{.weekly = kMaxRetentionWindow + 1}})
    EXPECT_EQ(ErrorCode::usage, set_retention(root, log, bad, kTestClock).error().code);

  const std::vector<CommitId> commits = {CommitId{{2}}, CommitId{{1}}, CommitId{{2}}};
  const auto deletion = delete_commits(root, log, commits, kTestClock);
  ASSERT_TRUE(deletion && log.append(*deletion));
  EXPECT_EQ((std::vector{CommitId{{1}}, CommitId{{2}}}), std::get<DeletionBody>(log.head().body).commits);
  EXPECT_EQ(ErrorCode::refused, delete_commits(other_root, log, commits, kTestClock).error().code);
  EXPECT_EQ(ErrorCode::usage, delete_commits(root, log, {}, kTestClock).error().code);
  const RecordId id = log.head().id;
  const auto cancel = cancel_deletion(log, station, id, kTestClock);
  ASSERT_TRUE(cancel && log.append(*cancel));
  EXPECT_TRUE(log.cancelled(id));
  EXPECT_EQ(ErrorCode::refused, cancel_deletion(log, station, id, kTestClock).error().code);
}

// Goal: no rule that comes later shortens the wait of a deletion.
TEST_F(CeremonyTest, ADeletionWaitsTheLongestLock) {
  EXPECT_EQ(30U, deletion_wait_days(log));
  for (const std::uint32_t lock : {90U, 1U}) {
    const auto rule = set_retention(root, log, {.lock_days = lock}, kTestClock);
    ASSERT_TRUE(rule && log.append(*rule));
  }
  EXPECT_EQ(90U, deletion_wait_days(log));
}

}  // namespace
}  // namespace beffroi::storage
