#include "tests/support/station_world.h"

#include <sys/stat.h>

namespace beffroi::daemon::testing {

StationWorld::StationWorld(Connector connector, std::uint64_t seed) : random(seed), connector_(std::move(connector)) {
  settings.data = folder.path() + "/data";
  settings.socket = folder.path() + "/socket";
  settings.schedule.enabled = false;
  settings.limits.min_free_percent = 0;
  std::filesystem::create_directories(source_path());
  start();
}

StationWorld::~StationWorld() { stop(); }

void StationWorld::start() {
  thread = std::make_unique<ProtocolThread>();
  auto opened =
      StationContext::open(settings, thread->executor(), {.clock = clock, .random = random, .connector = connector_});
  BEFFROI_ASSERT(opened.has_value());
  station = std::move(*opened);
  recovery = std::make_unique<Recovery>(*station);
  router = std::make_unique<Router>(station_router(*station, *recovery));
  thread->call([this] {
    auto listening = HttpServer::listen(
        thread->executor(), {.socket_path = settings.socket, .admin_group = "no-such-group", .open_to_everybody = true},
        [this](HttpRequest& request, HttpExchange& exchange) {
          request.caller = caller;
          return router->handle(request, exchange);
        });
    BEFFROI_ASSERT(listening.has_value());
    server = std::move(*listening);
    server->start();
  });
}

void StationWorld::stop() {
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

std::string StationWorld::Answer::error() const {
  const auto found = json.find("error");
  return found == json.end() || !found->is_object() ? std::string() : found->value("code", std::string());
}

StationWorld::Answer StationWorld::ask(const std::string& method, const std::string& target,
                                       const std::string& body) const {
  const HttpReply reply = http(settings.socket, method, target, body);
  Answer out{.status = reply.status, .whole = reply.whole, .json = {}, .lines = {}, .body = reply.body};
  if (reply.type == "application/octet-stream" || reply.type == "application/cbor") return out;
  std::istringstream in(reply.body);
  for (std::string line; std::getline(in, line);) out.lines.push_back(nlohmann::json::parse(line, nullptr, false));
  if (!out.lines.empty()) out.json = out.lines.back();
  return out;
}

StationWorld::Answer StationWorld::found(const std::string& more_query) {
  const Answer device = get("/v1/device");
  auto request = storage::DeviceRequest::decode(as_bytes(device.body));
  BEFFROI_ASSERT(request.has_value());
  auto records = storage::found_vault(root, *request, "Mairie d'Essai", clock.now(), random);
  BEFFROI_ASSERT(records.has_value());
  return ask("POST", "/v1/found?kit=" + folder.path() + "/kit.txt" + more_query, byte_strings(*records));
}

std::string StationWorld::byte_strings(const std::vector<Bytes>& strings) {
  storage::CborWriter out;
  out.array(strings.size());
  for (const Bytes& string : strings) out.bytes(string);
  return to_string(out.take());
}

void StationWorld::write(const std::string& name, const std::string& text, mode_t mode) const {
  const std::string path = source_path() + "/" + name;
  std::filesystem::create_directories(std::filesystem::path(path).parent_path());
  std::ofstream(path) << text;
  BEFFROI_ASSERT(::chmod(path.c_str(), mode) == 0);
}

Connector StationWorld::no_network() {
  return [](const std::string& address, const crypto::SecretBytes&,
            crypto::TransportPublicKey) -> asio::awaitable<Result<std::unique_ptr<Channel>>> {
    co_return fail(ErrorCode::unreachable, "The peer at {} does not answer.", address);
  };
}

}  // namespace beffroi::daemon::testing
