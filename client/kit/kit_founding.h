// What `init` does with the root's secret between making it and wiping it.
#pragma once

#include <string>
#include <vector>

#include "client/ui/console.h"
#include "crypto/kit_sheet.h"
#include "storage/space/ceremony.h"

namespace beffroi::client {

/// The sheet and the records, made from a fresh root that is gone when this returns.
struct Founding {
  crypto::KitSheet sheet;  ///< its words are secret
  std::vector<Bytes> records;

  Founding() = default;
  ~Founding() { crypto::wipe(sheet.words); }
  Founding(Founding&&) = default;
  Founding& operator=(Founding&&) = delete;
};
Result<Founding> make_founding(const storage::DeviceRequest& device, const std::string& name, storage::UnixTime clock,
                               crypto::Random& random);

/// Asks for three words of the sheet, chosen at random. Wrong ones may be mended; after kKitTries wrong answers
/// ErrorCode::cancelled, as at end of input.
Result<void> confirm_words(const Console& console, const std::vector<std::string>& words, crypto::Random& random);
inline constexpr int kKitTries = 3;
inline constexpr std::size_t kKitWordsAsked = 3;

/// Files that go when this does, unless kept: a kit of a vault that was never founded is only a trap.
class KitFiles {
 public:
  KitFiles() = default;
  ~KitFiles();
  KitFiles(const KitFiles&) = delete;
  KitFiles& operator=(const KitFiles&) = delete;

  /// See write_new_file; mode 0600.
  Result<void> write(const std::string& path, std::string_view secret_text);
  void keep() { paths_.clear(); }

 private:
  std::vector<std::string> paths_;
};

}  // namespace beffroi::client
