#include "client/exit_code.h"

#include <gtest/gtest.h>

#include "client/http/http.h"

namespace beffroi::client {
namespace {

TEST(ExitCodeTest, EveryCodeOfAnErrorHasItsDocumentedExitCode) {
  const std::pair<ErrorCode, int> documented[] = {{ErrorCode::usage, 2},
                                                  {ErrorCode::not_found, 1},
                                                  {ErrorCode::already_exists, 1},
                                                  {ErrorCode::wrong_state, 1},
                                                  {ErrorCode::io, 1},
                                                  {ErrorCode::disk_full, 1},
                                                  {ErrorCode::busy, 1},
                                                  {ErrorCode::cancelled, 1},
                                                  {ErrorCode::timeout, 1},
                                                  {ErrorCode::unreachable, 1},
                                                  {ErrorCode::protocol, 1},
                                                  {ErrorCode::unsupported_version, 1},
                                                  {ErrorCode::conflict, 1},
                                                  {ErrorCode::limit_exceeded, 1},
                                                  {ErrorCode::partial, 3},
                                                  {ErrorCode::corrupt, 5},
                                                  {ErrorCode::refused, 6}};
  for (const auto& [code, exit] : documented) EXPECT_EQ(exit_code({code, "x", {}}), exit) << error_code_name(code);
}

TEST(ExitCodeTest, ASilentDaemonIsNotASilentPeer) {
  EXPECT_EQ(exit_code({ErrorCode::unreachable, kStationSilent, {"/run/x"}}), 4);
  EXPECT_EQ(exit_code({ErrorCode::unreachable, kPeerSilent, {"/run/x"}}), 4);
  EXPECT_EQ(exit_code({ErrorCode::unreachable, "The peer {} does not answer.", {"host"}}), 1);
}

}  // namespace
}  // namespace beffroi::client
