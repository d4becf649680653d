#include "daemon/sync/peer_link.h"

#include "crypto/assert.h"
#include "daemon/net/tls.h"
#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

constexpr std::chrono::milliseconds kConnectTimeout{30'000};
constexpr std::chrono::milliseconds kByeTimeout{10'000};

class PeerLinkImpl final : public PeerLink {
 public:
  PeerLinkImpl(std::unique_ptr<Channel> channel, const storage::PeerPublic& peer)
      : session_(std::move(channel)), peer_(peer) {}

  const storage::PeerPublic& peer() const override { return peer_; }

  asio::awaitable<Result<void>> enrol(std::span<const Bytes> records) override {
    co_return co_await send_log<EnrolMessage>(records);
  }

  asio::awaitable<Result<void>> exchange_state(Vault& vault, Pool& pool) override {
    co_return co_await exchange_state_over(session_, vault, pool);
  }
  asio::awaitable<Result<PushResult>> push(Vault& vault, Pool& pool, Progress& progress, Line* line) override {
    co_return co_await push_over(session_, vault, pool, progress, line);
  }
  asio::awaitable<Result<void>> send_ahead(Vault& vault, Pool& pool, StoredObjects& objects, Line* line) override {
    co_return co_await send_ahead_over(session_, vault, pool, objects, line);
  }

  asio::awaitable<Result<std::vector<Bytes>>> fetch_log(std::uint64_t from_sequence) override {
    std::vector<Bytes> out;
    std::size_t bytes = 0;
    while (true) {
      Message request(LogGetMessage{from_sequence + out.size()});
      BEFFROI_CO_TRY(LogMessage part, co_await session_.call<LogMessage>(std::move(request)));
      bytes += counted_bytes(part.records);
      if (bytes > kMaxFetchedLogBytes) co_return std::unexpected(log_too_long());
      for (Bytes& record : part.records) out.push_back(std::move(record));
      if (from_sequence + out.size() >= part.length || part.records.empty()) co_return out;
    }
  }

  asio::awaitable<Result<void>> append_record(ByteView record) override {
    Message request(LogAppendMessage{to_bytes(record)});
    BEFFROI_CO_CHECK(co_await session_.call<OkMessage>(std::move(request)));
    co_return Result<void>();
  }

  asio::awaitable<Result<std::vector<storage::BranchHead>>> fetch_heads() override {
    Message request(HeadsGetMessage{});
    BEFFROI_CO_TRY(HeadsMessage answer, co_await session_.call<HeadsMessage>(std::move(request)));
    co_return std::move(answer.heads);
  }

  asio::awaitable<Result<std::optional<Bytes>>> fetch_commit(const DeviceId& device, std::uint64_t sequence) override {
    Message request(BranchGetMessage{device, sequence});
    BEFFROI_CO_TRY(CommitsMessage answer, co_await session_.call<CommitsMessage>(std::move(request)));
    if (answer.commits.empty()) co_return std::nullopt;
    co_return std::move(answer.commits.front());
  }

  asio::awaitable<Result<std::optional<Bytes>>> fetch_newest_receipt() override {
    Message first(ReceiptsGetMessage{1});
    BEFFROI_CO_TRY(const ReceiptsMessage known, co_await session_.call<ReceiptsMessage>(std::move(first)));
    if (known.newest == 0) co_return std::nullopt;
    Message request(ReceiptsGetMessage{known.newest});
    BEFFROI_CO_TRY(ReceiptsMessage answer, co_await session_.call<ReceiptsMessage>(std::move(request)));
    if (answer.receipts.empty()) co_return std::unexpected(session_.unexpected_answer());
    co_return std::move(answer.receipts.front());
  }

  asio::awaitable<Result<std::vector<std::optional<Bytes>>>> fetch_objects(
      std::span<const storage::ObjectId> ids) override {
    co_return co_await fetch_objects_over(session_, ids);
  }
  asio::awaitable<Result<std::uint64_t>> fetch_trees(Vault& vault, Pool& pool, Progress& progress) override {
    co_return co_await fetch_trees_over(session_, vault, pool, progress);
  }
  asio::awaitable<Result<std::uint64_t>> fetch_trees_of(Vault& vault, Pool& pool, Progress& progress,
                                                        std::span<const storage::ObjectId> roots,
                                                        std::unordered_set<storage::ObjectId>& known) override {
    co_return co_await fetch_trees_of_over(session_, vault, pool, progress, roots, known);
  }
  asio::awaitable<Result<AuditReport>> audit(Vault& vault, Pool& pool, crypto::Random& random,
                                             Progress& progress) override {
    co_return co_await audit_over(session_, vault, pool, random, progress);
  }

  asio::awaitable<Result<void>> found_share(std::span<const Bytes> records) override {
    co_return co_await send_log<FoundMessage>(records);
  }
  asio::awaitable<Result<void>> open_share_invitation(crypto::TransportPublicKey key,
                                                      storage::UnixTime expires) override {
    co_return co_await command(InvitationOpenMessage{key, expires});
  }
  asio::awaitable<Result<void>> close_share_invitation(crypto::TransportPublicKey key,
                                                       std::optional<Bytes> refusal) override {
    co_return co_await command(InvitationCloseMessage{key, std::move(refusal)});
  }
  asio::awaitable<Result<std::vector<WaitingRequest>>> fetch_join_requests() override {
    Message request(RequestsGetMessage{});
    BEFFROI_CO_TRY(RequestsMessage answer, co_await session_.call<RequestsMessage>(std::move(request)));
    co_return std::move(answer.requests);
  }
  asio::awaitable<Result<void>> leave_join_request(ByteView sealed) override {
    BEFFROI_ASSERT(sealed.size() == storage::kSealedJoinRequestBytes);
    co_return co_await command(RequestMessage{to_bytes(sealed)});
  }
  asio::awaitable<Result<JoinAnswer>> fetch_join_answer() override {
    Message request(AnswerGetMessage{});
    BEFFROI_CO_TRY(AnswerMessage answer, co_await session_.call<AnswerMessage>(std::move(request)));
    co_return std::move(answer.answer);
  }
  asio::awaitable<Result<SpaceNews>> wait_for_news(const SpaceNews& known,
                                                   std::chrono::milliseconds patience) override {
    Message request(NewsWaitMessage{known, std::clamp(patience, std::chrono::milliseconds(0), kMaxNewsPatience)});
    BEFFROI_CO_TRY(const NewsMessage answer, co_await session_.call<NewsMessage>(std::move(request)));
    co_return answer.news;
  }

  asio::awaitable<void> close() override {
    const auto sent = co_await session_.channel().send({FrameType::bye, {}}, kByeTimeout);
    while (sent) {
      const auto frame = co_await session_.channel().receive(kByeTimeout);
      if (!frame || frame->type == FrameType::bye) break;
    }
    session_.channel().close();
  }
  void cut() override { session_.channel().close(); }
  std::uint64_t bytes_sent() const override { return session_.channel().bytes_sent(); }
  std::uint64_t bytes_received() const override { return session_.channel().bytes_received(); }

  LinkSession& session() { return session_; }
  void learn(const crypto::SigningPublicKey& sign) { peer_.sign = sign; }

 private:
  asio::awaitable<Result<void>> command(Message request) {
    BEFFROI_CO_CHECK(co_await session_.call<OkMessage>(std::move(request)));
    co_return Result<void>();
  }

  // In as many parts as it needs.
  template <class Part>
  asio::awaitable<Result<void>> send_log(std::span<const Bytes> records) {
    while (true) {
      Part part;
      std::size_t bytes = 0;
      while (!records.empty() && part.records.size() < kMaxRecordsPerMessage &&
             (part.records.empty() || bytes + records.front().size() <= kMaxListBytes)) {
        bytes += records.front().size();
        part.records.push_back(records.front());
        records = records.subspan(1);
      }
      part.last = records.empty();
      const bool last = part.last;
      BEFFROI_CO_CHECK(co_await command(std::move(part)));
      if (last) co_return Result<void>();
    }
  }

  LinkSession session_;
  storage::PeerPublic peer_;
};

Result<void> check_hello(const HelloMessage& hello, const storage::PeerPublic& expected, const std::string& address) {
  if (hello.lowest > kProtocolVersion || hello.highest < kProtocolVersion)
    return fail(ErrorCode::unsupported_version,
                N_("The peer and this station speak different versions of the protocol. Update the older one."));
  if (!hello.sign || (!expected.sign.is_zero() && *hello.sign != expected.sign))
    return fail(
        ErrorCode::refused,
        N_("The peer at {} signs with another key than before. Nothing was sent. Ask the EPCI whether its server "
           "was replaced, and do not go on before you know."),
        address);
  return {};
}

}  // namespace

Connector tls_connector() {
  return [](const std::string& address, const crypto::SecretBytes& transport_seed,
            crypto::TransportPublicKey peer) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
    BEFFROI_CO_TRY(const Address parsed, Address::parse(address, kDefaultPeerPort));
    co_return co_await tls_connect(parsed, transport_seed, peer, kConnectTimeout);
  };
}

asio::awaitable<Result<std::unique_ptr<PeerLink>>> PeerLink::connect(const Connector& connector,
                                                                     const std::string& address,
                                                                     const crypto::SecretBytes& transport_seed,
                                                                     const storage::PeerPublic& peer,
                                                                     std::optional<storage::SpaceId> space) {
  BEFFROI_CO_TRY(auto channel, co_await connector(address, transport_seed, peer.transport));
  const crypto::TransportPublicKey proven = channel->remote_key();
  auto link = std::make_unique<PeerLinkImpl>(std::move(channel), storage::PeerPublic{proven, {}});
  // The listener speaks first: only now is it known that it takes this key.
  BEFFROI_CO_TRY(const HelloMessage hello, co_await link->session().receive<HelloMessage>());
  BEFFROI_CO_CHECK(check_hello(hello, peer, address));
  HelloMessage reply;
  reply.space = space;
  reply.software = "beffroid";
  Message message(std::move(reply));
  BEFFROI_CO_CHECK(co_await link->session().send(std::move(message)));
  link->learn(*hello.sign);
  co_return std::move(link);
}

}  // namespace beffroi::daemon
