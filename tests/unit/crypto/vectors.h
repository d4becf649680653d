// The committed vectors of tests/vectors/crypto, and small ways to name bytes in a test.
#pragma once

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "crypto/labels.h"
#include "crypto/result.h"
#include "crypto/secret.h"

namespace beffroi::crypto {

inline nlohmann::json load_vectors(const std::string& file) {
  std::ifstream in(std::string(BEFFROI_SOURCE_DIR) + "/tests/vectors/crypto/" + file);
  if (!in) throw std::runtime_error("no vector file " + file);
  return nlohmann::json::parse(in);
}

inline Bytes hex(const nlohmann::json& value) {
  auto bytes = from_hex(value.get<std::string>());
  if (!bytes) throw std::runtime_error("vector is not hexadecimal: " + value.dump());
  return *bytes;
}

inline SecretBytes secret(const nlohmann::json& value) { return SecretBytes::copy_of(hex(value)); }

/// 32 bytes of one value.
inline SecretBytes secret_of(std::uint8_t value, std::size_t size = 32) {
  return SecretBytes::copy_of(Bytes(size, value));
}

inline Label label_named(const std::string& text) {
  Label out{};
  std::copy(text.begin(), text.end(), out.begin());
  return out;
}

inline std::vector<std::string> split_words(const std::string& text) {
  std::istringstream in(text);
  return {std::istream_iterator<std::string>(in), {}};
}

/// The code of a result that must have failed.
template <class T>
std::string error_name(const Result<T>& result) {
  return result ? "none" : error_code_name(result.error().code);
}

}  // namespace beffroi::crypto
