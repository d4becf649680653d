// What somebody can try who is enrolled at a peer and speaks its protocol. Each attack gets its error and is written
// down with who did it; it changes nothing, neither for the attacker's own organisation nor for another one, which is
// served afterwards as before. docs/reliability.md, "Attackers", is the table of it.
#include <gtest/gtest.h>
#include <spdlog/sinks/ringbuffer_sink.h>
#include <spdlog/spdlog.h>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/write.hpp>

#include <atomic>
#include <future>
#include <thread>

#include "daemon/net/frame.h"
#include "daemon/net/tls_context.h"
#include "storage/format/cbor.h"
#include "tests/net/daemon/raw_station.h"
#include "tests/support/audit_verdict.h"

namespace beffroi::daemon::testing {
namespace {

using storage::ObjectId;
using storage::SpaceId;

/// What is logged while it lives. Made before any thread, destroyed after all of them.
class Journal {
 public:
  Journal() : before_(spdlog::default_logger()) {
    spdlog::set_default_logger(std::make_shared<spdlog::logger>("journal", lines_));
  }
  ~Journal() { spdlog::set_default_logger(before_); }
  Journal(const Journal&) = delete;
  Journal& operator=(const Journal&) = delete;
  std::vector<std::string> lines() const { return lines_->last_formatted(); }

 private:
  static constexpr std::size_t kMaxLines = 50'000;
  std::shared_ptr<spdlog::sinks::ringbuffer_sink_mt> lines_ =
      std::make_shared<spdlog::sinks::ringbuffer_sink_mt>(kMaxLines);
  std::shared_ptr<spdlog::logger> before_;
};

/// What a peer has of one space.
struct Holdings {
  storage::RecordId log_head;
  std::vector<storage::CommitId> heads;
  std::vector<Bytes> receipts;
  std::vector<Bytes> expiries;
  std::vector<ObjectId> wanted;
  storage::StoreUsage usage;
  bool operator==(const Holdings&) const = default;
};

/// `attacker` and `victim` are stations of two organisations at one peer, each with one receipted snapshot.
class AttackerTest : public ::testing::Test {
 protected:
  AttackerTest() {
    peer.join(*attacker, thread, "Saint-Aubin");
    peer.join(*victim, thread, "Saint-Benin");
    own = push(attacker, numbers(5));
    theirs = push(victim, numbers(10, 15));
    first_entry_ = peer.host->audit().head().counter + 1;
    own_before = holdings(attacker);
    theirs_before = holdings(victim);
  }
  void TearDown() override {
    EXPECT_EQ(holdings(attacker), own_before);
    EXPECT_EQ(holdings(victim), theirs_before);
    expect_served(numbers(10, 17));
    EXPECT_FALSE(verify(peer.host->audit()).broken_at);
  }

  std::shared_ptr<HostedSpace> space_of(TestVault& station) {
    auto caller = peer.host->caller(station.root.public_part().transport, station->space());
    BEFFROI_ASSERT(caller.has_value());
    return caller->space;
  }
  Holdings holdings(TestVault& station) {
    const auto space = space_of(station);
    Holdings out;
    out.log_head = space->log().head().id;
    for (const auto& head : *space->heads()) out.heads.push_back(head.commit);
    out.receipts = *space->receipts_from(1);
    out.expiries = *space->expiries_from(1);
    out.wanted = *space->wanted_for_healing();
    out.usage = *peer.host->objects().usage(station->space());
    return out;
  }
  std::unique_ptr<PeerLink> connect(TestVault& station) {
    auto link = thread.run(PeerLink::connect(tls_connector(), peer.address(), station->device_keys().transport_seed,
                                             peer.host->public_part(), station->space()));
    BEFFROI_ASSERT(link.has_value());
    return std::move(*link);
  }
  storage::Commit push(TestVault& station, const std::set<std::uint64_t>& files) {
    auto commit = take_snapshot(*station, files);
    auto link = connect(station);
    const auto exchanged = thread.run(link->exchange_state(*station, pool_));
    EXPECT_TRUE(exchanged) << exchanged.error().message();
    const auto pushed = thread.run(link->push(*station, pool_, progress_));
    EXPECT_TRUE(pushed) << pushed.error().message();
    TlsPeer::end(std::move(link), thread);
    return commit;
  }
  /// The victim pushes a snapshot of these files, and reads all of its first one back.
  void expect_served(const std::set<std::uint64_t>& files) {
    push(victim, files);
    const auto closure = closure_of(victim->objects(), theirs);
    const std::vector<ObjectId> ids(closure.begin(), closure.end());
    auto link = connect(victim);
    const auto objects = thread.run(link->fetch_objects(ids));
    EXPECT_TRUE(objects) << objects.error().message();
    if (objects) {
      EXPECT_TRUE(std::ranges::all_of(*objects, [](const auto& object) { return object.has_value(); }));
    }
    TlsPeer::end(std::move(link), thread);
  }

  const crypto::SecretBytes& seed() { return attacker->device_keys().transport_seed; }
  std::string attacker_name() { return device_actor(attacker->device_id()); }
  /// A session of the attacker's that has opened a lease.
  std::unique_ptr<RawStation> session() {
    auto raw = std::make_unique<RawStation>(peer, seed());
    raw->greet(attacker->space());
    EXPECT_TRUE(raw->ask<LeaseMessage>(LeaseOpenMessage{}));
    return raw;
  }
  /// A leaf of the attacker's space that is made of this.
  Bytes leaf_over(const ObjectId& child, std::uint8_t child_height = 0) {
    storage::ChildTable children;
    children.add({child, child_height});
    children.freeze();
    storage::PayloadEncoder encoder;
    return seal_object(attacker->space(), *attacker->keys()->current(), storage::ObjectKind::leaf, children,
                       encoder.encode(Bytes(300), 1).bytes)
        .bytes;
  }
  /// The attacker's next commit on this root, with what `change` makes of it.
  Bytes next_commit(const ObjectId& root, const std::function<void(storage::CommitClear&)>& change,
                    const crypto::SigningKeyPair& signer) {
    storage::CommitClear clear = own.clear;
    clear.sequence = 2;
    clear.parents = {own.id};
    clear.root = root;
    if (change) change(clear);
    return storage::make_commit(clear, {}, *attacker->keys()->epoch(own.clear.epoch), signer);
  }
  Bytes next_commit(const ObjectId& root, const std::function<void(storage::CommitClear&)>& change = {}) {
    return next_commit(root, change, attacker->device_keys().sign);
  }
  Bytes rotation_on(const storage::SpaceLog& log) {
    auto record = storage::rotate_epoch(log, attacker->device_keys(), attacker.clock.now(), attacker.random);
    BEFFROI_ASSERT(record.has_value());
    return std::move(*record);
  }
  Bytes record_by_device(const storage::RecordBody& body, const crypto::DeviceKeys& signer) {
    const auto log = attacker->log();
    return storage::make_record(&log.head(), log.space(), body, attacker.clock.now(), signer.sign);
  }

  std::vector<storage::AuditEntry> refusals() {
    std::vector<storage::AuditEntry> out;
    for (const auto& stored : *peer.host->audit().read(first_entry_, 10'000))
      if (stored.entry.action == audit_action_name(storage::AuditAction::refused)) out.push_back(stored.entry);
    return out;
  }
  /// Does the audit log say that the attacker's device was told this?
  bool is_noted(const Error& told) { return is_noted(told, attacker_name(), attacker->space()); }
  bool is_noted(const Error& told, const std::string& actor, const SpaceId& space) {
    const std::string detail = storage::audit_text(told.message(), storage::kMaxAuditDetailBytes);
    return std::ranges::any_of(refusals(), [&](const storage::AuditEntry& entry) {
      return entry.detail == detail && entry.actor == actor && entry.space == space;
    });
  }
  void wait_until_all_have_gone() {
    while (peer.listener->connections() > 0) std::this_thread::yield();
  }
  /// The journal's line about the attacker's last session, which has ended or is about to.
  std::string last_session() {
    wait_until_all_have_gone();
    std::string out;
    for (const std::string& line : journal.lines())
      if (line.find("session from 127.0.0.1:") != std::string::npos && line.find(attacker_name()) != std::string::npos)
        out = line;
    return out;
  }
  void expect_last_session(const std::string& words) {
    const std::string line = last_session();
    EXPECT_NE(line.find(words), std::string::npos) << line;
  }

  Journal journal;
  TlsPeer peer;
  ProtocolThread thread;
  TestVault attacker{1};
  TestVault victim{2};
  storage::Commit own;
  storage::Commit theirs;
  Holdings own_before;
  Holdings theirs_before;

 private:
  Pool pool_{1};
  Progress progress_;
  std::uint64_t first_entry_ = 1;
};

// Goal: what another tenant has is as what nobody has; reading tells nothing, so there is nothing to write down.
TEST_F(AttackerTest, AnotherTenantsIdsAreAsThoseOfNobody) {
  const auto raw = session();
  const std::vector<ObjectId> ids{theirs.clear.root, ObjectId{{9}}};
  const auto lacking = raw->ask<LackingMessage>(LacksMessage{ids});
  ASSERT_TRUE(lacking);
  EXPECT_EQ(lacking->lacking, (std::vector{true, true}));
  const auto facts = raw->ask<FactsMessage>(FactsGetMessage{ids});
  ASSERT_TRUE(facts);
  EXPECT_FALSE(facts->facts.at(0) || facts->facts.at(1));
  raw->send(Message(GetMessage{ids}));
  EXPECT_TRUE(raw->answer<AbsentMessage>());
  EXPECT_TRUE(raw->answer<AbsentMessage>());
  for (const storage::DeviceId& device : {victim->device_id(), storage::DeviceId{{9}}}) {
    const auto commits = raw->ask<CommitsMessage>(BranchGetMessage{device, 1});
    ASSERT_TRUE(commits);
    EXPECT_TRUE(commits->commits.empty());
  }
  const auto heads = raw->ask<HeadsMessage>(HeadsGetMessage{});
  ASSERT_TRUE(heads);
  ASSERT_EQ(heads->heads.size(), 1U);
  EXPECT_EQ(heads->heads.front().device, attacker->device_id());
  const auto receipts = raw->ask<ReceiptsMessage>(ReceiptsGetMessage{1});
  ASSERT_TRUE(receipts);
  EXPECT_EQ(receipts->receipts, own_before.receipts);
  const auto log = raw->ask<LogMessage>(LogGetMessage{0});
  ASSERT_TRUE(log);
  EXPECT_EQ(log->records, attacker->log().encoded());
  EXPECT_TRUE(refusals().empty());
}

// Goal: who names another tenant's space is known by their own.
TEST_F(AttackerTest, AnotherTenantsSpaceIsAsOneOfNobody) {
  const auto told = [&](const SpaceId& space) {
    RawStation raw(peer, seed());
    raw.greet(space);
    const Error out = error_of(raw.ask<HeadsMessage>(HeadsGetMessage{}));
    EXPECT_TRUE(raw.is_cut());
    EXPECT_TRUE(is_noted(out, attacker_name(), space));
    return out;
  };
  const Error refused = told(victim->space());
  EXPECT_EQ(refused.code, ErrorCode::refused);
  EXPECT_EQ(told(SpaceId{{9}}), refused);
  for (const auto& entry : refusals()) EXPECT_EQ(entry.organisation, "Saint-Aubin");
  expect_last_session("ended (refused)");
}

// Goal: nothing of another tenant's is taken for one's own: no object, no snapshot of it, nothing made of it, no
// record.
TEST_F(AttackerTest, AnotherTenantsThingsAreNotTaken) {
  auto raw = session();
  const Bytes foreign = *space_of(victim)->get(theirs.clear.root);
  Bytes nobodys = foreign;
  nobodys[8] ^= 1;  // the space in the header
  const Error object = raw->put(foreign);
  EXPECT_EQ(object.code, ErrorCode::refused);
  EXPECT_TRUE(is_noted(object));
  EXPECT_EQ(raw->put(nobodys), object);

  const Error parent = raw->put(leaf_over(theirs.clear.root));
  EXPECT_EQ(parent.code, ErrorCode::conflict);
  EXPECT_EQ(raw->put(leaf_over(ObjectId{{9}})), parent);

  const Bytes snapshot = **victim->store().commit(theirs.id);
  const Error commit = error_of(raw->ask<ReceiptMessage>(CommitMessage{snapshot, {}}));
  EXPECT_EQ(commit.code, ErrorCode::refused);
  EXPECT_TRUE(is_noted(commit));

  const TestVault nobody(3);
  for (const Vault* owner : {victim.vault.get(), nobody.vault.get()}) {
    const Error record = error_of(raw->ask<OkMessage>(LogAppendMessage{owner->log().encoded().back()}));
    EXPECT_EQ(record.code, ErrorCode::corrupt);
    EXPECT_EQ(record.text, "A log record belongs to another space, {}.");
    EXPECT_TRUE(is_noted(record));
  }
  raw.reset();
  expect_last_session("refused 7 times, the first time: " + object.message());
}

// Goal: an object whose header is not true is stored nowhere; one that is here already is taken again, and is one.
TEST_F(AttackerTest, ObjectsWithWrongHeadersAreRefused) {
  const auto raw = session();
  const Bytes root = *attacker->objects().get(attacker->space(), own.clear.root);
  const ObjectId chunk = attacker->objects().children(attacker->space(), own.clear.root)->front();
  const Bytes cut(root.begin(), root.end() - 1);
  for (const Bytes& object : {leaf_over(chunk, 3), cut, Bytes(1000)}) {
    const Error told = raw->put(object);
    EXPECT_EQ(told.code, ErrorCode::corrupt) << told.message();
    EXPECT_TRUE(is_noted(told));
  }
  EXPECT_EQ(raw->put(root).code, ErrorCode::cancelled) << "no error";
}

// Goal: a device can sign neither a deletion nor weaker rules; nobody can sign for it, or leave the signature out.
TEST_F(AttackerTest, UnsignedAndForgedRecordsAreRefused) {
  const auto raw = session();
  const auto told = [&](const Bytes& record) { return error_of(raw->ask<OkMessage>(LogAppendMessage{record})); };
  for (const storage::RecordBody& body : {storage::RecordBody(storage::DeletionBody{{own.id}}),
                                          storage::RecordBody(storage::RetentionBody{.lock_days = 1})}) {
    const Error refused = told(record_by_device(body, attacker->device_keys()));
    EXPECT_EQ(refused.code, ErrorCode::refused);
    EXPECT_TRUE(is_noted(refused));
  }
  Bytes forged = rotation_on(attacker->log());
  forged.back() ^= 1;
  const Error corrupt = told(forged);
  EXPECT_EQ(corrupt.code, ErrorCode::corrupt);
  EXPECT_TRUE(is_noted(corrupt));
  std::fill(forged.end() - 64, forged.end(), 0);
  EXPECT_EQ(told(forged), corrupt) << "unsigned";

  const Error stranger = told(record_by_device(storage::DeletionBody{{own.id}}, victim->device_keys()));
  EXPECT_EQ(stranger.code, ErrorCode::refused);
  EXPECT_TRUE(is_noted(stranger, "a key that the log does not know", attacker->space()));
}

// Goal: the log grows by its next record only; one that stands there already changes nothing.
TEST_F(AttackerTest, ReplayedAndReorderedRecordsChangeNothing) {
  auto raw = session();
  const auto append = [&](const Bytes& record) { return raw->ask<OkMessage>(LogAppendMessage{record}); };
  storage::SpaceLog log = attacker->log();
  const Bytes one = rotation_on(log);
  const Bytes rival = rotation_on(log);
  ASSERT_TRUE(log.append(one));
  const Bytes two = rotation_on(log);
  const Error early = error_of(append(two));
  EXPECT_EQ(early.code, ErrorCode::corrupt);
  EXPECT_TRUE(is_noted(early));

  ASSERT_TRUE(append(one));
  EXPECT_EQ(space_of(attacker)->log_length(), log.records().size());
  own_before = holdings(attacker);
  for (const Bytes& record : log.encoded()) EXPECT_TRUE(append(record)) << "it stands there already";
  EXPECT_EQ(error_of(append(rival)).code, ErrorCode::conflict);
  raw.reset();
  expect_last_session("refused 2 times, the first time: " + early.message());
}

// Goal: a snapshot gets its receipt only when it is whole, in its place, and signed by the device that sends it.
TEST_F(AttackerTest, ForgedMisplacedAndIncompleteSnapshotsAreRefused) {
  auto raw = session();
  const auto told = [&](const Bytes& commit) { return error_of(raw->ask<ReceiptMessage>(CommitMessage{commit, {}})); };
  const auto expect_refused = [&](const Bytes& commit, ErrorCode code) {
    const Error error = told(commit);
    EXPECT_EQ(error.code, code) << error.message();
    EXPECT_EQ(is_noted(error), code != ErrorCode::conflict) << error.message();
  };
  const ObjectId& root = own.clear.root;
  const Error incomplete = told(next_commit(ObjectId{{9}}));
  EXPECT_EQ(incomplete.code, ErrorCode::conflict);
  EXPECT_EQ(incomplete.text, told(next_commit(theirs.clear.root)).text) << "another tenant's root is as nobody's";
  EXPECT_EQ(incomplete.text, "The snapshot {} is not complete at the peer: push again.");
  expect_refused(next_commit(root, [](auto& clear) { clear.sequence = 3; }), ErrorCode::conflict);

  const ObjectId chunk = attacker->objects().children(attacker->space(), root)->front();
  ASSERT_EQ((*attacker->objects().info(attacker->space(), chunk))->height, 0);
  expect_refused(next_commit(chunk), ErrorCode::refused);
  expect_refused(next_commit(root, {}, victim->device_keys().sign), ErrorCode::corrupt);
  const auto in_place_of_the_first = [](storage::CommitClear& clear) {
    clear.sequence = 1;
    clear.parents.clear();
    ++clear.clock.seconds;
  };
  expect_refused(next_commit(root, in_place_of_the_first), ErrorCode::refused);
  expect_refused(next_commit(root, [&](auto& clear) { clear.device = victim->device_id(); }), ErrorCode::refused);
  expect_refused(next_commit(root, [](auto& clear) { clear.last_receipt = storage::ReceiptId{{7}}; }),
                 ErrorCode::refused);
  Bytes unsigned_one = next_commit(root);
  std::fill(unsigned_one.end() - 64, unsigned_one.end(), 0);
  EXPECT_EQ(told(unsigned_one).code, ErrorCode::corrupt);

  const auto again = raw->ask<ReceiptMessage>(CommitMessage{**attacker->store().commit(own.id), {}});
  ASSERT_TRUE(again) << "replayed, it gets the receipt that it has";
  EXPECT_EQ(again->receipt, own_before.receipts.front());
  raw.reset();
  expect_last_session("refused 9 times, the first time: " + incomplete.message());
}

// Goal: a lease that ended with its snapshot, or ran out, holds nothing and opens nothing. (Which lease is meant a
// session can't say: it has its device's.)
TEST_F(AttackerTest, StaleLeasesAreRefused) {
  auto stale = session();
  const auto expect_stale = [&] {
    const ObjectId& root = own.clear.root;
    const Error lacks = error_of(stale->ask<LackingMessage>(LacksMessage{{root}}));
    EXPECT_EQ(lacks.code, ErrorCode::conflict) << lacks.message();
    EXPECT_EQ(stale->put(*attacker->objects().get(attacker->space(), root)), lacks);
    const Bytes commit = next_commit(root, [](auto& clear) { clear.flags = storage::kCommitStale; });
    EXPECT_EQ(error_of(stale->ask<ReceiptMessage>(CommitMessage{commit, {}})), lacks);
  };
  ASSERT_TRUE(peer.host->add_running_time(storage::kLeaseIdleSeconds + 1));
  ASSERT_TRUE(space_of(attacker)->begin_collection());
  expect_stale();

  stale = session();
  ASSERT_TRUE(session()->ask<ReceiptMessage>(CommitMessage{next_commit(own.clear.root), {}}));
  own_before = holdings(attacker);
  expect_stale();
  stale.reset();
  expect_last_session("refused 3 times, the first time: This push has ended");
}

/// One frame, or nothing when the line was cut.
template <class Stream>
std::optional<Frame> read_frame(Stream& stream) {
  std::array<std::uint8_t, kFrameHeadBytes> head{};
  asio::error_code error;
  asio::read(stream, asio::buffer(head), error);
  if (error) return std::nullopt;
  const auto decoded = decode_frame_head(head);
  if (!decoded) return std::nullopt;
  Frame out{decoded->type, Bytes(decoded->body_bytes)};
  asio::read(stream, asio::buffer(out.body), error);
  return error ? std::nullopt : std::optional(std::move(out));
}

/// Sends these bytes behind a proper hello, as no channel of ours would; the error that it is told, if `waits`, and
/// cuts the line.
Error told_after(TlsPeer& peer, const crypto::SecretBytes& seed, const Bytes& raw, bool waits = true) {
  auto context = TlsContext::make(TlsSide::client, seed, [](const auto&) { return true; });
  BEFFROI_ASSERT(context.has_value());
  asio::io_context io;
  asio::ssl::stream<asio::ip::tcp::socket> stream(io, (*context)->asio_context());
  stream.lowest_layer().connect({asio::ip::make_address("127.0.0.1"), peer.listener->port()});
  stream.handshake(asio::ssl::stream_base::client);
  EXPECT_TRUE(read_frame(stream));
  Bytes all = encode_frame({FrameType::message, encode_message(HelloMessage{})});
  all.insert(all.end(), raw.begin(), raw.end());
  asio::write(stream, asio::buffer(all));
  const auto answer = waits ? read_frame(stream) : std::nullopt;
  const auto message = answer ? decode_message(answer->body) : Result<Message>(OkMessage{});
  const auto* error = message ? std::get_if<ErrorMessage>(&*message) : nullptr;
  return error == nullptr ? Error{ErrorCode::cancelled, "no error", {}} : error->error;
}

Bytes head_of_frame(std::size_t body_bytes, FrameType type) {
  Bytes out(kFrameHeadBytes);
  put_le32(out.data(), static_cast<std::uint32_t>(body_bytes));
  out[4] = static_cast<std::uint8_t>(type);
  return out;
}

// Goal: a length is judged before anything is kept for it; what is no frame ends the session, with a reason.
TEST_F(AttackerTest, OversizeFramesEndTheSession) {
  const auto expect_told = [&](const Bytes& raw, ErrorCode code) {
    const Error told = told_after(peer, seed(), raw);
    EXPECT_EQ(told.code, code) << told.message();
    EXPECT_TRUE(is_noted(told)) << told.message();
  };
  expect_told(head_of_frame(0xFFFF'FFFF, FrameType::message), ErrorCode::limit_exceeded);
  expect_told(head_of_frame(kMaxFrameBytes + 1, FrameType::message), ErrorCode::limit_exceeded);
  expect_told(head_of_frame(storage::kMaxObjectBytes + 1, FrameType::object), ErrorCode::limit_exceeded);
  expect_told(head_of_frame(1, FrameType::bye), ErrorCode::limit_exceeded);
  expect_last_session("ended (limit_exceeded)");
  expect_told(head_of_frame(0, static_cast<FrameType>(9)), ErrorCode::protocol);
  expect_last_session("ended (protocol)");
}

// Goal: a frame that never comes to its end is nothing: no answer, no entry, one line in the journal.
TEST_F(AttackerTest, ATruncatedFrameIsNothing) {
  for (const FrameType type : {FrameType::message, FrameType::object}) {
    Bytes raw = head_of_frame(1000, type);
    raw.resize(raw.size() + 500);
    told_after(peer, seed(), raw, false);
    expect_last_session("ended (unreachable)");
  }
  EXPECT_TRUE(refusals().empty());
}

// Goal: lists beyond their bounds, bytes behind a message, and encodings that no writer chooses end the session.
TEST_F(AttackerTest, MalformedMessagesEndTheSession) {
  const auto list = [](std::uint64_t type, std::size_t ids) {
    storage::CborWriter out;
    out.array(2).uint(type).array(ids);
    for (std::size_t i = 0; i < ids; ++i) out.bytes(ObjectId{});
    return out.take();
  };
  constexpr std::uint64_t kLacks = 16;
  constexpr std::uint64_t kGet = 22;
  const Bytes trailing{0x81, 0x0E, 0x00};
  const Bytes long_head{0x81, 0x18, 0x0E};
  for (const Bytes& body : {list(kGet, kMaxGetIds + 1), list(kLacks, kMaxIdsPerMessage + 1), trailing, long_head}) {
    const Error told = told_after(peer, seed(), encode_frame({FrameType::message, body}));
    EXPECT_EQ(told.code, ErrorCode::protocol) << told.message();
    EXPECT_TRUE(is_noted(told));
    expect_last_session("ended (protocol)");
  }
}

// Goal: an invitation does not take another organisation's space over, and opens nothing else; a key that nobody knows
// gets no further than the handshake.
TEST_F(AttackerTest, InvitationsAndUnknownKeysOpenNothing) {
  const auto invitation = peer.host->invite("Saint-Clair", {}, {peer.clock.now().seconds + 1000}, peer.address());
  ASSERT_TRUE(invitation);
  const std::string bearer = "invitation " + invitation_id(invitation->transport_key());
  RawStation raw(peer, invitation->transport_seed());
  raw.greet();
  const Error taken = error_of(raw.ask<OkMessage>(EnrolMessage{victim->log().encoded(), true}));
  EXPECT_EQ(taken.code, ErrorCode::refused);
  EXPECT_TRUE(is_noted(taken, bearer, victim->space()));
  Bytes broken = TestVault(3)->log().encoded().front();
  broken.back() ^= 1;
  EXPECT_EQ(error_of(raw.ask<OkMessage>(EnrolMessage{{broken}, true})).code, ErrorCode::corrupt);
  EXPECT_EQ(error_of(raw.ask<HeadsMessage>(HeadsGetMessage{})).code, ErrorCode::refused);
  EXPECT_TRUE(raw.is_cut());
  const auto entries = refusals();
  ASSERT_EQ(entries.size(), 3U);
  for (const auto& entry : entries) EXPECT_EQ(entry.actor, bearer);
  EXPECT_EQ(entries[2].organisation, "Saint-Clair");

  const RawStation unknown(peer, TestVault(4)->device_keys().transport_seed);
  EXPECT_EQ(error_of(unknown.hello).code, ErrorCode::refused);
  EXPECT_EQ(refusals().size(), 3U) << "anybody on the internet can do that";
}

// Goal: a device that was removed in the middle of a session is named, though the log no longer knows its key.
TEST_F(AttackerTest, ARemovedDeviceIsNamed) {
  const auto raw = session();
  storage::RemovalBody removal;
  removal.devices.push_back({.device = attacker->device_id(), .last_valid_commit = own.id, .last_valid_sequence = 1});
  const auto space = space_of(attacker);
  const auto log = space->log();
  ASSERT_TRUE(space->append_record(
      storage::make_record(&log.head(), log.space(), removal, attacker.clock.now(), attacker.root.sign)));
  own_before = holdings(attacker);
  const Error told = raw->put(*attacker->objects().get(attacker->space(), own.clear.root));
  EXPECT_EQ(told.code, ErrorCode::refused);
  EXPECT_TRUE(is_noted(told));
  EXPECT_TRUE(raw->is_cut());
  EXPECT_FALSE(peer.host->admits(crypto::transport_public(seed())));
}

// Goal: whoever asks ten thousand times for what is refused makes a handful of entries and one line, and keeps nobody
// else from being served meanwhile.
TEST_F(AttackerTest, AFloodOfRefusedRequestsFillsNothing) {
  constexpr std::size_t kRequests = 10'000;
  constexpr std::size_t kAtOnce = 100;
  Bytes forged = rotation_on(attacker->log());
  forged.back() ^= 1;
  wait_until_all_have_gone();
  const std::size_t lines_before = journal.lines().size();
  auto raw = session();
  std::atomic<bool> served = false;
  auto flood = std::async(std::launch::async, [&] {
    std::size_t refused = 0;
    for (bool goes_on = true; goes_on && (refused < kRequests || !served);) {
      for (std::size_t i = 0; i < kAtOnce; ++i) raw->send(Message(LogAppendMessage{forged}));
      for (std::size_t i = 0; i < kAtOnce; ++i) goes_on = raw->error().code == ErrorCode::corrupt && goes_on;
      refused += kAtOnce;
    }
    return refused;
  });
  for (std::uint64_t i = 1; i <= 3; ++i) expect_served(numbers(10, 15 + i));
  served = true;
  theirs_before = holdings(victim);
  const std::size_t refused = flood.get();
  EXPECT_GE(refused, kRequests);
  EXPECT_EQ(error_of(raw->ask<HeadsMessage>(HeadsGetMessage{})).code, ErrorCode::cancelled) << "still in step";
  raw.reset();
  expect_last_session("refused " + std::to_string(refused) + " times");
  EXPECT_LE(journal.lines().size(), lines_before + 7) << "one for each session";
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour);
  ASSERT_TRUE(peer.host->audit().close_hour(true));
  EXPECT_EQ(refusals().size(), kRefusalsPerKeyAndHour + 1);
  EXPECT_EQ(refusals().back().detail,
            std::to_string(refused - kRefusalsPerKeyAndHour) + " more refusals, not written down one by one");
}

}  // namespace
}  // namespace beffroi::daemon::testing
