// What all objects of tree and content tree have in common: they are stored once per digest, and use every child that
// their header names.
#pragma once

#include "storage/format/sealing.h"

namespace beffroi::storage {

/// Longest a tree may grow upwards; heights bound it anyway.
inline constexpr std::uint8_t kMaxTreeLevel = kMaxHeight - 1;

/// The object of this kind and digest that is present already, or else a new one: `children` (not yet frozen) and the
/// bytes that `encode` makes with them.
template <class Encode>
Result<ObjectRef> put_unless_present(ObjectSink& sink, ObjectKind kind, const Digest& digest, ChildTable children,
                                     const Encode& encode) {
  if (const auto present = sink.find(kind, digest)) return *present;
  children.freeze();
  return sink.put(kind, digest, children, encode(children));
}

/// True when the header's children are just `named`, besides the dictionary, and its height follows from theirs.
bool names_all_children(const OpenedObject& object, ChildTable named);

/// The object does not say what the reference to it says of it.
std::unexpected<Error> contradicts_reference(const ObjectId& id, ObjectKind kind);

/// Puts the object's id into an error of its decoder.
std::unexpected<Error> about_tree_object(const Error& error, const ObjectId& id, ObjectKind kind);

/// a + b, at most 2^64 - 1: totals of hostile sizes stay comparable.
inline std::uint64_t saturating_add(std::uint64_t a, std::uint64_t b) {
  return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

}  // namespace beffroi::storage
