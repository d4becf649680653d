// Writes tests/vectors/vault anew, from the keys of storage/space.json: a vault as a peer holds it, with two commits in
// two epochs, and what each of them holds. Everything in it follows from constants: the same program writes the same
// bytes (another version of zstd may not). Run it only when the format changes: see README.md.
//   write_vault FOLDER          which must not exist yet
#include <cstdio>
#include <deque>
#include <filesystem>

#include "crypto/kit.h"
#include "crypto/kit_sheet.h"
#include "crypto/peer_details.h"
#include "storage/format/chunker.h"
#include "storage/space/ceremony.h"
#include "storage/tree/bundle.h"
#include "storage/tree/content.h"
#include "storage/tree/tree.h"
#include "tests/support/memory_objects.h"
#include "tests/support/vectors.h"

namespace beffroi::storage {
namespace {

using std::string_literals::operator""s;
using beffroi::testing::hex_of;
using testing::MemoryObjects;

constexpr std::uint32_t kVaultEntries = 17;
constexpr std::int64_t kDay = 24 * 60 * 60;
constexpr std::int64_t kPeerDelay = 60;

template <class T>
T value_of(Result<T> result) {
  if (!result) throw std::runtime_error(result.error().message());
  return std::move(*result);
}
void check(const Result<void>& result) {
  if (!result) throw std::runtime_error(result.error().message());
}

Bytes bytes_of(std::string_view text) { return to_bytes(as_bytes(text)); }

/// A register of the council, of which one line may have been amended: text that compresses as such texts do.
Bytes register_text(int lines, int amended = -1) {
  std::string out;
  for (int i = 0; i < lines; ++i) {
    const std::string number = std::to_string(i);
    const auto article = crypto::hash256(crypto::labels::local_file, as_bytes(number));
    out += "Deliberation no " + number + " of the council: article " + to_hex(ByteView(article).first(6)) + ", " +
           (i == amended ? "amended" : "adopted") + ".\n";
  }
  return bytes_of(out);
}

/// The log, and whoever signs in it.
struct Space {
  nlohmann::json vectors = beffroi::testing::read_vectors("storage/space.json");
  std::string name = vectors.at("name");
  UnixTime founded{vectors.at("clock").get<std::int64_t>()};
  crypto::DeviceKeys root = keys("root"), station = keys("station"), peer = keys("peer");
  crypto::SeededRandom random{vectors.at("seed").get<std::uint64_t>()};
  std::vector<Bytes> records =
      value_of(found_vault(root, {station.public_part(), station.preshared.clone()}, name, founded, random));
  SpaceLog log = value_of(SpaceLog::from_records(records, std::nullopt));

  void rotate() {
    records.push_back(value_of(rotate_epoch(log, station, founded, random)));
    check(log.append(records.back()));
  }
  std::shared_ptr<const EpochKeys> epoch_keys() const { return value_of(open_access(log, station)).keys->current(); }

 private:
  crypto::DeviceKeys keys(const char* who) const {
    return value_of(crypto::DeviceKeys::decode(hex_of(vectors.at("keys"), who)));
  }
};

/// What is backed up, and the objects that it is in.
class Source {
 public:
  explicit Source(const Space& space)
      : ring_(std::make_shared<KeyRing>(space.log.space(),
                                        value_of(open_access(space.log, space.station)).current.content.clone())),
        objects_(ring_) {
    ring_->add_epoch(space.epoch_keys());
    add_folders_and_small_files();
    add_others();
    add_file_with_dictionary();
    add("home\0register"s, 11).content = register_text(kRegisterLines);
    cut(entry("home\0register"s), register_first_);
    add("home\0register.link"s, 12).entry.hard_link = "home\0register"s;
    link_register();
    add_sparse_file();
    add_huge_file();
    add_leaf_ends();
  }

  /// One line of the register is amended. The chunk that it is in becomes a delta of what it was.
  void amend(std::shared_ptr<const EpochKeys> epoch) {
    ring_->add_epoch(std::move(epoch));
    File& file = entry("home\0register"s);
    const Bytes before = file.content;
    file.content = register_text(kRegisterLines, kAmendedLine);
    const std::size_t length = register_first_.front().length;
    const ByteView changed = ByteView(file.content).first(length);
    ChildTable base;
    base.add(*register_first_.front().object);
    base.freeze();
    seal(ObjectKind::chunk, changed, base,
         encoder_.encode_delta(changed, ByteView(before).first(length), 0, kDefaultCompressionLevel));
    std::vector<Segment> segments;
    cut(file, segments);
    link_register();
  }

  TreeRoot build_tree() {
    std::map<std::string, Entry> sorted;
    for (const File& file : files_) sorted.emplace(file.entry.path, file.entry);
    TreeBuilder builder(*ring_, objects_);
    for (const auto& [path, each] : sorted) check(builder.add(each));
    return value_of(builder.finish());
  }

  /// A line for each entry: path in hexadecimal, type, size, hash of the content.
  std::string manifest() const {
    std::string out;
    for (const auto& [entry, content] : files_)
      out += to_hex(as_bytes(entry.path)) + " " + std::to_string(static_cast<int>(entry.type)) + " " +
             std::to_string(entry.size) + " " + to_hex(crypto::hash256(crypto::labels::local_file, content)) + "\n";
    return out;
  }

  const std::map<ObjectId, Bytes>& objects() const { return objects_.objects(); }

 private:
  struct File {
    Entry entry;
    Bytes content;
  };
  static constexpr int kRegisterLines = 4000;
  static constexpr int kAmendedLine = 1700;

  /// `second` tells its time from those of the others.
  File& add(std::string path, int second, std::uint32_t mode = 0644, EntryType type = EntryType::file) {
    Entry out;
    out.path = std::move(path);
    out.type = type;
    out.mode = mode;
    out.uid = 1000;
    out.gid = 100;
    out.user = "maire";
    out.group = "users";
    out.mtime_s = 1'699'999'000 + second;
    out.mtime_ns = 123'456'789;
    return files_.emplace_back(std::move(out), Bytes{});
  }
  File& entry(const std::string& path) {
    const auto found = std::ranges::find(files_, path, [](const File& file) { return file.entry.path; });
    if (found == files_.end()) throw std::runtime_error("no file " + path);
    return *found;
  }

  void give(File& file, std::span<const Segment> segments) {
    ContentBuilder builder(*ring_, objects_);
    for (const Segment& each : segments) check(builder.add(each));
    file.entry.segments.clear();
    check(builder.finish(file.entry));
  }
  Segment chunk(ByteView content) {
    const Digest digest = ring_->digests().chunk(content);
    auto object = objects_.find(ObjectKind::chunk, digest);
    if (!object) object = value_of(objects_.put(ObjectKind::chunk, digest, {}, content));
    return {.length = content.size(), .object = object, .digest = digest};
  }
  ObjectRef seal(ObjectKind kind, ByteView content, const ChildTable& children, const EncodedPayload& payload) {
    return objects_.put_sealed(ring_->digests().chunk(content),
                               seal_object(ring_->space(), *ring_->current(), kind, children, payload.bytes));
  }
  /// Chunks of the file's content, and its segments in `out`.
  void cut(File& file, std::vector<Segment>& out) {
    const Chunker chunker(ring_->digests().chunk_cut_key());
    for (ByteView rest = file.content; !rest.empty();) {
      out.push_back(chunk(rest.first(chunker.next_cut(rest))));
      rest = rest.subspan(out.back().length);
    }
    give(file, out);
  }

  void add_folders_and_small_files() {
    add("", 0, 0755, EntryType::directory);
    add("home", 1, 0755, EntryType::directory);
    add("home\0archive"s, 2, 02750, EntryType::directory);
    OpenBundle bundle;
    std::vector<Segment> slices;
    const std::array texts = {"Dear citizens,\n", "The belfry holds the charters.\n"};
    for (const char* text : texts) slices.push_back(bundle.add(ring_->digests().chunk(as_bytes(text)), as_bytes(text)));
    for (Segment& slice : slices) slice.object = value_of(bundle.seal(*ring_, objects_));
    note_ = slices[1];
    for (const auto& [path, second, mode, which] :
         {std::tuple("home\0letter"s, 3, 0640U, 0U), std::tuple("home\0note"s, 4, 0644U, 1U)}) {
      File& file = add(path, second, mode);
      file.content = bytes_of(texts[which]);
      give(file, {&slices[which], 1});
    }
    give(add("home\0empty"s, 5, 0600), {});
  }

  void add_others() {
    add("home\0link"s, 6, 0777, EntryType::symlink).entry.link_target = "archive/../note";
    add("home\0pipe"s, 7, 0622, EntryType::fifo);
    Entry& device = add("home\0null"s, 8, 0666, EntryType::character_device).entry;
    device.device_major = 1;
    device.device_minor = 3;
    Entry& unreadable = add("home\0unreadable"s, 9, 0400).entry;
    unreadable.flags = kEntryUnreadable;
    unreadable.size = 77;
  }

  /// Its name is not UTF-8.
  void add_file_with_dictionary() {
    const Bytes words = bytes_of("le conseil municipal, la deliberation, le budget de l'ecole, vote a l'unanimite, ");
    ChildTable dictionary;
    dictionary.add(seal(ObjectKind::dictionary, words, {}, encoder_.encode(words)));
    dictionary.freeze();
    File& file = add("home\0\xe9t\xe9"s, 10);
    file.content = bytes_of(
        "Le conseil municipal adopte la deliberation sur le budget de l'ecole, vote a l'unanimite, le budget de "
        "l'ecole.\n");
    const ObjectRef bundle = seal(ObjectKind::bundle, file.content, dictionary,
                                  encoder_.encode_with_dictionary(file.content, words, 0, kDefaultCompressionLevel));
    const Segment slice{.length = file.content.size(),
                        .object = bundle,
                        .in_bundle = true,
                        .digest = ring_->digests().chunk(file.content)};
    give(file, {&slice, 1});
    file.entry.flags = kEntryChangedWhileRead;
    file.entry.xattrs = {{"user.lang", bytes_of("fr")}, {"user.title", bytes_of("Registre")}};
  }

  /// The second name of the register has its content.
  void link_register() {
    const File& first = entry("home\0register"s);
    File& second = entry("home\0register.link"s);
    second.content = first.content;
    second.entry.size = first.entry.size;
    second.entry.segments = first.entry.segments;
    second.entry.content_digest = first.entry.content_digest;
  }

  void add_sparse_file() {
    File& file = add("home\0sparse"s, 13);
    const Bytes text = register_text(30, 3);
    const std::array segments = {hole(4096), chunk(text), hole(100'000)};
    file.content.resize(4096);
    file.content.insert(file.content.end(), text.begin(), text.end());
    file.content.resize(file.content.size() + 100'000);
    give(file, segments);
  }

  /// More segments than an entry may have, of three chunks and, now and then, a hole.
  void add_huge_file() {
    constexpr std::array kOrder = {0U, 1U, 0U, 2U, 2U, 0U, 1U};
    constexpr std::size_t kPieces = 1300, kBetweenHoles = 50, kHoleBytes = 64;
    const std::array texts = {register_text(2, 0), register_text(3, 1), register_text(4, 2)};
    File& file = add("home\0archive\0huge"s, 14);
    std::vector<Segment> segments;
    for (std::size_t i = 0; i < kPieces; ++i) {
      if (i % kBetweenHoles == kBetweenHoles - 1) {
        segments.push_back(hole(kHoleBytes));
        file.content.resize(file.content.size() + kHoleBytes);
      }
      const Bytes& text = texts[kOrder[i % kOrder.size()]];
      segments.push_back(chunk(text));
      file.content.insert(file.content.end(), text.begin(), text.end());
    }
    give(file, segments);
  }

  /// With so long an attribute an entry ends its leaf: the tree has more than one.
  void add_leaf_ends() {
    int second = 15;
    for (const std::string& path : {"home\0a-large"s, "home\0b-large"s}) {
      File& file = add(path, second++);
      file.content = entry("home\0note"s).content;
      give(file, {&note_, 1});
      file.entry.xattrs = {{"user.page", Bytes(kMaxXattrValueBytes, 'A')}};
    }
  }

  static Segment hole(std::uint64_t length) { return {.length = length, .object = {}, .digest = {}}; }

  std::shared_ptr<KeyRing> ring_;
  MemoryObjects objects_;
  PayloadEncoder encoder_;
  std::deque<File> files_;
  std::vector<Segment> register_first_;
  Segment note_;
};

/// Commits and receipts, each following those before.
class Branch {
 public:
  explicit Branch(const Space& space) : space_(space) {}

  void commit(const TreeRoot& tree) {
    const auto sequence = commits.size() + 1;
    const std::int64_t days = static_cast<std::int64_t>(sequence) * kDay;
    CommitClear clear;
    clear.space = space_.log.space();
    clear.device = space_.station.public_part().id();
    clear.sequence = sequence;
    if (last_) clear.parents = {*last_};
    clear.root = tree.object.id;
    clear.epoch = space_.log.epoch();
    clear.log_head = space_.log.head().id;
    clear.last_receipt = last_receipt_;
    clear.clock = {space_.founded.seconds + days};
    commits.push_back(make_commit(clear, sealed_part(tree), *space_.epoch_keys(), space_.station.sign));
    last_ = value_of(decode_commit(commits.back())).id;

    Receipt receipt;
    receipt.space = clear.space;
    receipt.counter = sequence;
    receipt.previous = last_receipt_;
    receipt.commit = *last_;
    receipt.log_head = clear.log_head;
    receipt.peer_time = {clear.clock.seconds + kPeerDelay};
    receipts.push_back(make_receipt(receipt, space_.peer.sign));
    last_receipt_ = receipt.id;
  }

  std::vector<Bytes> commits, receipts;

 private:
  CommitSealed sealed_part(const TreeRoot& tree) const {
    BEFFROI_ASSERT(tree.entries == kVaultEntries);
    CommitSealed out;
    out.label = space_.name;
    out.host = "mairie";
    out.sources = {"/home"};
    out.tags = {"nuit"};
    out.tree_digest = tree.digest;
    out.root_height = tree.object.height;
    out.entries = tree.entries;
    out.statistics.files_new = 11;
    out.statistics.bytes_source = tree.bytes;
    out.problems = {{"home\0unreadable"s, "Cannot read {}.", {"/home/unreadable"}}};
    out.problems_total = 1;
    return out;
  }

  const Space& space_;
  std::optional<CommitId> last_;
  std::optional<ReceiptId> last_receipt_;
};

void write(const std::filesystem::path& path, ByteView content) {
  std::filesystem::create_directories(path.parent_path());
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(content.data()), static_cast<std::streamsize>(content.size()));
  if (!file.flush()) throw std::runtime_error("cannot write " + path.string());
}

void write_sheets(const Space& space, const std::filesystem::path& folder) {
  Bytes secret(crypto::kKitSecretBytes);
  for (std::size_t i = 0; i < secret.size(); ++i) secret[i] = static_cast<std::uint8_t>(i);
  crypto::KitSheet sheet{.identity_name = space.name,
                         .words = crypto::kit_words(crypto::SecretBytes::copy_of(secret)),
                         .space_id = space.log.space().data,
                         .date = "2023-11-14"};
  write(folder / "kit.txt", as_bytes(crypto::kit_text(sheet, "fr")));
  const crypto::PeerDetails peer{
      .name = "Communaute de communes", .address = "peer.example:8440", .key = space.peer.public_part().transport};
  write(folder / "kit.peer", as_bytes(crypto::peer_text(peer, "fr")));
}

void write_vault(const std::filesystem::path& folder) {
  Space space;
  Source source(space);
  Branch branch(space);
  branch.commit(source.build_tree());
  write(folder / "manifest-1.txt", as_bytes(source.manifest()));
  space.rotate();
  source.amend(space.epoch_keys());
  branch.commit(source.build_tree());
  write(folder / "manifest-2.txt", as_bytes(source.manifest()));

  write_sheets(space, folder);
  for (std::size_t i = 0; i < space.records.size(); ++i)
    write(folder / "records" / std::to_string(i), space.records[i]);
  for (const Bytes& commit : branch.commits)
    write(folder / "commits" / value_of(decode_commit(commit)).id.hex(), commit);
  for (std::size_t i = 0; i < branch.receipts.size(); ++i)
    write(folder / "receipts" / std::to_string(i + 1), branch.receipts[i]);
  for (const auto& [id, object] : source.objects()) write(folder / "objects" / id.hex(), object);
}

}  // namespace
}  // namespace beffroi::storage

int main(int argc, char** argv) {
  if (argc != 2 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: %s FOLDER, which must not exist yet\n", argv[0]);
    return 2;
  }
  try {
    beffroi::storage::write_vault(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
  return 0;
}
