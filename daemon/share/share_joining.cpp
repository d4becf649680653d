#include "daemon/share/share_joining.h"

#include "daemon/share/share_state.h"

#include <spdlog/spdlog.h>
#include <unistd.h>

#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

std::string machine_name() {
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) != 0) return {};
  return storage::display_name(name.data());
}

/// A log that this vault's root founded for this device.
Result<storage::SpaceLog> founded_here(const Vault& vault, std::span<const Bytes> records) {
  BEFFROI_TRY(storage::SpaceLog log, storage::SpaceLog::from_records(records, std::nullopt));
  const storage::DeviceState* device = log.device(vault.device_id());
  if (log.kind() == storage::SpaceKind::share && log.root() == vault.log().root() && device != nullptr) return log;
  return fail(ErrorCode::refused, N_("These records found no space for this computer: the kit is of another vault."));
}

/// Until all went well, what is made is taken back.
asio::awaitable<void> take_back(StationContext& station, const SharePointer& share) {
  if (station.shares.control() != nullptr) co_await station.shares.control()->end(share->space);
  const auto removed = co_await station.work.run([&] { return station.shares.remove(share); });
  if (!removed) spdlog::warn("{}", removed.error().message());
}

asio::awaitable<Result<SharePointer>> add_share(StationContext& station, storage::SpaceId space,
                                                const crypto::DeviceKeys& keys, std::string folder) {
  BEFFROI_CO_TRY(SharePointer share,
                 co_await station.work.run([&] { return station.shares.add(space, keys, folder); }));
  if (station.shares.control() == nullptr) co_return share;
  const auto prepared = co_await station.shares.control()->prepare(folder, space);
  if (prepared) co_return share;
  co_await take_back(station, share);
  co_return forward_error(prepared);
}

void begin(StationContext& station, const SharePointer& share) {
  spdlog::info("shared space {} is in {}", share->space.hex(), share->folder);
  if (station.shares.control() != nullptr) station.shares.control()->begin(share->space);
}

Result<void> found(Share& share, const PeerBinding& peer, std::span<const Bytes> records) {
  // The founding comes last: whatever is founded knows its peer.
  BEFFROI_CHECK(share.book.set_peer_unaware(true));
  BEFFROI_CHECK(share.vault->bind_peer(peer));
  return share.vault->found(records, storage::SpaceKind::share);
}

/// Over a session of the vault, whose organisation pays for the space.
asio::awaitable<Result<void>> tell_peer(StationContext& station, Share& share) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station));
  const auto records = share.vault->log().encoded();
  auto told = co_await link->found_share(records);
  co_await link->close();
  // An answer that was lost: it is there already.
  if (!told && told.error().code != ErrorCode::already_exists) co_return told;
  co_return co_await station.work.run([&] { return share.book.set_peer_unaware(false); });
}

asio::awaitable<Result<void>> leave_request(StationContext& station, const PendingJoin& join,
                                            const storage::JoinRequest& request) {
  const auto& invitation = join.invitation;
  const Bytes sealed = storage::seal_join_request(invitation, request, station.vault->device_keys().sign);
  BEFFROI_CO_TRY(const auto link,
                 co_await PeerLink::connect(station.connector, invitation.address, invitation.transport_seed(),
                                            invitation.peer, invitation.space));
  auto left = co_await link->leave_join_request(sealed);
  co_await link->close();
  co_return left;
}

Result<storage::JoinRequest> request_of(const StationContext& station, const PendingJoin& join) {
  return storage::join_request_of(station.vault->log(), station.vault->device_id(), join.identity_name,
                                  join.device_name);
}

/// A share for this invitation: the one that waits with it already, or a new one, in the place of one that waits with
/// another invitation.
asio::awaitable<Result<SharePointer>> share_for(StationContext& station, const storage::ShareInvitation& invitation,
                                                std::string folder) {
  if (SharePointer known = station.shares.find(invitation.space)) {
    if (known->joined()) co_return fail(ErrorCode::already_exists, N_("This computer is in the space already."));
    BEFFROI_CO_TRY(const auto join, co_await station.work.run([&] { return known->book.join(); }));
    if (join && join->invitation.transport_key() == invitation.transport_key() && known->folder == folder)
      co_return known;
    co_await take_back(station, known);
    // Its place is free only when nobody holds it.
    co_await let_go(station, known);
  }
  const auto keys = storage::with_preshared(station.vault->device_keys(), invitation.preshared());
  co_return co_await add_share(station, invitation.space, keys, std::move(folder));
}

asio::awaitable<Result<JoinAnswer>> ask_for_answer(StationContext& station, const PendingJoin& join) {
  const auto& invitation = join.invitation;
  const auto link = co_await PeerLink::connect(station.connector, invitation.address, invitation.transport_seed(),
                                               invitation.peer, invitation.space);
  // A door that was closed: the log says why.
  if (!link && link.error().code == ErrorCode::refused) co_return JoinAnswer{JoinAnswer::State::closed, {}};
  if (!link) co_return forward_error(link);
  auto answer = co_await (*link)->fetch_join_answer();
  co_await (*link)->close();
  if (!answer && answer.error().code == ErrorCode::refused) co_return JoinAnswer{JoinAnswer::State::closed, {}};
  co_return answer;
}

/// The log, when it has this device with keys; nullopt: not yet, or not at all.
asio::awaitable<Result<std::optional<std::vector<Bytes>>>> fetch_own_log(StationContext& station, const Share& share,
                                                                         const PendingJoin& join) {
  const auto& keys = share.vault->device_keys();
  const auto link = co_await PeerLink::connect(station.connector, join.invitation.address, keys.transport_seed,
                                               join.invitation.peer, share.space);
  if (!link && link.error().code == ErrorCode::refused) co_return std::nullopt;
  if (!link) co_return forward_error(link);
  auto records = co_await (*link)->fetch_log(0);
  co_await (*link)->close();
  if (!records && records.error().code == ErrorCode::refused) co_return std::nullopt;
  if (!records) co_return forward_error(records);
  BEFFROI_CO_TRY(const auto log,
                 co_await station.work.run([&] { return storage::SpaceLog::from_records(*records, share.space); }));
  const storage::DeviceState* own = log.device(keys.public_part().id());
  if (own == nullptr || own->removed || own->since > log.epoch()) co_return std::nullopt;
  co_return std::optional(std::move(*records));
}

asio::awaitable<Result<JoinState>> enter(StationContext& station, SharePointer share, const PendingJoin& join,
                                         std::vector<Bytes> records) {
  const PeerBinding peer{.peer = join.invitation.peer, .address = join.invitation.address};
  BEFFROI_CO_CHECK(co_await station.work.run([&]() -> Result<void> {
    BEFFROI_CHECK(share->vault->bind_peer(peer));
    BEFFROI_CHECK(share->vault->found(records, storage::SpaceKind::share));
    return share->book.end_join();
  }));
  begin(station, share);
  co_return JoinState::joined;
}

asio::awaitable<Result<JoinState>> note_end(StationContext& station, Share& share, PendingJoin join,
                                            PendingJoin::State state, std::string reason) {
  join.state = state;
  join.reason = std::move(reason);
  BEFFROI_CO_CHECK(co_await station.work.run([&] { return share.book.set_join(join); }));
  co_return state == PendingJoin::State::refused ? JoinState::refused : JoinState::closed;
}

asio::awaitable<void> look_after(StationContext& station, SharePointer share, bool with_log) {
  if (!share->joined()) {
    const auto looked = co_await look_after_join(station, share, with_log);
    if (!looked) spdlog::debug("join of {}: {}", share->space.hex(), looked.error().message());
    co_return;
  }
  const auto unaware = co_await station.work.run([&] { return share->book.peer_unaware(); });
  if (!unaware || !*unaware) co_return;
  const auto told = co_await tell_peer(station, *share);
  if (told) {
    station.clear_alarm(kShareAlarm + share->space.hex());
    begin(station, share);
  } else if (!is_passing(told.error().code))
    station.raise_alarm(kShareAlarm + share->space.hex(), told.error());
}

}  // namespace

asio::awaitable<Result<CreatedShare>> create_share(StationContext& station, std::vector<Bytes> records,
                                                   std::string folder) {
  BEFFROI_CO_CHECK(require_vault(station));
  const auto peer = station.vault->peer();
  if (!peer)
    co_return fail(ErrorCode::wrong_state,
                   N_("This station has not joined a peer. Ask for an invitation, then use 'beffroi join'."));
  BEFFROI_CO_TRY(const auto log, co_await station.work.run([&] { return founded_here(*station.vault, records); }));
  const auto& own = station.vault->device_keys();
  const auto keys = storage::with_preshared(own, storage::founder_preshared(own.preshared, log.space()));
  BEFFROI_CO_TRY(const SharePointer share, co_await add_share(station, log.space(), keys, std::move(folder)));
  auto outcome = co_await station.work.run([&] { return found(*share, *peer, records); });
  bool at_peer = false;
  if (outcome) {
    outcome = co_await tell_peer(station, *share);
    at_peer = outcome.has_value();
    if (!outcome && is_passing(outcome.error().code)) outcome = {};
  }
  if (!outcome) {
    co_await take_back(station, share);
    co_return forward_error(outcome);
  }
  if (at_peer) begin(station, share);
  co_return CreatedShare{share, at_peer};
}

asio::awaitable<Result<AskedToJoin>> ask_to_join(StationContext& station, JoinWish wish) {
  BEFFROI_CO_CHECK(require_vault(station));
  PendingJoin join{
      .invitation = {},
      .identity_name = storage::display_name(wish.identity_name.empty() ? station.vault->name() : wish.identity_name),
      .device_name = wish.device_name.empty() ? machine_name() : storage::display_name(wish.device_name),
      .asked = station.clock.now(),
      .reason = {}};
  BEFFROI_CO_TRY(join.invitation, storage::parse_share_invitation(wish.code));
  BEFFROI_CO_TRY(const auto request, request_of(station, join));
  BEFFROI_CO_TRY(const SharePointer share, co_await share_for(station, join.invitation, wish.folder));
  const auto note = [&]() -> Result<void> {
    LocalPaths local;
    if (wish.list_only) local.set({}, false);
    BEFFROI_CHECK(ShareState(share->vault->database()).set_local_paths(local));
    return share->book.set_join(join);
  };
  BEFFROI_CO_TRY(const auto before, co_await station.work.run([&] { return share->book.join(); }));
  // A request that was left before, and may be granted already, stays as it is when it can't be left once more.
  Result<void> outcome;
  if (!before) outcome = co_await station.work.run(note);
  if (outcome) outcome = co_await leave_request(station, join, request);
  // Somebody may have let it in meanwhile: then it has files, or none, as it was asked for before.
  if (outcome && before && !share->joined()) outcome = co_await station.work.run(note);
  if (!outcome) {
    if (!before) co_await take_back(station, share);
    co_return forward_error(outcome);
  }
  co_return AskedToJoin{share, words_text(join.invitation, request), join.identity_name, join.device_name};
}

std::string words_text(const storage::ShareInvitation& invitation, const storage::JoinRequest& request) {
  std::string out;
  for (const std::string_view word : storage::check_words(invitation, request)) {
    if (!out.empty()) out += ' ';
    out += word;
  }
  return out;
}

Result<std::string> words_of_join(const StationContext& station, const PendingJoin& join) {
  BEFFROI_TRY(const auto request, request_of(station, join));
  return words_text(join.invitation, request);
}

const char* join_state_name(JoinState state) {
  switch (state) {
    case JoinState::waiting:
      return "waiting";
    case JoinState::joined:
      return "joined";
    case JoinState::refused:
      return "refused";
    case JoinState::closed:
      break;
  }
  return "closed";
}

asio::awaitable<Result<JoinState>> look_after_join(StationContext& station, SharePointer share, bool with_log) {
  if (share->joined()) co_return JoinState::joined;
  BEFFROI_CO_TRY(auto join, co_await station.work.run([&] { return share->book.join(); }));
  if (!join) co_return JoinState::closed;
  if (join->state == PendingJoin::State::refused) co_return JoinState::refused;
  BEFFROI_CO_TRY(const JoinAnswer answer, co_await ask_for_answer(station, *join));
  const bool waits = answer.state == JoinAnswer::State::waiting;
  if (answer.state == JoinAnswer::State::refused) {
    BEFFROI_CO_TRY(std::string reason, storage::open_refusal(join->invitation, answer.refusal));
    co_return co_await note_end(station, *share, std::move(*join), PendingJoin::State::refused, std::move(reason));
  }
  if (waits && !with_log) co_return JoinState::waiting;
  BEFFROI_CO_TRY(auto records, co_await fetch_own_log(station, *share, *join));
  if (records) co_return co_await enter(station, share, *join, std::move(*records));
  if (waits) co_return JoinState::waiting;
  co_return co_await note_end(station, *share, std::move(*join), PendingJoin::State::closed, {});
}

asio::awaitable<void> keep_joining(StationContext& station) {
  std::uint32_t looks = 0;
  do {
    const bool with_log = ++looks % kLooksBeforeTheLog == 0;
    for (const SharePointer& share : station.shares.all()) co_await look_after(station, share, with_log);
  } while (co_await station.background.pause(kJoiningRound));
}

}  // namespace beffroi::daemon
