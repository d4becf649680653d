#include "client/kit/kit_founding.h"

#include <time.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "client/kit/private_file.h"
#include "client/ui/translate.h"
#include "crypto/kit.h"

namespace beffroi::client {
namespace {

std::string date_text(storage::UnixTime clock) {
  const time_t moment = clock.seconds;
  tm local{};
  std::array<char, 16> out{};
  if (localtime_r(&moment, &local) == nullptr) return {};
  return std::string(out.data(), strftime(out.data(), out.size(), "%Y-%m-%d", &local));
}

std::vector<std::size_t> random_positions(std::size_t bound, std::size_t count, crypto::Random& random) {
  std::vector<std::size_t> out;
  while (out.size() < count) {
    const auto position = static_cast<std::size_t>(random.below(bound));
    if (std::ranges::find(out, position) == out.end()) out.push_back(position);
  }
  std::ranges::sort(out);
  return out;
}

}  // namespace

Result<Founding> make_founding(const storage::DeviceRequest& device, const std::string& name, storage::UnixTime clock,
                               crypto::Random& random) {
  const crypto::SecretBytes secret = crypto::SecretBytes::random(crypto::kKitSecretBytes, random);
  const crypto::DeviceKeys root = crypto::DeviceKeys::root_from_kit(secret);
  Founding out;
  BEFFROI_TRY(out.records, storage::found_vault(root, device, name, clock, random));
  BEFFROI_TRY(const storage::SpaceLog log, storage::SpaceLog::from_records(out.records, std::nullopt));
  out.sheet.identity_name = name;
  out.sheet.words = crypto::kit_words(secret);
  out.sheet.space_id = log.space().data;
  out.sheet.date = date_text(clock);
  return out;
}

Result<void> confirm_words(const Console& console, const std::vector<std::string>& words, crypto::Random& random) {
  int wrong = 0;
  for (const std::size_t position : random_positions(words.size(), kKitWordsAsked, random)) {
    for (;;) {
      BEFFROI_TRY(std::string typed,
                  console.ask(fill(_("Word {} of the sheet (it is not shown): "), std::to_string(position + 1)), true));
      const crypto::ScopedWipe wiped(typed);
      const auto meant = crypto::kit_word_index(typed);
      if (meant && meant == crypto::kit_word_index(words[position])) break;
      if (++wrong == kKitTries)
        return fail(ErrorCode::cancelled,
                    N_("These are not the words of the sheet: nothing was set up and the kit was deleted. Start "
                       "'beffroi init' again with the new sheet in hand."));
      console.note(_("That is not it. Look again:"));
    }
  }
  return {};
}

KitFiles::~KitFiles() {
  for (const std::string& path : paths_) unlink(path.c_str());
}

Result<void> KitFiles::write(const std::string& path, std::string_view secret_text) {
  BEFFROI_CHECK(write_new_file(path, as_bytes(secret_text), FileAudience::owner));
  paths_.push_back(path);
  return {};
}

}  // namespace beffroi::client
