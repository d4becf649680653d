// One hosted space over a store that plays tricks.
#include "daemon/sync/hosted_space.h"

#include <gtest/gtest.h>

#include "storage/format/codec.h"
#include "storage/format/sealing.h"
#include "tests/support/memory_database.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {
namespace {

using storage::ObjectId;
using storage::SpaceId;

/// Gives the bytes of the first read damaged, as if they were healed right after it.
class OnceDamagedStore final : public storage::ObjectStore {
 public:
  explicit OnceDamagedStore(std::unique_ptr<ObjectStore> inner) : inner_(std::move(inner)) {}
  Result<Bytes> get(const SpaceId& space, const ObjectId& id) override {
    BEFFROI_TRY(Bytes out, inner_->get(space, id));
    if (!std::exchange(read_, true)) out.back() ^= 1;
    return out;
  }
  Result<void> put(const SpaceId& space, std::span<const storage::IncomingObject> objects) override {
    return inner_->put(space, objects);
  }
  Result<std::optional<storage::ObjectInfo>> info(const SpaceId& space, const ObjectId& id) override {
    return inner_->info(space, id);
  }
  Result<std::vector<std::optional<storage::ObjectInfo>>> info_many(const SpaceId& space,
                                                                    std::span<const ObjectId> ids) override {
    return inner_->info_many(space, ids);
  }
  Result<std::vector<ObjectId>> children(const SpaceId& space, const ObjectId& id) override {
    return inner_->children(space, id);
  }
  Result<void> note_remote(const SpaceId& space, std::span<const storage::RemoteObject> objects) override {
    return inner_->note_remote(space, objects);
  }
  Result<void> mark_receipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_->mark_receipted(space, ids);
  }
  Result<void> mark_unreceipted(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_->mark_unreceipted(space, ids);
  }
  Result<void> quarantine(const SpaceId& space, const ObjectId& id) override { return inner_->quarantine(space, id); }
  Result<void> evict(const SpaceId& space, std::span<const ObjectId> ids) override { return inner_->evict(space, ids); }
  Result<void> remove(const SpaceId& space, std::span<const ObjectId> ids) override {
    return inner_->remove(space, ids);
  }
  Result<void> erase_space(const SpaceId& space) override { return inner_->erase_space(space); }
  Result<void> iterate_from(const SpaceId& space, const ObjectId& first,
                            const std::function<bool(const ObjectId&, const storage::ObjectInfo&)>& visit) override {
    return inner_->iterate_from(space, first, visit);
  }
  Result<void> for_each_evictable(
      const SpaceId& space, const std::function<bool(const ObjectId&, const storage::ObjectInfo&)>& visit) override {
    return inner_->for_each_evictable(space, visit);
  }
  Result<storage::StoreUsage> usage(const SpaceId& space) override { return inner_->usage(space); }
  Result<std::uint64_t> insertions(const SpaceId& space) override { return inner_->insertions(space); }
  Result<void> sync() override { return inner_->sync(); }

 private:
  std::unique_ptr<ObjectStore> inner_;
  bool read_ = false;
};

// Goal: an object that is healed between the read that found it damaged and its quarantine is not taken out again.
TEST(HostedSpaceTest, AnObjectThatWasHealedMeanwhileStays) {
  storage::testing::MemoryDatabase database;
  OnceDamagedStore objects(storage::make_object_store(*database));
  ManualClock clock;
  TestVault vault;
  const auto sign = crypto::SigningKeyPair::generate(vault.random);
  const std::atomic<std::uint64_t> running_seconds = 0;
  const std::atomic<bool> full = false;
  const std::string contact;
  const auto audit = *AuditLog::open(*database, clock);
  ShareInvitationBook invitations(*database, clock);
  const HostParts parts{
      *database, objects, clock,  vault.random, sign, running_seconds, [](const auto&, const auto&) {},
      full,      contact, *audit, invitations};
  const auto organisation = std::make_shared<Organisation>(OrganisationId{}, OrganisationState{});
  auto space = HostedSpaceImpl::open(parts, vault->log(), {}, organisation);
  ASSERT_TRUE(space);
  storage::PayloadEncoder encoder;
  storage::ChildTable none;
  none.freeze();
  const auto sealed = seal_object(vault->space(), *vault->keys()->current(), storage::ObjectKind::chunk, none,
                                  encoder.encode(as_bytes("text"), 1).bytes);
  const auto lease = (*space)->open_lease(vault->device_id());
  ASSERT_TRUE(lease);
  ASSERT_TRUE((*space)->put(lease->id, {&sealed.bytes, 1}));
  EXPECT_EQ(*(*space)->get(sealed.ref.id), sealed.bytes);
  EXPECT_TRUE((*space)->wanted_for_healing()->empty());
  EXPECT_EQ(*(*space)->get(sealed.ref.id), sealed.bytes);
}

}  // namespace
}  // namespace beffroi::daemon::testing
