// Who is let in: the transport keys of all hosted spaces.
#pragma once

#include <map>
#include <set>

#include "storage/space/log.h"

namespace beffroi::daemon {

/// Not thread-safe. A change costs what its space has of keys, whoever else is hosted.
class AdmissionIndex {
 public:
  void set(const storage::SpaceId& space, const storage::SpaceLog& log) {
    remove(space);
    admit(space, log.root().transport);
    for (const auto& [id, device] : log.devices())
      if (!device.removed) admit(space, device.keys.transport);
  }
  void remove(const storage::SpaceId& space) {
    for (const auto& key : keys_of_[space]) {
      spaces_of_[key].erase(space);
      if (spaces_of_[key].empty()) spaces_of_.erase(key);
    }
    keys_of_.erase(space);
  }
  std::set<storage::SpaceId> spaces(const crypto::TransportPublicKey& key) const {
    const auto found = spaces_of_.find(key);
    return found == spaces_of_.end() ? std::set<storage::SpaceId>() : found->second;
  }

 private:
  void admit(const storage::SpaceId& space, const crypto::TransportPublicKey& key) {
    spaces_of_[key].insert(space);
    keys_of_[space].insert(key);
  }
  std::map<crypto::TransportPublicKey, std::set<storage::SpaceId>> spaces_of_;
  std::map<storage::SpaceId, std::set<crypto::TransportPublicKey>> keys_of_;
};

}  // namespace beffroi::daemon
