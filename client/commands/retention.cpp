#include <algorithm>
#include <chrono>
#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/kit/root_record.h"
#include "client/ui/human.h"
#include "client/ui/retention_lines.h"

namespace beffroi::client {
namespace {

using nlohmann::json;
using storage::RetentionBody;

// Named on the command line, in the API and in the record.
struct Rule {
  const char* option;
  const char* field;
  std::uint32_t RetentionBody::* value;
  const char* help;
  const char* unit;
};
constexpr std::array kRules = {
    Rule{"--lock", "lock_days", &RetentionBody::lock_days, N_("How long nothing takes a snapshot away"), N_("DAYS")},
    Rule{"--within", "within_days", &RetentionBody::within_days, N_("How long every snapshot is kept"), N_("DAYS")},
    Rule{"--hourly", "hourly", &RetentionBody::hourly, N_("For how many hours the first and last of each are kept"),
         N_("N")},
    Rule{"--daily", "daily", &RetentionBody::daily, N_("The same for days"), N_("N")},
    Rule{"--weekly", "weekly", &RetentionBody::weekly, N_("The same for weeks"), N_("N")},
    Rule{"--monthly", "monthly", &RetentionBody::monthly, N_("The same for months"), N_("N")},
    Rule{"--yearly", "yearly", &RetentionBody::yearly, N_("The same for years"), N_("N")},
};

struct SetWords {
  std::array<std::optional<std::uint32_t>, kRules.size()> values;
  std::string kit;
  bool dry_run = false;
};

void say_clock(const Session& session, const json& answer) {
  session.say(text_field(answer, "by") == "receipts"
                  ? _("The peer applies them, and counts from its receipts.")
                  : _("There is no peer: 'beffroi forget' applies them, and counts from the snapshots' own dates."));
}

void say_rules(const Session& session, const json& rules) {
  if (rules.empty()) {
    session.say(_("There are no rules yet: every snapshot is kept. 'beffroi retention set' makes some."));
    return;
  }
  for (const std::string& line : rules_in_words(rules)) session.say(line);
}

Result<int> show(Session& session) {
  BEFFROI_TRY(const json answer, session.station().get("/v1/retention"));
  const json& rules = sub_field(answer, "rules");
  if (!rules.empty())
    session.say(fill(_("The rules of this vault, since {}:"), time_text(text_field(answer, "since"))));
  say_rules(session, rules);
  say_clock(session, answer);
  session.answer(answer);
  return kExitDone;
}

/// `digits` at a place of a text that has been checked to have them there.
int number_at(const std::string& text, std::size_t at, std::size_t digits) {
  int out = 0;
  for (std::size_t i = at; i < at + digits; ++i) out = 10 * out + (text[i] - '0');
  return out;
}

/// YYYY-MM-DD: the day's beginning, UTC.
Result<std::uint64_t> parse_date(const std::string& text) {
  constexpr std::string_view kShape = "0000-00-00";
  const auto fits = [](char c, char shape) { return shape == '-' ? c == '-' : c >= '0' && c <= '9'; };
  if (std::ranges::equal(text, kShape, fits)) {
    const std::chrono::year_month_day date{std::chrono::year(number_at(text, 0, 4)),
                                           std::chrono::month(static_cast<unsigned>(number_at(text, 5, 2))),
                                           std::chrono::day(static_cast<unsigned>(number_at(text, 8, 2)))};
    const std::chrono::sys_seconds begins = date.ok() ? std::chrono::sys_days(date) : std::chrono::sys_days();
    if (begins.time_since_epoch().count() > 0) return static_cast<std::uint64_t>(begins.time_since_epoch().count());
  }
  return fail(ErrorCode::usage, N_("\"{}\" is not a date like 2027-01-31."), text);
}

void say_explanation(const Session& session, const json& explanation) {
  const json& snapshots = sub_field(explanation, "snapshots");
  if (snapshots.empty()) {
    session.say(_("There is no snapshot yet. 'beffroi backup' makes one."));
    return;
  }
  session.say(explanation_table(session, explanation));
  const auto going = static_cast<std::uint64_t>(
      std::ranges::count_if(snapshots, [](const json& judged) { return text_field(judged, "fate") == "may_go"; }));
  session.say(fill(ngettext("{} snapshot may go.", "{} snapshots may go.", going), count_text(going)));
}

Result<int> explain(Session& session, const std::string& on) {
  json body = json::object();
  if (!on.empty()) {
    BEFFROI_TRY(body["on"], parse_date(on));
  }
  BEFFROI_TRY(const json answer, session.station().send("POST", "/v1/retention/explain", body));
  session.say(fill(_("What the rules say of each snapshot on {}:"), time_text(text_field(answer, "on"))));
  say_explanation(session, answer);
  session.answer(answer);
  return kExitDone;
}

bool says(const json& answer, const RetentionBody& rules) {
  return std::ranges::all_of(
      kRules, [&](const Rule& rule) { return number_field(answer, rule.field) == std::uint64_t{rules.*rule.value}; });
}

/// What the log's newest rules become by the words: the log is verified, what the service says of it is not.
RetentionBody changed_rules(const storage::SpaceLog& log, const SetWords& words) {
  RetentionBody out = log.retentions().empty() ? RetentionBody{} : log.retentions().back().second;
  for (std::size_t i = 0; i < kRules.size(); ++i)
    if (words.values[i]) out.*kRules[i].value = *words.values[i];
  return out;
}

void say_proposed(const Session& session, const json& explanation) {
  for (const std::string& line : rules_in_words(sub_field(explanation, "rules"))) session.say(line);
  if (flag_field(explanation, "weaker"))
    session.say(
        _("In some way this keeps less than the rules before. That binds only snapshots that get their receipt from "
          "now on: the others stay as long as they were promised."));
}

Result<int> set(Session& session, const SetWords& words) {
  json body = json::object();
  for (std::size_t i = 0; i < kRules.size(); ++i)
    if (words.values[i]) body[kRules[i].field] = *words.values[i];
  if (body.empty()) return fail(ErrorCode::usage, N_("Say what is to change, such as --daily 60."));
  BEFFROI_TRY(json explanation, session.station().send("POST", "/v1/retention/explain", body));
  say_proposed(session, explanation);
  if (words.dry_run) {
    say_explanation(session, explanation);
    session.say(_("Nothing was changed."));
    explanation["dry_run"] = true;
    session.answer(explanation);
    return kExitDone;
  }
  const RootRecord make = [&](const crypto::DeviceKeys& root, const storage::SpaceLog& log,
                              storage::UnixTime clock) -> Result<Bytes> {
    const RetentionBody rules = changed_rules(log, words);
    if (!says(sub_field(explanation, "rules"), rules))
      return fail(
          ErrorCode::refused,
          N_("The rules have changed meanwhile, or the service showed others than this vault's log has. Nothing "
             "was signed: look at 'beffroi retention show', and try again."));
    return storage::set_retention(root, log, rules, clock);
  };
  BEFFROI_TRY(json answer, sign_as_root(session, words.kit, make));
  session.say(_("The new rules are in force."));
  answer["rules"] = sub_field(explanation, "rules");
  answer["weaker"] = flag_field(explanation, "weaker");
  session.answer(answer);
  return kExitDone;
}

void add_set(Command& retention, Session& session) {
  auto* const command = retention.add_subcommand(
      "set", _("Change the rules; what is not named stays as it is. It takes the kit's words"));
  const auto words = std::make_shared<SetWords>();
  for (std::size_t i = 0; i < kRules.size(); ++i)
    command->add_option(kRules[i].option, words->values[i], _(kRules[i].help))->option_text(_(kRules[i].unit));
  command->add_option("--kit", words->kit, _("File with the kit's words; else they are asked for"))
      ->option_text(_("FILE"));
  command->add_flag("--dry-run", words->dry_run, _("Only say what would become of each snapshot"));
  command->footer(_("Example:\n  beffroi retention set --daily 90 --monthly 60 --dry-run"));
  command->callback([words, &session] { session.action = [words, &session] { return set(session, *words); }; });
}

}  // namespace

void add_retention(Command& app, Session& session) {
  auto* const retention = app.add_subcommand("retention", _("How long snapshots are kept"));
  retention->group(_("Commands"));
  retention->require_subcommand(1);
  auto* const shown = retention->add_subcommand("show", _("The rules in force, in words"));
  shown->callback([&session] { session.action = [&session] { return show(session); }; });
  auto* const explained =
      retention->add_subcommand("explain", _("Why each snapshot stays, or that it may go. Changes nothing"));
  const auto on = std::make_shared<std::string>();
  explained->add_option("--on", *on, _("On another day than today, such as 2027-01-31"))->option_text(_("DATE"));
  explained->callback([on, &session] { session.action = [on, &session] { return explain(session, *on); }; });
  add_set(*retention, session);
}

}  // namespace beffroi::client
