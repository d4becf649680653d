// Requests from bytes, with every length bounded. Hides Beast.
#pragma once

#include <memory>

#include "daemon/api/http.h"

namespace beffroi::daemon {

/// Feed bytes until done(). Not thread-safe.
class HttpParser {
 public:
  HttpParser();
  ~HttpParser();
  /// Returns how many bytes were used. ErrorCode::usage for what is no HTTP, limit_exceeded for what is too long.
  Result<std::size_t> feed(ByteView data);
  bool done() const;
  bool keep_alive() const;
  /// Of a done request; usage when target or query are malformed.
  Result<HttpRequest> take();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace beffroi::daemon
