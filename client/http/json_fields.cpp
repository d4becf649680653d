#include "client/http/json_fields.h"

#include <nlohmann/json.hpp>

#include "client/http/base64.h"
#include "client/http/http.h"
#include "storage/format/utf8.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

const json* find(const json& object, const char* name) {
  if (!object.is_object()) return nullptr;
  const auto at = object.find(name);
  return at == object.end() ? nullptr : &*at;
}

}  // namespace

std::string text_field(const json& object, const char* name) {
  const json* const field = find(object, name);
  return field != nullptr && field->is_string() ? field->get<std::string>() : std::string();
}

std::uint64_t number_field(const json& object, const char* name) {
  const json* const field = find(object, name);
  if (field == nullptr || !field->is_number() || field->get<double>() < 0) return 0;
  return field->get<std::uint64_t>();
}

bool flag_field(const json& object, const char* name) {
  const json* const field = find(object, name);
  return field != nullptr && field->is_boolean() && field->get<bool>();
}

const json& sub_field(const json& object, const char* name) {
  static const json kNothing = json::object();
  const json* const field = find(object, name);
  return field != nullptr && field->is_structured() ? *field : kNothing;
}

std::string path_field(const json& object) {
  if (const auto exact = from_base64(text_field(object, "path_b64")); exact && !exact->empty()) return *exact;
  return text_field(object, "path");
}

void set_path(json& object, std::string_view bytes) {
  object["path"] = bytes;
  if (storage::is_utf8(as_bytes(bytes))) return;
  object["path_b64"] = to_base64(as_bytes(bytes));
  // The daemon goes by the exact bytes; this is for whoever reads along.
  object["path"] = json::parse(json(bytes).dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string path_query(std::string_view bytes) {
  if (storage::is_utf8(as_bytes(bytes))) return "path=" + query_value(bytes);
  return "path_b64=" + query_value(to_base64(as_bytes(bytes)));
}

Error said_in(const json& object) {
  Error out{error_code_from_name(text_field(object, "code")), text_field(object, "text"), {}};
  if (out.text.empty()) out.text = text_field(object, "message");
  for (const json& argument : sub_field(object, "args"))
    out.args.push_back(argument.is_string() ? argument.get<std::string>() : argument.dump());
  return out;
}

json error_json(const Error& error) {
  return {
      {"code", error_code_name(error.code)}, {"text", error.text}, {"args", error.args}, {"message", error.message()}};
}

std::string json_line(const json& value) { return value.dump(-1, ' ', false, json::error_handler_t::replace); }

}  // namespace beffroi::client
