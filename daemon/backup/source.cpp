#include "daemon/backup/source.h"

#include <algorithm>
#include <cstdlib>
#include <memory>

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

const std::string kSourcesKey = "vault/sources";
constexpr std::size_t kMaxSourceBytes = 64 * 1024;
constexpr std::size_t kMaxTexts = 10'000;

void write_texts(storage::CborWriter& out, const std::vector<std::string>& texts) {
  out.array(texts.size());
  for (const std::string& text : texts) out.bytes(as_bytes(text));
}

std::vector<std::string> read_texts(storage::CborReader& in) {
  std::vector<std::string> out(in.array(kMaxTexts));
  for (std::string& text : out) text = to_string(in.bytes(kMaxSourceBytes));
  in.leave();
  return out;
}

Bytes encode(const std::vector<Source>& sources) {
  storage::CborWriter out;
  out.array(sources.size());
  for (const Source& source : sources) {
    out.array(9).bytes(as_bytes(source.path));
    write_texts(out, source.excludes);
    write_texts(out, source.exclude_files);
    out.boolean(source.one_file_system).boolean(source.skip_caches);
    if (source.max_file_bytes)
      out.uint(*source.max_file_bytes);
    else
      out.null();
    out.boolean(source.separate).bytes(as_bytes(source.before)).bytes(as_bytes(source.after));
  }
  return out.take();
}

Result<std::vector<Source>> decode(ByteView encoded) {
  storage::CborReader in(encoded);
  std::vector<Source> out(in.array(storage::kMaxSources));
  for (Source& source : out) {
    in.array_of(9);
    source.path = to_string(in.bytes(kMaxSourceBytes));
    source.excludes = read_texts(in);
    source.exclude_files = read_texts(in);
    source.one_file_system = in.boolean();
    source.skip_caches = in.boolean();
    if (!in.try_null()) source.max_file_bytes = in.uint();
    source.separate = in.boolean();
    source.before = to_string(in.bytes(kMaxSourceBytes));
    source.after = to_string(in.bytes(kMaxSourceBytes));
    in.leave();
  }
  in.leave();
  if (!in.finish()) return std::unexpected(storage::malformed(N_("stored source list")));
  return out;
}

/// "/srv/files" for "/srv//files/"; "/" stays.
std::string without_trailing_slashes(const std::string& path) {
  return "/" + [&] {
    std::string inner = storage::to_display_path(storage::to_entry_path(path));
    return inner.starts_with('/') ? inner.substr(1) : inner;
  }();
}

bool is_inside(const std::string& path, const std::string& folder) {
  return folder == "/" || path == folder || path.starts_with(folder + "/");
}

bool has_dot_components(const std::string& path) {
  const std::string framed = path + "/";
  return framed.contains("/./") || framed.contains("/../");
}

/// Without links on the way. not_found.
Result<std::string> resolved(const std::string& path) {
  const std::unique_ptr<char, decltype(&std::free)> real(::realpath(path.c_str(), nullptr), &std::free);
  if (!real) return fail(ErrorCode::not_found, N_("There is no file or folder {}."), path);
  return std::string(real.get());
}

Result<void> check_form(const Source& source) {
  if (!source.path.starts_with('/') || source.path.size() > kMaxSourceBytes || has_dot_components(source.path) ||
      source.path.contains('\0'))
    return fail(ErrorCode::usage, N_("A source is an absolute path: {} is not."), source.path);
  for (const std::string& glob : source.excludes)
    if (glob.empty() || glob.size() > kMaxSourceBytes)
      return fail(ErrorCode::usage, N_("An exclusion may not be empty or longer than 64 KiB."));
  for (const std::string& name : source.exclude_files)
    if (name.empty() || name.contains('/'))
      return fail(ErrorCode::usage, N_("An exclude file is the name of a file, without a folder: {} is not."), name);
  return {};
}

}  // namespace

SourceList::SourceList(Vault& vault) : vault_(vault) {}

Result<std::vector<Source>> SourceList::all() const {
  BEFFROI_TRY(const auto stored, vault_.database().get(storage::Table::state, as_bytes(kSourcesKey)));
  if (!stored) return std::vector<Source>{};
  return decode(*stored);
}

Result<Source> SourceList::add(const Source& source) {
  BEFFROI_CHECK(check_form(source));
  Source added = source;
  BEFFROI_TRY(added.path, resolved(without_trailing_slashes(source.path)));
  BEFFROI_TRY(auto sources, all());
  for (const Source& other : sources) {
    if (other.path == added.path)
      return fail(ErrorCode::already_exists,
                  N_("{} is a source already. To change how it is backed up, remove it and add it again: nothing that "
                     "was backed up is lost."),
                  added.path);
    if (is_inside(added.path, other.path) || is_inside(other.path, added.path))
      return fail(ErrorCode::usage, N_("{} and the source {} lie one inside the other. Remove one of them."),
                  added.path, other.path);
  }
  if (sources.size() >= storage::kMaxSources) return fail(ErrorCode::limit_exceeded, N_("There are too many sources."));
  sources.push_back(added);
  BEFFROI_CHECK(vault_.database().put(storage::Table::state, as_bytes(kSourcesKey), encode(sources),
                                      storage::Durability::synced));
  return added;
}

Result<void> SourceList::remove(const std::string& path) {
  BEFFROI_TRY(auto sources, all());
  const auto erase = [&](const std::string& wanted) {
    return std::erase_if(sources, [&](const Source& source) { return source.path == wanted; }) != 0;
  };
  const std::string stored = without_trailing_slashes(path);
  if (!erase(stored) && !erase(resolved(stored).value_or(stored)))
    return fail(ErrorCode::not_found, N_("{} is not a source. 'beffroi source list' shows them."), path);
  return vault_.database().put(storage::Table::state, as_bytes(kSourcesKey), encode(sources),
                               storage::Durability::synced);
}

}  // namespace beffroi::daemon
