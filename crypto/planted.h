// Classic mistakes that the simulation (tests/sim/world) must find. They are compiled into its program only, from the
// same sources: without BEFFROI_PLANTED_FAULTS every question here is answered at compile time, and nothing is left.
#pragma once

#include <cstdint>

#ifdef BEFFROI_PLANTED_FAULTS
#include <span>
#endif

namespace beffroi::crypto {

enum class Fault : std::uint8_t {
  none,
  acknowledge_before_sync,  ///< durable is said, and receipts are given, before the disk has it
  drop_lease_check,         ///< nothing is pinned under a lease, and a commit needs none
  trust_cached_presence,    ///< what was here once is said to be here
  skip_closure_check,       ///< children are not looked for, neither at a put nor at a commit
  sweep_children_first,     ///< the collector removes children before their parents
  collect_by_wall_clock,    ///< leases end by the time of day
};

#ifdef BEFFROI_PLANTED_FAULTS
/// Which one is planted: the test program says it.
bool planted(Fault fault);
/// `here`, or with trust_cached_presence: was it ever here?
bool presence(std::span<const std::uint8_t> id, bool here);
#else
constexpr bool planted(Fault) { return false; }
template <class Id>
constexpr bool presence(const Id&, bool here) {
  return here;
}
#endif

}  // namespace beffroi::crypto
