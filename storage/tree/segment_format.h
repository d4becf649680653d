// How a segment stands in an entry or a content leaf (see entry.h), and lists of them.
#pragma once

#include "storage/tree/entry.h"

namespace beffroi::storage {

/// [length, digest | null]: what content digests are computed from.
void encode_segment_logical(const Segment& segment, CborWriter& out);
/// The segment's object, if any, is a child of `table`.
void encode_segment(const Segment& segment, const ChildTable& table, CborWriter& out);
/// Reads one segment. Sets the reader's failure on any violation.
Segment decode_segment(CborReader& reader, std::span<const ObjectId> children);

/// A child's index and its height, as two items; the index names one of `children`.
void encode_reference(const ObjectRef& ref, const ChildTable& table, CborWriter& out);
ObjectRef decode_reference(CborReader& reader, std::span<const ObjectId> children);

/// Sum of the lengths, or nullopt when one segment is not valid, two holes are neighbours, or the sum passes 2^63 - 1.
std::optional<std::uint64_t> total_length(std::span<const Segment> segments);

/// True for a file whose bytes all lie in one segment: its content digest is that segment's.
inline bool is_one_piece(std::span<const Segment> segments) {
  return segments.size() == 1 && segments[0].object.has_value();
}

void collect_children(std::span<const Segment> segments, ChildTable& table);

}  // namespace beffroi::storage
