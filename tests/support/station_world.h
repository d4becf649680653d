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
  /// `seed`: of its keys and its kit.
  explicit StationWorld(Connector connector = no_network(), std::uint64_t seed = 1);
  ~StationWorld();

  void start();
  void stop();

  /// The whole answer of a request, its JSON parsed (of ndjson: the last line).
  struct Answer {
    int status = 0;
    bool whole = false;
    nlohmann::json json;
    std::vector<nlohmann::json> lines;
    std::string body;
    std::string error() const;
  };
  Answer ask(const std::string& method, const std::string& target, const std::string& body = {}) const;
  Answer get(const std::string& target) const { return ask("GET", target); }
  Answer post(const std::string& target, const nlohmann::json& body = nlohmann::json::object()) const {
    return ask("POST", target, body.dump());
  }

  /// What `beffroi init` does; the sheet is kit.txt in `folder`.
  Answer found(const std::string& more_query = {});
  static std::string byte_strings(const std::vector<Bytes>& strings);

  std::string source_path() const { return folder.path() + "/source"; }
  void write(const std::string& name, const std::string& text, mode_t mode = 0644) const;
  void become_administrator() { caller = {.uid = 0, .gids = {0}, .is_admin = true}; }
  void become_somebody() { caller = {.uid = 4711, .gids = {4711}, .is_admin = false}; }

  static Connector no_network();

  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random;
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
