// Goal: every small file comes back from its bundle, equal ones are stored once, and a failed store loses none.
#include "storage/tree/bundle.h"

#include <gtest/gtest.h>

#include "storage/tree/content.h"
#include "tests/support/memory_objects.h"

namespace beffroi::storage {
namespace {

using testing::MemoryObjects;
using testing::seeded_bytes;

struct BundleTest : ::testing::Test {
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(testing::test_key_ring(5));
  ObjectOpener opener = MemoryObjects::opener(objects);
  std::vector<std::pair<std::uint64_t, Segment>> sealed;

  BundlePacker packer(ObjectSink& sink) {
    return {objects->keys(), sink,
            [this](std::uint64_t token, const Segment& segment) { sealed.emplace_back(token, segment); }};
  }
  Digest digest_of(ByteView content) const { return objects->keys().digests().chunk(content); }
};

TEST_F(BundleTest, FilesComeBackInOrder) {
  BundlePacker packing = packer(*objects);
  crypto::SeededRandom random(1);
  std::vector<Bytes> files;
  for (std::uint64_t i = 0; i < 300; ++i) {
    files.push_back(seeded_bytes(i, 1 + random.below(i % 50 == 0 ? kSmallFileBytes : 3000)));
    ASSERT_TRUE(packing.add(i * 7, digest_of(files.back()), files.back()));
  }
  ASSERT_TRUE(packing.flush());
  ASSERT_EQ(sealed.size(), files.size());
  SegmentReader reader(opener);
  objects->reset_counts();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_EQ(sealed[i].first, i * 7);
    EXPECT_TRUE(sealed[i].second.in_bundle);
    const auto content = reader.read(sealed[i].second);
    ASSERT_TRUE(content.has_value()) << content.error().message();
    EXPECT_EQ(*content, files[i]);
  }
  EXPECT_EQ(objects->gets(), objects->size()) << "each bundle is opened once";
}

TEST_F(BundleTest, BundlesEndAtTheTarget) {
  BundlePacker packing = packer(*objects);
  for (std::uint64_t i = 0; i < 100; ++i) {
    const Bytes file = seeded_bytes(i, 10'000);
    ASSERT_TRUE(packing.add(i, digest_of(file), file));
    EXPECT_EQ(sealed.size(), (i + 1) / 27 * 27) << "27 files pass 256 KiB";
  }
  ASSERT_TRUE(packing.flush());
  EXPECT_EQ(sealed.size(), 100U);
  EXPECT_EQ(objects->size(), 4U);
  ASSERT_TRUE(packing.flush());
  EXPECT_EQ(objects->puts(), 4U) << "nothing is open: nothing is sealed";
}

TEST_F(BundleTest, EqualFilesOfABundleAreStoredOnce) {
  BundlePacker packing = packer(*objects);
  const Bytes file = seeded_bytes(1, 5000);
  const Bytes other = seeded_bytes(2, 100);
  for (std::uint64_t i = 0; i < 1000; ++i) {
    const Bytes& content = i == 500 ? other : file;
    ASSERT_TRUE(packing.add(i, digest_of(content), content));
  }
  ASSERT_TRUE(packing.flush());
  EXPECT_EQ(objects->size(), 1U);
  EXPECT_EQ(objects->bytes_put(), objects->objects().begin()->second.size());
  EXPECT_LT(objects->bytes_put(), 6500U);
  EXPECT_EQ(sealed[999].second, sealed[0].second);
  EXPECT_EQ(*read_segment(sealed[500].second, opener), other);
}

TEST_F(BundleTest, TheSameFilesAgainMakeTheSameBundle) {
  for (int round = 0; round < 2; ++round) {
    BundlePacker packing = packer(*objects);
    for (std::uint64_t i = 0; i < 10; ++i)
      ASSERT_TRUE(packing.add(i, digest_of(seeded_bytes(i, 99)), seeded_bytes(i, 99)));
    ASSERT_TRUE(packing.flush());
  }
  EXPECT_EQ(objects->puts(), 1U);
  EXPECT_EQ(sealed[3].second, sealed[13].second);
}

/// Fails while told to.
struct FailingSink : ObjectSink {
  ObjectSink& behind;
  bool failing = true;
  explicit FailingSink(ObjectSink& sink) : behind(sink) {}
  std::optional<ObjectRef> find(ObjectKind kind, const Digest& digest) override { return behind.find(kind, digest); }
  Result<ObjectRef> put(ObjectKind kind, const Digest& digest, const ChildTable& children,
                        ByteView plaintext) override {
    if (failing) return fail(ErrorCode::disk_full, "The disk is full.");
    return behind.put(kind, digest, children, plaintext);
  }
};

TEST_F(BundleTest, AFailedStoreKeepsTheFilesForTheNextTry) {
  FailingSink sink(*objects);
  BundlePacker packing = packer(sink);
  bool failed = false;
  for (std::uint64_t i = 0; i < 40; ++i) {
    const Bytes file = seeded_bytes(i, 10'000);
    const auto added = packing.add(i, digest_of(file), file);
    if (!added) EXPECT_EQ(added.error().code, ErrorCode::disk_full);
    failed |= !added;
    if (failed) sink.failing = false;
  }
  ASSERT_TRUE(failed);
  ASSERT_TRUE(packing.flush());
  ASSERT_EQ(sealed.size(), 40U);
  for (std::uint64_t i = 0; i < 40; ++i) {
    EXPECT_EQ(sealed[i].first, i);
    EXPECT_EQ(*read_segment(sealed[i].second, opener), seeded_bytes(i, 10'000));
  }
}

}  // namespace
}  // namespace beffroi::storage
