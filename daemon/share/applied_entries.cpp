#include "daemon/share/applied_entries.h"

namespace beffroi::daemon {

Result<void> AppliedEntries::read() {
  BEFFROI_TRY(ahead_, cursor_.next());
  at_end_ = !ahead_;
  return {};
}

Result<void> AppliedEntries::begin(std::string top) {
  top_ = std::move(top);
  if (at_end_ || (ahead_ && ahead_->path >= top_)) return {};
  BEFFROI_CHECK(cursor_.seek_at_least(top_));
  return read();
}

Result<std::optional<storage::Entry>> AppliedEntries::take(std::string_view path) {
  while (is_inside() && ahead_->path < path) {
    BEFFROI_CHECK(gone_(*ahead_));
    BEFFROI_CHECK(read());
  }
  if (!is_inside() || ahead_->path != path) return std::nullopt;
  std::optional<storage::Entry> out = std::move(ahead_);
  BEFFROI_CHECK(read());
  return out;
}

Result<void> AppliedEntries::keep_below(std::string_view path) {
  BEFFROI_CHECK(take(path));
  while (is_inside() && storage::is_at_or_below(ahead_->path, path)) BEFFROI_CHECK(read());
  return {};
}

Result<void> AppliedEntries::finish() {
  while (is_inside()) {
    BEFFROI_CHECK(gone_(*ahead_));
    BEFFROI_CHECK(read());
  }
  return {};
}

}  // namespace beffroi::daemon
