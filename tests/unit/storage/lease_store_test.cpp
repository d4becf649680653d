// Goal: leases and their pins are durable, end together, and expire by running time only.
#include "storage/store/lease_store.h"

#include <gmock/gmock.h>

#include "crypto/random.h"
#include "tests/support/memory_database.h"

namespace beffroi::storage {
namespace {

class LeaseStoreTest : public ::testing::Test {
 protected:
  Lease open(std::uint64_t at) {
    const Lease lease{
        .id = random.fixed<LeaseId>(), .device = random.fixed<DeviceId>(), .opened_at = at, .last_contact_at = at};
    WriteBatch batch;
    leases.put(batch, lease);
    EXPECT_TRUE(database->write(batch, Durability::synced));
    return lease;
  }
  std::vector<ObjectId> pin(const Lease& lease, std::size_t count) {
    std::vector<ObjectId> ids(count);
    for (ObjectId& id : ids) id = random.fixed<ObjectId>();
    WriteBatch batch;
    leases.pin(batch, lease.id, ids);
    EXPECT_TRUE(database->write(batch, Durability::buffered));
    return ids;
  }
  std::vector<ObjectId> pins(const Lease& lease) {
    std::vector<ObjectId> out;
    EXPECT_TRUE(leases.for_each_pin(lease.id, {}, [&](const ObjectId& id) {
      out.push_back(id);
      return true;
    }));
    return out;
  }

  crypto::SeededRandom random{8};
  testing::MemoryDatabase database;
  SpaceId space = random.fixed<SpaceId>();
  LeaseStore leases{*database, space};
};

TEST_F(LeaseStoreTest, FindsALeaseByIdAndByDevice) {
  const Lease lease = open(1234567890123);
  const Lease other = open(5);
  const auto found = leases.find(lease.id).value();
  ASSERT_TRUE(found);
  EXPECT_EQ(found->device, lease.device);
  EXPECT_EQ(found->opened_at, lease.opened_at);
  EXPECT_EQ(found->last_contact_at, lease.last_contact_at);
  EXPECT_EQ(leases.of_device(other.device).value()->id, other.id);
  EXPECT_FALSE(leases.of_device(random.fixed<DeviceId>()).value());
  EXPECT_FALSE(leases.find(random.fixed<LeaseId>()).value());
  EXPECT_EQ(leases.all()->size(), 2U);
  EXPECT_TRUE(LeaseStore(*database, random.fixed<SpaceId>()).all()->empty());
}

TEST_F(LeaseStoreTest, PinsAddUpAndEndWithTheirLease) {
  const Lease lease = open(1);
  const Lease other = open(1);
  auto expected = pin(lease, 100);
  for (const ObjectId& id : pin(lease, 50)) expected.push_back(id);
  const auto others = pin(other, 3);
  EXPECT_THAT(pins(lease), ::testing::UnorderedElementsAreArray(expected));

  WriteBatch batch;
  const ObjectId last = random.fixed<ObjectId>();
  leases.pin(batch, lease.id, {&last, 1});
  ASSERT_TRUE(leases.end(batch, lease.id));
  ASSERT_TRUE(database->write(batch, Durability::synced));
  EXPECT_FALSE(leases.find(lease.id).value());
  EXPECT_TRUE(pins(lease).empty());
  EXPECT_THAT(pins(other), ::testing::UnorderedElementsAreArray(others));
}

TEST_F(LeaseStoreTest, StopsVisitingPinsWhenTold) {
  const Lease lease = open(1);
  pin(lease, 10);
  int visits = 0;
  ASSERT_TRUE(leases.for_each_pin(lease.id, {}, [&](const ObjectId&) { return ++visits < 4; }));
  EXPECT_EQ(visits, 4);
}

TEST_F(LeaseStoreTest, ExpiresAfterThirtyDaysOfRunningTimeWithoutContact) {
  Lease lease = open(100);
  EXPECT_TRUE(leases.expired(100 + kLeaseIdleSeconds - 1)->empty());
  EXPECT_EQ(leases.expired(100 + kLeaseIdleSeconds)->size(), 1U);
  // Contact puts it off; a running time below the contact (a folder restored from an old copy) ends nothing.
  lease.last_contact_at = 200;
  WriteBatch batch;
  leases.put(batch, lease);
  ASSERT_TRUE(database->write(batch, Durability::buffered));
  EXPECT_TRUE(leases.expired(100 + kLeaseIdleSeconds)->empty());
  EXPECT_TRUE(leases.expired(0)->empty());
}

TEST_F(LeaseStoreTest, RunningTimeGoesOnAfterARestart) {
  {
    RunningTime time(*database);
    EXPECT_EQ(time.seconds(), 0U);
    ASSERT_TRUE(time.add(60));
    ASSERT_TRUE(time.add(61));
    EXPECT_EQ(time.seconds(), 121U);
  }
  database.reopen();
  RunningTime time(*database);
  EXPECT_EQ(time.seconds(), 121U);
  ASSERT_TRUE(time.add(0));
  EXPECT_EQ(time.seconds(), 121U);
}

TEST_F(LeaseStoreTest, ADamagedRunningTimeIsNotTakenForZero) {
  ASSERT_TRUE(database->put(Table::state, as_bytes("running_time"), as_bytes("?"), Durability::buffered));
  EXPECT_THROW(RunningTime{*database}, std::runtime_error);
}

}  // namespace
}  // namespace beffroi::storage
