#include "daemon/peer/scrub.h"

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;
using storage::ObjectInfo;
using storage::SpaceId;
using storage::UnixTime;

constexpr std::string_view kKey = "peer/scrub";
constexpr std::uint64_t kVersion = 1;
// Ids that are looked up at once. The visit of a table holds on to what it saw when it began.
constexpr std::size_t kIdsAtOnce = 1024;

void write_time(storage::CborWriter& out, const std::optional<UnixTime>& time) {
  if (time)
    out.integer(time->seconds);
  else
    out.null();
}

std::optional<UnixTime> read_time(storage::CborReader& in) {
  if (in.try_null()) return std::nullopt;
  return UnixTime{in.integer()};
}

std::vector<std::shared_ptr<HostedSpace>> spaces_from(const PeerHost& host, const SpaceId& first) {
  auto out = host.spaces();
  std::erase_if(out, [&](const auto& space) { return space->space() < first; });
  std::ranges::sort(out, {}, [](const auto& space) { return space->space(); });
  return out;
}

struct Found {
  ObjectId id;
  std::uint32_t sealed_bytes;
};

}  // namespace

Result<ScrubState> load_scrub(const storage::Database& database) {
  BEFFROI_TRY(const auto value, database.get(storage::Table::state, as_bytes(kKey)));
  ScrubState out;
  if (!value) return out;
  storage::CborReader in(*value);
  in.array_of(8);
  if (in.uint() != kVersion) in.reject();
  out.ended = read_time(in);
  const auto began = read_time(in);
  ScrubPass pass;
  pass.space = in.fixed<SpaceId>();
  pass.object = in.fixed<ObjectId>();
  pass.objects = in.uint();
  pass.bytes = in.uint();
  pass.damaged = in.uint();
  in.leave();
  // Nothing hangs on it but where to go on.
  if (!in.finish()) return ScrubState{};
  if (began) {
    pass.began = *began;
    out.running = pass;
  }
  return out;
}

Result<void> Scrub::save(const ScrubState& state) {
  const ScrubPass pass = state.running.value_or(ScrubPass{});
  storage::CborWriter out;
  out.array(8).uint(kVersion);
  write_time(out, state.ended);
  write_time(out, state.running ? std::optional(pass.began) : std::nullopt);
  out.bytes(pass.space).bytes(pass.object).uint(pass.objects).uint(pass.bytes).uint(pass.damaged);
  return host_.database().put(storage::Table::state, as_bytes(kKey), out.take(), storage::Durability::buffered);
}

Result<void> Scrub::begin_anew() {
  BEFFROI_TRY(ScrubState state, load_scrub(host_.database()));
  state.running.reset();
  return save(state);
}

Result<Scrub::Step> Scrub::step(std::uint64_t bytes) {
  BEFFROI_TRY(ScrubState state, load_scrub(host_.database()));
  if (!state.running) state.running = ScrubPass{.began = clock_.now(), .space = {}, .object = {}};
  ScrubPass& pass = *state.running;
  Step out;
  out.ended = true;
  for (const auto& space : spaces_from(host_, pass.space)) {
    if (space->space() != pass.space) pass.object = {};
    pass.space = space->space();
    BEFFROI_TRY(const bool whole, scrub_space(*space, pass, bytes));
    out.ended = whole;
    if (!whole) break;
    pass.object = {};
  }
  out.pass = pass;
  if (out.ended) {
    state.ended = clock_.now();
    state.running.reset();
  }
  BEFFROI_CHECK(save(state));
  return out;
}

// True when the space's last object was read.
Result<bool> Scrub::scrub_space(HostedSpace& space, ScrubPass& pass, std::uint64_t& left) {
  while (true) {
    std::vector<Found> found;
    BEFFROI_CHECK(
        host_.objects().iterate_from(space.space(), pass.object, [&](const ObjectId& id, const ObjectInfo& info) {
          found.push_back({id, info.sealed_bytes});
          return found.size() < kIdsAtOnce;
        }));
    for (const Found& object : found) {
      if (left == 0) return false;
      BEFFROI_CHECK(read(space, pass, object.id));
      left -= std::min<std::uint64_t>(left, object.sealed_bytes);
      const auto next = storage::next_id(object.id);
      if (!next) return true;
      pass.object = *next;
    }
    if (found.size() < kIdsAtOnce) return true;
  }
}

// A damaged object is quarantined by the very attempt to read it.
Result<void> Scrub::read(HostedSpace& space, ScrubPass& pass, const ObjectId& id) {
  BEFFROI_TRY(const auto before, host_.objects().info(space.space(), id));
  if (!before || before->quarantined) return {};
  const auto bytes = space.get(id);
  // A sector that the disk can't read is damage as well: what lies behind it must be read all the same.
  if (!bytes && bytes.error().code == ErrorCode::io) BEFFROI_CHECK(space.quarantine(id));
  if (!bytes && bytes.error().code != ErrorCode::not_found && bytes.error().code != ErrorCode::io)
    return forward_error(bytes);
  ++pass.objects;
  if (bytes) pass.bytes += bytes->size();
  if (bytes) return {};
  BEFFROI_TRY(const auto after, host_.objects().info(space.space(), id));
  if (after && after->quarantined) ++pass.damaged;
  return {};
}

}  // namespace beffroi::daemon
