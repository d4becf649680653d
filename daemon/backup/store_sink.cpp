#include "daemon/backup/store_sink.h"

#include "crypto/assert.h"
#include "daemon/backup/sparse_bundles.h"

namespace beffroi::daemon {

using storage::Digest;
using storage::ObjectId;
using storage::ObjectKind;
using storage::ObjectRef;
using storage::Segment;

/// What waits to be written, and how lookups find it meanwhile.
struct StoreSink::Batch {
  std::vector<storage::SealedObject> objects;
  std::vector<ObjectId> put_ahead;  ///< in their order
  std::size_t bytes = 0;
  std::unordered_set<ObjectId> ids;
  std::unordered_map<Digest, Segment> segments;
  std::map<std::pair<ObjectKind, Digest>, ObjectRef> trees;
  storage::WriteBatch index;
  bool has_index = false;
};

/// Compression state is costly to make: as many as there are threads at work.
class StoreSink::EncoderPool {
 public:
  class Loan {
   public:
    explicit Loan(EncoderPool& pool) : pool_(pool) {
      const std::lock_guard lock(pool_.mutex_);
      if (pool_.free_.empty()) pool_.free_.push_back(std::make_unique<storage::PayloadEncoder>());
      encoder_ = std::move(pool_.free_.back());
      pool_.free_.pop_back();
    }
    ~Loan() {
      const std::lock_guard lock(pool_.mutex_);
      pool_.free_.push_back(std::move(encoder_));
    }
    Loan(const Loan&) = delete;
    Loan& operator=(const Loan&) = delete;
    storage::PayloadEncoder* operator->() { return encoder_.get(); }
    storage::PayloadEncoder& operator*() { return *encoder_; }

   private:
    EncoderPool& pool_;
    std::unique_ptr<storage::PayloadEncoder> encoder_;
  };

 private:
  std::mutex mutex_;
  std::vector<std::unique_ptr<storage::PayloadEncoder>> free_;
};

StoreSink::StoreSink(Vault& vault, Presence& presence, SpaceGuard& space, Progress& progress,
                     std::function<int()> compression_level, std::function<void(std::span<const ObjectId>)> on_lot)
    : vault_(vault),
      space_(vault.space()),
      keys_(vault.keys()),
      opener_(keys_, vault.local_source()),
      presence_(presence),
      guard_(space),
      progress_(progress),
      compression_level_(std::move(compression_level)),
      on_lot_(std::move(on_lot)),
      encoders_(std::make_unique<EncoderPool>()),
      unsettled_{std::make_shared<Batch>()} {
  settler_.emplace(1, [this] { settle_lots(); });
}

StoreSink::~StoreSink() { lots_.finish(); }

/// What `found` gives for the first batch in which it finds something. Needs the mutex.
template <class Found>
auto StoreSink::among_unsettled(Found found) const {
  for (const auto& batch : unsettled_)
    if (auto out = found(*batch)) return out;
  return decltype(found(*unsettled_.back()))();
}

std::optional<ObjectRef> StoreSink::find(ObjectKind kind, const Digest& digest) {
  {
    const std::lock_guard lock(mutex_);
    const auto waiting = among_unsettled([&](const Batch& batch) -> std::optional<ObjectRef> {
      const auto found = batch.trees.find({kind, digest});
      return found == batch.trees.end() ? std::nullopt : std::optional(found->second);
    });
    if (waiting) return waiting;
  }
  const auto usable = [&]() -> Result<std::optional<ObjectRef>> {
    BEFFROI_TRY(const auto known, vault_.dedup().find_object(kind, digest));
    if (!known || (kind == ObjectKind::bundle && presence_.is_sparse(known->id))) return std::nullopt;
    BEFFROI_TRY(const bool present, presence_.has(*known));
    return present ? known : std::nullopt;
  }();
  if (usable) return *usable;
  const std::lock_guard lock(mutex_);
  if (!failure_) failure_ = usable.error();
  return std::nullopt;
}

Result<void> StoreSink::outcome() const {
  const std::lock_guard lock(mutex_);
  if (failure_) return std::unexpected(*failure_);
  return {};
}

Result<ObjectRef> StoreSink::put(ObjectKind kind, const Digest& digest, const storage::ChildTable& children,
                                 ByteView plaintext) {
  BEFFROI_CHECK(outcome());
  // Trees, and bundles of many small files, compress well together.
  const int level = std::max(compression_level_(), storage::kDefaultCompressionLevel);
  storage::SealedObject sealed;
  {
    EncoderPool::Loan encoder(*encoders_);
    sealed = storage::seal_object(space_, *keys_->current(), kind, children, encoder->encode(plaintext, level).bytes);
  }
  return add(std::move(sealed), [&, ref = sealed.ref](Batch& batch) -> Result<void> {
    batch.trees.insert_or_assign({kind, digest}, ref);
    vault_.dedup().add_object(batch.index, kind, digest, ref);
    if (kind == ObjectKind::bundle) note_bundle_length(batch.index, ref.id, plaintext.size());
    return {};
  });
}

Result<std::optional<Segment>> StoreSink::find_segment(const Digest& digest, bool separate) {
  const auto allowed = [&](const Segment& segment) {
    return !separate || (!segment.in_bundle && segment.object->height == 0);
  };
  {
    const std::lock_guard lock(mutex_);
    const auto waiting = among_unsettled([&](const Batch& batch) -> std::optional<Segment> {
      const auto found = batch.segments.find(digest);
      return found == batch.segments.end() || !allowed(found->second) ? std::nullopt : std::optional(found->second);
    });
    if (waiting) return waiting;
  }
  BEFFROI_TRY(const auto known, vault_.dedup().find_segment(digest));
  if (!known || !allowed(*known) || (known->in_bundle && presence_.is_sparse(known->object->id))) return std::nullopt;
  BEFFROI_TRY(const bool present, presence_.has(*known->object));
  return present ? known : std::nullopt;
}

Result<storage::EncodedPayload> StoreSink::encode_piece(storage::PayloadEncoder& encoder, ByteView plaintext,
                                                        const PieceRules& rules, storage::ChildTable& children) {
  const auto alone = encoder.encode(plaintext, compression_level_());
  if (rules.separate || !rules.base || rules.base->height >= kMaxDeltaHeight) return alone;
  // A base that the peer has not and would not take (an older epoch) would keep this object from it for ever.
  BEFFROI_TRY(const bool usable, presence_.has(*rules.base));
  if (!usable) return alone;
  const auto base = opener_.open(rules.base->id, ObjectKind::chunk);
  // Evicted or damaged: then there is no delta.
  if (!base) return alone;
  const auto delta = encoder.encode_delta(plaintext, base->plaintext, 0, storage::kDefaultCompressionLevel);
  if (delta.bytes.size() * 100 > alone.bytes.size() * kDeltaGainPercent) return alone;
  children.add(*rules.base);
  children.freeze();
  return delta;
}

Result<Segment> StoreSink::put_piece(const Digest& digest, ByteView plaintext, const PieceRules& rules) {
  BEFFROI_TRY(const auto known, find_segment(digest, rules.separate));
  if (known && known->length == plaintext.size()) return *known;
  storage::ChildTable children;
  storage::SealedObject sealed;
  {
    EncoderPool::Loan encoder(*encoders_);
    BEFFROI_TRY(const auto payload, encode_piece(*encoder, plaintext, rules, children));
    sealed = storage::seal_object(space_, *keys_->current(), ObjectKind::chunk, children, payload.bytes);
  }
  const Segment segment{
      .length = plaintext.size(), .object = sealed.ref, .offset = 0, .in_bundle = false, .digest = digest};
  BEFFROI_CHECK(add(std::move(sealed), [&](Batch& batch) {
    batch.segments.insert_or_assign(digest, segment);
    return vault_.dedup().add_segment(batch.index, segment, numbers_);
  }));
  return segment;
}

Result<void> StoreSink::note_segment(const Segment& segment) {
  const std::lock_guard lock(mutex_);
  Batch& open = *unsettled_.back();
  open.segments.insert_or_assign(segment.digest, segment);
  open.has_index = true;
  return vault_.dedup().add_segment(open.index, segment, numbers_);
}

void StoreSink::write_behind(const std::function<void(storage::WriteBatch&)>& change) {
  const std::lock_guard lock(mutex_);
  change(unsettled_.back()->index);
  unsettled_.back()->has_index = true;
}

Result<ObjectRef> StoreSink::add(storage::SealedObject object, const AddToIndex& index) {
  const ObjectRef ref = object.ref;
  // The same bytes may be here under a digest that the index has forgotten.
  BEFFROI_TRY(const auto info, vault_.objects().info(space_, ref.id));
  bool full = false;
  {
    const std::lock_guard lock(mutex_);
    Batch& open = *unsettled_.back();
    const bool waits = std::ranges::any_of(unsettled_, [&](const auto& batch) { return batch->ids.contains(ref.id); });
    if (!waits && !storage::counts_as_present(info)) {
      ++objects_added_;
      progress_.bytes_added += object.bytes.size();
      open.bytes += object.bytes.size();
      open.ids.insert(ref.id);
      // What was here before (and is now healed) belongs to older snapshots.
      if (!info && added_.size() < kMaxGiveBackObjects) added_.push_back(ref.id);
      open.objects.push_back(std::move(object));
    }
    open.has_index = true;
    BEFFROI_CHECK(index(open));
    full = open.bytes >= kStoreBatchBytes || open.objects.size() >= kStoreBatchObjects;
  }
  presence_.note(ref.id);
  if (full) BEFFROI_CHECK(write_open_batch(false));
  return ref;
}

Result<void> StoreSink::flush() { return write_open_batch(true); }

/// `all`: nothing is left to be settled when this returns.
Result<void> StoreSink::write_open_batch(bool all) {
  const std::lock_guard writing(writing_);
  std::shared_ptr<Batch> batch;
  {
    const std::lock_guard lock(mutex_);
    if (failure_) return std::unexpected(*failure_);
    batch = unsettled_.back();
    unsettled_.push_back(std::make_shared<Batch>());
  }
  const auto written = [&]() -> Result<void> {
    // What is little goes through the log: a flush of its own would cost the disk more.
    const bool logged = all && lot_.empty();
    if (logged) BEFFROI_CHECK(wait_for_settling());
    BEFFROI_CHECK(put(*batch, !logged));
    lot_.push_back(batch);
    if (logged) return settle(lot_);
    std::size_t bytes = 0;
    for (const auto& waiting : lot_) bytes += waiting->bytes;
    if (!all && bytes < kStoreLotBytes) return {};
    BEFFROI_CHECK(hand_over_lot());
    return all ? wait_for_settling() : Result<void>();
  }();
  // What was not stored is lost to lookups: nothing that might refer to it may be written after it.
  const std::lock_guard lock(mutex_);
  if (!written && !failure_) failure_ = written.error();
  return written;
}

Result<void> StoreSink::put(Batch& batch, bool ahead) {
  std::vector<storage::IncomingObject> incoming;
  incoming.reserve(batch.objects.size());
  for (const auto& object : batch.objects) {
    BEFFROI_TRY(auto header, storage::decode_header(object.bytes));
    incoming.push_back({object.ref.id, std::move(header), object.bytes});
  }
  storage::ObjectStore& objects = vault_.objects();
  if (!incoming.empty()) BEFFROI_CHECK(ahead ? objects.put_ahead(space_, incoming) : objects.put(space_, incoming));
  if (ahead && on_lot_)
    for (const auto& object : batch.objects) batch.put_ahead.push_back(object.ref.id);
  batch.objects = {};
  return {};
}

Result<void> StoreSink::wait_for_settling() {
  std::unique_lock lock(mutex_);
  settled_.wait(lock, [this] { return !settling_; });
  if (failure_) return std::unexpected(*failure_);
  return {};
}

Result<void> StoreSink::hand_over_lot() {
  BEFFROI_CHECK(wait_for_settling());
  {
    const std::lock_guard lock(mutex_);
    settling_ = true;
  }
  lots_.push(std::exchange(lot_, {}));
  return {};
}

void StoreSink::settle_lots() {
  while (auto lot = lots_.pop()) {
    const auto settled = [&]() -> Result<void> {
      BEFFROI_CHECK(vault_.objects().settle(space_));
      return settle(*lot);
    }();
    {
      const std::lock_guard lock(mutex_);
      settling_ = false;
      if (!settled && !failure_) failure_ = settled.error();
    }
    settled_.notify_all();
  }
}

/// The objects of the lot are in the store.
Result<void> StoreSink::settle(Lot& lot) {
  std::uint64_t bytes = 0;
  for (const auto& batch : lot) {
    if (batch->has_index) BEFFROI_CHECK(vault_.database().write(batch->index, storage::Durability::buffered));
    bytes += batch->bytes;
    if (!batch->put_ahead.empty()) on_lot_(batch->put_ahead);
  }
  {
    const std::lock_guard lock(mutex_);
    std::erase_if(unsettled_, [&](const auto& batch) { return std::ranges::find(lot, batch) != lot.end(); });
  }
  lot.clear();
  return guard_.wrote(bytes);
}

Result<void> StoreSink::give_back() {
  const std::lock_guard writing(writing_);
  static_cast<void>(wait_for_settling());
  BEFFROI_CHECK(vault_.objects().discard_ahead(space_));
  std::vector<ObjectId> ids;
  {
    const std::lock_guard lock(mutex_);
    // Of a run too long to be remembered whole nothing is removed: parents may only go before their children.
    if (added_.size() < kMaxGiveBackObjects) ids.assign(added_.rbegin(), added_.rend());
    added_.clear();
  }
  // Slices, since a removal is one atomic write. The index may go on naming them: whoever asks it looks for the object.
  const std::span<const ObjectId> all(ids);
  for (std::size_t at = 0; at < all.size(); at += kStoreBatchObjects)
    BEFFROI_CHECK(vault_.objects().remove(space_, all.subspan(at, std::min(kStoreBatchObjects, all.size() - at))));
  return vault_.database().compact();
}

}  // namespace beffroi::daemon
