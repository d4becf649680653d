// Goal: kill -9 of a process that writes loses no call that had returned, whether it synced or not.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include "storage/store/space_store.h"
#include "tests/support/store_cases.h"

namespace beffroi::storage {
namespace {

using namespace testing;

constexpr const char* kFolderVariable = "BEFFROI_KILL_TEST_FOLDER";
constexpr const char* kSeedVariable = "BEFFROI_KILL_TEST_SEED";
constexpr int kReportDescriptor = 3;
constexpr std::size_t kObjectBytes = 15'000;

// The n-th object that a child with this seed puts.
MadeObject nth_object(std::uint64_t seed, std::uint64_t n) {
  crypto::SeededRandom random(seed * 1'000'000 + n);
  return make_object(random, SpaceId{}, kObjectBytes);
}

// The child: this program again, with only this test. Reports each call that has returned by one byte; is killed.
TEST(KillTest, DISABLED_Writer) {
  const char* folder = getenv(kFolderVariable);
  const char* seed = getenv(kSeedVariable);
  ASSERT_TRUE(folder != nullptr && seed != nullptr) << "started by KillTest.LosesNothingThatReturned only";
  const auto database =
      Database::open(folder, {.cache_bytes = 256 * 1024, .memtable_bytes = 256 * 1024, .env = nullptr}).value();
  const auto store = make_object_store(*database);
  for (std::uint64_t n = 0;; ++n) {
    const MadeObject object = nth_object(std::stoull(seed), n);
    ASSERT_TRUE(put_all(*store, SpaceId{}, {&object, 1}));
    if (n % 16 == 15) ASSERT_TRUE(store->sync());
    if (write(kReportDescriptor, "", 1) != 1) return;  // the parent is gone
  }
}

class Child {
 public:
  Child(const std::string& folder, std::uint64_t seed) {
    int ends[2];
    if (pipe2(ends, O_CLOEXEC) != 0) throw std::runtime_error("no pipe");
    reports_ = ends[0];
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_adddup2(&actions, ends[1], kReportDescriptor);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
    std::string filter = "--gtest_filter=KillTest.DISABLED_Writer";
    std::string disabled = "--gtest_also_run_disabled_tests";
    std::string program = "kill_test";
    std::string folder_setting = std::string(kFolderVariable) + "=" + folder;
    std::string seed_setting = std::string(kSeedVariable) + "=" + std::to_string(seed);
    char* words[] = {program.data(), filter.data(), disabled.data(), nullptr};
    char* settings[] = {folder_setting.data(), seed_setting.data(), nullptr};
    if (posix_spawn(&process_, "/proc/self/exe", &actions, nullptr, words, settings) != 0)
      throw std::runtime_error("no child");
    posix_spawn_file_actions_destroy(&actions);
    close(ends[1]);
  }
  ~Child() { close(reports_); }
  Child(const Child&) = delete;
  Child& operator=(const Child&) = delete;

  // Waits for so many reports, kills, and returns how many there were.
  std::uint64_t kill_after(std::uint64_t reports) {
    std::uint64_t seen = 0;
    while (seen < reports && read_some(seen)) {
    }
    kill(process_, SIGKILL);
    int status = 0;
    waitpid(process_, &status, 0);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "the child ended by itself";
    while (read_some(seen)) {
    }
    return seen;
  }

 private:
  bool read_some(std::uint64_t& seen) const {
    char bytes[256];
    const ssize_t got = read(reports_, bytes, sizeof bytes);
    if (got > 0) seen += static_cast<std::uint64_t>(got);
    return got > 0;
  }

  pid_t process_ = -1;
  int reports_ = -1;
};

TEST(KillTest, LosesNothingThatReturned) {
  crypto::SeededRandom random(11);
  TemporaryFolder folder;
  std::uint64_t objects = 0;
  for (std::uint64_t seed = 0; seed < 8; ++seed) {
    SCOPED_TRACE("seed " + std::to_string(seed));
    const std::uint64_t returned = Child(folder / "db", seed).kill_after(1 + random.below(150));
    ASSERT_GT(returned, 0U);
    const auto database = Database::open(folder / "db");
    ASSERT_TRUE(database) << database.error().message();
    const auto store = make_object_store(**database);
    for (std::uint64_t n = 0; n < returned; ++n) {
      const MadeObject object = nth_object(seed, n);
      ASSERT_EQ(store->get(SpaceId{}, object.id), object.bytes) << "object " << n << " of " << returned;
    }
    // The call that was under way may be found done, and no other.
    objects += returned;
    const std::uint64_t found = read_image(*store, SpaceId{}).objects.size();
    EXPECT_GE(found, objects);
    EXPECT_LE(found, objects + 1);
    objects = found;
  }
}

}  // namespace
}  // namespace beffroi::storage
