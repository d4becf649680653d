#include "storage/space/commit_sealed.h"

#include <span>

#include "storage/format/cbor.h"
#include "storage/format/object.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kLengthBytes = 4;
constexpr std::size_t kFields = 11;
constexpr std::size_t kFieldsInShare = kFields + 1;

// The one order of the numbers, for writing and for reading.
constexpr std::array kStatistics = {
    &CommitStatistics::files_new,       &CommitStatistics::files_changed, &CommitStatistics::files_unchanged,
    &CommitStatistics::files_removed,   &CommitStatistics::directories,   &CommitStatistics::others,
    &CommitStatistics::sockets_skipped, &CommitStatistics::excluded,      &CommitStatistics::bytes_source,
    &CommitStatistics::bytes_read,      &CommitStatistics::bytes_added,   &CommitStatistics::objects_added,
    &CommitStatistics::duration_ms,
};

ByteView cut(const std::string& text, std::size_t max) { return as_bytes(text).first(std::min(text.size(), max)); }

// How many of `items` fit into both bounds.
template <class Item, class Size>
std::size_t fitting(const std::vector<Item>& items, std::size_t max_items, std::size_t max_bytes, Size size) {
  std::size_t count = 0, bytes = 0;
  while (count < std::min(items.size(), max_items) && (bytes += size(items[count])) <= max_bytes) ++count;
  return count;
}

void write_texts(CborWriter& out, const std::vector<std::string>& texts, std::size_t count, std::size_t max_bytes) {
  out.array(count);
  for (std::size_t i = 0; i < count; ++i) out.bytes(cut(texts[i], max_bytes));
}

std::vector<std::string> read_texts(CborReader& in, std::size_t max_items, std::size_t max_bytes) {
  std::vector<std::string> out(in.array(max_items));
  for (std::string& text : out) text = to_string(in.bytes(max_bytes));
  in.leave();
  return out;
}

// The first items, as many as both bounds let in.
void write_first(CborWriter& out, const std::vector<Bytes>& encoded, std::size_t max_items, std::size_t max_bytes) {
  const std::size_t count = fitting(encoded, max_items, max_bytes, [](const Bytes& item) { return item.size(); });
  out.array(count);
  for (std::size_t i = 0; i < count; ++i) out.encoded(encoded[i]);
}

Bytes encoded_problem(const CommitProblem& problem) {
  CborWriter out;
  out.array(3).bytes(cut(problem.path, kMaxTextBytes)).bytes(cut(problem.reason, kMaxTextBytes));
  write_texts(out, problem.arguments, std::min(problem.arguments.size(), kMaxProblemArguments), kMaxTextBytes);
  return out.take();
}

CommitProblem read_problem(CborReader& in) {
  CommitProblem out;
  in.array_of(3);
  out.path = to_string(in.bytes(kMaxTextBytes));
  out.reason = to_string(in.bytes(kMaxTextBytes));
  out.arguments = read_texts(in, kMaxProblemArguments, kMaxTextBytes);
  in.leave();
  return out;
}

void write_problems(CborWriter& out, const std::vector<CommitProblem>& problems) {
  std::vector<Bytes> encoded;
  for (std::size_t i = 0; i < std::min(problems.size(), kMaxProblems); ++i)
    encoded.push_back(encoded_problem(problems[i]));
  write_first(out, encoded, kMaxProblems, kMaxProblemsBytes);
}

void write_author(CborWriter& out, const ChangeAuthor& author) {
  out.array(5).bytes(cut(author.person, kMaxNameBytes)).bytes(cut(author.device, kMaxNameBytes));
  out.bytes(cut(author.words.conflict, kMaxNameBytes)).bytes(cut(author.words.hour_mark, kMaxNameBytes));
  out.integer(std::clamp(author.utc_offset_s, -kMaxUtcOffsetS, kMaxUtcOffsetS));
}

ChangeAuthor read_author(CborReader& in) {
  ChangeAuthor out;
  in.array_of(5);
  for (std::string* text : {&out.person, &out.device, &out.words.conflict, &out.words.hour_mark})
    *text = to_string(in.bytes(kMaxNameBytes));
  const std::int64_t offset = in.integer();
  if (offset < -kMaxUtcOffsetS || offset > kMaxUtcOffsetS)
    in.reject();
  else
    out.utc_offset_s = static_cast<std::int32_t>(offset);
  in.leave();
  return out;
}

void write_share(CborWriter& out, const ShareNotes& share) {
  out.array(3);
  write_author(out, share.author);
  std::vector<Bytes> encoded;
  for (const MergeConflict& conflict :
       std::span(share.conflicts).first(std::min(share.conflicts.size(), kMaxConflicts))) {
    CborWriter item;
    item.array(2).bytes(cut(conflict.path, kMaxTextBytes)).bytes(cut(conflict.copy, kMaxTextBytes));
    encoded.push_back(item.take());
  }
  write_first(out, encoded, kMaxConflicts, kMaxConflictsBytes);
  out.uint(share.conflicts_total);
}

ShareNotes read_share(CborReader& in) {
  ShareNotes out;
  in.array_of(3);
  out.author = read_author(in);
  out.conflicts.resize(in.array(kMaxConflicts));
  for (MergeConflict& conflict : out.conflicts) {
    in.array_of(2);
    conflict.path = to_string(in.bytes(kMaxTextBytes));
    conflict.copy = to_string(in.bytes(kMaxTextBytes));
    in.leave();
  }
  in.leave();
  out.conflicts_total = in.uint();
  in.leave();
  if (out.conflicts_total < out.conflicts.size()) in.reject();
  return out;
}

Bytes encode_fields(const CommitSealed& sealed) {
  const auto source_size = [](const std::string& text) { return std::min(text.size(), kMaxTextBytes); };
  const std::size_t sources = fitting(sealed.sources, kMaxSources, kMaxSourcesBytes, source_size);
  CborWriter out;
  out.array(sealed.share ? kFieldsInShare : kFields)
      .bytes(cut(sealed.label, kMaxNameBytes))
      .bytes(cut(sealed.host, kMaxNameBytes));
  write_texts(out, sealed.sources, sources, kMaxTextBytes);
  write_texts(out, sealed.tags, std::min(sealed.tags.size(), kMaxTags), kMaxNameBytes);
  out.uint(sealed.content_generation).bytes(sealed.tree_digest).uint(sealed.root_height).uint(sealed.entries);
  out.array(kStatistics.size());
  for (const auto member : kStatistics) out.uint(sealed.statistics.*member);
  write_problems(out, sealed.problems);
  out.uint(sealed.problems_total);
  if (sealed.share) write_share(out, *sealed.share);
  return out.take();
}

CommitSealed read_fields(CborReader& in) {
  CommitSealed out;
  const std::size_t fields = in.array(kFieldsInShare);
  out.label = to_string(in.bytes(kMaxNameBytes));
  out.host = to_string(in.bytes(kMaxNameBytes));
  out.sources = read_texts(in, kMaxSources, kMaxTextBytes);
  out.tags = read_texts(in, kMaxTags, kMaxNameBytes);
  out.content_generation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.tree_digest = in.fixed<Digest>();
  out.root_height = static_cast<std::uint8_t>(in.uint(kMaxHeight));
  out.entries = in.uint();
  in.array_of(kStatistics.size());
  for (const auto member : kStatistics) out.statistics.*member = in.uint();
  in.leave();
  out.problems.resize(in.array(kMaxProblems));
  for (CommitProblem& problem : out.problems) problem = read_problem(in);
  in.leave();
  out.problems_total = in.uint();
  if (fields != kFields) out.share = read_share(in);
  in.leave();
  if (out.content_generation == 0 || out.problems_total < out.problems.size()) in.reject();
  return out;
}

}  // namespace

Bytes encode_commit_sealed(const CommitSealed& sealed) {
  const Bytes fields = encode_fields(sealed);
  Bytes out(padded_length(kLengthBytes + fields.size()));
  put_le32(out.data(), static_cast<std::uint32_t>(fields.size()));
  std::copy(fields.begin(), fields.end(), out.begin() + kLengthBytes);
  return out;
}

Result<CommitSealed> decode_commit_sealed(ByteView padded) {
  const auto refuse = [] { return std::unexpected(malformed(N_("commit's sealed part"))); };
  if (padded.size() < kLengthBytes) return refuse();
  const std::size_t length = get_le32(padded.data());
  if (length > padded.size() - kLengthBytes) return refuse();
  CborReader in(padded.subspan(kLengthBytes, length));
  CommitSealed out = read_fields(in);
  // The bounds of whole lists, and the padding: there is one way to write it.
  if (!in.finish() || !std::ranges::equal(encode_commit_sealed(out), padded)) return refuse();
  return out;
}

}  // namespace beffroi::storage
