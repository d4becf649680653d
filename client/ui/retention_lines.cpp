#include "client/ui/retention_lines.h"

#include <nlohmann/json.hpp>

#include "client/http/json_fields.h"
#include "client/ui/human.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kIdDigitsShown = 12;

std::string window_in_words(const char* name, std::uint64_t length) {
  const std::string count = count_text(length);
  const std::string unit = name;
  if (unit == "hourly")
    return fill(ngettext("Kept for {} hour: the first and the last of each hour.",
                         "Kept for {} hours: the first and the last of each hour.", length),
                count);
  if (unit == "daily")
    return fill(ngettext("Kept for {} day: the first and the last of each day.",
                         "Kept for {} days: the first and the last of each day.", length),
                count);
  if (unit == "weekly")
    return fill(ngettext("Kept for {} week: the first and the last of each week.",
                         "Kept for {} weeks: the first and the last of each week.", length),
                count);
  if (unit == "monthly")
    return fill(ngettext("Kept for {} month: the first and the last of each month.",
                         "Kept for {} months: the first and the last of each month.", length),
                count);
  return fill(ngettext("Kept for {} year: the first and the last of each year.",
                       "Kept for {} years: the first and the last of each year.", length),
              count);
}

std::string deletion_note(const json& judged) {
  const std::string deletion = text_field(judged, "deletion");
  if (deletion.empty()) return {};
  return ", " + fill(_("to be deleted ({})"), deletion.substr(0, kIdDigitsShown));
}

std::string fate_in_words(const json& judged) {
  const std::string fate = text_field(judged, "fate");
  if (fate == "set_aside") return _("stays: set aside, on this machine only");
  if (fate == "not_sent") return _("stays: not at the peer yet");
  if (fate == "may_go") return _("may go: no rule keeps it");
  std::string out;
  for (const json& reason : sub_field(judged, "reasons")) {
    if (!reason.is_string()) continue;
    const std::string name = reason.get<std::string>();
    out += out.empty() ? "" : ", ";
    out += name == "locked" ? fill(_("locked until {}"), time_text(text_field(judged, "locked_until")))
                            : reason_in_words(name);
  }
  return fill(_("stays: {}"), out);
}

}  // namespace

std::vector<std::string> rules_in_words(const json& rules) {
  std::vector<std::string> out;
  const std::uint64_t lock = number_field(rules, "lock_days");
  out.push_back(fill(ngettext("Locked for {} day: until then nothing takes a snapshot away, neither a rule nor "
                              "anybody's signature.",
                              "Locked for {} days: until then nothing takes a snapshot away, neither a rule nor "
                              "anybody's signature.",
                              lock),
                     count_text(lock)));
  if (const std::uint64_t within = number_field(rules, "within_days"); within > 0)
    out.push_back(fill(ngettext("Kept for {} day: every snapshot.", "Kept for {} days: every snapshot.", within),
                       count_text(within)));
  for (const char* name : {"hourly", "daily", "weekly", "monthly", "yearly"})
    if (const std::uint64_t length = number_field(rules, name); length > 0)
      out.push_back(window_in_words(name, length));
  out.emplace_back(_("Always kept: the newest snapshot of each machine."));
  return out;
}

std::string reason_in_words(const std::string& reason) {
  constexpr std::array kReasons = {
      std::pair{"locked", N_("locked")},
      std::pair{"future", N_("from the future: a clock is or was wrong")},
      std::pair{"no_rule", N_("older than the first rule")},
      std::pair{"pinned", N_("pinned")},
      std::pair{"newest", N_("the newest of its machine")},
      std::pair{"within", N_("recent")},
      std::pair{"first_of_year", N_("first of its year")},
      std::pair{"last_of_year", N_("last of its year")},
      std::pair{"first_of_month", N_("first of its month")},
      std::pair{"last_of_month", N_("last of its month")},
      std::pair{"first_of_week", N_("first of its week")},
      std::pair{"last_of_week", N_("last of its week")},
      std::pair{"first_of_day", N_("first of its day")},
      std::pair{"last_of_day", N_("last of its day")},
      std::pair{"first_of_hour", N_("first of its hour")},
      std::pair{"last_of_hour", N_("last of its hour")},
  };
  for (const auto& [name, text] : kReasons)
    if (reason == name) return _(text);
  return reason;
}

std::string explanation_table(const Session& session, const json& explanation) {
  std::vector<std::vector<std::string>> rows = {{_("snapshot"), _("date"), _("what becomes of it")}};
  for (const json& judged : sub_field(explanation, "snapshots"))
    rows.push_back({text_field(judged, "id").substr(0, kIdDigitsShown), time_text(text_field(judged, "time")),
                    session.console().name(fate_in_words(judged) + deletion_note(judged))});
  std::string text = table_text(rows);
  text.pop_back();
  return text;
}

}  // namespace beffroi::client
