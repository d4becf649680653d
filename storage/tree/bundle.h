// Bundles: files of at most 16 KiB, packed in path order into objects of about 256 KiB, each named by (object, offset,
// length). A bundle's plaintext is just the files, one behind the other; the entries say where each begins.
#pragma once

#include <functional>

#include "storage/format/sealing.h"
#include "storage/tree/entry.h"

namespace beffroi::storage {

inline constexpr std::size_t kSmallFileBytes = 16 * 1024;
inline constexpr std::size_t kBundleTargetBytes = 256 * 1024;  ///< sealed as soon as it is this long

/// Collects small files and seals them as bundles. A file's segment is known only when its bundle is sealed:
/// the owner keeps the entries until flush. Not thread-safe.
class BundlePacker {
 public:
  /// `sealed` is called once per file, in the order of add(), with the token given there and the segment, during an
  /// add() or flush(). `keys` and `sink` outlive the packer.
  BundlePacker(const KeyRing& keys, ObjectSink& sink, std::function<void(std::uint64_t token, const Segment&)> sealed);
  ~BundlePacker();
  /// `digest` is DigestKeys::chunk of `content`. Precondition: 0 < content.size() <= kSmallFileBytes. Equal content
  /// within the open bundle is stored once. On an error the files of the open bundle are still in it: flush() tries
  /// again.
  Result<void> add(std::uint64_t token, const Digest& digest, ByteView content);
  /// Seals the open bundle, if there is one. Not called by the destructor.
  Result<void> flush();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace beffroi::storage
