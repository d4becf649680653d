#include "crypto/assert.h"
#include "storage/format/cbor.h"
#include "storage/format/cbor_major.h"
#include "storage/format/utf8.h"

namespace beffroi::storage {
using namespace cbor;

void CborWriter::item_begins(bool is_key) {
  if (frames_.empty()) {
    BEFFROI_ASSERT(!is_key);
    return;
  }
  Frame& frame = frames_.back();
  const bool key_is_due = frame.is_map && frame.left % 2 == 0;
  BEFFROI_ASSERT(key_is_due == is_key);
  --frame.left;
}

void CborWriter::close_full_frames() {
  while (!frames_.empty() && frames_.back().left == 0) frames_.pop_back();
}

void CborWriter::head(std::uint8_t major, std::uint64_t value) {
  const auto initial = [major](int additional) { return static_cast<std::uint8_t>((major << 5) | additional); };
  if (value < 24) {
    out_.push_back(initial(static_cast<int>(value)));
    return;
  }
  const int log_size = value <= 0xFF ? 0 : value <= 0xFFFF ? 1 : value <= 0xFFFFFFFF ? 2 : 3;
  out_.push_back(initial(24 + log_size));
  for (int shift = 8 * ((1 << log_size) - 1); shift >= 0; shift -= 8)
    out_.push_back(static_cast<std::uint8_t>(value >> shift));
}

CborWriter& CborWriter::uint(std::uint64_t value) {
  item_begins(false);
  head(kUnsigned, value);
  close_full_frames();
  return *this;
}

CborWriter& CborWriter::integer(std::int64_t value) {
  item_begins(false);
  if (value >= 0)
    head(kUnsigned, static_cast<std::uint64_t>(value));
  else
    head(kNegative, ~static_cast<std::uint64_t>(value));  // -1 - value, without overflow
  close_full_frames();
  return *this;
}

CborWriter& CborWriter::bytes(ByteView value) {
  item_begins(false);
  head(kByteString, value.size());
  out_.insert(out_.end(), value.begin(), value.end());
  close_full_frames();
  return *this;
}

CborWriter& CborWriter::text(std::string_view value) {
  const ByteView characters = as_bytes(value);
  BEFFROI_ASSERT(is_utf8(characters));
  item_begins(false);
  head(kTextString, value.size());
  out_.insert(out_.end(), characters.begin(), characters.end());
  close_full_frames();
  return *this;
}

CborWriter& CborWriter::boolean(bool value) {
  item_begins(false);
  out_.push_back(value ? kTrueByte : kFalseByte);
  close_full_frames();
  return *this;
}

CborWriter& CborWriter::null() {
  item_begins(false);
  out_.push_back(kNullByte);
  close_full_frames();
  return *this;
}

void CborWriter::container(std::uint8_t major, std::size_t announced, std::size_t items) {
  item_begins(false);
  head(major, announced);
  frames_.push_back({.left = items, .is_map = major == kMap});
  close_full_frames();
}

CborWriter& CborWriter::array(std::size_t items) {
  container(kArray, items, items);
  return *this;
}

CborWriter& CborWriter::map(std::size_t pairs) {
  container(kMap, pairs, 2 * pairs);
  return *this;
}

CborWriter& CborWriter::key(std::uint64_t value) {
  item_begins(true);
  Frame& frame = frames_.back();
  BEFFROI_ASSERT(!frame.has_last_key || value > frame.last_key);
  frame.has_last_key = true;
  frame.last_key = value;
  head(kUnsigned, value);
  return *this;
}

CborWriter& CborWriter::encoded(ByteView item) {
  BEFFROI_ASSERT(!item.empty());
  item_begins(false);
  out_.insert(out_.end(), item.begin(), item.end());
  close_full_frames();
  return *this;
}

Bytes CborWriter::take() {
  BEFFROI_ASSERT(frames_.empty());
  return std::exchange(out_, {});
}

}  // namespace beffroi::storage
