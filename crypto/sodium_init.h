// libsodium's one-time initialisation. Internal to crypto/.
#pragma once

namespace beffroi::crypto {

/// Initialises libsodium on the first call; later calls cost one load. Thread-safe. Aborts when it can't.
/// Every entry that touches libsodium calls it, so that no caller has to know about it.
void ensure_sodium();

}  // namespace beffroi::crypto
