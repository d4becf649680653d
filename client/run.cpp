#include <CLI/CLI.hpp>
#include <exception>
#include <iostream>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/http/ndjson.h"
#include "client/session.h"

namespace beffroi::client {
namespace {

void translate_help(CLI::App& app) {
  const auto formatter = std::make_shared<CLI::Formatter>();
  formatter->label("Usage", _("Usage"));
  formatter->label("OPTIONS", _("OPTIONS"));
  formatter->label("SUBCOMMAND", _("COMMAND"));
  formatter->label("Positionals", _("Arguments"));
  formatter->label("REQUIRED", _("(required)"));
  formatter->label("Excludes", _("not with"));
  formatter->column_width(34);
  app.formatter(formatter);
  app.option_defaults()->group(_("Options"));
  app.set_help_flag("-h,--help", _("What this command does, and its options"));
}

void add_commands(Command& app, Session& session) {
  add_init(app, session);
  add_join(app, session);
  add_source(app, session);
  add_backup(app, session);
  add_sync(app, session);
  add_snapshots(app, session);
  add_ls(app, session);
  add_find(app, session);
  add_diff(app, session);
  add_dump(app, session);
  add_restore(app, session);
  add_check(app, session);
  add_status(app, session);
  add_retention(app, session);
  add_delete(app, session);
  add_forget(app, session);
  add_audit(app, session);
  add_recover(app, session);
  add_space(app, session);
  add_peer(app, session);
}

/// The command that the words lead to, as it is written.
struct Chosen {
  const CLI::App* app;
  std::string words;
};

Chosen deepest_command(const CLI::App& app) {
  Chosen out{&app, app.get_name()};
  while (!out.app->get_subcommands().empty()) {
    out.app = out.app->get_subcommands().front();
    out.words += ' ' + out.app->get_name();
  }
  return out;
}

/// The parser's own words are English only; its sentences begin with the option's name.
std::string option_in(const CLI::ParseError& error) {
  const std::string what = error.what();
  return what.substr(0, what.find_first_of(": "));
}

Error usage_error(const CLI::ParseError& error, const CLI::App& app) {
  const Chosen chosen = deepest_command(app);
  const std::string option = option_in(error);
  auto unknown = chosen.app->remaining(true);
  if (unknown.empty()) unknown = app.remaining(true);
  if (!unknown.empty())
    return {ErrorCode::usage,
            N_("\"{}\" is not a word that '{}' knows. '{} --help' lists them."),
            {unknown.front(), chosen.words, chosen.words}};
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr) {
    // "A subcommand is required".
    if (option == "A") return {ErrorCode::usage, N_("Say what to do: '{} --help' lists the commands."), {chosen.words}};
    return {ErrorCode::usage, N_("{} is missing. '{} --help' shows how to write it."), {option, chosen.words}};
  }
  if (dynamic_cast<const CLI::ValidationError*>(&error) != nullptr)
    return {
        ErrorCode::usage, N_("{} does not take this value. '{} --help' shows which it takes."), {option, chosen.words}};
  if (dynamic_cast<const CLI::ExcludesError*>(&error) != nullptr)
    return {ErrorCode::usage,
            N_("{} can't be used together with the other options. '{} --help' explains them."),
            {option, chosen.words}};
  return {ErrorCode::usage, N_("This can't be understood. '{} --help' shows how to write it."), {chosen.words}};
}

void say_error(const Session& session, const Error& error) {
  if (session.json)
    session.answer({{"error", error_json(error)}});
  else
    session.console().note("beffroi: " + session.console().name(translated(error)));
}

int run_action(const Session& session) {
  try {
    const Result<int> code = session.action();
    session.console().out.flush();
    if (code) return *code;
    say_error(session, code.error());
    return exit_code(code.error());
  } catch (const std::exception&) {
    // Only the JSON library throws: a field of another type than the API says.
    say_error(session, not_understood());
    return kExitFailed;
  }
}

bool wants_json(int count, const char* const* words) {
  for (int i = 1; i < count; ++i) {
    if (std::string_view(words[i]) == "--json") return true;
    if (std::string_view(words[i]) == "--") return false;
  }
  return false;
}

}  // namespace

int run(int count, const char* const* words, const Console& console) {
  Session session(console);
  CLI::App app(_("Beffroi keeps a town hall's documents: encrypted, deduplicated, and at a peer that can't read them."),
               "beffroi");
  translate_help(app);
  app.set_version_flag("--version", "beffroi " BEFFROI_VERSION, _("The version of this program"));
  app.fallthrough();
  app.require_subcommand(1);
  app.add_option("--socket", session.socket, _("The service's socket (else $BEFFROI_SOCKET, else the usual places)"))
      ->option_text(_("PATH"));
  app.add_flag("--json", session.json, _("Answer with one JSON object, for programs"));
  app.footer(
      _("Exit codes: 0 done, 1 failed, 2 usage, 3 done but some files could not be read,\n"
        "4 the service does not answer, 5 integrity violation, 6 refused."));
  Command program(app);
  add_commands(program, session);
  try {
    app.parse(count, words);
  } catch (const CLI::Success& asked) {
    app.exit(asked, console.out, console.err);
    return kExitDone;
  } catch (const CLI::ParseError& error) {
    session.json = wants_json(count, words);
    say_error(session, usage_error(error, app));
    return kExitUsage;
  }
  return run_action(session);
}

}  // namespace beffroi::client
