#include "storage/tree/tree_walk.h"

namespace beffroi::storage {
namespace {

using Visit = std::function<Result<void>(Change, const Entry*, const Entry*)>;

/// Two trees side by side. What equals in both is passed in the largest pieces that both have.
class TreeDiff {
 public:
  TreeDiff(TreeWalk before, TreeWalk after, bool comparable_digests, const Visit& visit)
      : before_(std::move(before)), after_(std::move(after)), comparable_digests_(comparable_digests), visit_(visit) {}

  Result<void> run() {
    BEFFROI_CHECK(before_.start());
    BEFFROI_CHECK(after_.start());
    if (before_.digest() == after_.digest()) return {};
    while (!before_.at_end() || !after_.at_end()) BEFFROI_CHECK(step());
    return {};
  }

 private:
  // The end is greater than every path.
  std::strong_ordering order() const {
    if (before_.at_end() || after_.at_end()) return before_.at_end() <=> after_.at_end();
    return before_.path() <=> after_.path();
  }

  // Whichever begins first has no equal piece on the other side, unless both begin with the same path.
  Result<void> step() {
    const std::strong_ordering first = order();
    const TreeChild* const before = before_.subtree();
    const TreeChild* const after = after_.subtree();
    if (first == 0 && before != nullptr && after != nullptr) return step_subtrees(*before, *after);
    if (before != nullptr && first <= 0) return before_.enter();
    if (after != nullptr && first >= 0) return after_.enter();
    return step_entries(first);
  }

  Result<void> step_subtrees(const TreeChild& before, const TreeChild& after) {
    if (before.level == after.level && before.digest == after.digest) {
      before_.pass();
      after_.pass();
      return {};
    }
    return before.level >= after.level ? before_.enter() : after_.enter();
  }

  Result<void> step_entries(std::strong_ordering first) {
    if (first < 0) return tell(Change::removed, true, false);
    if (first > 0) return tell(Change::added, false, true);
    const auto change = compare(*before_.entry(), *after_.entry());
    if (change) return tell(*change, true, true);
    before_.pass();
    after_.pass();
    return {};
  }

  Result<void> tell(Change change, bool has_before, bool has_after) {
    BEFFROI_CHECK(visit_(change, has_before ? before_.entry() : nullptr, has_after ? after_.entry() : nullptr));
    if (has_before) before_.pass();
    if (has_after) after_.pass();
    return {};
  }

  bool same_content(const Entry& a, const Entry& b) const {
    if (a.type != b.type || a.size != b.size || a.link_target != b.link_target) return false;
    if (a.device_major != b.device_major || a.device_minor != b.device_minor) return false;
    if (comparable_digests_) return a.content_digest == b.content_digest;
    return a.type != EntryType::file || (a.mtime_s == b.mtime_s && a.mtime_ns == b.mtime_ns);
  }

  std::optional<Change> compare(const Entry& a, const Entry& b) const {
    if (!same_content(a, b)) return Change::content;
    Bytes logical_a = encode_entry_logical(a);
    if (!comparable_digests_) logical_a = encode_with_digest(a, b.content_digest);
    if (logical_a != encode_entry_logical(b)) return Change::metadata;
    return std::nullopt;
  }

  static Bytes encode_with_digest(Entry entry, const Digest& digest) {
    entry.content_digest = digest;
    return encode_entry_logical(entry);
  }

  TreeWalk before_;
  TreeWalk after_;
  bool comparable_digests_;
  const Visit& visit_;
};

}  // namespace

Result<void> diff_trees(const ObjectOpener& before_opener, ObjectId before, const ObjectOpener& after_opener,
                        ObjectId after, const Visit& visit) {
  if (before == after) return {};
  const bool comparable = before_opener.keys().digests().generation() == after_opener.keys().digests().generation();
  return TreeDiff(TreeWalk(before_opener, before), TreeWalk(after_opener, after), comparable, visit).run();
}

Result<void> diff_trees(const ObjectOpener& opener, ObjectId before, ObjectId after, const Visit& visit) {
  return diff_trees(opener, before, opener, after, visit);
}

}  // namespace beffroi::storage
