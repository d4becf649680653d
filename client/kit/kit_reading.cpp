#include "client/kit/kit_reading.h"

#include "client/kit/private_file.h"
#include "client/ui/translate.h"

namespace beffroi::client {
namespace {

// A kit's text with what was typed at the terminal, so that one parser judges both.
Result<std::string> typed_kit(const Console& console) {
  std::string out;
  out.reserve(std::size_t{8} * 1024);
  console.note(_("Type the words of the sheet, one after the other; '?' for one that can't be read."));
  for (std::size_t number = 1; number <= crypto::kKitWords; ++number) {
    for (;;) {
      auto word = console.ask(fill(_("Word {}: "), std::to_string(number)), false);
      if (!word) {
        crypto::wipe(out);
        return word;
      }
      const crypto::ScopedWipe wiped(*word);
      if (*word != "?" && !crypto::kit_word_index(*word)) {
        console.note(_("There is no such word on any kit. Look again, or type '?'."));
        continue;
      }
      out.append(std::to_string(number)).append(". ").append(*word).append("\n");
      break;
    }
  }
  const auto space = console.ask(_("The line \"Space\" of the sheet (Enter: leave it out): "), false);
  if (space && !space->empty()) out.append("Space: ").append(*space).append("\n");
  return out;
}

}  // namespace

Result<ReadKit> read_kit(const Console& console, const std::string& file) {
  const bool typed = console.in_is_terminal && (file.empty() || file == "-");
  if (file.empty() && !typed)
    return fail(ErrorCode::usage, N_("Say where the kit is: --kit FILE, or --kit - for standard input."));
  auto text = typed ? typed_kit(console) : read_short_file(file);
  if (!text) return forward_error(text);
  const crypto::ScopedWipe wiped(*text);
  BEFFROI_TRY(const crypto::KitFile kit, crypto::parse_kit_text(*text));
  BEFFROI_TRY(crypto::KitReading reading, crypto::read_kit_words(kit.words));
  return ReadKit{std::move(reading), kit.space_id, kit.peer_address, kit.peer_key};
}

}  // namespace beffroi::client
