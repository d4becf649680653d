#include "daemon/share/local_paths.h"

#include <algorithm>

#include "storage/format/cbor.h"
#include "storage/merge/path_parts.h"
#include "storage/tree/entry.h"

namespace beffroi::daemon {
namespace {

constexpr std::uint64_t kVersion = 1;

/// The first of those at or below `path`, and the first behind them.
template <class Map>
auto range_below(Map& map, std::string_view path) {
  const auto first = map.lower_bound(path);
  auto last = first;
  while (last != map.end() && storage::is_at_or_below(last->first, path)) ++last;
  return std::pair(first, last);
}

}  // namespace

bool LocalPaths::has(std::string_view path) const {
  if (rules_.empty()) return true;
  for (;; path = storage::folder_of(path)) {
    const auto rule = rules_.find(path);
    if (rule != rules_.end()) return rule->second;
    if (path.empty()) return true;
  }
}

bool LocalPaths::leads_to(std::string_view path) const {
  const auto [first, last] = range_below(rules_, path);
  return std::any_of(first, last, [&](const auto& rule) { return rule.second && rule.first != path; });
}

bool LocalPaths::is_mixed(std::string_view path) const {
  const auto [first, last] = range_below(rules_, path);
  return std::any_of(first, last, [&](const auto& rule) { return rule.first != path; });
}

void LocalPaths::forget(const std::string& path) {
  const auto [first, last] = range_below(rules_, path);
  rules_.erase(first, last);
}

void LocalPaths::set(const std::string& path, bool here) {
  forget(path);
  if (has(path) != here) rules_.emplace(path, here);
}

void LocalPaths::copy(const std::string& from, const std::string& to) {
  const auto [first, last] = range_below(rules_, from);
  const std::map<std::string, bool, std::less<>> below(first, last);
  set(to, has(from));
  for (const auto& [path, here] : below) {
    const std::string there = to + path.substr(from.size());
    if (has(there) != here) rules_.insert_or_assign(there, here);
  }
}

Bytes LocalPaths::encode() const {
  storage::CborWriter out;
  out.array(3).uint(kVersion).array(rules_.size());
  for (const auto& [path, here] : rules_) out.array(2).bytes(as_bytes(path)).boolean(here);
  out.array(unsettled.size());
  for (const std::string& path : unsettled) out.bytes(as_bytes(path));
  return out.take();
}

Result<LocalPaths> LocalPaths::decode(ByteView encoded) {
  storage::CborReader in(encoded);
  LocalPaths out;
  in.array_of(3);
  if (in.uint() != kVersion) in.reject();
  for (std::size_t left = in.array(kMaxRules); left > 0; --left) {
    in.array_of(2);
    std::string path = to_string(in.bytes());
    out.rules_[std::move(path)] = in.boolean();
    in.leave();
  }
  in.leave();
  for (std::size_t left = in.array(kMaxRules); left > 0; --left) out.unsettled.insert(to_string(in.bytes()));
  in.leave();
  in.leave();
  if (!in.finish())
    return fail(ErrorCode::corrupt, N_("What this computer noted of which files it keeps can't be read any more."));
  return out;
}

}  // namespace beffroi::daemon
