#include "tests/sim/world/planted_faults.h"

#include <array>
#include <set>
#include <utility>

namespace beffroi {
namespace {

crypto::Fault active = crypto::Fault::none;
std::set<std::string> was_here;

}  // namespace

namespace crypto {

bool planted(Fault fault) { return fault == active && fault != Fault::none; }

// As a cache in a file: it outlives the process.
bool presence(std::span<const std::uint8_t> id, bool here) {
  if (!planted(Fault::trust_cached_presence)) return here;
  const std::string key(id.begin(), id.end());
  if (here) was_here.insert(key);
  return was_here.contains(key);
}

}  // namespace crypto

namespace sim {

void plant(crypto::Fault fault) { active = fault; }
void forget_presence() { was_here.clear(); }

std::optional<crypto::Fault> fault_of(const std::string& name) {
  using crypto::Fault;
  constexpr std::array<std::pair<const char*, Fault>, 6> kNames = {{
      {"acknowledge-before-sync", Fault::acknowledge_before_sync},
      {"drop-lease-check", Fault::drop_lease_check},
      {"trust-cached-presence", Fault::trust_cached_presence},
      {"skip-closure-check", Fault::skip_closure_check},
      {"sweep-children-first", Fault::sweep_children_first},
      {"collect-by-wall-clock", Fault::collect_by_wall_clock},
  }};
  for (const auto& [known, fault] : kNames)
    if (name == known) return fault;
  return std::nullopt;
}

}  // namespace sim
}  // namespace beffroi
