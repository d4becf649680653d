// Reads the files that have changed, on threads of its own: readers open, read and cut; workers digest, look up,
// compress, seal and store the pieces. One huge file keeps all workers busy, and so do many small ones.
#pragma once

#include "daemon/backup/file_reader.h"
#include "daemon/backup/problems.h"
#include "daemon/backup/slot.h"
#include "daemon/backup/store_sink.h"
#include "daemon/backup/work_queue.h"

namespace beffroi::daemon {

/// Bounds of what is between the stages.
inline constexpr std::size_t kMaxFilesWaiting = 128;
inline constexpr std::size_t kMaxPiecesWaiting = 2048;
inline constexpr std::size_t kMaxPieceBytesWaiting = std::size_t{3} * 1024 * 1024;

class FileAssembly;

/// submit() and finish() are called by one thread.
class ContentStage {
 public:
  /// All references outlive the stage.
  ContentStage(StoreSink& sink, Presence& presence, ProblemList& problems, RunState& run, Progress& progress,
               std::size_t threads, storage::ObjectOpener opener);
  ~ContentStage();

  /// Takes a slot whose `done` is false; it turns true when its content is known. Blocks while too many wait.
  void submit(const SlotPointer& slot);
  /// Nothing more comes; waits for all that was submitted.
  void finish();

 private:
  struct Piece {
    std::shared_ptr<FileAssembly> file;
    std::size_t index = 0;
    FilePiece content;
    PieceRules rules;
  };
  void read_files();
  Result<void> read_file(FileReader& reader, Slot& slot, const SlotPointer& owner);
  Result<bool> read_attempt(FileReader& reader, const SlotPointer& slot, bool is_last);
  Result<bool> take_small(Slot& slot, Bytes content);
  Result<void> keep_previous(Slot& slot, const Error& reason);
  void process_pieces();
  void complete(Slot& slot);

  StoreSink& sink_;
  Presence& presence_;
  ProblemList& problems_;
  RunState& run_;
  Progress& progress_;
  const storage::ObjectOpener opener_;
  const storage::Chunker chunker_;
  ReadBuffers buffers_;
  WorkQueue<SlotPointer> files_;
  WorkQueue<Piece> pieces_;
  std::optional<WorkerThreads> readers_, workers_;
};

}  // namespace beffroi::daemon
