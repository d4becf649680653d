#include "storage/tree/entry.h"
#include "storage/tree/segment_format.h"

namespace beffroi::storage {
namespace {

// Keys of the map, in ascending order: see entry.h.
enum Field : std::uint8_t {
  kPath,
  kType,
  kMode,
  kUid,
  kGid,
  kUser,
  kGroup,
  kMtimeSeconds,
  kMtimeNanoseconds,
  kSize,
  kXattrs,
  kLinkTarget,
  kDeviceMajor,
  kDeviceMinor,
  kHardLink,
  kFlags,
  kContentDigest,
  kSegments,
  kContentRoot,
  kFieldCount
};

using FieldSet = std::uint32_t;  // bit i: field i

FieldSet bit_if(bool present, Field field) { return present ? FieldSet{1} << field : 0; }

// What an entry says with no word of objects.
FieldSet logical_fields(const Entry& entry) {
  return bit_if(true, kPath) | bit_if(true, kType) | bit_if(entry.mode != 0, kMode) | bit_if(entry.uid != 0, kUid) |
         bit_if(entry.gid != 0, kGid) | bit_if(!entry.user.empty(), kUser) | bit_if(!entry.group.empty(), kGroup) |
         bit_if(entry.mtime_s != 0, kMtimeSeconds) | bit_if(entry.mtime_ns != 0, kMtimeNanoseconds) |
         bit_if(entry.size != 0, kSize) | bit_if(!entry.xattrs.empty(), kXattrs) |
         bit_if(!entry.link_target.empty(), kLinkTarget) | bit_if(entry.device_major != 0, kDeviceMajor) |
         bit_if(entry.device_minor != 0, kDeviceMinor) | bit_if(!entry.hard_link.empty(), kHardLink) |
         bit_if(entry.flags != 0, kFlags) | bit_if(!entry.content_digest.is_zero(), kContentDigest);
}

// What stands in a leaf: what follows from the segments is not said again.
FieldSet leaf_fields(const Entry& entry) {
  return (logical_fields(entry) & ~bit_if(!entry.segments.empty(), kSize) &
          ~bit_if(is_one_piece(entry.segments), kContentDigest)) |
         bit_if(!entry.segments.empty(), kSegments) | bit_if(entry.content_root.has_value(), kContentRoot);
}

void add_what_follows_from_segments(Entry& entry) {
  if (!entry.segments.empty()) entry.size = total_length(entry.segments).value_or(0);
  if (is_one_piece(entry.segments)) entry.content_digest = entry.segments[0].digest;
}

void write_xattrs(const std::vector<ExtendedAttribute>& xattrs, CborWriter& out) {
  out.array(xattrs.size());
  for (const auto& [name, value] : xattrs) out.array(2).bytes(as_bytes(name)).bytes(value);
}

void write_segments(const std::vector<Segment>& segments, const ChildTable& table, CborWriter& out) {
  out.array(segments.size());
  for (const Segment& segment : segments) encode_segment(segment, table, out);
}

void write_content_root(const ObjectRef& root, const ChildTable& table, CborWriter& out) {
  out.array(2);
  encode_reference(root, table, out);
}

void write_field(const Entry& entry, Field field, const ChildTable& table, CborWriter& out) {
  switch (field) {
    case kPath:
      out.bytes(as_bytes(entry.path));
      return;
    case kType:
      out.uint(static_cast<std::uint8_t>(entry.type));
      return;
    case kMode:
      out.uint(entry.mode);
      return;
    case kUid:
      out.uint(entry.uid);
      return;
    case kGid:
      out.uint(entry.gid);
      return;
    case kUser:
      out.bytes(as_bytes(entry.user));
      return;
    case kGroup:
      out.bytes(as_bytes(entry.group));
      return;
    case kMtimeSeconds:
      out.integer(entry.mtime_s);
      return;
    case kMtimeNanoseconds:
      out.uint(entry.mtime_ns);
      return;
    case kSize:
      out.uint(entry.size);
      return;
    case kXattrs:
      write_xattrs(entry.xattrs, out);
      return;
    case kLinkTarget:
      out.bytes(as_bytes(entry.link_target));
      return;
    case kDeviceMajor:
      out.uint(entry.device_major);
      return;
    case kDeviceMinor:
      out.uint(entry.device_minor);
      return;
    case kHardLink:
      out.bytes(as_bytes(entry.hard_link));
      return;
    case kFlags:
      out.uint(entry.flags);
      return;
    case kContentDigest:
      out.bytes(entry.content_digest);
      return;
    case kSegments:
      write_segments(entry.segments, table, out);
      return;
    case kContentRoot:
      write_content_root(*entry.content_root, table, out);
      return;
    case kFieldCount:
      return;
  }
}

void write_fields(const Entry& entry, FieldSet fields, const ChildTable& table, CborWriter& out) {
  out.map(static_cast<std::size_t>(std::popcount(fields)));
  for (std::uint8_t field = 0; field < kFieldCount; ++field) {
    if (((fields >> field) & 1) == 0) continue;
    out.key(field);
    write_field(entry, static_cast<Field>(field), table, out);
  }
}

std::uint32_t read_u32(CborReader& reader) { return static_cast<std::uint32_t>(reader.uint(UINT32_MAX)); }

std::string read_string(CborReader& reader, std::size_t max) { return to_string(reader.bytes(max)); }

std::vector<ExtendedAttribute> read_xattrs(CborReader& reader) {
  std::vector<ExtendedAttribute> out(reader.array(kMaxXattrs));
  for (auto& [name, value] : out) {
    reader.array_of(2);
    name = read_string(reader, kMaxXattrNameBytes);
    value = to_bytes(reader.bytes(kMaxXattrValueBytes));
    reader.leave();
  }
  reader.leave();
  return out;
}

std::vector<Segment> read_segments(CborReader& reader, std::span<const ObjectId> children) {
  std::vector<Segment> out(reader.array(kMaxInlineSegments));
  for (Segment& segment : out) segment = decode_segment(reader, children);
  reader.leave();
  return out;
}

ObjectRef read_content_root(CborReader& reader, std::span<const ObjectId> children) {
  reader.array_of(2);
  const ObjectRef out = decode_reference(reader, children);
  reader.leave();
  return out;
}

void read_field(CborReader& reader, std::uint64_t field, std::span<const ObjectId> children, Entry& out) {
  switch (field) {
    case kPath:
      out.path = read_string(reader, kMaxPathBytes);
      return;
    case kType:
      out.type = static_cast<EntryType>(reader.uint(UINT8_MAX));
      return;
    case kMode:
      out.mode = read_u32(reader);
      return;
    case kUid:
      out.uid = read_u32(reader);
      return;
    case kGid:
      out.gid = read_u32(reader);
      return;
    case kUser:
      out.user = read_string(reader, kMaxOwnerNameBytes);
      return;
    case kGroup:
      out.group = read_string(reader, kMaxOwnerNameBytes);
      return;
    case kMtimeSeconds:
      out.mtime_s = reader.integer();
      return;
    case kMtimeNanoseconds:
      out.mtime_ns = read_u32(reader);
      return;
    case kSize:
      out.size = reader.uint();
      return;
    case kXattrs:
      out.xattrs = read_xattrs(reader);
      return;
    case kLinkTarget:
      out.link_target = read_string(reader, kMaxPathBytes);
      return;
    case kDeviceMajor:
      out.device_major = read_u32(reader);
      return;
    case kDeviceMinor:
      out.device_minor = read_u32(reader);
      return;
    case kHardLink:
      out.hard_link = read_string(reader, kMaxPathBytes);
      return;
    case kFlags:
      out.flags = read_u32(reader);
      return;
    case kContentDigest:
      out.content_digest = reader.fixed<Digest>();
      return;
    case kSegments:
      out.segments = read_segments(reader, children);
      return;
    case kContentRoot:
      out.content_root = read_content_root(reader, children);
      return;
    default:
      reader.reject();
  }
}

// Reads a map of fields; which ones it had.
FieldSet read_fields(CborReader& reader, std::span<const ObjectId> children, Entry& out) {
  FieldSet seen = 0;
  const std::size_t pairs = reader.map(kFieldCount);
  for (std::size_t i = 0; i < pairs && !reader.failed(); ++i) {
    const std::uint64_t field = reader.key();
    if (field >= kFieldCount) reader.reject();
    if (reader.failed()) return {};
    read_field(reader, field, children, out);
    seen |= FieldSet{1} << field;
  }
  reader.leave();
  return seen;
}

}  // namespace

Bytes encode_entry_logical(const Entry& entry) {
  CborWriter out;
  write_fields(entry, logical_fields(entry), {}, out);
  return out.take();
}

// Just the fields that the encoder would write: here and below.
Result<Entry> decode_entry_logical(ByteView encoded) {
  CborReader reader(encoded);
  Entry out;
  const FieldSet seen = read_fields(reader, {}, out);
  if (seen != logical_fields(out) || !has_valid_metadata(out)) reader.reject();
  if (!reader.finish()) return std::unexpected(malformed("tree entry"));
  return out;
}

void encode_entry(const Entry& entry, const ChildTable& table, CborWriter& out) {
  write_fields(entry, leaf_fields(entry), table, out);
}

Entry decode_entry(CborReader& reader, std::span<const ObjectId> children) {
  Entry out;
  const FieldSet seen = read_fields(reader, children, out);
  if (reader.failed()) return {};
  add_what_follows_from_segments(out);
  if (seen != leaf_fields(out) || !has_valid_metadata(out) || !has_valid_content(out)) reader.reject();
  return out;
}

void collect_children(const Entry& entry, ChildTable& table) {
  collect_children(entry.segments, table);
  if (entry.content_root) table.add(*entry.content_root);
}

}  // namespace beffroi::storage
