#include "tests/support/memory_folder.h"

#include "storage/merge/path_parts.h"
#include "storage/tree/content.h"

namespace beffroi::daemon::testing {
namespace {

using storage::Entry;
using storage::EntryType;

bool same_metadata(const Entry& a, const Entry& b) { return a.mode == b.mode && a.mtime_s == b.mtime_s; }

Result<Entry> entry_of(const std::string& path, const MemoryFile& file, StoreSink& sink) {
  Entry out;
  out.path = path;
  out.type = file.is_folder ? EntryType::directory : EntryType::file;
  out.mode = file.mode;
  out.mtime_s = file.mtime_s;
  if (file.is_folder) return out;
  storage::ContentBuilder builder(sink.keys(), sink);
  if (!file.content.empty()) {
    const ByteView bytes = as_bytes(file.content);
    BEFFROI_TRY(const auto segment, sink.put_piece(sink.keys().digests().chunk(bytes), bytes, {}));
    BEFFROI_CHECK(builder.add(segment));
  }
  BEFFROI_CHECK(builder.finish(out));
  return out;
}

Result<std::string> content_of(const Entry& entry, const storage::ObjectOpener& opener) {
  std::string out;
  BEFFROI_CHECK(storage::for_each_segment(entry, opener, [&](const storage::Segment& segment) -> Result<void> {
    BEFFROI_TRY(const Bytes bytes, storage::read_segment(segment, opener));
    out += as_text(bytes);
    return {};
  }));
  return out;
}

}  // namespace

bool MemoryFolder::chance(std::uint32_t per_mille) { return random != nullptr && random->below(1000) < per_mille; }

Result<FolderScan> MemoryFolder::scan(StoreSink& sink, const storage::ObjectOpener& opener, storage::ObjectId applied,
                                      const storage::IgnoreRules& rules, const LocalPaths& local,
                                      const ScanScope& scope, Progress&) {
  FolderScan out;
  std::map<std::string, Entry> before;
  BEFFROI_CHECK(storage::TreeReader(opener, applied).for_each("", [&](const Entry& entry) -> Result<void> {
    before.emplace(entry.path, entry);
    return {};
  }));
  const auto in_scope = [&](const std::string& path) {
    return scope.everything ||
           std::ranges::any_of(scope.paths, [&](const std::string& top) { return storage::is_at_or_below(path, top); });
  };
  std::map<std::string, std::optional<Entry>> changes;
  for (const auto& [path, entry] : before)
    if (in_scope(path) && !files.contains(path) && local.has(path) &&
        rules.ignored_by(path, entry.type == EntryType::directory) == nullptr) {
      if (entry.type == EntryType::directory && local.is_mixed(path))
        out.parted.push_back(path);
      else
        changes.emplace(path, std::nullopt);
    }
  std::optional<std::string> in_the_way;
  for (const auto& [path, file] : files) {
    if (!in_scope(path) || (in_the_way && storage::is_at_or_below(path, *in_the_way))) continue;
    if (rules.ignored_by(path, file.is_folder) != nullptr || unreadable.contains(path)) {
      if (out.skipped.size() < max_skipped) out.skipped.push_back({path, "left out", {}});
      out.kept.insert(path);
      continue;
    }
    const auto known = before.find(path);
    const bool was_folder = known != before.end() && known->second.type == EntryType::directory;
    const bool mixed = was_folder && !file.is_folder && local.is_mixed(path);
    if (known != before.end() && (mixed || !local.has(path))) {
      if (file.is_folder && was_folder) continue;
      in_the_way = path;
      out.skipped.push_back({path, "in the way", {}});
      out.kept.insert(path);
      continue;
    }
    if (!file.is_folder && chance(unquiet_per_mille)) {
      out.unquiet.insert(path);
      continue;
    }
    BEFFROI_TRY(Entry entry, entry_of(path, file, sink));
    if (known != before.end() && storage::same_content(known->second, entry) && same_metadata(known->second, entry))
      continue;
    changes.insert_or_assign(path, std::move(entry));
  }
  for (auto& [path, entry] : changes) out.changes.push_back({path, std::move(entry)});
  out.files = files.size();
  if (after_scan) after_scan();
  return out;
}

bool MemoryFolder::is_as(const std::string& path, const std::optional<Entry>& before,
                         const storage::ObjectOpener& opener) const {
  const auto here = files.find(path);
  if (!before || here == files.end()) return !before && here == files.end();
  const MemoryFile& file = here->second;
  if (file.is_folder || before->type == EntryType::directory)
    return file.is_folder && before->type == EntryType::directory;
  if (file.content.size() != before->size || file.mtime_s != before->mtime_s) return false;
  return file.content.empty() || opener.keys().digests().chunk(as_bytes(file.content)) == before->content_digest;
}

bool MemoryFolder::has_room_for(const std::string& path) const {
  const std::string folder(storage::folder_of(path));
  const auto above = files.find(folder);
  return folder.empty() || (above != files.end() && above->second.is_folder);
}

bool MemoryFolder::is_empty(const std::string& path) const {
  const auto next = files.upper_bound(path);
  return next == files.end() || !storage::is_at_or_below(next->first, path);
}

Result<ApplyOutcome> MemoryFolder::apply(const storage::ObjectOpener& opener,
                                         std::span<const storage::MergeChange> changes, Progress&) {
  if (before_apply) before_apply();
  ApplyOutcome out;
  std::size_t done = 0;
  const auto step = [&]() -> Result<void> {
    if (break_off_after && done++ >= *break_off_after) return fail(ErrorCode::io, "killed");
    return {};
  };
  const auto keep = [&](const storage::MergeChange& change) {
    if (change.after && change.after->type == EntryType::file) {
      if (auto content = content_of(*change.after, opener)) unwritten.insert(std::move(*content));
    }
    const bool here = files.contains(change.path);
    out.not_applied.push_back({change.path, here ? change.before : std::nullopt});
    out.reasons.push_back({change.path, "in use", {}});
  };
  const auto is_refused = [&](const std::string& path) { return chance(refused_per_mille) || in_use.contains(path); };
  const auto write = [&](const storage::MergeChange& change) -> Result<void> {
    BEFFROI_CHECK(step());
    const bool becomes_file = change.after->type != EntryType::directory;
    if (is_refused(change.path) || !is_as(change.path, change.before, opener) || !has_room_for(change.path) ||
        (becomes_file && !is_empty(change.path))) {
      keep(change);
      return {};
    }
    BEFFROI_TRY(std::string content, becomes_file ? content_of(*change.after, opener) : Result<std::string>(""));
    unwritten.erase(content);
    files.insert_or_assign(change.path,
                           MemoryFile{!becomes_file, std::move(content), change.after->mode, change.after->mtime_s});
    keep_durably(change.path);
    ++out.files_written;
    return {};
  };
  // What is new comes first: a version that gets another name is there before it goes from its old one.
  std::vector<bool> done_first(changes.size());
  for (std::size_t i = 0; i < changes.size(); ++i) {
    done_first[i] = changes[i].after && !changes[i].before && has_room_for(changes[i].path);
    if (done_first[i]) BEFFROI_CHECK(write(changes[i]));
  }
  for (std::size_t i = changes.size(); i-- > 0;) {
    const auto& change = changes[i];
    if (change.after) continue;
    BEFFROI_CHECK(step());
    if (is_refused(change.path) || !is_as(change.path, change.before, opener) || !is_empty(change.path)) {
      keep(change);
    } else {
      files.erase(change.path);
      keep_durably(change.path);
    }
  }
  for (std::size_t i = 0; i < changes.size(); ++i)
    if (changes[i].after && !done_first[i]) BEFFROI_CHECK(write(changes[i]));
  std::ranges::sort(out.not_applied, {}, &storage::TreeChange::path);
  return out;
}

Result<void> MemoryFolder::sync() {
  if (sync_fails) return fail(ErrorCode::io, "no room on the disk");
  durable_ = files;
  return {};
}

void MemoryFolder::lose_power() { files = durable_; }

/// As a cycle does it: the path, with the folders that it needs.
void MemoryFolder::keep_durably(const std::string& path) {
  const auto now = files.find(path);
  if (now == files.end() || !now->second.is_folder)
    std::erase_if(durable_, [&](const auto& each) { return storage::is_at_or_below(each.first, path); });
  if (now == files.end()) return;
  durable_.insert_or_assign(path, now->second);
  for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above))
    durable_.insert_or_assign(above, files.at(above));
}

void MemoryFolder::write(const std::string& path, const std::string& content, std::int64_t mtime_s) {
  const std::string at = storage::to_entry_path(path);
  for (std::string above(storage::folder_of(at)); !above.empty(); above = storage::folder_of(above))
    files.try_emplace(above, MemoryFile{.is_folder = true, .content = {}, .mode = 0755});
  files.insert_or_assign(at, MemoryFile{.content = content, .mtime_s = mtime_s});
}

void MemoryFolder::remove(const std::string& path) {
  const std::string at = storage::to_entry_path(path);
  std::erase_if(files, [&](const auto& each) { return storage::is_at_or_below(each.first, at); });
}

void MemoryFolder::move(const std::string& from, const std::string& to) {
  const std::string old_top = storage::to_entry_path(from);
  const std::string new_top = storage::to_entry_path(to);
  MemoryFiles moved;
  for (const auto& [path, file] : files)
    if (storage::is_at_or_below(path, old_top)) moved.emplace(new_top + path.substr(old_top.size()), file);
  remove(from);
  files.merge(moved);
}

std::map<std::string, std::string> MemoryFolder::listing() const {
  std::map<std::string, std::string> out;
  for (const auto& [path, file] : files)
    out.emplace(storage::to_display_path(path).substr(1) + (file.is_folder ? "/" : ""), file.content);
  return out;
}

}  // namespace beffroi::daemon::testing
