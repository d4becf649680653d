// Goal: what a shared folder leaves out is said by a manager, in the documented bytes, and holds for the whole space
// from then on; an older program says that it is too old instead of taking the record for damage.
#include <gtest/gtest.h>

#include "tests/support/share_world.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;
using testing::kTestClock;
using testing::Person;
using testing::ShareWorld;

struct ShareSettingsTest : ::testing::Test {
  ShareWorld world;
  SpaceLog& log = world.log;
  IgnoreRules rules = *IgnoreRules::from_patterns({"*.tmp", "/brûlés/"});

  Result<std::vector<Bytes>> change(const Person& by, const IgnoreRules& to) {
    return set_ignore_rules(log, by.keys, to, kTestClock, world.random);
  }
};

TEST_F(ShareSettingsTest, GoldenSettingsAreReadAndMadeByteForByte) {
  const auto vectors = read_vectors("storage/share.json");
  std::vector<Bytes> records;
  for (std::size_t i = 0; i < 4; ++i) records.push_back(hex_of(vectors.at("log").at("records").at(i), "record"));
  auto golden = *SpaceLog::from_records(records, std::nullopt);
  EXPECT_EQ(IgnoreRules::defaults(), golden.ignore_rules());
  const auto founder = *crypto::DeviceKeys::decode(hex_of(vectors.at("log").at("keys"), "founder"));
  const UnixTime clock{vectors.at("log").at("clock").get<std::int64_t>()};
  const Bytes record = hex_of(vectors.at("settings"), "record");
  EXPECT_EQ(record, make_record(&golden.head(), golden.space(), SettingsBody{rules}, clock, founder.sign));
  ASSERT_TRUE(golden.append(record).has_value());
  EXPECT_EQ(rules, golden.ignore_rules());
  EXPECT_STREQ("settings", record_type_name(golden.head().body));
}

TEST_F(ShareSettingsTest, MalformedSettingsAreRefusedWithTheirError) {
  for (const auto& vector : read_vectors("storage/share.json").at("settings").at("malformed")) {
    const auto record = decode_record(hex_of(vector, "record"));
    ASSERT_FALSE(record.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(record.error().code)) << vector.at("name");
  }
}

TEST_F(ShareSettingsTest, ManagerAloneSaysWhatIsLeftOut) {
  const Person writer = world.admitted(Role::writer);
  EXPECT_EQ(ErrorCode::refused, change(writer, rules).error().code);
  EXPECT_EQ(IgnoreRules::defaults(), log.ignore_rules());
  world.take(change(world.founder, rules));
  EXPECT_EQ(rules, log.ignore_rules());
  EXPECT_TRUE(world.may_write(writer));
}

TEST_F(ShareSettingsTest, TheSameRulesNeedNoRecord) {
  world.take(change(world.founder, rules));
  EXPECT_TRUE(change(world.founder, rules)->empty());
  world.take(change(world.founder, IgnoreRules()));
  EXPECT_TRUE(log.ignore_rules().patterns().empty());
}

TEST_F(ShareSettingsTest, KeysThatAreDueAreRenewedFirst) {
  const Person writer = world.admitted(Role::writer);
  world.take(leave_space(log, writer.keys, std::nullopt, kTestClock));
  world.take(change(world.founder, rules));
  EXPECT_FALSE(log.rotation_due());
  EXPECT_EQ(rules, log.ignore_rules());
}

TEST_F(ShareSettingsTest, VaultHasNone) {
  testing::SpaceBuilder vault;
  EXPECT_EQ(ErrorCode::refused, vault.add(SettingsBody{rules}, vault.root).error().code);
}

TEST_F(ShareSettingsTest, WhoManagesNoMoreDoesNotSignAgain) {
  Person other = world.admitted(Role::manager);
  const RecordId decided_on = log.head().id;
  const auto wanted = [&] { return rebase_change(log, decided_on, other.keys.sign.public_key, WantsSettings{}); };
  world.take(change(world.founder, rules));
  EXPECT_EQ(Rebased::sign_again, *wanted());
  world.take(change_role(log, world.founder.keys, other.identity(), Role::reader, {}, kTestClock, world.random));
  EXPECT_EQ(ErrorCode::refused, wanted().error().code);
}

}  // namespace
}  // namespace beffroi::storage
