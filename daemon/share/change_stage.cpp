#include "daemon/share/change_stage.h"

#include "daemon/share/shared_entry.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::Segment;

namespace {

constexpr std::size_t kMaxBundlesWaiting = 2;
constexpr std::size_t kMaxRecentlyPacked = 8192;
constexpr std::int64_t kCoarseStampSeconds = 3;

Error stopped() { return {ErrorCode::cancelled, N_("The look at the shared folder was stopped."), {}}; }

}  // namespace

ChangeStage::ChangeStage(Vault& vault, StoreSink& sink, ProblemList& problems, RunState& run, std::size_t threads,
                         bool network)
    : vault_(vault),
      sink_(sink),
      problems_(problems),
      run_(run),
      network_(network),
      found_(kMaxFoundWaiting, kMaxFoundBytesWaiting),
      full_(kMaxBundlesWaiting, SIZE_MAX) {
  run_.on_stop([this] {
    found_.close();
    full_.close();
  });
  sealers_.emplace(threads, [this] { seal_bundles(); }, run_.priority);
  try {
    thread_.emplace(1, [this] { run_stage(); }, run_.priority);
  } catch (...) {
    full_.close();
    throw;
  }
}

/// After finish() nobody looks at the run any more.
ChangeStage::~ChangeStage() { run_.stop(stopped()); }

void ChangeStage::push(Found found) {
  const std::size_t weight =
      found.slot ? weight_of(*found.slot) : sizeof found + found.change.path.size() * (found.change.entry ? 2 : 1);
  found_.push(std::move(found), weight);
}

Result<void> ChangeStage::finish(FolderScan& scan) {
  found_.finish();
  thread_->join();
  full_.finish();
  sealers_->join();
  BEFFROI_CHECK(run_.outcome());
  BEFFROI_CHECK(sink_.outcome());
  for (Place& place : places_) {
    place.segment.object = place.packing->object;
    changes_[place.change].entry->segments = {place.segment};
  }
  scan.changes.insert(scan.changes.end(), std::make_move_iterator(changes_.begin()),
                      std::make_move_iterator(changes_.end()));
  scan.unquiet.merge(unquiet_);
  tell_unread(scan);
  return {};
}

void ChangeStage::tell_unread(FolderScan& scan) const {
  for (const auto& problem : problems_.first())
    if (unread_.contains(problem.path)) scan.skipped.push_back({problem.path, problem.reason, problem.arguments});
  scan.kept.insert(unread_.begin(), unread_.end());
}

void ChangeStage::run_stage() {
  const auto outcome = [&]() -> Result<void> {
    while (auto found = found_.pop()) {
      const SlotPointer& slot = found->slot;
      if (slot && !slot->done && !run_.wait([&] { return slot->done.load(); })) return {};
      BEFFROI_CHECK(take(*found));
    }
    close_packing();
    return {};
  }();
  if (!outcome) run_.stop(outcome.error());
}

Result<void> ChangeStage::take(Found& found) {
  if (found.slot) return take_file(*found.slot);
  changes_.push_back(std::move(found.change));
  return {};
}

Result<void> ChangeStage::take_file(Slot& slot) {
  Entry& entry = slot.entry();
  constexpr std::uint32_t kNotRead = storage::kEntryUnreadable | storage::kEntryStale;
  if (slot.dropped || (entry.flags & storage::kEntryChangedWhileRead) != 0 ||
      (slot.was_read && !is_quiet(slot.walked.status, vault_.clock().now_ms(), kQuietClosed))) {
    unquiet_.insert(entry.path);
    return {};
  }
  if (slot.kept || (entry.flags & kNotRead) != 0) {
    unread_.insert(entry.path);
    return {};
  }
  set_shared_metadata(entry, slot.walked.status);
  const auto& before = slot.previous;
  if (before && before->type == entry.type && before->content_digest == entry.content_digest &&
      has_same_metadata(*before, entry)) {
    // Remembered as the tree says it: a file system may hold less of a time than that.
    entry.mtime_s = before->mtime_s;
    entry.mtime_ns = before->mtime_ns;
    remember(slot);
    return {};
  }
  remember(slot);
  changes_.push_back({entry.path, entry});
  if (!slot.small_content.empty()) pack(slot);
  return {};
}

void ChangeStage::remember(const Slot& slot) {
  const struct stat& status = slot.walked.status;
  // Within one tick of a coarse clock a change would not show.
  if (status.st_mtim.tv_nsec == 0 && status.st_mtim.tv_sec + kCoarseStampSeconds >= vault_.clock().now().seconds)
    return;
  sink_.write_behind([&](storage::WriteBatch& batch) {
    vault_.files().put(batch, slot.entry().path, cached_as(slot.entry(), fingerprint_of(status, network_)));
  });
}

/// The content of the last change.
void ChangeStage::pack(Slot& slot) {
  const Bytes content = std::exchange(slot.small_content, {});
  const std::size_t change = changes_.size() - 1;
  if (const auto known = packed_.find(slot.small_digest); known != packed_.end()) {
    places_.push_back({change, known->second.first, known->second.second});
    return;
  }
  if (!open_) open_ = std::make_shared<Packing>();
  const Segment segment = open_->bundle->add(slot.small_digest, content);
  open_->slices.push_back(segment);
  places_.push_back({change, open_, segment});
  if (packed_.size() >= kMaxRecentlyPacked) packed_.clear();
  packed_.emplace(slot.small_digest, std::pair(open_, segment));
  if (open_->bundle->is_full()) close_packing();
}

void ChangeStage::close_packing() {
  if (open_) full_.push(std::exchange(open_, nullptr));
}

void ChangeStage::seal_bundles() {
  while (const auto packing = full_.pop())
    if (const auto sealed = seal(**packing); !sealed) return run_.stop(sealed.error());
}

Result<void> ChangeStage::seal(Packing& packing) {
  BEFFROI_TRY(packing.object, packing.bundle->seal(sink_.keys(), sink_));
  packing.bundle.reset();
  for (Segment& slice : std::exchange(packing.slices, {})) {
    slice.object = packing.object;
    BEFFROI_CHECK(sink_.note_segment(slice));
  }
  return {};
}

}  // namespace beffroi::daemon
