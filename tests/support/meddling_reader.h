// Reads metadata as ever, and lets a test change files at the worst moment or claim that they lie on a network.
#pragma once

#include <functional>

#include "daemon/backup/metadata.h"

namespace beffroi::daemon::testing {

class MeddlingReader final : public MetadataReader {
 public:
  /// `meddle` is called with each name after its attributes were read, before anything else is done with it.
  explicit MeddlingReader(std::function<void(const std::string& name)> meddle = {}) : meddle_(std::move(meddle)) {}

  Result<std::optional<storage::Entry>> read(int folder, const std::string& name, const struct stat& status,
                                             bool is_on_network) override {
    auto out = MetadataReader::read(folder, name, status, is_on_network);
    if (meddle_) meddle_(name);
    return out;
  }
  bool is_network(int folder) const override { return network || MetadataReader::is_network(folder); }

  bool network = false;

 private:
  const std::function<void(const std::string&)> meddle_;
};

}  // namespace beffroi::daemon::testing
