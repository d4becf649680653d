#include "crypto/peer_details.h"

#include "crypto/sheet_lines.h"

namespace beffroi::crypto {

std::string peer_text(const PeerDetails& details, std::string_view language) {
  const bool french = language.starts_with("fr");
  const std::string head =
      french ? "# Beffroi : le pair de cette machine. Recopiez ces trois lignes sur la feuille du kit.\n"
             : "# Beffroi: this machine's peer. Copy these three lines onto the kit's sheet.\n";
  return head + (french ? "Pair : " : "Peer: ") + one_line(details.name) +        //
         (french ? "\nAdresse : " : "\nAddress: ") + one_line(details.address) +  //
         (french ? "\nClé : " : "\nKey: ") + grouped_base32(details.key) + "\n";
}

Result<PeerDetails> parse_peer_text(std::string_view text) {
  if (text.size() > kMaxSheetBytes)
    return fail(ErrorCode::limit_exceeded, N_("This file is too large to describe a peer."));
  const std::string plain = plain_blanks(text);
  PeerDetails out;
  bool has_key = false;
  for (const std::string_view line : sheet_lines(plain)) {
    const auto labelled = labelled_line(line);
    if (!labelled || labelled->value.empty()) continue;
    if (labelled->label == SheetLabel::peer) {
      out.name = one_line(labelled->value);
    } else if (labelled->label == SheetLabel::address) {
      BEFFROI_TRY(out.address, parse_host_port(labelled->value));
    } else if (labelled->label == SheetLabel::key) {
      BEFFROI_TRY(out.key.data, parse_grouped_base32(labelled->value, labelled->name));
      has_key = true;
    }
  }
  if (out.address.empty())
    return fail(ErrorCode::usage, N_("The peer's address is missing: a line \"Address: HOST:PORT\"."));
  if (!has_key) return fail(ErrorCode::usage, N_("The peer's key is missing: a line \"Key: …\"."));
  return out;
}

}  // namespace beffroi::crypto
