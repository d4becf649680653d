// Which of the mistakes of crypto/planted.h is made in this process.
#pragma once

#include <optional>
#include <string>

#include "crypto/planted.h"

namespace beffroi::sim {

void plant(crypto::Fault fault);
/// At the beginning of each seed: what the planted cache remembers.
void forget_presence();
/// nullopt for a name that is unknown; names are those of the enumeration, with '-'.
std::optional<crypto::Fault> fault_of(const std::string& name);

}  // namespace beffroi::sim
