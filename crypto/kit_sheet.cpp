#include "crypto/kit_sheet.h"

#include <algorithm>

#include "crypto/assert.h"
#include "crypto/kit.h"
#include "crypto/sheet_lines.h"

namespace beffroi::crypto {
namespace {

// Big enough for a whole sheet: a string that grows would leave copies of the words behind.
constexpr std::size_t kSheetCapacity = std::size_t{32} * 1024;
constexpr std::size_t kWordsPerRow = 4;

struct SheetTexts {
  std::string_view language, title, name, date, colon;
  std::string_view warning[3];
  std::string_view words_title, space, space_note;
  std::string_view peer, address, key, peer_title, peer_note;
  std::string_view steps_title;
  std::string_view steps[3];
};

constexpr SheetTexts kFrench = {
    .language = "fr",
    .title = "BEFFROI - KIT DE SECOURS",
    .name = "Nom",
    .date = "Date",
    .colon = " : ",
    .warning = {"Ces 28 mots, dans cet ordre, rendent toutes les sauvegardes quand plus aucun ordinateur ne reste.",
                "Qui les lit peut lire tous les documents : gardez deux exemplaires dans deux lieux, sous clé.",
                "Jamais de photo, jamais de courriel, jamais de copie sur un ordinateur."},
    .words_title = "Les 28 mots",
    .space = "Espace",
    .space_note = "L'espace n'est pas secret. Il prouve que le pair rend bien vos sauvegardes.",
    .peer = "Pair",
    .address = "Adresse",
    .key = "Clé",
    .peer_title = "Le pair, à recopier à la main une fois l'invitation acceptée",
    .peer_note = "Ces lignes sont dans le fichier .peer que « beffroi join » écrit. Elles ne sont pas secrètes.",
    .steps_title = "Après un incendie, un vol, une panne",
    .steps = {"Sur un ordinateur neuf, installez Beffroi et recopiez dans un fichier les 28 mots, l'espace et le pair.",
              "Tapez : beffroi recover --kit FICHIER. Un ou deux mots faux sont retrouvés et nommés.",
              "Tapez : beffroi restore latest --target DOSSIER. Puis effacez le fichier, et gardez la feuille."},
};

constexpr SheetTexts kEnglish = {
    .language = "en",
    .title = "BEFFROI - RECOVERY KIT",
    .name = "Name",
    .date = "Date",
    .colon = ": ",
    .warning = {"These 28 words, in this order, bring back all backups when no computer is left.",
                "Who reads them can read every document: keep two copies in two places, locked away.",
                "Never a photo, never an e-mail, never a copy on a computer."},
    .words_title = "The 28 words",
    .space = "Space",
    .space_note = "The space is not secret. It proves that the peer gives back your own backups.",
    .peer = "Peer",
    .address = "Address",
    .key = "Key",
    .peer_title = "The peer, to be copied by hand once its invitation is accepted",
    .peer_note = "These lines are in the .peer file that \"beffroi join\" writes. They are not secret.",
    .steps_title = "After a fire, a theft, a breakdown",
    .steps = {"On a new computer, install Beffroi and copy the 28 words, the space and the peer into a file.",
              "Type: beffroi recover --kit FILE. One or two wrong words are found and named.",
              "Type: beffroi restore latest --target FOLDER. Then delete the file, and keep the sheet."},
};

const SheetTexts& texts_for(std::string_view language) { return language.starts_with("fr") ? kFrench : kEnglish; }

void append(std::string& out, std::initializer_list<std::string_view> parts) {
  for (const std::string_view part : parts) out += part;
}

void append_text_words(std::string& out, const std::vector<std::string>& words) {
  constexpr std::size_t kColumnWidth = 14;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i + 1 < 10) out += ' ';
    append(out, {std::to_string(i + 1), ". ", words[i]});
    const bool last_in_row = (i + 1) % kWordsPerRow == 0;
    if (last_in_row)
      out += '\n';
    else
      out.append(kColumnWidth - std::min(kColumnWidth - 1, words[i].size()), ' ');
  }
}

void append_escaped(std::string& out, std::string_view text) {
  for (const char c : text) {
    switch (c) {
      case '&':
        out += "&amp;";
        break;
      case '<':
        out += "&lt;";
        break;
      case '>':
        out += "&gt;";
        break;
      case '"':
        out += "&quot;";
        break;
      default:
        out += c;
    }
  }
}

void append_element(std::string& out, std::string_view tag, std::string_view text) {
  append(out, {"<", tag, ">"});
  append_escaped(out, text);
  append(out, {"</", tag.substr(0, tag.find(' ')), ">\n"});
}

constexpr std::string_view kStyle = R"(<style>
@page { size: A4; margin: 16mm; }
body { font: 11pt/1.4 "DejaVu Sans", Arial, sans-serif; color: #000; max-width: 178mm; margin: 0 auto; }
h1 { font-size: 20pt; margin: 0 0 4mm; letter-spacing: .04em; }
h2 { font-size: 12pt; margin: 6mm 0 2mm; }
p { margin: 0 0 1.5mm; }
.warning { border: .6mm solid #000; padding: 3mm; margin-top: 4mm; font-weight: bold; }
.words { display: grid; grid-template-columns: repeat(4, 1fr); border: .3mm solid #000; }
.words { padding: 0; margin: 0; list-style: none; }
.words li { border: .15mm solid #777; padding: 2.2mm 2mm; font: 13pt "DejaVu Sans Mono", monospace; }
.words b { display: inline-block; width: 9mm; font: 9pt Arial, sans-serif; color: #444; }
.id { font: 11pt "DejaVu Sans Mono", monospace; }
.blank { display: flex; margin: 5mm 0 0; }
.blank span { flex: 1; border-bottom: .2mm solid #000; margin-left: 2mm; }
.note { font-size: 9pt; color: #333; }
</style>
)";

void append_html_words(std::string& out, const std::vector<std::string>& words) {
  out += "<ol class=\"words\">\n";
  for (std::size_t i = 0; i < words.size(); ++i) {
    append(out, {"<li><b>", std::to_string(i + 1), ".</b>"});
    append_escaped(out, words[i]);
    out += "</li>\n";
  }
  out += "</ol>\n";
}

void append_html_blank(std::string& out, std::string_view label, std::string_view colon) {
  append(out, {"<p class=\"blank\">", label, colon, "<span></span></p>\n"});
}

}  // namespace

std::string kit_text(const KitSheet& sheet, std::string_view language) {
  BEFFROI_ASSERT(sheet.words.size() == kKitWords);
  const SheetTexts& t = texts_for(language);
  constexpr std::string_view kBlank = "________________________________________________________________\n";
  std::string out;
  out.reserve(kSheetCapacity);
  append(out, {t.title, "\n\n", t.name, t.colon, one_line(sheet.identity_name), "\n", t.date, t.colon,
               one_line(sheet.date), "\n\n"});
  for (const std::string_view line : t.warning) append(out, {"- ", line, "\n"});
  out += '\n';
  append_text_words(out, sheet.words);
  append(out, {"\n", t.space, t.colon, grouped_base32(sheet.space_id), "\n- ", t.space_note, "\n\n"});
  append(out, {"- ", t.peer_title, "\n"});
  for (const std::string_view label : {t.peer, t.address, t.key}) append(out, {label, t.colon, kBlank});
  append(out, {"- ", t.peer_note, "\n\n- ", t.steps_title, "\n"});
  for (std::size_t i = 0; i < std::size(t.steps); ++i)
    append(out, {"-- ", std::to_string(i + 1), ") ", t.steps[i], "\n"});
  return out;
}

std::string kit_html(const KitSheet& sheet, std::string_view language) {
  BEFFROI_ASSERT(sheet.words.size() == kKitWords);
  const SheetTexts& t = texts_for(language);
  std::string out;
  out.reserve(kSheetCapacity);
  append(out, {"<!DOCTYPE html>\n<html lang=\"", t.language, "\">\n<head>\n<meta charset=\"utf-8\">\n"});
  append_element(out, "title", t.title);
  append(out, {kStyle, "</head>\n<body>\n"});
  append_element(out, "h1", t.title);
  append_element(out, "p", std::string(t.name).append(t.colon) + one_line(sheet.identity_name));
  append_element(out, "p", std::string(t.date).append(t.colon) + one_line(sheet.date));
  out += "<div class=\"warning\">\n";
  for (const std::string_view line : t.warning) append_element(out, "p", line);
  out += "</div>\n";
  append_element(out, "h2", t.words_title);
  append_html_words(out, sheet.words);
  append_element(out, "h2", t.space);
  append_element(out, "p class=\"id\"", grouped_base32(sheet.space_id));
  append_element(out, "p class=\"note\"", t.space_note);
  append_element(out, "h2", t.peer_title);
  for (const std::string_view label : {t.peer, t.address, t.key}) append_html_blank(out, label, t.colon);
  append_element(out, "p class=\"note\"", t.peer_note);
  append_element(out, "h2", t.steps_title);
  out += "<ol>\n";
  for (const std::string_view step : t.steps) append_element(out, "li", step);
  out += "</ol>\n</body>\n</html>\n";
  return out;
}

}  // namespace beffroi::crypto
