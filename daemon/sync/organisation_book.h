// The organisations of a peer: by id, by name, and on disk.
#pragma once

#include "daemon/sync/organisation.h"
#include "storage/store/database.h"

namespace beffroi::daemon {

/// Thread-safe; the caller makes one change at a time. `database` outlives it.
class OrganisationBook {
 public:
  explicit OrganisationBook(storage::Database& database) : database_(database) {}
  Result<void> load();
  std::shared_ptr<Organisation> find(const OrganisationId& id) const;
  std::shared_ptr<Organisation> named(const std::string& name) const;
  /// Ascending by name.
  std::vector<std::shared_ptr<Organisation>> all() const;
  /// Durable when they return.
  Result<std::shared_ptr<Organisation>> add(const OrganisationId& id, const OrganisationState& state);
  Result<void> change(Organisation& organisation, const OrganisationState& state);
  /// The caller writes the batch, before or after.
  void forget(storage::WriteBatch& batch, const OrganisationId& id);

 private:
  storage::Database& database_;
  mutable std::mutex mutex_;
  std::map<OrganisationId, std::shared_ptr<Organisation>> organisations_;
};

}  // namespace beffroi::daemon
