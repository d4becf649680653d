#include "daemon/station/recovery.h"

#include <spdlog/spdlog.h>

#include <algorithm>

#include "daemon/station/sync_job.h"

namespace beffroi::daemon {
namespace {

asio::awaitable<Result<std::vector<RecoveryMaterial::Head>>> all_heads(PeerLink& link) {
  std::vector<RecoveryMaterial::Head> out;
  BEFFROI_CO_TRY(const auto heads, co_await link.fetch_heads());
  for (const storage::BranchHead& head : heads) {
    BEFFROI_CO_TRY(auto commit, co_await link.fetch_commit(head.device, head.sequence));
    if (!commit)
      co_return fail(ErrorCode::corrupt, N_("The peer names a snapshot that it does not give. Call its operator."));
    out.push_back({head, std::move(*commit)});
  }
  co_return out;
}

std::unexpected<Error> has_vault() {
  return fail(ErrorCode::wrong_state, N_("This station has a vault already. Recover on a station that is empty."));
}

}  // namespace

asio::awaitable<Result<RecoveryMaterial>> Recovery::begin(RecoveryBeginning beginning) {
  if (station_.vault->founded()) co_return has_vault();
  drop();
  auto session = std::make_unique<Session>();
  session->beginning = std::move(beginning);
  const RecoveryBeginning& words = session->beginning;
  BEFFROI_CO_TRY(session->link, co_await PeerLink::connect(station_.connector, words.address, words.root_transport_seed,
                                                           words.expected, words.space));
  RecoveryMaterial out;
  out.peer = session->peer = session->link->peer();
  auto records = co_await session->link->fetch_log(0);
  if (!records && records.error().code == ErrorCode::usage)
    co_return fail(ErrorCode::usage,
                   N_("The peer knows several vaults with the key of this kit. Recover again and give the line "
                      "\"Space\" of the sheet."));
  BEFFROI_CO_TRY(out.records, std::move(records));
  BEFFROI_CO_TRY(out.heads, co_await all_heads(*session->link));
  BEFFROI_CO_TRY(out.newest_receipt, co_await session->link->fetch_newest_receipt());
  BEFFROI_CO_TRY(out.device_request, co_await station_.work.run([this]() -> Result<crypto::SecretBytes> {
    BEFFROI_TRY(const auto request, station_.vault->device_request());
    return request.encode();
  }));
  session->records = out.records;
  session->number = ++sessions_;
  session_ = std::move(session);
  station_.background.spawn(drop_later(session_->number));
  spdlog::info("recovery: the peer gave {} records and {} branches", out.records.size(), out.heads.size());
  co_return out;
}

asio::awaitable<void> Recovery::drop_later(std::uint64_t number) {
  co_await station_.background.pause(kRecoveryPatience);
  if (session_ && session_->number == number) drop();
}

asio::awaitable<Result<void>> Recovery::append_missing(PeerLink& link, const std::vector<Bytes>& all) {
  BEFFROI_CO_TRY(const auto there, co_await link.fetch_log(0));
  // A line that was cut in the middle may have brought some of them already.
  if (there.size() > all.size() || !std::equal(there.begin(), there.end(), all.begin()))
    co_return fail(ErrorCode::conflict, N_("The vault has changed at the peer meanwhile. Begin the recovery again."));
  for (std::size_t i = there.size(); i < all.size(); ++i) BEFFROI_CO_CHECK(co_await link.append_record(all[i]));
  co_return Result<void>{};
}

asio::awaitable<Result<void>> Recovery::bring_to_peer(Session& session, const std::vector<Bytes>& all) {
  auto appended = co_await append_missing(*session.link, all);
  if (!appended && is_passing(appended.error().code) && appended.error().code != ErrorCode::conflict) {
    BEFFROI_CO_TRY(session.link, co_await PeerLink::connect(station_.connector, session.beginning.address,
                                                            session.beginning.root_transport_seed, session.peer,
                                                            session.beginning.space));
    appended = co_await append_missing(*session.link, all);
  }
  co_return appended;
}

asio::awaitable<Result<std::uint64_t>> Recovery::fetch_all(Progress& progress) {
  BEFFROI_CO_TRY(const auto link, co_await connect_to_peer(station_));
  auto fetched = co_await link->fetch_trees(*station_.vault, station_.work, progress);
  co_await link->close();
  co_return fetched;
}

asio::awaitable<Result<void>> Recovery::finish(std::vector<Bytes> new_records, std::shared_ptr<Progress> progress) {
  if (station_.vault->founded()) co_return has_vault();
  if (!session_)
    co_return fail(ErrorCode::wrong_state, N_("No recovery is under way, or it took too long: begin again."));
  const std::unique_ptr<Session> session = std::move(session_);
  progress->phase = Phase::fetching;
  std::vector<Bytes> all = session->records;
  for (Bytes& record : new_records) all.push_back(std::move(record));
  BEFFROI_CO_CHECK(co_await bring_to_peer(*session, all));
  co_await session->link->close();
  session->beginning.root_transport_seed = {};
  const PeerBinding binding{.peer = session->peer, .address = session->beginning.address};
  BEFFROI_CO_CHECK(co_await station_.work.run([this, &binding, &all]() -> Result<void> {
    // Before the founding, so that a power cut in between leaves nothing founded that does not know its peer.
    BEFFROI_CHECK(station_.vault->bind_peer(binding));
    station_.state.set_trees_missing(true);
    BEFFROI_CHECK(station_.vault->found(all));
    station_.state.set_founded_at(station_.clock.now());
    station_.state.set_joined_at(station_.clock.now());
    return {};
  }));
  co_await station_.refresh_facts();
  const auto fetched = co_await fetch_all(*progress);
  if (!fetched && fetched.error().code == ErrorCode::corrupt) station_.raise_alarm(kPeerAlarm, fetched.error());
  if (!fetched)
    co_return fail(fetched.error().code,
                   N_("The vault is back, but not all of its snapshots: {} 'beffroi sync' goes on with it."),
                   fetched.error().message());
  tell_missing(station_, *fetched);
  co_await station_.work.run([this] {
    station_.state.set_trees_missing(false);
    return true;
  });
  co_await station_.refresh_facts();
  co_return Result<void>{};
}

}  // namespace beffroi::daemon
