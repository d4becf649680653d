// Goal: a tree gives back just what was put in, whatever the names; equal entries make equal trees whatever the
// history; a change rewrites a handful of objects; damaged or forged objects are never taken for entries.
#include "storage/tree/tree.h"

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
using testing::plain_entry;
using std::string_literals::operator""s;

/// 40 folders of numbered files: a mairie's disk.
EntryMap many_entries(std::size_t count, const DigestKeys& keys) {
  EntryMap out;
  for (std::size_t i = 0; i < count; ++i) {
    std::string path = "home\0folder "s + std::to_string(i % 40) + "\0document "s + std::to_string(i) + ".odt";
    out.emplace(path, plain_entry(path, keys, static_cast<std::int64_t>(i)));
  }
  return out;
}

struct TreeTest : ::testing::Test {
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(testing::test_key_ring(11));
  ObjectOpener opener = MemoryObjects::opener(objects);
  const DigestKeys& keys = objects->keys().digests();
  ContentPool pool{*objects, true};

  EntryMap random_map(std::uint64_t seed, std::size_t count) {
    crypto::SeededRandom random(seed);
    return testing::random_entries(count, pool, keys, random);
  }
  static std::vector<Entry> values(const EntryMap& entries) {
    std::vector<Entry> out;
    for (const auto& [path, entry] : entries) out.push_back(entry);
    return out;
  }
  std::vector<TreeChild> children_of(const ObjectId& node) const { return *decode_node(*opener.open(node)); }
  /// Nodes and leaves from the root down, each with what its parent says of it (the root: its id only).
  std::vector<TreeChild> pages(const ObjectId& root) const {
    std::vector<TreeChild> out(1);
    out[0].ref.id = root;
    for (std::size_t i = 0; i < out.size(); ++i) {
      if (opener.open(out[i].ref.id)->header.kind != ObjectKind::node) continue;
      for (const TreeChild& child : children_of(out[i].ref.id)) out.push_back(child);
    }
    return out;
  }
  ErrorCode read_error(const ObjectId& root) const {
    const auto done = TreeReader(opener, root).for_each("", [](const Entry&) { return Result<void>{}; });
    return done ? ErrorCode::usage : done.error().code;
  }
};

TEST_F(TreeTest, GivesBackWhatWasPutIn) {
  for (const std::size_t count : {0U, 1U, 2U, 100U, 1000U, 20'000U}) {
    const EntryMap entries = random_map(count, count);
    const TreeRoot root = build_tree(entries, *objects);
    EXPECT_EQ(all_entries(opener, root.object.id), values(entries)) << count;
    EXPECT_EQ(root.entries, count);
    std::uint64_t bytes = 0;
    for (const auto& [path, entry] : entries) bytes += entry.size;
    EXPECT_EQ(root.bytes, bytes);
    EXPECT_EQ(opener.open(root.object.id)->header.height, root.object.height);
  }
}

// Goal: a tree made of whole leaves of another one, where they fit, is the tree that its entries alone would make; and
// most leaves do fit.
TEST_F(TreeTest, WholeLeavesAreTakenOver) {
  std::size_t taken = 0, offered = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    crypto::SeededRandom random(seed);
    const EntryMap before = random_map(seed, 1500);
    EntryMap after = before;
    for (std::uint64_t edits = random.below(12); edits > 0; --edits) {
      const auto at = std::next(after.begin(), static_cast<std::ptrdiff_t>(random.below(after.size())));
      switch (random.below(3)) {
        case 0:
          ++at->second.mtime_s;
          break;
        case 1:
          after.erase(at);
          break;
        default:
          after.insert_or_assign(at->first + "\1"s, plain_entry(at->first + "\1"s, keys));
      }
    }
    const TreeRoot old = build_tree(before, *objects);
    TreeCursor cursor(opener, old.object.id);
    TreeBuilder builder(objects->keys(), *objects);
    auto next = after.begin();
    const auto add_until = [&](EntryMap::iterator end) {
      for (; next != end; ++next) ASSERT_TRUE(builder.add(next->second).has_value());
    };
    for (;;) {
      const auto leaf = cursor.next_leaf();
      ASSERT_TRUE(leaf.has_value());
      if (!*leaf) break;
      add_until(after.lower_bound((*leaf)->entries.front().path));
      auto end = next;
      std::size_t same = 0;
      for (const Entry& entry : (*leaf)->entries) {
        if (end == after.end() || end->second != entry) break;
        ++end, ++same;
      }
      if (same < (*leaf)->entries.size()) continue;
      ++offered;
      const auto outcome = builder.add_leaf(**leaf);
      ASSERT_TRUE(outcome.has_value());
      if (!*outcome) continue;
      ++taken;
      next = end;
    }
    add_until(after.end());
    EXPECT_EQ(builder.finish()->digest, build_tree(after, *objects).digest) << seed;
  }
  EXPECT_GT(taken * 10, offered * 7);
  EXPECT_LT(taken, offered);  // the last leaf ends because the tree does
}

// Goal: leaves and what is left of one come in order, and together are the tree.
TEST_F(TreeTest, LeavesComeInOrder) {
  const EntryMap entries = random_map(5, 2000);
  const TreeRoot root = build_tree(entries, *objects);
  TreeCursor cursor(opener, root.object.id);
  const auto middle = std::next(entries.begin(), 700);
  ASSERT_TRUE(cursor.seek_at_least(middle->first).has_value());
  const auto rest = cursor.next_entries();
  ASSERT_TRUE(rest.has_value() && *rest);
  std::vector<Entry> read = **rest;
  std::size_t leaves = 0;
  for (;;) {
    const auto leaf = cursor.next_leaf();
    ASSERT_TRUE(leaf.has_value());
    if (!*leaf) break;
    ++leaves;
    EXPECT_EQ((*leaf)->self.entries, (*leaf)->entries.size());
    EXPECT_EQ((*leaf)->self.first_path, (*leaf)->entries.front().path);
    read.insert(read.end(), (*leaf)->entries.begin(), (*leaf)->entries.end());
  }
  EXPECT_GT(leaves, 2U);
  std::vector<Entry> expected;
  for (auto at = middle; at != entries.end(); ++at) expected.push_back(at->second);
  EXPECT_EQ(read, expected);
  EXPECT_EQ(*cursor.next_entries(), std::nullopt);
}

TEST_F(TreeTest, AnEmptyTreeIsOneEmptyLeaf) {
  const TreeRoot root = build_tree({}, *objects);
  const auto opened = opener.open(root.object.id, ObjectKind::leaf);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(opened->plaintext, Bytes{0x80});
  EXPECT_EQ(*TreeReader(opener, root.object.id).find(""), std::nullopt);
}

TEST_F(TreeTest, FindAndListAgreeWithBruteForce) {
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    const EntryMap entries = random_map(seed, 1500);
    const TreeReader reader(opener, build_tree(entries, *objects).object.id);
    crypto::SeededRandom random(seed);
    std::size_t at = 0;
    for (const auto& [path, entry] : entries) {
      if (++at % 29 != 0) continue;
      EXPECT_EQ(*reader.find(path), entry);
      const std::string missing = path + '\0' + "no such name";
      EXPECT_EQ(*reader.find(missing), std::nullopt);
      const std::string top = at % 5 == 0 ? ""s : path.substr(0, path.find('\0'));
      for (const std::string& folder : {path, top}) {
        std::vector<Entry> listed, below, expected_list, expected_below;
        ASSERT_TRUE(reader.list(folder, [&](const Entry& each) { return listed.push_back(each), Result<void>{}; }));
        ASSERT_TRUE(reader.for_each(folder, [&](const Entry& each) { return below.push_back(each), Result<void>{}; }));
        const std::string prefix = folder.empty() ? "" : folder + '\0';
        for (const auto& [other, each] : entries) {
          const bool inside = other.starts_with(prefix) && other != folder;
          if (inside || other == folder) expected_below.push_back(each);
          if (inside && other.find('\0', prefix.size()) == std::string::npos) expected_list.push_back(each);
        }
        ASSERT_EQ(listed, expected_list) << to_display_path(folder);
        ASSERT_EQ(below, expected_below) << to_display_path(folder);
      }
    }
  }
}

TEST_F(TreeTest, FindReadsOnePathAndListSkipsBigFolders) {
  const EntryMap entries = many_entries(100'000, keys);
  const TreeReader reader(opener, build_tree(entries, *objects).object.id);
  const std::size_t levels = 1U + objects->get(build_tree(entries, *objects).object.id)->at(2);
  objects->reset_counts();
  ASSERT_TRUE(reader.find("home\0folder 7\0document 47.odt"s)->has_value());
  EXPECT_LE(objects->gets(), levels);
  objects->reset_counts();
  std::size_t folders = 0;
  ASSERT_TRUE(reader.list("home", [&](const Entry&) { return ++folders, Result<void>{}; }));
  EXPECT_EQ(folders, 0U) << "these folders have no entries of their own";
  EXPECT_LE(objects->gets(), 41 * levels);
}

TEST_F(TreeTest, CursorSeeksForwardOnly) {
  const EntryMap entries = random_map(21, 5000);
  const ObjectId root = build_tree(entries, *objects).object.id;
  std::vector<std::string> paths;
  for (const auto& [path, entry] : entries) paths.push_back(path);
  for (std::uint64_t seed = 1; seed <= 40; ++seed) {
    crypto::SeededRandom random(seed);
    TreeCursor cursor(opener, root);
    auto expected = entries.begin();
    for (int step = 0; step < 60; ++step) {
      std::string target = paths[random.below(paths.size())];
      if (random.below(3) == 0) target = target.substr(0, target.find('\0'));
      if (random.below(5) == 0) target += '\0' + "zzz"s;
      const std::uint64_t dice = random.below(10);
      if (dice == 0) {
        ASSERT_TRUE(cursor.seek(target));
        while (expected != entries.end() && (expected->first < target || is_at_or_below(expected->first, target)))
          ++expected;
      } else if (dice == 1) {
        ASSERT_TRUE(cursor.seek_at_least(target));
        while (expected != entries.end() && expected->first < target) ++expected;
      } else if (dice == 2 && expected != entries.end()) {
        ASSERT_TRUE(cursor.seek_at_least(expected->first)) << "stays";
      }
      const auto next = cursor.next();
      ASSERT_TRUE(next.has_value());
      ASSERT_EQ(next->has_value(), expected != entries.end()) << "seed " << seed;
      if (!next->has_value()) break;
      ASSERT_EQ(**next, expected->second) << "seed " << seed;
      ++expected;
    }
  }
  TreeCursor to_end(opener, root);
  ASSERT_TRUE(to_end.seek(""));
  EXPECT_EQ(*to_end.next(), std::nullopt);
  EXPECT_EQ(*to_end.next(), std::nullopt);
}

TEST_F(TreeTest, EqualEntriesMakeEqualTreesWhateverTheirHistory) {
  const EntryMap entries = random_map(31, 8000);
  const TreeRoot first = build_tree(entries, *objects);
  const auto first_pages = pages(first.object.id);
  for (std::uint64_t seed = 1; seed <= 3; ++seed) {
    // Other objects, epoch and level; chunks instead of bundles; earlier trees that had other entries.
    auto ring = testing::test_key_ring(11, static_cast<std::uint32_t>(1 + seed));
    const auto other = std::make_shared<MemoryObjects>(ring, static_cast<int>(seed * 5));
    const ContentPool other_pool(*other, seed % 2 == 0);
    crypto::SeededRandom random(31);
    EntryMap same = testing::random_entries(8000, other_pool, keys, random);
    crypto::SeededRandom edits(seed);
    for (int round = 0; round < 3; ++round) {
      EntryMap earlier = same;
      std::erase_if(earlier, [&](const auto&) { return edits.below(10) == 0; });
      for (auto& [path, entry] : earlier)
        if (edits.below(10) == 0) entry.mtime_s += 1;
      build_tree(earlier, *other);
    }
    const TreeRoot root = build_tree(same, *other);
    EXPECT_EQ(root.digest, first.digest);
    EXPECT_NE(root.object.id, first.object.id) << "sealed in another epoch";
    EXPECT_EQ(root.entries, first.entries);
    std::vector<TreeChild> others(1);
    others[0].ref.id = root.object.id;
    const ObjectOpener other_opener = MemoryObjects::opener(other);
    for (std::size_t i = 0; i < others.size(); ++i) {
      const auto opened = other_opener.open(others[i].ref.id);
      if (opened->header.kind != ObjectKind::node) continue;
      const auto children = decode_node(*opened);
      others.insert(others.end(), children->begin(), children->end());
    }
    ASSERT_EQ(others.size(), first_pages.size());
    for (std::size_t i = 1; i < others.size(); ++i) {
      EXPECT_EQ(others[i].first_path, first_pages[i].first_path);
      EXPECT_EQ(others[i].digest, first_pages[i].digest);
    }
  }
}

TEST_F(TreeTest, OtherKeysMakeOtherBoundariesAndDigests) {
  const EntryMap entries = many_entries(5000, keys);
  const TreeRoot root = build_tree(entries, *objects);
  const auto other = std::make_shared<MemoryObjects>(testing::test_key_ring(12));
  const TreeRoot other_root = build_tree(entries, *other);
  EXPECT_NE(other_root.digest, root.digest);
  const auto other_children = decode_node(*MemoryObjects::opener(other).open(other_root.object.id));
  ASSERT_TRUE(other_children.has_value());
  std::vector<std::string> firsts, other_firsts;
  for (const TreeChild& child : children_of(root.object.id)) firsts.push_back(child.first_path);
  for (const TreeChild& child : *other_children) other_firsts.push_back(child.first_path);
  EXPECT_NE(firsts, other_firsts);
}

TEST_F(TreeTest, AnyDifferenceChangesTheDigest) {
  EntryMap entries = random_map(41, 500);
  const Digest before = build_tree(entries, *objects).digest;
  for (auto at : {entries.begin(), std::next(entries.begin(), 250), std::prev(entries.end())}) {
    const Entry old = at->second;
    at->second.mode ^= 1;
    EXPECT_NE(build_tree(entries, *objects).digest, before);
    at->second = old;
    EXPECT_EQ(build_tree(entries, *objects).digest, before);
  }
}

TEST_F(TreeTest, AChangeRewritesAHandfulOfObjects) {
  EntryMap entries = many_entries(100'000, keys);
  build_tree(entries, *objects);
  const std::size_t all = objects->size();
  EXPECT_GT(all, 50U);
  crypto::SeededRandom random(1);
  for (int round = 0; round < 6; ++round) {
    auto at = std::next(entries.begin(), static_cast<std::ptrdiff_t>(random.below(entries.size())));
    objects->reset_counts();
    switch (round % 3) {
      case 0:
        at->second.mtime_s += 1;
        break;
      case 1:
        entries.emplace(at->first + "~", plain_entry(at->first + "~", keys));
        break;
      default:
        entries.erase(at);
    }
    build_tree(entries, *objects);
    EXPECT_GE(objects->puts(), 2U);
    EXPECT_LE(objects->puts(), 6U);
  }
}

TEST_F(TreeTest, ObjectsStayNearTheTargetAndBelowTheirBounds) {
  const TreeRoot root = build_tree(many_entries(100'000, keys), *objects);
  std::size_t leaves = 0, leaf_bytes = 0;
  for (const TreeChild& page : pages(root.object.id)) {
    const auto opened = opener.open(page.ref.id);
    EXPECT_LE(opened->plaintext.size(), kMaxRawBytes);
    if (opened->header.kind != ObjectKind::leaf) continue;
    ++leaves;
    leaf_bytes += opened->plaintext.size();
  }
  EXPECT_GT(leaf_bytes / leaves, 40U * 1024);
  EXPECT_LT(leaf_bytes / leaves, 100U * 1024);
}

TEST_F(TreeTest, ReferencesAndBytesOfALeafAreBounded) {
  // Files of 500 segments each, all of different chunks, and then the longest entries.
  EntryMap entries;
  std::vector<Segment> segments;
  for (std::uint64_t i = 0; i < 3000; ++i) {
    const Bytes content = testing::seeded_bytes(i, 20);
    const auto ref = objects->put(ObjectKind::chunk, keys.chunk(content), {}, content);
    segments.push_back({.length = 20, .object = *ref, .digest = keys.chunk(content)});
  }
  crypto::SeededRandom random(5);
  for (int i = 0; i < 60; ++i) {
    Entry entry = plain_entry("big " + std::to_string(i), keys);
    for (int k = 0; k < 500; ++k) entry.segments.push_back(segments[random.below(segments.size())]);
    entry.size = 500 * 20;
    entry.content_digest = content_digest_of(keys, entry.segments);
    entries.emplace(entry.path, entry);
  }
  for (char first = 'k'; first < 'w'; ++first) {
    Entry entry = plain_entry(std::string(kMaxPathBytes, first), keys);
    entry.hard_link = entry.path;
    for (int i = 0; i < 8; ++i) entry.xattrs.push_back({"user." + std::to_string(i), Bytes(60'000, 1)});
    entries.emplace(entry.path, entry);
  }
  const TreeRoot root = build_tree(entries, *objects);
  EXPECT_EQ(all_entries(opener, root.object.id), values(entries));
  for (const TreeChild& page : pages(root.object.id)) {
    const auto opened = opener.open(page.ref.id);
    EXPECT_LE(opened->header.children.size(), kMaxTreeObjectReferences);
    if (opened->header.kind != ObjectKind::leaf) continue;
    std::size_t references = 0, logical = 0;
    const auto decoded = decode_leaf(*opened);
    for (const Entry& entry : *decoded) {
      references += entry.segments.size();
      logical += encode_entry_logical(entry).size();
    }
    EXPECT_LE(references, kMaxTreeObjectReferences);
    EXPECT_LE(logical, kMaxTreeObjectLogicalBytes);
  }
}

TEST_F(TreeTest, LongNamesDoNotGrowTheTreeUpwards) {
  // First paths of 64 KiB: each child alone says that its node ends there.
  EntryMap entries;
  for (int i = 0; i < 64; ++i) {
    std::string path = std::to_string(100 + i) + std::string(kMaxPathBytes - 3, 'n');
    entries.emplace(path, plain_entry(path, keys));
  }
  const TreeRoot root = build_tree(entries, *objects);
  EXPECT_EQ(root.object.height, 6) << "two children each";
  EXPECT_EQ(all_entries(opener, root.object.id), values(entries));
}

TEST_F(TreeTest, AnEntryThatCannotBeStoredIsLeftOut) {
  TreeBuilder builder(objects->keys(), *objects);
  ASSERT_TRUE(builder.add(plain_entry("a", keys)));
  Entry bad = plain_entry("b", keys);
  bad.xattrs = {{"user.big", Bytes(kMaxXattrValueBytes + 1)}};
  const auto added = builder.add(bad);
  ASSERT_FALSE(added.has_value());
  EXPECT_EQ(added.error().code, ErrorCode::limit_exceeded);
  EXPECT_EQ(added.error().args, std::vector<std::string>{"/b"});
  ASSERT_TRUE(builder.add(plain_entry("c", keys)));
  const auto root = builder.finish();
  ASSERT_TRUE(root.has_value());
  EXPECT_EQ(root->digest, build_tree({{"a", plain_entry("a", keys)}, {"c", plain_entry("c", keys)}}, *objects).digest);
}

TEST_F(TreeTest, UnsortedEntriesAreABugOfTheCaller) {
  TreeBuilder builder(objects->keys(), *objects);
  ASSERT_TRUE(builder.add(plain_entry("b", keys)));
  EXPECT_DEATH({ auto again = builder.add(plain_entry("b", keys)); }, "last_path");
  EXPECT_DEATH({ auto back = builder.add(plain_entry("a", keys)); }, "last_path");
}

TEST_F(TreeTest, DamageIsFound) {
  const TreeRoot root = build_tree(many_entries(20'000, keys), *objects);
  const auto all = pages(root.object.id);
  ASSERT_GT(all.size(), 5U);
  for (const std::size_t which : {std::size_t{0}, all.size() / 2, all.size() - 1}) {
    const ObjectId id = all[which].ref.id;
    objects->corrupt(id);
    EXPECT_EQ(read_error(root.object.id), ErrorCode::corrupt);
    objects->corrupt(id);
    ASSERT_EQ(read_error(root.object.id), ErrorCode::usage) << "whole again";
  }
  objects->remove(all.back().ref.id);
  EXPECT_EQ(read_error(root.object.id), ErrorCode::not_found);
  EXPECT_EQ(read_error(pool.segment(0).object->id), ErrorCode::corrupt) << "a bundle is no tree";
}

TEST_F(TreeTest, AVisitorsErrorEndsTheWalk) {
  const TreeReader reader(opener, build_tree(many_entries(3000, keys), *objects).object.id);
  int visited = 0;
  const auto done = reader.for_each("", [&](const Entry&) -> Result<void> {
    if (++visited == 3) return fail(ErrorCode::cancelled, "Stopped.");
    return {};
  });
  ASSERT_FALSE(done.has_value());
  EXPECT_EQ(done.error().code, ErrorCode::cancelled);
  EXPECT_EQ(visited, 3);
}

/// Objects as a hostile member would seal them.
struct ForgedTreeTest : TreeTest {
  std::uint64_t forged = 0;

  ObjectRef put(ObjectKind kind, const ChildTable& table, const Bytes& plaintext) {
    return *objects->put(kind, keys.tree(as_bytes("forged " + std::to_string(++forged))), table, plaintext);
  }
  TreeChild leaf(const std::vector<Entry>& entries) {
    std::vector<Bytes> logical;
    for (const Entry& entry : entries) logical.push_back(encode_entry_logical(entry));
    TreeChild out{.first_path = entries.empty() ? "" : entries[0].path,
                  .ref = put(ObjectKind::leaf, {}, encode_leaf(entries, {})),
                  .digest = leaf_digest(keys, logical),
                  .entries = entries.size()};
    return out;
  }
  ObjectId node(const std::vector<TreeChild>& children, std::uint8_t level = 1) {
    ChildTable table;
    for (const TreeChild& child : children) table.add(child.ref);
    table.freeze();
    return put(ObjectKind::node, table, encode_node(level, children, table)).id;
  }
  TreeChild leaf_of(std::initializer_list<const char*> paths) {
    std::vector<Entry> entries;
    for (const char* path : paths) entries.push_back(plain_entry(path, keys));
    return leaf(entries);
  }
};

TEST_F(ForgedTreeTest, WhatAParentSaysMustBeSo) {
  const TreeChild left = leaf_of({"a", "b"});
  const TreeChild right = leaf_of({"c", "d"});
  ASSERT_EQ(read_error(node({left, right})), ErrorCode::usage) << "reads";
  const auto changed = [&](auto change) {
    TreeChild other = right;
    change(other);
    return read_error(node({left, other}));
  };
  EXPECT_EQ(changed([](TreeChild& c) { c.first_path = "bb"; }), ErrorCode::corrupt);
  EXPECT_EQ(changed([](TreeChild& c) { c.digest.data[0] ^= 1; }), ErrorCode::corrupt);
  EXPECT_EQ(changed([](TreeChild& c) { c.entries = 3; }), ErrorCode::corrupt);
  EXPECT_EQ(changed([](TreeChild& c) { c.entries = 0; }), ErrorCode::corrupt);
  EXPECT_EQ(changed([](TreeChild& c) { c.bytes = 1; }), ErrorCode::corrupt);
  EXPECT_EQ(changed([](TreeChild& c) { c.ref.height = 1; }), ErrorCode::corrupt);
  EXPECT_EQ(read_error(node({left, right}, 2)), ErrorCode::corrupt) << "a level is missing";
  EXPECT_EQ(read_error(node({left, right}, 0)), ErrorCode::corrupt);
  EXPECT_EQ(read_error(node({left})), ErrorCode::corrupt) << "a root of one";
  EXPECT_EQ(read_error(node({right, left})), ErrorCode::corrupt) << "not ascending";
  EXPECT_EQ(read_error(node({left, left})), ErrorCode::corrupt) << "twice";
  EXPECT_EQ(read_error(node({left, leaf({})})), ErrorCode::corrupt) << "an empty leaf";
}

TEST_F(ForgedTreeTest, PathsAscendAcrossLeaves) {
  const TreeChild overlapping = leaf_of({"a", "c", "e"});
  EXPECT_EQ(read_error(node({overlapping, leaf_of({"d", "f"})})), ErrorCode::corrupt);
  EXPECT_EQ(read_error(node({overlapping, leaf_of({"e", "f"})})), ErrorCode::corrupt) << "the same path twice";
  EXPECT_EQ(read_error(node({overlapping, leaf_of({"f"})})), ErrorCode::usage) << "reads";
}

TEST_F(ForgedTreeTest, PathsAscendAcrossNodes) {
  // The first node's last leaf reaches into the second node.
  const auto over = [&](const TreeChild& a, const TreeChild& b) {
    TreeChild out{.first_path = a.first_path,
                  .ref = {.id = node({a, b}), .height = 1},
                  .digest = node_digest(keys, 1, std::vector{a, b}),
                  .entries = a.entries + b.entries,
                  .level = 1};
    return out;
  };
  const TreeChild last = over(leaf_of({"k"}), leaf_of({"m"}));
  EXPECT_EQ(read_error(node({over(leaf_of({"a"}), leaf_of({"b"})), last}, 2)), ErrorCode::usage) << "reads";
  EXPECT_EQ(read_error(node({over(leaf_of({"a"}), leaf_of({"b", "l"})), last}, 2)), ErrorCode::corrupt);
}

TEST_F(ForgedTreeTest, UnsortedEntriesOfALeafAreRefused) {
  EXPECT_EQ(read_error(leaf_of({"a", "b"}).ref.id), ErrorCode::usage) << "reads";
  EXPECT_EQ(read_error(leaf_of({"b", "a"}).ref.id), ErrorCode::corrupt);
  EXPECT_EQ(read_error(leaf_of({"a", "a"}).ref.id), ErrorCode::corrupt);
  EXPECT_EQ(read_error(leaf_of({"a", "b\xff/c"}).ref.id), ErrorCode::corrupt);
}

TEST_F(ForgedTreeTest, AnUnusedChildIsRefused) {
  const TreeChild left = leaf_of({"a"});
  const TreeChild right = leaf_of({"b"});
  ChildTable table;
  for (const ObjectRef& child : {left.ref, right.ref, leaf_of({"c"}).ref}) table.add(child);
  table.freeze();
  const ObjectRef root = put(ObjectKind::node, table, encode_node(1, std::vector{left, right}, table));
  EXPECT_EQ(read_error(root.id), ErrorCode::corrupt);
  ChildTable one;
  one.add(left.ref);
  const std::vector<Entry> entries = {plain_entry("a", keys)};
  one.freeze();
  EXPECT_EQ(read_error(put(ObjectKind::leaf, one, encode_leaf(entries, one)).id), ErrorCode::corrupt);
}

}  // namespace
}  // namespace beffroi::storage
