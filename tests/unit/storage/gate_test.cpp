#include "storage/store/gate.h"

#include <gtest/gtest.h>

#include <atomic>
#include <thread>

namespace beffroi::storage {
namespace {

using namespace std::chrono_literals;

// Goal: closing waits for those inside, who may enter again meanwhile: else a scan whose visitor reads would stand
// still.
TEST(GateTest, ClosesWhenAllHaveLeft) {
  Gate gate;
  std::atomic<bool> inside = false, closing = false;
  std::jthread visitor([&] {
    gate.enter();
    inside = true;
    while (!closing) std::this_thread::yield();
    for (int i = 0; i < 1000; ++i) {
      gate.enter();
      std::this_thread::yield();
      gate.leave();
    }
    gate.leave();
  });
  while (!inside) std::this_thread::yield();
  closing = true;
  EXPECT_TRUE(gate.close(60s));
  EXPECT_FALSE(gate.close(0ms));
  gate.open();
  gate.enter();
  gate.leave();
}

// Goal: whoever is inside does not wait for itself.
TEST(GateTest, IsNotClosedFromInside) {
  Gate gate;
  gate.enter();
  EXPECT_FALSE(gate.close(60s));
  gate.leave();
  EXPECT_TRUE(gate.close(0ms));
}

// Goal: after a close that took too long it is as open as before.
TEST(GateTest, StaysOpenWhenSomebodyStays) {
  Gate gate;
  std::atomic<bool> inside = false, done = false;
  std::jthread visitor([&] {
    gate.enter();
    inside = true;
    while (!done) std::this_thread::yield();
    gate.leave();
  });
  while (!inside) std::this_thread::yield();
  EXPECT_FALSE(gate.close(1ms));
  gate.enter();
  gate.leave();
  done = true;
}

}  // namespace
}  // namespace beffroi::storage
