// Goal: the file cache gives back what it was told of a path, negative times included, and forgets on demand.
#include "storage/store/file_cache.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/support/memory_database.h"

namespace beffroi::storage {
namespace {

CachedFile file(std::uint64_t size) {
  CachedFile out{.fingerprint = {.size = size,
                                 .mtime_s = -62'135'596'800,
                                 .mtime_ns = 999'999'999,
                                 .ctime_s = INT64_MAX,
                                 .ctime_ns = 1,
                                 .inode = UINT64_MAX,
                                 .device = 0x0102'0304'0506'0708},
                 .content_digest = {},
                 .attributes = {}};
  out.content_digest.data.fill(static_cast<std::uint8_t>(size));
  return out;
}

class FileCacheTest : public ::testing::Test {
 protected:
  void put(std::string_view path, const CachedFile& cached) {
    WriteBatch batch;
    cache.put(batch, path, cached);
    ASSERT_TRUE(database->write(batch, Durability::buffered));
  }
  std::optional<std::uint64_t> size_of(std::string_view path) {
    const auto found = cache.find(path).value();
    return found ? std::optional(found->fingerprint.size) : std::nullopt;
  }

  testing::MemoryDatabase database;
  FileCache cache{*database};
};

TEST_F(FileCacheTest, KeepsEveryField) {
  put("srv", file(17));
  const auto found = cache.find("srv").value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->fingerprint, file(17).fingerprint);
  EXPECT_EQ(found->content_digest, file(17).content_digest);
  EXPECT_EQ(found->attributes, std::nullopt);
}

// Goal: a row tells unknown attributes from none, and these from others: by name, value and where one ends.
TEST_F(FileCacheTest, AttributesAreKnownOrNot) {
  const auto note = [](std::string name, std::string_view value) {
    return ExtendedAttribute{std::move(name), to_bytes(as_bytes(value))};
  };
  const std::vector<std::vector<ExtendedAttribute>> different = {{},
                                                                 {note("user.a", "")},
                                                                 {note("user.a", "b")},
                                                                 {note("user.ab", "")},
                                                                 {note("user.a", "b"), note("user.c", "")}};
  std::set<Digest> hashes;
  for (const auto& attributes : different) {
    CachedFile row = file(3);
    row.attributes = attributes_hash(attributes);
    put("a", row);
    EXPECT_EQ(cache.find("a").value()->attributes, row.attributes);
    hashes.insert(*row.attributes);
  }
  EXPECT_EQ(hashes.size(), different.size());
  EXPECT_TRUE(attributes_hash({}).is_zero());
}

TEST_F(FileCacheTest, PathsAreBytes) {
  using namespace std::string_view_literals;
  const std::string longest(64 * 1024, '\xFF');
  put("", file(1));
  put("a\0b"sv, file(2));
  put("a", file(3));
  put("a/b", file(4));
  put(longest, file(5));
  EXPECT_EQ(size_of(""), 1U);
  EXPECT_EQ(size_of("a\0b"sv), 2U);
  EXPECT_EQ(size_of("a"), 3U);
  EXPECT_EQ(size_of("a/b"), 4U);
  EXPECT_EQ(size_of(longest), 5U);
  EXPECT_EQ(size_of("a\0"sv), std::nullopt);
}

TEST_F(FileCacheTest, ForgetsOneOrAll) {
  put("a", file(1));
  put("b", file(2));
  put("\xFF\xFF", file(3));
  WriteBatch batch;
  cache.remove(batch, "a");
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  EXPECT_EQ(size_of("a"), std::nullopt);
  EXPECT_EQ(size_of("b"), 2U);
  ASSERT_TRUE(cache.clear());
  EXPECT_EQ(size_of("b"), std::nullopt);
  EXPECT_EQ(size_of("\xFF\xFF"), std::nullopt);
}

// Goal: a cursor finds what find() does, whatever lies between the paths that are asked for: more than it reads ahead,
// nothing, a gap, the end.
TEST_F(FileCacheTest, ACursorFindsWhatAWalkAsksFor) {
  WriteBatch batch;
  for (std::uint64_t i = 0; i < 3000; i += 2) cache.put(batch, "f" + std::to_string(10'000 + i), file(i));
  cache.put(batch, "", file(7));
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  for (const std::uint64_t step : {1U, 2U, 7U, 700U, 2999U}) {
    FileCacheCursor cursor(cache);
    EXPECT_EQ(cursor.find("").value()->fingerprint, file(7).fingerprint);
    for (std::uint64_t i = 0; i < 3100; i += step) {
      const std::string path = "f" + std::to_string(10'000 + i);
      const auto found = cursor.find(path).value();
      EXPECT_EQ(found.has_value(), size_of(path).has_value()) << path;
      if (found) EXPECT_EQ(found->fingerprint.size, *size_of(path));
    }
    EXPECT_FALSE(cursor.find("g").value());
  }
  FileCacheCursor late(cache);
  EXPECT_EQ(late.find("f12998").value()->fingerprint.size, 2998U);
  EXPECT_FALSE(late.find("f13000").value());
}

}  // namespace
}  // namespace beffroi::storage
