// What is backed up: a path and its rules. Kept in the vault's state table, changed through the API by admins only.
#pragma once

#include "daemon/vault/vault.h"

namespace beffroi::daemon {

struct Source {
  std::string path;                   ///< absolute, without trailing '/'
  std::vector<std::string> excludes;  ///< globs, in order; "!" takes back; see filter.h
  std::vector<std::string>
      exclude_files;  ///< names of files whose lines are globs for the folder that they are in (".beffroiignore")
  bool one_file_system = false;
  bool skip_caches = true;  ///< folders with a CACHEDIR.TAG
  std::optional<std::uint64_t> max_file_bytes;
  bool separate = false;      ///< neither deltas nor bundles
  std::string before, after;  ///< shell commands
};

class SourceList {
 public:
  explicit SourceList(Vault& vault);
  Result<std::vector<Source>> all() const;
  /// usage when not absolute or inside/around another source; already_exists. A path that does not exist is refused
  /// (not_found). Links on the way are followed now and never again: the source is stored, and returned, with the path
  /// that they led to.
  Result<Source> add(const Source& source);
  /// By the stored path, or one that leads there.
  Result<void> remove(const std::string& path);

 private:
  Vault& vault_;
};

}  // namespace beffroi::daemon
