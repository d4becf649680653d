#include "storage/tree/tree_walk.h"

namespace beffroi::storage {
namespace {

// What is below "a" begins with "a\0": "a\1" is the least path behind all of it.
constexpr char kBehindSeparator = '\1';

}  // namespace

struct TreeCursor::State {
  TreeWalk walk;
  bool started = false;

  Result<void> start() {
    if (started) return {};
    started = true;
    return walk.start();
  }
  /// Stands before an entry then, or at the end.
  Result<void> enter_leaf() {
    BEFFROI_CHECK(start());
    while (walk.subtree() != nullptr) {
      walk.prefetch();
      BEFFROI_CHECK(walk.enter());
    }
    return {};
  }
};

TreeCursor::TreeCursor(const ObjectOpener& opener, ObjectId root)
    : state_(std::make_unique<State>(State{TreeWalk(opener, root)})) {}

TreeCursor::~TreeCursor() = default;

Result<std::optional<Entry>> TreeCursor::next() {
  BEFFROI_CHECK(state_->enter_leaf());
  if (state_->walk.at_end()) return std::nullopt;
  return state_->walk.take_entry();
}

Result<std::optional<std::vector<Entry>>> TreeCursor::next_entries() {
  BEFFROI_CHECK(state_->enter_leaf());
  if (state_->walk.at_end()) return std::nullopt;
  return state_->walk.take_entries();
}

Result<std::optional<TreeLeaf>> TreeCursor::next_leaf() {
  BEFFROI_CHECK(state_->enter_leaf());
  if (state_->walk.at_end()) return std::nullopt;
  return state_->walk.take_leaf();
}

Result<void> TreeCursor::seek(std::string_view path) {
  BEFFROI_CHECK(state_->start());
  if (!path.empty()) return state_->walk.seek_at_least(std::string(path) + kBehindSeparator);
  while (!state_->walk.at_end()) state_->walk.pass();
  return {};
}

Result<void> TreeCursor::seek_at_least(std::string_view path) {
  BEFFROI_CHECK(state_->start());
  return state_->walk.seek_at_least(path);
}

TreeReader::TreeReader(const ObjectOpener& opener, ObjectId root) : opener_(opener), root_(root) {}

Result<void> TreeReader::for_each(std::string_view path, const std::function<Result<void>(const Entry&)>& visit) const {
  TreeCursor cursor(opener_, root_);
  BEFFROI_CHECK(cursor.seek_at_least(path));
  for (;;) {
    BEFFROI_TRY(const std::optional<Entry> entry, cursor.next());
    if (!entry || !is_at_or_below(entry->path, path)) return {};
    BEFFROI_CHECK(visit(*entry));
  }
}

Result<std::optional<Entry>> TreeReader::find(std::string_view path) const {
  TreeCursor cursor(opener_, root_);
  BEFFROI_CHECK(cursor.seek_at_least(path));
  BEFFROI_TRY(std::optional<Entry> entry, cursor.next());
  if (entry && entry->path != path) entry.reset();
  return entry;
}

Result<void> TreeReader::list(std::string_view directory,
                              const std::function<Result<void>(const Entry&)>& visit) const {
  const std::string prefix = directory.empty() ? std::string() : std::string(directory) + '\0';
  TreeCursor cursor(opener_, root_);
  // The root directory's own path is the only one that begins with its prefix.
  BEFFROI_CHECK(cursor.seek_at_least(directory.empty() ? std::string(1, kBehindSeparator) : prefix));
  for (;;) {
    BEFFROI_TRY(const std::optional<Entry> entry, cursor.next());
    if (!entry || !entry->path.starts_with(prefix)) return {};
    // A path further down stands for a directory that has no entry of its own.
    const std::size_t end = entry->path.find('\0', prefix.size());
    if (end == std::string::npos) BEFFROI_CHECK(visit(*entry));
    BEFFROI_CHECK(cursor.seek(std::string_view(entry->path).substr(0, end)));
  }
}

}  // namespace beffroi::storage
