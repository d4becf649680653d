#include "daemon/api/share_look.h"

namespace beffroi::daemon {

Result<ShareLook> look_into_share(StationContext& station, const std::string& space) {
  BEFFROI_TRY(const SharePointer share, station.shares.find(space));
  BEFFROI_CHECK(require_joined(*share));
  BEFFROI_TRY(auto job, station.jobs.begin(JobKind::look));
  auto source = share->vault->peer() ? make_remote_source(*share->vault, station.executor, station.connector, true)
                                     : share->vault->local_source();
  return ShareLook{share, std::move(job), std::move(source)};
}

}  // namespace beffroi::daemon
