// Shared folders for the tests of merging: maps of entries that obey a file system's rules, edits of them as people
// make them, and the trees they make.
#pragma once

#include <gtest/gtest.h>

#include <set>

#include "storage/merge/path_parts.h"
#include "storage/merge/three_way.h"
#include "tests/support/test_entries.h"

namespace beffroi::storage::testing {

/// Every path's parent is a folder of it, or the root, which has no entry.
class FolderModel {
 public:
  EntryMap entries;

  /// Paths are '/'-separated here.
  void mkdir(const std::string& path) { put(path, EntryType::directory); }
  /// `content` names bytes: equal numbers, equal bytes; 0: an empty file.
  Entry& write(const std::string& path, std::uint64_t content, std::int64_t mtime = 0) {
    Entry& entry = put(path, EntryType::file);
    entry.mtime_s = mtime;
    set_content(entry, content);
    return entry;
  }
  void remove(const std::string& path) { remove_at(to_entry_path(path)); }
  void move(const std::string& from, const std::string& to) { move_at(to_entry_path(from), to_entry_path(to)); }
  Entry& at(const std::string& path) { return entries.at(to_entry_path(path)); }

  void remove_at(const std::string& path) {
    std::erase_if(entries, [&](const auto& each) { return is_at_or_below(each.first, path); });
  }
  void move_at(const std::string& from, const std::string& to) {
    EntryMap moved;
    for (auto each = entries.begin(); each != entries.end();) {
      if (!is_at_or_below(each->first, from)) {
        ++each;
        continue;
      }
      const std::string path = to + each->first.substr(from.size());
      moved.emplace(path, moved_to(each->second, path));
      each = entries.erase(each);
    }
    entries.merge(moved);
  }
  static void set_content(Entry& entry, std::uint64_t content) {
    entry.segments.clear();
    entry.size = content;
    entry.content_digest = digest_of(content);
    if (content > 0)
      entry.segments.push_back({.length = content, .object = object(), .offset = 0, .digest = digest_of(content)});
  }
  static Digest digest_of(std::uint64_t content) {
    Digest out;
    out.data[0] = 1;
    put_le64(&out.data[8], content);
    return out;
  }
  /// What all contents lie in: trees only name it.
  static ObjectRef& object() {
    static ObjectRef reference;
    return reference;
  }

  std::set<Digest> contents() const {
    std::set<Digest> out;
    for (const auto& [path, entry] : entries)
      if (entry.size > 0) out.insert(entry.content_digest);
    return out;
  }
  /// '/'-separated, folders with a '/' behind them; of a file, its number.
  std::map<std::string, std::uint64_t> listing() const {
    std::map<std::string, std::uint64_t> out;
    for (const auto& [path, entry] : entries)
      out.emplace(to_display_path(path).substr(1) + (entry.type == EntryType::directory ? "/" : ""), entry.size);
    return out;
  }
  void expect_sound() const {
    for (const auto& [path, entry] : entries) {
      EXPECT_EQ(path, entry.path);
      const auto folder = entries.find(std::string(folder_of(path)));
      if (folder_of(path).empty()) continue;
      ASSERT_NE(folder, entries.end()) << to_display_path(path);
      EXPECT_EQ(folder->second.type, EntryType::directory) << to_display_path(path);
    }
  }

 private:
  Entry& put(const std::string& path, EntryType type) {
    const std::string at = to_entry_path(path);
    if (const std::string folder(folder_of(at)); !folder.empty() && !entries.contains(folder))
      put(to_display_path(folder), EntryType::directory);
    Entry& entry = entries[at];
    entry.path = at;
    entry.type = type;
    entry.mode = type == EntryType::directory ? 0755 : 0644;
    return entry;
  }
};

/// Edits as people make them, in few names, so that they meet. New contents have numbers of their own.
class RandomEdits {
 public:
  RandomEdits(crypto::Random& random, std::uint64_t first_content) : random_(random), next_content_(first_content) {}

  void edit(FolderModel& folder) {
    switch (random_.below(12)) {
      case 0:
      case 1:
        create(folder);
        return;
      case 2:
        folder.mkdir(free_path(folder));
        return;
      case 3:
      case 4:
        if (Entry* const file = any(folder, EntryType::file)) change(*file);
        return;
      case 5:
        if (Entry* const file = any(folder, EntryType::file)) file->mode ^= 0111;
        return;
      case 6:
        if (Entry* const entry = any(folder, std::nullopt)) entry->mtime_s = time();
        return;
      case 7:
        if (const Entry* const file = any(folder, EntryType::file)) folder.remove_at(std::string(file->path));
        return;
      case 8:
        if (const Entry* const entry = any(folder, std::nullopt)) folder.remove_at(std::string(entry->path));
        return;
      case 9:
        replace_by_other_type(folder);
        return;
      default:
        move(folder);
    }
  }

 private:
  std::int64_t time() { return static_cast<std::int64_t>(1'700'000'000 + random_.below(1000)); }
  void change(Entry& file) {
    FolderModel::set_content(file, next_content_++);
    file.mtime_s = time();
  }
  void create(FolderModel& folder) {
    // Now and then both sides make the same.
    const std::uint64_t content = random_.below(6) == 0 ? 1 + random_.below(3) : next_content_++;
    folder.write(free_path(folder), content, time());
  }
  Entry* any(FolderModel& folder, std::optional<EntryType> type) {
    std::vector<Entry*> found;
    for (auto& [path, entry] : folder.entries)
      if (!type || entry.type == *type) found.push_back(&entry);
    return found.empty() ? nullptr : found[random_.below(found.size())];
  }
  std::string free_path(FolderModel& folder) {
    for (;;) {
      const Entry* const parent = random_.below(3) == 0 ? nullptr : any(folder, EntryType::directory);
      const std::string name(1, static_cast<char>('a' + random_.below(8)));
      const std::string path = path_in(parent == nullptr ? "" : parent->path, name);
      if (!folder.entries.contains(path)) return to_display_path(path);
      if (random_.below(4) == 0) return to_display_path(std::to_string(next_content_++));
    }
  }
  void move(FolderModel& folder) {
    const Entry* const entry = any(folder, std::nullopt);
    if (entry == nullptr) return;
    const std::string from = entry->path;
    const std::string to = to_entry_path(free_path(folder));
    if (is_at_or_below(to, from) || !parent_exists(folder, to)) return;
    folder.move_at(from, to);
  }
  static bool parent_exists(const FolderModel& folder, const std::string& path) {
    const auto found = folder.entries.find(std::string(folder_of(path)));
    return folder_of(path).empty() || (found != folder.entries.end() && found->second.type == EntryType::directory);
  }
  void replace_by_other_type(FolderModel& folder) {
    const Entry* const entry = any(folder, std::nullopt);
    if (entry == nullptr) return;
    const std::string path = to_display_path(entry->path);
    const bool was_file = entry->type == EntryType::file;
    folder.remove(path);
    if (was_file)
      folder.write(path + "/inside", next_content_++, time());
    else
      folder.write(path, next_content_++, time());
  }

  crypto::Random& random_;
  std::uint64_t next_content_;
};

/// A store for trees of FolderModels, and merges in it.
class MergeWorld {
 public:
  std::shared_ptr<MemoryObjects> objects = std::make_shared<MemoryObjects>(test_key_ring(31));
  ObjectOpener opener = MemoryObjects::opener(objects);
  ChangeAuthor claire{.person = "Claire", .device = "PC mairie", .words = {"conflit", "h"}, .utc_offset_s = 3600};
  ChangeAuthor paul{.person = "Paul", .device = "Portable", .words = {"conflit", "h"}, .utc_offset_s = 3600};

  MergeWorld() {
    const auto chunk = objects->put(ObjectKind::chunk, FolderModel::digest_of(0), {}, Bytes{1});
    FolderModel::object() = *chunk;
  }

  ObjectId store(const FolderModel& folder) { return build_tree(folder.entries, *objects).object.id; }
  FolderModel load(const ObjectId& root) const {
    FolderModel out;
    for (Entry& entry : all_entries(opener, root)) {
      std::string path = entry.path;
      out.entries.emplace(std::move(path), std::move(entry));
    }
    return out;
  }
  /// Ours are Claire's, theirs Paul's.
  Result<MergedTree> try_merge(const FolderModel& base, const FolderModel& ours, const FolderModel& theirs) {
    return merge_trees(opener, {store(base), store(ours), store(theirs), claire, paul}, *objects);
  }
  MergedTree merge(const FolderModel& base, const FolderModel& ours, const FolderModel& theirs) {
    auto merged = try_merge(base, ours, theirs);
    EXPECT_TRUE(merged.has_value()) << merged.error().message();
    return merged ? std::move(*merged) : MergedTree{};
  }
  /// The same seen from the other side.
  MergedTree merge_reversed(const FolderModel& base, const FolderModel& ours, const FolderModel& theirs) {
    auto merged = merge_trees(opener, {store(base), store(theirs), store(ours), paul, claire}, *objects);
    EXPECT_TRUE(merged.has_value()) << merged.error().message();
    return merged ? std::move(*merged) : MergedTree{};
  }
};

/// The folder after these changes, each of which finds what it says is there.
inline FolderModel applied(FolderModel folder, const std::vector<MergeChange>& changes) {
  for (const MergeChange& change : changes) {
    const auto found = folder.entries.find(change.path);
    EXPECT_EQ(found != folder.entries.end(), change.before.has_value()) << to_display_path(change.path);
    if (found != folder.entries.end()) {
      EXPECT_EQ(encode_entry_logical(found->second), encode_entry_logical(*change.before));
      folder.entries.erase(found);
    }
    if (change.after) folder.entries.emplace(change.path, *change.after);
  }
  return folder;
}

}  // namespace beffroi::storage::testing
