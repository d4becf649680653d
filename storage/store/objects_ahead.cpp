#include "storage/store/objects_ahead.h"

#include "storage/store/keys.h"
#include "storage/store/object_change.h"

namespace beffroi::storage {
namespace {

Bytes notes_prefix(const SpaceId& space) { return join_key({as_bytes("ahead/"), space}); }

std::unexpected<Error> opened_anew() {
  return fail(ErrorCode::disk_full, N_("The disk was full until a moment ago. Try again."));
}

Result<std::vector<ObjectId>> decode_note(ByteView value) {
  if (value.size() % ObjectId::size_bytes != 0)
    return fail(ErrorCode::corrupt, N_("A note of the local store is damaged. Check the disk."));
  std::vector<ObjectId> out;
  for (; !value.empty(); value = value.subspan(ObjectId::size_bytes))
    out.push_back(*ObjectId::from(value.first(ObjectId::size_bytes)));
  return out;
}

}  // namespace

// Notes that a crash left have numbers, too.
Result<std::uint64_t> ObjectsAhead::next_number(const SpaceId& space) {
  const auto known = next_numbers_.find(space);
  if (known != next_numbers_.end()) return known->second++;
  BEFFROI_TRY(const auto last, database_.last(Table::state, notes_prefix(space)));
  const std::uint64_t next = last ? trailing_be64(last->key) + 1 : 1;
  next_numbers_.emplace(space, next + 1);
  return next;
}

Result<void> ObjectsAhead::write(const SpaceId& space, std::span<const IncomingObject> objects,
                                 std::span<const std::optional<ObjectRow>> known) {
  const std::lock_guard lock(mutex_);
  const std::uint64_t reopenings = database_.reopenings();
  Lot& lot = waiting_[space];
  if (lot.objects.empty()) lot.reopenings = reopenings;
  if (lot.reopenings != reopenings) return opened_anew();
  std::size_t size = 0;
  for (std::size_t i = 0; i < objects.size(); ++i)
    if (!known[i]) size += objects[i].bytes.size();
  WriteBatch bytes(size + size / 64 + 4096);
  Bytes note;
  std::vector<Waiting> waiting;
  for (std::size_t i = 0; i < objects.size(); ++i) {
    const IncomingObject& object = objects[i];
    waiting.push_back({.id = object.id,
                       .header = object.header,
                       .sealed_bytes = static_cast<std::uint32_t>(object.bytes.size()),
                       .bytes = std::nullopt});
    if (known[i]) {
      waiting.back().bytes = to_bytes(object.bytes);
    } else {
      bytes.put(Table::objects, object_key(space, object.id), object.bytes);
      note.insert(note.end(), object.id.data.begin(), object.id.data.end());
    }
  }
  if (!note.empty()) {
    BEFFROI_TRY(const std::uint64_t number, next_number(space));
    const Bytes key = join_key({notes_prefix(space), be64(number)});
    WriteBatch noted;
    noted.put(Table::state, key, note);
    BEFFROI_CHECK(database_.write_since(reopenings, noted, Durability::buffered));
    BEFFROI_CHECK(database_.write_since(reopenings, bytes, Durability::unlogged));
    lot.notes.push_back(key);
  }
  // Only now: whoever settles meanwhile must not make objects of bytes that were refused.
  lot.objects.insert(lot.objects.end(), std::make_move_iterator(waiting.begin()),
                     std::make_move_iterator(waiting.end()));
  return {};
}

Result<ObjectsAhead::Lot> ObjectsAhead::take_durable(const SpaceId& space) {
  Lot lot;
  {
    const std::lock_guard lock(mutex_);
    lot = std::exchange(waiting_[space], {});
  }
  if (lot.notes.empty()) return lot;
  BEFFROI_CHECK(database_.flush(Table::objects));
  // Opening anew loses what is not flushed. What was flushed before that is safe, but nobody can tell any more.
  if (database_.reopenings() != lot.reopenings) return opened_anew();
  return lot;
}

Result<void> ObjectsAhead::forget_notes(const Lot& lot) {
  if (lot.notes.empty()) return {};
  WriteBatch batch;
  for (const Bytes& key : lot.notes) batch.remove(Table::state, key);
  return database_.write(batch, Durability::buffered);
}

Result<bool> ObjectsAhead::discard(const SpaceId& space, ObjectStore& store) {
  const std::lock_guard lock(mutex_);
  waiting_.erase(space);
  std::vector<KeyValue> notes;
  BEFFROI_CHECK(database_.scan(Table::state, notes_prefix(space), [&](ByteView key, ByteView value) {
    notes.push_back({to_bytes(key), to_bytes(value)});
    return true;
  }));
  bool removed = false;
  for (const KeyValue& note : notes) {
    BEFFROI_TRY(const auto ids, decode_note(note.value));
    BEFFROI_TRY(const auto infos, store.info_many(space, ids));
    WriteBatch batch;
    for (std::size_t i = 0; i < ids.size(); ++i) {
      if (infos[i] && infos[i]->bytes_present) continue;
      batch.remove(Table::objects, object_key(space, ids[i]));
      removed = true;
    }
    batch.remove(Table::state, note.key);
    BEFFROI_CHECK(database_.write(batch, Durability::buffered));
  }
  return removed;
}

}  // namespace beffroi::storage
