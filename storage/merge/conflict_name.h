// The name of the version that lost: "rapport (conflit - Claire, PC mairie, 2026-11-23 14h05).docx".
// Each replica that merges must find the same name. So all that goes into it is said by whoever made the losing version
// and travels with it, words and hour too: nothing is taken from the machine or the language of who merges.
#pragma once

#include "storage/format/types.h"

namespace beffroi::storage {

/// In the language of the version's author.
struct ConflictWords {
  std::string conflict = "conflict";  ///< fr: "conflit"
  std::string hour_mark = ".";        ///< between hours and minutes; fr: "h". No name on Windows can hold a colon
  auto operator<=>(const ConflictWords&) const = default;
};

struct ChangeAuthor {
  std::string person;  ///< as people read it; empty when unknown
  std::string device;  ///< the same
  ConflictWords words;
  std::int32_t utc_offset_s = 0;  ///< of the author's local time
  auto operator<=>(const ChangeAuthor&) const = default;
};

struct MergeConflict {
  std::string path;  ///< the name that both wanted
  std::string copy;  ///< where the version is that did not get it
  bool operator==(const MergeConflict&) const = default;
};

/// Longest name that Linux and Windows both take.
inline constexpr std::size_t kMaxFileNameBytes = 255;
/// Longest beginning of a person's or a device's name that a conflict's name repeats.
inline constexpr std::size_t kMaxAuthorNameBytes = 40;

/// `text` as part of a file's name: characters that a name can't hold on Linux or Windows, control characters, marks
/// that turn the direction of writing and bytes that are not UTF-8 become '_'; no space or dot at either end.
std::string name_part(std::string_view text, std::size_t max_bytes);

/// `number` counts from 1; from 2 on it stands in the name. The extension stays, at most kMaxFileNameBytes come out
/// (the middle of the name gives way), and the name's other bytes are left as they are. Times before 1970 and after
/// 9999 are moved there.
std::string conflict_name(std::string_view name, const ChangeAuthor& author, UnixTime changed, std::size_t number);

}  // namespace beffroi::storage
