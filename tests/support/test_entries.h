// Entries for the tests of trees: names as nasty as file systems allow, all types, contents that are really stored.
#pragma once

#include <gtest/gtest.h>

#include <map>

#include "storage/tree/bundle.h"
#include "storage/tree/tree.h"
#include "tests/support/memory_objects.h"

namespace beffroi::storage::testing {

using EntryMap = std::map<std::string, Entry>;

/// Small contents, the same in every pool, stored in `objects` as chunks or as slices of bundles.
class ContentPool {
 public:
  ContentPool(MemoryObjects& objects, bool bundled, std::size_t count = 40) {
    const DigestKeys& keys = objects.keys().digests();
    OpenBundle bundle;
    for (std::size_t i = 0; i < count; ++i) {
      const Bytes content = plaintext(i);
      const Digest digest = keys.chunk(content);
      if (bundled) {
        segments_.push_back(bundle.add(digest, content));
      } else {
        const auto chunk = objects.put(ObjectKind::chunk, digest, {}, content);
        segments_.push_back({.length = content.size(), .object = *chunk, .digest = digest});
      }
    }
    if (!bundled) return;
    const auto object = bundle.seal(objects.keys(), objects);
    for (Segment& segment : segments_) segment.object = *object;
  }
  static Bytes plaintext(std::size_t index) { return seeded_bytes(1000 + index, 50 + 13 * index); }
  const Segment& segment(std::size_t index) const { return segments_[index % segments_.size()]; }

  /// The entry with the content that these choices make: 0 to 3 segments, now and then a hole.
  void give_content(Entry& entry, const DigestKeys& keys, std::uint64_t choice) const {
    entry.segments.clear();
    for (std::uint64_t left = choice % 4; left > 0; --left) {
      entry.segments.push_back(segment(choice / 4 + left));
      if ((choice + left) % 7 == 0) entry.segments.push_back({.length = 4096 * left, .object = {}, .digest = {}});
    }
    entry.size = 0;
    for (const Segment& each : entry.segments) entry.size += each.length;
    entry.content_digest = content_digest_of(keys, entry.segments);
  }

 private:
  std::vector<Segment> segments_;
};

inline std::string nasty_name(crypto::Random& random) {
  static const std::vector<std::string> known = {"a",        "a.txt",     "a b",   "A", "\x01", "\xff",
                                                 "\xc3\xa9", "e\xcc\x81", "...",   " ", "-rf",  "new\nline",
                                                 "back\\up", "a\x01",     "é.odt", "ab"};
  const std::uint64_t dice = random.below(10);
  if (dice < 5) return known[random.below(known.size())];
  std::string out;
  const std::uint64_t length = dice == 9 ? 255 : 1 + random.below(12);
  while (out.size() < length) {
    const auto byte = static_cast<char>(1 + random.below(255));
    if (byte != '/') out.push_back(byte);
  }
  return out == "." || out == ".." ? "dots" : out;
}

/// An empty file.
inline Entry plain_entry(std::string path, const DigestKeys& keys, std::int64_t mtime = 1) {
  Entry out;
  out.path = std::move(path);
  out.mode = 0644;
  out.mtime_s = mtime;
  out.content_digest = content_digest_of(keys, {});
  return out;
}

inline Entry random_entry(std::string path, const ContentPool& pool, const DigestKeys& keys, crypto::Random& random) {
  Entry out;
  out.path = std::move(path);
  out.type = static_cast<EntryType>(1 + (random.below(3) == 0 ? random.below(6) : 0));
  if (out.path.empty()) out.type = EntryType::directory;
  out.mode = static_cast<std::uint32_t>(random.below(010000));
  out.uid = static_cast<std::uint32_t>(random.below(3) * 1000);
  out.gid = static_cast<std::uint32_t>(random.below(3) * 1000);
  if (out.uid != 0) out.user = "mairie";
  out.mtime_s = static_cast<std::int64_t>(random.below(4'000'000'000)) - 1'000'000'000;
  out.mtime_ns = static_cast<std::uint32_t>(random.below(1'000'000'000));
  if (random.below(10) == 0) out.xattrs = {{"system.posix_acl_access", {2, 0, 0, 0}}, {"user.\xff", {}}};
  if (random.below(20) == 0) out.flags = kEntryStale;
  if (out.type == EntryType::symlink) out.link_target = "../" + nasty_name(random);
  if (out.type == EntryType::block_device) out.device_major = 8;
  if (out.type == EntryType::file) pool.give_content(out, keys, random.below(200));
  if (out.type == EntryType::file && random.below(10) == 0) out.hard_link = out.path;
  return out;
}

/// About `count` entries up to five levels deep, their parents mostly among them.
inline EntryMap random_entries(std::size_t count, const ContentPool& pool, const DigestKeys& keys,
                               crypto::Random& random) {
  EntryMap out;
  std::vector<std::string> folders = {""};
  while (out.size() < count) {
    const std::string& parent = folders[random.below(folders.size())];
    const std::string path = parent.empty() ? nasty_name(random) : parent + '\0' + nasty_name(random);
    Entry entry = random_entry(path, pool, keys, random);
    if (std::ranges::count(path, '\0') < 4 && random.below(8) == 0) folders.push_back(path);
    if (random.below(50) != 0) out.insert_or_assign(path, std::move(entry));
    if (random.below(100) == 0) out.insert_or_assign("", random_entry("", pool, keys, random));
  }
  return out;
}

inline TreeRoot build_tree(const EntryMap& entries, MemoryObjects& objects) {
  TreeBuilder builder(objects.keys(), objects);
  for (const auto& [path, entry] : entries) {
    const auto added = builder.add(entry);
    EXPECT_TRUE(added) << added.error().message();
  }
  const auto root = builder.finish();
  EXPECT_TRUE(root.has_value());
  return root.value_or(TreeRoot{});
}

inline std::vector<Entry> all_entries(const ObjectOpener& opener, const ObjectId& root) {
  std::vector<Entry> out;
  const auto done = TreeReader(opener, root).for_each("", [&](const Entry& entry) -> Result<void> {
    out.push_back(entry);
    return {};
  });
  EXPECT_TRUE(done.has_value()) << done.error().message();
  return out;
}

}  // namespace beffroi::storage::testing
