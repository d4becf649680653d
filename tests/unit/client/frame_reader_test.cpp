#include "client/restore/frame_reader.h"

#include <gtest/gtest.h>

#include "client/http/ndjson.h"
#include "tests/unit/client/entries.h"

namespace beffroi::client {
namespace {

/// Notes what it is given.
struct Notes final : FrameHandler {
  std::string log;
  Result<void> entry(storage::Entry entry) override {
    log += "E" + storage::to_display_path(entry.path) + " ";
    return {};
  }
  Result<void> data(std::uint64_t offset, ByteView bytes) override {
    log += "D" + std::to_string(offset) + "+" + std::to_string(bytes.size()) + " ";
    return {};
  }
  Result<void> failure(const std::string& path, const Error& reason) override {
    log += "F" + storage::to_display_path(path) + ":" + reason.message() + " ";
    return {};
  }
};

Result<void> read(Notes& notes, const Bytes& stream, std::size_t piece) {
  FrameReader reader(notes);
  for (std::size_t at = 0; at < stream.size(); at += piece)
    BEFFROI_CHECK(reader.feed(ByteView(stream).subspan(at, std::min(piece, stream.size() - at))));
  return reader.finish();
}

ErrorCode code_of(const Bytes& stream) {
  Notes notes;
  const auto result = read(notes, stream, stream.size());
  return result ? ErrorCode::usage : result.error().code;
}

TEST(FrameReaderTest, FramesMayArriveInAnyPieces) {
  const Bytes stream =
      joined({entry_frame(folder_entry("/a")), entry_frame(file_entry("/a/b", 10)), data_frame(0, "0123"),
              data_frame(6, "6789"), failure_frame("/a/b", "{} is gone.", "It"), end_frame(2, 8, 1)});
  for (const std::size_t piece : {std::size_t{1}, std::size_t{3}, stream.size()}) {
    Notes notes;
    ASSERT_TRUE(read(notes, stream, piece)) << piece;
    EXPECT_EQ(notes.log, "E/a E/a/b D0+4 D6+4 F/a/b:It is gone. ");
  }
}

TEST(FrameReaderTest, EveryCutIsNoticed) {
  const Bytes stream = joined({entry_frame(file_entry("/a", 4)), data_frame(0, "0123"), end_frame(1, 4, 0)});
  for (std::size_t length = 0; length < stream.size(); ++length) {
    Notes notes;
    const auto result = read(notes, Bytes(stream.begin(), stream.begin() + static_cast<std::ptrdiff_t>(length)), 64);
    ASSERT_FALSE(result) << length;
    EXPECT_EQ(result.error(), cut_stream());
  }
}

TEST(FrameReaderTest, TheStreamsOwnErrorEndsIt) {
  EXPECT_EQ(code_of(error_frame("not_found", "There is no snapshot.")), ErrorCode::not_found);
}

TEST(FrameReaderTest, RefusesWhatDoesNotHoldTogether) {
  const Bytes a = entry_frame(file_entry("/a", 4));
  // Data before any entry, beyond the file's end, or of a folder.
  EXPECT_EQ(code_of(data_frame(0, "x")), ErrorCode::protocol);
  EXPECT_EQ(code_of(joined({a, data_frame(1, "0123")})), ErrorCode::protocol);
  EXPECT_EQ(code_of(joined({a, data_frame(UINT64_MAX, "01")})), ErrorCode::protocol);
  EXPECT_EQ(code_of(joined({entry_frame(folder_entry("/d")), data_frame(0, "x")})), ErrorCode::protocol);
  // The same name twice, or names going backwards.
  EXPECT_EQ(code_of(joined({a, a})), ErrorCode::protocol);
  EXPECT_EQ(code_of(joined({entry_frame(file_entry("/b", 0)), a})), ErrorCode::protocol);
  // Counts that differ from what came, anything after the end, an unknown kind of frame.
  EXPECT_EQ(code_of(joined({a, end_frame(2, 0, 0)})), ErrorCode::protocol);
  EXPECT_EQ(code_of(joined({end_frame(0, 0, 0), a})), ErrorCode::protocol);
  EXPECT_EQ(code_of(frame('Q', {})), ErrorCode::protocol);
}

TEST(FrameReaderTest, RefusesHostileNamesAndLengths) {
  // Encoded by hand where our encoder would refuse: the decoder must.
  for (const std::string& path : {std::string(".."), std::string("a\0..", 4), std::string("a/b"),
                                  std::string("a\0\0b", 4), std::string("\0a", 2)}) {
    storage::Entry entry = file_entry("/x", 0);
    entry.path = path;
    EXPECT_EQ(code_of(entry_frame(entry)), ErrorCode::corrupt) << path;
  }
  Bytes endless(5);
  put_le32(endless.data(), UINT32_MAX);
  endless[4] = 'D';
  EXPECT_EQ(code_of(endless), ErrorCode::protocol);
}

}  // namespace
}  // namespace beffroi::client
