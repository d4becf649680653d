// The seam to object bytes. Presence is separate from bytes: an object's header facts stay known after its bytes were
// evicted.
#pragma once

#include <functional>
#include <memory>

#include "storage/format/object.h"
#include "storage/store/database.h"

namespace beffroi::storage {

struct ObjectInfo {
  ObjectKind kind = ObjectKind::chunk;
  std::uint8_t height = 0;
  Epoch epoch;
  std::uint32_t sealed_bytes = 0;
  bool bytes_present = true;  ///< false: evicted, the peer has them
  bool receipted = false;     ///< in the closure of a commit that a peer gave a receipt for
  bool quarantined = false;   ///< found damaged: counts as absent until the same bytes are put again
  /// Counts the puts of the space, from 1: unique in it, and higher than all before. Given anew when evicted or damaged
  /// bytes come back; 0 when the bytes were never here.
  std::uint64_t insertion = 0;
};

/// An object on its way in, header already checked (check_object) and id already computed from the bytes.
struct IncomingObject {
  ObjectId id;
  ObjectHeader header;
  ByteView bytes;
};

/// What a header says of an object that is elsewhere only.
struct RemoteObject {
  ObjectId id;
  ObjectKind kind = ObjectKind::chunk;
  std::uint8_t height = 0;
  Epoch epoch;
  std::uint32_t sealed_bytes = 0;
};

/// Sum over the objects of one space whose bytes are here and not quarantined.
struct StoreUsage {
  std::uint64_t objects = 0;
  std::uint64_t sealed_bytes = 0;
  bool operator==(const StoreUsage&) const = default;
};

/// Objects of all spaces. Thread-safe; a visitor may call the store. Implementations: RocksDB (here), in memory,
/// faulty; one conformance suite runs on all.
class ObjectStore {
 public:
  virtual ~ObjectStore() = default;
  /// Stores all or none; survives kill -9; durable after sync(). Putting what is there changes nothing; it heals what
  /// is quarantined, and brings back what was evicted (which stays receipted). ErrorCode::disk_full leaves the store as
  /// it was.
  virtual Result<void> put(const SpaceId& space, std::span<const IncomingObject> objects) = 0;
  /// put() for much, by one writer at a time, which costs the disk each byte once: puts the objects some time until
  /// settle() returns, in their order; until then they may be absent. A crash before that leaves objects out, and may
  /// leave bytes that nobody can see: discard_ahead() removes them.
  virtual Result<void> put_ahead(const SpaceId& space, std::span<const IncomingObject> objects) {
    return put(space, objects);
  }
  /// Everything that was put ahead before this began is put, and durable but for its rows, for which sync() is there.
  /// May run beside put_ahead(). On an error none, or the first ones, are put, and the others are forgotten.
  virtual Result<void> settle(const SpaceId& /*space*/) { return {}; }
  /// Forgets what was put ahead and never settled, here or before a crash; true when bytes were removed whose room
  /// Database::compact() gives back. Not beside the other two; and while something is put ahead, nobody may erase the
  /// space, or put, and then remove or evict, objects that are being put for the first time.
  virtual Result<bool> discard_ahead(const SpaceId& /*space*/) { return false; }
  /// not_found when absent, evicted or quarantined; corrupt when the bytes are there but the disk damaged them.
  virtual Result<Bytes> get(const SpaceId& space, const ObjectId& id) = 0;
  /// The same for who verifies what comes (by its id, its seal or a digest): damaged bytes may come as they are.
  virtual Result<Bytes> get_unverified(const SpaceId& space, const ObjectId& id) { return get(space, id); }
  /// nullopt: never heard of.
  virtual Result<std::optional<ObjectInfo>> info(const SpaceId& space, const ObjectId& id) = 0;
  virtual Result<std::vector<std::optional<ObjectInfo>>> info_many(const SpaceId& space,
                                                                   std::span<const ObjectId> ids) = 0;
  /// Ascending; known as long as info() is. not_found: never heard of.
  virtual Result<std::vector<ObjectId>> children(const SpaceId& space, const ObjectId& id) = 0;
  /// Makes the facts of objects known whose bytes only the peer has (trees that were fetched name them): as if put and
  /// then evicted (so receipted), without children. What is known already stays as it is.
  virtual Result<void> note_remote(const SpaceId& space, std::span<const RemoteObject> objects) = 0;
  /// Marks objects as receipted / quarantined; ids never heard of are passed over. Receipts may be marked in several
  /// steps: a crash leaves some unmarked, and marking again is right. What is quarantined is receipted no longer.
  virtual Result<void> mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) = 0;
  /// Takes the mark back: the peer no longer has them. Their bytes are not evicted then.
  virtual Result<void> mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) = 0;
  virtual Result<void> quarantine(const SpaceId& space, const ObjectId& id) = 0;
  /// Drops the bytes and keeps the facts. Only of receipted objects: others stay as they are.
  virtual Result<void> evict(const SpaceId& space, std::span<const ObjectId> ids) = 0;
  /// Forgets objects wholly, in this order also across a power cut; ids never heard of are passed over. The caller
  /// guarantees that parents go before children.
  virtual Result<void> remove(const SpaceId& space, std::span<const ObjectId> ids) = 0;
  virtual Result<void> erase_space(const SpaceId& space) = 0;
  /// All objects, evicted and quarantined ones too, in id order from `first` on; false stops. Whoever goes on later
  /// with the id behind the last one misses nothing that stood there all the time.
  virtual Result<void> iterate_from(const SpaceId& space, const ObjectId& first,
                                    const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) = 0;
  Result<void> iterate(const SpaceId& space, const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) {
    return iterate_from(space, ObjectId{}, visit);
  }
  /// Receipted chunks and bundles whose bytes are here: oldest epoch first, then in the order of their puts; false
  /// stops.
  virtual Result<void> for_each_evictable(const SpaceId& space,
                                          const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) = 0;
  /// Kept with every change: costs nothing.
  virtual Result<StoreUsage> usage(const SpaceId& space) = 0;
  /// The highest insertion number given in this space; 0 before the first put. Costs nothing.
  virtual Result<std::uint64_t> insertions(const SpaceId& space) = 0;
  virtual Result<void> sync() = 0;
};

/// `database` outlives the store.
std::unique_ptr<ObjectStore> make_object_store(Database& database);
/// For tests and simulations.
std::unique_ptr<ObjectStore> make_memory_object_store();

/// An id counts as present for a parent when its facts are known and it is not quarantined: bytes here, or receipted
/// elsewhere.
inline bool counts_as_present(const std::optional<ObjectInfo>& info) {
  return info && !info->quarantined && (info->bytes_present || info->receipted);
}

/// The id behind this one in the order of iterate_from(); nullopt behind the last possible one.
inline std::optional<ObjectId> next_id(ObjectId id) {
  for (std::size_t i = ObjectId::size_bytes; i > 0; --i)
    if (++id.data[i - 1] != 0) return id;
  return std::nullopt;
}

inline Result<StoreUsage> measure_usage(ObjectStore& store, const SpaceId& space) { return store.usage(space); }

}  // namespace beffroi::storage
