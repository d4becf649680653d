// Which objects a new snapshot may refer to: those that are present with all that is below them.
#pragma once

#include <mutex>
#include <unordered_set>

#include "storage/store/object_store.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {

/// Ids remembered as present; with more the memory of one run starts anew.
inline constexpr std::size_t kMaxRememberedPresent = 256 * 1024;

/// Thread-safe. Remembers what it found for its lifetime: one backup, during which nothing is removed.
class Presence {
 public:
  /// `epoch`: the current one; a peer takes no new objects of older ones, so what it has not got of them counts as
  /// absent. `sparse`: bundles to be rewritten: what lies in them counts as absent.
  Presence(storage::ObjectStore& objects, const storage::SpaceId& space, storage::Epoch epoch,
           std::unordered_set<storage::ObjectId> sparse)
      : objects_(objects), space_(space), epoch_(epoch), sparse_(std::move(sparse)) {}

  /// True when the object and its closure count as present, and no sparse bundle is among them. (Why the closure, when
  /// objects are stored children first: one of them may have been found damaged since. Its parents are then to be
  /// stored anew, too.)
  Result<bool> has(const storage::ObjectRef& ref);
  /// True when all that the entry's content needs is present, and, unless they are accepted, not in a sparse bundle.
  Result<bool> has_content(const storage::Entry& entry, bool accept_sparse);
  /// How much of the entry's content no receipt covers yet.
  Result<std::uint64_t> unsent_bytes(const storage::Entry& entry);
  bool is_sparse(const storage::ObjectId& bundle) const { return sparse_.contains(bundle); }
  /// Has just been stored, after its children.
  void note(const storage::ObjectId& id);

 private:
  bool remembers(const storage::ObjectId& id);
  Result<bool> has_all(std::span<const storage::ObjectId> ids, bool accept_sparse);

  storage::ObjectStore& objects_;
  const storage::SpaceId space_;
  const storage::Epoch epoch_;
  const std::unordered_set<storage::ObjectId> sparse_;
  std::mutex mutex_;
  std::unordered_set<storage::ObjectId> present_;
};

}  // namespace beffroi::daemon
