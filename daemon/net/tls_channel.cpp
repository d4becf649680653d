#include "daemon/net/tls_channel.h"

#include <netinet/tcp.h>
#include <sys/socket.h>

#include <asio/read.hpp>
#include <asio/redirect_error.hpp>
#include <asio/ssl/error.hpp>
#include <asio/use_awaitable.hpp>
#include <asio/write.hpp>

#include "daemon/net/deadline.h"
#include "daemon/net/frame.h"

namespace beffroi::daemon {
namespace {

class TlsChannel final : public Channel {
 public:
  TlsChannel(std::shared_ptr<TlsStream> tls, TlsSide side, const crypto::TransportPublicKey& remote_key)
      : tls_(std::move(tls)), side_(side), remote_key_(remote_key) {}
  ~TlsChannel() override { tls_->cut(); }

  asio::awaitable<Result<Frame>> receive(std::chrono::milliseconds timeout) override {
    std::array<std::uint8_t, kFrameHeadBytes> bytes{};
    BEFFROI_CO_CHECK(co_await read(asio::buffer(bytes), timeout));
    BEFFROI_CO_TRY(const FrameHead head, decode_frame_head(bytes));
    if (before_body_) co_await before_body_(head.body_bytes);
    Frame frame{head.type, Bytes(head.body_bytes)};
    if (head.body_bytes > 0) {
      BEFFROI_CO_CHECK(co_await read(asio::buffer(frame.body), body_timeout(head.body_bytes, timeout)));
    }
    co_return frame;
  }

  asio::awaitable<Result<void>> send(Frame frame, std::chrono::milliseconds timeout) override {
    const Bytes bytes = encode_frame(frame);
    frame.body = Bytes();  // a slow line must not hold it twice
    asio::error_code error;
    bool expired = false;
    {
      Deadline deadline(tls_->stream.get_executor(), body_timeout(bytes.size(), timeout), [this] { tls_->cut(); });
      co_await asio::async_write(tls_->stream, asio::buffer(bytes), asio::redirect_error(asio::use_awaitable, error));
      expired = deadline.expired();
    }
    if (error) co_return std::unexpected(explain(expired, error));
    bytes_sent_ += bytes.size();
    co_return Result<void>();
  }

  void ask_before_bodies(BeforeBody ask) override { before_body_ = std::move(ask); }

  // The kernel spreads what it sends over the time, so that others on the line notice nothing; a pause after each
  // object would send in gushes.
  void limit_sending(std::optional<std::uint64_t> bytes_per_second) override {
    if (std::exchange(limit_, bytes_per_second) == bytes_per_second) return;
    const std::uint64_t rate = bytes_per_second.value_or(UINT64_MAX);
    setsockopt(tls_->stream.lowest_layer().native_handle(), SOL_SOCKET, SO_MAX_PACING_RATE, &rate, sizeof rate);
  }
  const crypto::TransportPublicKey& remote_key() const override { return remote_key_; }
  std::string remote_address() const override { return tls_->address; }
  void close() override { tls_->cut(); }
  std::uint64_t bytes_sent() const override { return bytes_sent_; }
  std::uint64_t bytes_received() const override { return bytes_received_; }

 private:
  // After the end of the stream a socket has nothing more to tell: a second read would wait until its deadline.
  asio::awaitable<Result<void>> read(asio::mutable_buffer buffer, std::chrono::milliseconds timeout) {
    if (ended_) co_return std::unexpected(*ended_);
    asio::error_code error;
    bool expired = false;
    {
      Deadline deadline(tls_->stream.get_executor(), timeout, [this] { tls_->cut(); });
      co_await asio::async_read(tls_->stream, buffer, asio::redirect_error(asio::use_awaitable, error));
      expired = deadline.expired();
    }
    if (error) {
      ended_ = explain(expired, error);
      co_return std::unexpected(*ended_);
    }
    bytes_received_ += buffer.size();
    co_return Result<void>();
  }

  // With TLS 1.3 a client learns on its first read only that its key was refused.
  Error explain(bool expired, const asio::error_code& error) const {
    if (expired)
      return {ErrorCode::timeout,
              N_("The line to the peer at {} has been silent for too long. Try again later."),
              {tls_->address}};
    const bool first = side_ == TlsSide::client && bytes_received_ == 0;
    if (first && error.category() == asio::error::get_ssl_category())
      return {
          ErrorCode::refused,
          N_("The peer at {} does not know this computer. If it never joined, ask the EPCI for an invitation. If the "
             "vault was brought back on another machine since, this one was removed, and a new invitation does not "
             "help: call your technician."),
          {tls_->address}};
    if (first)
      return {ErrorCode::unreachable, N_("The peer at {} closed the line at once. Try again later."), {tls_->address}};
    return {ErrorCode::unreachable,
            N_("The line to the peer at {} was cut. What it had acknowledged is safe; the rest is sent the next time."),
            {tls_->address}};
  }

  std::shared_ptr<TlsStream> tls_;
  TlsSide side_;
  crypto::TransportPublicKey remote_key_;
  std::uint64_t bytes_sent_ = 0;
  std::uint64_t bytes_received_ = 0;
  std::optional<std::uint64_t> limit_;
  BeforeBody before_body_;
  std::optional<Error> ended_;  ///< why nothing more can be received
};

}  // namespace

TlsStream::TlsStream(asio::ip::tcp::socket socket, std::shared_ptr<TlsContext> tls_context, std::string remote_address)
    : context(std::move(tls_context)),
      stream(std::move(socket), context->asio_context()),
      address(std::move(remote_address)) {}

void TlsStream::cut() {
  asio::error_code ignored;
  stream.lowest_layer().shutdown(asio::ip::tcp::socket::shutdown_both, ignored);
  stream.lowest_layer().close(ignored);
}

asio::awaitable<Result<crypto::TransportPublicKey>> shake_hands(TlsStream& tls, TlsSide side,
                                                                std::chrono::milliseconds timeout) {
  asio::error_code error;
  bool expired = false;
  {
    Deadline deadline(tls.stream.get_executor(), timeout, [&tls] { tls.cut(); });
    const auto role = side == TlsSide::client ? asio::ssl::stream_base::client : asio::ssl::stream_base::server;
    co_await tls.stream.async_handshake(role, asio::redirect_error(asio::use_awaitable, error));
    expired = deadline.expired();
  }
  if (expired) co_return fail(ErrorCode::timeout, N_("The peer at {} does not answer. Try again later."), tls.address);
  if (error)
    co_return fail(ErrorCode::protocol, N_("What answers at {} does not speak Beffroi's protocol. Check the address."),
                   tls.address);
  const auto key = proven_key(tls.stream.native_handle());
  if (!key)
    co_return fail(ErrorCode::protocol, N_("What answers at {} does not speak Beffroi's protocol. Check the address."),
                   tls.address);
  co_return *key;
}

std::unique_ptr<Channel> make_tls_channel(std::shared_ptr<TlsStream> tls, TlsSide side,
                                          const crypto::TransportPublicKey& remote_key) {
  return std::make_unique<TlsChannel>(std::move(tls), side, remote_key);
}

void tune(asio::ip::tcp::socket& socket) {
  asio::error_code ignored;
  socket.set_option(asio::ip::tcp::no_delay(true), ignored);
  socket.set_option(asio::socket_base::keep_alive(true), ignored);
  // What waits in the kernel can't be taken back, and on a slow line stands before every answer.
  const int most_unsent_bytes = 512 * 1024;
  setsockopt(socket.native_handle(), IPPROTO_TCP, TCP_NOTSENT_LOWAT, &most_unsent_bytes, sizeof most_unsent_bytes);
}

}  // namespace beffroi::daemon
