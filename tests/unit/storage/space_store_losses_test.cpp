// Goal: a loss takes receipts and expiries out of their chains and keeps them, and the chains go on from it.
#include <gtest/gtest.h>

#include "storage/store/space_store.h"
#include "tests/support/memory_database.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

class SpaceStoreLossesTest : public ::testing::Test {
 protected:
  static ReceiptId receipt_id(std::uint8_t filled_with) {
    ReceiptId out;
    out.data.fill(filled_with);
    return out;
  }
  /// Stores one that goes on from receipt `head`, and gives its id.
  LossId lose(std::uint64_t head, std::uint8_t head_id, std::optional<LossId> previous) {
    Loss loss;
    loss.space = store.space();
    loss.counter = previous ? 2 : 1;
    loss.previous = previous;
    loss.declared.seconds = static_cast<std::int64_t>(++places);
    loss.receipts.head = {head, receipt_id(head_id)};
    WriteBatch batch;
    const Bytes encoded = make_loss(loss, space.root.sign);
    store.put_loss(batch, places, encoded);
    EXPECT_TRUE(store.write(batch, Durability::synced));
    return loss.id;
  }
  std::optional<ReceiptId> link_after(std::uint64_t counter, std::uint8_t id) {
    return *store.link_after(ChainEnd<ReceiptId>{counter, receipt_id(id)});
  }
  static std::optional<ReceiptId> named(const LossId& loss) { return ReceiptId{loss.data}; }

  testing::MemoryDatabase database;
  testing::SpaceBuilder space;
  SpaceStore store{*database, space.log.space()};
  std::uint64_t places = 0;
};

TEST_F(SpaceStoreLossesTest, ChainsGoOnFromTheNewestLossThatStands) {
  EXPECT_EQ(link_after(3, 3), receipt_id(3)) << "without a loss";
  EXPECT_EQ(*store.link_after(ChainEnd<ReceiptId>{}), std::nullopt);
  const LossId first = lose(3, 3, std::nullopt);
  EXPECT_EQ(link_after(3, 3), named(first));
  EXPECT_EQ(link_after(3, 4), receipt_id(4)) << "another receipt of that number";
  EXPECT_EQ(link_after(2, 2), receipt_id(2));
  EXPECT_EQ(*store.link_after(ChainEnd<ExpiryId>{}), ExpiryId{first.data}) << "it had let nothing go";
  const LossId second = lose(3, 3, first);
  EXPECT_EQ(link_after(3, 3), named(second)) << "declared twice";
  const LossId without_both = lose(5, 5, std::nullopt);
  EXPECT_EQ(link_after(3, 3), receipt_id(3)) << "the peer has forgotten both";
  EXPECT_EQ(link_after(5, 5), named(without_both));
  ASSERT_EQ(store.losses()->size(), 3U);
  EXPECT_EQ(store.losses()->front().id, first);
}

TEST_F(SpaceStoreLossesTest, WhatIsLostIsKeptAsideAsEvidence) {
  Receipt receipt;
  receipt.space = store.space();
  receipt.counter = 1;
  receipt.commit.data.fill(9);
  const Bytes encoded = make_receipt(receipt, space.root.sign);
  Expiry expiry;
  expiry.counter = 1;
  expiry.gone.push_back({.commit = receipt.commit, .deletion = {}});
  WriteBatch batch;
  store.put_receipt(batch, receipt, encoded);
  store.put_expiry(batch, expiry, as_bytes("expiry"));
  ASSERT_TRUE(store.write(batch, Durability::synced));
  WriteBatch lost;
  store.lose_receipt(lost, 2, receipt, encoded);
  store.lose_expiry(lost, 2, expiry, as_bytes("expiry"));
  ASSERT_TRUE(store.write(lost, Durability::synced));
  EXPECT_EQ(*store.newest_receipt(), std::nullopt);
  EXPECT_EQ(*store.receipt_of(receipt.commit), std::nullopt);
  EXPECT_EQ(*store.newest_expiry(), std::nullopt);
  EXPECT_EQ(*store.expired(receipt.commit), std::nullopt);
  EXPECT_EQ(*store.lost_receipts(2), std::vector<Bytes>{encoded});
  EXPECT_EQ(*store.lost_expiries(2), std::vector<Bytes>{to_bytes(as_bytes("expiry"))});
  EXPECT_TRUE(store.lost_receipts(1)->empty());
  ASSERT_TRUE(store.erase());
  EXPECT_TRUE(store.lost_receipts(2)->empty());
}

}  // namespace
}  // namespace beffroi::storage
