// Many stations that push to one real peer at once: how much reaches its receipts in a second. Driven by stations.py.
//
//   beffroi_many_stations seal FOLDER STATIONS MIB    seals a set of vaults, MIB in all
//   beffroi_many_stations push FOLDER < CODES         enrols each by an invitation (a line each), then pushes all at
//   once
#include <sys/resource.h>

#include <asio/co_spawn.hpp>
#include <asio/detached.hpp>
#include <asio/io_context.hpp>
#include <asio/use_future.hpp>
#include <cstdio>
#include <filesystem>
#include <iostream>

#include "tests/bench/replay.h"

namespace beffroi::bench {
namespace {

using Clock = std::chrono::steady_clock;

double seconds_since(Clock::time_point began) { return std::chrono::duration<double>(Clock::now() - began).count(); }

double cpu_seconds() {
  rusage used{};
  ::getrusage(RUSAGE_SELF, &used);
  const auto seconds = [](const timeval& time) {
    return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1e6;
  };
  return seconds(used.ru_utime) + seconds(used.ru_stime);
}

struct Station {
  SealedVault vault;
  storage::Invitation invitation;
  std::unique_ptr<Replay> replay = nullptr;
  double receipt_after_s = 0;
};

/// Runs coroutines of one thread to their ends.
class Stage {
 public:
  template <class T>
  T run(asio::awaitable<Result<T>> work) {
    io_.restart();
    auto done = asio::co_spawn(io_, std::move(work), asio::use_future);
    io_.run();
    Result<T> out = done.get();
    if (!out) throw std::runtime_error(out.error().message());
    if constexpr (!std::is_void_v<T>) return std::move(*out);
  }
  /// All at once.
  void run_all(std::vector<asio::awaitable<Result<void>>> works) {
    io_.restart();
    std::optional<Error> failure;
    for (auto& work : works)
      asio::co_spawn(io_, std::move(work), [&failure](const std::exception_ptr& thrown, const Result<void>& done) {
        if (thrown) std::rethrow_exception(thrown);
        if (!done) failure = done.error();
      });
    io_.run();
    if (failure) throw std::runtime_error(failure->message());
  }

 private:
  asio::io_context io_{1};
};

std::vector<Station> load_stations(const std::string& folder) {
  std::vector<Station> out;
  for (std::size_t number = 0; number < count_vaults(folder); ++number) {
    std::string code;
    if (!std::getline(std::cin, code)) throw std::runtime_error("fewer invitation codes than vaults");
    out.push_back({.vault = load_vault(folder, number), .invitation = storage::parse_invitation(code).value()});
  }
  if (out.empty()) throw std::runtime_error("no sealed vaults in " + folder);
  return out;
}

asio::awaitable<Result<void>> push_one(Station& station, Clock::time_point began) {
  BEFFROI_CO_CHECK(co_await station.replay->push());
  station.receipt_after_s = seconds_since(began);
  co_return Result<void>();
}

int push(const std::string& folder) {
  std::vector<Station> stations = load_stations(folder);
  Stage stage;
  // One after the other: a peer lets one address have few handshakes at a time, and these stations share theirs.
  for (Station& station : stations) {
    stage.run(enrol(station.vault, station.invitation));
    station.replay = stage.run(Replay::connect(station.vault, station.invitation));
  }
  const double cpu_before = cpu_seconds();
  const auto began = Clock::now();
  std::vector<asio::awaitable<Result<void>>> pushes;
  for (Station& station : stations) pushes.push_back(push_one(station, began));
  stage.run_all(std::move(pushes));
  const double wall_s = seconds_since(began);
  const double cpu_s = cpu_seconds() - cpu_before;
  std::uint64_t sealed_bytes = 0;
  std::uint64_t wire_bytes = 0;
  std::size_t objects = 0;
  double first_s = wall_s;
  for (Station& station : stations) {
    stage.run(station.replay->say_bye());
    sealed_bytes += station.vault.bytes.view().size();
    wire_bytes += station.replay->bytes_sent();
    objects += station.vault.objects.size();
    first_s = std::min(first_s, station.receipt_after_s);
  }
  std::printf(
      "{\"stations\": %zu, \"objects\": %zu, \"sealed_bytes\": %llu, \"wire_bytes\": %llu, \"wall_s\": %.4f, "
      "\"first_receipt_s\": %.4f, \"client_cpu_s\": %.3f}\n",
      stations.size(), objects, static_cast<unsigned long long>(sealed_bytes),
      static_cast<unsigned long long>(wire_bytes), wall_s, first_s, cpu_s);
  return EXIT_SUCCESS;
}

int seal(const std::string& folder, std::size_t stations, std::uint64_t mib) {
  std::filesystem::create_directories(folder);
  for (std::size_t number = 0; number < stations; ++number) seal_vault(folder, number, (mib << 20) / stations);
  return EXIT_SUCCESS;
}

int run(std::span<char*> words) {
  const std::string command = words.size() > 2 ? words[1] : "";
  if (command == "push" && words.size() == 3) return push(words[2]);
  if (command == "seal" && words.size() == 5) {
    const auto stations = std::strtoull(words[3], nullptr, 10);
    const auto mib = std::strtoull(words[4], nullptr, 10);
    if (stations > 0 && mib > 0) return seal(words[2], stations, mib);
  }
  std::fprintf(stderr, "usage: %s seal FOLDER STATIONS MIB | push FOLDER < CODES\n", words[0]);
  return 2;
}

}  // namespace
}  // namespace beffroi::bench

int main(int argc, char** argv) {
  try {
    return beffroi::bench::run({argv, static_cast<std::size_t>(argc)});
  } catch (const std::exception& failure) {
    std::fprintf(stderr, "%s: %s\n", argv[0], failure.what());
    return EXIT_FAILURE;
  }
}
