#include "client/ui/entry_lines.h"

#include <nlohmann/json.hpp>
#include <ostream>

#include "client/http/json_fields.h"
#include "client/ui/human.h"
#include "client/ui/printable.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

constexpr std::size_t kSizeColumns = 10;
constexpr std::size_t kOwnerColumns = 17;

char type_letter(const std::string& type) {
  if (type == "directory") return 'd';
  if (type == "symlink") return 'l';
  if (type == "fifo") return 'p';
  if (type == "character_device") return 'c';
  if (type == "block_device") return 'b';
  return '-';
}

char type_letter(storage::EntryType type) {
  constexpr std::string_view kLetters = "?-dlpcb";  // by number
  return kLetters.at(static_cast<std::size_t>(type));
}

std::string mode_text(char type, std::uint64_t mode) {
  std::string out = "?rwxrwxrwx";
  out[0] = type;
  for (std::size_t bit = 0; bit < 9; ++bit)
    if ((mode >> (8 - bit) & 1U) == 0) out[bit + 1] = '-';
  const auto special = [&](std::uint64_t flag, std::size_t at, char with, char without) {
    if ((mode & flag) != 0) out[at] = out[at] == 'x' ? with : without;
  };
  special(04000, 3, 's', 'S');
  special(02000, 6, 's', 'S');
  special(01000, 9, 't', 'T');
  return out;
}

std::string owner(const std::string& name, std::uint64_t number) {
  return name.empty() ? std::to_string(number) : printable(name);
}

struct LineParts {
  char type = '-';
  std::uint64_t mode = 0;
  std::string user, group;
  std::uint64_t size = 0;
  std::string time;
  std::string path, link_target;
};

std::string line_of(const LineParts& parts, const Console& console) {
  std::string out = mode_text(parts.type, parts.mode) + "  " +
                    padded(parts.user + " " + parts.group, kOwnerColumns, false) + "  " +
                    padded(parts.type == '-' ? size_text(parts.size) : "-", kSizeColumns, true) + "  " + parts.time +
                    "  " + console.name(parts.path);
  if (!parts.link_target.empty()) out += " -> " + console.name(parts.link_target);
  return out;
}

std::string remark(storage::EntryFlag flag) {
  switch (flag) {
    case storage::kEntryChangedWhileRead:
      return std::string("  [") + _("changed while it was read") + "]";
    case storage::kEntryStale:
      return std::string("  [") + _("from an earlier backup") + "]";
    case storage::kEntryUnreadable:
      return std::string("  [") + _("could not be read") + "]";
  }
  return {};
}

}  // namespace

std::string entry_line(const json& entry, const Console& console) {
  const std::string type = text_field(entry, "type");
  std::string out = line_of({.type = type_letter(type),
                             .mode = number_field(entry, "mode"),
                             .user = owner(text_field(entry, "user"), number_field(entry, "uid")),
                             .group = owner(text_field(entry, "group"), number_field(entry, "gid")),
                             .size = number_field(entry, "size"),
                             .time = time_text(text_field(entry, "mtime")),
                             .path = path_field(entry),
                             .link_target = text_field(entry, "link_target")},
                            console);
  for (const json& flag : sub_field(entry, "flags")) {
    if (flag == "changed_while_read") out += remark(storage::kEntryChangedWhileRead);
    if (flag == "stale") out += remark(storage::kEntryStale);
    if (flag == "unreadable") out += remark(storage::kEntryUnreadable);
  }
  return out;
}

std::string entry_line(const storage::Entry& entry, const Console& console) {
  std::string out = line_of({.type = type_letter(entry.type),
                             .mode = entry.mode,
                             .user = owner(entry.user, entry.uid),
                             .group = owner(entry.group, entry.gid),
                             .size = entry.size,
                             .time = time_text(static_cast<time_t>(entry.mtime_s)),
                             .path = storage::to_display_path(entry.path),
                             .link_target = entry.link_target},
                            console);
  for (const storage::EntryFlag flag :
       {storage::kEntryChangedWhileRead, storage::kEntryStale, storage::kEntryUnreadable})
    if ((entry.flags & flag) != 0) out += remark(flag);
  return out;
}

void EntryPrinter::print(const json& entry) {
  if (!session_.json) {
    session_.console().print(line_(entry));
    return;
  }
  json shown = entry;
  shown.erase("event");
  session_.console().out << (printed_++ == 0 ? "{\"entries\":[\n" : ",\n") << json_line(shown);
}

Result<int> EntryPrinter::finish(const Result<json>& last_word) {
  if (!session_.json || (printed_ == 0 && !last_word)) {
    if (!last_word) return forward_error(last_word);
    return kExitDone;
  }
  std::ostream& out = session_.console().out;
  out << (printed_ == 0 ? "{\"entries\":[]" : "\n]");
  if (!last_word) out << ",\"error\":" << json_line(error_json(last_word.error()));
  out << "}\n" << std::flush;
  return last_word ? kExitDone : exit_code(last_word.error());
}

}  // namespace beffroi::client
