// Whose a restored file becomes.
#pragma once

#include <sys/types.h>

#include <map>
#include <optional>
#include <string>

#include "storage/tree/entry.h"

namespace beffroi::client {

struct Ownership {
  uid_t user = 0;
  gid_t group = 0;
};

/// Finds this machine's numbers for the names in a snapshot: after a loss the same person may have another number.
/// Names that this machine does not know keep the number. Not thread-safe.
class Owners {
 public:
  /// `by_number`: names are not looked at.
  explicit Owners(bool by_number) : by_number_(by_number) {}
  Ownership of(const storage::Entry& entry) { return {user_of(entry), group_of(entry)}; }

 private:
  uid_t user_of(const storage::Entry& entry);
  gid_t group_of(const storage::Entry& entry);

  bool by_number_;
  std::map<std::string, std::optional<uid_t>> users_;
  std::map<std::string, std::optional<gid_t>> groups_;
};

}  // namespace beffroi::client
