#include "daemon/backup/tree_stage.h"

#include "daemon/backup/file_counts.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

TreeStage::TreeStage(Vault& vault, StoreSink& sink, ProblemList& problems, RunState& run, Progress& progress,
                     storage::UnixTime trusted_before, PartialPlan& plan, BundleUse& bundles)
    : vault_(vault),
      sink_(sink),
      problems_(problems),
      run_(run),
      progress_(progress),
      trusted_before_(trusted_before),
      plan_(plan),
      bundles_(bundles),
      slots_(kMaxSlotsWaiting, kMaxSlotBytesWaiting),
      packer_(sink.keys(), sink,
              [this](std::uint64_t token, const storage::Segment& segment) {
                Held& held = held_[token - first_held_];
                held.slot->entry().segments = {segment};
                held.waits_for_bundle = false;
                sink_.note_segment(segment);
              }),
      builder_(sink.keys(), sink) {
  run_.on_stop([this] { slots_.close(); });
  thread_.emplace(1, [this] { run_stage(); });
}

TreeStage::~TreeStage() { slots_.close(); }

Result<BuiltTree> TreeStage::finish() {
  slots_.finish();
  thread_->join();
  BEFFROI_CHECK(run_.outcome());
  return built_;
}

void TreeStage::run_stage() {
  const auto outcome = [&]() -> Result<void> {
    while (const auto slot = slots_.pop()) {
      if (!run_.wait([&] { return (*slot)->done; })) return {};
      BEFFROI_CHECK(take(*slot));
    }
    if (run_.stopped()) return {};
    BEFFROI_CHECK(packer_.flush());
    BEFFROI_CHECK(emit_ready());
    BEFFROI_TRY(built_.root, builder_.finish());
    return sink_.outcome();
  }();
  if (!outcome) run_.stop(outcome.error());
}

Result<void> TreeStage::take(const SlotPointer& slot) {
  if (slot->dropped) return {};
  const bool is_small = !slot->small_content.empty();
  held_.push_back({slot, weight_of(*slot), is_small});
  held_bytes_ += held_.back().weight;
  if (is_small) BEFFROI_CHECK(hold_small(slot));
  if (held_bytes_ > kMaxHeldBytes) BEFFROI_CHECK(packer_.flush());
  return emit_ready();
}

/// Equal files may have been packed since this one was looked up.
Result<void> TreeStage::hold_small(const SlotPointer& slot) {
  const Bytes content = std::exchange(slot->small_content, {});
  BEFFROI_TRY(const auto known, sink_.find_segment(slot->small_digest));
  if (known && known->length == content.size()) {
    slot->entry().segments = {*known};
    held_.back().waits_for_bundle = false;
    return {};
  }
  return packer_.add(first_held_ + held_.size() - 1, slot->small_digest, content);
}

Result<void> TreeStage::emit_ready() {
  while (!held_.empty() && !held_.front().waits_for_bundle) {
    const Held held = std::move(held_.front());
    held_.pop_front();
    ++first_held_;
    held_bytes_ -= held.weight;
    BEFFROI_CHECK(emit(*held.slot));
  }
  return {};
}

/// The first of a group brings the content, the others take it.
Result<void> TreeStage::resolve_link(Slot& slot) {
  if (!slot.links || slot.kept) return {};
  if (slot.links->first_path == slot.entry().path) {
    slot.links->content.emplace();
    copy_content(slot.entry(), *slot.links->content);
  } else if (slot.links->content) {
    copy_content(*slot.links->content, slot.entry());
  } else {
    return fall_back(slot);
  }
  return {};
}

/// A link whose first name brought no content: what the last snapshot had, if that is still here and if who may read
/// this one might have read that one. (Else a link in the file's place, gone before it is read, brings it to its
/// owner.)
Result<void> TreeStage::fall_back(Slot& slot) {
  Entry& entry = slot.entry();
  const auto& previous = slot.previous;
  bool usable = slot.may_fall_back && previous && previous->type == EntryType::file &&
                (previous->flags & storage::kEntryUnreadable) == 0 && !opens_wider(entry, *previous);
  if (usable) {
    BEFFROI_TRY(usable, sink_.presence().has_content(*previous, true));
  }
  if (usable) {
    copy_content(*previous, entry);
    entry.flags |= storage::kEntryStale;
  } else {
    entry.flags |= storage::kEntryUnreadable;
  }
  problems_.add(entry.path, {ErrorCode::io, N_("This file changed while it was read."), {}});
  return {};
}

Result<void> TreeStage::emit(Slot& slot) {
  BEFFROI_CHECK(resolve_link(slot));
  const Entry& entry = slot.entry();
  if (const auto added = builder_.add(entry); !added) {
    // One entry that the format can't hold must not cost all the others.
    if (added.error().code != ErrorCode::limit_exceeded) return added;
    problems_.add(entry.path, added.error());
    return {};
  }
  const bool same_content = slot.previous && slot.previous->content_digest == entry.content_digest;
  count_entry(slot, same_content, built_.statistics, progress_);
  if (entry.type == EntryType::file) {
    remember_file(slot);
    bundles_.add(entry);
    // What the last snapshot has is at the peer, or on its way with that one.
    std::uint64_t unsent = 0;
    if (!same_content) {
      BEFFROI_TRY(unsent, sink_.presence().unsent_bytes(entry));
    }
    plan_.add(entry, unsent);
  }
  return {};
}

void TreeStage::remember_file(const Slot& slot) {
  constexpr std::uint32_t kDoubtful =
      storage::kEntryChangedWhileRead | storage::kEntryUnreadable | storage::kEntryStale;
  if (!slot.was_read || (slot.entry().flags & kDoubtful) != 0) return;
  const auto fingerprint = fingerprint_of(slot.walked.status, slot.walked.network);
  const std::int64_t changed = slot.walked.network ? fingerprint.mtime_s : fingerprint.ctime_s;
  if (changed >= trusted_before_.seconds) return;
  sink_.write_behind([&](storage::WriteBatch& batch) {
    vault_.files().put(batch, slot.entry().path, {fingerprint, slot.entry().content_digest});
  });
}

}  // namespace beffroi::daemon
