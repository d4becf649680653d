#include "crypto/kit_file.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <utility>

#include "crypto/kit.h"
#include "crypto/sheet_lines.h"

namespace beffroi::crypto {
namespace {

// A word and its number on the sheet; the word is empty when only the number is there.
struct NumberedWord {
  unsigned number = 0;
  std::string_view word;
};

std::vector<std::string_view> split_tokens(std::string_view line) {
  constexpr std::string_view kSeparators = " ,;|";
  std::vector<std::string_view> out;
  for (;;) {
    const auto from = line.find_first_not_of(kSeparators);
    if (from == std::string_view::npos) return out;
    line.remove_prefix(from);
    const auto length = std::min(line.find_first_of(kSeparators), line.size());
    out.push_back(line.substr(0, length));
    line.remove_prefix(length);
  }
}

// "12", "12.", "12)" or "12.abaisser".
std::optional<NumberedWord> number_at_head(std::string_view token) {
  NumberedWord out;
  const auto [end, error] = std::from_chars(token.data(), token.data() + token.size(), out.number);
  if (error != std::errc{}) return std::nullopt;
  token.remove_prefix(static_cast<std::size_t>(end - token.data()));
  if (token.starts_with('.') || token.starts_with(')')) token.remove_prefix(1);
  out.word = token;
  return out;
}

// nullopt unless the line is made of numbered words throughout: prose that starts with a number is not.
std::optional<std::vector<NumberedWord>> numbered_words(const std::vector<std::string_view>& tokens) {
  std::vector<NumberedWord> out;
  bool word_expected = false;
  for (const std::string_view token : tokens) {
    if (const auto numbered = number_at_head(token)) {
      out.push_back(*numbered);
      word_expected = numbered->word.empty();
    } else if (word_expected) {
      out.back().word = token;
      word_expected = false;
    } else {
      return std::nullopt;
    }
  }
  if (out.empty()) return std::nullopt;
  return out;
}

class KitTextReader {
 public:
  Result<> take(std::string_view line) {
    if (const auto labelled = labelled_line(line)) return take_label(*labelled);
    if (line.starts_with('-')) return {};
    const auto tokens = split_tokens(line);
    if (const auto numbered = numbered_words(tokens)) return take_numbered(*numbered);
    if (auto* const pending = std::exchange(number_alone_, nullptr); pending != nullptr && tokens.size() == 1) {
      *pending = tokens[0];
      return {};
    }
    if (!line.contains(':')) unnumbered_.insert(unnumbered_.end(), tokens.begin(), tokens.end());
    return {};
  }

  Result<KitFile> finish() {
    BEFFROI_TRY(const std::vector<std::string_view> words,
                has_numbers_ ? ordered() : Result<std::vector<std::string_view>>(unnumbered_));
    if (words.size() != kKitWords)
      return fail(ErrorCode::usage, N_("This kit has {} words, not 28: copy all of them from the sheet, in order."),
                  std::to_string(words.size()));
    file_.words.reserve(kKitWords);
    for (const std::string_view word : words) file_.words.emplace_back(word);
    return std::move(file_);
  }

 private:
  Result<> take_label(const LabelledLine& line) {
    if (line.value.empty()) return {};
    if (line.label == SheetLabel::peer) file_.peer_name = one_line(line.value);
    if (line.label == SheetLabel::address) {
      BEFFROI_TRY(file_.peer_address, parse_host_port(line.value));
    }
    if (line.label == SheetLabel::space) {
      BEFFROI_TRY(file_.space_id, parse_grouped_base32(line.value, line.name));
    }
    if (line.label == SheetLabel::key) {
      BEFFROI_TRY(const Hash256 key, parse_grouped_base32(line.value, line.name));
      file_.peer_key = TransportPublicKey{key};
    }
    return {};
  }

  Result<> take_numbered(const std::vector<NumberedWord>& words) {
    for (const NumberedWord& word : words) {
      if (word.number < 1 || word.number > kKitWords)
        return fail(ErrorCode::usage, N_("This kit has a word number {}: the words of a sheet are numbered 1 to 28."),
                    std::to_string(word.number));
      auto& slot = by_number_[word.number - 1];
      if (slot)
        return fail(ErrorCode::usage, N_("This kit has two words number {}: copy each once from the sheet."),
                    std::to_string(word.number));
      slot = word.word;
      number_alone_ = word.word.empty() ? &slot : nullptr;
    }
    has_numbers_ = true;
    return {};
  }

  Result<std::vector<std::string_view>> ordered() const {
    std::vector<std::string_view> out;
    std::string missing;
    for (std::size_t i = 0; i < kKitWords; ++i) {
      if (by_number_[i])
        out.push_back(*by_number_[i]);
      else
        missing += (missing.empty() ? "" : ", ") + std::to_string(i + 1);
    }
    if (!missing.empty())
      return fail(
          ErrorCode::usage,
          N_("This kit lacks the words number {}: copy them from the sheet; write ? for one that nobody can read."),
          missing);
    return out;
  }

  KitFile file_;
  std::array<std::optional<std::string_view>, kKitWords> by_number_;
  std::vector<std::string_view> unnumbered_;
  std::optional<std::string_view>* number_alone_ =
      nullptr;  // a number at the end of the line before: its word may follow
  bool has_numbers_ = false;
};

}  // namespace

Result<KitFile> parse_kit_text(std::string_view text) {
  if (text.size() > kMaxSheetBytes) return fail(ErrorCode::limit_exceeded, N_("This file is too large to be a kit."));
  std::string plain = plain_blanks(text);
  const ScopedWipe wiped(plain);
  KitTextReader reader;
  for (const std::string_view line : sheet_lines(plain)) BEFFROI_CHECK(reader.take(line));
  return reader.finish();
}

}  // namespace beffroi::crypto
