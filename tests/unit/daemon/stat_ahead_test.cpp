// Goal: whoever looks at a name first, the walk gets each one's own lstat, and errors as errors.
#include "daemon/backup/stat_ahead.h"

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

class StatAheadTest : public ::testing::Test {
 protected:
  // File number n has n bytes; every tenth is named, but not there.
  void make(std::size_t count) {
    std::vector<std::string> names;
    for (std::size_t i = 0; i < count; ++i) {
      names.push_back(std::to_string(100'000 + i));
      if (i % 10 == 9) continue;
      std::ofstream(folder_.path() + "/" + names.back()) << std::string(i % 3000, 'x');
    }
    names_ = std::make_shared<const std::vector<std::string>>(std::move(names));
    open_ = std::make_shared<const FileDescriptor>(::open(folder_.path().c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  }
  void expect_right(std::size_t name) {
    struct stat status{};
    int error = 0;
    const bool found = ahead_.lstat(thread_, open_, names_, name, status, error);
    ASSERT_EQ(found, name % 10 != 9) << name;
    if (found) {
      ASSERT_EQ(status.st_size, static_cast<off_t>(name % 3000)) << name;
    } else {
      ASSERT_EQ(error, ENOENT) << name;
    }
  }

  testing::TemporaryFolder folder_;
  Names names_;
  OpenFolder open_;
  StatThread thread_;
  StatAhead ahead_;
};

TEST_F(StatAheadTest, GivesEachNameItsOwn) {
  for (const std::size_t count : {1U, 31U, 32U, 255U, 256U, 257U, 2000U}) {
    make(count);
    for (std::size_t i = 0; i < count; ++i) expect_right(i);
    ahead_.forget();
  }
}

TEST_F(StatAheadTest, ForgetsWhatMayBeOld) {
  make(600);
  for (std::size_t i = 0; i < 100; ++i) expect_right(i);
  // The walk is elsewhere for a while.
  ahead_.forget();
  std::ofstream(folder_.path() + "/" + (*names_)[150]) << std::string(7, 'y');
  struct stat status{};
  int error = 0;
  for (std::size_t i = 100; i < 150; ++i) expect_right(i);
  ASSERT_TRUE(ahead_.lstat(thread_, open_, names_, 150, status, error));
  EXPECT_EQ(status.st_size, 7);
  for (std::size_t i = 151; i < 600; ++i) expect_right(i);
}

}  // namespace
}  // namespace beffroi::daemon
