#include "client/commands/command.h"

#include <CLI/CLI.hpp>

namespace beffroi::client {

Option* Option::option_text(const std::string& text) {
  parsed_.option_text(text);
  return this;
}

Option* Option::required() {
  parsed_.required();
  return this;
}

Option* Option::one_of(std::initializer_list<const char*> values) {
  parsed_.check(CLI::IsMember(values));
  return this;
}

Option* Option::allow_extra_args(bool allowed) {
  parsed_.allow_extra_args(allowed);
  return this;
}

Option* Option::excludes(const std::string& other) {
  parsed_.excludes(other);
  return this;
}

bool Option::given() const { return parsed_.count() > 0; }

Option* Command::keep(CLI::Option* parsed) { return &options_.emplace_back(*parsed); }

Command* Command::add_subcommand(const std::string& name, const std::string& help) {
  return &subcommands_.emplace_back(*app_.add_subcommand(name, help));
}

Option* Command::add_option(const std::string& name, std::string& value, const std::string& help) {
  return keep(app_.add_option(name, value, help));
}

Option* Command::add_option(const std::string& name, std::vector<std::string>& values, const std::string& help) {
  return keep(app_.add_option(name, values, help));
}

Option* Command::add_option(const std::string& name, std::uint64_t& value, const std::string& help) {
  return keep(app_.add_option(name, value, help));
}

Option* Command::add_option(const std::string& name, std::optional<std::uint32_t>& value, const std::string& help) {
  return keep(app_.add_option(name, value, help));
}

Option* Command::add_flag(const std::string& name, bool& given, const std::string& help) {
  return keep(app_.add_flag(name, given, help));
}

void Command::callback(std::function<void()> chosen) { app_.callback(std::move(chosen)); }

void Command::require_subcommand(int count) { app_.require_subcommand(count); }

void Command::group(const std::string& heading) { app_.group(heading); }

void Command::footer(const std::string& text) { app_.footer(text); }

}  // namespace beffroi::client
