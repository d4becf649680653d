#include "daemon/share/share_state.h"

#include <spdlog/spdlog.h>

#include "storage/format/cbor.h"

namespace beffroi::daemon {
namespace {

using storage::CborReader;
using storage::CborWriter;
using storage::Durability;
using storage::ObjectId;
using storage::Table;

constexpr std::uint64_t kVersion = 1;
constexpr std::string_view kFolder = "share/folder_state";
constexpr std::string_view kRemoving = "share/removing";
constexpr std::string_view kLocalPaths = "share/local_paths";
constexpr std::string_view kHeld = "share/held_back";
constexpr std::string_view kPassed = "share/passed_on";
constexpr std::string_view kConflicts = "share/conflicts";
constexpr std::size_t kMaxBaseCommits = 4096;
constexpr std::size_t kMaxPassed = 1'000'000;
constexpr std::size_t kMaxRemoving = 10'000'000;
/// Behind those of the folder's own row.
constexpr std::uint8_t kRootOfRemoving = 6;

Bytes encode(const FolderState& state) {
  CborWriter out;
  out.array(8).uint(kVersion);
  if (state.applied)
    out.bytes(*state.applied);
  else
    out.null();
  if (state.base) {
    out.array(3).bytes(state.base->tree).boolean(state.base->whole).array(state.base->commits.size());
    for (const auto& commit : state.base->commits) out.bytes(commit);
  } else {
    out.null();
  }
  if (const auto& pending = state.pending)
    out.array(4).uint(pending->sequence).bytes(pending->root).bytes(pending->base).boolean(pending->whole);
  else
    out.null();
  if (state.left)
    out.array(2).bytes(state.left->root).bytes(state.left->base);
  else
    out.null();
  out.uint(state.content_generation).uint(state.epoch.value).uint(state.trees_through);
  return out.take();
}

std::optional<ShareBase> read_base(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  ShareBase out;
  in.array_of(3);
  out.tree = in.fixed<ObjectId>();
  out.whole = in.boolean();
  for (std::size_t left = in.array(kMaxBaseCommits); left > 0; --left)
    out.commits.push_back(in.fixed<storage::CommitId>());
  in.leave();
  in.leave();
  return out;
}

std::optional<PendingCommit> read_pending(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  PendingCommit out;
  in.array_of(4);
  out.sequence = in.uint();
  out.root = in.fixed<ObjectId>();
  out.base = in.fixed<ObjectId>();
  out.whole = in.boolean();
  in.leave();
  return out;
}

std::optional<LeftTree> read_left(CborReader& in) {
  if (in.try_null()) return std::nullopt;
  LeftTree out;
  in.array_of(2);
  out.root = in.fixed<ObjectId>();
  out.base = in.fixed<ObjectId>();
  in.leave();
  return out;
}

FolderState decode_folder(ByteView encoded) {
  CborReader in(encoded);
  FolderState out;
  in.array_of(8);
  if (in.uint() != kVersion) in.reject();
  if (!in.try_null()) out.applied = in.fixed<ObjectId>();
  out.base = read_base(in);
  out.pending = read_pending(in);
  out.left = read_left(in);
  out.content_generation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.epoch.value = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  out.trees_through = in.uint();
  in.leave();
  return in.finish() ? out : FolderState{};
}

Bytes encode(const HeldBack& held) {
  CborWriter out;
  out.array(8).uint(kVersion).uint(static_cast<std::uint64_t>(held.reason));
  out.uint(held.counts.files_before).uint(held.counts.files_after);
  out.uint(held.counts.deleted).uint(held.counts.rewritten);
  out.integer(held.since.seconds).boolean(held.released);
  return out.take();
}

std::optional<HeldBack> decode_held(ByteView encoded) {
  CborReader in(encoded);
  HeldBack out;
  in.array_of(8);
  if (in.uint() != kVersion) in.reject();
  out.reason = static_cast<storage::BrakeReason>(in.uint(static_cast<std::uint64_t>(storage::BrakeReason::too_many)));
  out.counts.files_before = in.uint();
  out.counts.files_after = in.uint();
  out.counts.deleted = in.uint();
  out.counts.rewritten = in.uint();
  out.since.seconds = in.integer();
  out.released = in.boolean();
  in.leave();
  return in.finish() ? std::optional(out) : std::nullopt;
}

Bytes key_of_root(std::uint8_t number) {
  Bytes out = to_bytes(as_bytes(kKeptRootPrefix));
  out.push_back(number);
  return out;
}

}  // namespace

Result<FolderState> ShareState::folder() const {
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kFolder)));
  return row ? decode_folder(*row) : FolderState{};
}

Result<void> ShareState::set_folder(const FolderState& state, Durability durability) {
  storage::WriteBatch batch;
  batch.put(Table::state, as_bytes(kFolder), encode(state));
  std::array<std::optional<ObjectId>, 6> roots{state.applied};
  if (state.base) roots[1] = state.base->tree;
  if (state.pending) roots[2] = state.pending->base;
  if (state.pending) roots[3] = state.pending->root;
  if (state.left) roots[4] = state.left->root;
  if (state.left) roots[5] = state.left->base;
  for (std::size_t i = 0; i < roots.size(); ++i) {
    const Bytes key = key_of_root(static_cast<std::uint8_t>(i));
    if (roots[i])
      batch.put(Table::state, key, *roots[i]);
    else
      batch.remove(Table::state, key);
  }
  return database_.write(batch, durability);
}

Result<std::optional<Removing>> ShareState::removing() const {
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kRemoving)));
  if (!row) return std::nullopt;
  CborReader in(*row);
  Removing out;
  in.array_of(4);
  if (in.uint() != kVersion) in.reject();
  out.tree = in.fixed<ObjectId>();
  out.content_generation = static_cast<std::uint32_t>(in.uint(UINT32_MAX));
  for (std::size_t left = in.array(kMaxRemoving); left > 0; --left) out.paths.insert(to_string(in.bytes()));
  in.leave();
  in.leave();
  return in.finish() ? std::optional(std::move(out)) : std::nullopt;
}

Result<void> ShareState::set_removing(const std::optional<Removing>& removing) {
  storage::WriteBatch batch;
  if (!removing) {
    batch.remove(Table::state, as_bytes(kRemoving));
    batch.remove(Table::state, key_of_root(kRootOfRemoving));
    return database_.write(batch, Durability::buffered);
  }
  const std::size_t noted = std::min(removing->paths.size(), kMaxRemoving);
  CborWriter out;
  out.array(4).uint(kVersion).bytes(removing->tree).uint(removing->content_generation).array(noted);
  auto path = removing->paths.begin();
  for (std::size_t i = 0; i < noted; ++i) out.bytes(as_bytes(*path++));
  batch.put(Table::state, as_bytes(kRemoving), out.take());
  batch.put(Table::state, key_of_root(kRootOfRemoving), removing->tree);
  return database_.write(batch, Durability::synced);
}

Result<LocalPaths> ShareState::local_paths() const {
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kLocalPaths)));
  if (!row) return LocalPaths{};
  auto out = LocalPaths::decode(*row);
  if (out) return out;
  spdlog::error("which part of a shared folder is kept here is not known any more: {}", out.error().message());
  LocalPaths nothing;
  nothing.set({}, false);
  return nothing;
}

Result<void> ShareState::set_local_paths(const LocalPaths& paths) {
  if (paths.rules().size() + paths.unsettled.size() > LocalPaths::kMaxRules)
    return fail(ErrorCode::limit_exceeded,
                N_("Too many single files are kept of this space. Fetch whole folders instead."));
  return database_.put(Table::state, as_bytes(kLocalPaths), paths.encode(), Durability::synced);
}

Result<std::optional<HeldBack>> ShareState::held() const {
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kHeld)));
  return row ? decode_held(*row) : std::nullopt;
}

Result<void> ShareState::set_held(const std::optional<HeldBack>& held) {
  storage::WriteBatch batch;
  if (held)
    batch.put(Table::state, as_bytes(kHeld), encode(*held));
  else
    batch.remove(Table::state, as_bytes(kHeld));
  return database_.write(batch, Durability::synced);
}

Result<PassedChanges> ShareState::passed() const {
  PassedChanges out;
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kPassed)));
  if (!row) return out;
  CborReader in(*row);
  in.array_of(2);
  if (in.uint() != kVersion) in.reject();
  for (std::size_t left = in.array(kMaxPassed); left > 0; --left) {
    in.array_of(3);
    const std::uint64_t path = in.uint();
    const storage::UnixTime at{in.integer()};
    out[path] = {at, in.boolean()};
    in.leave();
  }
  in.leave();
  in.leave();
  if (!in.finish()) out.clear();
  return out;
}

Result<void> ShareState::set_passed(const PassedChanges& passed) {
  CborWriter out;
  out.array(2).uint(kVersion).array(passed.size());
  for (const auto& [path, change] : passed) out.array(3).uint(path).integer(change.at.seconds).boolean(change.deleted);
  return database_.put(Table::state, as_bytes(kPassed), out.take(), Durability::buffered);
}

Result<std::vector<storage::MergeConflict>> ShareState::conflicts() const {
  std::vector<storage::MergeConflict> out;
  BEFFROI_TRY(const auto row, database_.get(Table::state, as_bytes(kConflicts)));
  if (!row) return out;
  CborReader in(*row);
  in.array_of(2);
  if (in.uint() != kVersion) in.reject();
  for (std::size_t left = in.array(kMaxListedConflicts); left > 0; --left) {
    in.array_of(2);
    std::string path = to_string(in.bytes());
    out.push_back({std::move(path), to_string(in.bytes())});
    in.leave();
  }
  in.leave();
  in.leave();
  if (!in.finish()) out.clear();
  return out;
}

Result<void> ShareState::set_conflicts(const std::vector<storage::MergeConflict>& conflicts) {
  const std::size_t listed = std::min(conflicts.size(), kMaxListedConflicts);
  CborWriter out;
  out.array(2).uint(kVersion).array(listed);
  for (std::size_t i = 0; i < listed; ++i)
    out.array(2).bytes(as_bytes(conflicts[i].path)).bytes(as_bytes(conflicts[i].copy));
  return database_.put(Table::state, as_bytes(kConflicts), out.take(), Durability::buffered);
}

}  // namespace beffroi::daemon
