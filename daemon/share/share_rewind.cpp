#include "daemon/share/share_history.h"

namespace beffroi::daemon {

Result<storage::Commit> commit_rewind(Vault& vault, const ShareTimeline& timeline, const Rewind& rewind,
                                      const storage::ChangeAuthor& author) {
  // A cycle that runs would commit over it what it has read before.
  const auto alone = vault.try_begin_backup();
  if (!alone)
    return fail(ErrorCode::busy, N_("This folder is being brought up to date just now. Try again in a moment."));
  BEFFROI_CHECK(vault.can_write());
  const Snapshot& as_of = rewind.as_of;
  storage::TreeRoot root;
  root.object = {.id = as_of.commit.clear.root, .height = as_of.sealed.root_height};
  root.digest = as_of.sealed.tree_digest;
  root.entries = as_of.sealed.entries;
  root.bytes = as_of.sealed.statistics.bytes_source;
  storage::CommitSealed sealed;
  sealed.statistics.bytes_source = root.bytes;
  sealed.share = storage::ShareNotes{.author = author, .conflicts = {}};
  std::vector<storage::CommitId> parents;
  for (const std::size_t head : timeline.heads()) parents.push_back(timeline.moments()[head].snapshot.commit.id);
  return vault.commit(root, std::move(sealed), 0, parents);
}

}  // namespace beffroi::daemon
