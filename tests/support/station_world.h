// A station with its local API on a real Unix socket, without a network. The caller of requests is what the test says.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>

#include "daemon/api/station_api.h"
#include "tests/support/http_client.h"
#include "tests/support/protocol_thread.h"
#include "tests/support/test_vault.h"

namespace beffroi::daemon::testing {

class StationWorld {
 public:
  explicit StationWorld(Connector connector = no_network()) : connector_(std::move(connector)) {
    settings.data = folder.path() + "/data";
    settings.socket = folder.path() + "/socket";
    settings.schedule.enabled = false;
    settings.limits.min_free_percent = 0;
    std::filesystem::create_directories(source_path());
    start();
  }
  ~StationWorld() { stop(); }

  void start() {
    thread = std::make_unique<ProtocolThread>();
    auto opened =
        StationContext::open(settings, thread->executor(), {.clock = clock, .random = random, .connector = connector_});
    BEFFROI_ASSERT(opened.has_value());
    station = std::move(*opened);
    recovery = std::make_unique<Recovery>(*station);
    router = std::make_unique<Router>(station_router(*station, *recovery));
    thread->call([this] {
      auto listening = HttpServer::listen(
          thread->executor(),
          {.socket_path = settings.socket, .admin_group = "no-such-group", .open_to_everybody = true},
          [this](HttpRequest& request, HttpExchange& exchange) {
            request.caller = caller;
            return router->handle(request, exchange);
          });
      BEFFROI_ASSERT(listening.has_value());
      server = std::move(*listening);
      server->start();
    });
  }

  void stop() {
    thread->call([this] {
      server->stop();
      station->jobs.cancel_all();
      station->background.stop();
      recovery->drop();
    });
    while (
        thread->call([this] { return server->connections() + station->jobs.count() + station->background.running(); }));
    thread->call([this] { server.reset(); });
    router.reset();
    recovery.reset();
    // Its threads still answer to the protocol thread while they end.
    station.reset();
    thread.reset();
  }

  /// The whole answer of a request, its JSON parsed (of ndjson: the last line).
  struct Answer {
    int status = 0;
    bool whole = false;
    nlohmann::json json;
    std::vector<nlohmann::json> lines;
    std::string body;
    std::string error() const {
      const auto found = json.find("error");
      return found == json.end() || !found->is_object() ? std::string() : found->value("code", std::string());
    }
  };
  Answer ask(const std::string& method, const std::string& target, const std::string& body = {}) const {
    const HttpReply reply = http(settings.socket, method, target, body);
    Answer out{.status = reply.status, .whole = reply.whole, .json = {}, .lines = {}, .body = reply.body};
    if (reply.type == "application/octet-stream" || reply.type == "application/cbor") return out;
    std::istringstream in(reply.body);
    for (std::string line; std::getline(in, line);) out.lines.push_back(nlohmann::json::parse(line, nullptr, false));
    if (!out.lines.empty()) out.json = out.lines.back();
    return out;
  }
  Answer get(const std::string& target) const { return ask("GET", target); }
  Answer post(const std::string& target, const nlohmann::json& body = nlohmann::json::object()) const {
    return ask("POST", target, body.dump());
  }

  /// What `beffroi init` does; the sheet is kit.txt in `folder`.
  Answer found(const std::string& more_query = {}) {
    const Answer device = get("/v1/device");
    auto request = storage::DeviceRequest::decode(as_bytes(device.body));
    BEFFROI_ASSERT(request.has_value());
    auto records = storage::found_vault(root, *request, "Mairie d'Essai", clock.now(), random);
    BEFFROI_ASSERT(records.has_value());
    return ask("POST", "/v1/found?kit=" + folder.path() + "/kit.txt" + more_query, byte_strings(*records));
  }
  static std::string byte_strings(const std::vector<Bytes>& strings) {
    storage::CborWriter out;
    out.array(strings.size());
    for (const Bytes& string : strings) out.bytes(string);
    return to_string(out.take());
  }

  std::string source_path() const { return folder.path() + "/source"; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const {
    const std::string path = source_path() + "/" + name;
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    std::ofstream(path) << text;
    BEFFROI_ASSERT(::chmod(path.c_str(), mode) == 0);
  }
  void become_administrator() { caller = {.uid = 0, .gids = {0}, .is_admin = true}; }
  void become_somebody() { caller = {.uid = 4711, .gids = {4711}, .is_admin = false}; }

  static Connector no_network() {
    return [](const std::string& address, const crypto::SecretBytes&,
              crypto::TransportPublicKey) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
      co_return fail(ErrorCode::unreachable, "The peer at {} does not answer.", address);
    };
  }

  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random{1};
  crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random));
  StationSettings settings;
  Caller caller{.uid = 0, .gids = {0}, .is_admin = true};
  std::unique_ptr<ProtocolThread> thread;
  std::unique_ptr<StationContext> station;
  std::unique_ptr<Recovery> recovery;
  std::unique_ptr<Router> router;
  std::unique_ptr<HttpServer> server;

 private:
  Connector connector_;
};

}  // namespace beffroi::daemon::testing
