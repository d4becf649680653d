#include "client/http/http.h"

#include <curl/curl.h>

#include <cerrno>
#include <nlohmann/json.hpp>
#include <optional>

#include "client/http/json_fields.h"
#include "client/http/ndjson.h"
#include "client/interrupt.h"
#include "crypto/assert.h"

namespace beffroi::client {

using nlohmann::json;

const char* const kStationSilent =
    N_("Beffroi's service does not answer at {}. Start it with 'systemctl start beffroid-station', or name its socket "
       "with --socket.");
const char* const kPeerSilent =
    N_("The peer's service does not answer at {}. Start it with 'systemctl start beffroid-peer', or name its socket "
       "with --socket.");

namespace {

constexpr long kReceiveBytes = 512L * 1024;
constexpr long kConnectTimeoutSeconds = 10;

struct FreeHeaders {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Headers = std::unique_ptr<curl_slist, FreeHeaders>;

}  // namespace

struct Http::Handle {
  CURL* curl = curl_easy_init();
  Handle() { BEFFROI_ASSERT(curl != nullptr); }
  ~Handle() { curl_easy_cleanup(curl); }
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
};

struct Http::Request {
  std::string method;
  std::string target;
  const char* content_type = nullptr;  ///< nullptr: no body
  ByteView body;
};

/// State of one transfer, seen by libcurl's callbacks.
struct Http::Exchange {
  CURL* curl;
  const OctetSink& sink;
  Bytes refusal;  ///< body of an answer of status 400 and above
  std::optional<Error> stopped;

  static std::size_t on_bytes(char* data, std::size_t, std::size_t size, void* self) {
    auto& exchange = *static_cast<Exchange*>(self);
    return exchange.take(as_bytes({data, size})) ? size : 0;
  }

  static int on_progress(void*, curl_off_t, curl_off_t, curl_off_t, curl_off_t) { return interrupted() ? 1 : 0; }

  bool take(ByteView bytes) {
    long status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    if (interrupted()) return false;
    if (status >= 400) {
      refusal.insert(refusal.end(), bytes.begin(), bytes.end());
      return refusal.size() <= kMaxAnswerBytes;
    }
    if (auto taken = sink(bytes); !taken) stopped = taken.error();
    return !stopped;
  }
};

Http::Http(std::string socket, const char* silent)
    : socket_(std::move(socket)), silent_(silent), handle_(std::make_unique<Handle>()) {}

Http::~Http() = default;

namespace {

Error transport_error(CURL* curl, CURLcode code, const std::string& socket, const char* silent) {
  long os_error = 0;
  curl_easy_getinfo(curl, CURLINFO_OS_ERRNO, &os_error);
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  const bool not_connected = code == CURLE_COULDNT_CONNECT || code == CURLE_COULDNT_RESOLVE_HOST;
  if (not_connected && (os_error == EACCES || os_error == EPERM))
    return {ErrorCode::refused,
            N_("You may not use Beffroi's socket {}. Ask to be made a member of the group beffroi-admin, or use sudo."),
            {socket}};
  if (not_connected || code == CURLE_OPERATION_TIMEDOUT || (code == CURLE_SEND_ERROR && status == 0))
    return {ErrorCode::unreachable, silent, {socket}};
  return cut_stream();
}

Error answered_error(const Bytes& body) {
  const json answer = json::parse(body, nullptr, false);
  const json& error = sub_field(answer, "error");
  if (error.empty()) return not_understood();
  return said_in(error);
}

}  // namespace

Result<void> Http::exchange(const Request& request, const OctetSink& sink) {
  CURL* const curl = handle_->curl;
  curl_easy_reset(curl);
  Exchange state{curl, sink, {}, std::nullopt};
  Headers headers;
  const auto add_header = [&](const char* line) {
    curl_slist* const longer = curl_slist_append(headers.get(), line);
    BEFFROI_ASSERT(longer != nullptr);
    static_cast<void>(headers.release());
    headers.reset(longer);
  };
  add_header("Expect:");
  const std::string url = "http://localhost" + request.target;
  curl_easy_setopt(curl, CURLOPT_UNIX_SOCKET_PATH, socket_.c_str());
  curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
  curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http");
  curl_easy_setopt(curl, CURLOPT_PROXY, "");
  curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
  curl_easy_setopt(curl, CURLOPT_BUFFERSIZE, kReceiveBytes);
  curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, kConnectTimeoutSeconds);
  curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, request.method.c_str());
  if (request.content_type != nullptr) {
    add_header((std::string("Content-Type: ") + request.content_type).c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.body.data());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.body.size()));
  }
  curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
  curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &Exchange::on_bytes);
  curl_easy_setopt(curl, CURLOPT_WRITEDATA, &state);
  curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
  curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, &Exchange::on_progress);
  const CURLcode code = curl_easy_perform(curl);
  if (state.stopped) return std::unexpected(*state.stopped);
  if (interrupted()) return std::unexpected(interrupted_error());
  if (code != CURLE_OK) return std::unexpected(transport_error(curl, code, socket_, silent_));
  long status = 0;
  curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
  if (status >= 400) return std::unexpected(answered_error(state.refusal));
  if (status < 200 || status >= 300) return std::unexpected(not_understood());
  return {};
}

Result<Bytes> Http::whole(const Request& request) {
  Bytes out;
  const OctetSink keep = [&](ByteView bytes) -> Result<void> {
    out.insert(out.end(), bytes.begin(), bytes.end());
    if (out.size() > kMaxAnswerBytes) return std::unexpected(not_understood());
    return {};
  };
  BEFFROI_CHECK(exchange(request, keep));
  return out;
}

Result<json> Http::whole_json(const Request& request) {
  BEFFROI_TRY(const Bytes body, whole(request));
  json answer = json::parse(body, nullptr, false);
  if (!answer.is_object()) return std::unexpected(not_understood());
  return answer;
}

Result<json> Http::events(const Request& request, const EventSink& sink) {
  EventReader reader(sink);
  const auto done = exchange(request, [&](ByteView bytes) { return reader.feed(bytes); });
  auto last_word = reader.finish();
  // A daemon that says why it stops, and then cuts the connection, has said why.
  if (!done && !last_word && last_word.error() != cut_stream()) return last_word;
  if (!done) return forward_error(done);
  return last_word;
}

Result<json> Http::get(const std::string& target) { return whole_json({"GET", target, nullptr, {}}); }

Result<json> Http::send(const std::string& method, const std::string& target, const json& body) {
  const std::string text = json_line(body);
  return whole_json({method, target, "application/json", as_bytes(text)});
}

Result<Bytes> Http::get_cbor(const std::string& target) { return whole({"GET", target, nullptr, {}}); }

Result<Bytes> Http::post_cbor(const std::string& target, ByteView body) {
  return whole({"POST", target, "application/cbor", body});
}

Result<json> Http::post_cbor_for_json(const std::string& target, ByteView body) {
  return whole_json({"POST", target, "application/cbor", body});
}

Result<json> Http::get_events(const std::string& target, const EventSink& sink) {
  return events({"GET", target, nullptr, {}}, sink);
}

Result<json> Http::post_events(const std::string& target, const json& body, const EventSink& sink) {
  const std::string text = json_line(body);
  return events({"POST", target, "application/json", as_bytes(text)}, sink);
}

Result<json> Http::post_cbor_for_events(const std::string& target, ByteView body, const EventSink& sink) {
  return events({"POST", target, "application/cbor", body}, sink);
}

Result<void> Http::get_octets(const std::string& target, const OctetSink& sink) {
  return exchange({"GET", target, nullptr, {}}, sink);
}

Result<void> Http::post_octets(const std::string& target, const json& body, const OctetSink& sink) {
  const std::string text = json_line(body);
  return exchange({"POST", target, "application/json", as_bytes(text)}, sink);
}

std::string query_value(std::string_view value) {
  constexpr std::string_view kPlain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.~/";
  constexpr std::string_view kHex = "0123456789ABCDEF";
  std::string out;
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (kPlain.contains(c))
      out += c;
    else
      (out += '%').append({kHex[byte >> 4U], kHex[byte & 15U]});
  }
  return out;
}

}  // namespace beffroi::client
