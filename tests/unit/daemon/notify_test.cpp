// Messages to systemd, against a socket as systemd opens it.
#include "daemon/service/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "daemon/service/heartbeat.h"
#include "tests/support/fault_env.h"
#include "tests/support/protocol_thread.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

class NotifyTest : public ::testing::Test {
 protected:
  NotifyTest() {
    const std::string path = folder_.path() + "/notify";
    socket_ = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
    EXPECT_EQ(::bind(socket_, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ::setenv("NOTIFY_SOCKET", path.c_str(), 1);
  }
  ~NotifyTest() override {
    for (const char* name : {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"}) ::unsetenv(name);
    ::close(socket_);
  }
  /// Waits for the next message.
  std::string next() {
    char buffer[512];
    const ssize_t length = ::recv(socket_, buffer, sizeof buffer, 0);
    return {buffer, static_cast<std::size_t>(std::max<ssize_t>(length, 0))};
  }
  bool nothing_waits() const {
    char byte = 0;
    return ::recv(socket_, &byte, 1, MSG_DONTWAIT) < 0;
  }

  testing::TemporaryFolder folder_;
  int socket_ = -1;
};

/// Counts the heartbeats: each asks for the time once.
class CountingClock final : public Clock {
 public:
  storage::UnixTime now() override { return {++beats}; }
  std::chrono::milliseconds monotonic() override { return {}; }
  std::atomic<int> beats{0};
};

/// A watchdog that is fed every two milliseconds from a disk that obeys the test.
class WatchdogTest : public NotifyTest {
 protected:
  WatchdogTest() {
    ::setenv("WATCHDOG_USEC", "4000", 1);
    auto opened = storage::Database::open(folder_.path() + "/db", {.env = &env_});
    EXPECT_TRUE(opened.has_value());
    database_ = std::move(*opened);
    thread_.call([&] { background_.spawn(keep_watchdog_fed(background_, *database_, clock_, pool_)); });
    for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), "WATCHDOG=1");
  }
  ~WatchdogTest() override {
    thread_.call([&] { background_.stop(); });
    while (thread_.call([&] { return background_.running(); }) > 0) {
    }
    thread_.end();
  }
  void wait_for_beats(int more) const {
    for (const int until = clock_.beats + more; clock_.beats < until;) {
    }
  }
  void swallow() const {
    char buffer[512];
    while (::recv(socket_, buffer, sizeof buffer, MSG_DONTWAIT) >= 0) {
    }
  }

  std::shared_ptr<storage::testing::FaultFileSystem> disk_ = std::make_shared<storage::testing::FaultFileSystem>(1);
  storage::testing::FaultEnv env_{disk_};
  std::unique_ptr<storage::Database> database_;
  CountingClock clock_;
  testing::ProtocolThread thread_;
  Pool pool_{1};
  Background background_{thread_.executor()};
};

TEST_F(NotifyTest, SaysReadyStatusWatchdogAndStopping) {
  notify_ready("waiting");
  EXPECT_EQ(next(), "READY=1\nSTATUS=waiting");
  notify_status("busy");
  EXPECT_EQ(next(), "STATUS=busy");
  notify_watchdog();
  EXPECT_EQ(next(), "WATCHDOG=1");
  notify_stopping();
  EXPECT_EQ(next(), "STOPPING=1");
}

TEST_F(NotifyTest, FeedsAtHalfTheTimeThatSystemdAsksFor) {
  EXPECT_FALSE(watchdog_interval().has_value());
  ::setenv("WATCHDOG_USEC", "120000000", 1);
  EXPECT_EQ(watchdog_interval(), std::chrono::milliseconds(60'000));
  ::setenv("WATCHDOG_PID", "1", 1);
  EXPECT_FALSE(watchdog_interval().has_value()) << "meant for another process";
}

// Goal: the watchdog is fed again and again while the storage answers, and the loop ends when it is told to.
TEST_F(NotifyTest, TheWatchdogIsFedWhileTheStorageAnswers) {
  ::setenv("WATCHDOG_USEC", "4000", 1);
  auto database = storage::Database::open(folder_.path() + "/db");
  ASSERT_TRUE(database.has_value());
  ManualClock clock;
  testing::ProtocolThread thread;
  Pool pool(1);
  Background background(thread.executor());
  thread.call([&] { background.spawn(keep_watchdog_fed(background, **database, clock, pool)); });
  for (int i = 0; i < 3; ++i) EXPECT_EQ(next(), "WATCHDOG=1");
  thread.call([&] { background.stop(); });
  while (thread.call([&] { return background.running(); }) > 0) {
  }
  thread.end();
}

// Goal: a disk that fails is no food: systemd is to restart the daemon.
TEST_F(WatchdogTest, AFailingDiskIsNoFood) {
  disk_->fail_changes(0, std::uint64_t{1} << 40);
  wait_for_beats(2);  // what was said for the beat before is in the socket by now
  swallow();
  wait_for_beats(5);
  EXPECT_TRUE(nothing_waits());
}

// Goal: nor is one that hangs; as soon as it answers again, the daemon lives.
TEST_F(WatchdogTest, AHangingDiskIsNoFood) {
  disk_->hold();
  while (!disk_->somebody_waits()) {
  }
  swallow();
  // Ten times as long as a beat takes: the loop's own timer, so that it would have come round.
  thread_.run(background_.pause(std::chrono::milliseconds(20)));
  EXPECT_TRUE(nothing_waits());
  disk_->release();
  EXPECT_EQ(next(), "WATCHDOG=1");
}

// Goal: a full disk says so clearly: a restart would not make room.
TEST_F(WatchdogTest, AFullDiskIsStillAlive) {
  disk_->set_free_bytes(0);
  wait_for_beats(2);
  swallow();
  EXPECT_EQ(next(), "WATCHDOG=1");
}

}  // namespace
}  // namespace beffroi::daemon
