// What one thread makes while another takes it: the leaves of a tree, opened ahead of a backup or of a listing.
#pragma once

#include "daemon/backup/work_queue.h"

namespace beffroi::daemon {

/// Leaves that are opened ahead, of about 64 KiB each; and never more of them than this in memory: others' may be odd.
inline constexpr std::size_t kMaxLeavesAhead = 4;
inline constexpr std::size_t kMaxLeafBytesAhead = std::size_t{8} * 1024 * 1024;

/// What `produce` gives, one after the other, made by a thread of its own ahead of who takes it; nullopt and an error
/// are the last. next() is called by one thread.
template <class Item>
class RunAhead {
 public:
  using Produce = std::function<Result<std::optional<Item>>()>;
  using Weigh = std::function<std::size_t(const Item&)>;
  struct Bounds {
    std::size_t items = 1;
    std::size_t weight = SIZE_MAX;
  };
  /// All that `produce` refers to outlives this.
  RunAhead(Bounds bounds, Produce produce, Weigh weigh, std::optional<Priority> priority)
      : items_(bounds.items, bounds.weight),
        produce_(std::move(produce)),
        weigh_(std::move(weigh)),
        thread_(1, [this] { run(); }, priority) {}
  ~RunAhead() { items_.close(); }
  Result<std::optional<Item>> next() {
    auto item = items_.pop();
    return item ? std::move(*item) : std::nullopt;
  }

 private:
  void run() {
    for (bool goes_on = true; goes_on;) {
      auto item = produce_or_fail();
      const bool is_last = !item || !*item;
      const std::size_t weight = is_last ? 0 : weigh_(**item);
      goes_on = items_.push(std::move(item), weight) && !is_last;
    }
    items_.finish();
  }
  Result<std::optional<Item>> produce_or_fail() {
    try {
      return produce_();
    } catch (const std::exception& exception) {
      return fail(ErrorCode::io, N_("The daemon could not do this: {}."), std::string(exception.what()));
    }
  }

  WorkQueue<Result<std::optional<Item>>> items_;
  const Produce produce_;
  const Weigh weigh_;
  WorkerThreads thread_;  ///< last: it uses all of the above
};

}  // namespace beffroi::daemon
