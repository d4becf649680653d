// Lines of JSON out of a stream that arrives in pieces.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <string>

#include "client/http/http.h"

namespace beffroi::client {

/// Feeds events to a sink and keeps the last word: the result or the error.
class EventReader {
 public:
  explicit EventReader(const EventSink& sink) : sink_(sink) {}
  /// ErrorCode::protocol for a line that is no JSON object, or one after the last; the sink's errors.
  Result<void> feed(ByteView bytes);
  /// The result without its "event". ErrorCode::protocol when the stream ended without result or error.
  Result<nlohmann::json> finish();

 private:
  Result<void> take_line(std::string_view line);

  const EventSink& sink_;
  std::string pending_;
  std::optional<std::string> result_;
  std::optional<Error> error_;
};

/// The sentence for a stream that broke off.
Error cut_stream();
/// The sentence for an answer that the API does not know.
Error not_understood();

}  // namespace beffroi::client
