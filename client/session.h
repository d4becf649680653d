// What every command has at hand: the console, the daemons, and how to answer.
#pragma once

#include <functional>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>

#include "client/exit_code.h"
#include "client/http/http.h"
#include "client/ui/console.h"
#include "client/ui/translate.h"

namespace beffroi::client {

/// One run of `beffroi`. Not thread-safe.
class Session {
 public:
  explicit Session(Console console) : console_(console) {}

  std::string socket;  ///< --socket, empty when not given
  bool json = false;   ///< --json: exactly one JSON object on standard output

  const Console& console() const { return console_; }
  Http& station();
  Http& peer();

  /// What the chosen command does once all words are parsed. Gives the exit code, or the error that decides it.
  std::function<Result<int>()> action;

  /// A line of the answer for people; nothing with --json.
  void say(std::string_view line) const;
  /// A remark on standard error; nothing with --json.
  void remark(std::string_view line) const;
  /// The answer for programs; nothing without --json.
  void answer(const nlohmann::json& object) const;

 private:
  Console console_;
  std::unique_ptr<Http> station_;
  std::unique_ptr<Http> peer_;
};

/// Parses the words, runs the command and says what went wrong. The process' exit code.
int run(int count, const char* const* words, const Console& console);

}  // namespace beffroi::client
