#include "client/session.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "client/http/json_fields.h"
#include "client/socket_choice.h"

namespace beffroi::client {

Http& Session::station() {
  if (!station_) station_ = std::make_unique<Http>(station_socket(socket), kStationSilent);
  return *station_;
}

Http& Session::peer() {
  if (!peer_) peer_ = std::make_unique<Http>(peer_socket(socket), kPeerSilent);
  return *peer_;
}

void Session::say(std::string_view line) const {
  if (!json) console_.print(line);
}

void Session::remark(std::string_view line) const {
  if (!json) console_.note(line);
}

void Session::answer(const nlohmann::json& object) const {
  if (json) console_.out << json_line(object) << '\n' << std::flush;
}

}  // namespace beffroi::client
