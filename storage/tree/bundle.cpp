#include "storage/tree/bundle.h"

#include <unordered_map>

#include "crypto/assert.h"
#include "storage/tree/tree_object.h"

namespace beffroi::storage {

struct BundlePacker::State {
  struct File {
    std::uint64_t token = 0;
    Segment segment;  // without its object
  };
  const KeyRing& keys;
  ObjectSink& sink;
  std::function<void(std::uint64_t, const Segment&)> sealed;
  Bytes content;
  std::vector<File> files;
  std::unordered_map<Digest, std::uint32_t> offsets;
};

BundlePacker::BundlePacker(const KeyRing& keys, ObjectSink& sink,
                           std::function<void(std::uint64_t token, const Segment&)> sealed)
    : state_(std::make_unique<State>(State{keys, sink, std::move(sealed), {}, {}, {}})) {
  state_->content.reserve(kBundleTargetBytes + kSmallFileBytes);
}

BundlePacker::~BundlePacker() = default;

Result<void> BundlePacker::add(std::uint64_t token, const Digest& digest, ByteView content) {
  BEFFROI_ASSERT(!content.empty() && content.size() <= kSmallFileBytes);
  // Only after a failure: the open bundle has to go first.
  if (state_->content.size() >= kBundleTargetBytes) BEFFROI_CHECK(flush());
  const auto [at, is_new] = state_->offsets.try_emplace(digest, static_cast<std::uint32_t>(state_->content.size()));
  if (is_new) state_->content.insert(state_->content.end(), content.begin(), content.end());
  state_->files.push_back(
      {token,
       {.length = content.size(), .object = std::nullopt, .offset = at->second, .in_bundle = true, .digest = digest}});
  return state_->content.size() >= kBundleTargetBytes ? flush() : Result<void>{};
}

Result<void> BundlePacker::flush() {
  if (state_->files.empty()) return {};
  const Digest digest = state_->keys.digests().chunk(state_->content);
  BEFFROI_TRY(const ObjectRef bundle, put_unless_present(state_->sink, ObjectKind::bundle, digest, {},
                                                         [&](const ChildTable&) { return ByteView(state_->content); }));
  const std::vector<State::File> files = std::exchange(state_->files, {});
  state_->content.clear();
  state_->offsets.clear();
  for (State::File file : files) {
    file.segment.object = bundle;
    state_->sealed(file.token, file.segment);
  }
  return {};
}

}  // namespace beffroi::storage
