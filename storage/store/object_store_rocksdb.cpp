#include <map>
#include <mutex>
#include <unordered_set>

#include "storage/store/keys.h"
#include "storage/store/object_change.h"
#include "storage/store/objects_ahead.h"

namespace beffroi::storage {
namespace {

// Ids that are changed in one batch: bounds the memory of marking the closure of a large commit.
constexpr std::size_t kIdsPerBatch = 2048;

class DatabaseObjectStore final : public ObjectStore {
 public:
  explicit DatabaseObjectStore(Database& database) : database_(database), ahead_(database) {}

  Result<void> put(const SpaceId& space, std::span<const IncomingObject> objects) override;
  Result<void> put_ahead(const SpaceId& space, std::span<const IncomingObject> objects) override;
  Result<void> settle(const SpaceId& space) override;
  Result<bool> discard_ahead(const SpaceId& space) override { return ahead_.discard(space, *this); }
  Result<Bytes> get(const SpaceId& space, const ObjectId& id) override { return read(space, id, false); }
  Result<Bytes> get_unverified(const SpaceId& space, const ObjectId& id) override { return read(space, id, true); }
  Result<std::optional<ObjectInfo>> info(const SpaceId& space, const ObjectId& id) override;
  Result<std::vector<std::optional<ObjectInfo>>> info_many(const SpaceId& space,
                                                           std::span<const ObjectId> ids) override;
  Result<std::vector<ObjectId>> children(const SpaceId& space, const ObjectId& id) override;
  Result<void> note_remote(const SpaceId& space, std::span<const RemoteObject> objects) override;
  Result<void> mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) override;
  Result<void> mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) override;
  Result<void> quarantine(const SpaceId& space, const ObjectId& id) override;
  Result<void> evict(const SpaceId& space, std::span<const ObjectId> ids) override;
  Result<void> remove(const SpaceId& space, std::span<const ObjectId> ids) override;
  Result<void> erase_space(const SpaceId& space) override;
  Result<void> iterate_from(const SpaceId& space, const ObjectId& first,
                            const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) override;
  Result<void> for_each_evictable(const SpaceId& space,
                                  const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) override;
  Result<StoreUsage> usage(const SpaceId& space) override;
  Result<std::uint64_t> insertions(const SpaceId& space) override;
  Result<void> sync() override { return database_.sync(); }

 private:
  using Edit = std::function<Result<void>(ObjectChange&, const ObjectId&, const std::optional<ObjectRow>&)>;
  /// What an edit needs of a row: children may be 128 KiB.
  enum class Read : std::uint8_t { all, without_children };
  /// What an edit does when the database was opened anew under it.
  enum class OverReopening : std::uint8_t { begin_again, fail };

  Result<Bytes> read(const SpaceId& space, const ObjectId& id, bool verified_by_caller);
  Result<SpaceCounters> counters(const SpaceId& space);
  Result<std::vector<std::optional<ObjectRow>>> rows(const SpaceId& space, std::span<const ObjectId> ids,
                                                     Read read = Read::all) const;
  static std::vector<Bytes> keys_of(const SpaceId& space, std::span<const ObjectId> ids);
  /// Calls `edit` with each different id and what is known of it, in order, and writes what it changed: all in one
  /// batch.
  Result<void> edit_batch(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                          std::size_t reserved_bytes = 0, Read read = Read::all,
                          OverReopening then = OverReopening::begin_again);
  Result<void> try_edit(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                        std::size_t reserved_bytes, Read read);
  Result<void> edit_in_batches(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                               Read read = Read::all, OverReopening then = OverReopening::begin_again);

  Database& database_;
  ObjectsAhead ahead_;
  std::mutex write_mutex_;  ///< reading facts and changing them is one step
  std::map<SpaceId, SpaceCounters> counters_;
  std::uint64_t reopenings_ = 0;  ///< of the database, when counters_ was right
};

Result<SpaceCounters> DatabaseObjectStore::counters(const SpaceId& space) {
  if (const auto known = counters_.find(space); known != counters_.end()) return known->second;
  BEFFROI_TRY(const SpaceCounters loaded, load_counters(database_, space));
  return counters_[space] = loaded;
}

Result<std::vector<std::optional<ObjectRow>>> DatabaseObjectStore::rows(const SpaceId& space,
                                                                        std::span<const ObjectId> ids,
                                                                        Read read) const {
  std::vector<std::optional<ObjectRow>> out(ids.size());
  BEFFROI_CHECK(
      database_.get_many(Table::info, keys_of(space, ids), [&](std::size_t i, ByteView value) -> Result<void> {
        if (read == Read::all) {
          BEFFROI_TRY(out[i], decode_row(value));
        } else {
          BEFFROI_TRY(const ObjectInfo info, decode_info(value));
          out[i] = ObjectRow{.info = info, .children = {}};
        }
        return {};
      }));
  return out;
}

std::vector<Bytes> DatabaseObjectStore::keys_of(const SpaceId& space, std::span<const ObjectId> ids) {
  std::vector<Bytes> keys;
  keys.reserve(ids.size());
  for (const ObjectId& id : ids) keys.push_back(object_key(space, id));
  return keys;
}

Result<void> DatabaseObjectStore::edit_batch(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                                             std::size_t reserved_bytes, Read read, OverReopening then) {
  const std::lock_guard lock(write_mutex_);
  const std::uint64_t reopenings = database_.reopenings();
  if (reopenings != reopenings_) counters_.clear();
  reopenings_ = reopenings;
  auto done = try_edit(space, ids, edit, reserved_bytes, read);
  if (done || database_.reopenings() == reopenings || then == OverReopening::fail) return done;
  // There is room again, and the database holds perhaps more than was known: from the beginning.
  counters_.clear();
  reopenings_ = database_.reopenings();
  return try_edit(space, ids, edit, reserved_bytes, read);
}

Result<void> DatabaseObjectStore::try_edit(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                                           std::size_t reserved_bytes, Read read) {
  BEFFROI_TRY(const SpaceCounters before, counters(space));
  BEFFROI_TRY(const auto known, rows(space, ids, read));
  ObjectChange change(space, before, reserved_bytes);
  std::unordered_set<ObjectId> seen;
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (!seen.insert(ids[i]).second) continue;
    BEFFROI_CHECK(edit(change, ids[i], known[i]));
  }
  const auto after = change.write(database_, reopenings_);
  if (after) {
    counters_[space] = *after;
    return {};
  }
  // A write that failed late may be found done after all: the counters in the database go with the facts there.
  counters_.erase(space);
  return forward_error(after);
}

Result<void> DatabaseObjectStore::edit_in_batches(const SpaceId& space, std::span<const ObjectId> ids, const Edit& edit,
                                                  Read read, OverReopening then) {
  while (!ids.empty()) {
    const std::size_t count = std::min(ids.size(), kIdsPerBatch);
    BEFFROI_CHECK(edit_batch(space, ids.first(count), edit, 0, read, then));
    ids = ids.subspan(count);
  }
  return {};
}

Result<void> DatabaseObjectStore::put(const SpaceId& space, std::span<const IncomingObject> objects) {
  constexpr std::size_t kFactsBytes = 512;  // keys and facts in all tables, without the children
  std::vector<ObjectId> ids;
  std::map<ObjectId, const IncomingObject*> incoming;
  std::size_t bytes = 0;
  for (const IncomingObject& object : objects) {
    if (!incoming.try_emplace(object.id, &object).second) continue;
    ids.push_back(object.id);
    bytes += kFactsBytes + object.bytes.size() + object.header.encoded_size();
  }
  const Edit put_absent = [&](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (known && is_here(known->info)) return {};
    const IncomingObject& object = *incoming.at(id);
    change.put_bytes(id, object.bytes);
    change.replace(id, known, row_for(object, known, change.next_insertion()));
    return {};
  };
  return edit_batch(space, ids, put_absent, bytes);
}

Result<void> DatabaseObjectStore::put_ahead(const SpaceId& space, std::span<const IncomingObject> objects) {
  std::vector<ObjectId> ids;
  ids.reserve(objects.size());
  for (const IncomingObject& object : objects) ids.push_back(object.id);
  BEFFROI_TRY(const auto known, rows(space, ids));
  return ahead_.write(space, objects, known);
}

Result<void> DatabaseObjectStore::settle(const SpaceId& space) {
  BEFFROI_TRY(const auto lot, ahead_.take_durable(space));
  std::vector<ObjectId> ids;
  std::map<ObjectId, const ObjectsAhead::Waiting*> waiting;
  for (const auto& object : lot.objects)
    if (waiting.try_emplace(object.id, &object).second) ids.push_back(object.id);
  BEFFROI_CHECK(
      edit_in_batches(space, ids, [&](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
        if (known && is_here(known->info)) return {};
        const auto& object = *waiting.at(id);
        if (object.bytes) change.put_bytes(id, *object.bytes);
        change.replace(id, known, row_for(object.header, object.sealed_bytes, known, change.next_insertion()));
        return {};
      }));
  return ahead_.forget_notes(lot);
}

Result<Bytes> DatabaseObjectStore::read(const SpaceId& space, const ObjectId& id, bool verified_by_caller) {
  BEFFROI_TRY(const auto before, info(space, id));
  if (!before || !is_here(*before)) return no_such_object(id);
  BEFFROI_TRY(auto bytes, database_.get(Table::objects, object_key(space, id), verified_by_caller));
  if (bytes) return std::move(*bytes);
  // Evicted or removed meanwhile, or lost.
  BEFFROI_TRY(const auto after, info(space, id));
  if (!after || !is_here(*after)) return no_such_object(id);
  return fail(ErrorCode::corrupt, N_("The bytes of the object {} are missing from this store. Check the disk."),
              id.hex());
}

Result<std::optional<ObjectInfo>> DatabaseObjectStore::info(const SpaceId& space, const ObjectId& id) {
  BEFFROI_TRY(const auto value, database_.get(Table::info, object_key(space, id)));
  if (!value) return std::nullopt;
  BEFFROI_TRY(const ObjectInfo out, decode_info(*value));
  return out;
}

Result<std::vector<std::optional<ObjectInfo>>> DatabaseObjectStore::info_many(const SpaceId& space,
                                                                              std::span<const ObjectId> ids) {
  std::vector<std::optional<ObjectInfo>> out(ids.size());
  BEFFROI_CHECK(
      database_.get_many(Table::info, keys_of(space, ids), [&](std::size_t i, ByteView value) -> Result<void> {
        BEFFROI_TRY(out[i], decode_info(value));
        return {};
      }));
  return out;
}

Result<std::vector<ObjectId>> DatabaseObjectStore::children(const SpaceId& space, const ObjectId& id) {
  BEFFROI_TRY(const auto value, database_.get(Table::info, object_key(space, id)));
  if (!value) return no_such_object(id);
  BEFFROI_TRY(ObjectRow row, decode_row(*value));
  return std::move(row.children);
}

Result<void> DatabaseObjectStore::note_remote(const SpaceId& space, std::span<const RemoteObject> objects) {
  std::vector<ObjectId> ids;
  std::map<ObjectId, const RemoteObject*> named;
  for (const RemoteObject& object : objects)
    if (named.try_emplace(object.id, &object).second) ids.push_back(object.id);
  return edit_in_batches(space, ids, [&](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (!known) change.replace(id, known, row_for(*named.at(id)));
    return {};
  });
}

Result<void> DatabaseObjectStore::mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) {
  return edit_in_batches(space, ids, [](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (!known || known->info.receipted || known->info.quarantined) return {};
    std::optional<ObjectRow> marked = known;
    marked->info.receipted = true;
    change.replace(id, known, marked);
    return {};
  });
}

Result<void> DatabaseObjectStore::mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) {
  return edit_in_batches(space, ids, [](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (!known || !known->info.receipted) return {};
    std::optional<ObjectRow> marked = known;
    marked->info.receipted = false;
    change.replace(id, known, marked);
    return {};
  });
}

Result<void> DatabaseObjectStore::quarantine(const SpaceId& space, const ObjectId& id) {
  return edit_batch(space, {&id, 1}, [&](ObjectChange& change, const ObjectId&, const auto& known) -> Result<void> {
    if (!known || known->info.quarantined) return {};
    std::optional<ObjectRow> marked = known;
    marked->info.quarantined = true;
    // Whoever holds it elsewhere is to be asked anew before the only good copy may be evicted.
    marked->info.receipted = false;
    // Bytes that the disk no longer gives would stop the compaction that meets them, and with it all writes.
    const auto bytes = database_.get(Table::objects, object_key(space, id));
    if (!bytes && bytes.error().code == ErrorCode::corrupt) {
      change.remove_bytes(id);
      marked->info.bytes_present = false;
    }
    change.replace(id, known, marked);
    return {};
  });
}

Result<void> DatabaseObjectStore::evict(const SpaceId& space, std::span<const ObjectId> ids) {
  return edit_in_batches(space, ids, [](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (!known || !known->info.bytes_present || !known->info.receipted) return {};
    std::optional<ObjectRow> evicted = known;
    evicted->info.bytes_present = false;
    change.remove_bytes(id);
    change.replace(id, known, evicted);
    return {};
  });
}

// A put that had failed may be found done when the database is opened anew, and be made of what was garbage without it:
// whoever removes must look again.
Result<void> DatabaseObjectStore::remove(const SpaceId& space, std::span<const ObjectId> ids) {
  const Edit remove_known = [](ObjectChange& change, const ObjectId& id, const auto& known) -> Result<void> {
    if (!known) return {};
    change.remove_bytes(id);
    change.replace(id, known, std::nullopt);
    return {};
  };
  return edit_in_batches(space, ids, remove_known, Read::without_children, OverReopening::fail);
}

Result<void> DatabaseObjectStore::erase_space(const SpaceId& space) {
  const std::lock_guard lock(write_mutex_);
  WriteBatch batch;
  for (const Table table : {Table::objects, Table::info, Table::evictable}) batch.remove_prefix(table, space);
  batch.remove(Table::state, counters_key(space));
  BEFFROI_CHECK(database_.write(batch, Durability::buffered));
  counters_.erase(space);
  return {};
}

Result<void> DatabaseObjectStore::iterate_from(const SpaceId& space, const ObjectId& first,
                                               const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) {
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::info, space, object_key(space, first), [&](ByteView key, ByteView value) {
    const auto id = ObjectId::from(key.subspan(SpaceId::size_bytes));
    const auto facts = decode_info(value);
    if (!facts) outcome = forward_error(facts);
    return id && facts && visit(*id, *facts);
  }));
  return outcome;
}

Result<void> DatabaseObjectStore::for_each_evictable(
    const SpaceId& space, const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) {
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::evictable, space, [&](ByteView, ByteView value) {
    const auto id = ObjectId::from(value);
    if (!id) return true;
    const auto facts = info(space, *id);
    if (!facts) {
      outcome = forward_error(facts);
      return false;
    }
    // Something else may have happened to it since the scan began.
    return !*facts || !is_evictable(**facts) || visit(*id, **facts);
  }));
  return outcome;
}

Result<StoreUsage> DatabaseObjectStore::usage(const SpaceId& space) {
  const std::lock_guard lock(write_mutex_);
  BEFFROI_TRY(const SpaceCounters now, counters(space));
  return now.usage;
}

Result<std::uint64_t> DatabaseObjectStore::insertions(const SpaceId& space) {
  const std::lock_guard lock(write_mutex_);
  BEFFROI_TRY(const SpaceCounters now, counters(space));
  return now.insertions;
}

}  // namespace

std::unique_ptr<ObjectStore> make_object_store(Database& database) {
  return std::make_unique<DatabaseObjectStore>(database);
}

}  // namespace beffroi::storage
