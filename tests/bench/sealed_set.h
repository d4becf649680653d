// Vaults that were founded, filled and sealed once, to be pushed to fresh peers again and again: what a push costs is
// then the peer's work and the line's, not the station's.
//
// A set is a folder with two files for each vault: NUMBER.objects, the sealed objects one behind the other, children
// before their parents; NUMBER.index, CBOR [transport seed, space id, [record…], commit id, commit, [[object id, sealed
// bytes, height]…]].
#pragma once

#include "storage/format/sealing.h"

namespace beffroi::bench {

/// A file's bytes in the page cache, shared by all that replay it.
class MappedFile {
 public:
  /// Throws std::runtime_error.
  explicit MappedFile(const std::string& path);
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&&) = delete;
  ByteView view() const { return view_; }

 private:
  ByteView view_;
};

struct SealedVault {
  struct Object {
    storage::ObjectId id;
    std::size_t bytes = 0;
    std::uint8_t height = 0;
  };
  explicit SealedVault(MappedFile file) : bytes(std::move(file)) {}

  crypto::SecretBytes transport_seed;
  storage::SpaceId space;
  std::vector<Bytes> records;
  storage::CommitId commit;
  Bytes encoded_commit;
  std::vector<Object> objects;  ///< in the order of `bytes`: by height
  MappedFile bytes;
};

/// Founds vault `number` of a set and fills it with about this much, in chunks of 32 to 256 KiB of noise: one file of a
/// chunk or a few after the other, in a real tree below a signed commit. Equal arguments give equal vaults.
void seal_vault(const std::string& folder, std::size_t number, std::uint64_t bytes);
/// Throws std::runtime_error when it is not one.
SealedVault load_vault(const std::string& folder, std::size_t number);
/// How many there are in a row, from number 0 on.
std::size_t count_vaults(const std::string& folder);

}  // namespace beffroi::bench
