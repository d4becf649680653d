// Runs `beffroi` in this process against a fake daemon, and keeps what it says.
#pragma once

#include <nlohmann/json.hpp>
#include <sstream>

#include "client/session.h"
#include "tests/unit/client/fake_daemon.h"

namespace beffroi::client {

struct CommandResult {
  int exit_code = 0;
  std::string out, err;
  nlohmann::json object() const { return nlohmann::json::parse(out, nullptr, false); }
};

/// `typed`: what stands in standard input; `at_terminal`: it is asked for, as at a terminal.
inline CommandResult run_command(const std::vector<std::string>& words, const std::string& typed = "",
                                 bool at_terminal = false) {
  std::vector<const char*> arguments = {"beffroi"};
  for (const std::string& word : words) arguments.push_back(word.c_str());
  std::ostringstream out;
  std::ostringstream err;
  std::istringstream in(typed);
  CommandResult result;
  result.exit_code =
      run(static_cast<int>(arguments.size()), arguments.data(), {out, err, in, at_terminal, false, false});
  result.out = out.str();
  result.err = err.str();
  return result;
}

inline CommandResult run_at(const FakeDaemon& daemon, std::vector<std::string> words) {
  words.insert(words.begin(), {"--socket", daemon.socket()});
  return run_command(words);
}

}  // namespace beffroi::client
