#include "storage/space/space_names.h"

#include "crypto/assert.h"
#include "storage/space/audit_entry.h"

namespace beffroi::storage {
namespace {

constexpr std::size_t kShownIdDigits = 8;

std::string_view without_blanks(std::string_view text) {
  const auto from = text.find_first_not_of(' ');
  if (from == std::string_view::npos) return {};
  return text.substr(from, text.find_last_not_of(' ') - from + 1);
}

template <class Id>
void write_list(CborWriter& out, const std::map<Id, std::string>& names) {
  BEFFROI_ASSERT(names.size() <= kMaxNames);
  out.array(names.size());
  for (const auto& [id, name] : names) {
    BEFFROI_ASSERT(is_display_name(name));
    out.array(2).bytes(id).text(name);
  }
}

template <class Id>
std::map<Id, std::string> read_list(CborReader& in) {
  std::map<Id, std::string> out;
  const std::size_t count = in.array(kMaxNames);
  for (std::size_t i = 0; i < count && !in.failed(); ++i) {
    in.array_of(2);
    const auto id = in.fixed<Id>();
    const std::string_view name = in.text(kMaxDisplayNameBytes);
    in.leave();
    if (!is_display_name(name) || (!out.empty() && id <= out.rbegin()->first)) in.reject();
    out.insert_or_assign(id, std::string(name));
  }
  in.leave();
  return out;
}

template <class Id>
std::string name_or_digits(const std::map<Id, std::string>& names, const Id& id) {
  const auto found = names.find(id);
  return found == names.end() ? id.hex().substr(0, kShownIdDigits) : found->second;
}

// True when the name is known already, or was taken.
template <class Id>
bool take(std::map<Id, std::string>& known, const Id& id, const std::string& name, bool allowed) {
  const auto found = known.find(id);
  if (found != known.end() && found->second == name) return true;
  if (allowed) known.insert_or_assign(id, name);
  return allowed;
}

}  // namespace

bool is_display_name(std::string_view name) {
  return !name.empty() && name.size() <= kMaxDisplayNameBytes && without_blanks(name) == name &&
         audit_text(name, kMaxDisplayNameBytes) == name;
}

std::string display_name(std::string_view text) {
  const std::string cut = audit_text(without_blanks(text), kMaxDisplayNameBytes);
  return std::string(without_blanks(cut));
}

std::string shown_name(const SpaceNames& names, const IdentityId& identity, const DeviceId& device) {
  return name_or_digits(names.members, identity) + ", " + name_or_digits(names.devices, device);
}

void write_names(CborWriter& out, const SpaceNames& names) {
  BEFFROI_ASSERT(!names.empty());
  out.array(2);
  write_list(out, names.members);
  write_list(out, names.devices);
}

SpaceNames read_names(CborReader& in) {
  SpaceNames out;
  in.array_of(2);
  out.members = read_list<IdentityId>(in);
  out.devices = read_list<DeviceId>(in);
  in.leave();
  if (out.empty()) in.reject();
  return out;
}

SpaceNames names_in_use(const SpaceLog& log, const SpaceNames& names) {
  SpaceNames out;
  for (const auto& [id, name] : names.members) {
    const auto member = log.members().find(id);
    const bool in_use = member != log.members().end() && !member->second.removed;
    if (in_use && out.members.size() < kMaxNames) out.members.emplace(id, name);
  }
  for (const auto& [id, name] : names.devices) {
    const DeviceState* device = log.device(id);
    const bool in_use = device != nullptr && !device->removed;
    if (in_use && out.devices.size() < kMaxNames) out.devices.emplace(id, name);
  }
  return out;
}

bool NameAuthor::may_name(const SpaceLog& log, const DeviceId& device) const {
  const DeviceState* named = log.device(device);
  return names_anybody || (named != nullptr && named->identity == identity);
}

NameAuthor name_author(const SpaceLog& log, const crypto::SigningPublicKey& signer, std::uint64_t position) {
  for (const auto& [id, device] : log.devices())
    if (device.keys.sign == signer)
      return {.names_anybody = device.role_at(position) == Role::manager, .identity = device.identity};
  return {.names_anybody = true, .identity = {}};
}

bool take_names(const SpaceLog& log, const NameAuthor& author, const SpaceNames& offered, SpaceNames& known) {
  bool honest = true;
  for (const auto& [id, name] : offered.members) honest = take(known.members, id, name, author.may_name(id)) && honest;
  for (const auto& [id, name] : offered.devices)
    honest = take(known.devices, id, name, author.may_name(log, id)) && honest;
  return honest;
}

}  // namespace beffroi::storage
