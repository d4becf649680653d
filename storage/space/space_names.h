// Display names of a share's members and devices. They travel in the shared part of its epochs: members see "Claire, PC
// mairie", the peer sees keys.
#pragma once

#include "storage/format/cbor.h"
#include "storage/space/log.h"

namespace beffroi::storage {

inline constexpr std::size_t kMaxDisplayNameBytes = 64;
inline constexpr std::size_t kMaxNames = 256;  ///< of members, and of devices

/// 1 to kMaxDisplayNameBytes bytes of UTF-8 on one line, without blanks at its ends and without what a terminal obeys
/// instead of showing it.
bool is_display_name(std::string_view name);
/// What of `text` can be a display name, cut at a character; empty when nothing is left.
std::string display_name(std::string_view text);

struct SpaceNames {
  std::map<IdentityId, std::string> members;
  std::map<DeviceId, std::string> devices;

  bool empty() const { return members.empty() && devices.empty(); }
  bool operator==(const SpaceNames&) const = default;
};
/// "Claire, PC mairie"; the first digits of an id where there is no name.
std::string shown_name(const SpaceNames& names, const IdentityId& identity, const DeviceId& device);

/// CBOR [[[identity, name]…], [[device id, name]…]], each list ascending, at most kMaxNames, not both empty.
/// Precondition (asserted): such names.
void write_names(CborWriter& out, const SpaceNames& names);
SpaceNames read_names(CborReader& in);

/// Of `names` those of members and devices in use in `log`, as many as one epoch carries.
SpaceNames names_in_use(const SpaceLog& log, const SpaceNames& names);

/// Whom the author of an epoch may name: a manager and a root anybody, another device its owner and its owner's
/// devices.
struct NameAuthor {
  bool names_anybody = false;
  IdentityId identity;
  bool may_name(const IdentityId& member) const { return names_anybody || member == identity; }
  bool may_name(const SpaceLog& log, const DeviceId& device) const;
};
/// The author of the epoch record at `position`.
NameAuthor name_author(const SpaceLog& log, const crypto::SigningPublicKey& signer, std::uint64_t position);
/// Takes over into `known` what the author of `offered` may say. False when it says more.
bool take_names(const SpaceLog& log, const NameAuthor& author, const SpaceNames& offered, SpaceNames& known);

}  // namespace beffroi::storage
