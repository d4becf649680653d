// Writes what a space's history sends into a folder. What is sent comes from another member's tree: of that no more is
// taken than a shared folder holds (storage/merge/shared_part.h), whatever the service let through.
#pragma once

#include <memory>

#include "client/restore/restore_writer.h"

namespace beffroi::client {

/// Where the one file or folder lands.
struct Landing {
  std::string path;       ///< entry path in the snapshot, not empty
  std::string name;       ///< of what is written
  bool in_space = false;  ///< in the shared folder, where the path says: then links count from its top
};

/// One stream. All becomes the property of whom the folder belongs to, when root calls, or else of the caller. Folders
/// that are there stay as they are. Links that lead out (of the shared folder, or of the target elsewhere), and all but
/// files, folders and links, are left out and become problems in the report. Not thread-safe; errors as RestoreWriter.
class VersionWriter final : public FrameHandler {
 public:
  /// `folder`: what is written lands right in it. io.
  static Result<std::unique_ptr<VersionWriter>> open(Descriptor folder, Landing landing, Overwrite overwrite);

  Result<void> entry(storage::Entry entry) override;
  Result<void> data(std::uint64_t offset, ByteView bytes) override;
  /// Of a path whose entry did not come: the service left it out.
  Result<void> failure(const std::string& path, const Error& reason) override;
  Result<void> finish() { return writer_->finish(); }
  RestoreReport report() const;

 private:
  VersionWriter(Landing landing, std::string selected, Ownership owner, std::unique_ptr<RestoreWriter> writer);
  std::string renamed(const std::string& path) const;
  Result<void> leave_out(const std::string& path, const Error& reason);

  Landing landing_;
  std::string selected_;  ///< what landing_.path is called for the writer
  Ownership owner_;
  std::unique_ptr<RestoreWriter> writer_;
  RestoreReport left_out_;           ///< only its problems
  std::optional<std::string> last_;  ///< path of the last entry
  bool skips_ = false;               ///< the last entry was left out
};

}  // namespace beffroi::client
