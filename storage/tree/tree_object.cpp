#include "storage/tree/tree_object.h"

namespace beffroi::storage {

bool names_all_children(const OpenedObject& object, ChildTable named) {
  const ObjectHeader& header = object.header;
  // A dictionary has no children itself.
  if (object.reference_child) named.add({.id = header.children[*object.reference_child], .height = 0});
  named.freeze();
  return named.ids() == header.children && named.parent_height() == header.height;
}

std::unexpected<Error> contradicts_reference(const ObjectId& id, ObjectKind kind) {
  return fail(ErrorCode::corrupt, N_("The {} {} is not what refers to it says: run a check."), object_kind_name(kind),
              id.hex());
}

std::unexpected<Error> about_tree_object(const Error& error, const ObjectId& id, ObjectKind kind) {
  if (error.code != ErrorCode::corrupt) return std::unexpected(error);
  return fail(ErrorCode::corrupt, N_("The {} {} is damaged: run a check, and restore it from another copy."),
              object_kind_name(kind), id.hex());
}

}  // namespace beffroi::storage
