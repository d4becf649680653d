#include "tests/sim/world/claims.h"

#include <algorithm>

#include "storage/format/object.h"

namespace beffroi::sim {

using daemon::Frame;
using daemon::FrameType;
using daemon::Message;

bool Claims::give(const storage::Receipt& receipt, ByteView encoded) {
  auto& of_space = given_[receipt.space];
  const auto [found, fresh] = of_space.try_emplace(receipt.counter, Given{to_bytes(encoded), receipt.commit});
  return fresh || std::ranges::equal(found->second.encoded, encoded);
}

bool Claims::was_given(const storage::SpaceId& space, ByteView encoded) const {
  const auto found = given_.find(space);
  return found != given_.end() && std::ranges::any_of(found->second, [&](const auto& given) {
           return std::ranges::equal(given.second.encoded, encoded);
         });
}

void Claims::hold(const storage::LeaseId& lease, const Held& more) {
  Held& held = held_.try_emplace(lease, Held{more.space, {}, 0, 0}).first->second;
  held.objects.insert(more.objects.begin(), more.objects.end());
  held.last_contact = more.last_contact;
  held.receipts = more.receipts;
}

asio::awaitable<Result<Frame>> TappedChannel::receive(std::chrono::milliseconds timeout) {
  auto frame = co_await inner_->receive(timeout);
  if (frame) heard(*frame);
  co_return frame;
}

void TappedChannel::heard(const Frame& frame) {
  if (frame.type == FrameType::object) received_.push_back(storage::object_id(frame.body));
  if (frame.type != FrameType::message) return;
  const auto message = daemon::decode_message(frame.body);
  if (message && std::holds_alternative<daemon::FlushMessage>(*message)) flushes_.push_back(received_.size());
}

asio::awaitable<Result<void>> TappedChannel::send(Frame frame, std::chrono::milliseconds timeout) {
  std::optional<Message> message;
  if (frame.type == FrameType::message) {
    auto decoded = daemon::decode_message(frame.body);
    if (decoded) message = std::move(*decoded);
  }
  const auto* receipt = message ? std::get_if<daemon::ReceiptMessage>(&*message) : nullptr;
  if (receipt != nullptr) ear_.receipt_made(receipt->receipt);
  const auto sent = co_await inner_->send(std::move(frame), timeout);
  if (sent && message) said(*message);
  co_return sent;
}

void TappedChannel::said(const Message& message) {
  if (const auto* lease = std::get_if<daemon::LeaseMessage>(&message)) lease_ = lease->lease;
  if (const auto* receipt = std::get_if<daemon::ReceiptMessage>(&message)) ear_.receipt_sent(receipt->receipt);
  if (const auto* shown = std::get_if<daemon::ReceiptsMessage>(&message))
    for (const Bytes& each : shown->receipts) ear_.receipt_sent(each);
  const bool durable = std::holds_alternative<daemon::DurableMessage>(message);
  if (!durable && !std::holds_alternative<daemon::ErrorMessage>(message)) return;
  // An error is the answer to a flush, if there is one: what came before it was refused, or may have been.
  const std::size_t count = flushes_.empty() ? received_.size() : flushes_.front();
  const auto end = received_.begin() + static_cast<std::ptrdiff_t>(count);
  if (durable && lease_ && count > 0) ear_.durable_sent(*lease_, {received_.begin(), end});
  received_.erase(received_.begin(), end);
  if (!flushes_.empty()) flushes_.erase(flushes_.begin());
  for (std::size_t& flush : flushes_) flush -= count;
}

}  // namespace beffroi::sim
