// Goal: a commit is the documented bytes; its clear part can be read by anybody and changed by nobody; its sealed part
// opens for members only and only where it belongs.
#include "storage/space/commit.h"

#include <gtest/gtest.h>

#include "crypto/identity.h"
#include "storage/space/commit_sealed.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

// What tests/vectors/storage/generate_space.py seals.
CommitSealed golden_sealed() {
  CommitSealed out;
  out.label = "Mairie de Saint-Flour";
  out.host = "mairie";
  out.sources = {"/home", "/srv"};
  out.tags = {"nuit"};
  out.root_height = 3;
  out.entries = 20000;
  out.statistics = {100, 101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112};
  out.problems = {{"srv/d\xe9p\xf4t", "Cannot read {}.", {"/srv"}}, {"a", "It changed.", {}}};
  out.problems_total = 3;
  return out;
}

struct CommitTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/space.json");
  crypto::DeviceKeys station = *crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), "station"));
  EpochKeys keys{Epoch{1}, crypto::SecretBytes::copy_of(hex_of(vectors.at("epochs").at(0), "secret"))};
  Bytes golden = hex_of(vectors.at("commit"), "commit");

  CommitClear golden_clear() const {
    CommitClear out;
    out.space = *SpaceId::from(hex_of(vectors, "space"));
    out.device = station.public_part().id();
    out.sequence = 17;
    out.parents.resize(2);
    out.parents[0].data.fill(0x0B);
    out.parents[1].data.fill(0xAA);
    out.root.data.fill(0x0F);
    out.epoch = {1};
    out.log_head = *RecordId::from(hex_of(vectors.at("records").at(2), "id"));
    out.last_receipt.emplace().data.fill(0x77);
    out.clock = {-1};
    out.flags = kCommitPartial | kCommitStale;
    return out;
  }
};

TEST_F(CommitTest, GoldenCommitIsMadeByteForByte) {
  EXPECT_EQ(golden, make_commit(golden_clear(), golden_sealed(), keys, station.sign));
}

TEST_F(CommitTest, GoldenCommitReadsBack) {
  const auto commit = decode_commit(golden);
  ASSERT_TRUE(commit.has_value());
  EXPECT_EQ(hex_of(vectors.at("commit"), "id"), to_bytes(commit->id));
  EXPECT_TRUE(verify_commit(*commit, station.sign.public_key));
  EXPECT_EQ(golden_clear().parents, commit->clear.parents);
  EXPECT_EQ(golden_clear().last_receipt, commit->clear.last_receipt);
  EXPECT_EQ(-1, commit->clear.clock.seconds);
  const auto sealed = open_commit(*commit, keys);
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
  EXPECT_EQ(hex_of(vectors, "sealed_plaintext"), encode_commit_sealed(*sealed));
  EXPECT_EQ("srv/d\xe9p\xf4t", sealed->problems[0].path);
  EXPECT_EQ(112U, sealed->statistics.duration_ms);
}

TEST_F(CommitTest, FirstCommitHasNeitherParentsNorReceipt) {
  const auto first = decode_commit(hex_of(vectors.at("first_commit"), "commit"));
  ASSERT_TRUE(first.has_value());
  EXPECT_TRUE(first->clear.parents.empty());
  EXPECT_FALSE(first->clear.last_receipt.has_value());
  EXPECT_EQ(hex_of(vectors.at("first_commit"), "commit"),
            make_commit(first->clear, golden_sealed(), keys, station.sign));
}

TEST_F(CommitTest, MalformedCommitsAreRefusedWithTheirError) {
  for (const auto& vector : vectors.at("malformed_commits")) {
    const auto commit = decode_commit(hex_of(vector, "commit"));
    ASSERT_FALSE(commit.has_value()) << vector.at("name");
    EXPECT_EQ(vector.at("error"), error_code_name(commit.error().code)) << vector.at("name");
  }
  const auto too_long = decode_commit(Bytes(kMaxCommitBytes + 1));
  EXPECT_EQ(ErrorCode::corrupt, too_long.error().code);
}

TEST_F(CommitTest, MalformedSealedPartsAreRefused) {
  for (const auto& vector : vectors.at("malformed_sealed")) {
    const auto commit = decode_commit(hex_of(vector, "commit"));
    ASSERT_TRUE(commit.has_value()) << vector.at("name");
    const auto sealed = open_commit(*commit, keys);
    ASSERT_FALSE(sealed.has_value()) << vector.at("name");
    EXPECT_EQ(ErrorCode::corrupt, sealed.error().code) << vector.at("name");
  }
}

TEST_F(CommitTest, AnyFlippedByteIsRefused) {
  for (std::size_t i = 0; i < golden.size(); ++i) {
    Bytes damaged = golden;
    damaged[i] ^= 0x01;
    const auto commit = decode_commit(damaged);
    EXPECT_FALSE(commit && verify_commit(*commit, station.sign.public_key)) << "byte " << i;
  }
}

TEST_F(CommitTest, SealedPartOpensNowhereElse) {
  CommitClear other = golden_clear();
  other.sequence = 18;
  auto moved = decode_commit(make_commit(other, golden_sealed(), keys, station.sign));
  moved->sealed_bytes = decode_commit(golden)->sealed_bytes;
  EXPECT_EQ(ErrorCode::corrupt, open_commit(*moved, keys).error().code);
}

TEST_F(CommitTest, SealedPartDoesNotOpenWithOtherKeys) {
  const auto commit = decode_commit(golden);
  EXPECT_EQ(ErrorCode::corrupt, open_commit(*commit, EpochKeys(Epoch{1}, crypto::SecretBytes(32))).error().code);
  EXPECT_EQ(ErrorCode::corrupt, open_commit(*commit, EpochKeys(Epoch{2}, keys.secret())).error().code);
}

TEST_F(CommitTest, IdDoesNotDependOnTheSignature) {
  auto commit = decode_commit(golden);
  const auto other = decode_commit(
      make_commit(golden_clear(), golden_sealed(), keys, crypto::SigningKeyPair::from_seed(crypto::SecretBytes(32))));
  EXPECT_EQ(commit->id, other->id);
  EXPECT_NE(commit->signature, other->signature);
  EXPECT_FALSE(verify_commit(*other, station.sign.public_key));
}

TEST_F(CommitTest, LengthOfTheDescriptionIsHidden) {
  CommitSealed longer = golden_sealed();
  longer.label += " et de ses hameaux";
  EXPECT_EQ(golden.size(), make_commit(golden_clear(), longer, keys, station.sign).size());
}

// A backup of a machine full of unreadable files must still get its commit.
TEST_F(CommitTest, DescriptionIsCutToItsBoundsAndStillOpens) {
  CommitSealed huge = golden_sealed();
  huge.label.assign(10'000, 'x');
  huge.sources.assign(500, std::string(10'000, '/'));
  huge.tags.assign(100, std::string(1'000, 't'));
  huge.problems.assign(2'000, {std::string(10'000, 'p'), "Cannot read {}.", std::vector<std::string>(20, "a")});
  huge.problems_total = huge.problems.size();
  const Bytes encoded = make_commit(golden_clear(), huge, keys, station.sign);
  EXPECT_LE(encoded.size(), kMaxCommitBytes);
  const auto sealed = open_commit(*decode_commit(encoded), keys);
  ASSERT_TRUE(sealed.has_value()) << sealed.error().message();
  EXPECT_EQ(kMaxNameBytes, sealed->label.size());
  EXPECT_EQ(kMaxTags, sealed->tags.size());
  EXPECT_EQ(2'000U, sealed->problems_total);
  EXPECT_GT(sealed->problems.size(), 20U);
  EXPECT_EQ(kMaxTextBytes, sealed->problems[0].path.size());
  EXPECT_EQ(kMaxProblemArguments, sealed->problems[0].arguments.size());
  EXPECT_GT(sealed->sources.size(), 10U);
}

TEST_F(CommitTest, SmallProblemsAreKeptUpTo500) {
  CommitSealed many = golden_sealed();
  many.problems.assign(1'000, {"a", "Cannot read {}.", {"a"}});
  many.problems_total = 1'000;
  const auto sealed = open_commit(*decode_commit(make_commit(golden_clear(), many, keys, station.sign)), keys);
  ASSERT_TRUE(sealed.has_value());
  EXPECT_EQ(kMaxProblems, sealed->problems.size());
}

}  // namespace
}  // namespace beffroi::storage
