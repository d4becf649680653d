#include "storage/store/crc32c.h"

#ifdef __x86_64__
#include <dlfcn.h>
#include <nmmintrin.h>

#include <cstring>

#include "crypto/assert.h"

namespace {

constexpr const char* kExtendSymbol = "_ZN7rocksdb6crc32c6ExtendEjPKcm";
using Extend = std::uint32_t(std::uint32_t crc, const char* data, std::size_t size);

bool processor_has_it() {
  static const bool out = __builtin_cpu_supports("sse4.2") != 0;
  return out;
}

__attribute__((target("sse4.2"))) std::uint32_t extend_by_processor(std::uint32_t crc, const char* data,
                                                                    std::size_t size) {
  std::uint64_t state = crc ^ 0xFFFFFFFFU;
  for (; size >= sizeof(std::uint64_t); size -= sizeof(std::uint64_t), data += sizeof(std::uint64_t)) {
    std::uint64_t word = 0;
    std::memcpy(&word, data, sizeof word);
    state = _mm_crc32_u64(state, word);
  }
  auto low = static_cast<std::uint32_t>(state);
  for (; size > 0; --size, ++data) low = _mm_crc32_u8(low, static_cast<unsigned char>(*data));
  return low ^ 0xFFFFFFFFU;
}

Extend& library_extend() {
  static auto* const out = reinterpret_cast<Extend*>(dlsym(RTLD_NEXT, kExtendSymbol));
  BEFFROI_ASSERT(out != nullptr);
  return *out;
}

}  // namespace

namespace rocksdb::crc32c {
// Declared by RocksDB in util/crc32c.h, which is not installed.
__attribute__((visibility("default"))) std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t size);
std::uint32_t Extend(std::uint32_t crc, const char* data, std::size_t size) {
  return processor_has_it() ? extend_by_processor(crc, data, size) : library_extend()(crc, data, size);
}
}  // namespace rocksdb::crc32c

namespace beffroi::storage {

bool checksums_by_processor() {
  return processor_has_it() && dlsym(RTLD_DEFAULT, kExtendSymbol) == reinterpret_cast<void*>(&rocksdb::crc32c::Extend);
}

std::uint32_t extend_crc32c(std::uint32_t crc, ByteView data) {
  return rocksdb::crc32c::Extend(crc, reinterpret_cast<const char*>(data.data()), data.size());
}

}  // namespace beffroi::storage

#else
bool beffroi::storage::checksums_by_processor() { return false; }
#endif
