// Goal: a commit of a share says who made it and which names went to copies, in the documented bytes; a vault's commit
// says nothing of it and keeps its bytes.
#include <gtest/gtest.h>

#include "crypto/identity.h"
#include "storage/space/commit_sealed.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using beffroi::testing::hex_of;
using beffroi::testing::read_vectors;

ShareNotes notes() {
  return {.author = {.person = "Claire",
                     .device = "PC mairie",
                     .words = {.conflict = "conflit", .hour_mark = "h"},
                     .utc_offset_s = 3600},
          .conflicts = {{"rapport.docx", "rapport (conflit - Marc, PC école, 2023-11-14 23h13).docx"}},
          .conflicts_total = 1};
}

struct ShareNotesTest : ::testing::Test {
  nlohmann::json vectors = read_vectors("storage/share.json").at("notes");
  CommitSealed sealed = *decode_commit_sealed(hex_of(vectors, "plaintext"));

  CommitSealed reread() const {
    auto out = decode_commit_sealed(encode_commit_sealed(sealed));
    if (!out) throw std::runtime_error(out.error().message());
    return *out;
  }
};

TEST_F(ShareNotesTest, GoldenNotesAreReadAndWrittenByteForByte) {
  ASSERT_TRUE(sealed.share.has_value());
  EXPECT_EQ(notes(), *sealed.share);
  EXPECT_EQ(hex_of(vectors, "plaintext"), encode_commit_sealed(sealed));
}

TEST_F(ShareNotesTest, CommitOfAVaultSaysNothingOfThem) {
  const auto vault = decode_commit_sealed(hex_of(read_vectors("storage/space.json"), "sealed_plaintext"));
  ASSERT_TRUE(vault.has_value());
  EXPECT_FALSE(vault->share.has_value());
  sealed.share.reset();
  EXPECT_EQ(hex_of(read_vectors("storage/space.json"), "sealed_plaintext"), encode_commit_sealed(sealed));
}

TEST_F(ShareNotesTest, MalformedNotesAreRefused) {
  const auto log = read_vectors("storage/share.json").at("log");
  const EpochKeys keys{Epoch{1}, crypto::SecretBytes::copy_of(*from_hex(log.at("epochs").at(0).get<std::string>()))};
  ASSERT_TRUE(open_commit(*decode_commit(hex_of(vectors, "commit")), keys).has_value());
  for (const auto& vector : vectors.at("malformed")) {
    const auto commit = decode_commit(hex_of(vector, "commit"));
    ASSERT_TRUE(commit.has_value()) << vector.at("name");
    const auto opened = open_commit(*commit, keys);
    ASSERT_FALSE(opened.has_value()) << vector.at("name");
    EXPECT_EQ(ErrorCode::corrupt, opened.error().code) << vector.at("name");
  }
}

// A merge with thousands of copies must still get its commit.
TEST_F(ShareNotesTest, NotesAreCutToTheirBoundsAndStillOpen) {
  sealed.share->author.person.assign(1'000, 'x');
  sealed.share->author.utc_offset_s = 1'000'000;
  sealed.share->conflicts.assign(5'000, {std::string(10'000, 'p'), "copy"});
  sealed.share->conflicts_total = 5'000;
  const CommitSealed cut = reread();
  EXPECT_EQ(kMaxNameBytes, cut.share->author.person.size());
  EXPECT_EQ(kMaxUtcOffsetS, cut.share->author.utc_offset_s);
  EXPECT_EQ(kMaxTextBytes, cut.share->conflicts.at(0).path.size());
  EXPECT_EQ(11U, cut.share->conflicts.size());  // 4,105 bytes each
  EXPECT_EQ(5'000U, cut.share->conflicts_total);
}

TEST_F(ShareNotesTest, SmallConflictsAreKeptUpTo1000) {
  sealed.share->conflicts.assign(2'000, {"a", "b"});
  sealed.share->conflicts_total = 2'000;
  EXPECT_EQ(kMaxConflicts, reread().share->conflicts.size());
}

// make_commit asserts kMaxCommitBytes: everything at its bound at once must stay below.
TEST_F(ShareNotesTest, FullestCommitIsNotTooLong) {
  const auto space = read_vectors("storage/space.json");
  const auto station = *crypto::DeviceKeys::decode(hex_of(space.at("keys"), "station"));
  const EpochKeys keys{Epoch{1}, crypto::SecretBytes(32)};
  CommitClear clear = decode_commit(hex_of(space.at("commit"), "commit"))->clear;
  clear.parents.resize(kMaxParents);
  for (std::size_t i = 0; i < kMaxParents; ++i) clear.parents[i].data.fill(static_cast<std::uint8_t>(i));
  sealed.sources.assign(kMaxSources, std::string(kMaxSourcesBytes / kMaxSources, 's'));
  sealed.tags.assign(kMaxTags, std::string(kMaxNameBytes, 't'));
  sealed.problems.assign(kMaxProblems, {std::string(100, 'p'), std::string(100, 'r'), {}});
  sealed.share->conflicts.assign(kMaxConflicts, {std::string(22, 'c'), std::string(22, 'd')});
  sealed.problems_total = sealed.share->conflicts_total = UINT64_MAX;
  EXPECT_TRUE(open_commit(*decode_commit(make_commit(clear, sealed, keys, station.sign)), keys).has_value());
}

}  // namespace
}  // namespace beffroi::storage
