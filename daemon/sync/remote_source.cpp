// Sealed objects for blocking readers, from the local store and from the peer. Readers wait; one coroutine on the
// protocol thread fetches what they wait for and what they said they will need.
#include <condition_variable>
#include <deque>
#include <list>
#include <map>
#include <unordered_map>

#include "daemon/service/coroutine.h"
#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;
using Fetched = Result<std::vector<std::optional<Bytes>>>;

constexpr std::size_t kMaxAhead = 4096;
constexpr std::size_t kBatchBytes = 8U * 1024 * 1024;
constexpr std::size_t kBatchObjects = 256;
// What an object is taken for whose size is not known here.
constexpr std::size_t kUnknownBytes = 1024U * 1024;
constexpr std::chrono::minutes kLongestWait{15};

std::unexpected<Error> not_at_peer(const ObjectId& id) {
  return fail(ErrorCode::not_found, N_("The peer does not have the object {}."), id.hex());
}

std::unexpected<Error> stopped() { return fail(ErrorCode::cancelled, N_("Stopped: the service is ending.")); }

// The least recently used objects go first.
class ObjectCache {
 public:
  std::optional<Bytes> find(const ObjectId& id) {
    const auto found = places_.find(id);
    if (found == places_.end()) return std::nullopt;
    entries_.splice(entries_.begin(), entries_, found->second);
    return found->second->second;
  }
  bool contains(const ObjectId& id) const { return places_.contains(id); }
  void put(const ObjectId& id, const Bytes& bytes) {
    if (places_.contains(id)) return;
    entries_.emplace_front(id, bytes);
    places_[id] = entries_.begin();
    bytes_ += bytes.size();
    while (bytes_ > kFetchCacheBytes) {
      bytes_ -= entries_.back().second.size();
      places_.erase(entries_.back().first);
      entries_.pop_back();
    }
  }

 private:
  using Entries = std::list<std::pair<ObjectId, Bytes>>;
  Entries entries_;
  std::unordered_map<ObjectId, Entries::iterator> places_;
  std::size_t bytes_ = 0;
};

// What readers and the fetching coroutine share.
class Exchange {
 public:
  Exchange(Vault& vault, Connector connector) : vault_(vault), connector_(std::move(connector)) {}

  // True when the caller has to start the fetching coroutine.
  bool ask(const ObjectId& id) {
    Wait& wait = waits_[id];
    if (wait.readers++ == 0) demanded_.push_back(id);
    return !std::exchange(fetching_, true);
  }
  bool announce(std::span<const ObjectId> ids) {
    for (const ObjectId& id : ids)
      if (ahead_.size() < kMaxAhead && !cache_.contains(id) && !waits_.contains(id)) ahead_.push_back(id);
    if (ahead_.empty()) return false;
    return !std::exchange(fetching_, true);
  }

  Result<Bytes> await(const ObjectId& id, std::unique_lock<std::mutex>& lock) {
    const auto wait = waits_.find(id);
    const bool answered = ready_.wait_for(lock, kLongestWait, [&] { return wait->second.answer.has_value(); });
    Result<Bytes> out = fail(ErrorCode::timeout, N_("The peer has not answered for a long time. Try again later."));
    if (answered) out = *wait->second.answer;
    if (--wait->second.readers == 0) waits_.erase(wait);
    return out;
  }

  static asio::awaitable<void> fetch(std::shared_ptr<Exchange> self);
  // The last thing that is done with it: says bye. Until then a fetch that runs comes to its end.
  static asio::awaitable<void> finish(std::shared_ptr<Exchange> self);

  std::mutex mutex_;
  ObjectCache cache_;

 private:
  struct Wait {
    std::size_t readers = 0;
    std::optional<Result<Bytes>> answer;
  };

  // Empty: nothing is left to do, and the coroutine ends.
  std::vector<ObjectId> next_batch();
  bool is_finishing() {
    const std::lock_guard lock(mutex_);
    return finishing_;
  }
  std::size_t expected_bytes(const ObjectId& id) const;
  void deliver(const std::vector<ObjectId>& ids, const Fetched& fetched);
  void give_up();
  asio::awaitable<Fetched> fetch_batch(std::span<const ObjectId> ids);
  asio::awaitable<Result<void>> connect();

  Vault& vault_;
  Connector connector_;
  std::unique_ptr<PeerLink> link_;  // only the coroutine uses it
  std::condition_variable ready_;
  bool fetching_ = false;
  bool finishing_ = false;          // nobody reads any more; the vault may be gone soon
  std::map<ObjectId, Wait> waits_;  // readers hold on to their places in it
  std::deque<ObjectId> demanded_;
  std::deque<ObjectId> ahead_;
};

std::size_t Exchange::expected_bytes(const ObjectId& id) const {
  const auto info = vault_.objects().info(vault_.space(), id);
  return info && *info ? (*info)->sealed_bytes : kUnknownBytes;
}

std::vector<ObjectId> Exchange::next_batch() {
  const std::lock_guard lock(mutex_);
  std::vector<ObjectId> out;
  std::size_t bytes = 0;
  for (auto* queue : {&demanded_, &ahead_}) {
    while (!finishing_ && !queue->empty() && out.size() < kBatchObjects && bytes < kBatchBytes) {
      const ObjectId id = queue->front();
      queue->pop_front();
      if (cache_.contains(id) && !waits_.contains(id)) continue;
      bytes += expected_bytes(id);
      out.push_back(id);
    }
  }
  if (out.empty()) fetching_ = false;
  return out;
}

void Exchange::deliver(const std::vector<ObjectId>& ids, const Fetched& fetched) {
  const std::lock_guard lock(mutex_);
  for (std::size_t i = 0; i < ids.size(); ++i) {
    if (fetched && (*fetched)[i]) cache_.put(ids[i], *(*fetched)[i]);
    const auto wait = waits_.find(ids[i]);
    if (wait == waits_.end()) continue;
    if (!fetched)
      wait->second.answer = forward_error(fetched);
    else if ((*fetched)[i])
      wait->second.answer = *(*fetched)[i];
    else
      wait->second.answer = not_at_peer(ids[i]);
  }
  // What was announced may be asked for again; what failed now would fail again.
  if (!fetched) ahead_.clear();
  ready_.notify_all();
}

// The executor has gone with the coroutine: nobody will fetch any more.
void Exchange::give_up() {
  const std::lock_guard lock(mutex_);
  fetching_ = false;
  demanded_.clear();
  ahead_.clear();
  for (auto& [id, wait] : waits_)
    if (!wait.answer) wait.answer = stopped();
  ready_.notify_all();
}

asio::awaitable<Result<void>> Exchange::connect() {
  const auto binding = vault_.peer();
  if (!binding) co_return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  auto link = co_await PeerLink::connect(connector_, binding->address, vault_.device_keys().transport_seed,
                                         binding->peer, vault_.space());
  if (!link) co_return forward_error(link);
  link_ = std::move(*link);
  co_return Result<void>();
}

asio::awaitable<Fetched> Exchange::fetch_batch(std::span<const ObjectId> ids) {
  // A link that lay idle may have been cut meanwhile: the second try has a fresh one.
  Fetched out;
  for (int i = 0; i < 2; ++i) {
    if (!link_) {
      if (is_finishing()) co_return stopped();
      BEFFROI_CO_CHECK(co_await connect());
    }
    out = co_await link_->fetch_objects(ids);
    if (out) break;
    link_.reset();
    if (out.error().code != ErrorCode::unreachable && out.error().code != ErrorCode::timeout) break;
  }
  co_return out;
}

asio::awaitable<void> Exchange::fetch(std::shared_ptr<Exchange> self) {
  struct Guard {
    Exchange* exchange;
    ~Guard() {
      if (exchange != nullptr) exchange->give_up();
    }
  } guard{self.get()};
  for (auto ids = self->next_batch(); !ids.empty(); ids = self->next_batch()) {
    const Fetched fetched = co_await self->fetch_batch(ids);
    self->deliver(ids, fetched);
  }
  guard.exchange = nullptr;
  if (self->is_finishing() && self->link_) co_await self->link_->close();
}

asio::awaitable<void> Exchange::finish(std::shared_ptr<Exchange> self) {
  {
    const std::lock_guard lock(self->mutex_);
    self->finishing_ = true;
    if (self->fetching_) co_return;
  }
  if (self->link_) co_await self->link_->close();
}

class RemoteSource final : public storage::ObjectSource {
 public:
  RemoteSource(Vault& vault, asio::any_io_executor protocol_thread, Connector connector, bool prefer_local)
      : vault_(vault),
        executor_(std::move(protocol_thread)),
        prefer_local_(prefer_local),
        exchange_(std::make_shared<Exchange>(vault, std::move(connector))) {}

  ~RemoteSource() override { start_coroutine(executor_, Exchange::finish(exchange_)); }

  Result<Bytes> get(const ObjectId& id) override {
    if (prefer_local_) {
      // Verified: what is damaged here is to be asked of the peer.
      auto local = vault_.objects().get(vault_.space(), id);
      if (local || (local.error().code != ErrorCode::not_found && local.error().code != ErrorCode::corrupt))
        return local;
    }
    std::unique_lock lock(exchange_->mutex_);
    if (auto cached = exchange_->cache_.find(id)) return std::move(*cached);
    if (exchange_->ask(id)) start();
    return exchange_->await(id, lock);
  }

  void prefetch(std::span<const ObjectId> ids) override {
    std::vector<ObjectId> remote;
    for (const ObjectId& id : ids) {
      const auto info = prefer_local_ ? vault_.objects().info(vault_.space(), id) : std::nullopt;
      const bool here = info && *info && (*info)->bytes_present && !(*info)->quarantined;
      if (!here) remote.push_back(id);
    }
    const std::lock_guard lock(exchange_->mutex_);
    if (exchange_->announce(remote)) start();
  }

 private:
  void start() { start_coroutine(executor_, Exchange::fetch(exchange_)); }

  Vault& vault_;
  asio::any_io_executor executor_;
  bool prefer_local_;
  std::shared_ptr<Exchange> exchange_;
};

}  // namespace

std::shared_ptr<storage::ObjectSource> make_remote_source(Vault& vault, asio::any_io_executor protocol_thread,
                                                          Connector connector, bool prefer_local) {
  return std::make_shared<RemoteSource>(vault, std::move(protocol_thread), std::move(connector), prefer_local);
}

}  // namespace beffroi::daemon
