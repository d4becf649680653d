// Runs a fuzz target without libFuzzer: every file of the corpus, then mutations that depend on a seed only.
//   fuzz_replay_NAME CORPUS              all of it
//   fuzz_replay_NAME CORPUS FILE ROUND   one mutation again (round 0: the file as it is), as printed when a target
//   fails
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>

#include "crypto/random.h"
#include "tests/fuzz/fuzz_target.h"

namespace beffroi {
namespace {

constexpr std::size_t kMutationsPerTarget = 20'000;
constexpr std::size_t kMaxInputBytes = 64 * 1024;

struct Seed {
  std::string name;
  Bytes bytes;
};

// What runs now, for the handler below. Written by the only thread.
char current_command[1024];

extern "C" void report_failure(int signal_number) {
  std::fputs(current_command, stderr);
  std::signal(signal_number, SIG_DFL);
  std::raise(signal_number);
}

std::vector<Seed> read_corpus(const std::filesystem::path& folder) {
  std::vector<Seed> out;
  for (const auto& file : std::filesystem::directory_iterator(folder)) {
    std::ifstream stream(file.path(), std::ios::binary);
    out.push_back({file.path().filename().string(), Bytes(std::istreambuf_iterator<char>(stream), {})});
  }
  std::ranges::sort(out, {}, &Seed::name);
  return out;
}

void mutate_once(Bytes& bytes, const Bytes& other, crypto::Random& random) {
  const std::size_t at = bytes.empty() ? 0 : random.below(bytes.size());
  const auto position = bytes.begin() + static_cast<std::ptrdiff_t>(at);
  switch (random.below(bytes.empty() ? 2 : 7)) {
    case 0:
      bytes.insert(position, static_cast<std::uint8_t>(random.below(256)));
      return;
    case 1: {  // a piece of another seed
      const std::size_t from = other.empty() ? 0 : random.below(other.size());
      const std::size_t size = std::min<std::size_t>(other.size() - from, random.below(64));
      bytes.insert(position, other.begin() + static_cast<std::ptrdiff_t>(from),
                   other.begin() + static_cast<std::ptrdiff_t>(from + size));
      return;
    }
    case 2:
      bytes[at] ^= static_cast<std::uint8_t>(1U << random.below(8));
      return;
    case 3:
      bytes[at] = static_cast<std::uint8_t>(random.below(256));
      return;
    case 4:
      bytes[at] = static_cast<std::uint8_t>(bytes[at] + (random.below(2) == 0 ? 1 : -1));
      return;
    case 5:
      bytes.erase(position);
      return;
    default:
      bytes.resize(at);
  }
}

Bytes mutation(const std::vector<Seed>& corpus, std::size_t which, std::uint64_t round) {
  Bytes out = corpus[which].bytes;
  if (round == 0) return out;
  crypto::SeededRandom random(round * 1'000'003 + which);
  for (std::uint64_t left = 1 + random.below(4); left > 0; --left)
    mutate_once(out, corpus[random.below(corpus.size())].bytes, random);
  out.resize(std::min(out.size(), kMaxInputBytes));
  return out;
}

void run(const char* program, const char* folder, const std::vector<Seed>& corpus, std::size_t which,
         std::uint64_t round) {
  std::snprintf(current_command, sizeof current_command, "Run it again: %s %s %s %llu\n", program, folder,
                corpus[which].name.c_str(), static_cast<unsigned long long>(round));
  const Bytes input = mutation(corpus, which, round);
  // An allocation of exactly this size, so that AddressSanitizer sees a read behind the end.
  const auto exact = std::make_unique<std::uint8_t[]>(input.size());
  std::ranges::copy(input, exact.get());
  LLVMFuzzerTestOneInput(exact.get(), input.size());
}

int replay(int argc, char** argv) {
  if (argc != 2 && argc != 4) {
    std::fprintf(stderr, "usage: %s CORPUS [FILE ROUND]\n", argv[0]);
    return 2;
  }
  const std::vector<Seed> corpus = read_corpus(argv[1]);
  if (corpus.empty()) {
    std::fprintf(stderr, "%s: no seeds in %s\n", argv[0], argv[1]);
    return 1;
  }
  for (const int failure : {SIGABRT, SIGSEGV, SIGBUS, SIGFPE, SIGILL}) std::signal(failure, report_failure);
  const std::uint64_t rounds = kMutationsPerTarget / corpus.size() + 1;
  for (std::size_t which = 0; which < corpus.size(); ++which) {
    if (argc == 4) {
      if (corpus[which].name == argv[2]) run(argv[0], argv[1], corpus, which, std::strtoull(argv[3], nullptr, 10));
      continue;
    }
    for (std::uint64_t round = 0; round <= rounds; ++round) run(argv[0], argv[1], corpus, which, round);
  }
  return 0;
}

}  // namespace
}  // namespace beffroi

int main(int argc, char** argv) { return beffroi::replay(argc, argv); }
