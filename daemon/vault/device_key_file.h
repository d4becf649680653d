// The file that holds a device's private keys: 128 bytes, mode 0600, written once and never changed.
#pragma once

#include <string>

#include "crypto/identity.h"

namespace beffroi::daemon {

/// nullopt when there is no such file. ErrorCode::refused when others than its owner may read or write it, corrupt when
/// it does not hold device keys.
Result<std::optional<crypto::DeviceKeys>> read_device_keys(const std::string& path);

/// Creates the file and makes it and its name durable. already_exists when there is one: keys are never overwritten.
/// After a crash there is either no file or a whole one.
Result<void> write_device_keys(const std::string& path, const crypto::DeviceKeys& keys);

}  // namespace beffroi::daemon
