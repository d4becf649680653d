// CRC-32C by the processor's own instruction, in RocksDB's place.
#pragma once

#include "crypto/bytes.h"

namespace beffroi::storage {

/// Why: Debian's RocksDB is built for any x86-64 processor and computes the checksum of each byte that it writes or
/// reads in software, at about 1 GB/s: the tenth part of a first backup. Linking this function into a program puts a
/// rocksdb::crc32c::Extend() of our own before the library's, by the ordinary rules of dynamic linking; it gives the
/// same values and falls back on the library's where the processor has no SSE 4.2. On other architectures it does
/// nothing.
///
/// True when RocksDB uses ours.
bool checksums_by_processor();

#ifdef __x86_64__
/// Continues a CRC-32C (RFC 3720, appendix B.4) over `data`; 0 begins one.
std::uint32_t extend_crc32c(std::uint32_t crc, ByteView data);
#endif

}  // namespace beffroi::storage
