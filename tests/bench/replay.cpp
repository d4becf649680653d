#include "tests/bench/replay.h"

#include "daemon/net/tls.h"
#include "daemon/service/clock.h"
#include "daemon/sync/peer_link.h"

namespace beffroi::bench {
namespace {

using namespace daemon;  // whose protocol is spoken here

constexpr std::chrono::milliseconds kConnectTimeout{30'000};
// Those of daemon/sync/object_sender.cpp: a peer is to be measured with what stations do.
constexpr std::size_t kWindowBytesMin = 1024U * 1024;
constexpr std::size_t kWindowBytesMax = 8U * 1024 * 1024;
constexpr std::size_t kWindowObjects = 256;
constexpr std::chrono::milliseconds kWindowTimeMin{250};
constexpr std::chrono::milliseconds kWindowTimeMax{2000};
constexpr std::size_t kWindowsInFlight = 4;

}  // namespace

asio::awaitable<Result<void>> enrol(const SealedVault& vault, const storage::Invitation& invitation) {
  const crypto::SecretBytes seed = invitation.transport_seed();
  const Connector dial = tls_connector();
  BEFFROI_CO_TRY(const auto link, co_await PeerLink::connect(dial, invitation.address, seed, invitation.peer));
  auto enrolled = co_await link->enrol(vault.records);
  co_await link->close();
  co_return enrolled;
}

asio::awaitable<Result<std::unique_ptr<Replay>>> Replay::connect(const SealedVault& vault,
                                                                 const storage::Invitation& invitation) {
  BEFFROI_CO_TRY(const Address address, Address::parse(invitation.address, kDefaultPeerPort));
  BEFFROI_CO_TRY(auto channel,
                 co_await tls_connect(address, vault.transport_seed, invitation.peer.transport, kConnectTimeout));
  std::unique_ptr<Replay> out(new Replay(vault, std::move(channel)));
  BEFFROI_CO_CHECK(co_await out->greet(invitation));
  co_return std::move(out);
}

asio::awaitable<Result<void>> Replay::greet(const storage::Invitation& invitation) {
  BEFFROI_CO_CHECK(co_await session_.receive<HelloMessage>());
  peer_sign_ = invitation.peer.sign;
  HelloMessage reply;
  reply.space = vault_.space;
  reply.software = "beffroi_bench";
  Message message(std::move(reply));
  co_return co_await session_.send(std::move(message));
}

asio::awaitable<Result<void>> Replay::open_lease() {
  Message request(LeaseOpenMessage{});
  BEFFROI_CO_CHECK(co_await session_.call<LeaseMessage>(std::move(request)));
  co_return Result<void>();
}

asio::awaitable<Result<std::vector<bool>>> Replay::lacks(std::vector<storage::ObjectId> ids) {
  const std::size_t count = ids.size();
  Message request(LacksMessage{std::move(ids)});
  BEFFROI_CO_TRY(LackingMessage answer, co_await session_.call<LackingMessage>(std::move(request)));
  if (answer.lacking.size() != count) co_return std::unexpected(session_.unexpected_answer());
  co_return std::move(answer.lacking);
}

asio::awaitable<Result<void>> Replay::push() {
  BEFFROI_CO_CHECK(co_await open_lease());
  BEFFROI_CO_CHECK(co_await ask_all());
  BEFFROI_CO_CHECK(co_await send_all());
  co_return co_await commit();
}

// The root first, then level by level down to the chunks: at a fresh peer everything is lacking.
asio::awaitable<Result<void>> Replay::ask_all() {
  std::vector<storage::ObjectId> ids;
  for (std::size_t left = vault_.objects.size(); left > 0; --left) {
    const auto& object = vault_.objects[left - 1];
    ids.push_back(object.id);
    const bool level_ends = left == 1 || vault_.objects[left - 2].height != object.height;
    if (!level_ends && ids.size() < kMaxIdsPerMessage) continue;
    BEFFROI_CO_TRY(const std::vector<bool> lacking, co_await lacks(std::exchange(ids, {})));
    if (std::find(lacking.begin(), lacking.end(), false) != lacking.end())
      co_return fail(ErrorCode::wrong_state, "The peer has a part of this vault already: it must be a fresh one.");
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Replay::send_all() {
  window_size_ = 2 * kWindowBytesMin;
  window_began_ = system_clock().monotonic();
  ByteView rest = vault_.bytes.view();
  for (const auto& object : vault_.objects) {
    BEFFROI_CO_CHECK(co_await session_.send_object(to_bytes(rest.first(object.bytes))));
    rest = rest.subspan(object.bytes);
    window_bytes_ += object.bytes;
    ++window_objects_;
    if (window_bytes_ < window_size_ && window_objects_ < kWindowObjects) continue;
    BEFFROI_CO_CHECK(co_await close_window());
  }
  BEFFROI_CO_CHECK(co_await close_window());
  while (windows_ > 0) {
    BEFFROI_CO_CHECK(co_await session_.receive<DurableMessage>());
    --windows_;
  }
  co_return Result<void>();
}

asio::awaitable<Result<void>> Replay::close_window() {
  const auto now = system_clock().monotonic();
  const auto took = now - std::exchange(window_began_, now);
  if (took < kWindowTimeMin) window_size_ = std::min(2 * window_size_, kWindowBytesMax);
  if (took > kWindowTimeMax) window_size_ = std::max(window_size_ / 2, kWindowBytesMin);
  window_bytes_ = window_objects_ = 0;
  Message request(FlushMessage{});
  BEFFROI_CO_CHECK(co_await session_.send(std::move(request)));
  if (++windows_ < kWindowsInFlight) co_return Result<void>();
  BEFFROI_CO_CHECK(co_await session_.receive<DurableMessage>());
  --windows_;
  co_return Result<void>();
}

asio::awaitable<Result<void>> Replay::commit() {
  Message request(CommitMessage{vault_.encoded_commit, {}});
  BEFFROI_CO_TRY(const ReceiptMessage answer, co_await session_.call<ReceiptMessage>(std::move(request)));
  BEFFROI_CO_TRY(const storage::Receipt receipt, storage::decode_receipt(answer.receipt, peer_sign_));
  if (receipt.commit != vault_.commit) co_return fail(ErrorCode::corrupt, "The receipt is for another snapshot.");
  co_return Result<void>();
}

asio::awaitable<Result<void>> Replay::say_bye() {
  BEFFROI_CO_CHECK(co_await session_.channel().send({FrameType::bye, {}}));
  BEFFROI_CO_CHECK(co_await session_.channel().receive());
  session_.channel().close();
  co_return Result<void>();
}

}  // namespace beffroi::bench
