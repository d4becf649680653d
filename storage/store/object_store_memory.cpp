#include <map>
#include <mutex>

#include "storage/store/object_row.h"

namespace beffroi::storage {
namespace {

class MemoryObjectStore final : public ObjectStore {
 public:
  Result<void> put(const SpaceId& space, std::span<const IncomingObject> objects) override {
    const std::lock_guard lock(mutex_);
    for (const IncomingObject& object : objects) {
      std::optional<ObjectRow> known;
      if (const Stored* stored = find(space, object.id)) known = stored->row;
      if (known && is_here(known->info)) continue;
      spaces_[space].insert_or_assign(
          object.id, Stored{.row = row_for(object, known, ++insertions_[space]), .bytes = to_bytes(object.bytes)});
    }
    return {};
  }

  Result<Bytes> get(const SpaceId& space, const ObjectId& id) override {
    const std::lock_guard lock(mutex_);
    const Stored* stored = find(space, id);
    if (stored == nullptr || !is_here(stored->row.info)) return no_such_object(id);
    return stored->bytes;
  }

  Result<std::optional<ObjectInfo>> info(const SpaceId& space, const ObjectId& id) override {
    const std::lock_guard lock(mutex_);
    const Stored* stored = find(space, id);
    if (stored == nullptr) return std::nullopt;
    return stored->row.info;
  }

  Result<std::vector<std::optional<ObjectInfo>>> info_many(const SpaceId& space,
                                                           std::span<const ObjectId> ids) override {
    const std::lock_guard lock(mutex_);
    std::vector<std::optional<ObjectInfo>> out(ids.size());
    for (std::size_t i = 0; i < ids.size(); ++i)
      if (const Stored* stored = find(space, ids[i])) out[i] = stored->row.info;
    return out;
  }

  Result<std::vector<ObjectId>> children(const SpaceId& space, const ObjectId& id) override {
    const std::lock_guard lock(mutex_);
    const Stored* stored = find(space, id);
    if (stored == nullptr) return no_such_object(id);
    return stored->row.children;
  }

  Result<void> note_remote(const SpaceId& space, std::span<const RemoteObject> objects) override {
    const std::lock_guard lock(mutex_);
    for (const RemoteObject& object : objects)
      spaces_[space].try_emplace(object.id, Stored{.row = row_for(object), .bytes = {}});
    return {};
  }

  Result<void> mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    const std::lock_guard lock(mutex_);
    for (const ObjectId& id : ids)
      if (Stored* stored = find(space, id); stored != nullptr && !stored->row.info.quarantined)
        stored->row.info.receipted = true;
    return {};
  }

  Result<void> mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    const std::lock_guard lock(mutex_);
    for (const ObjectId& id : ids)
      if (Stored* stored = find(space, id)) stored->row.info.receipted = false;
    return {};
  }

  Result<void> quarantine(const SpaceId& space, const ObjectId& id) override {
    const std::lock_guard lock(mutex_);
    if (Stored* stored = find(space, id)) {
      stored->row.info.quarantined = true;
      stored->row.info.receipted = false;
    }
    return {};
  }

  Result<void> evict(const SpaceId& space, std::span<const ObjectId> ids) override {
    const std::lock_guard lock(mutex_);
    for (const ObjectId& id : ids) {
      Stored* stored = find(space, id);
      if (stored == nullptr || !stored->row.info.receipted) continue;
      stored->row.info.bytes_present = false;
      stored->bytes = {};
    }
    return {};
  }

  Result<void> remove(const SpaceId& space, std::span<const ObjectId> ids) override {
    const std::lock_guard lock(mutex_);
    for (const ObjectId& id : ids) spaces_[space].erase(id);
    return {};
  }

  Result<void> erase_space(const SpaceId& space) override {
    const std::lock_guard lock(mutex_);
    spaces_.erase(space);
    insertions_.erase(space);
    return {};
  }

  Result<void> iterate_from(const SpaceId& space, const ObjectId& first,
                            const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) override {
    for (const auto& [id, row] : snapshot(space, first))
      if (!visit(id, row.info)) break;
    return {};
  }

  Result<void> for_each_evictable(const SpaceId& space,
                                  const std::function<bool(const ObjectId&, const ObjectInfo&)>& visit) override {
    auto rows = snapshot(space);
    std::erase_if(rows, [](const auto& object) { return !is_evictable(object.second.info); });
    std::ranges::sort(
        rows, {}, [](const auto& object) { return std::pair(object.second.info.epoch, object.second.info.insertion); });
    for (const auto& [id, row] : rows)
      if (!visit(id, row.info)) break;
    return {};
  }

  Result<StoreUsage> usage(const SpaceId& space) override {
    StoreUsage out;
    for (const auto& [id, row] : snapshot(space)) {
      if (!is_here(row.info)) continue;
      ++out.objects;
      out.sealed_bytes += row.info.sealed_bytes;
    }
    return out;
  }

  Result<std::uint64_t> insertions(const SpaceId& space) override {
    const std::lock_guard lock(mutex_);
    const auto counted = insertions_.find(space);
    return counted == insertions_.end() ? 0 : counted->second;
  }

  Result<void> sync() override { return {}; }

 private:
  struct Stored {
    ObjectRow row;
    Bytes bytes;
  };

  // Needs the mutex.
  Stored* find(const SpaceId& space, const ObjectId& id) {
    const auto objects = spaces_.find(space);
    if (objects == spaces_.end()) return nullptr;
    const auto stored = objects->second.find(id);
    return stored == objects->second.end() ? nullptr : &stored->second;
  }

  // A copy, so that visitors may call the store.
  std::vector<std::pair<ObjectId, ObjectRow>> snapshot(const SpaceId& space, const ObjectId& first = {}) {
    const std::lock_guard lock(mutex_);
    std::vector<std::pair<ObjectId, ObjectRow>> out;
    if (const auto objects = spaces_.find(space); objects != spaces_.end())
      for (auto at = objects->second.lower_bound(first); at != objects->second.end(); ++at)
        out.emplace_back(at->first, at->second.row);
    return out;
  }

  std::mutex mutex_;
  std::map<SpaceId, std::map<ObjectId, Stored>> spaces_;
  std::map<SpaceId, std::uint64_t> insertions_;
};

}  // namespace

std::unique_ptr<ObjectStore> make_memory_object_store() { return std::make_unique<MemoryObjectStore>(); }

}  // namespace beffroi::storage
