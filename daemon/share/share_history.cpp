#include "daemon/share/share_history.h"

#include <algorithm>
#include <queue>

#include "storage/merge/version.h"

namespace beffroi::daemon {
namespace {

using storage::Change;
using storage::Digest;
using storage::Entry;
using storage::EntryType;

/// What differs at a path between a snapshot and one that it continues.
struct Difference {
  PathChange change;
  std::optional<Digest> before, after;  ///< of a file's content; nullopt: nothing to recognise it by
};
using Differences = std::map<std::string, Difference>;

std::optional<Digest> content_of(const Entry& entry) {
  if (entry.type != EntryType::file || entry.size == 0) return std::nullopt;
  return entry.content_digest;
}

PathAct act_of(Change change) {
  switch (change) {
    case Change::added:
      return PathAct::added;
    case Change::removed:
      return PathAct::deleted;
    case Change::content:
      return PathAct::changed;
    case Change::metadata:
      return PathAct::details;
  }
  return PathAct::details;
}

Difference difference_of(Change change, const Entry* before, const Entry* after) {
  const Entry& shown = after != nullptr ? *after : *before;
  Difference out;
  out.change = {
      .act = act_of(change), .path = shown.path, .from = {}, .type = shown.type, .size_before = {}, .size_after = {}};
  if (before != nullptr) out.change.size_before = before->size;
  if (after != nullptr) out.change.size_after = after->size;
  if (before != nullptr) out.before = content_of(*before);
  if (after != nullptr) out.after = content_of(*after);
  return out;
}

/// Files that went under one path and came under another are renamed. Each goes once.
std::vector<PathChange> with_renames(Differences differences) {
  std::multimap<Digest, std::string> gone;
  for (const auto& [path, difference] : differences)
    if (difference.change.act == PathAct::deleted && difference.before) gone.emplace(*difference.before, path);
  for (auto& [path, difference] : differences) {
    if (difference.change.act != PathAct::added || !difference.after) continue;
    const auto from = gone.find(*difference.after);
    if (from == gone.end()) continue;
    difference.change.act = PathAct::renamed;
    difference.change.from = from->second;
    difference.change.size_before = difference.change.size_after;
    gone.erase(from);
  }
  std::set<std::string> moved;
  for (const auto& [path, difference] : differences)
    if (difference.change.act == PathAct::renamed) moved.insert(difference.change.from);
  std::vector<PathChange> out;
  for (auto& [path, difference] : differences)
    if (!moved.contains(path)) out.push_back(std::move(difference.change));
  return out;
}

bool is_listed(const Entry& entry) { return entry.type != EntryType::directory; }

}  // namespace

std::string share_path_text(std::string_view entry_path) {
  return entry_path.empty() ? "." : storage::to_display_path(entry_path).substr(1);
}

const char* path_act_name(PathAct act) {
  switch (act) {
    case PathAct::added:
      return "added";
    case PathAct::changed:
      return "changed";
    case PathAct::renamed:
      return "renamed";
    case PathAct::deleted:
      return "deleted";
    case PathAct::details:
      return "details";
  }
  return "details";
}

ShareHistory::ShareHistory(Vault& vault, std::shared_ptr<storage::ObjectSource> source, Progress& progress,
                           ShareTimeline timeline)
    : vault_(vault), source_(std::move(source)), progress_(progress), timeline_(std::move(timeline)) {}

Result<ShareHistory> ShareHistory::open(Vault& vault, std::shared_ptr<storage::ObjectSource> source,
                                        Progress& progress) {
  BEFFROI_TRY(ShareTimeline timeline, ShareTimeline::read(vault));
  return ShareHistory(vault, std::move(source), progress, std::move(timeline));
}

Result<void> ShareHistory::go_on() const {
  if (progress_.cancel) return fail(ErrorCode::cancelled, N_("Looking through the space's history was stopped."));
  return {};
}

Result<const storage::ObjectOpener*> ShareHistory::opener(const Snapshot& snapshot) {
  const std::uint32_t generation = snapshot.sealed.content_generation;
  const auto known = openers_.find(generation);
  if (known != openers_.end()) return &known->second;
  BEFFROI_TRY(auto keys, vault_.keys_for(generation));
  return &openers_.emplace(generation, storage::ObjectOpener(std::move(keys), source_)).first->second;
}

Result<std::optional<Entry>> ShareHistory::find(std::size_t moment, const std::string& path) {
  const Snapshot& snapshot = timeline_.moments()[moment].snapshot;
  BEFFROI_TRY(const auto* const with, opener(snapshot));
  return storage::TreeReader(*with, snapshot.commit.clear.root).find(path);
}

bool ShareHistory::same(std::size_t a, const Entry& in_a, std::size_t b, const Entry& in_b) const {
  const auto generation = [&](std::size_t i) { return timeline_.moments()[i].snapshot.sealed.content_generation; };
  if (in_a.type != EntryType::file || in_b.type != EntryType::file || generation(a) == generation(b))
    return storage::same_content(in_a, in_b);
  return in_a.size == in_b.size && in_a.mtime_s == in_b.mtime_s && in_a.mtime_ns == in_b.mtime_ns;
}

/// Of a snapshot that continues none: all that is in it.
Result<std::vector<PathChange>> ShareHistory::everything(const Moment& moment) {
  std::vector<PathChange> out;
  BEFFROI_TRY(const auto* const with, opener(moment.snapshot));
  BEFFROI_CHECK(storage::TreeReader(*with, moment.snapshot.commit.clear.root)
                    .for_each("", [&](const Entry& entry) -> Result<void> {
                      if (!entry.path.empty()) out.push_back(difference_of(Change::added, nullptr, &entry).change);
                      return go_on();
                    }));
  return out;
}

Result<std::vector<PathChange>> ShareHistory::own_changes(const Moment& moment) {
  BEFFROI_CHECK(go_on());
  if (moment.behind.empty()) return everything(moment);
  BEFFROI_TRY(const auto* const with, opener(moment.snapshot));
  std::optional<Differences> out;
  for (const std::size_t before : moment.behind) {
    const Snapshot& earlier = timeline_.moments()[before].snapshot;
    BEFFROI_TRY(const auto* const with_earlier, opener(earlier));
    Differences found;
    const auto visit = [&](Change change, const Entry* was, const Entry* is) -> Result<void> {
      const Entry& entry = is != nullptr ? *is : *was;
      const bool differs_from_all = !out || out->contains(entry.path);
      const bool of_interest = !entry.path.empty() && (change != Change::metadata || is_listed(entry));
      if (differs_from_all && of_interest) found.emplace(entry.path, difference_of(change, was, is));
      return go_on();
    };
    BEFFROI_CHECK(
        storage::diff_trees(*with_earlier, earlier.commit.clear.root, *with, moment.snapshot.commit.clear.root, visit));
    out = std::move(found);
  }
  return with_renames(std::move(*out));
}

Result<void> ShareHistory::changes(storage::UnixTime since, storage::UnixTime until, const Visit& visit) {
  const auto& moments = timeline_.moments();
  for (auto moment = moments.rbegin(); moment != moments.rend(); ++moment) {
    if (moment->time.seconds >= until.seconds) continue;
    if (moment->time.seconds < since.seconds) return {};
    BEFFROI_TRY(const auto changes, own_changes(*moment));
    for (const PathChange& change : changes) BEFFROI_CHECK(visit(*moment, change));
  }
  return {};
}

/// Where a file that is new in `moment` was in a snapshot behind it, and is not any more.
Result<std::optional<std::string>> ShareHistory::renamed_from(const Moment& moment, std::size_t before,
                                                              const Entry& entry) {
  const Snapshot& earlier = timeline_.moments()[before].snapshot;
  if (!content_of(entry)) return std::nullopt;
  BEFFROI_TRY(const auto* const with_earlier, opener(earlier));
  BEFFROI_TRY(const auto* const with, opener(moment.snapshot));
  std::optional<std::string> out;
  BEFFROI_CHECK(storage::diff_trees(*with_earlier, earlier.commit.clear.root, *with, moment.snapshot.commit.clear.root,
                                    [&](Change change, const Entry* was, const Entry*) -> Result<void> {
                                      if (!out && change == Change::removed && content_of(*was) == content_of(entry))
                                        out = was->path;
                                      return go_on();
                                    }));
  return out;
}

/// One walk back from the heads along a path, which changes its name on the way.
class ShareHistory::PathWalk {
 public:
  PathWalk(ShareHistory& history, const std::string& path) : history_(history) {
    for (const std::size_t head : history.timeline_.heads()) wait(head, path);
  }

  /// The next older version; nullopt: there is none.
  Result<std::optional<PathVersion>> next() {
    while (!waiting_.empty()) {
      const auto [place, path] = waiting_.top();
      waiting_.pop();
      BEFFROI_CHECK(history_.go_on());
      BEFFROI_TRY(auto version, step(place, path));
      if (version) return version;
    }
    return std::nullopt;
  }

 private:
  void wait(std::size_t place, const std::string& path) {
    if (seen_.emplace(place, path).second) waiting_.emplace(place, path);
  }

  Result<std::optional<PathVersion>> step(std::size_t place, const std::string& path) {
    const Moment& moment = history_.timeline_.moments()[place];
    BEFFROI_TRY(const auto entry, history_.find(place, path));
    bool is_new = true, was_there = false;
    for (const std::size_t before : moment.behind) {
      BEFFROI_TRY(const auto earlier, history_.find(before, path));
      was_there = was_there || earlier.has_value();
      const bool unchanged = entry && earlier ? history_.same(place, *entry, before, *earlier) : !entry && !earlier;
      is_new = is_new && !unchanged;
      wait(before, path);
    }
    if (moment.behind.empty()) is_new = entry.has_value();
    if (!is_new) return std::nullopt;
    PathVersion out{.moment = place, .act = PathAct::changed, .path = path, .entry = entry};
    if (!entry) out.act = PathAct::deleted;
    if (entry && !was_there) {
      BEFFROI_TRY(out.act, follow_name(moment, *entry));
    }
    return std::optional(std::move(out));
  }

  Result<PathAct> follow_name(const Moment& moment, const Entry& entry) {
    PathAct out = PathAct::added;
    for (const std::size_t before : moment.behind) {
      BEFFROI_TRY(const auto from, history_.renamed_from(moment, before, entry));
      if (!from) continue;
      wait(before, *from);
      out = PathAct::renamed;
    }
    return out;
  }

  ShareHistory& history_;
  std::priority_queue<std::pair<std::size_t, std::string>> waiting_;  // the newest first
  std::set<std::pair<std::size_t, std::string>> seen_;
};

Result<std::vector<PathVersion>> ShareHistory::versions(const std::string& path, std::size_t most) {
  PathWalk walk(*this, path);
  std::vector<PathVersion> out;
  while (out.size() < most) {
    BEFFROI_TRY(auto version, walk.next());
    if (!version) break;
    out.push_back(std::move(*version));
  }
  if (out.empty())
    return fail(ErrorCode::not_found,
                N_("There was never anything called {} in this space, as far back as it is kept."),
                share_path_text(path));
  return out;
}

/// What the newest snapshot whose id begins so has at this path, changed there or not.
Result<std::optional<PathVersion>> ShareHistory::standing_at(const std::string& path, const std::string& commit) {
  const auto& moments = timeline_.moments();
  for (std::size_t place = moments.size(); place-- > 0;) {
    if (!moments[place].snapshot.commit.id.hex().starts_with(commit)) continue;
    BEFFROI_CHECK(go_on());
    BEFFROI_TRY(auto entry, find(place, path));
    if (entry) return PathVersion{.moment = place, .act = PathAct::changed, .path = path, .entry = std::move(entry)};
  }
  return std::nullopt;
}

Result<PathVersion> ShareHistory::version(const std::string& path, const std::string& commit) {
  BEFFROI_TRY(auto standing, standing_at(path, commit));
  // A folder has no versions of its own: the walk knows only when it came and went.
  if (standing && standing->entry->type == EntryType::directory) return std::move(*standing);
  PathWalk walk(*this, path);
  for (;;) {
    BEFFROI_TRY(auto version, walk.next());
    if (!version) break;
    const std::string id = timeline_.moments()[version->moment].snapshot.commit.id.hex();
    if (version->entry && id.starts_with(commit)) return std::move(*version);
  }
  if (standing) return std::move(*standing);
  return fail(ErrorCode::not_found,
              N_("There is no such version of {}. 'beffroi space versions' lists those that there "
                 "are."),
              share_path_text(path));
}

Result<std::vector<TrashItem>> ShareHistory::trash(storage::UnixTime since, std::size_t most) {
  const auto& moments = timeline_.moments();
  const auto heads = timeline_.heads();
  std::vector<TrashItem> out;
  std::set<std::string> seen;
  for (std::size_t place = moments.size(); place-- > 0;) {
    if (moments[place].time.seconds < since.seconds) break;
    if (moments[place].behind.empty()) continue;
    BEFFROI_TRY(const auto changes, own_changes(moments[place]));
    for (const PathChange& change : changes) {
      if (change.act != PathAct::deleted || change.type == EntryType::directory) continue;
      if (!seen.insert(change.path).second) continue;
      bool is_there = false;
      for (const std::size_t head : heads) {
        BEFFROI_TRY(const auto now, find(head, change.path));
        is_there = is_there || now.has_value();
      }
      if (is_there) continue;
      if (out.size() == most) return out;
      out.push_back({.path = change.path,
                     .type = change.type,
                     .size = change.size_before.value_or(0),
                     .deleted = place,
                     .last = moments[place].behind.back()});
    }
  }
  return out;
}

Result<Rewind> ShareHistory::rewind(storage::UnixTime to) {
  const auto then = timeline_.heads(to);
  const auto now = timeline_.heads();
  if (then.empty())
    return fail(ErrorCode::not_found, N_("The space has no snapshot that is so old. 'beffroi space changes' shows how "
                                         "far back it goes."));
  Rewind out{.as_of = timeline_.moments()[then.back()].snapshot};
  out.others_open = then.size() > 1;
  if (out.as_of.sealed.content_generation != vault_.keys()->content_keys().generation)
    return fail(ErrorCode::wrong_state,
                N_("The keys of the space were renewed since then, because somebody was shut out: it can't be set back "
                   "as a whole. 'beffroi space restore' brings single files and folders back."));
  const Snapshot& newest = timeline_.moments()[now.back()].snapshot;
  BEFFROI_TRY(const auto* const with_newest, opener(newest));
  BEFFROI_TRY(const auto* const with, opener(out.as_of));
  const auto visit = [&](Change change, const Entry* was, const Entry* is) -> Result<void> {
    if (!is_listed(is != nullptr ? *is : *was)) return go_on();
    if (change == Change::added) ++out.added;
    if (change == Change::content) ++out.changed;
    if (change == Change::removed) ++out.deleted;
    return go_on();
  };
  BEFFROI_CHECK(storage::diff_trees(*with_newest, newest.commit.clear.root, *with, out.as_of.commit.clear.root, visit));
  return out;
}

}  // namespace beffroi::daemon
