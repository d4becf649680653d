#include "client/exit_code.h"

#include "client/http/http.h"

namespace beffroi::client {

int exit_code(const Error& error) {
  switch (error.code) {
    case ErrorCode::usage:
      return kExitUsage;
    case ErrorCode::partial:
      return kExitSomeUnread;
    case ErrorCode::corrupt:
      return kExitIntegrity;
    case ErrorCode::refused:
      return kExitRefused;
    case ErrorCode::unreachable:
      return error.text == kStationSilent || error.text == kPeerSilent ? kExitUnreachable : kExitFailed;
    default:
      return kExitFailed;
  }
}

}  // namespace beffroi::client
