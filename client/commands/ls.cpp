#include <memory>
#include <nlohmann/json.hpp>

#include "client/commands/commands.h"
#include "client/http/json_fields.h"
#include "client/http/ndjson.h"
#include "client/restore/frame_reader.h"
#include "client/selection.h"
#include "client/ui/entry_lines.h"

namespace beffroi::client {
namespace {

using nlohmann::json;

struct LsWords {
  std::string selection;
  bool recursive = false;
};

/// Prints what a listing gives.
class Lines final : public FrameHandler {
 public:
  explicit Lines(const Session& session) : session_(session) {}
  Result<void> entry(storage::Entry entry) override {
    session_.console().print(entry_line(entry, session_.console()));
    return {};
  }
  Result<void> data(std::uint64_t, ByteView) override { return std::unexpected(not_understood()); }
  Result<void> failure(const std::string&, const Error& reason) override { return std::unexpected(reason); }

 private:
  const Session& session_;
};

/// As frames, which cost the daemon and this process a quarter of what JSON does.
Result<int> list_plainly(Session& session, const std::string& target) {
  Lines lines(session);
  FrameReader reader(lines);
  BEFFROI_CHECK(session.station().get_octets(target + "&frames=1", [&](ByteView bytes) { return reader.feed(bytes); }));
  BEFFROI_CHECK(reader.finish());
  return kExitDone;
}

Result<int> ls(Session& session, const LsWords& words) {
  BEFFROI_TRY(const Selection selection, parse_selection(words.selection));
  const std::string target = "/v1/ls?snapshot=" + query_value(selection.snapshot) + "&" +
                             path_query(selection.path.value_or("/")) + (words.recursive ? "&recursive=1" : "");
  if (!session.json) return list_plainly(session, target);
  EntryPrinter printer(session, [&](const json& entry) { return entry_line(entry, session.console()); });
  return printer.finish(session.station().get_events(target, [&](const json& event) -> Result<void> {
    if (text_field(event, "event") == "entry") printer.print(event);
    return {};
  }));
}

}  // namespace

void add_ls(Command& app, Session& session) {
  auto* const command = app.add_subcommand("ls", _("List a folder of a snapshot"));
  command->group(_("Commands"));
  const auto words = std::make_shared<LsWords>();
  command->add_option("SNAP[:PATH]", words->selection, _("A snapshot (an id's beginning, or latest) and a path in it"))
      ->option_text(" ")
      ->required();
  command->add_flag("-r,--recursive", words->recursive, _("Everything below, too"));
  command->footer(_("Example:\n  beffroi ls latest:/srv/documents"));
  command->callback([words, &session] { session.action = [words, &session] { return ls(session, *words); }; });
}

}  // namespace beffroi::client
