// What a command takes and says of itself: options, help, the commands below it. The parser (CLI11) stands behind this
// and is compiled once: its templates, made anew in the file of each command, were most of what building them took.
#pragma once

#include <cstdint>
#include <functional>
#include <initializer_list>
#include <list>
#include <optional>
#include <string>
#include <vector>

namespace CLI {
class App;
class Option;
}  // namespace CLI

namespace beffroi::client {

/// An option, a flag or a plain word of a command, to which it belongs.
class Option {
 public:
  explicit Option(CLI::Option& parsed) : parsed_(parsed) {}
  Option(const Option&) = delete;
  Option& operator=(const Option&) = delete;

  /// Shown in the help in the place of the value.
  Option* option_text(const std::string& text);
  Option* required();
  Option* one_of(std::initializer_list<const char*> values);
  /// Of a list: whether one mention may have several values.
  Option* allow_extra_args(bool allowed);
  /// By the name of the other option, which is there already.
  Option* excludes(const std::string& other);
  /// Of use once all words are parsed.
  bool given() const;

 private:
  CLI::Option& parsed_;
};

/// The program itself or a command. Owns its options and the commands below it. When all words are parsed, the values
/// of options are written to the variables that were given for them, then the callback of the command is called.
class Command {
 public:
  /// `app` outlives it.
  explicit Command(CLI::App& app) : app_(app) {}
  Command(const Command&) = delete;
  Command& operator=(const Command&) = delete;

  Command* add_subcommand(const std::string& name, const std::string& help);
  Option* add_option(const std::string& name, std::string& value, const std::string& help);
  Option* add_option(const std::string& name, std::vector<std::string>& values, const std::string& help);
  Option* add_option(const std::string& name, std::uint64_t& value, const std::string& help);
  Option* add_option(const std::string& name, std::optional<std::uint32_t>& value, const std::string& help);
  Option* add_flag(const std::string& name, bool& given, const std::string& help);
  void callback(std::function<void()> chosen);
  void require_subcommand(int count);
  /// The heading under which the help of the command above lists it.
  void group(const std::string& heading);
  /// The end of its help.
  void footer(const std::string& text);

 private:
  Option* keep(CLI::Option* parsed);
  CLI::App& app_;
  std::list<Option> options_;
  std::list<Command> subcommands_;
};

}  // namespace beffroi::client
