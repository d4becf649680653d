// What the commands below `space` share.
#pragma once

#include <memory>
#include <nlohmann/json_fwd.hpp>

#include "client/commands/command.h"
#include "client/session.h"

namespace beffroi::client {

/// All words that any of them takes.
struct SpaceWords {
  std::string space, folder, kit, name, person, device, member, role, code, id, words, reason, expires;
  std::vector<std::string> paths;
  bool yes = false, wait = false, hostile = false, only_here = false, all = false, recursive = false, list_only = false;
};
using SpaceWordsPointer = std::shared_ptr<SpaceWords>;
using SpaceAction = Result<int> (*)(Session&, const SpaceWords&);

/// A command of the group, with the words that it will fill.
struct SpaceCommand {
  Command* command;
  SpaceWordsPointer words;
};
SpaceCommand add_space_command(Command& group, Session& session, const char* name, const std::string& help,
                               SpaceAction action);
/// Its first plain word: which space.
void take_space(const SpaceCommand& added);

/// Fewer digits of an id name nothing.
inline constexpr std::size_t kMinPrefixDigits = 4;
inline constexpr std::size_t kIdDigitsShown = 12;
/// The beginning of an id.
std::string short_id(const std::string& id);
/// In the caller's language.
std::string role_in_words(const std::string& role);
/// For a command that only waits for the last word.
Result<void> ignore_event(const nlohmann::json& event);
/// "?space=…", for a request about one space.
std::string space_query(const SpaceWords& words);
/// Shows `question`, and has it answered with yes. `yes`: it was said on the command line. usage, with `unattended`,
/// where nobody can be asked; cancelled: another answer.
Result<void> ask_yes(const Session& session, const std::string& question, bool yes, const char* unattended);

}  // namespace beffroi::client
