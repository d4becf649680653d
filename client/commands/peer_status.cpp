#include "client/commands/peer_status.h"

#include <nlohmann/json.hpp>

#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::uint64_t kCriticalFreePercent = 3;

const char* health_name(Health health) {
  switch (health) {
    case Health::ok:
      return "OK";
    case Health::warning:
      return "WARNING";
    case Health::critical:
      return "CRITICAL";
    case Health::unknown:
      return "UNKNOWN";
  }
  return "UNKNOWN";
}

// The vertical bar begins the performance data: a name may not.
std::string plain_line(std::string text) {
  for (char& c : text)
    if (c == '|' || c == '\n' || c == '\r') c = ' ';
  return text;
}

HealthReport report(Health health, const std::string& text, const std::string& data) {
  return {health, std::string("BEFFROI ") + health_name(health) + " - " + plain_line(text) +
                      (data.empty() ? "" : " | " + data)};
}

std::string names_of(const std::vector<std::string>& names) {
  constexpr std::size_t kShown = 5;
  std::string out;
  for (std::size_t i = 0; i < names.size() && i < kShown; ++i) out += (i == 0 ? "" : ", ") + names[i];
  return names.size() > kShown ? out + ", …" : out;
}

}  // namespace

void say_peer_status(const Session& session, const json& status) {
  session.say(fill(_("Peer, listening at {}; running since {}."), text_field(status, "address"),
                   time_text(text_field(status, "running_since"))));
  const auto tenants = number_field(status, "tenants");
  session.say(fill(ngettext("{} commune is enrolled.", "{} communes are enrolled.", tenants), count_text(tenants)));
  const auto connections = number_field(status, "connections");
  session.say(fill(ngettext("{} station is connected now.", "{} stations are connected now.", connections),
                   count_text(connections)));
  const json& store = sub_field(status, "store");
  session.say(fill(_("Space used: {}; free: {}."), size_text(number_field(store, "bytes")),
                   size_text(number_field(store, "free_bytes"))));
  for (const json& alarm : sub_field(status, "alarms"))
    session.say(fill(_("WARNING: {}"), session.console().name(translated(said_in(alarm)))));
}

HealthReport peer_health(const json& status, const json& tenants) {
  std::vector<std::string> damaged;
  std::vector<std::string> silent;
  for (const json& tenant : sub_field(tenants, "tenants")) {
    if (number_field(tenant, "quarantined") > 0) damaged.push_back(text_field(tenant, "name"));
    if (flag_field(tenant, "silent")) silent.push_back(text_field(tenant, "name"));
  }
  const json& store = sub_field(status, "store");
  const std::uint64_t used = number_field(store, "bytes");
  const std::uint64_t free = number_field(store, "free_bytes");
  const std::string data = "tenants=" + std::to_string(number_field(status, "tenants")) +
                           " used=" + std::to_string(used) + "B free=" + std::to_string(free) +
                           "B silent=" + std::to_string(silent.size()) + " damaged=" + std::to_string(damaged.size());
  if (!damaged.empty()) return report(Health::critical, fill(_("damaged objects of: {}"), names_of(damaged)), data);
  if (!store.empty() && free < (used + free) / 100 * kCriticalFreePercent)
    return report(Health::critical, fill(_("only {} free"), size_text(free)), data);
  const json& alarms = sub_field(status, "alarms");
  if (!alarms.empty()) return report(Health::warning, translated(said_in(alarms.front())), data);
  if (!silent.empty()) return report(Health::warning, fill(_("silent: {}"), names_of(silent)), data);
  const auto count = number_field(status, "tenants");
  return report(
      Health::ok,
      fill(ngettext("{} commune, {} free", "{} communes, {} free", count), count_text(count), size_text(free)), data);
}

HealthReport peer_health(const Error& error) {
  return report(exit_code(error) == kExitUnreachable ? Health::critical : Health::unknown, translated(error), "");
}

}  // namespace beffroi::client
