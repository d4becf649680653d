#include "storage/store/removal_list.h"

namespace beffroi::storage {

void RemovalList::add(const ObjectId& id, std::uint8_t height) {
  by_height_[height].push_back(id);
  if (++size_ <= trees_max_) return;
  left_out_ = true;
  const auto lowest = std::prev(by_height_.end());
  lowest->second.pop_back();
  if (lowest->second.empty()) by_height_.erase(lowest);
  --size_;
}

std::vector<ObjectId> RemovalList::take_highest(std::size_t count) {
  std::vector<ObjectId> out;
  while (out.size() < count && !by_height_.empty()) {
    const auto highest = by_height_.begin();
    auto& ids = highest->second;
    const std::size_t taken = std::min(count - out.size(), ids.size());
    out.insert(out.end(), ids.end() - static_cast<std::ptrdiff_t>(taken), ids.end());
    ids.resize(ids.size() - taken);
    if (ids.empty()) by_height_.erase(highest);
    size_ -= taken;
  }
  return out;
}

void RemovalList::clear() {
  by_height_.clear();
  size_ = 0;
  left_out_ = false;
}

}  // namespace beffroi::storage
