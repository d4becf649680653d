// Trees that are to be removed, parents before children, when there may be more of them than memory is set aside for.
#pragma once

#include <map>

#include "storage/store/object_store.h"

namespace beffroi::storage {

/// Keeps the highest trees that it was given. Not thread-safe. Takes 32 bytes for each, 64 while it grows.
class RemovalList {
 public:
  /// At least 1 tree. First all are added, then all are taken.
  explicit RemovalList(std::size_t trees_max) : trees_max_(trees_max) {}
  void add(const ObjectId& id, std::uint8_t height);
  /// At most so many, highest first. What was added and is not here any more is no higher than what is.
  std::vector<ObjectId> take_highest(std::size_t count);
  std::size_t size() const { return size_; }
  /// False when something found no room: when this list is done with, the search must be repeated.
  bool is_complete() const { return !left_out_; }
  void clear();

 private:
  std::size_t trees_max_;
  std::map<std::uint8_t, std::vector<ObjectId>, std::greater<>> by_height_;
  std::size_t size_ = 0;
  bool left_out_ = false;
};

}  // namespace beffroi::storage
