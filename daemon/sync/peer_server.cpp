#include "daemon/sync/peer_server.h"

#include <spdlog/spdlog.h>

#include <asio/post.hpp>

#include "daemon/net/deadline.h"
#include "daemon/net/reading_ahead.h"
#include "daemon/sync/messages.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

// A station may think for a while between two requests (a recovery waits for words to be typed).
constexpr std::chrono::milliseconds kIdleTimeout{20 * 60'000};
// Objects that wait to be stored together. With what is read ahead, a frame and its encoding, this stays below
// kSessionBufferBytes.
constexpr std::size_t kBatchBytes = 1024U * 1024;
constexpr std::size_t kBatchObjects = 64;
// What the allocator adds to each record that waits for the rest of its log.
constexpr std::size_t kAllocationBytes = 32;
// What a session that was refused may still send before the line is cut: so that its error is read first.
constexpr int kDrainedFrames = 64;
constexpr std::chrono::milliseconds kDrainTimeout{2'000};

Error out_of_order() { return {ErrorCode::protocol, N_("The station sent a message that does not belong here."), {}}; }

// What an honest station hears seldom: the operator should know who did it.
bool is_worth_noting(ErrorCode code) {
  return code == ErrorCode::refused || code == ErrorCode::corrupt || code == ErrorCode::protocol ||
         code == ErrorCode::limit_exceeded;
}

// `corrupt` then means what the station sent, and not what the peer has.
bool brings_something(const Message& request) {
  return std::holds_alternative<EnrolMessage>(request) || std::holds_alternative<LogAppendMessage>(request) ||
         std::holds_alternative<CommitMessage>(request) || std::holds_alternative<FoundMessage>(request);
}

// All that an invitation to a share is good for.
bool knocks(const Message& request) {
  return std::holds_alternative<RequestMessage>(request) || std::holds_alternative<AnswerGetMessage>(request);
}

// These leave both sides in step; after any other error the session ends.
bool session_goes_on(ErrorCode code) {
  return code != ErrorCode::protocol && code != ErrorCode::limit_exceeded && code != ErrorCode::unsupported_version;
}

bool is_share(const PeerHost::Caller& caller) { return caller.space->kind() == storage::SpaceKind::share; }

SeatOwner seat_owner(const PeerHost::Caller& caller) {
  using Kind = SeatOwner::Kind;
  const storage::SpaceId space = caller.space->space();
  if (is_share(caller) && !caller.is_root) return {Kind::member, space, caller.device.data};
  if (caller.is_root) return {is_share(caller) ? Kind::share_root : Kind::root, space, {}};
  return {.kind = Kind::device};
}

// An organisation's shares wait in turn like one more organisation: their members may be others', and must not make its
// backups wait.
ShareKey share_key(const OrganisationId& organisation, bool of_shares) {
  ShareKey out = organisation.data;
  if (of_shares) out.front() ^= 0xff;
  return out;
}

class Session {
 public:
  /// `cut` ends the session, and `wake` its waiting for news, from any thread.
  Session(ReadingAhead& channel, PeerHost& host, PeerShares& shares, std::shared_ptr<MemoryAccount> memory,
          const SessionTimes& times, std::function<void()> cut, std::function<void()> wake)
      : channel_(channel),
        host_(host),
        shares_(shares),
        memory_(std::move(memory)),
        times_(times),
        cut_(std::move(cut)),
        wake_(std::move(wake)) {
    batch_held_ = memory_->hold(0);
    records_held_ = memory_->hold(0);
  }

  asio::awaitable<void> run() {
    const Result<void> end = co_await talk();
    if (!end) co_await send_off(end.error());
    const std::string space = who_.space ? who_.space->hex().substr(0, 16) : std::string("none");
    spdlog::info("session from {} ended ({}): {}, space {}, {} objects in, {} out, {} commits, {} bytes in, {} out{}",
                 channel_.remote_address(), end ? "bye" : error_code_name(end.error().code), who_.actor, space,
                 objects_in_, objects_out_, commits_, channel_.bytes_received(), channel_.bytes_sent(), refusals());
  }

 private:
  asio::awaitable<Result<void>> talk();
  asio::awaitable<Result<Frame>> receive_hello();
  asio::awaitable<Result<void>> greet();
  asio::awaitable<Result<void>> sit_down();
  Result<void> take_seat(Organisation& organisation, const SeatOwner& owner, bool of_shares);
  AuditEvent who(const Result<PeerHost::Caller>& caller) const;
  asio::awaitable<void> send_off(const Error& error);
  asio::awaitable<void> note_refusal(const Error& error);
  asio::awaitable<Result<void>> refuse(const Error& error);
  std::string refusals() const;
  asio::awaitable<Result<void>> answer(Message message);
  asio::awaitable<Result<void>> take_object(Bytes object);
  asio::awaitable<Result<void>> store_batch();
  asio::awaitable<Result<void>> check_rights(bool writing);
  asio::awaitable<Result<void>> send_objects(const std::vector<ObjectId>& ids);

  Result<void> gather(std::vector<Bytes> records, std::size_t max_bytes);
  std::pair<std::vector<Bytes>, MemoryHold> take_gathered();

  // One handler for each request. What they return is sent as the answer.
  asio::awaitable<Result<Message>> handle(EnrolMessage message);
  asio::awaitable<Result<Message>> handle(LogGetMessage message);
  asio::awaitable<Result<Message>> handle(LogAppendMessage message);
  asio::awaitable<Result<Message>> handle(HeadsGetMessage message);
  asio::awaitable<Result<Message>> handle(BranchGetMessage message);
  asio::awaitable<Result<Message>> handle(ReceiptsGetMessage message);
  asio::awaitable<Result<Message>> handle(LeaseOpenMessage message);
  asio::awaitable<Result<Message>> handle(LacksMessage message);
  asio::awaitable<Result<Message>> handle(FlushMessage message);
  asio::awaitable<Result<Message>> handle(CommitMessage message);
  asio::awaitable<Result<Message>> handle(FactsGetMessage message);
  asio::awaitable<Result<Message>> handle(ExpiriesGetMessage message);
  asio::awaitable<Result<Message>> handle(LossesGetMessage message);
  asio::awaitable<Result<Message>> handle(FoundMessage message);
  asio::awaitable<Result<Message>> handle(InvitationOpenMessage message);
  asio::awaitable<Result<Message>> handle(InvitationCloseMessage message);
  asio::awaitable<Result<Message>> handle(RequestsGetMessage message);
  asio::awaitable<Result<Message>> handle(RequestMessage message);
  asio::awaitable<Result<Message>> handle(AnswerGetMessage message);
  asio::awaitable<Result<Message>> handle(NewsWaitMessage message);
  template <class Other>
  asio::awaitable<Result<Message>> handle(Other) {
    return refuse();
  }
  asio::awaitable<Result<Message>> refuse() { co_return std::unexpected(out_of_order()); }

  asio::awaitable<Result<void>> send(const Message& message) {
    co_return co_await send(Frame{FrameType::message, encode_message(message)});
  }
  asio::awaitable<Result<void>> send(Frame frame) {
    const MemoryHold held = memory_->hold(frame.body.size());
    co_return co_await channel_.send(std::move(frame));
  }
  /// Blocking work, when it is this organisation's turn.
  template <class Work>
  asio::awaitable<std::invoke_result_t<Work>> run(Work work) {
    return shares_.work.run(share_, std::move(work));
  }

  ReadingAhead& channel_;
  PeerHost& host_;
  PeerShares& shares_;
  std::shared_ptr<MemoryAccount> memory_;
  const SessionTimes times_;
  std::function<void()> cut_;
  std::function<void()> wake_;
  ShareKey share_{};
  std::optional<storage::SpaceId> space_;
  std::optional<PeerHost::Caller> caller_;
  AuditEvent who_{.action = storage::AuditAction::refused,
                  .actor = "key " + invitation_id(channel_.remote_key()),
                  .space = {},
                  .organisation = {},
                  .detail = {}};
  Organisation::Hold seat_;
  std::optional<storage::LeaseId> lease_;
  std::vector<Bytes> records_;  ///< of a log that is brought in parts
  std::size_t records_bytes_ = 0;
  MemoryHold records_held_;
  std::vector<Bytes> batch_;
  std::size_t batch_bytes_ = 0;
  MemoryHold batch_held_;
  std::optional<Error> put_error_;  ///< told with the next answer: object frames have none of their own
  std::uint64_t objects_in_ = 0;
  std::uint64_t objects_out_ = 0;
  std::uint64_t commits_ = 0;
  std::uint64_t refused_ = 0;
  std::optional<Error> first_refusal_;
};

// A channel gives every frame time for its length, and any frame may say that it is long.
asio::awaitable<Result<Frame>> Session::receive_hello() {
  const auto executor = co_await asio::this_coro::executor;
  const Deadline deadline(executor, times_.hello, [this] { channel_.close(); });
  co_return co_await channel_.receive(times_.hello);
}

asio::awaitable<Result<void>> Session::greet() {
  HelloMessage hello;
  hello.sign = host_.public_part().sign;
  hello.software = "beffroid";
  BEFFROI_CO_CHECK(co_await send(hello));
  BEFFROI_CO_TRY(const Frame frame, co_await receive_hello());
  if (frame.type != FrameType::message) co_return std::unexpected(out_of_order());
  BEFFROI_CO_TRY(const Message message, decode_message(frame.body));
  const auto* reply = std::get_if<HelloMessage>(&message);
  if (reply == nullptr) co_return std::unexpected(out_of_order());
  if (reply->lowest > kProtocolVersion || reply->highest < kProtocolVersion)
    co_return fail(ErrorCode::unsupported_version,
                   N_("The peer and this station speak different versions of the protocol. Update the older one."));
  space_ = reply->space;
  co_return co_await sit_down();
}

// Whoever belongs to no space here, or does not say to which, hears it with the first request, and has to make it soon.
asio::awaitable<Result<void>> Session::sit_down() {
  auto caller = co_await run([this] {
    auto known = host_.caller(channel_.remote_key(), space_);
    who_ = who(known);
    return known;
  });
  if (caller) {
    // From now on it is this one, whatever else the key comes to belong to.
    space_ = caller->space->space();
    const auto organisation = caller->space->organisation();
    BEFFROI_CO_CHECK(take_seat(*organisation, seat_owner(*caller), is_share(*caller)));
    caller_ = std::move(*caller);
    co_return Result<void>();
  }
  const auto& key = channel_.remote_key();
  if (const auto inviting = host_.inviting(key))
    co_return take_seat(*inviting, {.kind = SeatOwner::Kind::invited}, false);
  const auto share = host_.knock(key, space_);
  const auto knocking_at = share ? (*share)->organisation() : host_.knocking_at(key);
  if (knocking_at) co_return take_seat(*knocking_at, {SeatOwner::Kind::knocking, {}, key.data}, true);
  co_return Result<void>();
}

Result<void> Session::take_seat(Organisation& organisation, const SeatOwner& owner, bool of_shares) {
  seat_ = organisation.take_seat(owner, cut_);
  if (!seat_)
    return fail(ErrorCode::busy,
                N_("Too many connections of this organisation are open at the peer. Try again later."));
  share_ = share_key(organisation.id(), of_shares);
  memory_->belong_to(share_);
  return {};
}

// As the journal and the audit log name this side. Whoever asks for somebody else's space is known by their own.
AuditEvent Session::who(const Result<PeerHost::Caller>& caller) const {
  const auto& key = channel_.remote_key();
  const Result<PeerHost::Caller> own = caller ? caller : host_.caller(key);
  const auto inviting = host_.inviting(key);
  AuditEvent out = who_;
  const auto share = host_.knock(key, space_);
  if (inviting) out.actor = "invitation " + invitation_id(key);
  if (!inviting && share) out.actor = "share invitation " + invitation_id(key);
  if (own) out.actor = own->is_root ? "root" : device_actor(own->device);
  if (own) out.space = own->space->space();
  if (space_) out.space = space_;
  const auto invited_by = !inviting && share ? (*share)->organisation() : inviting;
  const auto organisation = own ? own->space->organisation() : invited_by;
  if (organisation) out.organisation = organisation->state().name;
  return out;
}

asio::awaitable<Result<void>> Session::talk() {
  BEFFROI_CO_CHECK(co_await greet());
  const auto executor = co_await asio::this_coro::executor;
  std::optional<Deadline> visit;
  if (!caller_) visit.emplace(executor, times_.visit, [this] { channel_.close(); });
  bool noted = false;
  while (true) {
    BEFFROI_CO_TRY(Frame frame, co_await channel_.receive(caller_ ? kIdleTimeout : times_.hello));
    const MemoryHold held = memory_->hold(frame.body.size());
    if (frame.type == FrameType::bye) {
      BEFFROI_CO_CHECK(co_await store_batch());
      co_return co_await channel_.send({FrameType::bye, {}});
    }
    if (frame.type == FrameType::object) {
      BEFFROI_CO_CHECK(co_await take_object(std::move(frame.body)));
    } else {
      BEFFROI_CO_TRY(Message message, decode_message(frame.body));
      BEFFROI_CO_CHECK(co_await answer(std::move(message)));
    }
    if (!noted && caller_ && !caller_->is_root) {
      noted = true;
      // A full disk must not keep a station from restoring.
      const auto written = co_await run([this] { return caller_->space->note_contact(); });
      if (!written) spdlog::warn("{}", written.error().message());
    }
  }
}

// The error, then what is still on its way in is read and dropped: closing at once would lose the error as well.
asio::awaitable<void> Session::send_off(const Error& error) {
  if (error.code == ErrorCode::unreachable || error.code == ErrorCode::timeout) co_return;
  if (is_worth_noting(error.code)) co_await note_refusal(error);
  if (const auto sent = co_await refuse(error); !sent) co_return;
  for (int i = 0; i < kDrainedFrames; ++i) {
    const auto frame = co_await channel_.receive(kDrainTimeout);
    if (!frame || frame->type == FrameType::bye) co_return;
  }
}

// Before the answer, so that whoever has heard it stands in the log. RefusalLimit bounds what is written.
asio::awaitable<void> Session::note_refusal(const Error& error) {
  AuditEvent event = who_;
  event.detail = error.message();
  co_await run([&] {
    host_.audit().note(event);
    return true;
  });
}

asio::awaitable<Result<void>> Session::refuse(const Error& error) {
  if (refused_++ == 0) first_refusal_ = error;
  ErrorMessage answer{error};
  co_return co_await send(answer);
}

// For the end of the journal's line: one for each session, however often it was refused.
std::string Session::refusals() const {
  if (!first_refusal_) return {};
  return ", refused " + std::to_string(refused_) +
         " times, the first time: " + storage::audit_text(first_refusal_->message(), storage::kMaxAuditDetailBytes);
}

// Rights are looked up anew for every request: the log may have changed meanwhile.
asio::awaitable<Result<void>> Session::check_rights(bool writing) {
  auto caller = co_await run([this] { return host_.caller(channel_.remote_key(), space_); });
  if (!caller) {
    caller_.reset();
    co_return forward_error(caller);
  }
  caller_ = std::move(*caller);
  if (writing && !caller_->may_write)
    co_return fail(ErrorCode::refused, N_("This device may not write to this space."));
  co_return Result<void>();
}

asio::awaitable<Result<void>> Session::answer(Message message) {
  BEFFROI_CO_CHECK(co_await store_batch());
  const bool is_knock = knocks(message);
  const bool was_known = caller_.has_value();
  if (!std::holds_alternative<EnrolMessage>(message) && !is_knock) {
    const bool writes = std::holds_alternative<LeaseOpenMessage>(message) ||
                        std::holds_alternative<LacksMessage>(message) || std::holds_alternative<CommitMessage>(message);
    if (auto rights = co_await check_rights(writes); !rights) {
      // Somebody who was removed hears it and goes.
      if (!caller_) co_return rights;
      co_await note_refusal(rights.error());
      co_return co_await refuse(rights.error());
    }
  }
  const bool brings = !put_error_ && brings_something(message);
  if (auto* get = std::get_if<GetMessage>(&message)) co_return co_await send_objects(get->ids);
  Result<Message> reply = std::unexpected(out_of_order());
  if (put_error_) {
    reply = std::unexpected(*put_error_);
    // A flush clears it: from there on both sides count anew.
    if (std::holds_alternative<FlushMessage>(message)) put_error_.reset();
  } else {
    auto work = std::visit([this](auto&& request) { return handle(std::forward<decltype(request)>(request)); },
                           std::move(message));
    reply = co_await std::move(work);
  }
  if (reply) co_return co_await send(*reply);
  const bool was_removed = was_known && !caller_;
  if (was_removed || !session_goes_on(reply.error().code)) co_return forward_error(reply);
  if (is_knock && is_worth_noting(reply.error().code)) co_await note_refusal(reply.error());
  // A `refused` one is written down by space or host: they know who signed it.
  if (brings && reply.error().code == ErrorCode::corrupt) co_await note_refusal(reply.error());
  co_return co_await refuse(reply.error());
}

asio::awaitable<Result<void>> Session::take_object(Bytes object) {
  ++objects_in_;
  if (put_error_) co_return Result<void>();
  batch_bytes_ += object.size();
  batch_held_.grow(object.size());
  batch_.push_back(std::move(object));
  const bool full = batch_bytes_ >= kBatchBytes || batch_.size() >= kBatchObjects;
  if (!full && !memory_->is_short()) co_return Result<void>();
  co_return co_await store_batch();
}

// An object that is refused is told at the next flush; only what no honest station sends ends the session.
asio::awaitable<Result<void>> Session::store_batch() {
  if (batch_.empty()) co_return Result<void>();
  const std::vector<Bytes> objects = std::exchange(batch_, {});
  const MemoryHold held = std::exchange(batch_held_, memory_->hold(0));
  batch_bytes_ = 0;
  Result<void> stored = co_await check_rights(true);
  if (!stored && !caller_) co_return stored;
  if (stored && !lease_)
    stored = fail(ErrorCode::conflict, N_("This push has ended at the peer meanwhile: it must begin again."));
  if (stored) stored = co_await run([&] { return caller_->space->put(*lease_, objects); });
  if (!stored) put_error_ = stored.error();
  if (!stored && is_worth_noting(stored.error().code)) co_await note_refusal(stored.error());
  co_return Result<void>();
}

asio::awaitable<Result<void>> Session::send_objects(const std::vector<ObjectId>& ids) {
  for (const ObjectId& id : ids) {
    auto bytes = co_await run([&] { return caller_->space->get(id); });
    if (bytes) {
      ++objects_out_;
      BEFFROI_CO_CHECK(co_await send(Frame{FrameType::object, std::move(*bytes)}));
    } else if (bytes.error().code == ErrorCode::not_found) {
      BEFFROI_CO_CHECK(co_await send(AbsentMessage{}));
    } else {
      BEFFROI_CO_CHECK(co_await refuse(bytes.error()));
    }
  }
  co_return Result<void>();
}

Result<void> Session::gather(std::vector<Bytes> records, std::size_t max_bytes) {
  for (Bytes& record : records) {
    if (record.empty()) return fail(ErrorCode::protocol, N_("The station sent an empty log."));
    // What holds a record in memory counts as well.
    const std::size_t weight = record.size() + sizeof(Bytes) + kAllocationBytes;
    records_bytes_ += weight;
    records_held_.grow(weight);
    if (records_bytes_ > max_bytes)
      return fail(ErrorCode::limit_exceeded, N_("The log of this space has become too long. Ask the EPCI."));
    records_.push_back(std::move(record));
  }
  return {};
}

std::pair<std::vector<Bytes>, MemoryHold> Session::take_gathered() {
  records_bytes_ = 0;
  return {std::exchange(records_, {}), std::exchange(records_held_, memory_->hold(0))};
}

asio::awaitable<Result<Message>> Session::handle(EnrolMessage message) {
  if (records_.empty()) {
    if (message.records.empty()) co_return fail(ErrorCode::protocol, N_("The station sent an empty log."));
    BEFFROI_CO_CHECK(co_await run([&] { return host_.may_enrol(channel_.remote_key(), message.records.front()); }));
  }
  BEFFROI_CO_CHECK(gather(std::move(message.records), kMaxEnrolBytes));
  if (!message.last) co_return Message(OkMessage{});
  const auto [records, held] = take_gathered();
  BEFFROI_CO_CHECK(co_await run([&] { return host_.enrol(channel_.remote_key(), records); }));
  co_return Message(OkMessage{});
}

asio::awaitable<Result<Message>> Session::handle(FoundMessage message) {
  if (records_.empty()) {
    if (message.records.empty()) co_return fail(ErrorCode::protocol, N_("The station sent an empty log."));
    BEFFROI_CO_CHECK(co_await run([&] { return host_.may_found(*caller_, message.records.front()); }));
  }
  BEFFROI_CO_CHECK(gather(std::move(message.records), kMaxFoundingBytes));
  if (!message.last) co_return Message(OkMessage{});
  const auto [records, held] = take_gathered();
  BEFFROI_CO_CHECK(co_await run([&] { return host_.found_share(*caller_, records); }));
  co_return Message(OkMessage{});
}

asio::awaitable<Result<Message>> Session::handle(InvitationOpenMessage message) {
  return run([this, message]() -> Result<Message> {
    BEFFROI_CHECK(caller_->space->open_invitation(caller_->device, message.key, message.expires));
    return OkMessage{};
  });
}

asio::awaitable<Result<Message>> Session::handle(InvitationCloseMessage message) {
  return run([this, message = std::move(message)]() -> Result<Message> {
    BEFFROI_CHECK(caller_->space->close_invitation(caller_->device, message.key, message.refusal));
    return OkMessage{};
  });
}

asio::awaitable<Result<Message>> Session::handle(RequestsGetMessage) {
  return run([this]() -> Result<Message> {
    RequestsMessage out;
    BEFFROI_TRY(out.requests, caller_->space->join_requests(caller_->device));
    return out;
  });
}

// Without a look at caller_: who knocks belongs to nothing here.
asio::awaitable<Result<Message>> Session::handle(RequestMessage message) {
  return run([this, message = std::move(message)]() -> Result<Message> {
    BEFFROI_TRY(const auto share, host_.knock(channel_.remote_key(), space_));
    BEFFROI_CHECK(share->leave_request(channel_.remote_key(), message.sealed));
    return OkMessage{};
  });
}

asio::awaitable<Result<Message>> Session::handle(AnswerGetMessage) {
  return run([this]() -> Result<Message> {
    BEFFROI_TRY(const auto share, host_.knock(channel_.remote_key(), space_));
    AnswerMessage out;
    BEFFROI_TRY(out.answer, share->join_answer(channel_.remote_key()));
    return out;
  });
}

// Holds no turn and no thread meanwhile; the space wakes it. Rights are looked up before each answer.
asio::awaitable<Result<Message>> Session::handle(NewsWaitMessage message) {
  const auto executor = co_await asio::this_coro::executor;
  const auto listening = caller_->space->listen(wake_);
  bool over = false;
  const Deadline patience(executor, message.patience, [this, &over] {
    over = true;
    channel_.wake();
  });
  while (true) {
    const bool last = over;
    BEFFROI_CO_CHECK(co_await check_rights(false));
    BEFFROI_CO_TRY(const SpaceNews news, co_await run([this] { return caller_->space->news(caller_->device); }));
    if (last || news != message.known) co_return Message(NewsMessage{news});
    // The next request, or the line's end: whoever waited wants something else.
    if (!co_await channel_.wait_for_frame()) co_return Message(NewsMessage{news});
  }
}

asio::awaitable<Result<Message>> Session::handle(LogGetMessage message) {
  return run([this, message]() -> Result<Message> {
    LogMessage out;
    BEFFROI_TRY(out.records, caller_->space->records_from(message.from));
    out.length = caller_->space->log_length();
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(LogAppendMessage message) {
  return run([this, message = std::move(message)]() -> Result<Message> {
    BEFFROI_CHECK(caller_->space->append_record(message.record));
    return OkMessage{};
  });
}

asio::awaitable<Result<Message>> Session::handle(HeadsGetMessage) {
  return run([this]() -> Result<Message> {
    HeadsMessage out;
    BEFFROI_TRY(out.heads, caller_->space->heads());
    std::sort(out.heads.begin(), out.heads.end(), [](const auto& a, const auto& b) { return a.device < b.device; });
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(BranchGetMessage message) {
  return run([this, message]() -> Result<Message> {
    CommitsMessage out;
    BEFFROI_TRY(out.commits, caller_->space->branch_commits(message.device, message.from));
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(ReceiptsGetMessage message) {
  return run([this, message]() -> Result<Message> {
    ReceiptsMessage out;
    BEFFROI_TRY(out.newest, caller_->space->newest_receipt());
    BEFFROI_TRY(out.receipts, caller_->space->receipts_from(message.from));
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(ExpiriesGetMessage message) {
  return run([this, message]() -> Result<Message> {
    ExpiriesMessage out;
    BEFFROI_TRY(out.newest, caller_->space->newest_expiry());
    BEFFROI_TRY(out.expiries, caller_->space->expiries_from(message.from));
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(LossesGetMessage) {
  return run([this]() -> Result<Message> {
    LossesMessage out;
    BEFFROI_TRY(out.losses, caller_->space->losses());
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(LeaseOpenMessage) {
  return run([this]() -> Result<Message> {
    LeaseMessage out;
    BEFFROI_TRY(const storage::Lease lease, caller_->space->open_lease(caller_->device));
    out.lease = lease.id;
    lease_ = lease.id;
    BEFFROI_TRY(out.wanted, caller_->space->wanted_for_healing());
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(LacksMessage message) {
  if (!lease_) return refuse();
  return run([this, message = std::move(message)]() -> Result<Message> {
    LackingMessage out;
    BEFFROI_TRY(out.lacking, caller_->space->lacks(*lease_, message.ids));
    return out;
  });
}

asio::awaitable<Result<Message>> Session::handle(FlushMessage) {
  return run([this]() -> Result<Message> {
    BEFFROI_CHECK(caller_->space->make_durable());
    return DurableMessage{objects_in_};
  });
}

asio::awaitable<Result<Message>> Session::handle(CommitMessage message) {
  if (!lease_) co_return std::unexpected(out_of_order());
  auto receipt = co_await run(
      [&] { return caller_->space->accept_commit(*lease_, caller_->device, message.commit, message.losses); });
  if (!receipt) co_return forward_error(receipt);
  ++commits_;
  co_return Message(ReceiptMessage{std::move(*receipt)});
}

asio::awaitable<Result<Message>> Session::handle(FactsGetMessage message) {
  return run([this, message = std::move(message)]() -> Result<Message> {
    FactsMessage out;
    BEFFROI_TRY(const auto infos, caller_->space->facts(message.ids));
    for (const auto& info : infos) {
      out.facts.emplace_back();
      if (info) out.facts.back() = ObjectFacts{info->kind, info->height, info->epoch, info->sealed_bytes};
    }
    return out;
  });
}

}  // namespace

asio::awaitable<void> serve_station(std::unique_ptr<Channel> channel, PeerHost& host, PeerShares& shares,
                                    SessionTimes times) {
  const auto executor = co_await asio::this_coro::executor;
  const auto memory = shares.memory.open_account(executor);
  // The next objects arrive while the ones before them are stored and synced.
  const std::shared_ptr<ReadingAhead> ahead = make_reading_ahead(std::move(channel), executor, memory);
  const auto told = [executor, open = std::weak_ptr(ahead)](void (ReadingAhead::*what)()) {
    asio::post(executor, [open, what] {
      if (const auto line = open.lock()) ((*line).*what)();
    });
  };
  Session session(
      *ahead, host, shares, memory, times, [told] { told(&ReadingAhead::close); },
      [told] { told(&ReadingAhead::wake); });
  co_await session.run();
  ahead->close();
}

}  // namespace beffroi::daemon
