#include "daemon/share/shares.h"

#include <spdlog/spdlog.h>

#include <algorithm>

namespace beffroi::daemon {
namespace {

constexpr std::size_t kMinPrefixDigits = 4;
constexpr std::size_t kShownIdDigits = 12;
/// A share is small beside a vault, and there may be many.
constexpr std::size_t kShareCacheBytes = 8U * 1024 * 1024;
constexpr std::size_t kShareMemtableBytes = 16U * 1024 * 1024;

bool is_inside(const std::filesystem::path& path, const std::filesystem::path& folder) {
  const auto rest = path.lexically_relative(folder);
  return !rest.empty() && *rest.begin() != "..";
}

bool overlap(const std::string& a, const std::string& b) { return is_inside(a, b) || is_inside(b, a); }

/// Never finished, or left.
Result<bool> is_worthless(const Share& share) {
  BEFFROI_TRY(const bool gone, share.book.gone());
  BEFFROI_TRY(const auto folder, share.book.folder());
  BEFFROI_TRY(const auto join, share.book.join());
  return gone || !folder || (!share.joined() && !join);
}

std::unexpected<Error> no_such_space(const std::string& name) {
  return fail(ErrorCode::not_found, N_("There is no shared space {} here. 'beffroi space list' shows them."), name);
}

}  // namespace

Share::Share(storage::SpaceId id, std::unique_ptr<Vault> opened, std::string synced_folder)
    : space(id), vault(std::move(opened)), folder(std::move(synced_folder)), book(vault->database()) {}

Share::~Share() {
  if (!erased_) return;
  const std::filesystem::path data = std::filesystem::path(vault->database().folder()).parent_path();
  // It is closed first; what a crash leaves behind is cleared away at the next start.
  vault.reset();
  std::error_code error;
  std::filesystem::remove_all(data, error);
  if (error) spdlog::warn("what is left of a space could not be removed from {}: {}", data.string(), error.message());
}

std::string Share::shown() const { return joined() ? vault->name() : space.hex().substr(0, kShownIdDigits); }

Shares::Shares(std::string data_folder, Clock& clock, crypto::Random& random, const storage::DatabaseOptions& options)
    : data_folder_(std::move(data_folder)), clock_(clock), random_(random), options_(options) {
  options_.cache_bytes = std::min(options_.cache_bytes, kShareCacheBytes);
  options_.memtable_bytes = std::min(options_.memtable_bytes, kShareMemtableBytes);
}

std::string Shares::data_of(const storage::SpaceId& space) const { return data_folder_ + "/shares/" + space.hex(); }

Result<std::shared_ptr<Share>> Shares::open(const storage::SpaceId& space) {
  BEFFROI_TRY(auto vault, Vault::open(data_of(space), clock_, random_, options_));
  BEFFROI_TRY(const auto folder, ShareBook(vault->database()).folder());
  auto share = std::make_shared<Share>(space, std::move(vault), folder.value_or(std::string()));
  BEFFROI_TRY(const bool worthless, is_worthless(*share));
  share->erased_ = worthless;
  return share;
}

std::vector<Shares::Fault> Shares::open_all() {
  std::vector<Fault> out;
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(data_folder_ + "/shares", error))
    names.push_back(entry.path().filename().string());
  std::ranges::sort(names);
  const std::lock_guard lock(mutex_);
  for (const std::string& name : names) {
    const auto bytes = from_hex(name);
    const auto space = bytes ? storage::SpaceId::from(*bytes) : std::nullopt;
    if (!space) continue;
    auto share = open(*space);
    if (!share) {
      out.push_back({name, share.error()});
      faulty_.insert(*space);
    } else if (!(*share)->erased_) {
      shares_.emplace(*space, std::move(*share));
    }
  }
  return out;
}

std::vector<std::shared_ptr<Share>> Shares::all() const {
  const std::lock_guard lock(mutex_);
  std::vector<std::shared_ptr<Share>> out;
  for (const auto& [space, share] : shares_) out.push_back(share);
  return out;
}

std::shared_ptr<Share> Shares::find(const storage::SpaceId& space) const {
  const std::lock_guard lock(mutex_);
  const auto found = shares_.find(space);
  return found == shares_.end() ? nullptr : found->second;
}

Result<std::shared_ptr<Share>> Shares::find(const std::string& name) const {
  std::vector<std::shared_ptr<Share>> named, numbered;
  for (const auto& share : all()) {
    if (share->joined() && share->vault->name() == name) named.push_back(share);
    if (name.size() >= kMinPrefixDigits && share->space.hex().starts_with(name)) numbered.push_back(share);
  }
  const auto& fitting = named.empty() ? numbered : named;
  if (fitting.empty()) return no_such_space(name);
  if (fitting.size() > 1)
    return fail(ErrorCode::usage, N_("Several spaces are called {}. Give the first digits of the right one's id."),
                name);
  return fitting.front();
}

Result<void> Shares::check_folder(const std::string& folder) const {
  const std::filesystem::path path(folder);
  if (!path.is_absolute() || path.lexically_normal() != path || path == "/")
    return fail(ErrorCode::usage, N_("The folder {} can't be shared: give its whole path, and not all of the disk."),
                folder);
  std::error_code ignored;
  const std::string data = std::filesystem::absolute(data_folder_, ignored).lexically_normal().string();
  if (overlap(folder, data))
    return fail(ErrorCode::usage, N_("The folder {} can't be shared: Beffroi's own data is there."), folder);
  for (const auto& share : all())
    if (overlap(folder, share->folder))
      return fail(ErrorCode::usage, N_("The folder {} can't be shared: {} is shared already, as {}."), folder,
                  share->folder, share->shown());
  return {};
}

Result<void> Shares::reserve(const storage::SpaceId& space) {
  const std::lock_guard lock(mutex_);
  if (shares_.contains(space)) return fail(ErrorCode::already_exists, N_("This computer is in the space already."));
  if (faulty_.contains(space))
    return fail(ErrorCode::wrong_state, N_("What is here of this space can't be opened: see 'beffroi status'."));
  const auto left = leaving_.find(space);
  if ((left != leaving_.end() && !left->second.expired()) || !opening_.insert(space).second)
    return fail(ErrorCode::busy, N_("This space was left just now. Try again in a moment."));
  return {};
}

Result<std::shared_ptr<Share>> Shares::make(const storage::SpaceId& space, const crypto::DeviceKeys& keys,
                                            const std::string& folder) {
  // What an earlier attempt left behind.
  std::error_code error;
  std::filesystem::remove_all(data_of(space), error);
  BEFFROI_CHECK(Vault::prepare(data_of(space), keys));
  BEFFROI_TRY(auto vault, Vault::open(data_of(space), clock_, random_, options_));
  auto share = std::make_shared<Share>(space, std::move(vault), folder);
  BEFFROI_CHECK(share->book.set_folder(folder));
  return share;
}

// Without the lock meanwhile: whoever looks for a share must not wait for the disk.
Result<std::shared_ptr<Share>> Shares::add(const storage::SpaceId& space, const crypto::DeviceKeys& keys,
                                           const std::string& folder) {
  BEFFROI_CHECK(check_folder(folder));
  BEFFROI_CHECK(reserve(space));
  auto share = make(space, keys, folder);
  const std::lock_guard lock(mutex_);
  opening_.erase(space);
  if (share) shares_.emplace(space, *share);
  return share;
}

Result<void> Shares::remove(const std::shared_ptr<Share>& share) {
  BEFFROI_CHECK(share->book.set_gone());
  const std::lock_guard lock(mutex_);
  shares_.erase(share->space);
  leaving_[share->space] = share->present_;
  share->erased_ = true;
  return {};
}

}  // namespace beffroi::daemon
