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

std::string mode_text(const std::string& type, std::uint64_t mode) {
  std::string out = "?rwxrwxrwx";
  out[0] = type_letter(type);
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

std::string owner(const json& entry, const char* name, const char* number) {
  const std::string text = text_field(entry, name);
  return text.empty() ? std::to_string(number_field(entry, number)) : printable(text);
}

std::string padded(const std::string& text, std::size_t columns, bool right) {
  const std::size_t width = display_width(text);
  const std::string padding(width < columns ? columns - width : 0, ' ');
  return right ? padding + text : text + padding;
}

}  // namespace

std::string entry_line(const json& entry, const Console& console) {
  const std::string type = text_field(entry, "type");
  const bool is_file = type == "file";
  std::string out = mode_text(type, number_field(entry, "mode")) + "  " +
                    padded(owner(entry, "user", "uid") + " " + owner(entry, "group", "gid"), kOwnerColumns, false) +
                    "  " + padded(is_file ? size_text(number_field(entry, "size")) : "-", kSizeColumns, true) + "  " +
                    time_text(text_field(entry, "mtime")) + "  " + console.name(path_field(entry));
  if (const std::string target = text_field(entry, "link_target"); !target.empty())
    out += " -> " + console.name(target);
  for (const json& flag : sub_field(entry, "flags")) {
    if (flag == "changed_while_read") out += std::string("  [") + _("changed while it was read") + "]";
    if (flag == "stale") out += std::string("  [") + _("from an earlier backup") + "]";
    if (flag == "unreadable") out += std::string("  [") + _("could not be read") + "]";
  }
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
