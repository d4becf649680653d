// Entries and restore streams as tests make them.
#pragma once

#include <string>

#include "storage/tree/entry.h"

namespace beffroi::client {

inline storage::Entry make_entry(const std::string& path, storage::EntryType type, std::uint32_t mode) {
  storage::Entry out;
  out.path = storage::to_entry_path(path);
  out.type = type;
  out.mode = mode;
  out.mtime_s = 1'000'000'000;
  out.mtime_ns = 123'456'789;
  return out;
}

inline storage::Entry file_entry(const std::string& path, std::uint64_t size, std::uint32_t mode = 0644) {
  storage::Entry out = make_entry(path, storage::EntryType::file, mode);
  out.size = size;
  out.content_digest.data[0] = 1;
  return out;
}

inline storage::Entry folder_entry(const std::string& path, std::uint32_t mode = 0755) {
  return make_entry(path, storage::EntryType::directory, mode);
}

inline storage::Entry link_entry(const std::string& path, const std::string& target) {
  storage::Entry out = make_entry(path, storage::EntryType::symlink, 0777);
  out.link_target = target;
  return out;
}

inline Bytes frame(char type, ByteView body) {
  Bytes out(5);
  put_le32(out.data(), static_cast<std::uint32_t>(body.size()));
  out[4] = static_cast<std::uint8_t>(type);
  out.insert(out.end(), body.begin(), body.end());
  return out;
}

inline Bytes entry_frame(const storage::Entry& entry) { return frame('E', storage::encode_entry_logical(entry)); }

inline Bytes data_frame(std::uint64_t offset, std::string_view bytes) {
  Bytes body(8);
  put_le64(body.data(), offset);
  body.insert(body.end(), bytes.begin(), bytes.end());
  return frame('D', body);
}

inline Bytes failure_frame(const std::string& path, const std::string& text, const std::string& argument) {
  storage::CborWriter out;
  out.array(3).bytes(as_bytes(storage::to_entry_path(path))).text(text).array(1).text(argument);
  return frame('F', out.take());
}

inline Bytes end_frame(std::uint64_t entries, std::uint64_t bytes, std::uint64_t failures) {
  storage::CborWriter out;
  out.array(3).uint(entries).uint(bytes).uint(failures);
  return frame('Z', out.take());
}

inline Bytes error_frame(const std::string& code, const std::string& text) {
  storage::CborWriter out;
  out.array(3).text(code).text(text).array(0);
  return frame('X', out.take());
}

inline Bytes joined(std::initializer_list<Bytes> frames) {
  Bytes out;
  for (const Bytes& one : frames) out.insert(out.end(), one.begin(), one.end());
  return out;
}

}  // namespace beffroi::client
