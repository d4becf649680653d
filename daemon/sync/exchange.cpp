// Bringing the two sides' knowledge together, and noticing a peer that goes back or shows another log.
#include <spdlog/spdlog.h>

#include <map>

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::BranchHead;
using storage::SpaceLog;

// Somebody else may append while we do; more often than this, something is wrong.
constexpr int kAppendTries = 4;
constexpr int kExchangeTries = 4;

std::unexpected<Error> rolled_back(std::string shown, std::string signed_before) {
  return fail(
      ErrorCode::corrupt,
      N_("The peer shows an older state ({}) than it had signed before ({}). Nothing here was changed. Ask the EPCI "
         "what happened to its server."),
      std::move(shown), std::move(signed_before));
}

std::unexpected<Error> other_log(std::size_t position) {
  return fail(
      ErrorCode::corrupt,
      N_("The peer shows another log of this space than the one known here: they part at record {}. Nothing here "
         "was changed. Ask the EPCI what happened to its server."),
      std::to_string(position));
}

std::unexpected<Error> other_branch(storage::SpaceKind kind) {
  if (kind == storage::SpaceKind::share)
    return fail(ErrorCode::corrupt,
                N_("The others have changes of this computer that it does not know: it was put back to an older state. "
                   "Run 'beffroi recover' on it, then have yourself invited to this space again. The folder keeps its "
                   "files."));
  return fail(ErrorCode::corrupt,
              N_("The peer has snapshots of this station that the station does not know: it was put back to an older "
                 "state. Run 'beffroi recover' on it."));
}

// The first record that the peer's log and ours do not share; ours agrees before it.
std::size_t parting(const SpaceLog& local, std::span<const Bytes> remote, std::size_t from) {
  std::size_t at = from;
  for (const Bytes& record : remote) {
    if (at >= local.encoded().size() || local.encoded()[at] != record) break;
    ++at;
  }
  return at;
}

class StateExchange {
 public:
  StateExchange(LinkSession& session, Vault& vault, Pool& pool) : session_(session), vault_(vault), pool_(pool) {}

  /// Others may write while it goes on, and what is asked for later may rest on what they wrote since.
  asio::awaitable<Result<void>> run() {
    auto outcome = co_await run_once();
    for (int i = 1; i < kExchangeTries && !outcome && outcome.error().code == ErrorCode::conflict; ++i)
      outcome = co_await run_once();
    co_return outcome;
  }

 private:
  asio::awaitable<Result<void>> run_once() {
    BEFFROI_CO_CHECK(co_await take_losses(session_, vault_, pool_));
    // First, and judged last: by all that the peer can have decided by.
    BEFFROI_CO_TRY(const ShownExpiries expiries, co_await fetch_new_expiries(session_, vault_, pool_));
    BEFFROI_CO_CHECK(co_await exchange_log());
    BEFFROI_CO_CHECK(co_await take_commits());
    const auto heads = co_await pool_.run([&] { return vault_.store().heads(); });
    if (!heads) co_return forward_error(heads);
    BEFFROI_CO_CHECK(co_await take_receipts(session_, vault_, pool_));
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return take_expiries(vault_, expiries); }));
    co_return co_await pool_.run([&] { return check_named_receipts(vault_, *heads); });
  }

  asio::awaitable<Result<void>> exchange_log() {
    for (int i = 0; i < kAppendTries; ++i) {
      const SpaceLog local = vault_.log();
      const std::size_t known = local.encoded().size();
      BEFFROI_CO_TRY(LogMessage remote, co_await get_log(known - 1));
      if (remote.length >= known) co_return co_await take_records(local, std::move(remote));
      const auto offered = co_await offer_records(local, remote.length);
      if (offered || offered.error().code != ErrorCode::conflict) co_return offered;
    }
    co_return fail(ErrorCode::conflict, N_("The log of the space has changed meanwhile: try again."));
  }

  asio::awaitable<Result<LogMessage>> get_log(std::uint64_t from) {
    Message request(LogGetMessage{from});
    co_return co_await session_.call<LogMessage>(std::move(request));
  }

  // The peer's log is at least as long: it begins with our head.
  asio::awaitable<Result<void>> take_records(const SpaceLog& local, LogMessage remote) {
    const std::size_t known = local.encoded().size();
    if (remote.records.empty() || remote.records.front() != local.encoded().back())
      co_return co_await name_the_parting(local);
    std::vector<Bytes> records(remote.records.begin() + 1, remote.records.end());
    std::size_t bytes = counted_bytes(records);
    while (known + records.size() < remote.length) {
      BEFFROI_CO_TRY(LogMessage more, co_await get_log(known + records.size()));
      if (more.records.empty()) co_return std::unexpected(session_.unexpected_answer());
      bytes += counted_bytes(more.records);
      if (bytes > kMaxFetchedLogBytes) co_return std::unexpected(log_too_long());
      for (Bytes& record : more.records) records.push_back(std::move(record));
    }
    if (records.empty()) co_return Result<void>();
    co_return co_await pool_.run([&] { return vault_.append_records(records); });
  }

  // The peer's log is shorter. What it signed for must be in it; the rest it has not heard of yet.
  asio::awaitable<Result<void>> offer_records(const SpaceLog& local, std::uint64_t length) {
    const auto receipt = vault_.newest_receipt();
    const auto signed_at = receipt ? local.position(receipt->log_head) : std::nullopt;
    if (length == 0 || (signed_at && length <= *signed_at))
      co_return rolled_back("log " + std::to_string(length), "log " + std::to_string(signed_at.value_or(0) + 1));
    BEFFROI_CO_TRY(const LogMessage last, co_await get_log(length - 1));
    if (last.records.empty() || last.records.front() != local.encoded()[length - 1])
      co_return co_await name_the_parting(local);
    for (std::size_t at = length; at < local.encoded().size(); ++at) {
      Message request(LogAppendMessage{local.encoded()[at]});
      BEFFROI_CO_CHECK(co_await session_.call<OkMessage>(std::move(request)));
    }
    co_return Result<void>();
  }

  asio::awaitable<Result<void>> name_the_parting(const SpaceLog& local) {
    std::size_t at = 0;
    while (true) {
      BEFFROI_CO_TRY(const LogMessage remote, co_await get_log(at));
      const std::size_t end = parting(local, remote.records, at);
      if (remote.records.empty() || end < at + remote.records.size()) co_return other_log(end);
      at = end;
    }
  }

  asio::awaitable<Result<void>> take_commits() {
    const auto known = co_await pool_.run([&] { return read_known(); });
    if (!known) co_return forward_error(known);
    Message request(HeadsGetMessage{});
    BEFFROI_CO_TRY(const HeadsMessage answer, co_await session_.call<HeadsMessage>(std::move(request)));
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return check_own_branch(*known, answer.heads); }));
    for (const BranchHead& head : answer.heads) {
      if (head.device == vault_.device_id()) continue;
      BEFFROI_CO_CHECK(co_await adopt_branch(session_, vault_, pool_, head));
    }
    co_return check_other_branches(*known, answer.heads);
  }

  // Read before the peer is asked: what another session of this station learns meanwhile (a check runs beside a push),
  // the answer need not show.
  struct Known {
    std::uint64_t receipted = 0;  ///< of our branch: last_receipted()
    std::vector<BranchHead> heads;
  };
  Result<Known> read_known() const {
    Known out;
    BEFFROI_TRY(out.receipted, last_receipted(vault_.device_id()));
    BEFFROI_TRY(out.heads, vault_.store().heads());
    return out;
  }

  Result<void> check_own_branch(const Known& known, const std::vector<BranchHead>& heads) const {
    const DeviceId me = vault_.device_id();
    const auto shown = std::find_if(heads.begin(), heads.end(), [&](const auto& head) { return head.device == me; });
    const std::uint64_t sequence = shown == heads.end() ? 0 : shown->sequence;
    if (sequence < known.receipted)
      return rolled_back("snapshot " + std::to_string(sequence), "snapshot " + std::to_string(known.receipted));
    if (sequence == 0) return {};
    BEFFROI_TRY(const auto ours, vault_.store().branch_commit(me, sequence));
    if (ours != shown->commit) return other_branch(vault_.log().kind());
    return {};
  }

  // Sequence number of the newest commit of our branch that has a receipt; 0: none.
  Result<std::uint64_t> last_receipted(const DeviceId& me) const {
    BEFFROI_TRY(const auto head, vault_.store().branch_head(me));
    for (std::uint64_t sequence = head ? head->sequence : 0; sequence > 0; --sequence) {
      BEFFROI_TRY(const auto commit, vault_.store().branch_commit(me, sequence));
      if (!commit) continue;
      BEFFROI_TRY(const auto receipt, vault_.store().receipt_of(*commit));
      if (receipt) return sequence;
    }
    return 0;
  }

  // Every branch that was known here must still be there.
  Result<void> check_other_branches(const Known& known, const std::vector<BranchHead>& heads) const {
    for (const BranchHead& ours : known.heads) {
      if (ours.device == vault_.device_id()) continue;
      const auto shown =
          std::find_if(heads.begin(), heads.end(), [&](const auto& head) { return head.device == ours.device; });
      const std::uint64_t sequence = shown == heads.end() ? 0 : shown->sequence;
      if (sequence < ours.sequence)
        return rolled_back("snapshot " + std::to_string(sequence), "snapshot " + std::to_string(ours.sequence));
      if (sequence == ours.sequence && shown->commit != ours.commit)
        return rolled_back(shown->commit.hex(), ours.commit.hex());
    }
    return {};
  }

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
};

// Does the peer's log go on behind this one by now? Only a record that follows proves it.
asio::awaitable<Result<bool>> log_goes_on(LinkSession& session, const SpaceLog& log) {
  Message request(LogGetMessage{log.encoded().size() - 1});
  BEFFROI_CO_TRY(const LogMessage remote, co_await session.call<LogMessage>(std::move(request)));
  if (remote.records.size() < 2 || remote.records.front() != log.encoded().back()) co_return false;
  SpaceLog longer = log;
  co_return longer.append(remote.records[1]).has_value();
}

// Takes what is new in one device's branch.
class BranchAdoption {
 public:
  BranchAdoption(LinkSession& session, Vault& vault, Pool& pool, const SpaceLog& log, const BranchHead& head)
      : session_(session), vault_(vault), pool_(pool), log_(log), head_(head) {}

  asio::awaitable<Result<void>> run() {
    BEFFROI_CO_TRY(const auto known, co_await known_head());
    std::uint64_t next = known ? known->sequence + 1 : 1;
    std::optional<storage::CommitId> before;
    if (known) before = known->commit;
    while (next <= head_.sequence) {
      BEFFROI_CO_TRY(const std::vector<Bytes> commits, co_await get_commits(next));
      for (const Bytes& encoded : commits) {
        BEFFROI_CO_TRY(const storage::Commit commit, storage::decode_commit(encoded));
        // Else a peer could hide the commits before it for ever, or keep us busy with one and the same.
        if (!is_in_place(commit, next, before)) co_return misplaced(commit);
        const auto adopted = co_await adopt(encoded);
        if (!adopted && adopted.error().code == ErrorCode::refused) co_return Result<void>();
        if (!adopted && adopted.error().code == ErrorCode::conflict) co_return co_await name_the_hidden_log();
        if (!adopted) co_return adopted;
        before = commit.id;
        ++next;
      }
    }
    co_return Result<void>();
  }

  // The log names commits up to which the branch counts. Only what leads to them is taken: whoever holds the keys of a
  // device that lost a right can still sign other commits with the numbers before it. False: the branch that is shown
  // does not lead there. `ends`: at least one.
  asio::awaitable<Result<bool>> run_to_the_ends(const std::map<std::uint64_t, storage::CommitId>& ends) {
    const std::uint64_t last = ends.rbegin()->first;
    BEFFROI_CO_TRY(const auto known, co_await known_head());
    std::uint64_t next = known ? known->sequence + 1 : 1;
    if (next > last) co_return true;
    if (head_.sequence < last) co_return ignored();
    std::optional<storage::CommitId> before;
    if (known) before = known->commit;
    // Only ids are kept, and the commits fetched once more: a branch can be longer than our memory.
    std::vector<storage::CommitId> branch;
    while (next <= last) {
      BEFFROI_CO_TRY(const std::vector<Bytes> commits, co_await get_commits(next));
      for (const Bytes& encoded : commits) {
        if (next > last) break;
        const auto commit = storage::decode_commit(encoded);
        if (!commit || !continues(*commit, next, before)) co_return ignored();
        const auto end = ends.find(next);
        if (end != ends.end() && end->second != commit->id) co_return ignored();
        before = commit->id;
        branch.push_back(commit->id);
        ++next;
      }
    }
    BEFFROI_CO_CHECK(co_await adopt_all(branch, next - branch.size()));
    co_return true;
  }

 private:
  // The commits with these ids, from the number `first` on.
  asio::awaitable<Result<void>> adopt_all(std::span<const storage::CommitId> branch, std::uint64_t first) {
    while (!branch.empty()) {
      BEFFROI_CO_TRY(const std::vector<Bytes> commits, co_await get_commits(first));
      for (const Bytes& encoded : commits) {
        if (branch.empty()) break;
        BEFFROI_CO_TRY(const storage::Commit commit, storage::decode_commit(encoded));
        if (commit.id != branch.front()) co_return misplaced(commit);
        BEFFROI_CO_CHECK(co_await adopt(encoded));
        branch = branch.subspan(1);
        ++first;
      }
    }
    co_return Result<void>();
  }

  asio::awaitable<Result<std::optional<BranchHead>>> known_head() {
    co_return co_await pool_.run([&] { return vault_.store().branch_head(head_.device); });
  }

  asio::awaitable<Result<std::vector<Bytes>>> get_commits(std::uint64_t from) {
    Message request(BranchGetMessage{head_.device, from});
    BEFFROI_CO_TRY(CommitsMessage answer, co_await session_.call<CommitsMessage>(std::move(request)));
    if (answer.commits.empty()) co_return std::unexpected(session_.unexpected_answer());
    co_return std::move(answer.commits);
  }

  asio::awaitable<Result<void>> adopt(const Bytes& encoded) {
    co_return co_await pool_.run([&] { return vault_.adopt_commit(encoded); });
  }

  bool is_in_place(const storage::Commit& commit, std::uint64_t sequence,
                   const std::optional<storage::CommitId>& before) const {
    const auto& clear = commit.clear;
    if (clear.device != head_.device || clear.sequence != sequence) return false;
    return !before || std::find(clear.parents.begin(), clear.parents.end(), *before) != clear.parents.end();
  }

  // Signature included, so that the peer alone can't make up a branch without end.
  bool continues(const storage::Commit& commit, std::uint64_t sequence,
                 const std::optional<storage::CommitId>& before) const {
    return is_in_place(commit, sequence, before) && log_.accepts(commit);
  }

  std::unexpected<Error> misplaced(const storage::Commit& commit) const {
    return fail(ErrorCode::corrupt,
                N_("The peer shows the snapshot {} in a place of device {}'s branch where it does not belong. Ask the "
                   "EPCI what happened to its server."),
                commit.id.hex(), head_.device.hex());
  }

  bool ignored() const {
    spdlog::warn(
        "nothing is taken of the device {}, which lost the right to write: its branch at the peer does not lead to its "
        "last valid snapshot",
        head_.device.hex().substr(0, 12));
    return false;
  }

  // A snapshot under a log record that is not known here, after the logs were compared: either the log has grown in
  // between, or the peer keeps a part of it back.
  asio::awaitable<Result<void>> name_the_hidden_log() {
    BEFFROI_CO_TRY(const bool goes_on, co_await log_goes_on(session_, log_));
    if (goes_on) co_return fail(ErrorCode::conflict, N_("The log of the space has changed meanwhile: try again."));
    co_return fail(ErrorCode::corrupt,
                   N_("The peer shows snapshots of device {} that were made under a log which it hides. Nothing more "
                      "was taken from it. Ask the EPCI what happened to its server."),
                   head_.device.hex());
  }

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
  const SpaceLog& log_;
  const BranchHead& head_;
};

// The commits that records name as the last ones that count, by their numbers. A later record that names an earlier
// commit takes back what the ones before it had left.
std::map<std::uint64_t, storage::CommitId> branch_ends(const storage::DeviceState& author) {
  std::map<std::uint64_t, storage::CommitId> out;
  const auto end_at = [&](const std::optional<storage::CommitId>& commit, std::uint64_t sequence) {
    out.erase(out.lower_bound(commit ? sequence : 0), out.end());
    if (commit) out.emplace(sequence, *commit);
  };
  for (const auto& cut : author.cuts) end_at(cut.commit, cut.sequence);
  if (author.removed) end_at(author.last_valid_commit, author.last_valid_sequence);
  return out;
}

// The receipts that the peer said it had when it declared its last loss; 0 without one.
Result<std::uint64_t> counter_of_last_loss(Vault& vault) {
  BEFFROI_TRY(const auto losses, vault.store().losses());
  return losses.empty() ? 0 : losses.back().receipts.head.counter;
}

// The numbers are ours to count: a peer that repeats or skips some could keep us busy without end.
Result<void> accept_receipt_number(Vault& vault, const Bytes& encoded, std::uint64_t counter) {
  const auto binding = vault.peer();
  if (!binding) return fail(ErrorCode::wrong_state, N_("This station has not joined a peer."));
  BEFFROI_TRY(const storage::Receipt receipt, storage::decode_receipt(encoded, binding->peer.sign));
  if (receipt.counter != counter)
    return fail(
        ErrorCode::corrupt,
        N_("The peer shows its receipt {} in the place of number {}. Ask the EPCI what happened to its server."),
        std::to_string(receipt.counter), std::to_string(counter));
  return vault.accept_receipt(encoded);
}

}  // namespace

std::size_t counted_bytes(std::span<const Bytes> records) {
  constexpr std::size_t kLeastBytes = 100;  // shorter than any record that bears a signature
  std::size_t out = 0;
  for (const Bytes& record : records) out += std::max(record.size(), kLeastBytes);
  return out;
}

Error log_too_long() { return {ErrorCode::limit_exceeded, N_("The peer's log of this space is too long."), {}}; }

asio::awaitable<Result<void>> exchange_state_over(LinkSession& session, Vault& vault, Pool& pool) {
  StateExchange exchange(session, vault, pool);
  co_return co_await exchange.run();
}

asio::awaitable<Result<void>> take_receipts(LinkSession& session, Vault& vault, Pool& pool) {
  const auto newest = vault.newest_receipt();
  const auto promised = co_await pool.run([&] { return counter_of_last_loss(vault); });
  if (!promised) co_return forward_error(promised);
  const std::uint64_t known = newest ? newest->counter : 0;
  const std::uint64_t least = std::max(known, *promised);
  // The last one known once more: the vault compares it with what is shown now.
  std::uint64_t next = std::max<std::uint64_t>(known, 1);
  while (true) {
    Message request(ReceiptsGetMessage{next});
    BEFFROI_CO_TRY(const ReceiptsMessage answer, co_await session.call<ReceiptsMessage>(std::move(request)));
    if (answer.newest < least)
      co_return rolled_back("receipt " + std::to_string(answer.newest), "receipt " + std::to_string(least));
    if (next > answer.newest) co_return Result<void>();
    if (answer.receipts.empty()) co_return std::unexpected(session.unexpected_answer());
    for (const Bytes& receipt : answer.receipts) {
      BEFFROI_CO_CHECK(co_await pool.run([&] { return accept_receipt_number(vault, receipt, next); }));
      ++next;
    }
  }
}

asio::awaitable<Result<void>> adopt_branch(LinkSession& session, Vault& vault, Pool& pool, const BranchHead& head) {
  const SpaceLog log = vault.log();
  BranchAdoption adoption(session, vault, pool, log, head);
  const storage::DeviceState* author = log.device(head.device);
  const auto ends = author == nullptr ? std::map<std::uint64_t, storage::CommitId>() : branch_ends(*author);
  if (!ends.empty()) {
    BEFFROI_CO_TRY(const bool leads_there, co_await adoption.run_to_the_ends(ends));
    if (!leads_there) co_return Result<void>();
  }
  if (author != nullptr && author->removed) co_return Result<void>();
  co_return co_await adoption.run();
}

}  // namespace beffroi::daemon
