#include "daemon/sync/audit.h"

#include "daemon/sync/link_parts.h"

namespace beffroi::daemon {
namespace {

using storage::ObjectId;

/// Ways down that may lead to something too big or drawn before.
constexpr int kTriesPerObject = 4;
/// So many of kWays lead to a content.
constexpr std::uint64_t kWaysToContents = 3;
constexpr std::uint64_t kWays = 4;

bool is_content(storage::ObjectKind kind) {
  return kind == storage::ObjectKind::chunk || kind == storage::ObjectKind::bundle;
}

class Audit {
 public:
  Audit(LinkSession& session, Vault& vault, Pool& pool, crypto::Random& random, Progress& progress)
      : session_(session), vault_(vault), pool_(pool), progress_(progress), draw_(vault, random) {}

  asio::awaitable<Result<AuditReport>> run() {
    progress_.phase = Phase::checking;
    const auto objects = co_await pool_.run([&] { return draw_.draw(); });
    if (!objects) co_return forward_error(objects);
    report_.snapshots = draw_.snapshots();
    for (const AuditDraw::Object& object : *objects) {
      if (progress_.cancel) co_return fail(ErrorCode::cancelled, N_("The check was stopped."));
      BEFFROI_CO_CHECK(co_await ask(object));
    }
    // What the peer let go just now, by the rules, is not missing.
    if (!not_given_.empty()) {
      BEFFROI_CO_CHECK(co_await exchange_state_over(session_, vault_, pool_));
      BEFFROI_CO_CHECK(co_await ask_what_waits());
    }
    BEFFROI_CO_CHECK(co_await pool_.run([&] { return conclude(); }));
    co_return std::move(report_);
  }

 private:
  // One at a time: so the session stays in step whatever comes back.
  asio::awaitable<Result<void>> ask(const AuditDraw::Object& object) {
    ++report_.objects;
    const auto fetched = co_await fetch_objects_over(session_, {&object.id, 1});
    if (!fetched && fetched.error().code != ErrorCode::corrupt) co_return forward_error(fetched);
    if (fetched && fetched->front()) {
      report_.bytes += fetched->front()->size();
      given_back_.push_back(object.id);
    } else {
      not_given_.push_back(object);
    }
    co_return Result<void>();
  }

  // What the peer let go by a date that was not taken may have gone, or not.
  asio::awaitable<Result<void>> ask_what_waits() {
    const auto refused = co_await pool_.run([&] { return vault_.refused_expiry_date(); });
    if (!refused) co_return forward_error(refused);
    if (!*refused) co_return Result<void>();
    const auto known = co_await pool_.run([&] { return vault_.newest_expiry(); });
    if (!known) co_return forward_error(known);
    BEFFROI_CO_TRY(waits_, co_await said_to_be_gone(session_, vault_, *known + 1));
    co_return Result<void>();
  }

  Result<void> conclude() {
    std::vector<ObjectId> lost;
    bool unsure = false;
    for (const AuditDraw::Object& object : not_given_) {
      const bool held = !object.commit || vault_.resolve(object.commit->hex()).has_value();
      const bool waits = object.commit && waits_.contains(*object.commit);
      if (held && !waits) lost.push_back(object.id);
      unsure = unsure || waits;
    }
    if (!lost.empty()) BEFFROI_CHECK(vault_.note_lost_by_peer(lost));
    BEFFROI_CHECK(forget_what_is_well());
    BEFFROI_TRY(report_.missing, vault_.lost_by_peer());
    if (unsure && report_.missing.empty())
      return fail(ErrorCode::wrong_state,
                  N_("The peer let snapshots go by a date that is far ahead of this machine's clock. Set the clock "
                     "right, then synchronise again."));
    return {};
  }

  // What was missing before, and was given back now, or is needed by no snapshot any more.
  Result<void> forget_what_is_well() {
    BEFFROI_TRY(const auto known, vault_.lost_by_peer());
    BEFFROI_TRY(const auto infos, vault_.objects().info_many(vault_.space(), known));
    std::vector<ObjectId> well;
    for (std::size_t i = 0; i < known.size(); ++i)
      if (!infos[i] || std::ranges::find(given_back_, known[i]) != given_back_.end()) well.push_back(known[i]);
    return vault_.note_given_back(well);
  }

  LinkSession& session_;
  Vault& vault_;
  Pool& pool_;
  Progress& progress_;
  AuditDraw draw_;
  AuditReport report_;
  std::vector<ObjectId> given_back_;
  std::vector<AuditDraw::Object> not_given_;
  std::set<storage::CommitId> waits_;  ///< named by expiries that were not taken for their date
};

}  // namespace

Result<std::vector<AuditDraw::Object>> AuditDraw::draw() {
  BEFFROI_CHECK(add_missing());
  BEFFROI_CHECK(load_held());
  if (held_.empty()) return std::move(out_);
  for (std::size_t tries = 0; tries < kAuditObjects * kTriesPerObject && out_.size() < kAuditObjects; ++tries) {
    BEFFROI_TRY(const auto object, go_down(held_[random_.below(held_.size())]));
    if (object) take(*object);
  }
  return std::move(out_);
}

Result<void> AuditDraw::add_missing() {
  BEFFROI_TRY(std::vector<ObjectId> known, vault_.lost_by_peer());
  BEFFROI_TRY(const auto infos, vault_.objects().info_many(vault_.space(), known));
  // From anywhere in the list, so that each gets its turn.
  const std::size_t first = known.empty() ? 0 : random_.below(known.size());
  for (std::size_t i = 0; i < known.size() && out_.size() < kAuditObjects / 2; ++i) {
    const std::size_t at = (first + i) % known.size();
    if (infos[at]) take({.id = known[at], .sealed_bytes = infos[at]->sealed_bytes, .commit = {}});
  }
  return {};
}

Result<void> AuditDraw::load_held() {
  BEFFROI_TRY(held_, vault_.snapshots());
  std::erase_if(held_, [](const Snapshot& snapshot) { return !snapshot.receipt_counter; });
  return {};
}

Result<std::optional<AuditDraw::Object>> AuditDraw::go_down(const Snapshot& snapshot) {
  ObjectId id = snapshot.commit.clear.root;
  BEFFROI_TRY(auto info, vault_.objects().info(vault_.space(), id));
  if (!info) return std::nullopt;
  const bool to_content = random_.below(kWays) < kWaysToContents;
  for (std::uint64_t steps = to_content ? info->height : random_.below(info->height + 1ULL); steps > 0; --steps) {
    // A delta has what it builds on below it: both are asked for.
    if (to_content && is_content(info->kind) && random_.below(2) == 0) break;
    const auto children = vault_.objects().children(vault_.space(), id);
    if (!children && children.error().code != ErrorCode::not_found) return forward_error(children);
    if (!children || children->empty()) break;
    const ObjectId child = (*children)[random_.below(children->size())];
    BEFFROI_TRY(auto below, vault_.objects().info(vault_.space(), child));
    if (!below) break;
    id = child;
    info = below;
  }
  return Object{.id = id, .sealed_bytes = info->sealed_bytes, .commit = snapshot.commit.id};
}

bool AuditDraw::take(const Object& object) {
  if (bytes_ + object.sealed_bytes > kAuditBytes || !taken_.insert(object.id).second) return false;
  bytes_ += object.sealed_bytes;
  out_.push_back(object);
  return true;
}

asio::awaitable<Result<AuditReport>> audit_over(LinkSession& session, Vault& vault, Pool& pool, crypto::Random& random,
                                                Progress& progress) {
  Audit audit(session, vault, pool, random, progress);
  co_return co_await audit.run();
}

}  // namespace beffroi::daemon
