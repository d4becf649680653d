// Puts the segments of one file back into order while its pieces are stored by several threads.
#pragma once

#include <map>
#include <mutex>

#include "daemon/backup/slot.h"
#include "storage/tree/content.h"

namespace beffroi::daemon {

/// Thread-safe. Memory: segments that came before their turn, as many as pieces are under way.
class FileAssembly {
 public:
  FileAssembly(SlotPointer slot, const storage::KeyRing& keys, storage::ObjectSink& sink)
      : slot_(std::move(slot)), builder_(keys, sink) {}

  /// The segment of the piece `index`. True when with it the entry's content is complete.
  Result<bool> deliver(std::size_t index, storage::Segment segment);
  /// The file has this many pieces. True when they are all there.
  Result<bool> end_at(std::size_t pieces);
  const SlotPointer& slot() const { return slot_; }

 private:
  Result<bool> finish_if_complete();
  const SlotPointer slot_;
  std::mutex mutex_;
  storage::ContentBuilder builder_;
  std::map<std::size_t, storage::Segment> early_;
  std::size_t next_ = 0;
  std::optional<std::size_t> total_;
};

/// Finds the chunk of a file's earlier version that overlaps most with a stretch of the new one.
class EarlierChunks {
 public:
  /// Segments of `previous`, if it is a file; of a huge one the first kMaxSegments.
  EarlierChunks(const std::optional<storage::Entry>& previous, const storage::ObjectOpener& opener);
  std::optional<storage::ObjectRef> overlapping(std::uint64_t offset, std::uint64_t length) const;

  static constexpr std::size_t kMaxSegments = 32 * 1024;

 private:
  struct Chunk {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    storage::ObjectRef object;
  };
  std::vector<Chunk> chunks_;
};

}  // namespace beffroi::daemon
