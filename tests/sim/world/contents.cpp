#include "tests/sim/world/contents.h"

#include "daemon/backup/presence.h"
#include "storage/format/codec.h"
#include "storage/tree/content.h"
#include "storage/tree/tree.h"

namespace beffroi::sim {

using storage::Entry;
using storage::ObjectKind;

const Bytes& content_of(std::uint64_t number) {
  static std::map<std::uint64_t, Bytes> known;
  Bytes& out = known[number];
  if (out.empty()) {
    crypto::SeededRandom random(number);
    out.resize(100 + random.below(3900));
    random.fill(out);
  }
  return out;
}

class SnapshotTaker::Sink final : public storage::ObjectSink {
 public:
  explicit Sink(daemon::Vault& vault)
      : vault_(vault), keys_(vault.keys()), presence_(vault.objects(), keys_->space(), keys_->current()->epoch(), {}) {}
  std::optional<storage::ObjectRef> find(ObjectKind, const storage::Digest&) override { return std::nullopt; }
  Result<storage::ObjectRef> put(ObjectKind kind, const storage::Digest&, const storage::ChildTable& children,
                                 ByteView plaintext) override {
    const storage::SealedObject object =
        seal_object(keys_->space(), *keys_->current(), kind, children, encoder_.encode(plaintext, 1).bytes);
    BEFFROI_TRY(auto header, storage::check_object(object.bytes));
    const storage::IncomingObject incoming{object.ref.id, std::move(header), object.bytes};
    BEFFROI_CHECK(vault_.objects().put(keys_->space(), {&incoming, 1}));
    return object.ref;
  }
  /// As a backup asks it.
  Result<bool> has(const storage::ObjectRef& ref) { return presence_.has(ref); }
  const storage::KeyRing& keys() const { return *keys_; }

 private:
  daemon::Vault& vault_;
  std::shared_ptr<const storage::KeyRing> keys_;
  daemon::Presence presence_;
  storage::PayloadEncoder encoder_;
};

Result<Entry> SnapshotTaker::entry(Sink& sink, const std::string& path, std::uint64_t number) {
  const Bytes& content = content_of(number);
  storage::Segment segment{.length = content.size(), .object = {}, .digest = sink.keys().digests().chunk(content)};
  const auto known = stored_.find(number);
  if (known != stored_.end()) {
    BEFFROI_TRY(const bool there, sink.has(known->second));
    if (there) segment.object = known->second;
  }
  if (!segment.object) {
    BEFFROI_TRY(segment.object, sink.put(ObjectKind::chunk, segment.digest, {}, content));
    stored_[number] = *segment.object;
  }
  Entry out;
  out.path = path;
  out.size = content.size();
  out.segments = {segment};
  out.content_digest = storage::content_digest_of(sink.keys().digests(), out.segments);
  constexpr std::uint64_t kEvery = 4;
  if (wide_ && number % kEvery == 0) out.xattrs.push_back({"user.note", Bytes(30'000, 'x')});
  return out;
}

Result<storage::Commit> SnapshotTaker::take(daemon::Vault& vault, const Files& files, const std::string& tag) {
  BEFFROI_CHECK(vault.can_write());
  Sink sink(vault);
  storage::TreeBuilder tree(sink.keys(), sink);
  for (const auto& [path, number] : files) {
    BEFFROI_TRY(const Entry next, entry(sink, path, number));
    BEFFROI_CHECK(tree.add(next));
  }
  BEFFROI_TRY(const storage::TreeRoot root, tree.finish());
  storage::CommitSealed sealed;
  sealed.host = "simulated";
  sealed.tags = {tag};
  return vault.commit(root, sealed, 0);
}

namespace {

// Appends the entry's bytes.
Result<void> read(const Entry& entry, const storage::ObjectOpener& opener, Bytes& out) {
  return storage::for_each_segment(entry, opener, [&](const storage::Segment& segment) -> Result<void> {
    BEFFROI_TRY(const Bytes bytes, storage::read_segment(segment, opener));
    out.insert(out.end(), bytes.begin(), bytes.end());
    return {};
  });
}

}  // namespace

std::optional<std::string> difference(const storage::ObjectOpener& opener, const storage::ObjectId& root,
                                      const Files& files) {
  std::optional<std::string> found;
  std::size_t seen = 0;
  const storage::TreeReader tree(opener, root);
  const auto walked = tree.for_each("", [&](const Entry& entry) -> Result<void> {
    ++seen;
    const auto expected = files.find(entry.path);
    if (expected == files.end()) {
      found = "there is a file " + entry.path + " too many";
      return {};
    }
    Bytes bytes;
    BEFFROI_CHECK(read(entry, opener, bytes));
    if (bytes != content_of(expected->second)) found = "the file " + entry.path + " has other bytes";
    return {};
  });
  if (!walked) return walked.error().message();
  if (!found && seen != files.size()) found = "files are missing";
  return found;
}

}  // namespace beffroi::sim
