#include <deque>

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

// What arrives is what was asked for, or it is nothing.
Result<void> verify(const ObjectId& id, ByteView bytes) {
  if (storage::object_id(bytes) != id || !storage::check_object(bytes))
    return fail(ErrorCode::corrupt, N_("The peer sent wrong bytes for the object {}."), id.hex());
  return {};
}

asio::awaitable<Result<std::optional<Bytes>>> receive_object(LinkSession& session, const ObjectId& id) {
  BEFFROI_CO_TRY(Frame frame, co_await session.receive_frame());
  if (frame.type == FrameType::object) {
    BEFFROI_CO_CHECK(verify(id, frame.body));
    co_return std::move(frame.body);
  }
  BEFFROI_CO_TRY(const Message message, decode_message(frame.body));
  if (std::holds_alternative<AbsentMessage>(message)) co_return std::nullopt;
  if (const auto* error = std::get_if<ErrorMessage>(&message)) co_return std::unexpected(error->error);
  co_return std::unexpected(session.unexpected_answer());
}

}  // namespace

asio::awaitable<Result<std::vector<std::optional<Bytes>>>> fetch_objects_over(LinkSession& session,
                                                                              std::span<const ObjectId> ids) {
  std::vector<std::optional<Bytes>> out;
  std::size_t asked = 0;
  std::deque<std::size_t> ends;  // of the requests on their way
  while (out.size() < ids.size()) {
    while (asked < ids.size() && ends.size() < kGetsInFlight) {
      const auto part = ids.subspan(asked, std::min(kIdsPerGet, ids.size() - asked));
      Message request(GetMessage{{part.begin(), part.end()}});
      BEFFROI_CO_CHECK(co_await session.send(std::move(request)));
      asked += part.size();
      ends.push_back(asked);
    }
    auto object = co_await receive_object(session, ids[out.size()]);
    if (!object) co_return forward_error(object);
    out.push_back(std::move(*object));
    if (out.size() == ends.front()) ends.pop_front();
  }
  co_return std::move(out);
}

}  // namespace beffroi::daemon
