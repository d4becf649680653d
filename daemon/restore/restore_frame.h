// Encoding of the restore stream's frames, and its inverse for clients and tests of the daemon's side.
#pragma once

#include "daemon/restore/restore_stream.h"

namespace beffroi::daemon {

enum class RestoreFrameType : std::uint8_t { entry = 'E', data = 'D', failure = 'F', end = 'Z', stream_failure = 'X' };

inline constexpr std::size_t kFrameHeaderBytes = 5;
inline constexpr std::size_t kDataHeadBytes = kFrameHeaderBytes + 8;  ///< with the offset
/// Data that fit one frame.
inline constexpr std::size_t kMaxFrameDataBytes = kMaxRestoreFrameBytes - (kDataHeadBytes - kFrameHeaderBytes);

Bytes entry_frame(const storage::Entry& entry);
/// What stands before a frame's `bytes` of data, at most kMaxFrameDataBytes (asserted).
std::array<std::uint8_t, kDataHeadBytes> data_frame_head(std::uint64_t offset, std::size_t bytes);
Bytes failure_frame(const std::string& entry_path, const Error& reason);
/// The whole stream fails here.
Bytes stream_failure_frame(const Error& error);
Bytes end_frame(const RestoreCounts& counts);

}  // namespace beffroi::daemon
