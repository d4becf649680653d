// What the tests of the object stores share: objects to put, folders to put them in, and a look at a whole store.
#pragma once

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <map>

#include "crypto/random.h"
#include "storage/store/object_store.h"

namespace beffroi::storage::testing {

/// An empty folder that goes with its owner.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = ::testing::TempDir() + "/beffroi-store-XXXXXX";
    if (mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

/// An object whose bytes follow from its id: the stores look at neither.
struct MadeObject {
  ObjectId id;
  ObjectHeader header;
  Bytes bytes;
  IncomingObject incoming() const { return {.id = id, .header = header, .bytes = bytes}; }
};

inline Bytes bytes_for(const ObjectId& id, std::size_t size) {
  std::uint64_t seed = 0;
  std::memcpy(&seed, id.data.data(), sizeof seed);
  Bytes out(size);
  crypto::SeededRandom(seed).fill(out);
  return out;
}

inline MadeObject make_object(crypto::Random& random, const SpaceId& space, std::size_t size,
                              ObjectKind kind = ObjectKind::chunk, std::uint32_t epoch = 1) {
  MadeObject out;
  out.id = random.fixed<ObjectId>();
  out.header.kind = kind;
  out.header.space = space;
  out.header.epoch = {epoch};
  out.bytes = bytes_for(out.id, size);
  return out;
}

inline Result<void> put_all(ObjectStore& store, const SpaceId& space, std::span<const MadeObject> objects) {
  std::vector<IncomingObject> incoming;
  for (const MadeObject& object : objects) incoming.push_back(object.incoming());
  return store.put(space, incoming);
}

inline Result<void> put_all_ahead(ObjectStore& store, const SpaceId& space, std::span<const MadeObject> objects) {
  std::vector<IncomingObject> incoming;
  for (const MadeObject& object : objects) incoming.push_back(object.incoming());
  return store.put_ahead(space, incoming);
}

/// Ids whose bytes lie in the database, whether it has objects of them or not.
inline std::vector<ObjectId> ids_with_bytes(const Database& database, const SpaceId& space) {
  std::vector<ObjectId> out;
  EXPECT_TRUE(database.scan(Table::objects, space, [&](ByteView key, ByteView) {
    out.push_back(ObjectId::from(key.subspan(SpaceId::size_bytes)).value());
    return true;
  }));
  return out;
}

/// Everything the store says of a space.
struct StoreImage {
  struct Object {
    ObjectInfo info;
    std::vector<ObjectId> children;
    std::optional<Bytes> bytes;
  };
  std::map<ObjectId, Object> objects;
  std::vector<ObjectId> evictable;
  StoreUsage usage;
};

/// Reads all of it and checks that it agrees with itself: counters and the list of what may be evicted equal a scan.
inline StoreImage read_image(ObjectStore& store, const SpaceId& space) {
  StoreImage image;
  StoreUsage scanned;
  std::size_t evictable = 0;
  EXPECT_TRUE(store.iterate(space, [&](const ObjectId& id, const ObjectInfo& info) {
    auto& object = image.objects[id];
    object.info = info;
    object.children = store.children(space, id).value();
    const bool here = info.bytes_present && !info.quarantined;
    if (auto bytes = store.get(space, id)) object.bytes = std::move(*bytes);
    EXPECT_EQ(here, object.bytes.has_value()) << id.hex();
    if (here) scanned = {scanned.objects + 1, scanned.sealed_bytes + info.sealed_bytes};
    const bool leaf_kind = info.kind == ObjectKind::chunk || info.kind == ObjectKind::bundle;
    if (here && info.receipted && leaf_kind) ++evictable;
    return true;
  }));
  EXPECT_TRUE(store.for_each_evictable(space, [&](const ObjectId& id, const ObjectInfo&) {
    image.evictable.push_back(id);
    return true;
  }));
  EXPECT_EQ(image.evictable.size(), evictable);
  image.usage = store.usage(space).value();
  EXPECT_EQ(image.usage, scanned);
  return image;
}

}  // namespace beffroi::storage::testing
