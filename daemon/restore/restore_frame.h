// Encoding of the restore stream's frames, and its inverse for clients and tests of the daemon's side.
#pragma once

#include "daemon/restore/restore_stream.h"

namespace beffroi::daemon {

enum class RestoreFrameType : std::uint8_t { entry = 'E', data = 'D', failure = 'F', end = 'Z', stream_failure = 'X' };

inline constexpr std::size_t kFrameHeaderBytes = 5;

Bytes entry_frame(const storage::Entry& entry);
/// `bytes` fits one frame (asserted).
Bytes data_frame(std::uint64_t offset, ByteView bytes);
Bytes failure_frame(const std::string& entry_path, const Error& reason);
/// The whole stream fails here.
Bytes stream_failure_frame(const Error& error);
Bytes end_frame(const RestoreCounts& counts);

}  // namespace beffroi::daemon
