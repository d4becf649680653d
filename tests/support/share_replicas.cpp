#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

using storage::ObjectId;

/// From here, else straight out of the peer's store: the pool of these worlds runs inline, where nobody could wait.
class PeerStoreSource final : public storage::ObjectSource {
 public:
  PeerStoreSource(Vault& vault, PeerWorld& peer) : vault_(vault), peer_(peer) {}
  Result<Bytes> get(const ObjectId& id) override {
    auto local = vault_.objects().get(vault_.space(), id);
    if (local || local.error().code != ErrorCode::not_found) return local;
    return peer_.caller(vault_).space->get(id);
  }

 private:
  Vault& vault_;
  PeerWorld& peer_;
};

}  // namespace

Replica::Replica(ShareReplicas& world, storage::testing::Person member, std::string who)
    : name(std::move(who)),
      disk_(rocksdb::NewMemEnv(rocksdb::Env::Default())),
      person(std::move(member)),
      world_(world) {
  folder.random = &world.random;
  settings.author = {.person = name, .device = "PC", .words = {"conflit", "h"}, .utc_offset_s = 3600};
  settings.limits.min_free_percent = 0;
  BEFFROI_ASSERT(Vault::prepare(data_.path() + "/data", person.keys).has_value());
  restart();
  BEFFROI_ASSERT(vault->found(world.share.log.encoded(), storage::SpaceKind::share).has_value());
}

void Replica::restart() {
  cycle.reset();
  vault.reset();
  auto opened = Vault::open(data_.path() + "/data", world_.peer.clock, world_.random, {.env = disk_.get()});
  BEFFROI_ASSERT(opened.has_value());
  vault = std::move(*opened);
  cycle = std::make_unique<FolderCycle>(*vault, folder);
  known_trees_.clear();
}

Result<SyncOutcome> Replica::sync(const FaultPlan& line, const ScanScope& scope) {
  auto link = world_.peer.connect(*vault, line);
  if (!link) return forward_error(link);
  ShareParts parts{*vault, *cycle, world_.peer.pool, world_.peer.pool, nullptr, std::move(known_trees_)};
  auto out = world_.peer.run(sync_share(**link, parts, scope, settings, source(), progress));
  known_trees_ = std::move(parts.known_trees);
  (*link)->cut();
  return out;
}

std::shared_ptr<storage::ObjectSource> Replica::source() {
  return std::make_shared<PeerStoreSource>(*vault, world_.peer);
}

Result<PartChange> Replica::fetch(const std::string& path) {
  return cycle->fetch({storage::to_entry_path(path)}, settings, source(), progress);
}

Result<PartChange> Replica::free(const std::string& path) {
  return cycle->free({storage::to_entry_path(path)}, settings, source(), progress);
}

SyncOutcome Replica::synced() {
  auto out = sync();
  EXPECT_TRUE(out.has_value()) << name << ": " << (out ? "" : out.error().message());
  return out ? std::move(*out) : SyncOutcome{};
}

ShareReplicas::ShareReplicas(std::size_t count, std::uint64_t seed, storage::Role last) : peer(seed), random(seed) {
  std::vector<storage::testing::Person> people;
  for (std::size_t i = 1; i < count; ++i)
    people.push_back(share.admitted(i + 1 < count ? storage::Role::writer : last));
  replicas.push_back(std::make_unique<Replica>(*this, std::move(share.founder), "Anne"));
  for (std::size_t i = 1; i < count; ++i)
    replicas.push_back(std::make_unique<Replica>(*this, std::move(people[i - 1]), "Ecrivain " + std::to_string(i)));
  peer.join(*replicas[0]->vault);
  for (const auto& replica : replicas)
    BEFFROI_ASSERT(replica->vault->bind_peer({peer.host->public_part(), "memory:1"}).has_value());
}

void ShareReplicas::settle() {
  constexpr int kRounds = 20;
  bool quiet = false;
  for (int round = 0; round < kRounds && !quiet; ++round) {
    quiet = true;
    for (const auto& replica : replicas) {
      auto out = replica->sync();
      ASSERT_TRUE(out.has_value()) << replica->name << ": " << out.error().message();
      if (out->report.held) ASSERT_TRUE(replica->cycle->release().has_value());
      quiet = quiet && !out->report.commit && out->report.files_written == 0 && !out->report.held;
    }
  }
  EXPECT_TRUE(quiet) << "they never come to rest";
  for (const auto& replica : replicas) EXPECT_EQ(replica->folder.files, replicas[0]->folder.files) << replica->name;
}

}  // namespace beffroi::daemon::testing
