#include "daemon/backup/content_stage.h"

#include "daemon/backup/file_assembly.h"
#include "storage/tree/bundle.h"

namespace beffroi::daemon {
namespace {

Error stopped() { return {ErrorCode::cancelled, N_("The backup was stopped."), {}}; }

/// What may have changed between the walk and the reading.
void refresh(storage::Entry& entry, const struct stat& status) {
  entry.mode = status.st_mode & 07777U;
  // The names go with the ids.
  if (std::exchange(entry.uid, status.st_uid) != status.st_uid) entry.user.clear();
  if (std::exchange(entry.gid, status.st_gid) != status.st_gid) entry.group.clear();
  entry.mtime_s = status.st_mtim.tv_sec;
  entry.mtime_ns = static_cast<std::uint32_t>(status.st_mtim.tv_nsec);
  entry.size = static_cast<std::uint64_t>(status.st_size);
}

}  // namespace

ContentStage::ContentStage(StoreSink& sink, Presence& presence, ProblemList& problems, RunState& run,
                           Progress& progress, std::size_t threads, storage::ObjectOpener opener)
    : sink_(sink),
      presence_(presence),
      problems_(problems),
      run_(run),
      progress_(progress),
      opener_(std::move(opener)),
      chunker_(sink.keys().digests().chunk_cut_key()),
      files_(kMaxFilesWaiting, SIZE_MAX),
      pieces_(kMaxPiecesWaiting, kMaxPieceBytesWaiting) {
  run_.on_stop([this] {
    files_.close();
    pieces_.close();
  });
  readers_.emplace(threads, [this] { read_files(); }, run_.priority);
  workers_.emplace(threads, [this] { process_pieces(); }, run_.priority);
}

ContentStage::~ContentStage() {
  files_.close();
  pieces_.close();
}

void ContentStage::submit(const SlotPointer& slot) { files_.push(slot); }

void ContentStage::finish() {
  files_.finish();
  readers_->join();
  pieces_.finish();
  workers_->join();
}

void ContentStage::complete(Slot& slot) {
  run_.update([&] { slot.done = true; });
}

void ContentStage::read_files() {
  FileReader reader(chunker_, buffers_);
  while (auto slot = files_.pop()) {
    if (auto outcome = read_file(reader, **slot, *slot); !outcome) return run_.stop(outcome.error());
  }
}

/// A file that changes while it is read is read once more; then it is taken as it was met, and flagged.
Result<void> ContentStage::read_file(FileReader& reader, Slot& slot, const SlotPointer& owner) {
  slot.was_read = true;
  for (const bool is_last : {false, true}) {
    const auto finished = read_attempt(reader, owner, is_last);
    if (!finished) {
      const Error& reason = finished.error();
      slot.walked.folder.reset();
      if (reason.code == ErrorCode::not_found) slot.dropped = true;
      if (reason.code == ErrorCode::io) BEFFROI_CHECK(keep_previous(slot, reason));
      if (reason.code != ErrorCode::not_found && reason.code != ErrorCode::io) return std::unexpected(reason);
      complete(slot);
      return {};
    }
    if (*finished) return {};
  }
  return {};
}

/// True when the file was read and its content is known, or will be when its pieces are stored; false: read it again.
Result<bool> ContentStage::read_attempt(FileReader& reader, const SlotPointer& slot, bool is_last) {
  std::shared_ptr<FileAssembly> file;  // not of a small one
  std::optional<EarlierChunks> earlier;
  std::optional<Bytes> small;
  std::size_t pieces = 0;
  const std::size_t whole = slot->separate ? 0 : storage::kSmallFileBytes;
  const auto take = [&](FilePiece piece) -> Result<void> {
    if (progress_.cancel) return std::unexpected(stopped());
    progress_.bytes_read += piece.data.size();
    if (piece.is_whole && piece.length <= whole) {
      small = to_bytes(piece.data);
      return {};
    }
    if (!file) file = std::make_shared<FileAssembly>(slot, sink_.keys(), sink_);
    if (!slot->separate && !earlier) earlier.emplace(slot->previous, opener_);
    PieceRules rules{slot->separate, earlier ? earlier->overlapping(piece.offset, piece.length) : std::nullopt};
    const std::size_t weight = piece.data.size();
    pieces_.push({file, pieces++, std::move(piece), rules}, weight);
    return {};
  };
  BEFFROI_TRY(const FileReading reading, reader.read(slot->walked.folder, slot->walked.name, whole, take,
                                                     &slot->walked.status, slot->walked.network));
  if (reading.changed && !is_last) return false;
  // Thousands of slots may wait behind a huge file: none may hold a folder open meanwhile.
  slot->walked.folder.reset();
  const auto seen = fingerprint_of(slot->walked.status, false);
  slot->attributes_known =
      !slot->walked.attributes_lost && !slot->walked.network && seen == fingerprint_of(reading.before, false);
  slot->walked.status = reading.before;
  refresh(slot->entry(), reading.before);
  if (reading.changed) {
    slot->entry().flags |= storage::kEntryChangedWhileRead;
    problems_.add(slot->entry().path, {ErrorCode::io, N_("This file changed while it was read."), {}});
  }
  // From here on failures are the store's: they end the run.
  if (!small && !file) file = std::make_shared<FileAssembly>(slot, sink_.keys(), sink_);
  auto known = small ? take_small(*slot, std::move(*small)) : file->end_at(pieces);
  if (!known) run_.stop(known.error());
  if (known && *known) complete(*slot);
  return true;
}

/// Always true: the content is known, if not yet where it will be.
Result<bool> ContentStage::take_small(Slot& slot, Bytes content) {
  storage::Entry& entry = slot.entry();
  const storage::Digest digest = sink_.keys().digests().chunk(content);
  const storage::Segment unplaced{
      .length = content.size(), .object = std::nullopt, .offset = 0, .in_bundle = true, .digest = digest};
  BEFFROI_TRY(const auto known, sink_.find_segment(digest));
  entry.size = content.size();
  entry.segments = {known && known->length == content.size() ? *known : unplaced};
  if (!entry.segments[0].object) {
    slot.small_digest = digest;
    slot.small_content = std::move(content);
    // The digest says nothing of where the bytes are: any place will do.
    entry.segments[0].object.emplace();
  }
  entry.content_digest = storage::content_digest_of(sink_.keys().digests(), entry.segments);
  return true;
}

/// The last snapshot's version is better than none.
Result<void> ContentStage::keep_previous(Slot& slot, const Error& reason) {
  problems_.add(slot.entry().path, reason);
  slot.was_read = false;
  const bool had_content = slot.may_fall_back && slot.previous && slot.previous->type == storage::EntryType::file &&
                           (slot.previous->flags & storage::kEntryUnreadable) == 0;
  if (had_content) {
    BEFFROI_TRY(const bool present, presence_.has_content(*slot.previous, true));
    if (present) {
      slot.kept = true;
      slot.entry() = *slot.previous;
      slot.entry().flags |= storage::kEntryStale;
      return {};
    }
  }
  slot.entry().flags |= storage::kEntryUnreadable;
  return {};
}

void ContentStage::process_pieces() {
  while (auto piece = pieces_.pop()) {
    const auto store = [&]() -> Result<bool> {
      FilePiece& content = piece->content;
      storage::Segment segment;
      segment.length = content.length;
      if (!content.data.empty()) {
        const storage::Digest digest = sink_.keys().digests().chunk(content.data);
        BEFFROI_TRY(segment, sink_.put_piece(digest, content.data, piece->rules));
      }
      return piece->file->deliver(piece->index, std::move(segment));
    }();
    if (!store) return run_.stop(store.error());
    if (*store) complete(*piece->file->slot());
  }
}

}  // namespace beffroi::daemon
