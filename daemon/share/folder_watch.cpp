#include "daemon/share/folder_watch.h"

#include <asio/redirect_error.hpp>
#include <asio/use_awaitable.hpp>

#include "crypto/assert.h"
#include "daemon/net/deadline.h"

namespace beffroi::daemon {

FolderWatch::~FolderWatch() {
  if (descriptor_.is_open()) descriptor_.release();
}

void FolderWatch::start(std::unique_ptr<FolderEvents> events) {
  BEFFROI_ASSERT(events != nullptr);
  if (descriptor_.is_open()) descriptor_.release();
  events_ = std::move(events);
  descriptor_.assign(events_->descriptor());
  stopped_ = false;
}

void FolderWatch::stop() {
  stopped_ = true;
  if (descriptor_.is_open()) descriptor_.cancel();
}

/// False when the time passed before, or it was stopped.
asio::awaitable<Result<bool>> FolderWatch::readable(std::optional<std::chrono::milliseconds> patience) {
  asio::error_code error;
  std::optional<Deadline> deadline;
  if (patience) deadline.emplace(descriptor_.get_executor(), *patience, [this] { descriptor_.cancel(); });
  co_await descriptor_.async_wait(asio::posix::stream_descriptor::wait_read,
                                  asio::redirect_error(asio::use_awaitable, error));
  if (error && error != asio::error::operation_aborted)
    co_return fail(ErrorCode::io, N_("Cannot watch this folder: {}."), error.message());
  co_return !error;
}

asio::awaitable<Result<void>> FolderWatch::take(FolderNews& news) {
  co_return co_await pool_.run([this, &news] { return events_->take(news); });
}

asio::awaitable<Result<FolderNews>> FolderWatch::next() {
  BEFFROI_ASSERT(events_ != nullptr);
  FolderNews news;
  while (news.is_empty() && !stopped_) {
    BEFFROI_CO_TRY(const bool some, co_await readable(std::nullopt));
    if (!some) continue;
    BEFFROI_CO_CHECK(co_await take(news));
  }
  const auto begun = clock_.monotonic();
  while (!stopped_) {
    const auto left = std::min(kNewsQuiet, kNewsPatience - (clock_.monotonic() - begun));
    if (left <= std::chrono::milliseconds(0)) break;
    BEFFROI_CO_TRY(const bool more, co_await readable(left));
    if (!more) break;
    BEFFROI_CO_CHECK(co_await take(news));
  }
  if (stopped_) co_return fail(ErrorCode::cancelled, N_("The watch on the shared folder was stopped."));
  co_return news;
}

}  // namespace beffroi::daemon
