// Whom a share of the peer's threads and memory belongs to.
#pragma once

#include <array>
#include <cstdint>

namespace beffroi::daemon {

/// An organisation's id; zeros: everybody of whom no organisation is known yet.
using ShareKey = std::array<std::uint8_t, 16>;

}  // namespace beffroi::daemon
