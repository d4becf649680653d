// What stations back up in a simulation: files whose contents are made from numbers, so that it is known what a
// snapshot must restore to without keeping it.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "daemon/vault/vault.h"

namespace beffroi::sim {

/// Paths, and the numbers that their contents are made from.
using Files = std::map<std::string, std::uint64_t>;

/// The content of a number, 100 to 4,000 bytes. The reference lives as long as the process.
const Bytes& content_of(std::uint64_t number);

/// Takes snapshots in one store. What it has stored before is stored again only when it is there no longer.
class SnapshotTaker {
 public:
  /// `wide`: some entries are so large that the tree has several leaves.
  explicit SnapshotTaker(bool wide) : wide_(wide) {}
  /// A snapshot of these files with this tag. Errors are those of the store.
  Result<storage::Commit> take(daemon::Vault& vault, const Files& files, const std::string& tag);

 private:
  class Sink;
  Result<storage::Entry> entry(Sink& sink, const std::string& path, std::uint64_t number);
  bool wide_;
  std::map<std::uint64_t, storage::ObjectRef> stored_;  ///< contents by number
};

/// nullopt when the tree holds these files, byte for byte; else what is wrong.
std::optional<std::string> difference(const storage::ObjectOpener& opener, const storage::ObjectId& root,
                                      const Files& files);

}  // namespace beffroi::sim
