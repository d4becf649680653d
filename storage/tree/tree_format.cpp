#include "storage/tree/tree_format.h"

#include "storage/tree/segment_format.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {
namespace {

void write_child_logical(const TreeChild& child, CborWriter& out) {
  out.array(4).bytes(as_bytes(child.first_path)).bytes(child.digest).uint(child.entries).uint(child.bytes);
}

TreeChild read_child(CborReader& reader, std::span<const ObjectId> children) {
  TreeChild out;
  reader.array_of(6);
  out.first_path = to_string(reader.bytes(kMaxPathBytes));
  out.ref = decode_reference(reader, children);
  out.digest = reader.fixed<Digest>();
  out.entries = reader.uint();
  out.bytes = reader.uint();
  reader.leave();
  if (out.entries == 0) reader.reject();
  return out;
}

template <class Item>
bool ascends(const std::vector<Item>& items, std::string Item::* key) {
  return std::ranges::adjacent_find(items, std::ranges::greater_equal{}, key) == items.end();
}

}  // namespace

Bytes encode_leaf(std::span<const Entry> entries, const ChildTable& table) {
  CborWriter out;
  out.array(entries.size());
  for (const Entry& entry : entries) encode_entry(entry, table, out);
  return out.take();
}

Bytes encode_node(std::uint8_t level, std::span<const TreeChild> children, const ChildTable& table) {
  CborWriter out;
  out.array(2).uint(level).array(children.size());
  for (const TreeChild& child : children) {
    out.array(6).bytes(as_bytes(child.first_path));
    encode_reference(child.ref, table, out);
    out.bytes(child.digest).uint(child.entries).uint(child.bytes);
  }
  return out.take();
}

Bytes encode_child_logical(const TreeChild& child) {
  CborWriter out;
  write_child_logical(child, out);
  return out.take();
}

Digest leaf_digest(const DigestKeys& keys, std::span<const Bytes> logical_entries) {
  CborWriter out;
  out.array(logical_entries.size());
  for (const Bytes& entry : logical_entries) out.encoded(entry);
  return keys.tree(out.take());
}

Digest node_digest(const DigestKeys& keys, std::uint8_t level, std::span<const TreeChild> children) {
  CborWriter out;
  out.array(2).uint(level).array(children.size());
  for (const TreeChild& child : children) write_child_logical(child, out);
  return keys.tree(out.take());
}

bool ends_tree_object(const DigestKeys& keys, std::uint8_t level, std::string_view key, std::size_t logical_size) {
  if (logical_size >= kTreeObjectTargetBytes) return true;
  Bytes input = {level};
  input.insert(input.end(), key.begin(), key.end());
  // size × 2^64 / 65,536
  return crypto::siphash24(keys.tree_cut_key(), input) < std::uint64_t{logical_size} << 48;
}

Result<std::vector<Entry>> decode_leaf(const OpenedObject& object) {
  CborReader reader(object.plaintext);
  std::vector<Entry> out;
  ChildTable named;
  // The announced number is bounded by the bytes that are there, but an Entry is much longer than one byte.
  constexpr std::size_t kOrdinaryEntryBytes = 64;
  const std::size_t announced = reader.array();
  out.reserve(std::min(announced, object.plaintext.size() / kOrdinaryEntryBytes));
  for (std::size_t left = announced; left > 0 && !reader.failed(); --left) {
    out.push_back(decode_entry(reader, object.header.children));
    collect_children(out.back(), named);
  }
  reader.leave();
  if (object.header.kind != ObjectKind::leaf || !reader.finish() || !ascends(out, &Entry::path) ||
      !names_all_children(object, std::move(named)))
    return std::unexpected(malformed(object_kind_name(ObjectKind::leaf)));
  return out;
}

Result<std::vector<TreeChild>> decode_node(const OpenedObject& object) {
  CborReader reader(object.plaintext);
  reader.array_of(2);
  const std::uint64_t level = reader.uint(kMaxTreeLevel);
  std::vector<TreeChild> out(reader.array(kMaxTreeObjectReferences));
  if (level == 0 || out.empty()) reader.reject();
  ChildTable named;
  for (TreeChild& child : out) {
    child = read_child(reader, object.header.children);
    child.level = static_cast<std::uint8_t>(level - 1);
    named.add(child.ref);
  }
  reader.leave();
  reader.leave();
  if (object.header.kind != ObjectKind::node || !reader.finish() || !ascends(out, &TreeChild::first_path) ||
      !names_all_children(object, std::move(named)))
    return std::unexpected(malformed(object_kind_name(ObjectKind::node)));
  return out;
}

}  // namespace beffroi::storage
