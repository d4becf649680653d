#include "daemon/share/share_trees.h"

#include "storage/format/chunker.h"
#include "storage/merge/path_parts.h"
#include "storage/tree/content.h"
#include "storage/tree/tree_walk.h"

namespace beffroi::daemon {
namespace {

using storage::Entry;
using storage::EntryType;
using storage::MergeChange;
using storage::ObjectId;
using storage::ObjectOpener;
using storage::Segment;
using storage::TreeReader;

// A file is read and cut with this much of it in memory.
constexpr std::size_t kCutBytes = 2 * storage::kChunkMaxBytes;

bool is_folder(const std::optional<Entry>& entry) { return entry && entry->type == EntryType::directory; }

Entry plain_folder(const std::string& path) {
  Entry out;
  out.path = path;
  out.type = EntryType::directory;
  out.mode = 0755;
  return out;
}

/// Edits of one tree that are made sound.
class SoundEdits {
 public:
  SoundEdits(const ObjectOpener& opener, const ObjectId& tree, const ObjectId& folders, TreeEdits edits)
      : tree_(opener, tree), folders_(opener, folders), edits_(std::move(edits)) {}

  Result<std::vector<storage::TreeChange>> run() {
    const TreeEdits asked = edits_;
    for (const auto& [path, entry] : asked)
      if (!is_folder(entry)) BEFFROI_CHECK(clear_below(path));
    for (const auto& [path, entry] : asked)
      if (entry) BEFFROI_CHECK(need_folders(path));
    std::vector<storage::TreeChange> out;
    for (auto& [path, entry] : edits_) out.push_back({path, std::move(entry)});
    return out;
  }

 private:
  Result<void> clear_below(const std::string& path) {
    return tree_.for_each(path, [&](const Entry& entry) -> Result<void> {
      if (entry.path != path) edits_.try_emplace(entry.path, std::nullopt);
      return {};
    });
  }

  Result<void> need_folders(const std::string& path) {
    for (std::string above(storage::folder_of(path)); !above.empty(); above = storage::folder_of(above)) {
      if (!sound_.insert(above).second) return {};
      const auto edit = edits_.find(above);
      std::optional<Entry> now;
      if (edit != edits_.end()) {
        now = edit->second;
      } else {
        BEFFROI_TRY(now, tree_.find(above));
      }
      if (is_folder(now)) continue;
      BEFFROI_TRY(auto folder, folders_.find(above));
      if (!is_folder(folder)) folder = plain_folder(above);
      edits_.insert_or_assign(above, std::move(folder));
    }
    return {};
  }

  TreeReader tree_;
  TreeReader folders_;
  TreeEdits edits_;
  std::set<std::string> sound_;
};

/// The file's bytes, cut and stored as the sink's keys ask for.
class ContentCopy {
 public:
  ContentCopy(const ObjectOpener& opener, StoreSink& sink)
      : opener_(opener), sink_(sink), chunker_(sink.keys().digests().chunk_cut_key()) {}

  Result<Entry> of(const Entry& entry) {
    Entry out = entry;
    out.segments.clear();
    out.content_root.reset();
    storage::ContentBuilder builder(sink_.keys(), sink_);
    storage::SegmentReader reader(opener_);
    Bytes open;
    BEFFROI_CHECK(storage::for_each_segment(entry, opener_, [&](const Segment& segment) -> Result<void> {
      if (segment.object) {
        BEFFROI_TRY(const Bytes bytes, reader.read(segment));
        open.insert(open.end(), bytes.begin(), bytes.end());
        return cut(open, builder, kCutBytes);
      }
      BEFFROI_CHECK(cut(open, builder, 0));
      return builder.add(segment);
    }));
    BEFFROI_CHECK(cut(open, builder, 0));
    BEFFROI_CHECK(builder.finish(out));
    return out;
  }

 private:
  /// Takes chunks off the beginning until at most `left` bytes remain.
  Result<void> cut(Bytes& open, storage::ContentBuilder& builder, std::size_t left) {
    std::size_t done = 0;
    while (open.size() - done > left) {
      const ByteView rest = ByteView(open).subspan(done);
      const ByteView piece = rest.first(chunker_.next_cut(rest));
      BEFFROI_TRY(const Segment segment, sink_.put_piece(sink_.keys().digests().chunk(piece), piece, {}));
      BEFFROI_CHECK(builder.add(segment));
      done += piece.size();
    }
    open.erase(open.begin(), open.begin() + static_cast<std::ptrdiff_t>(done));
    return {};
  }

  const ObjectOpener& opener_;
  StoreSink& sink_;
  const storage::Chunker chunker_;
};

bool has_content(const Entry& entry) {
  return entry.type == EntryType::file && (entry.content_root || !entry.segments.empty());
}

/// What differs between trees of two generations, told by size and time.
using Differs = std::function<Result<void>(storage::Change, const Entry*, const Entry*)>;

}  // namespace

Result<ObjectId> empty_tree(const storage::KeyRing& keys, StoreSink& sink) {
  BEFFROI_TRY(const storage::TreeRoot root, storage::TreeBuilder(keys, sink).finish());
  BEFFROI_CHECK(sink.flush());
  return root.object.id;
}

Result<storage::TreeRoot> tree_root(const ObjectOpener& opener, const ObjectId& tree) {
  BEFFROI_TRY(const storage::TreePage page, storage::open_tree_page(opener, tree));
  return storage::TreeRoot{
      .object = page.self.ref, .digest = page.self.digest, .entries = page.self.entries, .bytes = page.self.bytes};
}

Result<ObjectId> edited(const ObjectOpener& opener, StoreSink& sink, const ObjectId& tree, TreeEdits edits,
                        const ObjectId& folders) {
  if (edits.empty()) return tree;
  BEFFROI_TRY(const auto changes, SoundEdits(opener, tree, folders, std::move(edits)).run());
  BEFFROI_TRY(const storage::TreeRoot root, storage::edit_tree(opener, tree, changes, sink));
  BEFFROI_CHECK(sink.flush());
  return root.object.id;
}

Result<ObjectId> held_back(const ObjectOpener& opener, StoreSink& sink, const ObjectId& before, const ObjectId& after,
                           const std::set<std::string>& paths) {
  const TreeReader old_tree(opener, before);
  const TreeReader new_tree(opener, after);
  TreeEdits edits;
  for (const std::string& path : paths) {
    BEFFROI_TRY(const auto old_entry, old_tree.find(path));
    // What was below it has been taken out already, but for those that are among the paths themselves.
    if (is_folder(old_entry)) {
      edits.insert_or_assign(path, old_entry);
      continue;
    }
    BEFFROI_CHECK(new_tree.for_each(path, [&](const Entry& entry) -> Result<void> {
      edits.try_emplace(entry.path, std::nullopt);
      return {};
    }));
    BEFFROI_CHECK(old_tree.for_each(path, [&](const Entry& entry) -> Result<void> {
      edits.insert_or_assign(entry.path, entry);
      return {};
    }));
  }
  return edited(opener, sink, after, std::move(edits), before);
}

Result<std::vector<MergeChange>> changes_between(const ObjectOpener& opener, const ObjectId& from, const ObjectId& to) {
  std::vector<MergeChange> out;
  BEFFROI_CHECK(storage::diff_trees(opener, from, to,
                                    [&](storage::Change, const Entry* before, const Entry* after) -> Result<void> {
                                      MergeChange change;
                                      change.path = before != nullptr ? before->path : after->path;
                                      if (before != nullptr) change.before = *before;
                                      if (after != nullptr) change.after = *after;
                                      out.push_back(std::move(change));
                                      return {};
                                    }));
  return out;
}

Result<ObjectId> stored_anew(const ObjectOpener& opener, StoreSink& sink, const ObjectId& tree) {
  storage::TreeBuilder builder(sink.keys(), sink);
  ContentCopy copy(opener, sink);
  BEFFROI_CHECK(TreeReader(opener, tree).for_each("", [&](const Entry& entry) -> Result<void> {
    if (!has_content(entry)) return builder.add(entry);
    BEFFROI_TRY(const bool may_be_sent, sink.presence().has_content(entry, true));
    if (may_be_sent) return builder.add(entry);
    BEFFROI_TRY(const Entry copied, copy.of(entry));
    return builder.add(copied);
  }));
  BEFFROI_TRY(const storage::TreeRoot root, builder.finish());
  BEFFROI_CHECK(sink.flush());
  return root.object.id;
}

Result<ObjectId> under_new_keys(const ObjectOpener& old_keys, const ObjectId& theirs, const ObjectOpener& new_keys,
                                const ObjectId& mine, StoreSink& sink) {
  TreeEdits edits;
  ContentCopy copy(old_keys, sink);
  const Differs take = [&](storage::Change, const Entry* before, const Entry* after) -> Result<void> {
    if (after == nullptr) {
      edits.insert_or_assign(before->path, std::nullopt);
      return {};
    }
    if (!has_content(*after)) {
      edits.insert_or_assign(after->path, *after);
      return {};
    }
    BEFFROI_TRY(Entry copied, copy.of(*after));
    edits.insert_or_assign(after->path, std::move(copied));
    return {};
  };
  BEFFROI_CHECK(storage::diff_trees(new_keys, mine, old_keys, theirs, take));
  BEFFROI_CHECK(sink.flush());
  return edited(new_keys, sink, mine, std::move(edits), mine);
}

Result<ObjectId> unchanged_since(const ObjectOpener& old_keys, const ObjectId& before, const ObjectOpener& new_keys,
                                 const ObjectId& mine, StoreSink& sink) {
  TreeEdits edits;
  const Differs take = [&](storage::Change change, const Entry*, const Entry* after) -> Result<void> {
    if (after != nullptr && (change == storage::Change::added || change == storage::Change::content))
      edits.insert_or_assign(after->path, std::nullopt);
    return {};
  };
  BEFFROI_CHECK(storage::diff_trees(old_keys, before, new_keys, mine, take));
  return edited(new_keys, sink, mine, std::move(edits), mine);
}

}  // namespace beffroi::daemon
