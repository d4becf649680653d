#include "tests/sim/world/sim_world.h"

#include <sys/stat.h>

#include <cstdio>
#include <filesystem>

#include "crypto/assert.h"

namespace beffroi::sim {
namespace {

constexpr std::uint64_t kLeastActions = 15;
constexpr std::uint64_t kMoreActions = 35;
constexpr std::uint64_t kCheckEvery = 8;

std::uint64_t mixed(std::uint64_t hash, const std::string& text) {
  constexpr std::uint64_t kPrime = 1099511628211ULL;  // FNV-1a
  for (const char c : text) hash = (hash ^ static_cast<unsigned char>(c)) * kPrime;
  return hash;
}

// Before there are faults nothing fails.
template <class T>
T must(Result<T> result) {
  if (!result) std::fprintf(stderr, "%s\n", result.error().message().c_str());
  BEFFROI_ASSERT(result.has_value());
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

}  // namespace

SimWorld::SimWorld(std::uint64_t seed, std::string folder, bool trace)
    : seed_(seed),
      folder_(std::move(folder)),
      tracing_(trace),
      random_(seed * 1000 + 1),
      peer_("peer", folder_, seed * 1000 + 2) {}

SimWorld::~SimWorld() {
  for (const auto& line : lines_) line->cut();
  while (context_.poll() > 0) continue;
  for (const auto& station : stations_) station->close();
  peer_.close();
}

void SimWorld::run() {
  found();
  const std::uint64_t steps = kLeastActions + draw(kMoreActions);
  std::uint64_t weights = 0;
  for (const Action& action : actions()) weights += action.weight;
  for (std::uint64_t i = 0; i < steps && violations_.empty(); ++i) {
    std::uint64_t at = draw(weights);
    const Action* chosen = actions().data();
    for (; at >= chosen->weight; ++chosen) at -= chosen->weight;
    trace(std::to_string(i) + " " + chosen->name);
    (this->*chosen->run)();
    run_background();
    check_now(i % kCheckEvery == 0);
  }
  if (violations_.empty()) come_to_rest();
  count_disk_faults();
}

void SimWorld::count_chores() {
  const PeerChores::Done done = peer_.chores->take_done();
  count("snapshots expired", done.expired);
  count("collections at the peer", done.collections);
  count("objects collected at the peer", done.collected);
  count("scrubs", done.scrubbed);
}

void SimWorld::count_disk_faults() {
  count("peer: write without room", peer_.disk->writes_without_room());
  count("peer: write error", peer_.disk->write_errors());
  for (const auto& station : stations_) {
    count("station: write without room", station->disk->writes_without_room());
    count("station: write error", station->disk->write_errors());
  }
}

void SimWorld::found() {
  constexpr std::uint64_t kSecondTenantIn = 3;
  constexpr std::uint64_t kSecondDeviceIn = 2;
  constexpr std::uint64_t kWideIn = 3;
  constexpr std::uint64_t kDefaultRulesIn = 3;
  wide_ = one_in(kWideIn);
  true_time_s_ = peer_.clock.wall_s;
  must(peer_.open());
  const std::size_t tenants = one_in(kSecondTenantIn) ? 2 : 1;
  for (std::size_t i = 0; i < tenants; ++i) {
    found_tenant(i);
    if (!one_in(kDefaultRulesIn)) set_rules(*tenants_.back());
    if (one_in(kSecondDeviceIn)) admit_second_device(*tenants_.back());
  }
}

// As `init` and `join` do it; the conversation of joining is simulated elsewhere.
void SimWorld::found_tenant(std::size_t number) {
  crypto::SeededRandom random(seed_ * 1000 + 10 + number);
  auto root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random));
  tenants_.push_back(std::make_unique<SimTenant>(
      SimTenant{"tenant" + std::to_string(number), std::move(root), storage::SpaceId{}, {}}));
  SimTenant& tenant = *tenants_.back();
  SimStation& station = add_station(tenant);
  const auto request = must(station->device_request());
  const auto records =
      must(storage::found_vault(tenant.root, request, tenant.name, station.clock.now(), station.random));
  must(station->found(records));
  tenant.space = station->space();
  const auto invitation = must(peer_.host->invite(tenant.name, {}, {peer_.clock.now().seconds + 1000}, "memory:1"));
  must(peer_.host->enrol(invitation.transport_key(), records));
  must(station->bind_peer({peer_.host->public_part(), "memory:1"}));
}

SimStation& SimWorld::add_station(SimTenant& tenant) {
  const std::size_t number = stations_.size();
  stations_.push_back(std::make_unique<SimStation>("station" + std::to_string(number), folder_,
                                                   seed_ * 1000 + 100 + number, tenant, wide_));
  must(stations_.back()->open());
  return *stations_.back();
}

void SimWorld::admit_second_device(SimTenant& tenant) {
  SimStation& second = add_station(tenant);
  must(recover_as(second, true));
}

// Without the name of the folder, which is another one each time.
void SimWorld::trace(std::string line) {
  for (std::size_t at = line.find(folder_); at != std::string::npos; at = line.find(folder_))
    line.erase(at, folder_.size());
  fingerprint_ = mixed(fingerprint_, line);
  if (tracing_) std::printf("%s\n", line.c_str());
}

void SimWorld::violated(const std::string& what) {
  trace("VIOLATED: " + what);
  violations_.push_back(what);
}

SimStation* SimWorld::draw_station() {
  std::vector<SimStation*> there;
  for (const auto& station : stations_)
    if (!station->removed) there.push_back(station.get());
  return there.empty() ? nullptr : there[draw(there.size())];
}

std::shared_ptr<daemon::HostedSpace> SimWorld::hosted(const SimTenant& tenant) {
  for (auto& space : peer_.host->spaces())
    if (space->space() == tenant.space) return space;
  violated("the peer does not serve " + tenant.name + " any more");
  return nullptr;
}

}  // namespace beffroi::sim
