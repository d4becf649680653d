#include "daemon/share/inviting.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <sstream>

#include "crypto/kit.h"
#include "daemon/share/share_joining.h"

namespace beffroi::daemon {
namespace {

using State = KeptInvitation::State;

constexpr std::size_t kMinPrefixDigits = 4;
constexpr std::int64_t kMinInvitationS = 60;
constexpr std::int64_t kDayS = 24LL * 3600;

std::string id_of(const storage::ShareInvitation& invitation) { return invitation.transport_key().hex(); }

const char* state_name(const KeptInvitation& kept, storage::UnixTime now) {
  switch (kept.state) {
    case State::used:
      return "used";
    case State::refused:
      return "refused";
    case State::revoked:
      return "revoked";
    case State::open:
      break;
  }
  return kept.invitation.expires <= now ? "expired" : "open";
}

InvitationFacts facts_of(const KeptInvitation& kept, storage::UnixTime now) {
  return {.id = id_of(kept.invitation),
          .role = kept.invitation.role,
          .made = kept.made,
          .expires = kept.invitation.expires,
          .state = state_name(kept, now),
          .applicant = kept.applicant};
}

Result<KeptInvitation> find_kept(const Share& share, const std::string& id) {
  BEFFROI_TRY(auto all, share.book.invitations());
  std::erase_if(all, [&](const KeptInvitation& kept) { return !id_of(kept.invitation).starts_with(id); });
  if (id.size() < kMinPrefixDigits || all.empty())
    return fail(ErrorCode::not_found,
                N_("This computer has made no invitation {} to this space. 'beffroi space invitations' lists them."),
                id);
  if (all.size() > 1) return fail(ErrorCode::usage, N_("Several invitations begin with {}. Give more digits."), id);
  return std::move(all.front());
}

KeptInvitation copy_of(const KeptInvitation& kept) {
  const storage::ShareInvitation& from = kept.invitation;
  return {.invitation = {.address = from.address,
                         .peer = from.peer,
                         .space = from.space,
                         .token = from.token.clone(),
                         .role = from.role,
                         .expires = from.expires,
                         .check = from.check},
          .made = kept.made,
          .state = kept.state,
          .applicant = kept.applicant};
}

/// As people write them: case, accents and blanks are forgiven, and what else the kit's words forgive.
bool same_words(const std::string& typed, const std::string& right) {
  std::istringstream left(typed), expected(right);
  std::string a, b;
  while (expected >> b) {
    if (!(left >> a)) return false;
    const auto index = crypto::kit_word_index(a);
    if (!index || index != crypto::kit_word_index(b)) return false;
  }
  return !(left >> a);
}

/// A request with what only the station that made its invitation knows of it.
struct Opened {
  RequestFacts facts;
  std::optional<KeptInvitation> kept;
  std::optional<storage::JoinRequest> request;
};

void open_with(const Share& share, const KeptInvitation& kept, ByteView sealed, storage::UnixTime now, Opened& out) {
  out.facts.role = kept.invitation.role;
  auto request = storage::open_join_request(kept.invitation, sealed);
  if (!request) {
    out.facts.problem = request.error();
    return;
  }
  out.facts.identity_name = request->identity_name;
  out.facts.device_name = request->device_name;
  out.facts.device = request->device.id().hex();
  out.facts.words = words_text(kept.invitation, *request);
  const storage::SpaceLog log = share.vault->log();
  const auto member = log.members().find(request->root.sign);
  out.facts.known = member != log.members().end() && !member->second.removed;
  const auto access = storage::open_access(log, share.vault->device_keys());
  if (!access) {
    out.facts.problem = access.error();
  } else if (const auto usable = storage::check_usable(kept.invitation, access->current.preshared, now); !usable) {
    out.facts.problem = usable.error();
  }
  out.request = std::move(*request);
}

Result<Opened> open_request(const Share& share, const std::vector<KeptInvitation>& invitations,
                            const WaitingRequest& waiting, storage::UnixTime now) {
  Opened out;
  out.facts.id = waiting.invitation.hex();
  out.facts.received = waiting.received;
  const auto made = std::ranges::find_if(
      invitations, [&](const auto& kept) { return kept.invitation.transport_key() == waiting.invitation; });
  out.facts.mine = made != invitations.end();
  if (!out.facts.mine) return out;
  open_with(share, *made, waiting.sealed, now, out);
  out.kept = copy_of(*made);
  return out;
}

Result<std::vector<Opened>> open_requests(const Share& share, const std::vector<WaitingRequest>& waiting,
                                          storage::UnixTime now) {
  BEFFROI_TRY(const auto invitations, share.book.invitations());
  std::vector<Opened> out;
  for (const WaitingRequest& one : waiting) {
    BEFFROI_TRY(out.emplace_back(), open_request(share, invitations, one, now));
  }
  return out;
}

asio::awaitable<Result<std::vector<Opened>>> fetch_requests(StationContext& station, const Share& share,
                                                            PeerLink& link) {
  BEFFROI_CO_CHECK(co_await link.exchange_state(*share.vault, station.work));
  BEFFROI_CO_TRY(const auto waiting, co_await link.fetch_join_requests());
  co_return co_await station.work.run([&] { return open_requests(share, waiting, station.clock.now()); });
}

asio::awaitable<Result<Opened>> fetch_request(StationContext& station, const Share& share, PeerLink& link,
                                              std::string id) {
  BEFFROI_CO_TRY(auto all, co_await fetch_requests(station, share, link));
  std::erase_if(all, [&](const Opened& opened) { return !opened.facts.id.starts_with(id); });
  if (id.size() < kMinPrefixDigits || all.empty())
    co_return fail(ErrorCode::not_found,
                   N_("Nobody waits under {} to be let in. 'beffroi space requests' shows who waits."), id);
  if (all.size() > 1) co_return fail(ErrorCode::usage, N_("Several requests begin with {}. Give more digits."), id);
  co_return std::move(all.front());
}

Result<void> check_words_of(const Opened& opened, const std::string& words) {
  if (!opened.facts.mine)
    return fail(ErrorCode::refused, N_("Another manager has made this invitation: only the computer on which it was "
                                       "made can let somebody in with it."));
  if (!opened.request) return std::unexpected(*opened.facts.problem);
  if (same_words(words, opened.facts.words)) return {};
  return fail(ErrorCode::refused, N_("These are not the six words of this request. Nobody was let in: compare them "
                                     "once more by telephone, and refuse the request if they differ."));
}

/// The peer need not keep its door open any longer; when it can't be told, the door closes by itself.
asio::awaitable<void> close_door(PeerLink& link, crypto::TransportPublicKey key) {
  const auto closed = co_await link.close_share_invitation(key, std::nullopt);
  if (!closed) spdlog::warn("an invitation that was used stays open at the peer: {}", closed.error().message());
}

asio::awaitable<Result<Opened>> look_up(StationContext& station, Share& share, std::string id, std::string words) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, share));
  auto opened = co_await fetch_request(station, share, *link, std::move(id));
  co_await link->close();
  if (opened) BEFFROI_CO_CHECK(check_words_of(*opened, words));
  co_return opened;
}

/// Keeps how it ended, and closes the door.
asio::awaitable<Result<void>> end_invitation(StationContext& station, Share& share, KeptInvitation kept, State state,
                                             std::optional<Bytes> refusal) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, share));
  auto closed = co_await link->close_share_invitation(kept.invitation.transport_key(), std::move(refusal));
  co_await link->close();
  // An invitation that the peer knows no more is closed.
  if (!closed && closed.error().code != ErrorCode::not_found) co_return closed;
  kept.state = state;
  co_return co_await station.work.run([&] { return share.book.keep(kept); });
}

}  // namespace

asio::awaitable<Result<MadeInvitation>> invite_to_share(StationContext& station, SharePointer share, storage::Role role,
                                                        std::int64_t seconds) {
  if (seconds < kMinInvitationS || seconds > kMaxInvitationDays * kDayS)
    co_return fail(ErrorCode::usage, N_("An invitation is good for a minute at least, and for {} days at most."),
                   std::to_string(kMaxInvitationDays));
  BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, *share));
  BEFFROI_CO_CHECK(require_manager(*share));
  const auto binding = share->vault->peer();
  const storage::UnixTime now = station.clock.now();
  KeptInvitation kept{.invitation = {.address = binding->address,
                                     .peer = binding->peer,
                                     .space = share->space,
                                     .token = crypto::SecretBytes::random(storage::kShareTokenBytes, station.random),
                                     .role = role,
                                     .expires = {now.seconds + seconds}},
                      .made = now,
                      .applicant = {}};
  // Kept first: a door that is open at the peer always has somebody who knows of it.
  BEFFROI_CO_CHECK(co_await station.work.run([&] { return share->book.keep(kept); }));
  const auto opened = co_await link->open_share_invitation(kept.invitation.transport_key(), kept.invitation.expires);
  co_await link->close();
  if (!opened) {
    BEFFROI_CO_CHECK(co_await station.work.run([&] { return share->book.drop(kept.invitation); }));
    co_return forward_error(opened);
  }
  co_return MadeInvitation{facts_of(kept, now), storage::share_invitation_code(kept.invitation)};
}

Result<std::vector<InvitationFacts>> invitations_of(const Share& share, storage::UnixTime now) {
  BEFFROI_TRY(const auto all, share.book.invitations());
  std::vector<InvitationFacts> out;
  for (const KeptInvitation& kept : all) out.push_back(facts_of(kept, now));
  return out;
}

asio::awaitable<Result<InvitationFacts>> revoke_invitation(StationContext& station, SharePointer share,
                                                           std::string id) {
  BEFFROI_CO_TRY(KeptInvitation kept, co_await station.work.run([&] { return find_kept(*share, id); }));
  if (kept.state == State::used)
    co_return fail(ErrorCode::wrong_state,
                   N_("This invitation was used. 'beffroi space remove' takes out who came with "
                      "it."));
  kept.state = State::revoked;
  const InvitationFacts facts = facts_of(kept, station.clock.now());
  BEFFROI_CO_CHECK(co_await end_invitation(station, *share, std::move(kept), State::revoked, std::nullopt));
  co_return facts;
}

asio::awaitable<Result<std::vector<RequestFacts>>> requests_of(StationContext& station, SharePointer share) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_share(station, *share));
  BEFFROI_CO_CHECK(require_manager(*share));
  const auto all = co_await fetch_requests(station, *share, *link);
  co_await link->close();
  if (!all) co_return forward_error(all);
  std::vector<RequestFacts> out;
  for (const Opened& opened : *all) out.push_back(opened.facts);
  co_return out;
}

asio::awaitable<Result<RequestFacts>> confirm_request(StationContext& station, SharePointer share, std::string id,
                                                      std::string words) {
  BEFFROI_CO_TRY(const Opened opened, co_await look_up(station, *share, std::move(id), std::move(words)));
  BEFFROI_CO_CHECK(require_manager(*share));
  const storage::JoinRequest& applicant = *opened.request;
  const storage::DeviceId device = applicant.device.id();
  Vault& vault = *share->vault;
  const auto admit = [&](const storage::SpaceLog& log) -> Result<std::vector<Bytes>> {
    const storage::UnixTime now = station.clock.now();
    BEFFROI_TRY(const auto access, storage::open_access(log, vault.device_keys()));
    // An admission that was cut short has the secret in no epoch yet, so this holds for it as well.
    BEFFROI_CHECK(storage::check_usable(opened.kept->invitation, access.current.preshared, now));
    const storage::Admission admission{opened.kept->invitation.role, opened.kept->invitation.preshared()};
    return storage::admit_member(log, vault.device_keys(), applicant, admission, now, station.random);
  };
  BEFFROI_CO_CHECK(co_await change_share(
      station, *share, storage::WantsAdmission{applicant.root.sign, device, opened.facts.role}, admit));
  KeptInvitation used = copy_of(*opened.kept);
  used.state = State::used;
  used.applicant = applicant.identity_name + ", " + applicant.device_name;
  BEFFROI_CO_CHECK(co_await station.work.run([&] { return share->book.keep(used); }));
  if (const auto link = co_await connect_to_share(station, *share)) {
    co_await close_door(**link, used.invitation.transport_key());
    co_await (*link)->close();
  }
  co_return opened.facts;
}

asio::awaitable<Result<InvitationFacts>> refuse_request(StationContext& station, SharePointer share, std::string id,
                                                        std::string reason) {
  BEFFROI_CO_CHECK(require_manager(*share));
  BEFFROI_CO_TRY(KeptInvitation kept, co_await station.work.run([&] { return find_kept(*share, id); }));
  if (kept.state == State::used)
    co_return fail(ErrorCode::wrong_state,
                   N_("This invitation was used. 'beffroi space remove' takes out who came with "
                      "it."));
  kept.state = State::refused;
  const InvitationFacts facts = facts_of(kept, station.clock.now());
  Bytes refusal = storage::seal_refusal(kept.invitation, reason);
  BEFFROI_CO_CHECK(co_await end_invitation(station, *share, std::move(kept), State::refused, std::move(refusal)));
  co_return facts;
}

}  // namespace beffroi::daemon
