// Encodings and digests of content leaves and nodes: see content.h.
#pragma once

#include "storage/tree/content.h"

namespace beffroi::storage {

Bytes encode_content_leaf(std::span<const Segment> segments, const ChildTable& table);
/// `level` is the node's.
Bytes encode_content_node(std::uint8_t level, std::span<const ContentItems::Child> children, const ChildTable& table);

Digest content_leaf_digest(const DigestKeys& keys, std::span<const Segment> segments);
Digest content_node_digest(const DigestKeys& keys, std::uint8_t level, std::span<const ContentItems::Child> children);

}  // namespace beffroi::storage
