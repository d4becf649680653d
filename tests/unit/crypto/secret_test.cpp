#include "crypto/secret.h"

#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <ostream>
#include <type_traits>

#include "vectors.h"

namespace beffroi::crypto {
namespace {

template <class T>
concept Printable = requires(std::ostream& out, const T& value) { out << value; };
static_assert(!std::is_copy_constructible_v<SecretBytes> && !std::is_copy_assignable_v<SecretBytes>);
static_assert(std::is_nothrow_move_constructible_v<SecretBytes> && std::is_nothrow_move_assignable_v<SecretBytes>);
static_assert(!Printable<SecretBytes> && !std::is_convertible_v<SecretBytes, ByteView>);

TEST(SecretBytesTest, MovedFromIsEmpty) {
  SecretBytes from = secret_of(7);
  SecretBytes to = std::move(from);
  EXPECT_TRUE(from.empty());  // NOLINT(bugprone-use-after-move): that is what is tested
  EXPECT_TRUE(to == secret_of(7));
  SecretBytes assigned = secret_of(9, 5);
  assigned = std::move(to);
  EXPECT_TRUE(to.empty());  // NOLINT(bugprone-use-after-move)
  EXPECT_TRUE(assigned == secret_of(7));
}

TEST(SecretBytesTest, StartsZeroedAndComparesContentAndLength) {
  EXPECT_TRUE(SecretBytes(32) == secret_of(0));
  EXPECT_FALSE(secret_of(1) == secret_of(2));
  EXPECT_FALSE(secret_of(1, 31) == secret_of(1, 32));
  EXPECT_TRUE(SecretBytes() == SecretBytes(0));
  EXPECT_TRUE(secret_of(3).clone() == secret_of(3));
}

TEST(SecretBytesDeathTest, AGuardPageStopsAnOverrun) {
  testing::FLAGS_gtest_death_test_style = "threadsafe";
  EXPECT_DEATH(
      {
        SecretBytes bytes(32);
        volatile std::uint8_t* const end = bytes.writable().data() + bytes.size();
        *end = 1;
      },
      "");
}

// The flags line of the memory mapping that holds `address`.
std::string mapping_flags(const void* address) {
  std::ifstream maps("/proc/self/smaps");
  const auto wanted = reinterpret_cast<std::uintptr_t>(address);
  bool inside = false;
  for (std::string line; std::getline(maps, line);) {
    unsigned long from = 0;
    unsigned long to = 0;
    if (std::sscanf(line.c_str(), "%lx-%lx ", &from, &to) == 2) inside = from <= wanted && wanted < to;
    if (inside && line.starts_with("VmFlags:")) return line + " ";
  }
  return "no mapping";
}

TEST(SecretBytesTest, IsLeftOutOfCoreDumps) {
  const SecretBytes bytes = secret_of(1);
  EXPECT_NE(mapping_flags(bytes.view().data()).find(" dd "), std::string::npos) << mapping_flags(bytes.view().data());
}

TEST(WipeTest, OverwritesTheWholeCapacityOfAString) {
  std::string text(100, 'x');
  text.resize(10);  // the rest of the old content is still in memory
  const volatile char* const memory = text.data();
  wipe(text);
  EXPECT_TRUE(text.empty());
  for (int i = 0; i < 100; ++i) EXPECT_EQ(memory[i], 0) << i;
}

TEST(WipeTest, ScopedWipeWipesBytesAndTexts) {
  Bytes bytes(20, 1);
  std::vector<std::string> words = {"abaisser"};
  {
    const ScopedWipe first(bytes);
    const ScopedWipe second(words);
  }
  EXPECT_EQ(bytes, Bytes(20, 0));
  EXPECT_TRUE(words.empty());
}

TEST(HardenProcessTest, TurnsOffCoreDumpsAndTracing) {
  // In a child: it can't be undone.
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    harden_process();
    rlimit limit{};
    getrlimit(RLIMIT_CORE, &limit);
    _exit(prctl(PR_GET_DUMPABLE) == 0 && limit.rlim_cur == 0 && limit.rlim_max == 0 ? 0 : 1);
  }
  int status = 0;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 0);
}

}  // namespace
}  // namespace beffroi::crypto
