// Sends objects of the local store over a session, pipelined: the next ones are read while these are sent, and several
// windows of them may wait for the peer's word that they are durable.
#pragma once

#include <deque>
#include <functional>

#include "daemon/service/pool.h"
#include "daemon/service/started.h"
#include "daemon/sync/line.h"
#include "daemon/sync/link_session.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon {

/// Lives on the session's executor. After an error finish() is still to be awaited, unless the session ends then:
/// so it stays in step.
class ObjectSender {
 public:
  /// What of an object is verified before it is sent.
  enum class Check : std::uint8_t {
    id,
    checksum,  ///< the store's own
  };
  /// `line`: obeyed and measured, unless nullptr. `may_go_on`: asked before each read. All outlive the sender.
  ObjectSender(LinkSession& session, Vault& vault, Pool& pool, Line* line, Check check,
               std::function<Result<void>()> may_go_on);

  /// In this order: children before their parents. `sent` is told the bytes of each object.
  asio::awaitable<Result<void>> send(std::span<const storage::ObjectId> ids,
                                     const std::function<void(std::size_t)>& sent);
  /// All that was sent is durable at the peer; or why not.
  asio::awaitable<Result<void>> finish();

 private:
  using Reading = Started<Result<std::vector<Bytes>>>;
  Result<Bytes> read(const storage::ObjectId& id);
  Result<std::vector<Bytes>> read_some(std::span<const storage::ObjectId>& rest);
  asio::awaitable<Result<void>> send_some(std::vector<Bytes> objects, const std::function<void(std::size_t)>& sent);
  asio::awaitable<Result<void>> close_window();
  asio::awaitable<Result<void>> await_window();
  void adapt_window();
  void measure(std::size_t bytes, std::chrono::milliseconds asked_at);

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
  Line* const line_;
  const Check check_;
  const std::function<Result<void>()> may_go_on_;
  std::size_t window_size_;
  std::chrono::milliseconds window_began_;
  std::size_t window_bytes_ = 0;
  std::size_t window_objects_ = 0;
  std::deque<std::size_t> windows_;  ///< bytes of those that are not acknowledged, oldest first
  std::optional<std::chrono::milliseconds> acknowledged_at_;  ///< while more was on its way
  bool waited_before_ = false;
  bool line_is_cut_ = false;
};

}  // namespace beffroi::daemon
