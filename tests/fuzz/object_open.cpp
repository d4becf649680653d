// Property: a member of the space who seals whatever payload under whatever header makes no reader fail in any other
// way than by an error. Input: kind, number of children, then the payload (padded here). The children exist.
#include "tests/fuzz/fuzz_target.h"
#include "tests/support/memory_objects.h"

using namespace beffroi;
using namespace beffroi::storage;

namespace {

struct World {
  std::shared_ptr<testing::MemoryObjects> objects = std::make_shared<testing::MemoryObjects>(testing::test_key_ring(1));
  std::vector<ObjectRef> children;

  World() {
    const Bytes text(3000, 't');
    for (const ObjectKind kind : {ObjectKind::chunk, ObjectKind::bundle, ObjectKind::dictionary, ObjectKind::leaf})
      children.push_back(*objects->put(kind, objects->keys().digests().chunk(text), {}, text));
  }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static World world;
  if (size < 2 || size > kMaxPayloadBytes) return 0;
  const auto kind = static_cast<ObjectKind>(1 + data[0] % 7);
  ChildTable children;
  for (std::size_t i = 0; i < world.children.size(); ++i)
    if ((data[1] >> i) & 1) children.add(world.children[i]);
  children.freeze();
  Bytes payload = to_bytes(ByteView(data, size).subspan(2));
  payload.resize(padded_length(payload.size()));
  const KeyRing& keys = world.objects->keys();
  const SealedObject sealed = seal_object(keys.space(), *keys.current(), kind, children, payload);
  BEFFROI_ASSERT(check_object(sealed.bytes).has_value());
  const auto opened = testing::MemoryObjects::opener(world.objects).open_bytes(sealed.ref.id, sealed.bytes);
  if (!opened) return 0;
  BEFFROI_ASSERT(opened->header.kind == kind && opened->header.children == sealed.children);
  if (opened->reference_child) BEFFROI_ASSERT(*opened->reference_child < sealed.children.size());
  return 0;
}
