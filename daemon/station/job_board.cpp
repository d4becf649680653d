#include "daemon/station/job_board.h"

#include <algorithm>

#include "crypto/assert.h"

namespace beffroi::daemon {
namespace {

bool is_exclusive(JobKind kind) { return kind != JobKind::check && kind != JobKind::look; }

std::unexpected<Error> busy_with(JobKind kind) {
  switch (kind) {
    case JobKind::backup:
      return fail(ErrorCode::busy, N_("A backup is running. Try again when it has ended: 'beffroi status' tells."));
    case JobKind::sync:
      return fail(ErrorCode::busy,
                  N_("Snapshots are being sent to the peer. Try again when that has ended: 'beffroi status' tells."));
    case JobKind::recover:
      return fail(ErrorCode::busy, N_("A recovery is running. Try again when it has ended: 'beffroi status' tells."));
    case JobKind::collect:
      return fail(ErrorCode::busy,
                  N_("Room is being given back. Try again when that has ended: 'beffroi status' tells."));
    case JobKind::check:
    case JobKind::look:
      break;
  }
  return fail(ErrorCode::busy, N_("Too many restores and listings run at once. Try again in a moment."));
}

}  // namespace

const char* job_name(JobKind kind) {
  switch (kind) {
    case JobKind::backup:
      return "backup";
    case JobKind::sync:
      return "sync";
    case JobKind::recover:
      return "recover";
    case JobKind::collect:
      return "collect";
    case JobKind::check:
      return "check";
    case JobKind::look:
      return "look";
  }
  BEFFROI_ASSERT(false);
  return "";
}

Job::~Job() { board_->end(number_); }

Result<std::shared_ptr<Job>> JobBoard::begin(JobKind kind) {
  const std::lock_guard lock(mutex_);
  if (ending_) return fail(ErrorCode::cancelled, N_("Beffroi's service is being stopped."));
  const auto looks = static_cast<std::size_t>(
      std::ranges::count_if(entries_, [](const Entry& entry) { return !is_exclusive(entry.kind); }));
  if (!is_exclusive(kind) && looks >= kMaxLooks) return busy_with(kind);
  const auto exclusive = std::ranges::find_if(entries_, [](const Entry& entry) { return is_exclusive(entry.kind); });
  if (is_exclusive(kind) && exclusive != entries_.end()) return busy_with(exclusive->kind);
  const std::uint64_t number = next_number_++;
  auto progress = std::make_shared<Progress>();
  entries_.push_back({number, kind, progress});
  return std::shared_ptr<Job>(new Job(this, number, std::move(progress)));
}

std::optional<JobBoard::Running> JobBoard::running() const {
  const std::lock_guard lock(mutex_);
  std::optional<Running> out;
  for (const Entry& entry : entries_) {
    if (is_exclusive(entry.kind)) return Running{entry.kind, entry.progress};
    if (entry.kind == JobKind::check) out = Running{entry.kind, entry.progress};
  }
  return out;
}

std::size_t JobBoard::count() const {
  const std::lock_guard lock(mutex_);
  return entries_.size();
}

void JobBoard::cancel_all() {
  const std::lock_guard lock(mutex_);
  ending_ = true;
  for (const Entry& entry : entries_) entry.progress->cancel = true;
}

void JobBoard::end(std::uint64_t number) {
  const std::lock_guard lock(mutex_);
  entries_.remove_if([number](const Entry& entry) { return entry.number == number; });
}

}  // namespace beffroi::daemon
