// Goal: every type of log record is the documented bytes, and nothing else decodes.
#include "storage/space/record.h"

#include <gtest/gtest.h>

#include "storage/space/log.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

struct RecordTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json");
  std::vector<crypto::DeviceKeys> keys;
  std::vector<Bytes> records;

  RecordTest() {
    for (const auto& [name, seeds] : vectors.at("keys").items())
      keys.push_back(*crypto::DeviceKeys::decode(*from_hex(seeds.get<std::string>())));
    for (const auto& record : vectors.at("records")) records.push_back(hex_of(record, "record"));
  }
  const crypto::SigningKeyPair& signer(const Record& record) const {
    const auto found = std::ranges::find_if(
        keys, [&](const crypto::DeviceKeys& device) { return device.sign.public_key == record.signer; });
    return found->sign;
  }
};

TEST_F(RecordTest, GoldenRecordsDecodeAndAreMadeByteForByte) {
  std::optional<Record> previous;
  for (std::size_t i = 0; i < records.size(); ++i) {
    auto record = decode_record(records[i]);
    ASSERT_TRUE(record.has_value()) << vectors.at("records")[i].at("name") << ": " << record.error().message();
    EXPECT_EQ(hex_of(vectors.at("records")[i], "id"), to_bytes(record->id));
    EXPECT_EQ(hex_of(vectors, "space"), to_bytes(record->space));
    EXPECT_EQ(i, record->sequence);
    EXPECT_EQ(records[i], make_record(previous ? &*previous : nullptr, record->space, record->body, record->clock,
                                      signer(*record)));
    previous = std::move(*record);
  }
}

TEST_F(RecordTest, GoldenRecordsHaveEveryTypeOfAVaultAndFormOneLog) {
  std::set<std::size_t> types;
  for (const Bytes& record : records) types.insert(decode_record(record)->body.index());
  EXPECT_EQ(std::variant_size_v<RecordBody> - 1, types.size());  // settings: only a share has them
  const auto log = SpaceLog::from_records(records, SpaceId::from(hex_of(vectors, "space")));
  ASSERT_TRUE(log.has_value()) << log.error().message();
  EXPECT_EQ(4U, log->epoch().value);
}

TEST_F(RecordTest, FieldsHaveTheValuesThatTheGeneratorGave) {
  const auto body = [&](std::size_t i) { return decode_record(records[i])->body; };
  EXPECT_EQ(
      (RetentionBody{
          .lock_days = 60, .within_days = 7, .hourly = 24, .daily = 30, .weekly = 12, .monthly = 24, .yearly = 5}),
      std::get<RetentionBody>(body(8)));
  EXPECT_TRUE(std::get<PinBody>(body(9)).pinned);
  EXPECT_EQ("peer.example:8440", std::get<HomeBody>(body(10)).address);
  const auto removal = std::get<RemovalBody>(body(13));
  EXPECT_TRUE(removal.hostile);
  EXPECT_EQ(17U, removal.devices.at(0).last_valid_sequence);
  EXPECT_TRUE(std::get<RemovalBody>(body(14)).identity.has_value());
  EXPECT_EQ(2U, std::get<RecoveryBody>(body(15)).heads.size());
}

TEST_F(RecordTest, MalformedRecordsAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed_records")) {
    const auto record = decode_record(hex_of(vector, "record"));
    ASSERT_FALSE(record.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(record.error().code)) << vector.at("name");
  }
  EXPECT_EQ(ErrorCode::corrupt, decode_record(Bytes(kMaxRecordBytes + 1)).error().code);
}

TEST_F(RecordTest, NewerRecordsSayWhatToDo) {
  for (const auto& vector : vectors.at("malformed_records"))
    if (vector.at("error") == "unsupported_version")
      EXPECT_EQ("A log record was written by a newer version of Beffroi. Update Beffroi on this computer.",
                decode_record(hex_of(vector, "record")).error().message());
}

TEST_F(RecordTest, AnyFlippedByteIsRefused) {
  for (const Bytes& record : records)
    for (std::size_t i = 0; i < record.size(); ++i) {
      Bytes damaged = record;
      damaged[i] ^= 0x01;
      ASSERT_FALSE(decode_record(damaged).has_value()) << "byte " << i;
    }
}

}  // namespace
}  // namespace beffroi::storage
