#include "tests/bench/sealed_set.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <map>
#include <stdexcept>

#include "storage/space/ceremony.h"
#include "storage/tree/tree.h"

namespace beffroi::bench {
namespace {

constexpr std::uint64_t kChunkBytesMin = 32 * 1024;
constexpr std::uint64_t kChunkBytesMax = 256 * 1024;
constexpr std::uint64_t kChunksPerFileMax = 8;
constexpr storage::UnixTime kFounded{1'700'000'000};

std::string path_of(const std::string& folder, std::size_t number, const char* kind) {
  return folder + "/" + std::to_string(number) + kind;
}

/// Writes chunks at once, and what is above them at the end, level by level: the order of a push.
class FileSink final : public storage::ObjectSink {
 public:
  FileSink(const storage::KeyRing& keys, const std::string& path) : keys_(keys), file_(path, std::ios::binary) {}

  std::optional<storage::ObjectRef> find(storage::ObjectKind, const storage::Digest&) override { return std::nullopt; }
  Result<storage::ObjectRef> put(storage::ObjectKind kind, const storage::Digest&, const storage::ChildTable& children,
                                 ByteView plaintext) override {
    storage::SealedObject object =
        seal_object(keys_.space(), *keys_.current(), kind, children, encoder_.encode(plaintext, 1).bytes);
    const storage::ObjectRef out = object.ref;
    if (out.height == 0)
      write(object);
    else
      above_[out.height].push_back(std::move(object));
    return out;
  }
  const std::vector<SealedVault::Object>& finish() {
    for (const auto& [height, objects] : above_)
      for (const storage::SealedObject& object : objects) write(object);
    file_.close();
    if (!file_) throw std::runtime_error("cannot write the sealed objects");
    return written_;
  }

 private:
  void write(const storage::SealedObject& object) {
    file_ << as_text(object.bytes);
    written_.push_back({object.ref.id, object.bytes.size(), object.ref.height});
  }

  const storage::KeyRing& keys_;
  std::ofstream file_;
  storage::PayloadEncoder encoder_;
  std::map<std::uint8_t, std::vector<storage::SealedObject>> above_;
  std::vector<SealedVault::Object> written_;
};

storage::Segment make_chunk(const storage::KeyRing& keys, FileSink& sink, crypto::Random& random) {
  Bytes noise(kChunkBytesMin + random.below(kChunkBytesMax - kChunkBytesMin));
  random.fill(noise);
  storage::Segment out{.length = noise.size(), .object = {}, .digest = keys.digests().chunk(noise)};
  out.object = sink.put(storage::ObjectKind::chunk, out.digest, {}, noise).value();
  return out;
}

storage::Entry make_file(const storage::KeyRing& keys, FileSink& sink, crypto::Random& random, std::size_t number) {
  storage::Entry out;
  const std::string name = std::to_string(number);
  out.path = "file" + std::string(9 - name.size(), '0') + name;
  for (std::uint64_t chunks = 1 + random.below(kChunksPerFileMax); chunks > 0; --chunks) {
    out.segments.push_back(make_chunk(keys, sink, random));
    out.size += out.segments.back().length;
  }
  out.content_digest = content_digest_of(keys.digests(), out.segments);
  return out;
}

storage::TreeRoot fill(const storage::KeyRing& keys, FileSink& sink, crypto::Random& random, std::uint64_t bytes) {
  storage::TreeBuilder tree(keys, sink);
  std::uint64_t done = 0;
  for (std::size_t number = 0; done < bytes; ++number) {
    const storage::Entry file = make_file(keys, sink, random, number);
    tree.add(file).value();
    done += file.size;
  }
  return tree.finish().value();
}

Bytes sign_commit(const storage::SpaceLog& log, const storage::KeyRing& keys, const crypto::DeviceKeys& device,
                  const storage::TreeRoot& root) {
  storage::CommitClear clear;
  clear.space = log.space();
  clear.device = device.public_part().id();
  clear.sequence = 1;
  clear.root = root.object.id;
  clear.epoch = log.epoch();
  clear.log_head = log.head().id;
  clear.clock = kFounded;
  storage::CommitSealed sealed;
  sealed.tree_digest = root.digest;
  sealed.root_height = root.object.height;
  sealed.entries = root.entries;
  return make_commit(clear, sealed, *keys.current(), device.sign);
}

void write_index(const std::string& path, const crypto::DeviceKeys& device, const storage::SpaceLog& log,
                 const Bytes& commit, const std::vector<SealedVault::Object>& objects) {
  storage::CborWriter out;
  out.array(6).bytes(device.transport_seed.view()).bytes(log.space()).array(log.encoded().size());
  for (const Bytes& record : log.encoded()) out.bytes(record);
  out.bytes(storage::decode_commit(commit).value().id).bytes(commit).array(objects.size());
  for (const auto& object : objects) out.array(3).bytes(object.id).uint(object.bytes).uint(object.height);
  std::ofstream file(path, std::ios::binary);
  file << as_text(out.view()) << std::flush;
  if (!file) throw std::runtime_error("cannot write " + path);
}

void read_objects(storage::CborReader& in, std::vector<SealedVault::Object>& objects) {
  objects.resize(in.array());
  for (auto& object : objects) {
    in.array_of(3);
    object.id = in.fixed<storage::ObjectId>();
    object.bytes = in.uint(storage::kMaxObjectBytes);
    object.height = static_cast<std::uint8_t>(in.uint(storage::kMaxHeight));
    in.leave();
  }
  in.leave();
}

}  // namespace

MappedFile::MappedFile(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
  if (file < 0) throw std::runtime_error("cannot open " + path);
  const std::size_t size = std::filesystem::file_size(path);
  void* const bytes = ::mmap(nullptr, size, PROT_READ, MAP_SHARED, file, 0);
  ::close(file);
  if (bytes == MAP_FAILED) throw std::runtime_error("cannot map " + path);
  view_ = {static_cast<const std::uint8_t*>(bytes), size};
}

MappedFile::MappedFile(MappedFile&& other) noexcept : view_(std::exchange(other.view_, {})) {}

MappedFile::~MappedFile() {
  if (!view_.empty()) ::munmap(const_cast<std::uint8_t*>(view_.data()), view_.size());
}

void seal_vault(const std::string& folder, std::size_t number, std::uint64_t bytes) {
  crypto::SeededRandom random(bytes + number + 1);  // vaults of two sets are two
  const auto root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random));
  const auto device = crypto::DeviceKeys::generate(random);
  const storage::DeviceRequest request{device.public_part(), device.preshared.clone()};
  const auto records = found_vault(root, request, "Mairie " + std::to_string(number), kFounded, random).value();
  const auto log = storage::SpaceLog::from_records(records, std::nullopt).value();
  const auto access = open_access(log, device).value();
  FileSink sink(*access.keys, path_of(folder, number, ".objects"));
  const storage::TreeRoot tree = fill(*access.keys, sink, random, bytes);
  write_index(path_of(folder, number, ".index"), device, log, sign_commit(log, *access.keys, device, tree),
              sink.finish());
}

SealedVault load_vault(const std::string& folder, std::size_t number) {
  const MappedFile index(path_of(folder, number, ".index"));
  storage::CborReader in(index.view());
  SealedVault out(MappedFile(path_of(folder, number, ".objects")));
  in.array_of(6);
  out.transport_seed = crypto::SecretBytes::copy_of(in.bytes());
  out.space = in.fixed<storage::SpaceId>();
  out.records.resize(in.array());
  for (Bytes& record : out.records) record = to_bytes(in.bytes());
  in.leave();
  out.commit = in.fixed<storage::CommitId>();
  out.encoded_commit = to_bytes(in.bytes());
  read_objects(in, out.objects);
  in.leave();
  if (!in.finish()) throw std::runtime_error("not the index of a sealed vault, in " + folder);
  return out;
}

std::size_t count_vaults(const std::string& folder) {
  std::size_t out = 0;
  while (std::filesystem::exists(path_of(folder, out, ".index"))) ++out;
  return out;
}

}  // namespace beffroi::bench
