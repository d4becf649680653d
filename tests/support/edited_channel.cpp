#include "tests/support/edited_channel.h"

namespace beffroi::daemon::testing {
namespace {

class EditedChannel final : public Channel {
 public:
  EditedChannel(std::unique_ptr<Channel> inner, MessageEdit edit, ObjectEdit edit_object)
      : inner_(std::move(inner)), edit_(std::move(edit)), edit_object_(std::move(edit_object)) {}

  asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds timeout) override {
    BEFFROI_CO_TRY(Frame frame, co_await inner_->receive(timeout));
    if (frame.type == FrameType::object && edit_object_) edit_object_(frame.body);
    if (frame.type != FrameType::message || !edit_) co_return frame;
    BEFFROI_CO_TRY(Message message, decode_message(frame.body));
    edit_(message);
    frame.body = encode_message(message);
    co_return frame;
  }
  asio::awaitable<Result<void>> send(Frame frame, std::chrono::milliseconds timeout) override {
    co_return co_await inner_->send(std::move(frame), timeout);
  }
  const crypto::TransportPublicKey& remote_key() const override { return inner_->remote_key(); }
  std::string remote_address() const override { return inner_->remote_address(); }
  void close() override { inner_->close(); }
  std::uint64_t bytes_sent() const override { return inner_->bytes_sent(); }
  std::uint64_t bytes_received() const override { return inner_->bytes_received(); }

 private:
  std::unique_ptr<Channel> inner_;
  MessageEdit edit_;
  ObjectEdit edit_object_;
};

}  // namespace

std::unique_ptr<Channel> make_edited_channel(std::unique_ptr<Channel> inner, MessageEdit edit, ObjectEdit edit_object) {
  return std::make_unique<EditedChannel>(std::move(inner), std::move(edit), std::move(edit_object));
}

}  // namespace beffroi::daemon::testing
