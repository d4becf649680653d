#include "daemon/share/share_author.h"

#include <ctime>

#include "daemon/service/translate.h"
#include "daemon/share/membership.h"

namespace beffroi::daemon {
namespace {

std::int32_t utc_offset_s(storage::UnixTime now) {
  const std::time_t at = now.seconds;
  std::tm local{};
  return ::localtime_r(&at, &local) == nullptr ? 0 : static_cast<std::int32_t>(local.tm_gmtoff);
}

}  // namespace

storage::ChangeAuthor author_of(const Share& share, storage::UnixTime now) {
  storage::ChangeAuthor out;
  out.words = {_("conflict"), _(".")};
  out.utc_offset_s = utc_offset_s(now);
  const DeviceId id = share.vault->device_id();
  const storage::SpaceLog log = share.vault->log();
  const storage::DeviceState* const device = log.device(id);
  const auto names = names_of(share);
  if (!names || device == nullptr) return out;
  if (const auto person = names->members.find(device->identity); person != names->members.end())
    out.person = person->second;
  if (const auto computer = names->devices.find(id); computer != names->devices.end()) out.device = computer->second;
  return out;
}

}  // namespace beffroi::daemon
