// Objects that are made of one another, and what is true of them: an oracle for garbage collection.
#pragma once

#include <set>

#include "storage/store/collector.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage::testing {

/// Remembers every object that it made, whether a store has it or not.
class ObjectGraph {
 public:
  explicit ObjectGraph(std::uint64_t seed)
      : random_(std::make_unique<crypto::SeededRandom>(seed)), space_(random_->fixed<SpaceId>()) {}
  const SpaceId& space() const { return space_; }
  crypto::Random& random() { return *random_; }
  const MadeObject& object(const ObjectId& id) const { return objects_.at(id); }
  std::size_t size() const { return objects_.size(); }

  /// Puts an object with these children. `height`: what its header says, if not the truth.
  ObjectId put(ObjectStore& store, std::vector<ObjectId> children = {}, std::optional<std::uint8_t> height = {}) {
    const ObjectId id = make(std::move(children), height);
    EXPECT_TRUE(put_again(store, id));
    return id;
  }
  ObjectId make(std::vector<ObjectId> children, std::optional<std::uint8_t> height = {}) {
    MadeObject out = make_object(*random_, space_, 40 + random_->below(200));
    std::ranges::sort(children);
    children.erase(std::ranges::unique(children).begin(), children.end());
    int true_height = 0;
    for (const ObjectId& child : children) true_height = std::max(true_height, 1 + objects_.at(child).header.height);
    if (true_height > kMaxHeight) return make({});
    out.header.height = height.value_or(static_cast<std::uint8_t>(true_height));
    out.header.kind = children.empty() ? ObjectKind::chunk : ObjectKind::node;
    out.header.children = std::move(children);
    ids_.push_back(out.id);
    const ObjectId id = out.id;
    objects_.emplace(id, std::move(out));
    return id;
  }
  Result<void> put_again(ObjectStore& store, const ObjectId& id) {
    return put_all(store, space_, {&objects_.at(id), 1});
  }
  /// Puts `count` objects more, children first: most are made of some that were put before, mostly of young ones.
  void grow(ObjectStore& store, std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) put(store, some_children());
  }
  std::vector<ObjectId> some_children() {
    std::vector<ObjectId> out;
    if (ids_.size() < 4 || random_->below(3) == 0) return out;
    for (std::uint64_t left = 1 + random_->below(5); left > 0; --left) out.push_back(some_young());
    return out;
  }
  ObjectId some() { return ids_[random_->below(ids_.size())]; }
  /// One of the last 30, so that the graph gets deep.
  ObjectId some_young() { return ids_[ids_.size() - 1 - random_->below(std::min<std::size_t>(ids_.size(), 30))]; }

  /// All that these are made of, themselves too.
  std::set<ObjectId> reached_from(const std::vector<ObjectId>& roots) const {
    std::set<ObjectId> out;
    std::vector<ObjectId> open = roots;
    while (!open.empty()) {
      const ObjectId id = open.back();
      open.pop_back();
      if (!objects_.contains(id) || !out.insert(id).second) continue;
      const auto& children = objects_.at(id).header.children;
      open.insert(open.end(), children.begin(), children.end());
    }
    return out;
  }

 private:
  std::unique_ptr<crypto::SeededRandom> random_;
  SpaceId space_;
  std::map<ObjectId, MadeObject> objects_;
  std::vector<ObjectId> ids_;  ///< in the order of their making
};

inline std::set<ObjectId> known_ids(ObjectStore& store, const SpaceId& space) {
  std::set<ObjectId> out;
  EXPECT_TRUE(store.iterate(space, [&](const ObjectId& id, const ObjectInfo&) { return out.insert(id).second; }));
  return out;
}

/// Objects in the store that are made of something that is not.
inline std::vector<ObjectId> broken_parents(ObjectStore& store, const SpaceId& space) {
  const std::set<ObjectId> known = known_ids(store, space);
  std::vector<ObjectId> out;
  for (const ObjectId& id : known)
    for (const ObjectId& child : store.children(space, id).value())
      if (!known.contains(child)) out.push_back(id);
  return out;
}

/// Takes a collection one step on, as a driver without other work does.
inline Result<void> advance(Collector& collector, std::size_t objects) {
  BEFFROI_CHECK(collector.advance_unlocked(objects));
  return collector.wants_lock() ? collector.advance_locked(objects) : Result<void>();
}

/// A whole collection that nobody disturbs.
inline Result<CollectorCounts> collect(ObjectStore& store, const SpaceId& space, const std::vector<ObjectId>& roots,
                                       crypto::Random& random, std::size_t objects = 100,
                                       const CollectorLimits& limits = {}) {
  BEFFROI_TRY(const auto collector, Collector::begin(store, space, random, limits));
  collector->add_roots(roots);
  collector->end_roots();
  while (!collector->is_done()) BEFFROI_CHECK(advance(*collector, objects));
  return collector->counts();
}

}  // namespace beffroi::storage::testing
