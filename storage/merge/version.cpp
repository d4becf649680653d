#include "storage/merge/version.h"

#include <tuple>

namespace beffroi::storage {
namespace {

template <class Get>
auto pick(const Entry* base, const Entry& a, const Entry& b, const Get& get) {
  const auto of_a = get(a);
  const auto of_b = get(b);
  if (base != nullptr && of_a == get(*base)) return of_b;
  if (base != nullptr && of_b == get(*base)) return of_a;
  return std::max(of_a, of_b);
}

}  // namespace

bool same_content(const Entry& a, const Entry& b) {
  return a.type == b.type && a.size == b.size && a.content_digest == b.content_digest &&
         a.link_target == b.link_target && a.device_major == b.device_major && a.device_minor == b.device_minor;
}

std::strong_ordering compare_versions(const Entry& a, const Entry& b) {
  const auto order =
      std::tie(a.mtime_s, a.mtime_ns, a.content_digest) <=> std::tie(b.mtime_s, b.mtime_ns, b.content_digest);
  if (order != 0) return order;
  return encode_entry_logical(moved_to(a, "")) <=> encode_entry_logical(moved_to(b, ""));
}

Entry merge_metadata(const Entry* base, const Entry& content, const Entry& other) {
  const auto merged = [&](const auto& get) { return pick(base, content, other, get); };
  Entry out = content;
  out.mode = merged([](const Entry& entry) { return entry.mode; });
  std::tie(out.uid, out.user) = merged([](const Entry& entry) { return std::pair(entry.uid, entry.user); });
  std::tie(out.gid, out.group) = merged([](const Entry& entry) { return std::pair(entry.gid, entry.group); });
  std::tie(out.mtime_s, out.mtime_ns) =
      merged([](const Entry& entry) { return std::pair(entry.mtime_s, entry.mtime_ns); });
  out.xattrs = merged([](const Entry& entry) { return entry.xattrs; });
  // What is said of the reading of a content goes with that content.
  if (!same_content(content, other)) return out;
  out.flags = merged([](const Entry& entry) { return entry.flags; });
  out.hard_link = merged([](const Entry& entry) { return entry.hard_link; });
  return out;
}

Entry moved_to(Entry entry, std::string_view path) {
  entry.path = path;
  return entry;
}

}  // namespace beffroi::storage
