// How long a loss that the peer declared rings.
#include "daemon/station/declared_losses.h"

#include <gtest/gtest.h>

namespace beffroi::daemon {
namespace {

constexpr std::int64_t kDayS = 24LL * 3600;

PeerLoss loss_of(std::int64_t declared, std::uint64_t unsendable) {
  PeerLoss out;
  out.loss.declared = {declared};
  out.unsendable = unsendable;
  return out;
}

TEST(DeclaredLossesTest, WhatIsToBeMadeGoodRingsUntilItIs) {
  EXPECT_FALSE(is_to_ring({}, {0}));
  const std::vector open{loss_of(0, 0)};
  EXPECT_TRUE(is_to_ring(open, {400 * kDayS}));
}

// Goal: an alarm that nobody can end ends by itself.
TEST(DeclaredLossesTest, WhatCanNotBeMadeGoodRingsAMonth) {
  const std::vector open{loss_of(0, 2), loss_of(10 * kDayS, 1)};
  EXPECT_EQ(count_unsendable(open), 3U);
  EXPECT_TRUE(is_to_ring(open, {39 * kDayS}));
  EXPECT_FALSE(is_to_ring(open, {40 * kDayS}));
}

}  // namespace
}  // namespace beffroi::daemon
