#include "daemon/vault/vault.h"

#include <sys/stat.h>

#include <cerrno>
#include <filesystem>

#include "crypto/assert.h"
#include "daemon/vault/device_key_file.h"
#include "daemon/vault/file_descriptor.h"
#include "daemon/vault/vault_state.h"
#include "storage/space/epoch.h"

namespace beffroi::daemon {
namespace {

const std::string kSpaceKey = "vault/space";
const std::string kPeerKey = "vault/peer";

Bytes encode_peer(const PeerBinding& binding) {
  storage::CborWriter out;
  out.array(3).bytes(binding.peer.transport).bytes(binding.peer.sign).bytes(as_bytes(binding.address));
  return out.take();
}

Result<PeerBinding> decode_peer(ByteView encoded) {
  storage::CborReader in(encoded);
  PeerBinding out;
  in.array_of(3);
  out.peer.transport = in.fixed<crypto::TransportPublicKey>();
  out.peer.sign = in.fixed<crypto::SigningPublicKey>();
  out.address = to_string(in.bytes(storage::kMaxAddressBytes));
  in.leave();
  if (!in.finish()) return std::unexpected(storage::malformed(N_("stored peer")));
  return out;
}

/// The local store as a source of sealed bytes.
class LocalSource final : public storage::ObjectSource {
 public:
  LocalSource(storage::ObjectStore& objects, const storage::SpaceId& space) : objects_(objects), space_(space) {}
  Result<Bytes> get(const storage::ObjectId& id) override { return objects_.get_unverified(space_, id); }

 private:
  storage::ObjectStore& objects_;
  const storage::SpaceId space_;
};

Result<void> prepare_folder(const std::string& folder) {
  std::error_code error;
  const auto parent = std::filesystem::path(folder).parent_path();
  if (!parent.empty()) std::filesystem::create_directories(parent, error);
  if (error || (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST))
    return fail(ErrorCode::io, N_("Cannot create the data folder {}: {}."), folder,
                error ? error.message() : errno_text());
  struct stat status{};
  if (::stat(folder.c_str(), &status) != 0 || !S_ISDIR(status.st_mode))
    return fail(ErrorCode::io, N_("The data folder {} is not a folder."), folder);
  if ((status.st_mode & 077) != 0 && ::chmod(folder.c_str(), 0700) != 0)
    return fail(ErrorCode::refused, N_("The data folder {} is open to others and cannot be closed: {}."), folder,
                errno_text());
  return {};
}

Result<void> check_kind(const storage::SpaceLog& log, storage::SpaceKind expected) {
  if (log.kind() == expected) return {};
  if (expected == storage::SpaceKind::vault)
    return fail(ErrorCode::refused, N_("These records belong to a shared space, not to a vault."));
  return fail(ErrorCode::refused, N_("These records belong to a vault, not to a shared space."));
}

}  // namespace

Vault::Vault(std::unique_ptr<State> state) : state_(std::move(state)) {}
Vault::~Vault() = default;

Result<std::unique_ptr<Vault>> Vault::open(const std::string& data_folder, Clock& clock, crypto::Random& random,
                                           const storage::DatabaseOptions& options) {
  BEFFROI_CHECK(prepare_folder(data_folder));
  auto state = std::make_unique<State>(data_folder, clock, random);
  // The database's lock comes first: it also keeps two processes from making keys at once.
  BEFFROI_TRY(state->database, storage::Database::open(data_folder + "/db", options));
  state->objects = storage::make_object_store(*state->database);
  state->files = std::make_unique<storage::FileCache>(*state->database);
  BEFFROI_TRY(state->device, read_device_keys(data_folder + "/keys"));
  BEFFROI_TRY(const auto peer, state->database->get(storage::Table::state, as_bytes(kPeerKey)));
  if (peer) {
    BEFFROI_TRY(state->peer, decode_peer(*peer));
  }
  BEFFROI_TRY(const auto stored, state->database->get(storage::Table::state, as_bytes(kSpaceKey)));
  if (stored) {
    const auto space = storage::SpaceId::from(*stored);
    if (!space) return std::unexpected(storage::malformed(N_("stored space id")));
    if (!state->device)
      return fail(ErrorCode::corrupt,
                  N_("The key file of this station is missing: {}. Put it back, or start over with "
                     "'beffroi recover' in an empty data folder."),
                  data_folder + "/keys");
    BEFFROI_TRY(auto log, storage::SpaceStore(*state->database, *space).load_log());
    BEFFROI_CHECK(state->take_log(std::move(log)));
  }
  return std::unique_ptr<Vault>(new Vault(std::move(state)));
}

Result<void> Vault::State::take_log(storage::SpaceLog verified) {
  BEFFROI_TRY(auto access, storage::open_access(verified, *device));
  const std::lock_guard lock(facts);
  store = std::make_unique<storage::SpaceStore>(*database, verified.space());
  dedup = std::make_unique<storage::DedupIndex>(*database, verified.space());
  source = std::make_shared<LocalSource>(*objects, verified.space());
  take_access(std::move(access));
  log = std::move(verified);
  reopenings = database->reopenings();
  BEFFROI_CHECK(load_newest_receipt());
  return load_snapshots();
}

Result<void> Vault::State::load_newest_receipt() {
  if (!peer) return {};
  BEFFROI_TRY(const auto newest, store->newest_receipt());
  if (!newest) return {};
  BEFFROI_TRY(newest_receipt, storage::decode_receipt(newest->second, peer->peer.sign));
  return {};
}

// A write that had failed on a full disk may have been found done when the database was opened anew.
Result<void> Vault::State::catch_up() {
  const std::uint64_t now = database->reopenings();
  if (!store || now == reopenings) return {};
  BEFFROI_TRY(auto verified, store->load_log());
  auto access = storage::open_access(verified, *device);
  const std::lock_guard lock(facts);
  log = std::move(verified);
  if (access) take_access(std::move(*access));
  BEFFROI_CHECK(load_newest_receipt());
  BEFFROI_CHECK(load_snapshots());
  reopenings = now;
  return {};
}

void Vault::State::take_access(storage::SpaceAccess access) {
  keys = std::move(access.keys);
  generations = std::move(access.generations);
  key_problems = std::move(access.problems);
  name = access.current.space_name;
}

bool Vault::founded() const {
  const std::lock_guard lock(state_->facts);
  return state_->log.has_value();
}

Result<storage::DeviceRequest> Vault::device_request() {
  const std::lock_guard writing(state_->writing);
  const std::lock_guard lock(state_->facts);
  if (state_->log) return fail(ErrorCode::wrong_state, N_("This station has a vault already."));
  if (!state_->device) {
    auto keys = crypto::DeviceKeys::generate(state_->random);
    BEFFROI_CHECK(write_device_keys(state_->data_folder + "/keys", keys));
    state_->device = std::move(keys);
  }
  return storage::DeviceRequest{state_->device->public_part(), state_->device->preshared.clone()};
}

Result<void> Vault::prepare(const std::string& data_folder, const crypto::DeviceKeys& keys) {
  BEFFROI_CHECK(prepare_folder(data_folder));
  const std::string file = data_folder + "/keys";
  BEFFROI_TRY(const auto known, read_device_keys(file));
  if (known && known->encode() == keys.encode()) return {};
  return write_device_keys(file, keys);
}

Result<void> Vault::found(std::span<const Bytes> records, storage::SpaceKind kind) {
  const std::lock_guard writing(state_->writing);
  if (founded()) return fail(ErrorCode::wrong_state, N_("This station has a vault already."));
  if (!state_->device) return fail(ErrorCode::wrong_state, N_("This station has no keys yet."));
  BEFFROI_TRY(auto log, storage::SpaceLog::from_records(records, std::nullopt));
  BEFFROI_CHECK(check_kind(log, kind));
  BEFFROI_CHECK(storage::open_access(log, *state_->device));
  storage::SpaceStore store(*state_->database, log.space());
  // What an earlier attempt left behind.
  BEFFROI_CHECK(store.erase());
  for (std::size_t i = 0; i < records.size(); ++i) BEFFROI_CHECK(store.append_record(i, records[i]));
  // The space's id comes last: without it the vault is not founded.
  BEFFROI_CHECK(
      state_->database->put(storage::Table::state, as_bytes(kSpaceKey), log.space(), storage::Durability::synced));
  return state_->take_log(std::move(log));
}

storage::SpaceId Vault::space() const {
  const std::lock_guard lock(state_->facts);
  BEFFROI_ASSERT(state_->log);
  return state_->log->space();
}

std::string Vault::name() const {
  const std::lock_guard lock(state_->facts);
  return state_->name;
}

const crypto::DeviceKeys& Vault::device_keys() const {
  BEFFROI_ASSERT(state_->device);
  return *state_->device;
}

storage::SpaceLog Vault::log() const {
  const std::lock_guard lock(state_->facts);
  BEFFROI_ASSERT(state_->log);
  return *state_->log;
}

std::uint64_t Vault::log_length() const {
  const std::lock_guard lock(state_->facts);
  BEFFROI_ASSERT(state_->log);
  return state_->log->records().size();
}

Result<void> Vault::append_records(std::span<const Bytes> records) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(state_->catch_up());
  storage::SpaceLog next = log();
  while (!records.empty()) {
    BEFFROI_TRY(const storage::Record record, storage::decode_record(records.front()));
    if (!next.position(record.id)) break;
    records = records.subspan(1);
  }
  if (records.empty()) return {};
  for (const Bytes& record : records) BEFFROI_CHECK(next.append(record));
  for (std::size_t i = 0; i < records.size(); ++i)
    BEFFROI_CHECK(state_->store->append_record(next.records().size() - records.size() + i, records[i]));
  // The log stands whether or not this device can open its new keys: it is what the space agreed on.
  auto access = storage::open_access(next, *state_->device);
  const std::lock_guard lock(state_->facts);
  state_->log = std::move(next);
  if (!access) return forward_error(access);
  state_->take_access(std::move(*access));
  return state_->load_snapshots();
}

std::shared_ptr<const storage::KeyRing> Vault::keys() const {
  const std::lock_guard lock(state_->facts);
  return state_->keys;
}

Result<std::shared_ptr<const storage::KeyRing>> Vault::keys_for(std::uint32_t content_generation) const {
  const std::lock_guard lock(state_->facts);
  const auto found = state_->generations.find(content_generation);
  if (found != state_->generations.end()) return found->second;
  return fail(ErrorCode::refused, N_("This station has no keys of generation {}."), std::to_string(content_generation));
}

Result<void> Vault::can_write() const {
  const std::lock_guard lock(state_->facts);
  const auto& newest = state_->keys->current();
  if (!state_->log->rotation_due() && newest && newest->epoch() == state_->log->epoch()) return {};
  return fail(ErrorCode::wrong_state, N_("The keys are being renewed. Synchronise with the peer, then try again."));
}

std::vector<storage::EpochProblem> Vault::key_problems() const {
  const std::lock_guard lock(state_->facts);
  return state_->key_problems;
}

Clock& Vault::clock() { return state_->clock; }
storage::Database& Vault::database() { return *state_->database; }
storage::ObjectStore& Vault::objects() { return *state_->objects; }
storage::FileCache& Vault::files() { return *state_->files; }

storage::SpaceStore& Vault::store() {
  BEFFROI_ASSERT(state_->store);
  return *state_->store;
}

storage::DedupIndex& Vault::dedup() {
  BEFFROI_ASSERT(state_->dedup);
  return *state_->dedup;
}

std::shared_ptr<storage::ObjectSource> Vault::local_source() {
  BEFFROI_ASSERT(state_->source);
  return state_->source;
}

std::optional<PeerBinding> Vault::peer() const {
  const std::lock_guard lock(state_->facts);
  return state_->peer;
}

Result<void> Vault::bind_peer(const PeerBinding& peer) {
  const std::lock_guard writing(state_->writing);
  BEFFROI_CHECK(
      state_->database->put(storage::Table::state, as_bytes(kPeerKey), encode_peer(peer), storage::Durability::synced));
  const std::lock_guard lock(state_->facts);
  state_->peer = peer;
  return {};
}

std::unique_lock<std::mutex> Vault::try_begin_backup() {
  return std::unique_lock(state_->backing_up, std::try_to_lock);
}

}  // namespace beffroi::daemon
