#include "client/restore/version_writer.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <system_error>

#include "storage/merge/path_parts.h"
#include "storage/merge/shared_part.h"

namespace beffroi::client {
namespace {

// Neither root's nor anybody's: chown() then changes nothing.
constexpr Ownership kAsMade{static_cast<uid_t>(-1), static_cast<gid_t>(-1)};

}  // namespace

Result<std::unique_ptr<VersionWriter>> VersionWriter::open(Descriptor folder, Landing landing, Overwrite overwrite) {
  Ownership owner = kAsMade;
  if (geteuid() == 0) {
    struct stat status{};
    if (fstat(folder.get(), &status) != 0)
      return fail(ErrorCode::io, N_("Cannot write {}: {}."), landing.name, std::generic_category().message(errno));
    owner = {status.st_uid, status.st_gid};
  }
  const std::string_view above = landing.in_space ? storage::folder_of(landing.path) : std::string_view();
  std::string selected = storage::path_in(above, landing.name);
  // Not privileged: set-id bits are not wanted from whomever.
  const WriteOptions options{
      .overwrite = overwrite, .numeric_owner = true, .privileged = false, .selected = selected, .folders_stay = true};
  return std::unique_ptr<VersionWriter>(new VersionWriter(std::move(landing), std::move(selected), owner,
                                                          RestoreWriter::open(std::move(folder), options)));
}

VersionWriter::VersionWriter(Landing landing, std::string selected, Ownership owner,
                             std::unique_ptr<RestoreWriter> writer)
    : landing_(std::move(landing)), selected_(std::move(selected)), owner_(owner), writer_(std::move(writer)) {}

std::string VersionWriter::renamed(const std::string& path) const {
  return storage::is_at_or_below(path, landing_.path) ? selected_ + path.substr(landing_.path.size()) : path;
}

Result<void> VersionWriter::entry(storage::Entry entry) {
  last_ = entry.path;
  entry.path = renamed(entry.path);
  const auto refused = storage::keep_shared_part(entry);
  skips_ = refused.has_value();
  if (refused) return leave_out(entry.path, *refused);
  entry.uid = owner_.user;
  entry.gid = owner_.group;
  return writer_->entry(std::move(entry));
}

Result<void> VersionWriter::data(std::uint64_t offset, ByteView bytes) {
  return skips_ ? Result<void>() : writer_->data(offset, bytes);
}

Result<void> VersionWriter::failure(const std::string& path, const Error& reason) {
  if (last_ != path) return leave_out(renamed(path), reason);
  return skips_ ? Result<void>() : writer_->failure(renamed(path), reason);
}

Result<void> VersionWriter::leave_out(const std::string& path, const Error& reason) {
  left_out_.add_problem(storage::to_display_path(path), {ErrorCode::refused, reason.text, reason.args});
  return {};
}

RestoreReport VersionWriter::report() const {
  RestoreReport out = writer_->report();
  out.problems_total += left_out_.problems_total;
  for (const RestoreProblem& problem : left_out_.problems)
    if (out.problems.size() < RestoreReport::kMaxNamed) out.problems.push_back(problem);
  return out;
}

}  // namespace beffroi::client
