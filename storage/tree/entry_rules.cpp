#include "storage/tree/entry.h"
#include "storage/tree/segment_format.h"

namespace beffroi::storage {
namespace {

constexpr std::uint32_t kModeBits = 07777;
constexpr std::uint32_t kNanosecondsPerSecond = 1'000'000'000;
// What off_t can say; sums of two still fit 64 bits.
constexpr std::uint64_t kMaxFileBytes = INT64_MAX;

// A C string on its way back to the operating system: a zero would end it early.
bool is_c_string(std::string_view text, std::size_t max) {
  return text.size() <= max && text.find('\0') == std::string_view::npos;
}

bool has_valid_names(const Entry& entry) {
  if (!is_valid_path(entry.path) || (entry.path.empty() && entry.type != EntryType::directory)) return false;
  if (!is_valid_path(entry.hard_link) || (!entry.hard_link.empty() && entry.type == EntryType::directory)) return false;
  return is_c_string(entry.user, kMaxOwnerNameBytes) && is_c_string(entry.group, kMaxOwnerNameBytes);
}

bool has_valid_xattrs(const std::vector<ExtendedAttribute>& xattrs) {
  if (xattrs.size() > kMaxXattrs) return false;
  std::size_t total = 0;
  for (std::size_t i = 0; i < xattrs.size(); ++i) {
    const auto& [name, value] = xattrs[i];
    if (name.empty() || !is_c_string(name, kMaxXattrNameBytes) || value.size() > kMaxXattrValueBytes) return false;
    if (i > 0 && name <= xattrs[i - 1].name) return false;
    total += name.size() + value.size();
  }
  return total <= kMaxXattrsBytes;
}

// Fields that only some types have.
bool fields_fit_type(const Entry& entry) {
  const bool unreadable = (entry.flags & kEntryUnreadable) != 0;
  const bool is_file = entry.type == EntryType::file;
  const bool is_link = entry.type == EntryType::symlink;
  const bool is_device = entry.type == EntryType::character_device || entry.type == EntryType::block_device;
  if (!is_file && entry.size != 0) return false;
  if (entry.content_digest.is_zero() == (is_file && !unreadable)) return false;
  if (entry.link_target.empty() ? is_link && !unreadable : !is_link) return false;
  return is_device || (entry.device_major == 0 && entry.device_minor == 0);
}

}  // namespace

bool has_valid_metadata(const Entry& entry) {
  if (entry.type < EntryType::file || entry.type > EntryType::block_device) return false;
  if (entry.mode > kModeBits || entry.mtime_ns >= kNanosecondsPerSecond || entry.size > kMaxFileBytes) return false;
  if ((entry.flags & ~kKnownEntryFlags) != 0) return false;
  return has_valid_names(entry) && is_c_string(entry.link_target, kMaxPathBytes) && has_valid_xattrs(entry.xattrs) &&
         fields_fit_type(entry);
}

bool has_valid_content(const Entry& entry) {
  if (entry.type != EntryType::file || (entry.flags & kEntryUnreadable) != 0)
    return entry.segments.empty() && !entry.content_root;
  if (entry.content_root) return entry.segments.empty() && entry.size > 0 && entry.content_root->height < kMaxHeight;
  if (is_one_piece(entry.segments) && entry.content_digest != entry.segments[0].digest) return false;
  return entry.segments.size() <= kMaxInlineSegments && total_length(entry.segments) == entry.size;
}

}  // namespace beffroi::storage
