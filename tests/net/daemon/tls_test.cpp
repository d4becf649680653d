// The transport over real sockets: who is let in, who is not, and what a hostile other side can do.
#include <gtest/gtest.h>
#include <openssl/ssl.h>
#include <asio/connect.hpp>
#include <asio/ip/tcp.hpp>
#include <asio/read.hpp>
#include <asio/ssl/context.hpp>
#include <asio/ssl/stream.hpp>
#include <asio/steady_timer.hpp>
#include <asio/write.hpp>

#include <future>

#include "daemon/net/tls_context.h"
#include "tests/support/tls_peer.h"

namespace beffroi::daemon::testing {
namespace {

using asio::ip::tcp;
using namespace std::chrono_literals;

crypto::SecretBytes seed(std::uint64_t number) {
  crypto::SeededRandom random(number);
  return crypto::SecretBytes::random(32, random);
}

/// A listener that admits one key and hands its channels to the test.
class EchoListener {
 public:
  explicit EchoListener(const crypto::TransportPublicKey& admitted, std::chrono::milliseconds handshake = 15s,
                        std::chrono::milliseconds frame_timeout = 15s) {
    protocol.call([&] {
      auto bound = TlsListener::bind(
          protocol.executor(), {"127.0.0.1", 0}, seed(1), [admitted](const auto& key) { return key == admitted; },
          handshake);
      BEFFROI_ASSERT(bound.has_value());
      listener = std::move(*bound);
      listener->start(
          [this, frame_timeout](std::unique_ptr<Channel> channel) { return echo(std::move(channel), frame_timeout); });
    });
  }
  ~EchoListener() {
    protocol.call([&] { listener->stop(); });
    // Sessions use what is destroyed next; each turn lets one more go.
    while (listener->connections() > 0) protocol.call([] {});
    protocol.call([&] { listener.reset(); });
  }
  std::uint16_t port() const { return listener->port(); }
  /// What ended the first session that ended.
  Error end() { return ended_.get_future().get(); }

 private:
  std::promise<Error> ended_;
  bool told_ = false;

 public:
  ProtocolThread protocol;
  std::unique_ptr<TlsListener> listener;

 private:
  // The listener speaks first, then sends back what it gets until the bye.
  asio::awaitable<void> echo(std::unique_ptr<Channel> channel, std::chrono::milliseconds timeout) {
    Error end{ErrorCode::cancelled, "bye", {}};
    auto sent = co_await channel->send({FrameType::message, {'h', 'i'}});
    while (sent) {
      auto frame = co_await channel->receive(timeout);
      if (!frame) {
        end = frame.error();
        break;
      }
      const bool bye = frame->type == FrameType::bye;
      sent = co_await channel->send(std::move(*frame));
      if (bye) break;
    }
    // Of several sessions, the first.
    if (!std::exchange(told_, true)) ended_.set_value(end);
  }
};

Result<std::unique_ptr<Channel>> dial(ProtocolThread& thread, std::uint16_t port, const crypto::SecretBytes& key,
                                      crypto::TransportPublicKey expected, std::chrono::milliseconds timeout = 15s) {
  return thread.run(tls_connect({"127.0.0.1", port}, key, expected, timeout));
}

Result<Frame> receive(ProtocolThread& thread, Channel& channel) { return thread.run(channel.receive(15s)); }
Result<void> send(ProtocolThread& thread, Channel& channel, Frame frame) {
  return thread.run(channel.send(std::move(frame), 15s));
}

TEST(TlsTest, FramesGoBothWaysUntilTheBye) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), crypto::transport_public(seed(1)));
  ASSERT_TRUE(channel) << channel.error().message();
  EXPECT_EQ((*channel)->remote_key(), crypto::transport_public(seed(1)));
  EXPECT_EQ(receive(thread, **channel)->body, (Bytes{'h', 'i'}));
  Bytes large(storage::kMaxObjectBytes);
  crypto::SeededRandom(3).fill(large);
  ASSERT_TRUE(send(thread, **channel, {FrameType::object, large}));
  const auto back = receive(thread, **channel);
  ASSERT_TRUE(back);
  EXPECT_EQ(back->type, FrameType::object);
  EXPECT_EQ(back->body, large);
  ASSERT_TRUE(send(thread, **channel, {FrameType::bye, {}}));
  EXPECT_EQ(receive(thread, **channel)->type, FrameType::bye);
  EXPECT_EQ(echo.end().text, "bye");
  thread.call([&] { channel->reset(); });
}

// Goal: a limit slows down what is sent, and its end lets it go again. (Only that it takes long enough is asked: how
// quick the rest is depends on the machine.)
TEST(TlsTest, SendingKeepsToItsLimit) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), crypto::transport_public(seed(1)));
  ASSERT_TRUE(channel) << channel.error().message();
  ASSERT_TRUE(receive(thread, **channel));
  const auto send_one = [&] {
    const auto began = system_clock().monotonic();
    EXPECT_TRUE(send(thread, **channel, {FrameType::object, Bytes(600'000, 7)}));
    EXPECT_TRUE(receive(thread, **channel));
    return system_clock().monotonic() - began;
  };
  // Linux does not pace the first ten segments of a connection (tcp_output.c), of up to 64 KiB on this interface.
  for (int i = 0; i < 3; ++i) send_one();
  constexpr std::uint64_t kBytesPerSecond = 400'000;
  thread.call([&] { (*channel)->limit_sending(kBytesPerSecond); });
  EXPECT_GE(send_one(), 1s);
  thread.call([&] { (*channel)->limit_sending({}); });
  send_one();
  thread.call([&] { channel->reset(); });
}

// Goal: whoever reads on behind the end is told at once, and not by a deadline.
TEST(TlsTest, BehindTheEndThereIsNothingToWaitFor) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), crypto::transport_public(seed(1)));
  ASSERT_TRUE(channel) << channel.error().message();
  ASSERT_TRUE(send(thread, **channel, {FrameType::bye, {}}));
  EXPECT_EQ(receive(thread, **channel)->body, (Bytes{'h', 'i'}));
  EXPECT_EQ(receive(thread, **channel)->type, FrameType::bye);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(thread.run((*channel)->receive(3s)).error().code, ErrorCode::unreachable) << i;
  thread.call([&] { channel->reset(); });
}

TEST(TlsTest, APeerWithAnotherKeyIsRefusedAndNothingIsSent) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  const auto channel = dial(thread, echo.port(), seed(2), crypto::transport_public(seed(4)));
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, ErrorCode::refused);
  EXPECT_NE(channel.error().message().find("another key"), std::string::npos);
}

TEST(TlsTest, AKeyOfZerosTakesAnyPeer) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), {});
  ASSERT_TRUE(channel);
  EXPECT_EQ((*channel)->remote_key(), crypto::transport_public(seed(1)));
  thread.call([&] { channel->reset(); });
}

TEST(TlsTest, AnUnknownClientIsToldSoOnItsFirstRead) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(5), crypto::transport_public(seed(1)));
  ASSERT_TRUE(channel) << channel.error().message();
  const auto frame = receive(thread, **channel);
  ASSERT_FALSE(frame);
  EXPECT_EQ(frame.error().code, ErrorCode::refused);
  EXPECT_NE(frame.error().message().find("does not know this computer"), std::string::npos);
  thread.call([&] { channel->reset(); });
}

/// A TLS client of the test's own making. Returns false when the listener does not go on with it.
bool foreign_handshake(std::uint16_t port, int version, bool with_protocol) {
  asio::io_context context;
  asio::ssl::context tls(asio::ssl::context::tls_client);
  SSL_CTX_set_min_proto_version(tls.native_handle(), version);
  SSL_CTX_set_max_proto_version(tls.native_handle(), version);
  const std::array<unsigned char, 10> protocol = {9, 'b', 'e', 'f', 'f', 'r', 'o', 'i', '/', '1'};
  if (with_protocol) SSL_CTX_set_alpn_protos(tls.native_handle(), protocol.data(), protocol.size());
  asio::ssl::stream<tcp::socket> stream(context, tls);
  stream.lowest_layer().connect({asio::ip::make_address("127.0.0.1"), port});
  asio::error_code error;
  stream.handshake(asio::ssl::stream_base::client, error);
  if (error) return false;
  std::array<char, 1> byte{};
  asio::read(stream, asio::buffer(byte), error);
  return !error;
}

TEST(TlsTest, OlderTlsAndClientsWithoutACertificateAreRefused) {
  EchoListener echo(crypto::transport_public(seed(2)));
  EXPECT_FALSE(foreign_handshake(echo.port(), TLS1_2_VERSION, true));
  EXPECT_FALSE(foreign_handshake(echo.port(), TLS1_3_VERSION, true));
  EXPECT_FALSE(foreign_handshake(echo.port(), TLS1_3_VERSION, false));
}

TEST(TlsTest, SomethingElseThanTlsIsNamed) {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  std::thread server([&] {
    tcp::socket socket(context);
    acceptor.accept(socket);
    asio::error_code ignored;
    asio::write(socket, asio::buffer(std::string_view("HTTP/1.1 400 Bad Request\r\n\r\n")), ignored);
    std::array<char, 4096> rest{};
    while (!ignored) socket.read_some(asio::buffer(rest), ignored);
  });
  ProtocolThread thread;
  const auto channel = dial(thread, acceptor.local_endpoint().port(), seed(2), {});
  server.join();
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, ErrorCode::protocol);
}

TEST(TlsTest, NobodyThereIsUnreachable) {
  asio::io_context context;
  std::uint16_t port = 0;
  {
    tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
    port = acceptor.local_endpoint().port();
  }
  ProtocolThread thread;
  const auto channel = dial(thread, port, seed(2), {});
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, ErrorCode::unreachable);
}

// Goal: a listener that accepts and says nothing does not hold a station for ever.
TEST(TlsTest, ASilentListenerTimesOut) {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), 0});
  ProtocolThread thread;
  // The limit is for connecting as well, which on a busy machine may take its time: then it would be unreachable.
  const auto channel = dial(thread, acceptor.local_endpoint().port(), seed(2), {}, 1s);
  ASSERT_FALSE(channel);
  EXPECT_EQ(channel.error().code, ErrorCode::timeout);
}

// Goal: a client that connects and says nothing is cut by the listener.
TEST(TlsTest, ASilentClientIsCutInTheHandshake) {
  EchoListener echo(crypto::transport_public(seed(2)), 50ms);
  asio::io_context context;
  tcp::socket socket(context);
  socket.connect({asio::ip::make_address("127.0.0.1"), echo.port()});
  asio::error_code error;
  std::array<char, 1> byte{};
  asio::read(socket, asio::buffer(byte), error);
  EXPECT_TRUE(error);
}

// Goal: a client that is silent behind the handshake is cut, and the session hears why.
TEST(TlsTest, ASilentClientIsCutBetweenFrames) {
  EchoListener echo(crypto::transport_public(seed(2)), 15s, 50ms);
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), {});
  ASSERT_TRUE(channel);
  ASSERT_TRUE(receive(thread, **channel));
  EXPECT_EQ(echo.end().code, ErrorCode::timeout);
  EXPECT_EQ(receive(thread, **channel).error().code, ErrorCode::unreachable);
  thread.call([&] { channel->reset(); });
}

/// Sends one byte after the other, with pauses that are short for a reader who waits for each of them; how many of them
/// went through before the other side had enough.
template <class Stream>
std::size_t trickle(Stream& stream, const Bytes& bytes, asio::io_context& io) {
  std::size_t sent = 0;
  asio::error_code error;
  for (; sent < bytes.size() && !error; ++sent) {
    asio::steady_timer(io, 10ms).wait();
    asio::write(stream, asio::buffer(&bytes[sent], 1), error);
  }
  return sent;
}

// Goal: a client that sends a byte now and then has no more time for its handshake than one that sends nothing.
TEST(TlsTest, ATricklingClientIsCutInTheHandshake) {
  EchoListener echo(crypto::transport_public(seed(2)), 200ms);
  asio::io_context io;
  tcp::socket socket(io);
  socket.connect({asio::ip::make_address("127.0.0.1"), echo.port()});
  Bytes hello(16'000, 0);  // the head of a record with a handshake message, and no end of it
  const Bytes head{22, 3, 1, 0x3E, 0x00, 1, 0, 0x3D, 0xFC};
  std::copy(head.begin(), head.end(), hello.begin());
  EXPECT_LT(trickle(socket, hello, io), hello.size());
  while (echo.listener->connections() > 0) std::this_thread::yield();
}

// Goal: a frame has one time limit, however many pieces it comes in.
TEST(TlsTest, ATricklingClientIsCutInAFrame) {
  EchoListener echo(crypto::transport_public(seed(2)), 15s, 200ms);
  auto context = TlsContext::make(TlsSide::client, seed(2), [](const auto&) { return true; });
  BEFFROI_ASSERT(context.has_value());
  asio::io_context io;
  asio::ssl::stream<tcp::socket> stream(io, (*context)->asio_context());
  stream.lowest_layer().connect({asio::ip::make_address("127.0.0.1"), echo.port()});
  stream.handshake(asio::ssl::stream_base::client);
  Bytes frame(1000, 0);
  put_le32(frame.data(), static_cast<std::uint32_t>(frame.size()));
  frame[4] = static_cast<std::uint8_t>(FrameType::message);
  EXPECT_LT(trickle(stream, frame, io), frame.size());
  EXPECT_EQ(echo.end().code, ErrorCode::timeout);
}

/// Sends raw bytes inside a proper TLS connection, then closes it without a bye.
Error session_end_after(const Bytes& raw) {
  EchoListener echo(crypto::transport_public(seed(2)));
  auto context = TlsContext::make(TlsSide::client, seed(2), [](const auto&) { return true; });
  BEFFROI_ASSERT(context.has_value());
  asio::io_context io;
  {
    asio::ssl::stream<tcp::socket> stream(io, (*context)->asio_context());
    stream.lowest_layer().connect({asio::ip::make_address("127.0.0.1"), echo.port()});
    stream.handshake(asio::ssl::stream_base::client);
    asio::write(stream, asio::buffer(raw));
    std::array<char, 7> hello{};  // head and "hi"
    asio::read(stream, asio::buffer(hello));
  }
  return echo.end();
}

TEST(TlsTest, HostileFramesEndTheSession) {
  EXPECT_EQ(session_end_after({0xFF, 0xFF, 0xFF, 0xFF, 1}).code, ErrorCode::limit_exceeded);
  EXPECT_EQ(session_end_after({1, 0, 0, 0, 3, 'x'}).code, ErrorCode::limit_exceeded);  // a bye has no body
  EXPECT_EQ(session_end_after({0, 0, 0, 0, 9}).code, ErrorCode::protocol);
  EXPECT_EQ(session_end_after({100, 0, 0, 0, 1, 'x'}).code, ErrorCode::unreachable);  // cut inside a frame
  EXPECT_EQ(session_end_after({}).code, ErrorCode::unreachable);                      // no bye
}

// Goal: whoever proves no key can't keep others out: of one address a few handshakes are under way, the others are
// closed.
TEST(TlsTest, OneAddressHasAFewHandshakesOnly) {
  EchoListener echo(crypto::transport_public(seed(2)));
  asio::io_context io;
  std::vector<asio::ip::tcp::socket> silent;
  for (std::size_t i = 0; i < kMaxHandshakesPerAddress; ++i) {
    silent.emplace_back(io).connect({asio::ip::address_v4::loopback(), echo.port()});
  }
  while (echo.listener->connections() < kMaxHandshakesPerAddress) std::this_thread::yield();
  asio::ip::tcp::socket more(io);
  more.connect({asio::ip::address_v4::loopback(), echo.port()});
  std::array<char, 1> nothing{};
  asio::error_code end;
  more.read_some(asio::buffer(nothing), end);
  EXPECT_TRUE(end);
  EXPECT_EQ(echo.listener->connections(), kMaxHandshakesPerAddress);
  silent.clear();
  while (echo.listener->connections() > 0) std::this_thread::yield();
  ProtocolThread thread;
  auto channel = dial(thread, echo.port(), seed(2), {});
  ASSERT_TRUE(channel);
  EXPECT_TRUE(receive(thread, **channel));
  thread.call([&] { channel->reset(); });
}

// Goal: one key can't take all places.
TEST(TlsTest, OneKeyHasAFewConnectionsOnly) {
  EchoListener echo(crypto::transport_public(seed(2)));
  ProtocolThread thread;
  std::vector<std::unique_ptr<Channel>> channels;
  for (std::size_t i = 0; i < kMaxConnectionsPerKey; ++i) {
    auto channel = dial(thread, echo.port(), seed(2), {});
    ASSERT_TRUE(channel);
    ASSERT_TRUE(receive(thread, **channel));
    channels.push_back(std::move(*channel));
  }
  auto more = dial(thread, echo.port(), seed(2), {});
  ASSERT_TRUE(more);
  EXPECT_FALSE(receive(thread, **more));
  EXPECT_EQ(echo.listener->connections(), kMaxConnectionsPerKey);
  thread.call([&] {
    more->reset();
    channels.clear();
  });
}

}  // namespace
}  // namespace beffroi::daemon::testing
