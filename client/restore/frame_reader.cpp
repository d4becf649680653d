#include "client/restore/frame_reader.h"

#include "client/http/ndjson.h"

namespace beffroi::client {
namespace {

constexpr std::size_t kHeadBytes = 5;
constexpr std::size_t kMaxArguments = 16;
constexpr std::uint8_t kMajorBytes = 2;
constexpr std::uint8_t kMajorText = 3;

std::unexpected<Error> out_of_order() {
  return fail(
      ErrorCode::protocol,
      N_("Beffroi's service sent a restore that does not hold together; it was stopped. Start it again; if that "
         "does not help, run 'beffroi check'."));
}

// Sentences are text, or bytes where a name in them is not UTF-8.
std::string text_or_bytes(storage::CborReader& in) {
  const ByteView item = in.encoded();
  if (in.failed() || item.empty()) return {};
  storage::CborReader inner(item);
  const std::uint8_t major = item[0] >> 5U;
  if (major == kMajorBytes) return to_string(inner.bytes());
  if (major == kMajorText) return std::string(inner.text());
  in.reject();
  return {};
}

std::vector<std::string> read_arguments(storage::CborReader& in) {
  std::vector<std::string> out(in.array(kMaxArguments));
  for (std::string& argument : out) argument = text_or_bytes(in);
  in.leave();
  return out;
}

}  // namespace

Result<void> FrameReader::feed(ByteView bytes) {
  while (!bytes.empty() || pending_.size() >= kHeadBytes) {
    // Most frames are whole in what came: those are not copied.
    if (pending_.empty() && bytes.size() >= kHeadBytes) {
      const std::uint32_t length = get_le32(bytes.data());
      if (length > kMaxRestoreFrameBytes) return out_of_order();
      if (bytes.size() - kHeadBytes >= length) {
        BEFFROI_CHECK(take(static_cast<char>(bytes[4]), bytes.subspan(kHeadBytes, length)));
        bytes = bytes.subspan(kHeadBytes + length);
        continue;
      }
    }
    std::size_t wanted = kHeadBytes;
    if (pending_.size() >= kHeadBytes) {
      const std::uint32_t length = get_le32(pending_.data());
      if (length > kMaxRestoreFrameBytes) return out_of_order();
      wanted += length;
    }
    const std::size_t taken = std::min(bytes.size(), wanted - std::min(wanted, pending_.size()));
    pending_.insert(pending_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(taken));
    bytes = bytes.subspan(taken);
    if (pending_.size() < wanted) return {};
    // Five bytes may be a head alone, or a whole frame without body.
    if (wanted == kHeadBytes && get_le32(pending_.data()) != 0) continue;
    BEFFROI_CHECK(take(static_cast<char>(pending_[4]), ByteView(pending_).subspan(kHeadBytes)));
    pending_.clear();
  }
  return {};
}

Result<void> FrameReader::take(char type, ByteView body) {
  if (ended_) return out_of_order();
  switch (type) {
    case 'E':
      return take_entry(body);
    case 'D':
      return take_data(body);
    case 'F':
      return take_failure(body);
    case 'Z':
      return take_end(body);
    case 'X': {
      storage::CborReader in(body);
      in.array_of(3);
      const std::string code = text_or_bytes(in);
      std::string text = text_or_bytes(in);
      std::vector<std::string> args = read_arguments(in);
      in.leave();
      if (!in.finish()) return out_of_order();
      return std::unexpected(Error{error_code_from_name(code), std::move(text), std::move(args)});
    }
    default:
      return std::unexpected(not_understood());
  }
}

Result<void> FrameReader::take_entry(ByteView body) {
  BEFFROI_TRY(storage::Entry entry, storage::decode_entry_logical(body));
  // Ascending, so never twice: a name given first as a link and then as a folder is the oldest trick there is.
  if (last_path_ && entry.path <= *last_path_) return out_of_order();
  last_path_ = entry.path;
  last_size_ = entry.type == storage::EntryType::file ? entry.size : 0;
  ++entries_;
  return handler_.entry(std::move(entry));
}

Result<void> FrameReader::take_data(ByteView body) {
  if (body.size() < 8 || !last_path_) return out_of_order();
  const std::uint64_t offset = get_le64(body.data());
  const ByteView bytes = body.subspan(8);
  if (offset > last_size_ || bytes.size() > last_size_ - offset) return out_of_order();
  return handler_.data(offset, bytes);
}

Result<void> FrameReader::take_failure(ByteView body) {
  storage::CborReader in(body);
  in.array_of(3);
  const std::string path = to_string(in.bytes(storage::kMaxPathBytes));
  std::string text = text_or_bytes(in);
  std::vector<std::string> args = read_arguments(in);
  in.leave();
  if (!in.finish()) return out_of_order();
  ++failures_;
  return handler_.failure(path, {ErrorCode::corrupt, std::move(text), std::move(args)});
}

Result<void> FrameReader::take_end(ByteView body) {
  storage::CborReader in(body);
  in.array_of(3);
  const std::uint64_t entries = in.uint();
  in.uint();
  const std::uint64_t failures = in.uint();
  in.leave();
  if (!in.finish() || entries != entries_ || failures != failures_) return out_of_order();
  ended_ = true;
  return {};
}

Result<void> FrameReader::finish() const {
  if (!ended_) return std::unexpected(cut_stream());
  return {};
}

}  // namespace beffroi::client
