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

  Segment add(OpenBundle& bundle, const Bytes& content) const {
    return bundle.add(objects->keys().digests().chunk(content), content);
  }
};

TEST_F(BundleTest, FilesComeBack) {
  OpenBundle bundle;
  EXPECT_TRUE(bundle.is_empty());
  crypto::SeededRandom random(1);
  std::vector<Bytes> files;
  std::vector<Segment> segments;
  for (std::uint64_t i = 0; i < 300; ++i) {
    files.push_back(seeded_bytes(i, 1 + random.below(i % 50 == 0 ? kSmallFileBytes : 3000)));
    segments.push_back(add(bundle, files.back()));
  }
  const auto object = bundle.seal(objects->keys(), *objects);
  ASSERT_TRUE(object.has_value());
  SegmentReader reader(opener);
  objects->reset_counts();
  for (std::size_t i = 0; i < files.size(); ++i) {
    EXPECT_TRUE(segments[i].in_bundle);
    segments[i].object = *object;
    const auto content = reader.read(segments[i]);
    ASSERT_TRUE(content.has_value()) << content.error().message();
    EXPECT_EQ(*content, files[i]);
  }
  EXPECT_EQ(objects->gets(), 1U) << "the bundle is opened once";
}

TEST_F(BundleTest, ItIsFullAtTheTarget) {
  OpenBundle bundle;
  for (std::uint64_t i = 0; i < 105; ++i) {
    EXPECT_FALSE(bundle.is_full()) << i;
    add(bundle, seeded_bytes(i, 10'000));
  }
  EXPECT_TRUE(bundle.is_full()) << "105 files of 10,000 bytes pass 1 MiB";
}

TEST_F(BundleTest, EqualFilesAreStoredOnce) {
  OpenBundle bundle;
  const Bytes file = seeded_bytes(1, 5000);
  const Bytes other = seeded_bytes(2, 100);
  Segment first, last, between;
  for (std::uint64_t i = 0; i < 1000; ++i) {
    Segment segment = add(bundle, i == 500 ? other : file);
    (i == 0 ? first : i == 500 ? between : last) = segment;
  }
  EXPECT_EQ(last, first);
  EXPECT_EQ(bundle.find(first.digest), first);
  EXPECT_EQ(bundle.find(objects->keys().digests().chunk(seeded_bytes(3, 9))), std::nullopt);
  between.object = bundle.seal(objects->keys(), *objects).value();
  EXPECT_LT(objects->bytes_put(), 6500U);
  EXPECT_EQ(*read_segment(between, opener), other);
}

TEST_F(BundleTest, TheSameFilesAgainMakeTheSameBundle) {
  std::vector<ObjectRef> made;
  for (int round = 0; round < 2; ++round) {
    OpenBundle bundle;
    for (std::uint64_t i = 0; i < 10; ++i) add(bundle, seeded_bytes(i, 99));
    made.push_back(bundle.seal(objects->keys(), *objects).value());
  }
  EXPECT_EQ(objects->puts(), 1U);
  EXPECT_EQ(made[0], made[1]);
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
  OpenBundle bundle;
  Segment segment = add(bundle, seeded_bytes(1, 10'000));
  const auto failed = bundle.seal(objects->keys(), sink);
  ASSERT_FALSE(failed);
  EXPECT_EQ(failed.error().code, ErrorCode::disk_full);
  sink.failing = false;
  segment.object = bundle.seal(objects->keys(), sink).value();
  EXPECT_EQ(*read_segment(segment, opener), seeded_bytes(1, 10'000));
}

}  // namespace
}  // namespace beffroi::storage
