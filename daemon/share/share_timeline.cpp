#include "daemon/share/share_timeline.h"

#include <algorithm>
#include <unordered_map>

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::UnixTime;

constexpr std::size_t kShownIdDigits = 8;

/// Names as they stand in the newest epoch that opens here.
class Makers {
 public:
  explicit Makers(const Vault& vault) : log_(vault.log()) {
    if (auto access = storage::open_access(log_, vault.device_keys())) names_ = std::move(access->current.names);
  }

  SnapshotMaker of(const Snapshot& snapshot) const {
    const DeviceId& id = snapshot.commit.clear.device;
    const storage::DeviceState* device = log_.device(id);
    SnapshotMaker out{.device = id, .person = {}, .computer = {}};
    if (device != nullptr) out.person = name_of(names_.members, device->identity);
    out.computer = name_of(names_.devices, id);
    const auto& share = snapshot.sealed.share;
    const std::string digits = " (" + id.hex().substr(0, kShownIdDigits) + ")";
    if (out.person.empty()) out.person = (share ? share->author.person : std::string()) + digits;
    if (out.computer.empty()) out.computer = (share ? share->author.device : snapshot.sealed.host) + digits;
    return out;
  }

 private:
  template <class Id>
  static std::string name_of(const std::map<Id, std::string>& names, const Id& id) {
    const auto found = names.find(id);
    return found == names.end() ? std::string() : found->second;
  }

  storage::SpaceLog log_;
  storage::SpaceNames names_;
};

/// All commits that snapshots lead back to, expired ones included.
class CommitGraph {
 public:
  CommitGraph(Vault& vault, const std::unordered_map<CommitId, Snapshot>& snapshots)
      : vault_(vault), snapshots_(snapshots) {}

  struct Node {
    std::uint64_t depth = 0;                    ///< 1 + the greatest of its parents
    UnixTime time{INT64_MIN};                   ///< not before its parents'
    std::vector<CommitId> nearest;              ///< snapshots at it or right behind it, ascending
    std::map<DeviceId, std::uint64_t> reached;  ///< how far each branch leads to it
  };

  /// With everything behind it. Without recursion: a branch may be long.
  Result<void> add(const CommitId& id) {
    std::vector<CommitId> open{id};
    while (!open.empty()) {
      const CommitId next = open.back();
      if (nodes_.contains(next)) {
        open.pop_back();
        continue;
      }
      BEFFROI_TRY(const auto clear, read(next));
      const std::size_t waiting = open.size();
      if (clear)
        for (const CommitId& parent : clear->parents)
          if (!nodes_.contains(parent)) open.push_back(parent);
      if (open.size() > waiting) continue;
      nodes_.emplace(next, node(next, clear));
      open.pop_back();
    }
    return {};
  }

  const Node& at(const CommitId& id) const { return nodes_.at(id); }

  /// Snapshots right behind this one, but those that another of them continues.
  std::vector<CommitId> behind(const Snapshot& snapshot) const {
    std::vector<CommitId> out;
    for (const CommitId& parent : snapshot.commit.clear.parents) add_all(out, nodes_.at(parent).nearest);
    return without_passed(std::move(out));
  }

 private:
  Result<std::optional<storage::CommitClear>> read(const CommitId& id) const {
    const auto snapshot = snapshots_.find(id);
    if (snapshot != snapshots_.end()) return snapshot->second.commit.clear;
    BEFFROI_TRY(const auto encoded, vault_.store().commit(id));
    if (!encoded) return std::nullopt;
    BEFFROI_TRY(storage::Commit commit, storage::decode_commit(*encoded));
    return std::move(commit.clear);
  }

  Node node(const CommitId& id, const std::optional<storage::CommitClear>& clear) const {
    Node out;
    if (!clear) return out;
    for (const CommitId& parent : clear->parents) {
      const Node& before = nodes_.at(parent);
      out.depth = std::max(out.depth, before.depth);
      out.time.seconds = std::max(out.time.seconds, before.time.seconds);
      for (const auto& [device, sequence] : before.reached)
        out.reached[device] = std::max(out.reached[device], sequence);
      add_all(out.nearest, before.nearest);
    }
    ++out.depth;
    out.reached[clear->device] = std::max(out.reached[clear->device], clear->sequence);
    const auto snapshot = snapshots_.find(id);
    if (snapshot == snapshots_.end()) {
      out.nearest = without_passed(std::move(out.nearest));
      return out;
    }
    out.nearest = {id};
    out.time.seconds = std::max(out.time.seconds, snapshot->second.receipt_time.value_or(clear->clock).seconds);
    return out;
  }

  static void add_all(std::vector<CommitId>& into, const std::vector<CommitId>& more) {
    into.insert(into.end(), more.begin(), more.end());
    std::ranges::sort(into);
    const auto repeats = std::ranges::unique(into);
    into.erase(repeats.begin(), repeats.end());
  }

  bool continues(const CommitId& later, const CommitId& earlier) const {
    const auto& clear = snapshots_.at(earlier).commit.clear;
    const auto& reached = nodes_.at(later).reached;
    const auto found = reached.find(clear.device);
    return later != earlier && found != reached.end() && found->second >= clear.sequence;
  }

  std::vector<CommitId> without_passed(std::vector<CommitId> ids) const {
    const std::vector<CommitId> all = ids;
    std::erase_if(ids, [&](const CommitId& id) {
      return std::ranges::any_of(all, [&](const CommitId& other) { return continues(other, id); });
    });
    return ids;
  }

  Vault& vault_;
  const std::unordered_map<CommitId, Snapshot>& snapshots_;
  std::unordered_map<CommitId, Node> nodes_;
};

}  // namespace

Result<ShareTimeline> ShareTimeline::read(Vault& vault) {
  BEFFROI_TRY(auto listed, vault.snapshots());
  std::unordered_map<CommitId, Snapshot> snapshots;
  for (Snapshot& snapshot : listed)
    if (!snapshot.aside) snapshots.emplace(snapshot.commit.id, std::move(snapshot));
  CommitGraph graph(vault, snapshots);
  for (const auto& [id, snapshot] : snapshots) BEFFROI_CHECK(graph.add(id));
  std::vector<CommitId> order;
  for (const auto& [id, snapshot] : snapshots) order.push_back(id);
  std::ranges::sort(order, {},
                    [&](const CommitId& id) { return std::tuple(graph.at(id).time.seconds, graph.at(id).depth, id); });
  std::unordered_map<CommitId, std::size_t> places;
  for (std::size_t i = 0; i < order.size(); ++i) places.emplace(order[i], i);
  const Makers makers(vault);
  ShareTimeline out;
  for (const CommitId& id : order) {
    Moment moment{
        .snapshot = snapshots.at(id), .time = graph.at(id).time, .maker = makers.of(snapshots.at(id)), .behind = {}};
    for (const CommitId& before : graph.behind(moment.snapshot)) moment.behind.push_back(places.at(before));
    std::ranges::sort(moment.behind);
    out.moments_.push_back(std::move(moment));
  }
  return out;
}

std::vector<std::size_t> ShareTimeline::heads(std::optional<UnixTime> until) const {
  const auto is_there = [&](const Moment& moment) { return !until || moment.time.seconds <= until->seconds; };
  std::set<std::size_t> out;
  for (std::size_t i = 0; i < moments_.size(); ++i) {
    if (!is_there(moments_[i])) continue;
    for (const std::size_t before : moments_[i].behind) out.erase(before);
    out.insert(i);
  }
  return {out.begin(), out.end()};
}

}  // namespace beffroi::daemon
