#include "daemon/share/space_graph.h"

#include <algorithm>

namespace beffroi::daemon {

using storage::CommitId;

std::size_t SpaceGraph::number_of(const DeviceId& device) {
  const auto found = std::ranges::find(devices_, device);
  if (found != devices_.end()) return static_cast<std::size_t>(found - devices_.begin());
  devices_.push_back(device);
  return devices_.size() - 1;
}

void SpaceGraph::add(History& into, const History& other) {
  if (into.size() < other.size()) into.resize(other.size());
  for (std::size_t i = 0; i < other.size(); ++i) into[i] = std::max(into[i], other[i]);
}

std::uint64_t SpaceGraph::at(const History& history, std::size_t device) {
  return device < history.size() ? history[device] : 0;
}

Result<void> SpaceGraph::notice_losses() {
  BEFFROI_TRY(const auto losses, vault_.store().losses());
  if (losses.size() != losses_) known_.clear();
  losses_ = losses.size();
  return {};
}

Result<std::optional<SpaceGraph::Node>> SpaceGraph::read(const CommitId& id) {
  BEFFROI_TRY(const auto encoded, vault_.store().commit(id));
  if (!encoded) return std::nullopt;
  BEFFROI_TRY(storage::Commit commit, storage::decode_commit(*encoded));
  Node out{.device = number_of(commit.clear.device), .sequence = 0, .parents = std::move(commit.clear.parents)};
  // One that was set aside stands in no branch; another one has its number.
  BEFFROI_TRY(const auto standing, vault_.store().branch_commit(commit.clear.device, commit.clear.sequence));
  if (standing == id) out.sequence = commit.clear.sequence;
  return std::optional(std::move(out));
}

// Without recursion: a branch may be long.
Result<SpaceGraph::History> SpaceGraph::history(const CommitId& id) {
  std::vector<CommitId> open{id};
  // One whose parents come first is looked at twice.
  std::map<CommitId, std::optional<Node>> waiting;
  while (!open.empty()) {
    const CommitId next = open.back();
    if (known_.contains(next)) {
      open.pop_back();
      continue;
    }
    auto known = waiting.find(next);
    if (known == waiting.end()) {
      BEFFROI_TRY(auto fresh, read(next));
      known = waiting.emplace(next, std::move(fresh)).first;
    }
    const auto& node = known->second;
    History history;
    bool complete = true;
    if (node) {
      for (const CommitId& parent : node->parents) {
        const auto before = known_.find(parent);
        if (before != known_.end()) {
          add(history, before->second);
        } else {
          open.push_back(parent);
          complete = false;
        }
      }
      if (history.size() <= node->device) history.resize(node->device + 1);
      history[node->device] = std::max(history[node->device], node->sequence);
    }
    if (!complete) continue;
    known_.emplace(next, std::move(history));
    waiting.erase(next);
    open.pop_back();
  }
  return known_.at(id);
}

Result<SpaceGraph::History> SpaceGraph::history(std::span<const CommitId> ids) {
  History out;
  for (const CommitId& id : ids) {
    BEFFROI_TRY(const History one, history(id));
    add(out, one);
  }
  return out;
}

/// Of a branch up to this number, the newest commit that is a snapshot and that the peer acknowledged.
Result<std::optional<Snapshot>> SpaceGraph::newest_known(const DeviceId& device, std::uint64_t sequence) const {
  const bool own = device == vault_.device_id();
  for (; sequence > 0; --sequence) {
    BEFFROI_TRY(const auto id, vault_.store().branch_commit(device, sequence));
    if (!id) continue;
    auto snapshot = vault_.snapshot(*id);
    if (snapshot && !snapshot->aside && (!own || snapshot->receipt_counter)) return snapshot;
  }
  return std::nullopt;
}

Result<bool> SpaceGraph::reaches(const Snapshot& from, const Snapshot& to) {
  BEFFROI_TRY(const History before, history(from.commit.id));
  return at(before, number_of(to.commit.clear.device)) >= to.commit.clear.sequence;
}

Result<std::vector<Snapshot>> SpaceGraph::heads() {
  BEFFROI_CHECK(notice_losses());
  BEFFROI_TRY(const auto branches, vault_.store().heads());
  std::vector<Snapshot> tips;
  for (const auto& branch : branches) {
    BEFFROI_TRY(auto tip, newest_known(branch.device, branch.sequence));
    if (tip) tips.push_back(std::move(*tip));
  }
  std::vector<Snapshot> out;
  for (const Snapshot& tip : tips) {
    bool passed = false;
    for (const Snapshot& other : tips) {
      if (passed || other.commit.id == tip.commit.id) continue;
      BEFFROI_TRY(passed, reaches(other, tip));
    }
    if (!passed) out.push_back(tip);
  }
  std::ranges::sort(out, {}, [](const Snapshot& snapshot) { return snapshot.commit.id; });
  return out;
}

Result<bool> SpaceGraph::are_behind(std::span<const CommitId> commits, std::span<const CommitId> heads) {
  BEFFROI_CHECK(notice_losses());
  BEFFROI_TRY(const History all, history(heads));
  for (const CommitId& id : commits) {
    BEFFROI_TRY(const auto node, read(id));
    if (!node || node->sequence == 0 || at(all, node->device) < node->sequence) return false;
  }
  return true;
}

Result<std::optional<Snapshot>> SpaceGraph::common_ancestor(std::span<const CommitId> a, std::span<const CommitId> b) {
  BEFFROI_CHECK(notice_losses());
  BEFFROI_TRY(const History before_a, history(a));
  BEFFROI_TRY(const History before_b, history(b));
  std::vector<Snapshot> candidates;
  for (std::size_t device = 0; device < devices_.size(); ++device) {
    const std::uint64_t shared = std::min(at(before_a, device), at(before_b, device));
    BEFFROI_TRY(auto newest, newest_known(devices_[device], shared));
    if (newest) candidates.push_back(std::move(*newest));
  }
  std::optional<Snapshot> best;
  for (const Snapshot& candidate : candidates) {
    bool passed = false;
    for (const Snapshot& other : candidates) {
      if (passed || other.commit.id == candidate.commit.id) continue;
      BEFFROI_TRY(passed, reaches(other, candidate));
    }
    if (!passed && (!best || candidate.commit.id < best->commit.id)) best = candidate;
  }
  return best;
}

}  // namespace beffroi::daemon
