// Files as a member's changed program would share them: a few objects name the same pieces any number of times.
#pragma once

#include <gtest/gtest.h>

#include "storage/tree/content.h"
#include "storage/tree/content_format.h"
#include "storage/tree/segment_format.h"

namespace beffroi::storage::testing {

/// `pieces`, 1024^levels times over. The content digest is none.
inline Entry repeated_content(const std::string& path, const KeyRing& keys, ObjectSink& sink,
                              std::span<const Segment> pieces, std::uint8_t levels) {
  const auto put = [&](ObjectKind kind, const Digest& digest, ChildTable& table, const auto& encode) {
    table.freeze();
    return *sink.put(kind, digest, table, encode());
  };
  ChildTable named;
  collect_children(pieces, named);
  ContentItems::Child child{
      .ref = {}, .digest = content_leaf_digest(keys.digests(), pieces), .bytes = *total_length(pieces), .level = 0};
  child.ref = put(ObjectKind::content_leaf, child.digest, named, [&] { return encode_content_leaf(pieces, named); });
  for (std::uint8_t level = 1; level <= levels; ++level) {
    const std::vector<ContentItems::Child> children(kMaxContentItems, child);
    ChildTable table;
    table.add(child.ref);
    child = {.ref = {},
             .digest = content_node_digest(keys.digests(), level, children),
             .bytes = child.bytes * kMaxContentItems,
             .level = level};
    child.ref =
        put(ObjectKind::content_node, child.digest, table, [&] { return encode_content_node(level, children, table); });
  }
  Entry out;
  out.path = path;
  out.mode = 0644;
  out.size = child.bytes;
  out.content_digest = child.digest;
  out.content_root = child.ref;
  return out;
}

}  // namespace beffroi::storage::testing
