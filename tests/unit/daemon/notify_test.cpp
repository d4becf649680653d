// Messages to systemd, against a socket as systemd opens it.
#include "daemon/service/notify.h"

#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "daemon/service/heartbeat.h"
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

}  // namespace
}  // namespace beffroi::daemon
