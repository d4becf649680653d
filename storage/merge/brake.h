// The brake of a synced folder: whether what one cycle found may be passed on to the other members, or somebody has to
// say so first. It holds what no person does in a folder by hand: a disk that is not there, everything gone, a program
// that rewrites one file after another. Pure: the caller looks at the folder.
#pragma once

#include "storage/merge/side_changes.h"

namespace beffroi::storage {

/// More than this many files deleted or rewritten in one cycle…
inline constexpr std::uint64_t kBrakeFiles = 200;
/// …or more than this part of the files that were there…
inline constexpr std::uint64_t kBrakePercent = 20;
/// …but of a part only from this many files on. (Why: in a folder of three files every deletion is 33 %. Who is asked
/// each time learns to say yes, and fewer than ten files are brought back from the trash in a minute.)
inline constexpr std::uint64_t kBrakeLeastFiles = 10;
/// A folder that had this many files or more, and has none now, is emptied. (Why not one: who moves the only file away
/// knows it; and a disk that is gone shows by the missing marker.)
inline constexpr std::uint64_t kBrakeEmptiedFiles = 2;

/// What was found under the path of the synced folder.
enum class FolderFound : std::uint8_t {
  same,
  missing,  ///< no folder
  other,    ///< a folder, but without the marker of this space, or not the one that was marked: a disk is not mounted
};

/// Since the last state that all had agreed on: a caller that looks often adds up what it has not passed on for long
/// (an hour, say), or a program that works slowly would stay below the bounds.
struct CycleCounts {
  std::uint64_t files_before = 0;
  std::uint64_t files_after = 0;
  std::uint64_t deleted = 0;    ///< files that went and did not turn up elsewhere
  std::uint64_t rewritten = 0;  ///< files whose content is another one now, under the old name or a new one
  bool operator==(const CycleCounts&) const = default;
};

/// Of files; renames count neither way, nor do new times or rights. `files_before` is what the ancestor had.
CycleCounts count_cycle(const SideChanges& changes, std::uint64_t files_before);

enum class BrakeReason : std::uint8_t {
  folder_missing,  ///< FolderFound::missing
  other_folder,    ///< FolderFound::other
  emptied,         ///< all files are gone
  too_many,        ///< deleted or rewritten, in number or in part
};
/// Stable lower-case name, for JSON ("folder_missing").
const char* brake_reason_name(BrakeReason reason);

/// The first reason to stop, in the order of the enumeration; nullopt: pass it on. Counts matter only in the same
/// folder.
std::optional<BrakeReason> judge_cycle(FolderFound found, const CycleCounts& counts);

}  // namespace beffroi::storage
