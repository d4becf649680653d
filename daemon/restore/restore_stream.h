// Verified plaintext on its way to a client: the daemon opens and checks, the client writes with the caller's own
// rights. Stream of frames, each le32 length ‖ type ‖ body:
//   entry   'E'  CBOR of the entry's logical encoding (entry.h)
//   data    'D'  le64 offset ‖ bytes, of the last file entry
//   failure 'F'  CBOR [entry path, msgid, [arguments…]]: this file's content can't be given, or, when no entry of that
//                path came before, the whole entry was left out; others go on
//   end     'Z'  CBOR [entries, bytes, failures]: without it the stream was cut
#pragma once

#include <functional>

#include "daemon/service/progress.h"
#include "storage/tree/content.h"
#include "storage/tree/tree.h"

namespace beffroi::daemon {

inline constexpr std::size_t kMaxRestoreFrameBytes = 2U * 1024 * 1024;

struct RestoreCounts {
  std::uint64_t entries = 0, bytes = 0, failures = 0;
  std::uint64_t damaged = 0, missing = 0;  ///< failures because an object is damaged, or not there; not in the frame
};

/// Called for each entry; false leaves it (and its content) out: access control.
using EntryFilter = std::function<bool(const storage::Entry&)>;
/// Takes one encoded frame, in two parts so that contents need not be copied together; may block for back-pressure; an
/// error stops the stream.
using FrameWriter = std::function<Result<void>(ByteView head, ByteView rest)>;
/// Told of plaintext that was opened and whose digest was checked: feeds the dedup index after a recovery.
using VerifiedSegment = std::function<void(const storage::Segment&)>;

/// Asked before a failure is told of, and once more at the end when there was any (`at_end`): an error ends the stream
/// instead. For a snapshot that may go while it is restored: what it lacks then is no damage.
using StillThere = std::function<Result<void>(bool at_end)>;

/// Changes an entry before it is sent, except its path and content; an error is sent as a failure in its place.
using EntryEdit = std::function<std::optional<Error>(storage::Entry&)>;

struct RestoreSelection {
  std::string path;  ///< entry path; "" for everything
};

/// Streams the selections in tree order. Blocking; reads ahead on `read_ahead_threads` threads of its own; memory
/// bounded. Damaged or missing content of one file is a failure frame; a damaged tree is an error (corrupt).
Result<RestoreCounts> stream_restore(const storage::ObjectOpener& opener, const storage::ObjectId& root,
                                     const std::vector<RestoreSelection>& selections, const EntryFilter& may_read,
                                     const FrameWriter& write, const VerifiedSegment& verified, Progress& progress,
                                     std::size_t read_ahead_threads, const StillThere& still_there = {},
                                     const EntryEdit& edit = {});

}  // namespace beffroi::daemon
