// The folder that something is restored into, opened.
#pragma once

#include <string>
#include <string_view>

#include "client/descriptor.h"
#include "crypto/result.h"

namespace beffroi::client {

/// Opens the folder that the caller named, links followed, and makes it when it is missing. io.
Result<Descriptor> open_target(const std::string& target);

/// Opens the folder `below` (entry path; empty: the top itself) of the shared folder `top`. Missing folders below the
/// top are made, the top is not. No symbolic link is followed, neither below the top, where other people put what they
/// like, nor on the way to it: its path is the service's, which resolved it. When root calls, a folder that is made
/// belongs to whom the folder above belongs to, who could not have made it elsewhere. io.
Result<Descriptor> open_in_shared_folder(const std::string& top, std::string_view below);

}  // namespace beffroi::client
