// Reading the daemon's JSON without trusting its shape: a field that is missing or of another type gives the default.
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "crypto/result.h"

namespace beffroi::client {

std::string text_field(const nlohmann::json& object, const char* name);
std::uint64_t number_field(const nlohmann::json& object, const char* name);
bool flag_field(const nlohmann::json& object, const char* name);
/// The field when it is an object or an array, else an empty object that lives for ever.
const nlohmann::json& sub_field(const nlohmann::json& object, const char* name);

/// A name's exact bytes: `path_b64` when there is one, else `path`.
std::string path_field(const nlohmann::json& object);
/// Sets `path`, and `path_b64` when the bytes are not UTF-8.
void set_path(nlohmann::json& object, std::string_view bytes);

/// The same for a query: "path=…", and "&path_b64=…" when needed.
std::string path_query(std::string_view bytes);

/// "text" and "args" of an error, notice, alarm or problem; "message" when there is no text.
Error said_in(const nlohmann::json& object);
nlohmann::json error_json(const Error& error);

/// One line of JSON; bytes that are not UTF-8 are replaced.
std::string json_line(const nlohmann::json& value);

}  // namespace beffroi::client
