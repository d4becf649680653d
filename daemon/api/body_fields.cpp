// Request bodies, and base64 for names that are not UTF-8.
#include <sodium.h>

#include <nlohmann/json.hpp>

#include "daemon/api/json.h"

namespace beffroi::daemon {

std::string to_base64(ByteView bytes) {
  std::string out(sodium_base64_ENCODED_LEN(bytes.size(), sodium_base64_VARIANT_ORIGINAL), '\0');
  sodium_bin2base64(out.data(), out.size(), bytes.data(), bytes.size(), sodium_base64_VARIANT_ORIGINAL);
  out.pop_back();  // its final zero
  return out;
}

std::optional<Bytes> from_base64(std::string_view text) {
  Bytes out(text.size());
  std::size_t length = 0;
  const char* end = nullptr;
  if (sodium_base642bin(out.data(), out.size(), text.data(), text.size(), nullptr, &length, &end,
                        sodium_base64_VARIANT_ORIGINAL) != 0 ||
      end != text.data() + text.size())
    return std::nullopt;
  out.resize(length);
  return out;
}

namespace {

/// A discarded value for what is no JSON, or nested too deep: much of the library descends by recursion.
Json parse_body(std::string_view text) {
  if (text.empty()) return Json::object();
  bool too_deep = false;
  const auto keep = [&too_deep](int depth, Json::parse_event_t, const Json&) {
    too_deep = too_deep || depth > kMaxBodyDepth;
    return !too_deep;
  };
  Json out = Json::parse(text, keep, false);
  return too_deep ? Json(Json::value_t::discarded) : out;
}

}  // namespace

BodyFields::BodyFields(std::string_view text) : BodyFields(std::make_unique<Json>(parse_body(text))) {}

BodyFields::BodyFields(std::unique_ptr<Json> object) : object_(std::move(object)) {
  if (!object_->is_object()) {
    error_ = Error{ErrorCode::usage, N_("The request's body is not one JSON object."), {}};
    *object_ = Json::object();
  }
}
BodyFields::~BodyFields() = default;

const Json* BodyFields::find(const std::string& name) {
  asked_.insert(name);
  const auto found = object_->find(name);
  return found == object_->end() || found->is_null() ? nullptr : &*found;
}

void BodyFields::wrong(const std::string& name) {
  if (!error_) error_ = Error{ErrorCode::usage, N_("The request's field \"{}\" can't be used."), {name}};
}

std::string BodyFields::text(const char* name, std::string otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_string()) {
    wrong(name);
    return otherwise;
  }
  return value->get<std::string>();
}

bool BodyFields::flag(const char* name, bool otherwise) {
  const Json* value = find(name);
  if (value == nullptr) return otherwise;
  if (!value->is_boolean()) {
    wrong(name);
    return otherwise;
  }
  return value->get<bool>();
}

std::optional<std::uint64_t> BodyFields::number(const char* name) {
  const Json* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number_unsigned()) {
    wrong(name);
    return std::nullopt;
  }
  return value->get<std::uint64_t>();
}

std::vector<std::string> BodyFields::texts(const char* name) {
  const Json* value = find(name);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (!value->is_array()) {
    wrong(name);
    return out;
  }
  for (const Json& item : *value) {
    if (item.is_string())
      out.push_back(item.get<std::string>());
    else
      wrong(name);
  }
  return out;
}

std::string BodyFields::bytes(const char* name) {
  const std::string readable = text(name);
  const std::string encoded = text((std::string(name) + "_b64").c_str());
  if (encoded.empty()) return readable;
  const auto exact = from_base64(encoded);
  if (!exact) wrong(name);
  return exact ? to_string(*exact) : std::string();
}

std::vector<std::string> BodyFields::paths(const char* name) {
  const Json* value = find(name);
  std::vector<std::string> out;
  if (value == nullptr) return out;
  if (!value->is_array()) {
    wrong(name);
    return out;
  }
  for (const Json& item : *value) {
    BodyFields one(std::make_unique<Json>(item));
    out.push_back(one.bytes("path"));
    if (!one.finish()) wrong(name);
  }
  return out;
}

Result<void> BodyFields::finish() const {
  if (error_) return std::unexpected(*error_);
  for (const auto& [name, value] : object_->items()) {
    if (!asked_.contains(name)) return fail(ErrorCode::usage, N_("The request has an unknown field \"{}\"."), name);
  }
  return {};
}

Result<Source> read_source(std::string_view body) {
  BodyFields fields(body);
  Source out;
  out.path = fields.bytes("path");
  out.excludes = fields.texts("excludes");
  out.exclude_files = fields.texts("exclude_files");
  out.one_file_system = fields.flag("one_file_system");
  out.skip_caches = fields.flag("skip_caches", true);
  out.max_file_bytes = fields.number("max_file_bytes");
  out.separate = fields.flag("separate");
  out.before = fields.text("before");
  out.after = fields.text("after");
  BEFFROI_CHECK(fields.finish());
  if (out.path.empty()) return fail(ErrorCode::usage, N_("Say which folder: its path is missing."));
  return out;
}

}  // namespace beffroi::daemon
