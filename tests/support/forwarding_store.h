// An object store that passes everything on to another one: tests override what is to go differently.
#pragma once

#include "storage/store/object_store.h"

namespace beffroi::storage::testing {

class ForwardingStore : public ObjectStore {
 public:
  using Visitor = std::function<bool(const ObjectId&, const ObjectInfo&)>;
  explicit ForwardingStore(ObjectStore& inner) : inner_(inner) {}
  Result<void> put(const SpaceId& space, std::span<const IncomingObject> objects) override {
    return inner_.put(space, objects);
  }
  Result<Bytes> get(const SpaceId& space, const ObjectId& id) override { return inner_.get(space, id); }
  Result<std::optional<ObjectInfo>> info(const SpaceId& space, const ObjectId& id) override {
    return inner_.info(space, id);
  }
  Result<std::vector<std::optional<ObjectInfo>>> info_many(const SpaceId& space,
                                                           std::span<const ObjectId> ids) override {
    return inner_.info_many(space, ids);
  }
  Result<std::vector<ObjectId>> children(const SpaceId& space, const ObjectId& id) override {
    return inner_.children(space, id);
  }
  Result<void> note_remote(const SpaceId& space, std::span<const RemoteObject> objects) override {
    return inner_.note_remote(space, objects);
  }
  Result<void> mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_.mark_receipted(space, ids);
  }
  Result<void> mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_.mark_unreceipted(space, ids);
  }
  Result<void> quarantine(const SpaceId& space, const ObjectId& id) override { return inner_.quarantine(space, id); }
  Result<void> evict(const SpaceId& space, std::span<const ObjectId> ids) override { return inner_.evict(space, ids); }
  Result<void> remove(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_.remove(space, ids);
  }
  Result<void> erase_space(const SpaceId& space) override { return inner_.erase_space(space); }
  Result<void> iterate_from(const SpaceId& space, const ObjectId& first, const Visitor& visit) override {
    return inner_.iterate_from(space, first, visit);
  }
  Result<void> for_each_evictable(const SpaceId& space, const Visitor& visit) override {
    return inner_.for_each_evictable(space, visit);
  }
  Result<StoreUsage> usage(const SpaceId& space) override { return inner_.usage(space); }
  Result<std::uint64_t> insertions(const SpaceId& space) override { return inner_.insertions(space); }
  Result<void> sync() override { return inner_.sync(); }

 private:
  ObjectStore& inner_;
};

}  // namespace beffroi::storage::testing
