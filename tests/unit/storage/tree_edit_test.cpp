// Goal: an edited tree is the tree that all its entries make, whatever was edited, and costs what was edited.
#include "storage/tree/tree_edit.h"

#include <gtest/gtest.h>

#include "storage/tree/tree_format.h"
#include "tests/support/test_entries.h"

namespace beffroi::storage {
namespace {

using testing::all_entries;
using testing::build_tree;
using testing::ContentPool;
using testing::EntryMap;
using testing::MemoryObjects;
using std::string_literals::operator""s;

struct TreeEditTest : ::testing::Test {
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(testing::test_key_ring(23));
  ObjectOpener opener = MemoryObjects::opener(objects);
  const DigestKeys& keys = objects->keys().digests();
  ContentPool pool{*objects, true};

  Entry plain_entry(std::string path, std::int64_t mtime = 1) const {
    return testing::plain_entry(std::move(path), keys, mtime);
  }
  /// So heavy that few of them make a leaf, and few leaves a node.
  Entry heavy_entry(std::string path, crypto::Random& random) const {
    Entry out = plain_entry(std::move(path), static_cast<std::int64_t>(random.below(1'000'000)));
    if (random.below(3) != 0) out.xattrs = {{"user.weight", Bytes(1 + random.below(24'000))}};
    if (random.below(40) == 0) out.xattrs = {{"user.heavy", Bytes(kMaxXattrValueBytes)}};
    return out;
  }
  std::string long_path(crypto::Random& random) const {
    return std::to_string(random.below(10)) + std::string(random.below(4) == 0 ? 6'000 : 3'000, 'x') + '\0' +
           std::to_string(random.below(400));
  }
  TreeRoot edit(const TreeRoot& before, const std::vector<TreeChange>& changes) const {
    const auto out = edit_tree(opener, before.object.id, changes, *objects);
    EXPECT_TRUE(out.has_value()) << (out ? "" : out.error().message());
    return out.value_or(TreeRoot{});
  }
  /// Applies the changes to map and tree and compares.
  TreeRoot edit_both(const TreeRoot& before, EntryMap& entries, const std::map<std::string, TreeChange>& changes) {
    std::vector<TreeChange> list;
    for (const auto& [path, change] : changes) {
      list.push_back(change);
      entries.erase(path);
      if (change.entry) entries.emplace(path, *change.entry);
    }
    const TreeRoot edited = edit(before, list);
    EXPECT_EQ(edited, build_tree(entries, *objects)) << "of " << entries.size() << " entries";
    return edited;
  }
  static void put(std::map<std::string, TreeChange>& changes, Entry entry) {
    const std::string path = entry.path;
    changes.insert_or_assign(path, TreeChange{path, std::move(entry)});
  }
  static void remove(std::map<std::string, TreeChange>& changes, const std::string& path) {
    changes.insert_or_assign(path, TreeChange{path, std::nullopt});
  }
};

TEST_F(TreeEditTest, NoChangesGiveTheSameRoot) {
  crypto::SeededRandom random(1);
  const TreeRoot root = build_tree(testing::random_entries(300, pool, keys, random), *objects);
  EXPECT_EQ(edit(root, {}), root);
  const TreeRoot empty = build_tree({}, *objects);
  EXPECT_EQ(edit(empty, {}), empty);
  EXPECT_EQ(edit(empty, {{"nothing", std::nullopt}}), empty);
}

TEST_F(TreeEditTest, FromNothingToMuchAndBack) {
  crypto::SeededRandom random(2);
  const EntryMap entries = testing::random_entries(4'000, pool, keys, random);
  const TreeRoot empty = build_tree({}, *objects);
  const TreeRoot full = build_tree(entries, *objects);
  std::vector<TreeChange> additions, removals;
  for (const auto& [path, entry] : entries) {
    additions.push_back({path, entry});
    removals.push_back({path, std::nullopt});
  }
  EXPECT_EQ(edit(empty, additions), full);
  EXPECT_EQ(edit(full, removals), empty);
}

// Thousands of edits on trees of four levels: single ones, runs, ranges that vanish, both ends.
TEST_F(TreeEditTest, RandomEditsGiveTheTreeOfAllEntries) {
  for (const std::uint64_t seed : {1U, 2U, 3U, 4U}) {
    SCOPED_TRACE(seed);
    crypto::SeededRandom random(seed);
    EntryMap entries;
    for (std::size_t i = 0; i < 300 * seed; ++i) {
      const std::string path = long_path(random);
      entries.insert_or_assign(path, heavy_entry(path, random));
    }
    TreeRoot root = build_tree(entries, *objects);
    for (int round = 0; round < 40 && !HasFailure(); ++round) {
      std::map<std::string, TreeChange> changes;
      for (std::uint64_t count = 1 + random.below(round % 8 == 0 ? 200 : 6); count > 0; --count) {
        const std::string path = long_path(random);
        const auto near = entries.lower_bound(path);
        if (random.below(3) == 0)
          put(changes, heavy_entry(path, random));
        else if (near != entries.end() && random.below(2) == 0)
          remove(changes, near->first);
        else if (near != entries.end())
          put(changes, heavy_entry(near->first, random));
      }
      if (random.below(4) == 0) {
        auto at = entries.lower_bound(long_path(random));
        for (std::uint64_t count = random.below(150); count > 0 && at != entries.end(); --count, ++at)
          remove(changes, at->first);
      }
      if (random.below(4) == 0 && !entries.empty()) remove(changes, entries.begin()->first);
      if (random.below(4) == 0 && !entries.empty()) remove(changes, entries.rbegin()->first);
      if (random.below(6) == 0) put(changes, heavy_entry("0", random));
      if (random.below(6) == 0) put(changes, heavy_entry("\xff"s + std::to_string(round), random));
      root = edit_both(root, entries, changes);
    }
  }
}

// Goal: ends that come from a lack of room move when what follows changes.
TEST_F(TreeEditTest, FullLeavesMoveTheirEnds) {
  crypto::SeededRandom random(5);
  std::vector<Segment> segments(400, pool.segment(1));
  EntryMap entries;
  for (int i = 0; i < 200; ++i) {
    Entry entry = plain_entry("file " + std::to_string(1000 + i));
    entry.segments = segments;
    entry.size = segments.size() * segments[0].length;
    entry.content_digest = content_digest_of(keys, segments);
    entries.emplace(entry.path, entry);
  }
  TreeRoot root = build_tree(entries, *objects);
  ASSERT_GT(decode_node(*opener.open(root.object.id))->size(), 30U);
  for (int round = 0; round < 300 && !HasFailure(); ++round) {
    std::map<std::string, TreeChange> changes;
    Entry entry = std::next(entries.begin(), static_cast<std::ptrdiff_t>(random.below(entries.size())))->second;
    if (random.below(3) == 0) {
      remove(changes, entry.path);
    } else {
      if (random.below(2) == 0) entry.path += "+";
      const std::vector<Segment> fewer(random.below(400) + 1, pool.segment(2));
      entry.segments = fewer;
      entry.size = fewer.size() * fewer[0].length;
      entry.content_digest = content_digest_of(keys, fewer);
      put(changes, entry);
    }
    root = edit_both(root, entries, changes);
  }
}

// Goal: one change of a big folder costs one way from the root to a leaf.
TEST_F(TreeEditTest, OneChangeAmongManyCostsAHandful) {
  EntryMap entries;
  for (std::size_t i = 0; i < 100'000; ++i) {
    std::string path = "folder "s + std::to_string(i % 40) + "\0document "s + std::to_string(i) + ".odt";
    entries.emplace(path, plain_entry(path, static_cast<std::int64_t>(i)));
  }
  const TreeRoot root = build_tree(entries, *objects);
  crypto::SeededRandom random(6);
  for (int round = 0; round < 50; ++round) {
    Entry entry = std::next(entries.begin(), static_cast<std::ptrdiff_t>(random.below(entries.size())))->second;
    entry.mtime_s = -round;
    objects->reset_counts();
    const TreeRoot edited = edit(root, {{entry.path, entry}});
    // Root, a node at most, the leaf; its neighbour when the change is at its edge.
    EXPECT_LE(objects->gets(), 6U);
    EXPECT_LE(objects->puts(), 4U);
    EXPECT_GE(objects->puts(), 2U);
    EXPECT_NE(edited.digest, root.digest);
    EXPECT_EQ(*TreeReader(opener, edited.object.id).find(entry.path), entry);
  }
}

TEST_F(TreeEditTest, ReplacedIsWhatStandsThereAfterwards) {
  const TreeRoot root = build_tree({{"a", plain_entry("a")}, {"b", plain_entry("b")}}, *objects);
  const TreeRoot edited =
      edit(root, {{"a", std::nullopt}, {"a2", plain_entry("a2")}, {"b", plain_entry("b", 7)}, {"c", std::nullopt}});
  EXPECT_EQ(all_entries(opener, edited.object.id), (std::vector<Entry>{plain_entry("a2"), plain_entry("b", 7)}));
}

TEST_F(TreeEditTest, WhatNoReaderTakesIsRefused) {
  const TreeRoot root = build_tree({{"a", plain_entry("a")}}, *objects);
  const std::size_t stored = objects->size();
  const std::vector<TreeChange> bad = {{"..", plain_entry("..")}};
  EXPECT_EQ(edit_tree(opener, root.object.id, bad, *objects).error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(objects->size(), stored);
}

TEST_F(TreeEditTest, LyingTreesAreCorrupt) {
  EntryMap entries;
  for (int i = 0; i < 30'000; ++i) {
    const std::string path = "file " + std::to_string(i);
    entries.emplace(path, plain_entry(path));
  }
  const TreeRoot root = build_tree(entries, *objects);
  auto children = *decode_node(*opener.open(root.object.id));
  ASSERT_GE(children.size(), 2U);
  for (TreeChild& child : children) child.entries += 1;
  ChildTable table;
  for (const TreeChild& child : children) table.add(child.ref);
  table.freeze();
  const auto forged =
      objects->put(ObjectKind::node, node_digest(keys, 1, children), table, encode_node(1, children, table));
  ASSERT_TRUE(forged.has_value());
  const std::vector<TreeChange> change = {{"file 1", std::nullopt}};
  EXPECT_EQ(edit_tree(opener, forged->id, change, *objects).error().code, ErrorCode::corrupt);
}

}  // namespace
}  // namespace beffroi::storage
