#include <array>
#include <memory>
#include <nlohmann/json.hpp>
#include <ostream>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/restore/frame_reader.h"
#include "client/selection.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct DumpWords {
  std::string selection;
  std::string from = "auto";
};

/// Writes one file's bytes in order, zeros for its holes.
class Dump final : public FrameHandler {
 public:
  Dump(std::ostream& out, std::string path) : out_(out), path_(std::move(path)) {}

  Result<void> entry(storage::Entry entry) override {
    if (entry.path != path_) return {};
    if (entry.type == storage::EntryType::directory)
      return fail(ErrorCode::usage, N_("{} is a folder: 'beffroi restore' brings folders back."),
                  storage::to_display_path(path_));
    if (entry.type != storage::EntryType::file || (entry.flags & storage::kEntryUnreadable) != 0)
      return fail(ErrorCode::not_found, N_("{} has no content in this snapshot."), storage::to_display_path(path_));
    size_ = entry.size;
    found_ = true;
    return {};
  }

  Result<void> data(std::uint64_t offset, ByteView bytes) override {
    if (!found_) return {};
    BEFFROI_CHECK(zeros_to(offset));
    out_.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    written_ += bytes.size();
    return check_out();
  }

  Result<void> failure(const std::string&, const Error& reason) override { return std::unexpected(reason); }

  Result<void> finish() {
    if (!found_)
      return fail(ErrorCode::not_found, N_("{} is not in this snapshot. 'beffroi find' looks for it."),
                  storage::to_display_path(path_));
    BEFFROI_CHECK(zeros_to(size_));
    out_.flush();
    return check_out();
  }

 private:
  Result<void> zeros_to(std::uint64_t offset) {
    static constexpr std::array<char, 65536> kZeros{};
    if (offset < written_)
      return fail(ErrorCode::protocol, N_("Beffroi's service sent the file in the wrong order; it was stopped."));
    while (written_ < offset) {
      const std::uint64_t step = std::min<std::uint64_t>(kZeros.size(), offset - written_);
      out_.write(kZeros.data(), static_cast<std::streamsize>(step));
      BEFFROI_CHECK(check_out());
      written_ += step;
    }
    return {};
  }

  Result<void> check_out() const {
    if (out_.good()) return {};
    return fail(ErrorCode::io, N_("The file could not be written to the end: is the disk full?"));
  }

  std::ostream& out_;
  std::string path_;
  std::uint64_t size_ = 0;
  std::uint64_t written_ = 0;
  bool found_ = false;
};

Result<int> dump(Session& session, const DumpWords& words) {
  BEFFROI_TRY(const Selection selection, parse_selection(words.selection));
  if (!selection.path)
    return fail(ErrorCode::usage, N_("Say which file: 'beffroi dump {}:/PATH'."), selection.snapshot);
  if (session.json) return fail(ErrorCode::usage, N_("dump writes the file's own bytes: it has no --json."));
  json path;
  set_path(path, *selection.path);
  Dump sink(session.console().out, storage::to_entry_path(*selection.path));
  FrameReader reader(sink);
  BEFFROI_CHECK(session.station().post_octets(
      "/v1/restore", {{"snapshot", selection.snapshot}, {"selections", json::array({path})}, {"from", words.from}},
      [&](ByteView bytes) { return reader.feed(bytes); }));
  BEFFROI_CHECK(reader.finish());
  BEFFROI_CHECK(sink.finish());
  return kExitDone;
}

}  // namespace

void add_dump(Command& app, Session& session) {
  auto* const command = app.add_subcommand("dump", _("Write one file of a snapshot to standard output"));
  command->group(_("Commands"));
  const auto words = std::make_shared<DumpWords>();
  command->add_option("SNAP:PATH", words->selection, _("A snapshot and the file in it"))->option_text(" ")->required();
  command->add_option("--from", words->from, _("Where to take it: auto, local or peer (default: auto)"))
      ->option_text("auto|local|peer")
      ->one_of({"auto", "local", "peer"});
  command->footer(_("Example:\n  beffroi dump latest:/srv/documents/budget.csv > budget.csv"));
  command->callback([words, &session] { session.action = [words, &session] { return dump(session, *words); }; });
}

}  // namespace beffroi::client
