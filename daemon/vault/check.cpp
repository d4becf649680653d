#include "daemon/vault/check.h"

#include <algorithm>
#include <deque>
#include <thread>
#include <unordered_map>
#include <unordered_set>

#include "daemon/vault/read_ahead.h"
#include "storage/tree/tree_walk.h"

namespace beffroi::daemon {
namespace {

using storage::Digest;
using storage::Entry;
using storage::ObjectId;
using storage::ObjectKind;
using storage::Segment;

constexpr std::size_t kMaxNamedDamages = 1000;
// What is read ahead of the verdicts.
constexpr std::size_t kMaxAheadSegments = 1024;
constexpr std::uint64_t kMaxAheadBytes = std::uint64_t{16} * 1024 * 1024;
// Handed over together: a source far away answers for many at once.
constexpr std::size_t kSegmentsAtOnce = 32;

bool is_stream_end(const Error& error) {
  return error.code == ErrorCode::cancelled || error.code == ErrorCode::unreachable || error.code == ErrorCode::timeout;
}

/// Trees of one generation of content keys.
struct Generation {
  Generation(std::shared_ptr<const storage::KeyRing> keys, std::shared_ptr<storage::ObjectSource> source,
             std::size_t threads, Verify verify)
      : opener(std::move(keys), std::move(source)), ahead(opener, threads, verify) {}
  storage::ObjectOpener opener;
  ReadAhead ahead;
};

class Check {
 public:
  Check(Vault& vault, std::shared_ptr<storage::ObjectSource> source, bool read_data, Progress& progress,
        const std::function<void()>& hear_what_went)
      : vault_(vault),
        local_(source == vault.local_source()),
        read_data_(read_data),
        progress_(progress),
        hear_what_went_(hear_what_went),
        source_(std::move(source)) {}

  Result<CheckReport> run() {
    progress_.phase = Phase::checking;
    BEFFROI_TRY(auto snapshots, vault_.snapshots());
    if (!snapshots.empty()) progress_.files_total_estimate = snapshots.back().sealed.entries;
    // The newest first: it matters most, and the older ones add little to it.
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
      if (!local_ && (snapshot->aside || !snapshot->receipt_counter)) {
        // What the peer has not confirmed it need not have.
        ++report_.snapshots_not_sent;
        continue;
      }
      snapshot_ = snapshot->commit.id.hex();
      const std::uint64_t before = report_.damages_total;
      BEFFROI_CHECK(check_snapshot(*snapshot));
      if (hear_what_went_ && report_.damages_total > before) hear_what_went_();
      if (went_meanwhile())
        leave_out(before);
      else
        ++report_.snapshots;
    }
    progress_.phase = Phase::done;
    return std::move(report_);
  }

 private:
  Result<void> check_snapshot(const Snapshot& snapshot) {
    if (const auto accepted = vault_.log().accepts(snapshot.commit); !accepted) damage({}, accepted.error());
    BEFFROI_CHECK(check_receipt(snapshot));
    const auto keys = vault_.keys_for(snapshot.sealed.content_generation);
    if (!keys) {
      damage({}, keys.error());
      return {};
    }
    auto& generation = generations_[snapshot.sealed.content_generation];
    // Who holds the keys knows by seal and digest that the bytes here are right. Of a peer it is asked as well whether
    // it has them under the name that everybody else knows.
    if (!generation)
      generation = std::make_unique<Generation>(*keys, source_, read_data_ ? threads() : 0,
                                                local_ ? Verify::content : Verify::object_id_too);
    now_ = generation.get();
    const auto visited = visit_tree(snapshot.commit.clear.root, snapshot.sealed.tree_digest);
    // What was read before an error ended the visit is judged first: it came first.
    if (visited || !is_stream_end(visited.error())) BEFFROI_CHECK(judge_all());
    return visited;
  }

  static std::size_t threads() { return std::clamp<std::size_t>(std::thread::hardware_concurrency(), 1, 4); }

  Result<void> check_receipt(const Snapshot& snapshot) {
    const auto peer = vault_.peer();
    BEFFROI_TRY(const auto receipt, vault_.store().receipt_of(snapshot.commit.id));
    if (!receipt || !peer) return {};
    const auto decoded = storage::decode_receipt(*receipt, peer->peer.sign);
    if (!decoded) damage({}, decoded.error());
    return {};
  }

  /// `expected`: what the parent, or the commit, says of it. Recursion is as deep as trees are high: at most
  /// storage::kMaxHeight.
  Result<void> visit_tree(const ObjectId& id, const Digest& expected) {
    if (!visited_.insert(id).second) return {};
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The check was stopped."));
    const auto page = storage::open_tree_page(now_->opener, id);
    if (!page) return object_damage(id, {}, page.error());
    ++report_.objects;
    if (page->self.digest != expected)
      return object_damage(id, {}, {ErrorCode::corrupt, N_("Object {} is not what refers to it says."), {id.hex()}});
    for (const Entry& entry : page->entries) BEFFROI_CHECK(check_entry(entry));
    for (const auto& child : page->children) BEFFROI_CHECK(visit_tree(child.ref.id, child.digest));
    return {};
  }

  Result<void> check_entry(const Entry& entry) {
    if (entry.type != storage::EntryType::file) return {};
    ++report_.files;
    ++progress_.files_scanned;
    Result<void> stopped;
    const auto listed = storage::for_each_segment(entry, now_->opener, [&](const Segment& segment) -> Result<void> {
      if (progress_.cancel) stopped = fail(ErrorCode::cancelled, N_("The check was stopped."));
      if (stopped && segment.object) stopped = check_segment(entry.path, segment);
      return stopped;
    });
    if (!stopped) return stopped;
    if (listed || is_stream_end(listed.error())) return listed;
    damage(entry.path, listed.error());
    return {};
  }

  Result<void> check_segment(const std::string& path, const Segment& segment) {
    return read_data_ ? read_segment(path, segment) : check_presence(path, segment.object->id);
  }

  /// Without reading: what the local store knows of the object. (Of a peer's only the trees are looked at: it can
  /// verify the rest itself, without keys.)
  Result<void> check_presence(const std::string& path, const ObjectId& id) {
    if (!local_) return {};
    if (const auto known = damaged_.find(id); known != damaged_.end()) {
      damage(path, known->second);
      return {};
    }
    if (!visited_.insert(id).second) return {};
    BEFFROI_TRY(const auto info, vault_.objects().info(vault_.space(), id));
    ++report_.objects;
    if (storage::counts_as_present(info)) {
      (info->bytes_present ? report_.bytes_in_place : report_.bytes_elsewhere) += info->sealed_bytes;
      return {};
    }
    const Error reason{ErrorCode::corrupt, N_("Object {} is missing or was found damaged."), {id.hex()}};
    damaged_.emplace(id, reason);
    damage(path, reason);
    return {};
  }

  Result<void> read_segment(const std::string& path, const Segment& segment) {
    const ObjectId& id = segment.object->id;
    if (const auto known = damaged_.find(id); known != damaged_.end()) {
      damage(path, known->second);
      return {};
    }
    const Digest name = name_of(segment);
    if (!verified_.insert(name).second) {
      // Its verdict may still be to come, and then it is this file's as well.
      if (pending_.contains(name)) readings_.push_back({path, pending_.at(name), {}});
      return {};
    }
    Reading reading{path, std::make_shared<SegmentTask>(), name};
    reading.task->segment = segment;
    pending_.emplace(name, reading.task);
    upcoming_.push_back(reading.task);
    if (upcoming_.size() >= kSegmentsAtOnce) dispatch();
    bytes_ahead_ += segment.length;
    readings_.push_back(std::move(reading));
    while (readings_.size() > kMaxAheadSegments || bytes_ahead_ > kMaxAheadBytes) BEFFROI_CHECK(judge_first());
    return {};
  }

  void dispatch() {
    if (!upcoming_.empty()) now_->ahead.add(std::exchange(upcoming_, {}));
  }

  Result<void> judge_all() {
    while (!readings_.empty()) BEFFROI_CHECK(judge_first());
    return {};
  }

  /// In the order in which they were met, as if each had been read when it was met.
  Result<void> judge_first() {
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The check was stopped."));
    const auto [path, task, name] = std::move(readings_.front());
    readings_.pop_front();
    if (!name) {
      const auto known = damaged_.find(task->segment.object->id);
      if (known != damaged_.end()) damage(path, known->second);
      return {};
    }
    pending_.erase(*name);
    bytes_ahead_ -= task->segment.length;
    if (!task->given) dispatch();
    now_->ahead.wait(task);
    const ObjectId& id = task->segment.object->id;
    const Result<Bytes>& bytes = task->bytes;
    if (bytes) {
      count(id);
      report_.bytes += bytes->size();
      progress_.bytes_read += bytes->size();
      return {};
    }
    if (const auto known = damaged_.find(id); known != damaged_.end()) {
      damage(path, known->second);
      return {};
    }
    if (local_ && !is_stream_end(bytes.error())) {
      // Evicted: the peer has it, and its own check says whether it is sound. (Asked only now: of each object that is
      // here it would cost a look-up more.)
      BEFFROI_TRY(const auto info, vault_.objects().info(vault_.space(), id));
      if (info && !info->bytes_present && info->receipted && !info->quarantined) return {};
      BEFFROI_TRY(const bool elsewhere, is_sound(id) ? base_is_elsewhere(id) : Result<bool>(false));
      if (elsewhere) return {};
    }
    count(id);
    return object_damage(id, path, bytes.error());
  }

  void count(const ObjectId& id) {
    if (visited_.insert(id).second) ++report_.objects;
  }

  bool is_sound(const ObjectId& id) {
    const auto bytes = vault_.objects().get(vault_.space(), id);
    return bytes && storage::object_id(*bytes) == id;
  }

  /// Why does a sound object not open? True: a base of it was evicted, so only the peer's bytes can tell. A damaged
  /// base is kept from later backups. Recursion is as deep as objects are high.
  Result<bool> base_is_elsewhere(const ObjectId& id) {
    BEFFROI_TRY(const auto bases, vault_.objects().children(vault_.space(), id));
    bool elsewhere = false;
    for (const ObjectId& base : bases) {
      BEFFROI_TRY(const auto info, vault_.objects().info(vault_.space(), base));
      if (!info || info->quarantined) continue;
      if (!info->bytes_present && info->receipted) {
        elsewhere = true;
      } else if (!is_sound(base)) {
        BEFFROI_CHECK(vault_.objects().quarantine(vault_.space(), base));
      } else {
        BEFFROI_TRY(const bool below, base_is_elsewhere(base));
        elsewhere = elsewhere || below;
      }
    }
    return elsewhere;
  }

  /// Equal references need one look: the segment's place and digest, as one digest.
  static Digest name_of(const Segment& segment) {
    std::array<std::uint8_t, 12> place{};
    put_le32(place.data(), segment.offset);
    put_le64(place.data() + 4, segment.length);
    return {crypto::Hasher(crypto::labels::local_file)
                .update(segment.object->id)
                .update(place)
                .update(segment.digest)
                .finish()};
  }

  /// Notes a damaged object, and keeps the next backup from relying on it.
  Result<void> object_damage(const ObjectId& id, const std::string& path, const Error& reason) {
    if (is_stream_end(reason)) return std::unexpected(reason);
    damaged_.emplace(id, reason);
    damage(path, reason);
    if (!local_) return {};
    return is_sound(id) ? Result<void>() : vault_.objects().quarantine(vault_.space(), id);
  }

  /// By the rules, or forgotten: what it lacks since is no damage.
  bool went_meanwhile() const { return !vault_.resolve(snapshot_).has_value(); }

  void leave_out(std::uint64_t before) {
    ++report_.snapshots_gone;
    if (report_.damages_total == before) return;
    // What it shares with older ones is looked at once more, for them.
    visited_.clear();
    verified_.clear();
    progress_.errors -= report_.damages_total - before;
    report_.damages_total = before;
    std::erase_if(report_.damages, [&](const CheckReport::Damage& known) { return known.snapshot == snapshot_; });
  }

  void damage(const std::string& path, const Error& reason) {
    ++report_.damages_total;
    ++progress_.errors;
    if (report_.damages.size() < kMaxNamedDamages) report_.damages.push_back({snapshot_, path, reason});
  }

  Vault& vault_;
  const bool local_;
  const bool read_data_;
  Progress& progress_;
  const std::function<void()>& hear_what_went_;
  const std::shared_ptr<storage::ObjectSource> source_;
  std::map<std::uint32_t, std::unique_ptr<Generation>> generations_;
  Generation* now_ = nullptr;  ///< of the snapshot that is being checked
  std::string snapshot_;
  std::unordered_set<ObjectId> visited_;
  std::unordered_set<Digest> verified_;
  std::unordered_map<ObjectId, Error> damaged_;
  struct Reading {
    std::string path;
    std::shared_ptr<SegmentTask> task;
    std::optional<Digest> name;  ///< nullopt: an earlier reading is of the same
  };
  std::deque<Reading> readings_;                                      ///< of now_
  std::unordered_map<Digest, std::shared_ptr<SegmentTask>> pending_;  ///< of them, by name
  SegmentTasks upcoming_;                                             ///< of them, not handed over yet
  std::uint64_t bytes_ahead_ = 0;
  CheckReport report_;
};

}  // namespace

Result<CheckReport> check_vault(Vault& vault, std::shared_ptr<storage::ObjectSource> source, bool read_data,
                                Progress& progress, const std::function<void()>& hear_what_went) {
  if (!vault.founded())
    return fail(ErrorCode::wrong_state, N_("This station has no vault yet. 'beffroi init' makes one."));
  return Check(vault, std::move(source), read_data, progress, hear_what_went).run();
}

}  // namespace beffroi::daemon
