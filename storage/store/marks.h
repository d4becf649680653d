// What a collection has found in use: trees exactly, by their insertion numbers; objects without children by a filter.
#pragma once

#include <bitset>
#include <unordered_map>

#include "crypto/random.h"
#include "storage/store/object_store.h"

namespace beffroi::storage {

/// A set of insertion numbers: exact, and small where they are few or lie together. A page takes about 104 bytes.
class InsertionSet {
 public:
  static constexpr std::size_t kNumbersPerPage = 512;
  bool contains(std::uint64_t number) const;
  /// False when it was in.
  bool insert(std::uint64_t number);
  std::size_t pages() const { return pages_.size(); }

 private:
  std::unordered_map<std::uint64_t, std::bitset<kNumbersPerPage>> pages_;
};

/// A Bloom filter of which each id meets one cache line (Putze, Sanders, Singler, "Cache-, Hash- and Space-Efficient
/// Bloom Filters", 2007), seven bits each: with 10 bits per id about 1.2 % of the ids that were never put in seem to
/// be. A seed of its own chooses which ones, so that nobody can make ids that are.
class IdFilter {
 public:
  /// At least one line of 64 bytes.
  IdFilter(std::size_t bytes, crypto::Random& random);
  /// Never false for what was put in.
  bool contains(const ObjectId& id) const;
  /// False when it seemed to be in.
  bool insert(const ObjectId& id);

 private:
  struct alignas(64) Line {
    std::array<std::uint64_t, 8> words{};
  };
  struct Place {
    std::size_t line;
    std::uint64_t bits;
  };
  Place place(const ObjectId& id) const;

  std::array<std::uint64_t, 2> seed_{};
  std::vector<Line> lines_;
};

/// Not thread-safe. Grows only: what is marked stays so.
class Marks {
 public:
  Marks(std::size_t filter_bytes, crypto::Random& random) : filter_(filter_bytes, random) {}
  /// Exact for trees that have a number; a filter's answer, which may be wrongly true, for everything else.
  bool contains(const ObjectId& id, const ObjectInfo& info) const {
    return is_exact(info) ? trees_.contains(info.insertion) : filter_.contains(id);
  }
  /// False when it was marked.
  bool insert(const ObjectId& id, const ObjectInfo& info);
  /// Marks an object of which only its parent is known, which says that it has no children.
  void insert_unseen(const ObjectId& id) { count_ += filter_.insert(id) ? 1 : 0; }
  /// A tree that is not marked but seems to be the child of a marked object that says its children had none.
  bool in_doubt(const ObjectId& id, const ObjectInfo& info) const {
    return is_exact(info) && !trees_.contains(info.insertion) && filter_.contains(id);
  }
  /// Objects marked, about.
  std::uint64_t count() const { return count_; }
  std::size_t pages() const { return trees_.pages(); }

 private:
  // (What has no number was never here: nobody knows children of it.)
  static bool is_exact(const ObjectInfo& info) { return info.height > 0 && info.insertion > 0; }

  InsertionSet trees_;
  IdFilter filter_;
  std::uint64_t count_ = 0;
};

}  // namespace beffroi::storage
