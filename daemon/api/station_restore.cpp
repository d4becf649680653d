// POST /v1/restore: verified plaintext on its way to the caller, who writes it with his own rights.
#include <mutex>
#include <nlohmann/json.hpp>

#include "daemon/api/frame_stream.h"
#include "daemon/api/json.h"
#include "daemon/api/snapshot_rights.h"
#include "daemon/api/station_api.h"
#include "daemon/station/hearing.h"
#include "storage/store/dedup_index.h"

namespace beffroi::daemon {
namespace {

constexpr std::size_t kReadAheadThreads = 4;
constexpr std::size_t kLearnBatchBytes = 256 * 1024;

/// What was opened and compared here may be deduplicated against: after a recovery the index is empty.
class Learner {
 public:
  explicit Learner(Vault& vault) : vault_(vault) {}
  ~Learner() { write(); }
  void learn(const storage::Segment& segment) {
    const std::lock_guard lock(mutex_);
    // The index is only a help: what goes wrong here costs nothing but the help.
    if (vault_.dedup().add_segment(batch_, segment, numbers_)) {
      if (batch_.size_bytes() >= kLearnBatchBytes) write();
    }
  }

 private:
  void write() {
    if (!vault_.database().write(batch_, storage::Durability::buffered)) numbers_.clear();
    batch_.clear();
  }
  Vault& vault_;
  std::mutex mutex_;
  storage::WriteBatch batch_;
  storage::BundleNumbers numbers_;
};

struct RestoreWords {
  Snapshot snapshot;
  std::vector<RestoreSelection> selections;
  std::shared_ptr<storage::ObjectSource> source;
  bool learns = false;  ///< the source may give what is not here
  StationContext::From from = StationContext::From::automatic;
  Caller caller;
};

Result<RestoreCounts> stream(StationContext& station, const RestoreWords& words, FrameSender& sender,
                             Progress& progress) {
  const std::uint32_t generation = words.snapshot.sealed.content_generation;
  BEFFROI_TRY(const auto keys, station.vault->keys_for(generation));
  const storage::ObjectOpener opener(keys, words.source);
  // Digests of an older generation of content keys say nothing to the index.
  const bool learns = words.learns && generation == station.vault->keys()->content_keys().generation;
  const storage::ObjectId& root = words.snapshot.commit.clear.root;
  const auto rights = rights_in(*station.vault, words.snapshot, words.caller);
  std::set<std::string> named;
  for (const RestoreSelection& selection : words.selections) named.insert(selection.path);
  Learner learner(*station.vault);
  const auto learn = [&](const storage::Segment& segment) {
    if (learns) learner.learn(segment);
  };
  SnapshotWatch watch(station, words.snapshot.commit.id, words.from != StationContext::From::local);
  const auto counts = stream_restore(
      opener, root, words.selections, make_access_filter(opener, root, rights, named),
      [&sender](ByteView head, ByteView rest) { return sender.send(head, rest); }, learn, progress, kReadAheadThreads,
      [&watch](bool at_end) { return watch.still_there(at_end); });
  // The list of files may be what is missing.
  if (!counts && counts.error().code == ErrorCode::corrupt) BEFFROI_CHECK(watch.still_there(true));
  return counts;
}

/// Damage must not be known to the one who met it alone. What is missing here only may have been evicted.
void ring(StationContext& station, const RestoreWords& words, const Result<RestoreCounts>& counts) {
  const bool from_here = words.from == StationContext::From::local || !station.vault->peer();
  const bool evicted = words.from == StationContext::From::local && station.vault->peer();
  const bool damaged =
      counts ? counts->damaged > 0 || (counts->missing > 0 && !evicted) : counts.error().code == ErrorCode::corrupt;
  if (!damaged) return;
  station.raise_alarm(
      std::string("integrity:restore:") + (from_here ? "local" : "peer"),
      Error{ErrorCode::corrupt,
            from_here ? N_("A restore of the snapshot {} met damage in this machine's store. 'beffroi check "
                           "--read-data' names all of it. Have the disk looked at.")
                      : N_("A restore of the snapshot {} met damage at the peer. 'beffroi check --at peer --read-data' "
                           "names all of it. Call the peer's operator."),
            {words.snapshot.commit.id.hex().substr(0, 12)}});
}

/// Streams, and tells of damage that was met on the way.
Result<void> stream_guarded(StationContext& station, const RestoreWords& words, FrameSender& sender,
                            Progress& progress) {
  const auto counts = stream(station, words, sender, progress);
  ring(station, words, counts);
  if (!counts) return forward_error(counts);
  return {};
}

Result<RestoreWords> read_words(StationContext& station, const HttpRequest& request) {
  BodyFields fields(request.body);
  RestoreWords out;
  out.caller = request.caller;
  const std::string name = fields.text("snapshot", "latest");
  for (const std::string& path : fields.paths("selections")) out.selections.push_back({storage::to_entry_path(path)});
  const std::string from_name = fields.text("from", "auto");
  BEFFROI_CHECK(fields.finish());
  BEFFROI_TRY(const auto from, StationContext::parse_from(from_name));
  if (out.selections.empty()) out.selections.push_back({""});
  BEFFROI_TRY(out.snapshot, station.vault->resolve(name));
  BEFFROI_TRY(out.source, station.source(from));
  out.from = from;
  out.learns = from != StationContext::From::local && station.vault->peer();
  return out;
}

asio::awaitable<Result<void>> answer_restore(StationContext& station, HttpRequest& request, HttpExchange& exchange) {
  BEFFROI_CO_CHECK(require_vault(station));
  BEFFROI_CO_TRY(const RestoreWords words, read_words(station, request));
  BEFFROI_CO_TRY(const auto job, station.jobs.begin(JobKind::look));
  co_return co_await stream_frames(exchange, station.streams, [&](FrameSender& sender) {
    return stream_guarded(station, words, sender, *job->progress());
  });
}

}  // namespace

void add_restore_routes(Routes& routes, StationContext& station) {
  routes.push_back({"POST", "/v1/restore", false,
                    [&station](HttpRequest& r, HttpExchange& x) { return answer_restore(station, r, x); }});
}

}  // namespace beffroi::daemon
