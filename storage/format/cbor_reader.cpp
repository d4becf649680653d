#include "crypto/assert.h"
#include "storage/format/cbor.h"
#include "storage/format/cbor_major.h"
#include "storage/format/utf8.h"

namespace beffroi::storage {
using namespace cbor;

namespace {

constexpr std::uint8_t kNoMajor = 0xFF;

}  // namespace

CborReader::CborReader(ByteView input, CborLimits limits) : input_(input), limits_(limits) {}

CborReader::Head CborReader::head() {
  const auto fail_head = [this] {
    failed_ = true;
    return Head{.major = kNoMajor};
  };
  if (failed_ || bytes_left() == 0) return fail_head();
  const std::uint8_t initial = input_[position_];
  const std::uint8_t additional = initial & 0x1F;
  Head out{.major = static_cast<std::uint8_t>(initial >> 5), .value = additional};
  std::size_t size = 1;
  if (additional >= 24) {
    if (additional > 27) return fail_head();  // reserved, or indefinite length
    const std::size_t argument = std::size_t{1} << (additional - 24);
    size += argument;
    if (bytes_left() < size) return fail_head();
    out.value = 0;
    for (std::size_t i = 1; i <= argument; ++i) out.value = (out.value << 8) | input_[position_ + i];
    // Shortest form: the value must not fit the next smaller argument.
    const std::uint64_t fits_shorter = argument == 1 ? 23 : (std::uint64_t{1} << (4 * argument)) - 1;
    if (out.value <= fits_shorter) return fail_head();
  }
  position_ += size;
  return out;
}

void CborReader::item_begins(bool is_key) {
  if (failed_) return;
  if (frames_.empty()) {
    BEFFROI_ASSERT(!is_key);
    return;
  }
  Frame& frame = frames_.back();
  BEFFROI_ASSERT(!is_key || frame.is_map);
  if (frame.is_map && frame.expects_value) {
    BEFFROI_ASSERT(!is_key);
    frame.expects_value = false;
    return;
  }
  BEFFROI_ASSERT(is_key == frame.is_map);
  if (frame.left == 0) return reject();
  --frame.left;
  frame.expects_value = is_key;
}

std::uint64_t CborReader::uint(std::uint64_t max) {
  item_begins(false);
  const Head item = head();
  if (item.major != kUnsigned || item.value > max) reject();
  return failed_ ? 0 : item.value;
}

std::int64_t CborReader::integer() {
  item_begins(false);
  const Head item = head();
  if ((item.major != kUnsigned && item.major != kNegative) || item.value > INT64_MAX) reject();
  if (failed_) return 0;
  const auto magnitude = static_cast<std::int64_t>(item.value);
  return item.major == kUnsigned ? magnitude : -1 - magnitude;
}

ByteView CborReader::string(std::uint8_t major, std::size_t max) {
  item_begins(false);
  const Head item = head();
  if (item.major != major || item.value > std::min({max, limits_.max_string_bytes, bytes_left()})) reject();
  if (failed_) return {};
  const ByteView view = input_.subspan(position_, static_cast<std::size_t>(item.value));
  position_ += view.size();
  return view;
}

ByteView CborReader::bytes(std::size_t max) { return string(kByteString, max); }

std::string_view CborReader::text(std::size_t max) {
  const ByteView view = string(kTextString, max);
  if (!is_utf8(view)) reject();
  return failed_ ? std::string_view{} : as_text(view);
}

bool CborReader::boolean() {
  item_begins(false);
  const Head item = head();
  constexpr std::uint64_t kFalseValue = kFalseByte & 0x1F;
  constexpr std::uint64_t kTrueValue = kTrueByte & 0x1F;
  if (item.major != kSimple || (item.value != kFalseValue && item.value != kTrueValue)) reject();
  return !failed_ && item.value == kTrueValue;
}

bool CborReader::try_null() {
  if (failed_ || bytes_left() == 0 || input_[position_] != kNullByte) return false;
  item_begins(false);
  if (failed_) return false;
  ++position_;
  return true;
}

std::size_t CborReader::container(std::uint8_t major, std::size_t max) {
  item_begins(false);
  const Head item = head();
  // An item takes at least one byte and a pair two: no count can announce more than is there.
  const std::size_t possible = major == kMap ? bytes_left() / 2 : bytes_left();
  if (item.major != major || item.value > std::min(max, possible) || frames_.size() >= limits_.max_depth) reject();
  if (failed_) return 0;
  const auto count = static_cast<std::size_t>(item.value);
  frames_.push_back({.left = count, .is_map = major == kMap});
  return count;
}

std::size_t CborReader::array(std::size_t max) { return container(kArray, max); }

void CborReader::array_of(std::size_t items) {
  if (array(items) != items) reject();
}

std::size_t CborReader::map(std::size_t max) { return container(kMap, max); }

std::uint64_t CborReader::key() {
  item_begins(true);
  const Head item = head();
  if (item.major != kUnsigned) reject();
  if (failed_) return 0;
  Frame& frame = frames_.back();
  if (frame.has_last_key && item.value <= frame.last_key) reject();
  frame.has_last_key = true;
  frame.last_key = item.value;
  return failed_ ? 0 : item.value;
}

void CborReader::leave() {
  if (failed_) return;
  BEFFROI_ASSERT(!frames_.empty());
  if (frames_.back().left != 0 || frames_.back().expects_value) return reject();
  frames_.pop_back();
}

void CborReader::read_any() {
  if (failed_ || bytes_left() == 0) return reject();
  switch (input_[position_] >> 5) {
    case kUnsigned:
      uint();
      return;
    case kNegative:
      integer();
      return;
    case kByteString:
      bytes();
      return;
    case kTextString:
      text();
      return;
    case kArray:
      array();
      return;
    case kMap:
      map();
      return;
    case kSimple:
      if (!try_null()) boolean();
      return;
    default:
      reject();  // tags
  }
}

ByteView CborReader::encoded() {
  const std::size_t start = position_;
  const std::size_t depth = frames_.size();
  read_any();
  while (!failed_ && frames_.size() > depth) {
    const Frame& frame = frames_.back();
    if (frame.expects_value || (!frame.is_map && frame.left > 0))
      read_any();
    else if (frame.left > 0)
      key();
    else
      leave();
  }
  return failed_ ? ByteView{} : input_.subspan(start, position_ - start);
}

bool CborReader::finish() const { return !failed_ && frames_.empty() && bytes_left() == 0; }

Error malformed(const std::string& what) {
  return {ErrorCode::corrupt, N_("A {} is malformed: its bytes are damaged, or were not written by Beffroi."), {what}};
}

}  // namespace beffroi::storage
