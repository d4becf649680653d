#include "daemon/sync/messages.h"

#include "crypto/assert.h"
#include "daemon/net/channel.h"
#include "storage/format/cbor.h"
#include "storage/format/utf8.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;

// Each message: its fields, how they are written, how they are read. The array and the type stand around them.

template <class T>
constexpr std::size_t kFields = 0;

template <class T>
void write(CborWriter&, const T&) {}
template <class T>
void read(CborReader&, T&) {}

template <class Fixed>
void write_optional(CborWriter& out, const std::optional<Fixed>& value) {
  if (value)
    out.bytes(*value);
  else
    out.null();
}

template <class Fixed>
std::optional<Fixed> read_optional(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return in.fixed<Fixed>();
}

template <class Id>
void write_ids(CborWriter& out, const std::vector<Id>& ids) {
  out.array(ids.size());
  for (const Id& id : ids) out.bytes(id);
}

template <class Id>
void read_ids(CborReader& in, std::vector<Id>& ids, std::size_t most) {
  ids.resize(in.array(most));
  for (Id& id : ids) id = in.fixed<Id>();
  in.leave();
}

void write_list(CborWriter& out, const std::vector<Bytes>& items) {
  out.array(items.size());
  for (const Bytes& item : items) out.bytes(item);
}

void read_list(CborReader& in, std::vector<Bytes>& items, std::size_t most, std::size_t longest) {
  items.resize(in.array(most));
  for (Bytes& item : items) item = to_bytes(in.bytes(longest));
  in.leave();
}

std::uint32_t read_u32(CborReader& in) { return static_cast<std::uint32_t>(in.uint(UINT32_MAX)); }

template <>
constexpr std::size_t kFields<HelloMessage> = 5;
template <>
void write(CborWriter& out, const HelloMessage& message) {
  out.uint(message.lowest).uint(message.highest);
  write_optional(out, message.sign);
  write_optional(out, message.space);
  out.text(message.software);
}
template <>
void read(CborReader& in, HelloMessage& message) {
  message.lowest = read_u32(in);
  message.highest = read_u32(in);
  message.sign = read_optional<crypto::SigningPublicKey>(in);
  message.space = read_optional<storage::SpaceId>(in);
  message.software = in.text(kMaxSoftwareBytes);
  if (message.lowest == 0 || message.lowest > message.highest) in.reject();
}

// UTF-8 without control characters, so that another machine's words can't play with a terminal.
std::string printable(std::string_view text, std::size_t most) {
  if (!storage::is_utf8(as_bytes(text))) return "?";
  std::string out(text.substr(0, most));
  while (!storage::is_utf8(as_bytes(out))) out.pop_back();  // cut inside a character
  for (std::size_t i = 0; i < out.size(); ++i) {
    const auto byte = static_cast<unsigned char>(out[i]);
    if (byte < 0x20 || byte == 0x7f) out[i] = ' ';
    // U+0080 to U+009F: the second alphabet of control characters.
    if (byte == 0xc2 && static_cast<unsigned char>(out[i + 1]) < 0xa0) out.replace(i, 2, "  ");
  }
  return out;
}

template <>
constexpr std::size_t kFields<ErrorMessage> = 3;
template <>
void write(CborWriter& out, const ErrorMessage& message) {
  const auto& args = message.error.args;
  const std::size_t count = std::min(args.size(), kMaxErrorArguments);
  out.text(error_code_name(message.error.code)).text(printable(message.error.text, kMaxErrorTextBytes)).array(count);
  for (std::size_t i = 0; i < count; ++i) out.text(printable(args[i], kMaxErrorArgumentBytes));
}
template <>
void read(CborReader& in, ErrorMessage& message) {
  const std::string name(in.text(32));
  message.error.code = error_code_from_name(name);
  if (name != error_code_name(message.error.code)) in.reject();
  const std::string_view text = in.text(kMaxErrorTextBytes);
  message.error.text = printable(text, kMaxErrorTextBytes);
  if (message.error.text != text) in.reject();
  message.error.args.resize(in.array(kMaxErrorArguments));
  for (std::string& argument : message.error.args) {
    const std::string_view given = in.text(kMaxErrorArgumentBytes);
    argument = printable(given, kMaxErrorArgumentBytes);
    if (argument != given) in.reject();
  }
  in.leave();
}

template <>
constexpr std::size_t kFields<EnrolMessage> = 2;
template <>
void write(CborWriter& out, const EnrolMessage& message) {
  write_list(out, message.records);
  out.boolean(message.last);
}
template <>
void read(CborReader& in, EnrolMessage& message) {
  read_list(in, message.records, kMaxRecordsPerMessage, storage::kMaxRecordBytes);
  message.last = in.boolean();
}

template <>
constexpr std::size_t kFields<LogGetMessage> = 1;
template <>
void write(CborWriter& out, const LogGetMessage& message) {
  out.uint(message.from);
}
template <>
void read(CborReader& in, LogGetMessage& message) {
  message.from = in.uint();
}

template <>
constexpr std::size_t kFields<LogMessage> = 2;
template <>
void write(CborWriter& out, const LogMessage& message) {
  out.uint(message.length);
  write_list(out, message.records);
}
template <>
void read(CborReader& in, LogMessage& message) {
  message.length = in.uint();
  read_list(in, message.records, kMaxRecordsPerMessage, storage::kMaxRecordBytes);
}

template <>
constexpr std::size_t kFields<LogAppendMessage> = 1;
template <>
void write(CborWriter& out, const LogAppendMessage& message) {
  out.bytes(message.record);
}
template <>
void read(CborReader& in, LogAppendMessage& message) {
  message.record = to_bytes(in.bytes(storage::kMaxRecordBytes));
}

template <>
constexpr std::size_t kFields<HeadsMessage> = 1;
template <>
void write(CborWriter& out, const HeadsMessage& message) {
  out.array(message.heads.size());
  for (const auto& head : message.heads) out.array(3).bytes(head.device).uint(head.sequence).bytes(head.commit);
}
template <>
void read(CborReader& in, HeadsMessage& message) {
  message.heads.resize(in.array(kMaxHeads));
  for (auto& head : message.heads) {
    in.array_of(3);
    head.device = in.fixed<storage::DeviceId>();
    head.sequence = in.uint();
    head.commit = in.fixed<storage::CommitId>();
    in.leave();
    if (head.sequence == 0) in.reject();
  }
  in.leave();
  const auto out_of_order = [](const auto& a, const auto& b) { return a.device >= b.device; };
  if (std::adjacent_find(message.heads.begin(), message.heads.end(), out_of_order) != message.heads.end()) in.reject();
}

template <>
constexpr std::size_t kFields<BranchGetMessage> = 2;
template <>
void write(CborWriter& out, const BranchGetMessage& message) {
  out.bytes(message.device).uint(message.from);
}
template <>
void read(CborReader& in, BranchGetMessage& message) {
  message.device = in.fixed<storage::DeviceId>();
  message.from = in.uint();
}

template <>
constexpr std::size_t kFields<CommitsMessage> = 1;
template <>
void write(CborWriter& out, const CommitsMessage& message) {
  write_list(out, message.commits);
}
template <>
void read(CborReader& in, CommitsMessage& message) {
  read_list(in, message.commits, kMaxItemsPerList, storage::kMaxCommitBytes);
}

template <>
constexpr std::size_t kFields<ReceiptsGetMessage> = 1;
template <>
void write(CborWriter& out, const ReceiptsGetMessage& message) {
  out.uint(message.from);
}
template <>
void read(CborReader& in, ReceiptsGetMessage& message) {
  message.from = in.uint();
}

template <>
constexpr std::size_t kFields<ReceiptsMessage> = 2;
template <>
void write(CborWriter& out, const ReceiptsMessage& message) {
  out.uint(message.newest);
  write_list(out, message.receipts);
}
template <>
void read(CborReader& in, ReceiptsMessage& message) {
  message.newest = in.uint();
  read_list(in, message.receipts, kMaxItemsPerList, storage::kMaxReceiptBytes);
}

template <>
constexpr std::size_t kFields<LeaseMessage> = 2;
template <>
void write(CborWriter& out, const LeaseMessage& message) {
  out.bytes(message.lease);
  write_ids(out, message.wanted);
}
template <>
void read(CborReader& in, LeaseMessage& message) {
  message.lease = in.fixed<storage::LeaseId>();
  read_ids(in, message.wanted, kMaxIdsPerMessage);
}

template <>
constexpr std::size_t kFields<LacksMessage> = 1;
template <>
void write(CborWriter& out, const LacksMessage& message) {
  write_ids(out, message.ids);
}
template <>
void read(CborReader& in, LacksMessage& message) {
  read_ids(in, message.ids, kMaxIdsPerMessage);
}

// A bit for each id asked, the first in the lowest bit of the first byte; what is left of the last byte is zero.
template <>
constexpr std::size_t kFields<LackingMessage> = 2;
template <>
void write(CborWriter& out, const LackingMessage& message) {
  Bytes bits((message.lacking.size() + 7) / 8);
  for (std::size_t i = 0; i < message.lacking.size(); ++i)
    if (message.lacking[i]) bits[i / 8] = static_cast<std::uint8_t>(bits[i / 8] | (1U << (i % 8)));
  out.uint(message.lacking.size()).bytes(bits);
}
template <>
void read(CborReader& in, LackingMessage& message) {
  const std::size_t count = in.uint(kMaxIdsPerMessage);
  const ByteView bits = in.bytes(kMaxIdsPerMessage / 8);
  if (bits.size() != (count + 7) / 8) {
    in.reject();
    return;
  }
  message.lacking.resize(count);
  for (std::size_t i = 0; i < count; ++i) message.lacking[i] = ((bits[i / 8] >> (i % 8)) & 1U) != 0;
  if (count % 8 != 0 && (bits.back() >> (count % 8)) != 0) in.reject();
}

template <>
constexpr std::size_t kFields<DurableMessage> = 1;
template <>
void write(CborWriter& out, const DurableMessage& message) {
  out.uint(message.objects);
}
template <>
void read(CborReader& in, DurableMessage& message) {
  message.objects = in.uint();
}

template <>
constexpr std::size_t kFields<CommitMessage> = 2;
template <>
void write(CborWriter& out, const CommitMessage& message) {
  out.bytes(message.commit);
  write_ids(out, message.losses);
}
template <>
void read(CborReader& in, CommitMessage& message) {
  message.commit = to_bytes(in.bytes(storage::kMaxCommitBytes));
  read_ids(in, message.losses, kMaxIdsPerMessage);
}

template <>
constexpr std::size_t kFields<ReceiptMessage> = 1;
template <>
void write(CborWriter& out, const ReceiptMessage& message) {
  out.bytes(message.receipt);
}
template <>
void read(CborReader& in, ReceiptMessage& message) {
  message.receipt = to_bytes(in.bytes(storage::kMaxReceiptBytes));
}

template <>
constexpr std::size_t kFields<GetMessage> = 1;
template <>
void write(CborWriter& out, const GetMessage& message) {
  write_ids(out, message.ids);
}
template <>
void read(CborReader& in, GetMessage& message) {
  read_ids(in, message.ids, kMaxGetIds);
}

template <>
constexpr std::size_t kFields<FactsGetMessage> = 1;
template <>
void write(CborWriter& out, const FactsGetMessage& message) {
  write_ids(out, message.ids);
}
template <>
void read(CborReader& in, FactsGetMessage& message) {
  read_ids(in, message.ids, kMaxIdsPerMessage);
}

void write_facts(CborWriter& out, const ObjectFacts& facts) {
  out.array(4).uint(static_cast<std::uint8_t>(facts.kind)).uint(facts.height).uint(facts.epoch.value);
  out.uint(facts.sealed_bytes);
}

ObjectFacts read_facts(CborReader& in) {
  ObjectFacts out;
  in.array_of(4);
  const std::uint64_t kind = in.uint(static_cast<std::uint8_t>(storage::ObjectKind::dictionary));
  if (kind < static_cast<std::uint8_t>(storage::ObjectKind::chunk)) in.reject();
  out.kind = static_cast<storage::ObjectKind>(kind);
  out.height = static_cast<std::uint8_t>(in.uint(storage::kMaxHeight));
  out.epoch.value = read_u32(in);
  out.sealed_bytes = static_cast<std::uint32_t>(in.uint(storage::kMaxObjectBytes));
  in.leave();
  return out;
}

template <>
constexpr std::size_t kFields<FactsMessage> = 1;
template <>
void write(CborWriter& out, const FactsMessage& message) {
  out.array(message.facts.size());
  for (const auto& facts : message.facts) {
    if (facts)
      write_facts(out, *facts);
    else
      out.null();
  }
}
template <>
void read(CborReader& in, FactsMessage& message) {
  message.facts.resize(in.array(kMaxIdsPerMessage));
  for (auto& facts : message.facts)
    if (!in.try_null()) facts = read_facts(in);
  in.leave();
}

template <>
constexpr std::size_t kFields<ExpiriesGetMessage> = 1;
template <>
void write(CborWriter& out, const ExpiriesGetMessage& message) {
  out.uint(message.from);
}
template <>
void read(CborReader& in, ExpiriesGetMessage& message) {
  message.from = in.uint();
}

template <>
constexpr std::size_t kFields<ExpiriesMessage> = 2;
template <>
void write(CborWriter& out, const ExpiriesMessage& message) {
  out.uint(message.newest);
  write_list(out, message.expiries);
}
template <>
void read(CborReader& in, ExpiriesMessage& message) {
  message.newest = in.uint();
  read_list(in, message.expiries, kMaxItemsPerList, storage::kMaxExpiryBytes);
}

template <>
constexpr std::size_t kFields<LossesMessage> = 1;
template <>
void write(CborWriter& out, const LossesMessage& message) {
  write_list(out, message.losses);
}
template <>
void read(CborReader& in, LossesMessage& message) {
  read_list(in, message.losses, storage::kMaxLosses, storage::kMaxLossBytes);
}

template <>
constexpr std::size_t kFields<FoundMessage> = 2;
template <>
void write(CborWriter& out, const FoundMessage& message) {
  write_list(out, message.records);
  out.boolean(message.last);
}
template <>
void read(CborReader& in, FoundMessage& message) {
  read_list(in, message.records, kMaxRecordsPerMessage, storage::kMaxRecordBytes);
  message.last = in.boolean();
}

storage::UnixTime read_time(CborReader& in) {
  return {static_cast<std::int64_t>(in.uint(static_cast<std::uint64_t>(storage::kMaxInvitationTimeSeconds)))};
}

void write_time(CborWriter& out, storage::UnixTime time) {
  BEFFROI_ASSERT(time.seconds >= 0 && time.seconds <= storage::kMaxInvitationTimeSeconds);
  out.uint(static_cast<std::uint64_t>(time.seconds));
}

// Whatever is sealed for a share has one length, whoever made it.
Bytes read_sealed(CborReader& in, std::size_t length) {
  Bytes out = to_bytes(in.bytes(length));
  if (out.size() != length) in.reject();
  return out;
}

template <>
constexpr std::size_t kFields<InvitationOpenMessage> = 2;
template <>
void write(CborWriter& out, const InvitationOpenMessage& message) {
  out.bytes(message.key);
  write_time(out, message.expires);
}
template <>
void read(CborReader& in, InvitationOpenMessage& message) {
  message.key = in.fixed<crypto::TransportPublicKey>();
  message.expires = read_time(in);
}

template <>
constexpr std::size_t kFields<InvitationCloseMessage> = 2;
template <>
void write(CborWriter& out, const InvitationCloseMessage& message) {
  out.bytes(message.key);
  write_optional(out, message.refusal);
}
template <>
void read(CborReader& in, InvitationCloseMessage& message) {
  message.key = in.fixed<crypto::TransportPublicKey>();
  if (!in.try_null()) message.refusal = read_sealed(in, storage::kSealedRefusalBytes);
}

template <>
constexpr std::size_t kFields<RequestsMessage> = 1;
template <>
void write(CborWriter& out, const RequestsMessage& message) {
  out.array(message.requests.size());
  for (const WaitingRequest& request : message.requests) {
    out.array(3).bytes(request.invitation).bytes(request.sealed);
    write_time(out, request.received);
  }
}
template <>
void read(CborReader& in, RequestsMessage& message) {
  message.requests.resize(in.array(kMaxOpenShareInvitations));
  for (WaitingRequest& request : message.requests) {
    in.array_of(3);
    request.invitation = in.fixed<crypto::TransportPublicKey>();
    request.sealed = read_sealed(in, storage::kSealedJoinRequestBytes);
    request.received = read_time(in);
    in.leave();
  }
  in.leave();
  const auto out_of_order = [](const auto& a, const auto& b) { return a.invitation >= b.invitation; };
  if (std::ranges::adjacent_find(message.requests, out_of_order) != message.requests.end()) in.reject();
}

template <>
constexpr std::size_t kFields<RequestMessage> = 1;
template <>
void write(CborWriter& out, const RequestMessage& message) {
  out.bytes(message.sealed);
}
template <>
void read(CborReader& in, RequestMessage& message) {
  message.sealed = read_sealed(in, storage::kSealedJoinRequestBytes);
}

template <>
constexpr std::size_t kFields<AnswerMessage> = 2;
template <>
void write(CborWriter& out, const AnswerMessage& message) {
  out.uint(static_cast<std::uint8_t>(message.answer.state)).bytes(message.answer.refusal);
}
template <>
void read(CborReader& in, AnswerMessage& message) {
  const std::uint64_t state = in.uint(static_cast<std::uint8_t>(JoinAnswer::State::closed));
  if (state < static_cast<std::uint8_t>(JoinAnswer::State::waiting)) in.reject();
  message.answer.state = static_cast<JoinAnswer::State>(state);
  const bool refused = message.answer.state == JoinAnswer::State::refused;
  message.answer.refusal = read_sealed(in, refused ? storage::kSealedRefusalBytes : 0);
}

void write_news(CborWriter& out, const SpaceNews& news) {
  out.array(3).uint(news.log_length).uint(news.newest_receipt).uint(news.requests);
}

SpaceNews read_news(CborReader& in) {
  SpaceNews out;
  in.array_of(3);
  out.log_length = in.uint();
  out.newest_receipt = in.uint();
  out.requests = in.uint();
  in.leave();
  return out;
}

template <>
constexpr std::size_t kFields<NewsWaitMessage> = 2;
template <>
void write(CborWriter& out, const NewsWaitMessage& message) {
  write_news(out, message.known);
  out.uint(static_cast<std::uint64_t>(message.patience.count()));
}
template <>
void read(CborReader& in, NewsWaitMessage& message) {
  message.known = read_news(in);
  message.patience = std::chrono::milliseconds(in.uint(static_cast<std::uint64_t>(kMaxNewsPatience.count())));
}

template <>
constexpr std::size_t kFields<NewsMessage> = 1;
template <>
void write(CborWriter& out, const NewsMessage& message) {
  write_news(out, message.news);
}
template <>
void read(CborReader& in, NewsMessage& message) {
  message.news = read_news(in);
}

template <std::size_t Index = 0>
std::optional<Message> read_alternative(CborReader& in, std::size_t items, std::uint64_t type) {
  if constexpr (Index == std::variant_size_v<Message>) {
    return std::nullopt;
  } else {
    if (type != Index + 1) return read_alternative<Index + 1>(in, items, type);
    using Alternative = std::variant_alternative_t<Index, Message>;
    Alternative message;
    if (items != 1 + kFields<Alternative>) in.reject();
    read(in, message);
    return message;
  }
}

}  // namespace

Bytes encode_message(const Message& message) {
  CborWriter out;
  std::visit(
      [&]<class T>(const T& alternative) {
        out.array(1 + kFields<T>).uint(message.index() + 1);
        write(out, alternative);
      },
      message);
  Bytes encoded = out.take();
  BEFFROI_ASSERT(encoded.size() <= kMaxFrameBytes);
  return encoded;
}

Result<Message> decode_message(ByteView encoded) {
  CborReader in(encoded);
  const std::size_t items = in.array(8);
  auto message = read_alternative(in, items, in.uint());
  in.leave();
  if (!message || !in.finish())
    return fail(ErrorCode::protocol, N_("The other side sent a message that is malformed or unknown here."));
  return std::move(*message);
}

}  // namespace beffroi::daemon
