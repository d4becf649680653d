// One name as one side has it, and how two sides' versions of it are compared and joined. Pure functions.
#pragma once

#include "storage/tree/entry.h"

namespace beffroi::storage {

/// Of the two sides that a merge joins. Nothing that a merge decides depends on which is which.
enum class MergeSide : std::uint8_t { ours = 0, theirs = 1 };
inline constexpr MergeSide other_side(MergeSide side) {
  return side == MergeSide::ours ? MergeSide::theirs : MergeSide::ours;
}

/// Type, bytes, link target and device numbers are the same. Two folders always have the same content.
bool same_content(const Entry& a, const Entry& b);

/// Which of two versions keeps the name: the greater one, that is the one changed last, or else the one with the
/// greater digest, or the greater encoding. Depends on the versions alone, not on their paths; equal only when nothing
/// else tells them apart.
std::strong_ordering compare_versions(const Entry& a, const Entry& b);

/// `content`, with mode, owner, group, mtime and attributes merged one by one with those of `other`: what only one of
/// them changed since `base` is as changed, of what both changed the greater (of times: the later) stands. Without
/// `base` everything counts as changed. Symmetrical when both have the same content.
Entry merge_metadata(const Entry* base, const Entry& content, const Entry& other);

/// The entry at another path.
Entry moved_to(Entry entry, std::string_view path);

}  // namespace beffroi::storage
