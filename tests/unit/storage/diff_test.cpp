// Goal: the difference of two trees is what comparing all entries gives, and costs what changed.
#include <gtest/gtest.h>

#include "storage/tree/tree.h"
#include "tests/support/test_entries.h"

namespace beffroi::storage {
namespace {

using testing::build_tree;
using testing::ContentPool;
using testing::EntryMap;
using testing::MemoryObjects;

struct Difference {
  Change change;
  std::string path;
  bool operator==(const Difference&) const = default;
};

struct DiffTest : ::testing::Test {
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(testing::test_key_ring(17));
  ObjectOpener opener = MemoryObjects::opener(objects);
  const DigestKeys& keys = objects->keys().digests();
  ContentPool pool{*objects, true};

  std::vector<Difference> diff(const ObjectId& before, const ObjectId& after) {
    std::vector<Difference> out;
    const auto done =
        diff_trees(opener, before, after, [&](Change change, const Entry* old, const Entry* now) -> Result<void> {
          EXPECT_EQ(old == nullptr, change == Change::added);
          EXPECT_EQ(now == nullptr, change == Change::removed);
          if (old != nullptr && now != nullptr) EXPECT_EQ(old->path, now->path);
          out.push_back({change, old != nullptr ? old->path : now->path});
          return {};
        });
    EXPECT_TRUE(done.has_value()) << done.error().message();
    return out;
  }

  static bool same_content(const Entry& a, const Entry& b) {
    return a.type == b.type && a.content_digest == b.content_digest && a.size == b.size &&
           a.link_target == b.link_target && a.device_major == b.device_major && a.device_minor == b.device_minor;
  }

  static std::vector<Difference> brute_force(const EntryMap& before, const EntryMap& after) {
    std::map<std::string, Change> out;
    for (const auto& [path, old] : before) {
      const auto found = after.find(path);
      if (found == after.end())
        out[path] = Change::removed;
      else if (!same_content(old, found->second))
        out[path] = Change::content;
      else if (encode_entry_logical(old) != encode_entry_logical(found->second))
        out[path] = Change::metadata;
    }
    for (const auto& [path, now] : after)
      if (!before.contains(path)) out[path] = Change::added;
    std::vector<Difference> list;
    for (const auto& [path, change] : out) list.push_back({change, path});
    return list;
  }

  void edit(EntryMap& entries, std::size_t edits, crypto::Random& random) {
    for (; edits > 0; --edits) {
      if (entries.empty()) entries = testing::random_entries(1, pool, keys, random);
      auto at = std::next(entries.begin(), static_cast<std::ptrdiff_t>(random.below(entries.size())));
      switch (random.below(5)) {
        case 0:
          entries.erase(at);
          break;
        case 1:
          at->second.mode ^= 0100;
          break;
        case 2:
          if (at->second.type == EntryType::file) pool.give_content(at->second, keys, random.below(200));
          break;
        case 3:
          at->second = testing::random_entry(at->first, pool, keys, random);
          break;
        default: {
          const std::string name = testing::nasty_name(random);
          const std::string path = at->first.empty() ? name : at->first + '\0' + name;
          entries.insert_or_assign(path, testing::random_entry(path, pool, keys, random));
        }
      }
    }
  }
};

TEST_F(DiffTest, AgreesWithBruteForce) {
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    crypto::SeededRandom random(seed);
    const EntryMap before = testing::random_entries(random.below(4000), pool, keys, random);
    EntryMap after = before;
    edit(after, random.below(seed % 3 == 0 ? 2000 : 20), random);
    if (seed == 10) after.clear();
    if (seed == 11) after = testing::random_entries(4000, pool, keys, random);
    // Long runs leave and move everything behind them.
    if (seed % 7 == 0 && after.size() > 100) after.erase(std::next(after.begin(), 10), std::next(after.begin(), 90));
    const ObjectId first = build_tree(before, *objects).object.id;
    const ObjectId second = build_tree(after, *objects).object.id;
    EXPECT_EQ(diff(first, second), brute_force(before, after)) << "seed " << seed;
    EXPECT_EQ(diff(second, first), brute_force(after, before)) << "seed " << seed;
  }
}

TEST_F(DiffTest, TreesOfDifferentHeightsAreCompared) {
  crypto::SeededRandom random(3);
  const EntryMap large = testing::random_entries(20'000, pool, keys, random);
  const EntryMap small(std::next(large.begin(), 700), std::next(large.begin(), 720));
  const TreeRoot tall = build_tree(large, *objects);
  const TreeRoot flat = build_tree(small, *objects);
  ASSERT_GT(tall.object.height, flat.object.height);
  EXPECT_EQ(diff(tall.object.id, flat.object.id), brute_force(large, small));
  EXPECT_EQ(diff(flat.object.id, tall.object.id), brute_force(small, large));
}

TEST_F(DiffTest, CostsWhatChanged) {
  EntryMap before;
  for (int i = 0; i < 100'000; ++i) {
    Entry entry;
    entry.path = "folder" + std::to_string(i % 100) + '\0' + "file" + std::to_string(i);
    entry.content_digest = content_digest_of(keys, {});
    before.emplace(entry.path, entry);
  }
  const TreeRoot first = build_tree(before, *objects);
  const std::size_t all = objects->size();
  EntryMap after = before;
  for (std::ptrdiff_t at = 10'000; at < 100'000; at += 30'000) std::next(after.begin(), at)->second.mode = 0600;
  const TreeRoot second = build_tree(after, *objects);
  objects->reset_counts();
  EXPECT_EQ(diff(first.object.id, second.object.id).size(), 3U);
  const std::size_t levels = 1U + first.object.height;
  EXPECT_LE(objects->gets(), 2 * 3 * levels);
  EXPECT_LT(objects->gets(), all / 3);
}

TEST_F(DiffTest, EqualTreesAreNotRead) {
  crypto::SeededRandom random(8);
  const EntryMap entries = testing::random_entries(5000, pool, keys, random);
  const TreeRoot first = build_tree(entries, *objects);
  objects->reset_counts();
  EXPECT_TRUE(diff(first.object.id, first.object.id).empty());
  EXPECT_EQ(objects->gets(), 0U);
  // The same, sealed again: other ids, equal digests.
  objects->forget_digests();
  objects->set_level(19);
  const TreeRoot again = build_tree(entries, *objects);
  ASSERT_NE(again.object.id, first.object.id);
  objects->reset_counts();
  EXPECT_TRUE(diff(first.object.id, again.object.id).empty());
  EXPECT_EQ(objects->gets(), 2U) << "the two roots";
}

TEST_F(DiffTest, AVisitorsErrorAndDamageEndIt) {
  crypto::SeededRandom random(9);
  const EntryMap before = testing::random_entries(5000, pool, keys, random);
  EntryMap after = before;
  edit(after, 500, random);
  const ObjectId first = build_tree(before, *objects).object.id;
  const ObjectId second = build_tree(after, *objects).object.id;
  int visited = 0;
  const auto stopped = diff_trees(opener, first, second, [&](Change, const Entry*, const Entry*) -> Result<void> {
    if (++visited == 2) return fail(ErrorCode::cancelled, "Stopped.");
    return {};
  });
  ASSERT_FALSE(stopped.has_value());
  EXPECT_EQ(stopped.error().code, ErrorCode::cancelled);
  EXPECT_EQ(visited, 2);
  objects->corrupt(second);
  const auto damaged =
      diff_trees(opener, first, second, [](Change, const Entry*, const Entry*) { return Result<void>{}; });
  ASSERT_FALSE(damaged.has_value());
  EXPECT_EQ(damaged.error().code, ErrorCode::corrupt);
}

TEST_F(DiffTest, AcrossGenerationsOfKeysSizeAndTimeDecide) {
  crypto::SeededRandom random(10);
  const EntryMap before = testing::random_entries(1000, pool, keys, random);
  // The same files under fresh content keys: no digest is the same.
  auto content = ContentKeys{.generation = 2,
                             .boundary = crypto::SecretBytes::random(32, random),
                             .dedup = crypto::SecretBytes::random(32, random)};
  const auto ring = std::make_shared<KeyRing>(objects->keys().space(), std::move(content));
  ring->add_epoch(objects->keys().current());
  const auto renewed = std::make_shared<MemoryObjects>(ring);
  const ContentPool renewed_pool(*renewed, true);
  crypto::SeededRandom same(10);
  EntryMap after = testing::random_entries(1000, renewed_pool, ring->digests(), same);
  ASSERT_EQ(after.size(), before.size());
  std::string touched, chmodded;
  for (auto& [path, entry] : after) {
    if (entry.type != EntryType::file) continue;
    if (touched.empty()) {
      entry.mtime_s += 1;
      touched = path;
    } else {
      entry.mode ^= 1;
      chmodded = path;
      break;
    }
  }
  const ObjectId first = build_tree(before, *objects).object.id;
  const ObjectId second = build_tree(after, *renewed).object.id;
  std::vector<Difference> got;
  const auto done = diff_trees(opener, first, MemoryObjects::opener(renewed), second,
                               [&](Change change, const Entry*, const Entry* now) -> Result<void> {
                                 got.push_back({change, now->path});
                                 return {};
                               });
  ASSERT_TRUE(done.has_value()) << done.error().message();
  EXPECT_EQ(got, (std::vector<Difference>{{Change::content, touched}, {Change::metadata, chmodded}}));
}

}  // namespace
}  // namespace beffroi::storage
