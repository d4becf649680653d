#include "daemon/share/share_book.h"

#include <map>

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;
using storage::Durability;
using storage::Table;

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kFolder = "share/folder";
constexpr std::string_view kJoin = "share/join";
constexpr std::string_view kUnaware = "share/peer_unaware";
constexpr std::string_view kGone = "share/gone";
constexpr std::string_view kInvitations = "share/invitation/";
constexpr std::size_t kMaxCodeBytes = 4096;
constexpr std::size_t kMaxApplicantBytes = 2 * storage::kMaxDisplayNameBytes + 8;

Bytes row_of(const storage::ShareInvitation& invitation) {
  Bytes out = to_bytes(as_bytes(kInvitations));
  const auto key = invitation.transport_key();
  out.insert(out.end(), key.data.begin(), key.data.end());
  return out;
}

void write_invitation(CborWriter& out, const storage::ShareInvitation& invitation) {
  std::string code = storage::share_invitation_code(invitation);
  out.text(code);
  crypto::wipe(code);
}

storage::ShareInvitation read_invitation(CborReader& in) {
  auto parsed = storage::parse_share_invitation(in.text(kMaxCodeBytes));
  if (parsed) return std::move(*parsed);
  in.reject();
  return {};
}

template <class State>
State read_state(CborReader& in, State last) {
  const auto state = static_cast<State>(in.uint(static_cast<std::uint64_t>(last)));
  if (static_cast<std::uint64_t>(state) == 0) in.reject();
  return state;
}

Bytes encode(const PendingJoin& join) {
  CborWriter out;
  out.array(7).uint(kVersion);
  write_invitation(out, join.invitation);
  out.text(join.identity_name).text(join.device_name).integer(join.asked.seconds);
  out.uint(static_cast<std::uint64_t>(join.state)).text(join.reason);
  return out.take();
}

Result<PendingJoin> decode_join(ByteView encoded) {
  CborReader in(encoded);
  PendingJoin out;
  in.array_of(7);
  if (in.uint() != kVersion) in.reject();
  out.invitation = read_invitation(in);
  out.identity_name = std::string(in.text(storage::kMaxDisplayNameBytes));
  out.device_name = std::string(in.text(storage::kMaxDisplayNameBytes));
  out.asked = {in.integer()};
  out.state = read_state(in, PendingJoin::State::closed);
  out.reason = std::string(in.text(storage::kMaxReasonBytes));
  in.leave();
  if (!in.finish()) return std::unexpected(storage::malformed(N_("stored request to join")));
  return out;
}

Bytes encode(const KeptInvitation& kept) {
  CborWriter out;
  out.array(5).uint(kVersion);
  write_invitation(out, kept.invitation);
  out.integer(kept.made.seconds).uint(static_cast<std::uint64_t>(kept.state)).text(kept.applicant);
  return out.take();
}

Result<KeptInvitation> decode_kept(ByteView encoded) {
  CborReader in(encoded);
  KeptInvitation out;
  in.array_of(5);
  if (in.uint() != kVersion) in.reject();
  out.invitation = read_invitation(in);
  out.made = {in.integer()};
  out.state = read_state(in, KeptInvitation::State::revoked);
  out.applicant = std::string(in.text(kMaxApplicantBytes));
  in.leave();
  if (!in.finish()) return std::unexpected(storage::malformed(N_("stored invitation")));
  return out;
}

}  // namespace

Result<std::optional<Bytes>> ShareBook::load(std::string_view key) const {
  return database_.get(Table::state, as_bytes(key));
}

Result<void> ShareBook::save(std::string_view key, ByteView value) {
  return database_.put(Table::state, as_bytes(key), value, Durability::synced);
}

Result<void> ShareBook::remove(ByteView key) {
  storage::WriteBatch batch;
  batch.remove(Table::state, key);
  return database_.write(batch, Durability::synced);
}

Result<std::optional<std::string>> ShareBook::folder() const {
  BEFFROI_TRY(const auto stored, load(kFolder));
  if (!stored) return std::nullopt;
  return to_string(*stored);
}

Result<void> ShareBook::set_folder(const std::string& path) { return save(kFolder, as_bytes(path)); }

Result<std::optional<PendingJoin>> ShareBook::join() const {
  BEFFROI_TRY(const auto stored, load(kJoin));
  if (!stored) return std::nullopt;
  BEFFROI_TRY(auto out, decode_join(*stored));
  return std::optional(std::move(out));
}

Result<void> ShareBook::set_join(const PendingJoin& join) { return save(kJoin, encode(join)); }
Result<void> ShareBook::end_join() { return remove(as_bytes(kJoin)); }

Result<bool> ShareBook::peer_unaware() const {
  BEFFROI_TRY(const auto stored, load(kUnaware));
  return stored.has_value();
}

Result<void> ShareBook::set_peer_unaware(bool unaware) {
  return unaware ? save(kUnaware, Bytes{1}) : remove(as_bytes(kUnaware));
}

Result<bool> ShareBook::gone() const {
  BEFFROI_TRY(const auto stored, load(kGone));
  return stored.has_value();
}

Result<void> ShareBook::set_gone() { return save(kGone, Bytes{1}); }

Result<std::vector<KeptInvitation>> ShareBook::invitations() const {
  std::multimap<storage::UnixTime, KeptInvitation> by_time;
  Result<void> outcome;
  BEFFROI_CHECK(database_.scan(Table::state, as_bytes(kInvitations), [&](ByteView, ByteView value) {
    auto kept = decode_kept(value);
    if (kept)
      by_time.emplace(kept->made, std::move(*kept));
    else
      outcome = forward_error(kept);
    return outcome.has_value();
  }));
  if (!outcome) return forward_error(outcome);
  std::vector<KeptInvitation> out;
  for (auto& [made, kept] : by_time) out.push_back(std::move(kept));
  return out;
}

Result<void> ShareBook::make_room() {
  BEFFROI_TRY(const auto all, invitations());
  std::size_t kept = all.size();
  std::size_t open = 0;
  for (const KeptInvitation& old : all) {
    const bool is_open = old.state == KeptInvitation::State::open;
    open += is_open ? 1 : 0;
    if (is_open || kept < kMaxKeptInvitations) continue;
    BEFFROI_CHECK(drop(old.invitation));
    --kept;
  }
  if (open < kMaxOpenInvitations) return {};
  return fail(ErrorCode::limit_exceeded,
              N_("{} invitations to this space are open. Take one back that is not needed, then invite again."),
              std::to_string(open));
}

Result<void> ShareBook::keep(const KeptInvitation& kept) {
  const Bytes row = row_of(kept.invitation);
  BEFFROI_TRY(const bool known, database_.contains(Table::state, row));
  if (!known) BEFFROI_CHECK(make_room());
  return database_.put(Table::state, row, encode(kept), Durability::synced);
}

Result<void> ShareBook::drop(const storage::ShareInvitation& invitation) { return remove(row_of(invitation)); }

}  // namespace beffroi::daemon
