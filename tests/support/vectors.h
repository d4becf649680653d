// The committed vectors: JSON files below tests/vectors/. Only for tests of formats.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "crypto/bytes.h"

namespace beffroi::testing {

/// Parses tests/vectors/`name`. Throws, and so fails the test, when it is missing or malformed.
inline nlohmann::json read_vectors(const std::string& name) {
  std::ifstream file(std::string(BEFFROI_SOURCE_DIR "/tests/vectors/") + name);
  if (!file) throw std::runtime_error("cannot read tests/vectors/" + name);
  return nlohmann::json::parse(file);
}

/// The bytes of a member that holds hexadecimal digits.
inline Bytes hex_of(const nlohmann::json& object, const char* member) {
  const auto bytes = from_hex(object.at(member).get<std::string>());
  if (!bytes) throw std::runtime_error(std::string("not hexadecimal: ") + member);
  return *bytes;
}

}  // namespace beffroi::testing
