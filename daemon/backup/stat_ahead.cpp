#include "daemon/backup/stat_ahead.h"

#include <fcntl.h>

#include "daemon/service/clock.h"

namespace beffroi::daemon {
namespace {

// How far ahead the thread begins of a walk that is there already.
constexpr std::size_t kLead = 16;

bool lstat_at(const OpenFolder& folder, const std::string& name, struct stat& status, int& error) {
  if (::fstatat(folder->get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) == 0) return true;
  error = errno;
  return false;
}

}  // namespace

StatWindow::StatWindow(OpenFolder folder, Names names, std::size_t first, bool at_once)
    : folder_(std::move(folder)),
      names_(std::move(names)),
      first_(first),
      lead_(at_once ? kLead : 0),
      count_(std::min(kStatWindow, names_->size() - first)),
      looks_(std::make_unique<One[]>(count_)) {}

bool StatWindow::claim(One& one) {
  State expected = open;
  return one.state.compare_exchange_strong(expected, claimed);
}

void StatWindow::look_at(std::size_t index) {
  One& one = looks_[index];
  one.error = 0;
  lstat_at(folder_, (*names_)[first_ + index], one.status, one.error);
}

void StatWindow::look() {
  for (std::size_t i = lead_; i < count_ && !dropped_;) {
    if (!claim(looks_[i])) {
      // The walk has caught up: side by side they would only wait for each other.
      i += kLead;
      continue;
    }
    look_at(i);
    if (looks_[i].state.exchange(known) == awaited) looks_[i].state.notify_one();
    ++i;
  }
}

// An lstat takes a microsecond; of a network's file system that hangs, for ever.
void StatWindow::await(One& one) {
  constexpr int kTurns = 100;
  for (int i = 0; i < kTurns && one.state != known; ++i) std::this_thread::yield();
  State expected = claimed;
  if (one.state.compare_exchange_strong(expected, awaited)) one.state.wait(awaited);
}

bool StatWindow::take(std::size_t name, struct stat& status, int& error) {
  One& one = looks_[name - first_];
  if (claim(one))
    look_at(name - first_);
  else
    await(one);
  status = one.status;
  error = one.error;
  return error == 0;
}

bool StatAhead::lstat(StatThread& thread, const OpenFolder& folder, const Names& names, std::size_t name,
                      struct stat& status, int& error) {
  const auto begin = [&](std::size_t first, bool at_once) {
    auto window = std::make_shared<StatWindow>(folder, names, first, at_once);
    thread.begin(window);
    return window;
  };
  if (!now_ && names->size() - name < kStatAheadMin) return lstat_at(folder, (*names)[name], status, error);
  const auto time = system_clock().monotonic();
  if (now_ && time - begun_ > kOldestLook) forget();
  if (!now_ || !now_->contains(name)) {
    now_ = std::exchange(next_, nullptr);
    if (now_ && !now_->contains(name)) now_.reset();
    if (!now_ && names->size() - name < kStatAheadMin) return lstat_at(folder, (*names)[name], status, error);
    if (!now_) {
      now_ = begin(name, true);
      begun_ = time;
    }
    const std::size_t behind = name + kStatWindow;
    if (behind < names->size()) next_ = begin(behind, false);
  }
  return now_->take(name, status, error);
}

void StatAhead::forget() {
  for (auto* window : {&now_, &next_}) {
    if (*window) (*window)->drop();
    window->reset();
  }
}

}  // namespace beffroi::daemon
