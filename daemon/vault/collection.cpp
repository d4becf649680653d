#include "daemon/vault/collection.h"

#include <unordered_set>

#include "storage/store/collector.h"

namespace beffroi::daemon {
namespace {

using storage::CommitId;
using storage::ObjectId;
using storage::ObjectInfo;

std::unexpected<Error> stopped() {
  return fail(ErrorCode::cancelled, N_("Stopped. What is left is given back the next time."));
}

/// Roots of commits: those whose objects stay, and those that went and whose objects are still here.
struct Roots {
  std::vector<ObjectId> held;
  std::uint64_t gone = 0;
};

class RootSearch {
 public:
  explicit RootSearch(Vault& vault) : vault_(vault) {}

  Result<Roots> run(const std::set<CommitId>& forgotten_next) {
    BEFFROI_TRY(const auto forgotten, vault_.forgotten());
    forgotten_.insert(forgotten.begin(), forgotten.end());
    forgotten_.insert(forgotten_next.begin(), forgotten_next.end());
    BEFFROI_CHECK(vault_.store().for_each_held_root([&](const CommitId& commit, const ObjectId& root) {
      if (!forgotten_.contains(commit)) out_.held.push_back(root);
      return true;
    }));
    BEFFROI_CHECK(add_kept());
    held_.insert(out_.held.begin(), out_.held.end());
    for (const CommitId& commit : forgotten_) BEFFROI_CHECK(count(commit));
    std::vector<CommitId> expired;
    BEFFROI_CHECK(vault_.store().for_each_expired([&](const CommitId& commit, std::uint64_t) {
      expired.push_back(commit);
      return true;
    }));
    for (const CommitId& commit : expired) BEFFROI_CHECK(count(commit));
    return std::move(out_);
  }

 private:
  Result<void> add_kept() {
    return vault_.database().scan(storage::Table::state, as_bytes(kKeptRootPrefix), [&](ByteView, ByteView root) {
      if (const auto id = ObjectId::from(root)) out_.held.push_back(*id);
      return true;
    });
  }

  // (Two snapshots of the same tree have one root.)
  Result<void> count(const CommitId& commit) {
    BEFFROI_TRY(const auto encoded, vault_.store().commit(commit));
    if (!encoded) return {};
    BEFFROI_TRY(const storage::Commit decoded, storage::decode_commit(*encoded));
    if (held_.contains(decoded.clear.root)) return {};
    BEFFROI_TRY(const auto info, vault_.objects().info(vault_.space(), decoded.clear.root));
    if (info) ++out_.gone;
    return {};
  }

  Vault& vault_;
  std::set<CommitId> forgotten_;
  std::unordered_set<ObjectId> held_;
  Roots out_;
};

Result<void> step(const CollectionPace& pace, const Progress& progress) {
  if (pace.each_step) pace.each_step();
  if (progress.cancel) return stopped();
  return {};
}

Result<void> mark(storage::Collector& collector, std::span<const ObjectId> roots, const CollectionPace& pace,
                  const Progress& progress) {
  while (!roots.empty()) {
    const auto part = roots.first(std::min(roots.size(), storage::ClosureWalk::kRootsMax));
    roots = roots.subspan(part.size());
    collector.add_roots(part);
    while (!collector.wants_roots()) {
      BEFFROI_CHECK(step(pace, progress));
      BEFFROI_CHECK(collector.advance_unlocked(pace.objects));
    }
  }
  collector.end_roots();
  return {};
}

// Nobody else stores objects: the lock that the collector asks for is the station's one long job.
Result<void> sweep(storage::Collector& collector, const CollectionPace& pace, const Progress& progress) {
  while (!collector.is_done()) {
    BEFFROI_CHECK(step(pace, progress));
    BEFFROI_CHECK(collector.advance_unlocked(pace.objects));
    if (collector.wants_lock()) BEFFROI_CHECK(collector.advance_locked(pace.objects));
  }
  return {};
}

/// Rows of objects whose bytes were never here: of a recovered vault nearly all.
Result<std::uint64_t> never_put(Vault& vault) {
  std::uint64_t out = 0;
  BEFFROI_CHECK(vault.objects().iterate(vault.space(), [&](const ObjectId&, const ObjectInfo& info) {
    if (info.insertion == 0) ++out;
    return true;
  }));
  return out;
}

/// What no root reaches, counted by a walk of its own.
Result<void> count_unreached(Vault& vault, std::span<const ObjectId> roots, crypto::Random& random,
                             const Progress& progress, CollectionResult& out) {
  const auto space = vault.space();
  BEFFROI_TRY(const std::uint64_t puts, vault.objects().insertions(space));
  BEFFROI_TRY(const std::uint64_t others, never_put(vault));
  storage::Marks marks(storage::marks_filter_bytes(puts + others, storage::CollectorLimits{}), random);
  storage::ClosureWalk walk(vault.objects(), space, marks);
  walk.add(roots);
  while (!walk.idle()) {
    if (progress.cancel) return stopped();
    BEFFROI_CHECK(walk.advance(CollectionPace{}.objects, storage::ClosureWalk::Rows::are_all));
  }
  return vault.objects().iterate(space, [&](const ObjectId& id, const ObjectInfo& info) {
    if (marks.contains(id, info)) return !progress.cancel;
    ++out.objects;
    if (info.bytes_present && !info.quarantined) out.bytes += info.sealed_bytes;
    return !progress.cancel;
  });
}

}  // namespace

Result<CollectionResult> collect(Vault& vault, crypto::Random& random, Progress& progress, const CollectionPace& pace) {
  progress.phase = Phase::collecting;
  const auto no_backup = vault.try_begin_backup();
  if (!no_backup)
    return fail(ErrorCode::busy, N_("A backup is running. Try again when it has ended: 'beffroi status' tells."));
  storage::CollectorLimits limits;
  BEFFROI_TRY(limits.never_put, never_put(vault));
  BEFFROI_TRY(const auto collector, storage::Collector::begin(vault.objects(), vault.space(), random, limits));
  BEFFROI_CHECK(vault.note_collecting());
  BEFFROI_TRY(const Roots roots, RootSearch(vault).run({}));
  BEFFROI_CHECK(mark(*collector, roots.held, pace, progress));
  BEFFROI_CHECK(sweep(*collector, pace, progress));
  const storage::CollectorCounts counts = collector->counts();
  // Before the note: a power cut must not bring objects back that nobody looks for any more.
  BEFFROI_CHECK(vault.objects().sync());
  BEFFROI_CHECK(vault.note_collected());
  if (counts.removed > 0) BEFFROI_CHECK(vault.database().compact());
  return CollectionResult{.snapshots = roots.gone, .objects = counts.removed, .bytes = counts.removed_bytes};
}

Result<CollectionResult> foresee_collection(Vault& vault, const std::set<CommitId>& forgotten_next,
                                            crypto::Random& random, Progress& progress) {
  progress.phase = Phase::collecting;
  BEFFROI_TRY(const Roots roots, RootSearch(vault).run(forgotten_next));
  CollectionResult out{.snapshots = roots.gone};
  BEFFROI_CHECK(count_unreached(vault, roots.held, random, progress, out));
  if (progress.cancel) return stopped();
  return out;
}

}  // namespace beffroi::daemon
