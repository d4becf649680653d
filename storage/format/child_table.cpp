#include "crypto/assert.h"
#include "storage/format/object.h"

namespace beffroi::storage {

void ChildTable::add(const ObjectRef& child) {
  ids_.push_back(child.id);
  max_height_ = std::max(max_height_, child.height);
  frozen_ = false;
}

void ChildTable::freeze() {
  std::sort(ids_.begin(), ids_.end());
  ids_.erase(std::unique(ids_.begin(), ids_.end()), ids_.end());
  BEFFROI_ASSERT(ids_.size() <= kMaxChildren);
  frozen_ = true;
}

std::uint16_t ChildTable::index_of(const ObjectId& id) const {
  BEFFROI_ASSERT(frozen_);
  const auto at = std::lower_bound(ids_.begin(), ids_.end(), id);
  BEFFROI_ASSERT(at != ids_.end() && *at == id);
  return static_cast<std::uint16_t>(at - ids_.begin());
}

std::uint8_t ChildTable::parent_height() const {
  BEFFROI_ASSERT(frozen_);
  if (ids_.empty()) return 0;
  BEFFROI_ASSERT(max_height_ < kMaxHeight);
  return static_cast<std::uint8_t>(max_height_ + 1);
}

}  // namespace beffroi::storage
