// Encodings and digests of leaves and nodes: see tree.h.
#pragma once

#include "storage/tree/tree.h"

namespace beffroi::storage {

Bytes encode_leaf(std::span<const Entry> entries, const ChildTable& table);
/// `level` is the node's.
Bytes encode_node(std::uint8_t level, std::span<const TreeChild> children, const ChildTable& table);

/// [first path, digest, entries, bytes].
Bytes encode_child_logical(const TreeChild& child);

/// Of the entries with these logical encodings.
Digest leaf_digest(const DigestKeys& keys, std::span<const Bytes> logical_entries);
Digest node_digest(const DigestKeys& keys, std::uint8_t level, std::span<const TreeChild> children);

/// Whether an item by its key alone is the last of an object of this level (0: leaf).
bool ends_tree_object(const DigestKeys& keys, std::uint8_t level, std::string_view key, std::size_t logical_size);

}  // namespace beffroi::storage
