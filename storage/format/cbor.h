// Deterministic CBOR (RFC 8949, section 4.2), the strict subset that Beffroi writes: unsigned and negative integers,
// byte strings, text strings (UTF-8), arrays, maps, false, true, null; shortest heads; definite lengths only; map keys
// are unsigned integers in ascending order. The reader refuses everything else: what it accepts, the writer would write
// byte for byte. (Why our own: the common libraries accept duplicate keys, long heads and trailing bytes.)
#pragma once

#include "crypto/bytes.h"
#include "crypto/result.h"

namespace beffroi::storage {

/// Appends CBOR items. Asserts that the caller writes as many items as it announced, and map keys in ascending order:
/// what it writes, the reader accepts. Several items in a row at the top level are allowed.
class CborWriter {
 public:
  CborWriter& uint(std::uint64_t value);
  CborWriter& integer(std::int64_t value);
  CborWriter& bytes(ByteView value);
  /// Precondition (asserted): UTF-8. Names from the file system are bytes().
  CborWriter& text(std::string_view value);
  CborWriter& boolean(bool value);
  CborWriter& null();
  CborWriter& array(std::size_t items);
  /// `pairs` key/value pairs follow; each key by key(), ascending.
  CborWriter& map(std::size_t pairs);
  CborWriter& key(std::uint64_t value);
  /// Appends one item that is already encoded.
  CborWriter& encoded(ByteView item);

  /// Makes room first. For secrets: growing would leave copies of them behind in freed memory.
  CborWriter& reserve(std::size_t bytes) {
    out_.reserve(bytes);
    return *this;
  }

  /// What has been written so far, complete or not.
  const Bytes& view() const { return out_; }
  /// Hands the bytes over and leaves an empty writer. All arrays and maps must be complete (asserted).
  Bytes take();

 private:
  struct Frame {
    std::size_t left = 0;  ///< items that may still begin; a pair counts as two
    bool is_map = false;
    bool has_last_key = false;
    std::uint64_t last_key = 0;
  };
  void item_begins(bool is_key);
  void close_full_frames();
  void head(std::uint8_t major, std::uint64_t value);
  void container(std::uint8_t major, std::size_t announced, std::size_t items);

  Bytes out_;
  std::vector<Frame> frames_;
};

/// Bounds of one decoding.
struct CborLimits {
  std::size_t max_depth = 8;
  std::size_t max_string_bytes = 4 * 1024 * 1024;
};

/// Pull decoder with a sticky error: after the first violation every call returns a zero value and finish() says so.
/// Views returned point into the input. Counts are checked against the bytes that are left before anything is
/// allocated.
class CborReader {
 public:
  explicit CborReader(ByteView input, CborLimits limits = {});

  std::uint64_t uint(std::uint64_t max = UINT64_MAX);
  std::int64_t integer();
  ByteView bytes(std::size_t max = SIZE_MAX);
  std::string_view text(std::size_t max = SIZE_MAX);
  bool boolean();
  /// True and consumed when the next item is null; otherwise false and nothing is consumed.
  bool try_null();
  /// Number of items that follow; the matching leave() checks that all were read.
  std::size_t array(std::size_t max = SIZE_MAX);
  /// Exactly this many items, else an error.
  void array_of(std::size_t items);
  /// Number of pairs. Read keys by key().
  std::size_t map(std::size_t max = SIZE_MAX);
  /// Next map key; must be greater than the last key of this map.
  std::uint64_t key();
  /// Closes the innermost array or map: all its items must have been read.
  void leave();
  /// Bytes of exactly the size of a FixedBytes type.
  template <class Fixed>
  Fixed fixed() {
    const ByteView view = bytes(Fixed::size_bytes);
    const auto out = Fixed::from(view);
    if (!out) reject();
    return out.value_or(Fixed{});
  }
  /// Encoded bytes of the next item, skipped over (validated on the way by the same rules and limits, without
  /// recursion).
  ByteView encoded();

  /// Marks the input as malformed (used by decoders for semantic violations).
  void reject() { failed_ = true; }
  bool failed() const { return failed_; }
  /// True when nothing failed, every array and map was left, and all input was consumed.
  [[nodiscard]] bool finish() const;
  std::size_t position() const { return position_; }

 private:
  struct Frame {
    std::size_t left = 0;  ///< items or pairs that have not begun yet
    bool is_map = false;
    bool expects_value = false;
    bool has_last_key = false;
    std::uint64_t last_key = 0;
  };
  struct Head {
    std::uint8_t major = 0;
    std::uint64_t value = 0;
  };
  /// The next head in its shortest form; fails the reader and returns a head of major 0xFF otherwise.
  Head head();
  void item_begins(bool is_key);
  ByteView string(std::uint8_t major, std::size_t max);
  std::size_t container(std::uint8_t major, std::size_t max);
  void read_any();
  std::size_t bytes_left() const { return input_.size() - position_; }

  ByteView input_;
  CborLimits limits_;
  std::size_t position_ = 0;
  bool failed_ = false;
  std::vector<Frame> frames_;
};

/// The one sentence for malformed bytes of a structure named `what` ("commit", "log record").
Error malformed(const std::string& what);

}  // namespace beffroi::storage
