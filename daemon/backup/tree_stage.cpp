#include "daemon/backup/tree_stage.h"

#include "daemon/backup/file_counts.h"

namespace beffroi::daemon {

using storage::Entry;
using storage::EntryType;

TreeStage::TreeStage(Vault& vault, StoreSink& sink, ProblemList& problems, RunState& run, Progress& progress,
                     storage::UnixTime trusted_before, PartialPlan& plan, BundleUse& bundles, std::size_t threads)
    : vault_(vault),
      sink_(sink),
      problems_(problems),
      run_(run),
      progress_(progress),
      trusted_before_(trusted_before),
      plan_(plan),
      bundles_(bundles),
      slots_(kMaxSlotsWaiting / kSlotsPerPush, kMaxSlotBytesWaiting),
      full_(kMaxBundlesWaiting, SIZE_MAX),
      builder_(sink.keys(), sink) {
  run_.on_stop([this] {
    slots_.close();
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

/// After finish() nobody looks at the run any more. Before, somebody's exception ends it: the stage must not wait for
/// bundles that nobody seals.
TreeStage::~TreeStage() { run_.stop({ErrorCode::cancelled, N_("The backup was stopped."), {}}); }

void TreeStage::push(const SlotPointer& slot) {
  pushed_.push_back(slot);
  pushed_bytes_ += weight_of(*slot);
  if (pushed_.size() == kSlotsPerPush || pushed_bytes_ >= kMaxSlotBytesWaiting / kSlotsPerPush) push_on();
}

void TreeStage::push_on() {
  slots_.push(std::exchange(pushed_, {}), std::exchange(pushed_bytes_, 0));
  pushed_.reserve(kSlotsPerPush);
}

Result<BuiltTree> TreeStage::finish() {
  push_on();
  slots_.finish();
  thread_->join();
  full_.finish();
  sealers_->join();
  BEFFROI_CHECK(run_.outcome());
  return built_;
}

void TreeStage::run_stage() {
  const auto outcome = [&]() -> Result<void> {
    while (const auto slots = slots_.pop()) {
      for (const SlotPointer& slot : *slots) {
        if (!slot->done && !run_.wait([&] { return slot->done.load(); })) return {};
        BEFFROI_CHECK(take(slot));
      }
    }
    if (run_.stopped()) return {};
    close_packing();
    BEFFROI_TRY(const bool all, take_all_packings());
    if (!all) return {};
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
  BEFFROI_CHECK(take_what_is_sealed());
  if (held_bytes_ > kMaxHeldBytes) {
    close_packing();
    BEFFROI_TRY(const bool all, take_all_packings());
    if (!all) return {};
  }
  return emit_ready();
}

/// Equal files may have been packed since this one was looked up, so it is looked for among those (and not in the index
/// again: there a search for what is not there costs more than all the rest).
Result<void> TreeStage::hold_small(const SlotPointer& slot) {
  const Bytes content = std::exchange(slot->small_content, {});
  const std::uint64_t number = first_held_ + held_.size() - 1;
  if (Packing* const packing = packing_of(slot->small_digest)) {
    packing->files.emplace_back(number, *packing->bundle.find(slot->small_digest));
    return {};
  }
  if (const auto* const known = packed_lately(slot->small_digest)) {
    slot->entry().segments = {*known};
    held_.back().waits_for_bundle = false;
    return {};
  }
  if (open_ == nullptr) open_ = packings_.emplace_back(std::make_shared<Packing>()).get();
  open_->files.emplace_back(number, open_->bundle.add(slot->small_digest, content));
  if (open_->bundle.is_full()) close_packing();
  return {};
}

const storage::Segment* TreeStage::packed_lately(const storage::Digest& digest) const {
  for (const auto* const lot : {&packed_, &packed_before_})
    if (const auto found = lot->find(digest); found != lot->end()) return &found->second;
  return nullptr;
}

void TreeStage::note_packed(const storage::Segment& segment) {
  if (packed_.size() >= kMaxRecentlyPacked) packed_before_ = std::exchange(packed_, {});
  packed_.insert_or_assign(segment.digest, segment);
}

void TreeStage::close_packing() {
  if (std::exchange(open_, nullptr) != nullptr) full_.push(packings_.back());
}

/// The bundle that will hold content with this digest, if one does.
TreeStage::Packing* TreeStage::packing_of(const storage::Digest& digest) {
  for (const auto& packing : packings_)
    if (packing->bundle.find(digest)) return packing.get();
  return nullptr;
}

void TreeStage::seal_bundles() {
  while (const auto packing = full_.pop()) {
    const auto sealed = (*packing)->bundle.seal(sink_.keys(), sink_);
    if (!sealed) return run_.stop(sealed.error());
    (*packing)->object = *sealed;
    run_.update([&] { (*packing)->sealed = true; });
  }
}

Result<void> TreeStage::take_sealed(Packing& packing) {
  for (auto& [number, segment] : packing.files) {
    segment.object = packing.object;
    Held& held = held_[number - first_held_];
    held.slot->entry().segments = {segment};
    held.waits_for_bundle = false;
    note_packed(segment);
    BEFFROI_CHECK(sink_.note_segment(segment));
  }
  return {};
}

Result<void> TreeStage::take_what_is_sealed() {
  for (; !packings_.empty() && packings_.front()->sealed; packings_.pop_front())
    BEFFROI_CHECK(take_sealed(*packings_.front()));
  return {};
}

/// Waits for the bundles that are being sealed; false when the run was stopped before.
Result<bool> TreeStage::take_all_packings() {
  for (; !packings_.empty(); packings_.pop_front()) {
    if (!run_.wait([&] { return packings_.front()->sealed.load(); })) return false;
    BEFFROI_CHECK(take_sealed(*packings_.front()));
  }
  return true;
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

/// A leaf of which everything is as it was is not built again.
Result<void> TreeStage::emit_known(const KnownRun& run) {
  bool taken = false;
  if (run.is_whole_leaf() && run.leaf->present) {
    BEFFROI_TRY(taken, builder_.add_leaf(run.leaf->leaf));
  }
  for (const Entry& entry : run.entries()) {
    if (!taken) BEFFROI_CHECK(builder_.add(entry));
    if (entry.type != EntryType::file) continue;
    bundles_.add(entry);
    // What the last snapshot has is at the peer, or on its way with that one.
    plan_.add(entry, 0);
  }
  count_known(run, built_.statistics, progress_);
  return {};
}

Result<void> TreeStage::emit(Slot& slot) {
  if (slot.known.leaf) return emit_known(slot.known);
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
    if (!same_content && plan_.wanted()) {
      BEFFROI_TRY(unsent, sink_.presence().unsent_bytes(entry));
    }
    plan_.add(entry, unsent);
  }
  return {};
}

void TreeStage::remember_file(const Slot& slot) {
  constexpr std::uint32_t kDoubtful =
      storage::kEntryChangedWhileRead | storage::kEntryUnreadable | storage::kEntryStale;
  const bool has_news = slot.was_read || slot.attributes_known;
  if (!has_news || (slot.entry().flags & kDoubtful) != 0) return;
  const auto fingerprint = fingerprint_of(slot.walked.status, slot.walked.network);
  const std::int64_t changed = slot.walked.network ? fingerprint.mtime_s : fingerprint.ctime_s;
  if (changed >= trusted_before_.seconds) return;
  sink_.write_behind([&](storage::WriteBatch& batch) {
    const auto attributes = storage::attributes_hash(slot.entry().xattrs);
    vault_.files().put(batch, slot.entry().path,
                       {.fingerprint = fingerprint,
                        .content_digest = slot.entry().content_digest,
                        .attributes = slot.attributes_known ? std::optional(attributes) : std::nullopt});
  });
}

}  // namespace beffroi::daemon
