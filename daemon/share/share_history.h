// What became of the files of a share, told from its snapshots: who changed what and when, the versions of one file,
// and what was deleted. A change is that of the snapshot in which a path differs from all snapshots which that one
// continues: what a merge only brings together counts for those who made it.
//
// Digests of two generations of content keys do not compare: across them a file of the same size and time is the same.
#pragma once

#include "daemon/service/progress.h"
#include "daemon/share/share_timeline.h"

namespace beffroi::daemon {

enum class PathAct : std::uint8_t {
  added,
  changed,  ///< its content
  renamed,  ///< from PathChange::from, with the content that it had there
  deleted,
  details,  ///< its times or rights alone; of files only
};
/// Stable lower-case name, for JSON and CSV.
const char* path_act_name(PathAct act);

/// An entry path as people read it: from the folder's top, with '/'; "." is the folder itself.
std::string share_path_text(std::string_view entry_path);

/// What one snapshot did to one path.
struct PathChange {
  PathAct act = PathAct::added;
  std::string path;  ///< entry path
  std::string from;
  storage::EntryType type = storage::EntryType::file;
  std::optional<std::uint64_t> size_before, size_after;
};

/// One version of a path, or that it was deleted.
struct PathVersion {
  std::size_t moment = 0;  ///< its place in the timeline
  PathAct act = PathAct::added;
  std::string path;                     ///< what it was called then
  std::optional<storage::Entry> entry;  ///< nullopt: deleted
};

/// A file that was there and is gone.
struct TrashItem {
  std::string path;
  storage::EntryType type = storage::EntryType::file;
  std::uint64_t size = 0;
  std::size_t deleted = 0;  ///< place of the snapshot that did it
  std::size_t last = 0;     ///< place of the newest snapshot that has it
};

/// What a rewind to a time comes to.
struct Rewind {
  Snapshot as_of;                                     ///< the newest snapshot there was then: its tree is taken whole
  std::uint64_t added = 0, changed = 0, deleted = 0;  ///< files, from what is there now
  bool others_open = false;  ///< others had made snapshots then which it does not have yet: what they changed goes too
};

/// Blocking, and for one thread. Trees are read from `source`. Errors are those of reading, and cancelled.
class ShareHistory {
 public:
  /// Both outlive it.
  static Result<ShareHistory> open(Vault& vault, std::shared_ptr<storage::ObjectSource> source, Progress& progress);

  const ShareTimeline& timeline() const { return timeline_; }

  using Visit = std::function<Result<void>(const Moment&, const PathChange&)>;
  /// All changes since then and before `until`, the newest snapshot first, in it by path. Stops at the first error of
  /// `visit`.
  Result<void> changes(storage::UnixTime since, storage::UnixTime until, const Visit& visit);

  /// Of one path and of what it was called before, newest first, `most` at most. not_found: it never was there.
  Result<std::vector<PathVersion>> versions(const std::string& path, std::size_t most);
  /// The version in the snapshot whose id begins so, made there or only standing there, as the trash names it; of ""
  /// the newest that is there, of a deleted path the last one. A folder is what it was in that snapshot, or last.
  /// not_found.
  Result<PathVersion> version(const std::string& path, const std::string& commit);

  /// Files and links that were deleted since then and are nowhere under their path now, the last deleted first.
  Result<std::vector<TrashItem>> trash(storage::UnixTime since, std::size_t most);

  /// not_found: there was no snapshot yet. wrong_state: it is of other content keys than those of now (somebody was
  /// shut out since): what is in it can be restored, file by file.
  Result<Rewind> rewind(storage::UnixTime to);

  /// Reads trees of this snapshot.
  Result<const storage::ObjectOpener*> opener(const Snapshot& snapshot);

 private:
  ShareHistory(Vault& vault, std::shared_ptr<storage::ObjectSource> source, Progress& progress, ShareTimeline timeline);
  class PathWalk;
  Result<std::vector<PathChange>> own_changes(const Moment& moment);
  Result<std::vector<PathChange>> everything(const Moment& moment);
  Result<std::optional<storage::Entry>> find(std::size_t moment, const std::string& path);
  Result<std::optional<PathVersion>> standing_at(const std::string& path, const std::string& commit);
  bool same(std::size_t a, const storage::Entry& in_a, std::size_t b, const storage::Entry& in_b) const;
  Result<std::optional<std::string>> renamed_from(const Moment& moment, std::size_t before,
                                                  const storage::Entry& entry);
  Result<void> go_on() const;

  Vault& vault_;
  std::shared_ptr<storage::ObjectSource> source_;
  Progress& progress_;
  ShareTimeline timeline_;
  std::map<std::uint32_t, storage::ObjectOpener> openers_;  ///< by generation of content keys
};

/// Makes the tree of `rewind` the newest state of the space, as a snapshot of this device on top of all others: nothing
/// is lost, and the folders of all members follow. `author`: who asked for it. Durable; to be sent like any other. The
/// errors of Vault::can_write and Vault::commit; busy: a cycle of the folder runs, or a collection.
Result<storage::Commit> commit_rewind(Vault& vault, const ShareTimeline& timeline, const Rewind& rewind,
                                      const storage::ChangeAuthor& author);

}  // namespace beffroi::daemon
