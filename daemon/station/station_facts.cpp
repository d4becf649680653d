#include "daemon/station/station_facts.h"

#include <spdlog/spdlog.h>

#include <filesystem>

#include "daemon/station/declared_losses.h"

namespace beffroi::daemon {
namespace {

SourceCondition condition_of(const std::string& path) {
  std::error_code error;
  const auto status = std::filesystem::status(path, error);
  if (!std::filesystem::exists(status)) return SourceCondition::missing;
  if (!std::filesystem::is_directory(status)) return SourceCondition::ok;
  const std::filesystem::directory_iterator first(path, error);
  if (error) return SourceCondition::missing;
  return first == std::filesystem::directory_iterator() ? SourceCondition::empty : SourceCondition::ok;
}

void add_disk(StationFacts& out, Vault& vault, const storage::StoreLimits& limits) {
  const auto usage = storage::measure_disk(vault.database());
  if (!usage) {
    spdlog::warn("{}", usage.error().message());
    return;
  }
  out.store_bytes = usage->store_bytes;
  out.free_bytes = usage->free_bytes;
  // Only the free space: a store that keeps to its own maximum by evicting is as it should be.
  storage::StoreLimits free_only = limits;
  free_only.max_bytes.reset();
  out.disk_nearly_full = storage::excess_bytes(free_only, *usage, 0) > 0;
}

/// A receipt from the future does not count: a peer whose clock is wrong, on purpose or not, must not silence us.
storage::UnixTime unconfirmed_since(const storage::Commit& oldest, const Vault& vault, const StationState& state,
                                    storage::UnixTime now) {
  storage::UnixTime out = oldest.clear.clock;
  if (const auto joined = state.joined_at()) out = std::max(out, *joined);
  if (const auto receipt = vault.newest_receipt(); receipt && receipt->peer_time <= now)
    out = std::max(out, receipt->peer_time);
  return out;
}

std::optional<ClockDifference> difference_of_clocks(const Vault& vault, storage::UnixTime now) {
  const storage::UnixTime latest_believed{now.seconds + kClockLeewayS};
  const auto refused = vault.refused_expiry_date();
  if (refused && *refused && **refused > latest_believed) return ClockDifference{.peer = **refused, .here = now};
  const auto receipt = vault.newest_receipt();
  if (!receipt) return std::nullopt;
  if (receipt->peer_time > latest_believed) return ClockDifference{.peer = receipt->peer_time, .here = now};
  // It was given after the snapshot was made.
  const auto snapshot = vault.resolve(receipt->commit.hex());
  if (!snapshot || snapshot->commit.clear.device != vault.device_id()) return std::nullopt;
  const storage::UnixTime made = snapshot->commit.clear.clock;
  if (receipt->peer_time.seconds >= made.seconds - kClockLeewayS) return std::nullopt;
  return ClockDifference{.peer = receipt->peer_time, .here = made};
}

void add_kit(StationFacts& out, const StationState& state) {
  const std::vector<std::string> known = state.kit_files();
  std::error_code ignored;
  for (const std::string& file : known)
    if (std::filesystem::exists(file, ignored)) out.kit_files.push_back(file);
  if (!out.kit_files.empty() && out.kit_files.front() == known.front()) out.kit_file = known.front();
}

std::optional<LossFacts> last_loss(Vault& vault, const StationState& state) {
  const auto losses = vault.store().losses();
  if (!losses) spdlog::warn("{}", losses.error().message());
  if (!losses || losses->empty()) return std::nullopt;
  const storage::Loss& last = losses->back();
  const auto open = open_losses(vault, state);
  return LossFacts{.count = losses->size(),
                   .declared = last.declared,
                   .since = last.since,
                   .reason = last.reason,
                   .settled = open && open->empty(),
                   .unsendable = open ? count_unsendable(*open) : 0};
}

void add_peer(StationFacts& out, Vault& vault, const StationState& state) {
  out.last_receipt = vault.newest_receipt();
  const auto pending = vault.unreceipted();
  if (pending) out.pending_commits = pending->size();
  out.contact = state.contact();
  const auto peer = vault.peer();
  if (!peer) return;
  out.peer_address = peer->address;
  out.clocks_differ = difference_of_clocks(vault, vault.clock().now());
  out.peer_loss = last_loss(vault, state);
  if (pending && !pending->empty())
    out.unconfirmed_since = unconfirmed_since(pending->front(), vault, state, vault.clock().now());
}

}  // namespace

const char* source_condition_name(SourceCondition condition) {
  switch (condition) {
    case SourceCondition::unknown:
    case SourceCondition::ok:
      break;
    case SourceCondition::missing:
      return "missing";
    case SourceCondition::empty:
      return "empty";
  }
  return "ok";
}

StationFacts gather_facts(Vault& vault, const StationState& state, const storage::StoreLimits& limits) {
  StationFacts out;
  add_disk(out, vault, limits);
  add_kit(out, state);
  out.founded = vault.founded();
  if (!out.founded) return out;
  out.space = vault.space().hex();
  out.device = vault.device_id().hex();
  out.name = vault.name();
  if (const auto sources = SourceList(vault).all(); sources) {
    for (const Source& source : *sources) out.sources.push_back(source.path);
  }
  out.last_backup = state.last_backup();
  out.collection_due = vault.collection_due();
  out.collections = state.collections();
  add_peer(out, vault, state);
  return out;
}

std::map<std::string, SourceCondition> look_at_sources(const std::vector<std::string>& paths) {
  std::map<std::string, SourceCondition> out;
  for (const std::string& path : paths) out[path] = condition_of(path);
  return out;
}

}  // namespace beffroi::daemon
