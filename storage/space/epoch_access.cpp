// Walks the epochs of a log from the newest down, with what each of them hands on.
#include <ranges>

#include "storage/space/epoch_parts.h"

namespace beffroi::storage {
namespace {

using crypto::SecretBytes;

std::optional<SecretBytes> clone(const std::optional<SecretBytes>& secret) {
  if (!secret) return std::nullopt;
  return secret->clone();
}

class AccessWalk {
 public:
  AccessWalk(const SpaceLog& log, const crypto::DeviceKeys& me) : log_(log), me_(me) {
    preshared_.emplace(me.public_part().id(), me.preshared.clone());
  }

  Result<SpaceAccess> run() {
    for (const Record& record : log_.records())
      if (const auto* body = std::get_if<EpochBody>(&record.body))
        epochs_[body->epoch] = {body, record.signer, record.sequence};
    for (const auto& [epoch, signed_body] : epochs_ | std::views::reverse) visit(signed_body);
    if (current_) return result();
    if (!problems_.empty()) return std::unexpected(problems_.front().error);
    return fail(ErrorCode::not_found, N_("This device has no keys of this space yet."));
  }

 private:
  struct SignedBody {
    const EpochBody* body = nullptr;
    crypto::SigningPublicKey signer;
    std::uint64_t position = 0;
  };
  /// Keys that agree with the commitment of their epoch; whether readers get them from a later record.
  struct Known {
    SecretBytes secret;
    std::optional<SecretBytes> reader_key;
    bool secret_handed = false;
    bool reader_key_handed = false;
  };

  void visit(const SignedBody& epoch) {
    std::optional<EpochGrant> grant = own_grant(epoch);
    if (!grant) grant = handed_grant(*epoch.body);
    if (!grant) return;
    Known& known = known_[epoch.body->epoch];
    if (known.secret.empty()) known.secret = grant->secret.clone();
    if (!known.reader_key) known.reader_key = clone(grant->reader_key);
    offered_.emplace(epoch.body->epoch, std::move(grant->names));
    compare_with_newer(*grant);
    newer_ = &epoch;
    if (known.reader_key && !epoch.body->handed_keys.empty()) take_handed(epoch, *known.reader_key);
    if (!current_) current_ = std::move(*grant);
  }

  void report(const SignedBody& epoch, Error error) {
    problems_.push_back({epoch.body->epoch, epoch.signer, std::move(error)});
  }

  std::optional<EpochGrant> own_grant(const SignedBody& epoch) {
    auto grant = open_grant(log_.space(), *epoch.body, me_);
    if (grant) return std::move(*grant);
    if (grant.error().code != ErrorCode::not_found) report(epoch, grant.error());
    return std::nullopt;
  }

  std::optional<EpochGrant> handed_grant(const EpochBody& body) {
    const auto known = known_.find(body.epoch);
    if (known == known_.end()) return std::nullopt;
    auto grant = complete_grant(log_.space(), body, known->second.secret.clone(), clone(known->second.reader_key));
    if (!grant) return std::nullopt;  // can't be: it was tried when it was handed on
    return std::move(*grant);
  }

  // Content keys and pre-shared secrets stay what they were when they first appeared: who changes them in passing would
  // lock others out of the epochs that honest members open later.
  void compare_with_newer(const EpochGrant& grant) {
    bool changed = false;
    const auto content = contents_.find(grant.content.generation);
    if (content != contents_.end())
      changed = !(content->second.boundary == grant.content.boundary && content->second.dedup == grant.content.dedup);
    contents_.insert_or_assign(grant.content.generation, grant.content.clone());
    for (const auto& [id, secret] : grant.preshared) {
      const auto known = preshared_.find(id);
      if (known == preshared_.end()) {
        preshared_.emplace(id, secret.clone());
        continue;
      }
      if (known->second == secret) continue;
      if (id == me_.public_part().id()) {
        report(epochs_.at(grant.epoch), changed_in_passing(grant.epoch));
        continue;
      }
      changed = true;
      known->second = secret.clone();
    }
    if (changed && newer_ != nullptr) report(*newer_, changed_in_passing(newer_->body->epoch));
  }

  static Error changed_in_passing(Epoch epoch) {
    return {ErrorCode::corrupt,
            N_("Whoever opened epoch {} changed keys that it had no right to change."),
            {std::to_string(epoch.value)}};
  }

  void take_handed(const SignedBody& epoch, const SecretBytes& reader_key) {
    auto table = open_handed(log_.space(), *epoch.body, reader_key);
    if (!table) return report(epoch, table.error());
    for (auto& [older, keys] : *table) {
      const EpochBody& body = *epochs_.at(older).body;
      if (auto grant = complete_grant(log_.space(), body, keys.secret.clone(), clone(keys.reader_key)); !grant) {
        report(epoch, grant.error());
        continue;
      }
      Known& known = known_[older];
      if (known.secret.empty()) known.secret = std::move(keys.secret);
      known.secret_handed = true;
      if (!keys.reader_key) continue;
      known.reader_key_handed = true;
      if (!known.reader_key) known.reader_key = std::move(keys.reader_key);
    }
  }

  // From the oldest on, each author's own words. Behind an epoch that does not open nobody can tell what its author
  // changed: then all is taken.
  SpaceNames names() {
    SpaceNames out;
    std::uint32_t before = 0;
    for (const auto& [epoch, offered] : offered_) {
      const SignedBody& signed_body = epochs_.at(epoch);
      const bool follows = before != 0 && before + 1 == epoch.value;
      before = epoch.value;
      if (offered.empty()) continue;
      const NameAuthor author = follows ? name_author(log_, signed_body.signer, signed_body.position)
                                        : NameAuthor{.names_anybody = true, .identity = {}};
      if (!take_names(log_, author, offered, out)) report(signed_body, changed_in_passing(epoch));
    }
    return out;
  }

  HandedTable unhanded() const {
    HandedTable out;
    for (const auto& [epoch, known] : known_) {
      // A depositor does not see what others handed on: it adds the newest epoch only.
      if (!current_->reader_key && epoch != current_->epoch) continue;
      if (known.secret_handed && (known.reader_key_handed || !known.reader_key)) continue;
      out.emplace(epoch, HandedKeys{known.secret.clone(), clone(known.reader_key)});
    }
    return out;
  }

  std::map<std::uint32_t, std::shared_ptr<const KeyRing>> rings() const {
    std::map<std::uint32_t, std::shared_ptr<KeyRing>> rings;
    for (const auto& [generation, content] : contents_)
      rings[generation] = std::make_shared<KeyRing>(log_.space(), content.clone());
    for (const auto& [epoch, known] : known_) {
      const auto keys = std::make_shared<const EpochKeys>(epoch, known.secret);
      for (const auto& [generation, ring] : rings) ring->add_epoch(keys);
    }
    return {rings.begin(), rings.end()};
  }

  SpaceAccess result() {
    SpaceAccess out;
    out.unhanded = unhanded();
    out.generations = rings();
    out.current = std::move(*current_);
    out.current.content = contents_.at(out.current.content.generation).clone();
    out.current.preshared = std::move(preshared_);
    out.current.names = names();
    out.keys = out.generations.at(out.current.content.generation);
    out.problems = std::move(problems_);
    std::ranges::sort(out.problems, std::greater<>(), &EpochProblem::epoch);
    return out;
  }

  const SpaceLog& log_;
  const crypto::DeviceKeys& me_;
  std::map<Epoch, SignedBody> epochs_;
  std::map<Epoch, Known> known_;
  std::map<std::uint32_t, ContentKeys> contents_;
  PresharedTable preshared_;
  std::map<Epoch, SpaceNames> offered_;
  const SignedBody* newer_ = nullptr;
  std::optional<EpochGrant> current_;
  std::vector<EpochProblem> problems_;
};

}  // namespace

Result<SpaceAccess> open_access(const SpaceLog& log, const crypto::DeviceKeys& me) { return AccessWalk(log, me).run(); }

}  // namespace beffroi::storage
