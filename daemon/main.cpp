// beffroid: reads the command line, then runs as a station or as a peer.
#include <malloc.h>
#include <sys/resource.h>

#include <CLI/CLI.hpp>
#include <cstdio>

#include "crypto/secret.h"
#include "daemon/peer/peer.h"
#include "daemon/service/log.h"
#include "daemon/service/translate.h"
#include "daemon/station/station.h"

namespace {

using namespace beffroi;
using namespace beffroi::daemon;

int exit_code(ErrorCode code) {
  switch (code) {
    case ErrorCode::usage:
      return 2;
    case ErrorCode::corrupt:
      return 5;
    case ErrorCode::refused:
      return 6;
    default:
      return 1;
  }
}

int report(const Error& error) {
  std::fprintf(stderr, "beffroid: %s\n", translated(error.text, error.args).c_str());
  return exit_code(error.code);
}

/// The C library would keep an arena of memory per thread, each as large as it ever was: much for a PC that people work
/// on.
void keep_memory_together() {
  constexpr int kArenas = 2;
  mallopt(M_ARENA_MAX, kArenas);
}

/// The usual soft limit of 1,024 open files is little for a database and a walk at once.
void raise_file_limit() {
  rlimit limit{};
  if (getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  (void)setrlimit(RLIMIT_NOFILE, &limit);
}

struct Words {
  CommandLine line;
  bool check_config = false;
};

void add_options(CLI::App& command, Words& words) {
  command.add_option("--config", words.line.config, _("Settings (TOML); see docs/cli.md for where it is looked for"))
      ->option_text(_("FILE"));
  command.add_option("--data", words.line.data, _("Keys, store and history"))->option_text(_("DIR"));
  command.add_option("--socket", words.line.socket, _("Where the command 'beffroi' finds this daemon"))
      ->option_text(_("PATH"));
  command
      .add_option("--log-level", words.line.log_level, _("How much is logged: trace, debug, info, warning or error"))
      ->option_text(_("LEVEL"));
  command.add_flag("--check-config", words.check_config, _("Print the settings that would be used, and end"));
}

/// The parser's own words are English only.
Error usage_error(const CLI::ParseError& error, const CLI::App& app) {
  std::string command = app.get_name();
  const CLI::App* chosen = &app;
  if (!app.get_subcommands().empty()) {
    chosen = app.get_subcommands().front();
    command += ' ' + chosen->get_name();
  }
  if (const auto unknown = app.remaining(true); !unknown.empty())
    return {ErrorCode::usage,
            N_("\"{}\" is not a word that '{}' knows. '{} --help' lists them."),
            {unknown.front(), command, command}};
  if (dynamic_cast<const CLI::RequiredError*>(&error) != nullptr)
    return {ErrorCode::usage, N_("Say what to do: '{} --help' lists the commands."), {command}};
  return {ErrorCode::usage, N_("This can't be understood. '{} --help' shows how to write it."), {command}};
}

template <class Settings>
int run(const Words& words, Result<Settings> settings, Result<void> (*daemon)(const Settings&)) {
  if (!settings) return report(settings.error());
  if (words.check_config) {
    std::fputs(to_toml(*settings).c_str(), stdout);
    return 0;
  }
  start_logging(settings->log_level);
  keep_memory_together();
  raise_file_limit();
  const auto ended = daemon(*settings);
  return ended ? 0 : report(ended.error());
}

int parse_and_run(int count, char** words_given) {
  CLI::App app(
      _("Beffroi's service: encrypted backup for small town halls. It runs in the foreground; systemd starts it, "
        "and the command 'beffroi' talks to it."));
  app.name("beffroid");
  app.set_help_flag("-h,--help", _("Print this help, and end"));
  app.set_version_flag("--version", std::string("beffroid ") + BEFFROI_VERSION, _("Print the version, and end"));
  app.require_subcommand(1);
  Words words;
  CLI::App* station = app.add_subcommand("station", _("Back this machine up every night, and send it to the peer"));
  CLI::App* peer = app.add_subcommand("peer", _("Keep the sealed backups of many stations"));
  for (CLI::App* command : {station, peer}) {
    command->set_help_flag("-h,--help", _("Print this help, and end"));
    add_options(*command, words);
  }
  peer->add_option("--listen", words.line.listen, _("Where stations connect, for example [::]:8440"))
      ->option_text(_("HOST:PORT"));
  app.footer(
      _("Example:\n  beffroid station --config /etc/beffroi/station.toml\n  beffroid peer --listen '[::]:8440'"));
  try {
    app.parse(count, words_given);
  } catch (const CLI::Success& asked) {
    return app.exit(asked);
  } catch (const CLI::ParseError& error) {
    return report(usage_error(error, app));
  }
  const Account account = Account::current();
  if (station->parsed()) return run(words, load_station_settings(words.line, account), run_station);
  return run(words, load_peer_settings(words.line, account), run_peer);
}

}  // namespace

int main(int count, char** words) {
  crypto::harden_process();
  use_language_of_environment();
  try {
    return parse_and_run(count, words);
  } catch (const std::exception& exception) {
    std::fprintf(stderr, "beffroid: %s\n", exception.what());
    return 1;
  }
}
