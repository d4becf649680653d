#include "daemon/backup/backup.h"

#include <spdlog/spdlog.h>

#include "crypto/assert.h"
#include "daemon/backup/command.h"
#include "daemon/backup/file_counts.h"
#include "daemon/backup/scan.h"
#include "daemon/backup/tree_stage.h"

namespace beffroi::daemon {
namespace {

// File systems stamp changes with clocks of up to two seconds' resolution.
constexpr std::int64_t kTimestampDoubtSeconds = 2;

/// One run, from the first look at the sources to the commit.
class BackupRun {
 public:
  BackupRun(Vault& vault, const std::vector<Source>& sources, const BackupRequest& request, Progress& progress)
      : vault_(vault),
        sources_(sources),
        request_(request),
        progress_(progress),
        problems_(progress),
        guard_(vault, request.limits),
        started_(vault.clock().now()),
        started_ms_(vault.clock().monotonic()) {}

  Result<BackupResult> run() {
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
    BEFFROI_CHECK(vault_.can_write());
    progress_.phase = Phase::scanning;
    BEFFROI_TRY(const auto previous, vault_.latest_complete());
    keys_ = vault_.keys();
    // Digests of another generation say nothing about each other: then everything is read.
    if (previous && previous->sealed.content_generation == keys_->content_keys().generation)
      previous_root_ = previous->commit.clear.root;
    previous_is_own_ = previous && previous->commit.clear.device == vault_.device_id();
    if (previous_root_) progress_.files_total_estimate = previous->sealed.entries;
    BEFFROI_TRY(auto sparse, load_sparse_bundles(vault_.database()));
    presence_.emplace(vault_.objects(), vault_.space(), keys_->current()->epoch(), std::move(sparse));
    return request_.dry_run ? dry_run() : full_run();
  }

 private:
  ScanContext scan_context() {
    return {vault_,         *presence_,      problems_, progress_, request_, {keys_, vault_.local_source()},
            previous_root_, previous_is_own_};
  }

  Result<BackupResult> dry_run() {
    storage::CommitStatistics counted;
    Scan scan(scan_context(), [&](const SlotPointer& slot) -> Result<void> {
      if (slot->known.leaf) {
        count_known(slot->known, counted, progress_);
        return {};
      }
      // Without reading, size and times are all there is to tell by.
      const auto& previous = slot->previous;
      count_entry(*slot, slot->done || (previous && previous->size == slot->entry().size), counted, progress_);
      return {};
    });
    BEFFROI_CHECK(scan.run(sources_));
    return result(counted, scan);
  }

  Result<BackupResult> full_run() {
    // After a full disk the first write fails once, even when there is room again: let it be this one.
    BEFFROI_CHECK(vault_.database().sync());
    // Of a run that did not come to its end. Their room comes back with the next removal of more: rewriting all indexes
    // for a few MiB would cost a PC that is switched off every evening minutes each time.
    BEFFROI_TRY(const bool left_over, vault_.objects().discard_ahead(vault_.space()));
    if (left_over) spdlog::info("backup: what the last one had begun to store was put away");
    BEFFROI_CHECK(guard_.make_room());
    run_commands(&Source::before,
                 N_("The command before {} failed (exit code {}). What it should have prepared may be old."));
    progress_.phase = Phase::reading;
    auto built = store_all();
    run_commands(&Source::after, N_("The command after {} failed (exit code {})."));
    if (!built) return forward_error(built);
    return std::move(*built);
  }

  void run_commands(std::string Source::* command, const char* failure) {
    for (const Source& source : sources_) {
      if ((source.*command).empty()) continue;
      const auto code = run_command(source.*command, source.path, [this] { return progress_.cancel.load(); });
      if (code && *code == 0) continue;
      problems_.add(storage::to_entry_path(source.path),
                    code ? Error{ErrorCode::io, failure, {source.path, std::to_string(*code)}} : code.error());
    }
  }

  Result<BackupResult> store_all() {
    StoreSink sink(vault_, *presence_, guard_, progress_, request_.compression_level, request_.on_stored);
    auto out = store_into(sink);
    // Without this, what no snapshot uses would keep the disk full until somebody made room by hand.
    if (!out && out.error().code == ErrorCode::disk_full && !committed_)
      if (const auto freed = sink.give_back(); !freed) return forward_error(freed);
    return out;
  }

  Result<BackupResult> store_into(StoreSink& sink) {
    PartialPlan plan(started_, request_.partial_step_bytes > 0);
    BundleUse bundles;
    RunState state(request_.priority);
    std::optional<BackupResult> out;
    {
      ContentStage content(sink, *presence_, problems_, state, progress_, thread_count(request_.threads),
                           {keys_, vault_.local_source()});
      TreeStage tree(vault_, sink, problems_, state, progress_, {started_.seconds - kTimestampDoubtSeconds}, plan,
                     bundles, thread_count(request_.threads));
      Scan scan(scan_context(), [&](const SlotPointer& slot) -> Result<void> {
        const bool to_read = !slot->done;
        tree.push(slot);
        if (to_read) content.submit(slot);
        return state.outcome();
      });
      scan.on_gone([&](const std::string& path) {
        sink.write_behind([&](storage::WriteBatch& batch) { vault_.files().remove(batch, path); });
      });
      if (auto scanned = scan.run(sources_); !scanned) state.stop(scanned.error());
      content.finish();
      BEFFROI_TRY(built_, tree.finish());
      out = result(built_.statistics, scan);
      stale_ = scan.stale();
    }
    BEFFROI_CHECK(bundles.save(vault_.database()));
    BEFFROI_CHECK(sink.flush());
    return commit_all(sink, plan, std::move(*out));
  }

  Result<BackupResult> commit_all(StoreSink& sink, PartialPlan& plan, BackupResult out) {
    progress_.phase = Phase::committing;
    if (keys_ != vault_.keys() && keys_->current()->epoch() != vault_.keys()->current()->epoch())
      return fail(ErrorCode::conflict, N_("The keys of this vault were renewed during the backup. Back up again."));
    out.statistics.objects_added = sink.objects_added();
    BEFFROI_TRY(out.partial_commits, commit_partial_trees(sink, plan));
    if (progress_.cancel) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
    BEFFROI_CHECK(sink.flush());
    out.statistics.bytes_added = progress_.bytes_added;
    out.statistics.duration_ms = static_cast<std::uint64_t>((vault_.clock().monotonic() - started_ms_).count());
    auto sealed = describe();
    sealed.statistics = out.statistics;
    sealed.problems = out.problems;
    sealed.problems_total = out.problems_total;
    committed_ = true;
    BEFFROI_TRY(const auto commit, vault_.commit(built_.root, std::move(sealed), stale_ ? storage::kCommitStale : 0));
    out.snapshot = commit.id;
    // Only tidying up.
    static_cast<void>(vault_.database().shorten_log());
    progress_.phase = Phase::done;
    return out;
  }

  /// For a push that takes long. What counts is what the peer lacks, not what this run stored: a run that was cut short
  /// before its commit has stored most of it.
  Result<std::size_t> commit_partial_trees(StoreSink& sink, PartialPlan& plan) {
    const std::uint64_t sent = request_.soon_sent_bytes ? request_.soon_sent_bytes() : 0;
    if (!plan.wanted() || plan.unsent_bytes() <= request_.partial_step_bytes + sent) return 0;
    const storage::ObjectOpener opener(keys_, vault_.local_source());
    std::size_t made = 0;
    for (const FileRank& last : plan.steps(request_.partial_step_bytes)) {
      BEFFROI_TRY(const auto root, build_partial_tree(opener, built_.root.object.id, plan.now(), last, sink,
                                                      [this] { return progress_.cancel.load(); }));
      BEFFROI_CHECK(sink.flush());
      auto sealed = describe();
      sealed.statistics.bytes_source = root.bytes;
      committed_ = true;
      BEFFROI_CHECK(vault_.commit(root, std::move(sealed), storage::kCommitPartial));
      ++made;
    }
    return made;
  }

  storage::CommitSealed describe() const {
    storage::CommitSealed out;
    out.tags = request_.tags;
    for (const Source& source : sources_) out.sources.push_back(source.path);
    return out;
  }

  BackupResult result(storage::CommitStatistics statistics, const Scan& scan) const {
    BackupResult out;
    statistics.files_removed = scan.statistics().files_removed;
    statistics.excluded = scan.statistics().excluded;
    statistics.sockets_skipped = scan.statistics().sockets_skipped;
    statistics.bytes_read = progress_.bytes_read;
    out.statistics = statistics;
    out.problems = problems_.first();
    out.problems_total = problems_.total();
    out.damages = problems_.damages();
    return out;
  }

  Vault& vault_;
  const std::vector<Source>& sources_;
  const BackupRequest& request_;
  Progress& progress_;
  ProblemList problems_;
  SpaceGuard guard_;
  const storage::UnixTime started_;
  const std::chrono::milliseconds started_ms_;
  std::shared_ptr<const storage::KeyRing> keys_;
  std::optional<storage::ObjectId> previous_root_;
  bool previous_is_own_ = false;
  std::optional<Presence> presence_;
  BuiltTree built_;
  bool stale_ = false;
  bool committed_ = false;  ///< a commit of this run may be there
};

}  // namespace

Result<BackupResult> run_backup(Vault& vault, const std::vector<Source>& sources, const BackupRequest& request,
                                Progress& progress) {
  if (!vault.founded())
    return fail(ErrorCode::wrong_state, N_("This station has no vault yet. 'beffroi init' makes one."));
  if (sources.empty())
    return fail(ErrorCode::wrong_state, N_("There is nothing to back up yet. 'beffroi source add' says what."));
  const auto alone = vault.try_begin_backup();
  if (!alone) return fail(ErrorCode::busy, N_("A backup is running already."));
  const LowPriority low;
  return BackupRun(vault, sources, request, progress).run();
}

}  // namespace beffroi::daemon
