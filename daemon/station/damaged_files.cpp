#include "daemon/station/damaged_files.h"

#include <unordered_map>
#include <unordered_set>

#include "storage/tree/tree_walk.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

constexpr std::size_t kShownIdDigits = 12;

class Search {
 public:
  Search(Vault& vault, const std::set<ObjectId>& lost, const std::atomic<bool>& cancel)
      : vault_(vault), lost_(lost), cancel_(cancel) {}

  Result<DamagedFiles> run() {
    BEFFROI_TRY(const auto snapshots, vault_.snapshots());
    for (auto snapshot = snapshots.rbegin(); snapshot != snapshots.rend(); ++snapshot) {
      snapshot_ = snapshot->commit.id.hex().substr(0, kShownIdDigits);
      const auto keys = vault_.keys_for(snapshot->sealed.content_generation);
      if (!keys) continue;
      BEFFROI_CHECK(visit_tree(storage::ObjectOpener(*keys, vault_.local_source()), snapshot->commit.clear.root));
    }
    return std::move(found_);
  }

 private:
  /// Recursion is as deep as trees are high: at most storage::kMaxHeight.
  Result<void> visit_tree(const storage::ObjectOpener& opener, const ObjectId& id) {
    if (!visited_.insert(id).second) return {};
    if (cancel_) return fail(ErrorCode::cancelled, N_("Stopped. What is left is sent the next time."));
    const auto page = storage::open_tree_page(opener, id);
    if (!page) {
      name({});
      return {};
    }
    for (const storage::Entry& entry : page->entries) {
      BEFFROI_TRY(const bool damaged, needs_lost(entry));
      if (damaged) name(storage::to_display_path(entry.path));
    }
    for (const auto& child : page->children) BEFFROI_CHECK(visit_tree(opener, child.ref.id));
    return {};
  }

  Result<bool> needs_lost(const storage::Entry& entry) {
    if (entry.content_root) return needs_lost(entry.content_root->id);
    for (const storage::Segment& segment : entry.segments) {
      if (!segment.object) continue;
      BEFFROI_TRY(const bool damaged, needs_lost(segment.object->id));
      if (damaged) return true;
    }
    return false;
  }

  /// The object itself, or what it is made of: a delta is lost with its base.
  Result<bool> needs_lost(const ObjectId& id) {
    if (lost_.contains(id)) return true;
    if (const auto known = needing_.find(id); known != needing_.end()) return known->second;
    BEFFROI_TRY(const auto children, vault_.objects().children(vault_.space(), id));
    bool out = false;
    for (const ObjectId& child : children) {
      BEFFROI_TRY(const bool damaged, needs_lost(child));
      out = out || damaged;
    }
    needing_[id] = out;
    return out;
  }

  void name(const std::string& path) {
    if (!path.empty() && !named_.insert(path).second) return;
    ++found_.total;
    if (found_.first.size() < kMaxNamedFiles)
      found_.first.push_back((path.empty() ? "(" : path + " (") + snapshot_ + ")");
  }

  Vault& vault_;
  const std::set<ObjectId>& lost_;
  const std::atomic<bool>& cancel_;
  std::string snapshot_;
  std::unordered_set<ObjectId> visited_;
  std::unordered_set<std::string> named_;
  std::unordered_map<ObjectId, bool> needing_;
  DamagedFiles found_;
};

}  // namespace

Result<DamagedFiles> files_that_need(Vault& vault, const std::set<ObjectId>& lost, const std::atomic<bool>& cancel) {
  return Search(vault, lost, cancel).run();
}

}  // namespace beffroi::daemon
