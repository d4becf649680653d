// Writes what a restore stream gives into a folder, with the caller's own rights and never outside of it.
#pragma once

#include <map>
#include <memory>

#include "client/restore/folder_stack.h"
#include "client/restore/frame_reader.h"
#include "client/restore/owners.h"
#include "client/restore/restore_report.h"

namespace beffroi::client {

/// What becomes of a file that is there already: left, replaced if it is older than the snapshot's, replaced.
enum class Overwrite { never, older, always };

struct WriteOptions {
  Overwrite overwrite = Overwrite::never;
  bool numeric_owner = false;  ///< numbers instead of names decide whose files become
  bool privileged = false;     ///< the caller is root
  /// Entry path whose last component lands directly in the target; empty: full paths below the target.
  std::string selected;
};

/// One stream into one target. Every file is written under a name of its own (.beffroi-…) and renamed when it is whole,
/// so that a file of the right name has the right content, whatever happened. Not thread-safe. Files that can't be
/// written are problems in the report, and the others go on. Errors end the stream: disk_full, io (the target itself
/// fails), protocol (the stream names what it may not).
class RestoreWriter final : public FrameHandler {
 public:
  /// Opens the target, and makes it when it is missing. io, not_found, refused.
  static Result<std::unique_ptr<RestoreWriter>> open(const std::string& target, WriteOptions options);
  /// Tidies up like abandon() unless finish() succeeded.
  ~RestoreWriter() override;
  RestoreWriter(const RestoreWriter&) = delete;
  RestoreWriter& operator=(const RestoreWriter&) = delete;

  Result<void> entry(storage::Entry entry) override;
  Result<void> data(std::uint64_t offset, ByteView bytes) override;
  Result<void> failure(const std::string& path, const Error& reason) override;
  /// Completes the last file and the folders, and makes all durable (syncfs).
  Result<void> finish();
  /// Removes the file that is being written; folders get their metadata, so that what is there is right.
  void abandon();

  const RestoreReport& report() const { return report_; }

 private:
  enum class Plan { create, replace, leave, give_up, for_links_only };
  /// Where an entry goes.
  struct Place {
    int folder = -1;     ///< good until the next entry
    std::string parent;  ///< entry path in the target
    std::string name;
    std::string shown;  ///< for messages
  };
  /// Where the first file of a group of hard links went.
  struct LinkSource {
    std::string parent, name;
    bool failed = false;
  };
  struct CurrentFile {
    storage::Entry entry;
    Place place;
    Plan plan = Plan::create;
    std::string temporary;
    Descriptor file;
  };

  RestoreWriter(Descriptor target, WriteOptions options);
  Result<std::optional<Place>> place_of(const storage::Entry& entry);
  Plan plan_for(const storage::Entry& entry, const Place& place);
  Result<void> write_folder(storage::Entry entry, const Place& place);
  Result<void> begin_file(storage::Entry entry, Place place);
  Result<void> finish_file();
  void drop_file();
  Result<void> link_file(const storage::Entry& entry, const Place& place, const LinkSource& source);
  Result<void> write_special(const storage::Entry& entry, const Place& place);
  int make_special(const storage::Entry& entry, int folder, const std::string& name) const;
  /// errno; EEXIST: something took the name meanwhile.
  int publish(int folder, const std::string& temporary, const Place& place, Plan plan);
  void apply(OpenedFile file, const storage::Entry& entry, const std::string& shown);
  Result<void> give_up(const Place& place, int error);
  Result<void> name_displaced(const Place& place);
  uid_t maker();
  void remove_link_keepers();

  Descriptor target_;
  WriteOptions options_;
  Owners owners_;
  FolderStack folders_;
  FolderStack link_folders_;
  RestoreReport report_;
  std::map<std::string, LinkSource> links_;
  std::vector<std::string> link_keepers_;  ///< files in the target that only links are made from; removed at the end
  std::optional<CurrentFile> current_;
  std::optional<uid_t> maker_;
  std::optional<std::string> last_path_;
  std::optional<std::string> said_;     ///< entry path of which a problem was named already
  std::optional<std::string> blocked_;  ///< entry path: what is below it can't be written
  bool finished_ = false;
};

}  // namespace beffroi::client
