// Writes what a restore stream gives into a folder, with the caller's own rights and never outside of it.
#pragma once

#include <deque>
#include <map>
#include <memory>

#include "client/restore/folder_stack.h"
#include "client/restore/frame_reader.h"
#include "client/restore/owners.h"
#include "client/restore/restore_report.h"
#include "client/restore/small_files.h"

namespace beffroi::client {

struct WriteOptions {
  Overwrite overwrite = Overwrite::never;
  bool numeric_owner = false;  ///< numbers instead of names decide whose files become
  bool privileged = false;     ///< the caller is root
  /// Entry path whose last component lands directly in the target; empty: full paths below the target.
  std::string selected;
  /// Folders that are there keep owner, rights and times, also with Overwrite::always.
  bool folders_stay = false;
};

/// One stream into one target. Every file is written under a name of its own (.beffroi-…) and renamed when it is whole,
/// so that a file of the right name has the right content, whatever happened. Small ones are written by threads while
/// the stream goes on. Not thread-safe. Files that can't be written are problems in the report, and the others go on.
/// Errors end the stream: disk_full, io (the target itself
/// fails), protocol (the stream names what it may not).
class RestoreWriter final : public FrameHandler {
 public:
  /// Opens the target, and makes it when it is missing. io, not_found, refused.
  static Result<std::unique_ptr<RestoreWriter>> open(const std::string& target, WriteOptions options);
  /// Into a folder that is open already (O_RDONLY).
  static std::unique_ptr<RestoreWriter> open(Descriptor target, WriteOptions options);
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
  /// What the threads write, or a folder that is left: its metadata are its last when all its files are there.
  struct UnderWay {
    std::shared_ptr<SmallFile> file;
    std::optional<FolderStack::Left> folder;
  };

  RestoreWriter(Descriptor target, WriteOptions options);
  Result<std::optional<Place>> place_of(const storage::Entry& entry);
  Plan plan_for(const storage::Entry& entry, const Place& place);
  Result<void> write_folder(storage::Entry entry, const Place& place);
  Result<void> begin_file(storage::Entry entry, Place place);
  bool begin_small(storage::Entry& entry, const Place& place);
  void leave_folder(FolderStack::Left left);
  void submit_small();
  /// Takes what is done from the front, and waits until no more than this is under way.
  Result<void> settle(std::size_t max_files, std::size_t max_folders, std::size_t max_bytes);
  Result<void> settle_all() { return settle(0, 0, 0); }
  Result<void> settle_file(const SmallFile& file);
  Result<void> finish_file();
  void drop_file();
  Result<void> link_file(const storage::Entry& entry, const Place& place, const LinkSource& source);
  Result<void> write_special(const storage::Entry& entry, const Place& place);
  int make_special(const storage::Entry& entry, int folder, const std::string& name) const;
  void apply(OpenedFile file, const storage::Entry& entry, const std::string& shown);
  void count(const MetadataOutcome& outcome, const std::string& shown);
  Result<void> give_up(const Place& place, int error);
  Result<void> name_displaced(const Place& place);
  uid_t maker();
  void remove_link_keepers();

  std::shared_ptr<const Descriptor> target_;
  WriteOptions options_;
  Owners owners_;
  FolderStack folders_;
  FolderStack link_folders_;
  RestoreReport report_;
  std::map<std::string, LinkSource> links_;
  std::vector<std::string> link_keepers_;  ///< files in the target that only links are made from; removed at the end
  std::optional<CurrentFile> current_;
  std::shared_ptr<SmallFile> small_;  ///< instead of current_
  std::deque<UnderWay> under_way_;
  std::size_t files_under_way_ = 0, bytes_under_way_ = 0;
  std::optional<uid_t> maker_;
  std::optional<std::string> last_path_;
  std::optional<std::string> said_;     ///< entry path of which a problem was named already
  std::optional<std::string> blocked_;  ///< entry path: what is below it can't be written
  std::optional<std::string> leaf_;     ///< entry path of the last thing that is no folder
  std::optional<Error> failed_;         ///< what ends the stream at the next entry
  bool finished_ = false;
  SmallFiles small_files_;
};

}  // namespace beffroi::client
