// Several stations work in one shared folder, at random, while lines are cut, stations are killed or lose their power,
// files can't be written, commits have to wait or are refused, keys are renewed, people leave, and stations keep only a
// part of the space, or another one than before. In the end, when each has everything again, all
// folders are the same, and every content that nobody deleted or overwrote is in them.
// BEFFROI_SHARE_SEED=n runs the seed n alone and says what happens in it, BEFFROI_SHARE_SEEDS=n runs up to that one
// (from BEFFROI_SHARE_FIRST=n on).
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "storage/merge/path_parts.h"
#include "tests/support/share_replicas.h"

namespace beffroi::daemon::testing {
namespace {

constexpr std::uint64_t kSeeds = 12;
constexpr int kSteps = 60;

std::uint64_t number_from(const char* variable, std::uint64_t otherwise) {
  const char* const text = std::getenv(variable);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

class ShareSimulation {
 public:
  ShareSimulation(std::uint64_t seed, bool traced)
      : world_(2 + seed % 3, seed), random_(seed * 7919 + 1), traced_(traced) {
    world_.peer.edit_answers = [this](Message& answer) {
      if (refusal_ && std::holds_alternative<LeaseMessage>(answer))
        answer = ErrorMessage{Error{*refusal_, "not now", {}}};
    };
  }

  void run() {
    for (int step = 0; step < kSteps && !::testing::Test::HasFatalFailure(); ++step) {
      act();
      show_folders();
    }
    for (const auto& replica : world_.replicas) {
      replica->folder.refused_per_mille = 0;
      replica->folder.unquiet_per_mille = 0;
      replica->settings.may_commit = true;
    }
    for (const auto& replica : world_.replicas) fetch_everything(*replica);
    world_.settle();
    expect_all_contents();
  }

 private:
  void say(const std::string& line) const {
    if (traced_) std::cout << line << std::endl;
  }

  void show_folders() const {
    for (const auto& replica : world_.replicas) {
      std::string line = "    " + replica->name + ":";
      for (const auto& [path, content] : replica->folder.listing())
        line += " " + path + (content.empty() ? "" : "=" + content.substr(content.rfind(' ') + 1));
      say(line);
      const auto state = replica->cycle->state().folder();
      if (!traced_ || !state || !state->applied) continue;
      line = "      applied:";
      const storage::ObjectOpener opener(*replica->vault->keys_for(state->content_generation),
                                         replica->vault->local_source());
      static_cast<void>(
          storage::TreeReader(opener, *state->applied).for_each("", [&](const storage::Entry& entry) -> Result<void> {
            line += " " + storage::to_display_path(entry.path);
            return {};
          }));
      say(line);
    }
  }

  template <class Outcome>
  void say_done(const Replica& replica, const std::string& what, const Outcome& outcome) const {
    say(replica.name + " " + what + ": " + (outcome ? "done" : outcome.error().message()));
  }

  void act() {
    Replica& replica = world_[random_.below(world_.replicas.size())];
    switch (random_.below(22)) {
      case 20:
      case 21:
        keep_another_part(replica);
        return;
      case 0:
        renew_keys(replica);
        return;
      case 1:
        if (random_.below(6) == 0) depart();
        return;
      case 2:
        say(replica.name + " restarts");
        if (random_.below(3) == 0) lose_power(replica);
        replica.restart();
        return;
      case 3:
        replica.folder.refused_per_mille = random_.below(2) == 0 ? 0 : 200;
        replica.folder.unquiet_per_mille = random_.below(2) == 0 ? 0 : 200;
        replica.settings.may_commit = random_.below(3) != 0;
        return;
      case 4:
      case 5:
        killed_while_writing(replica);
        return;
      case 6:
      case 7:
      case 8:
      case 9:
      case 10:
        sync(replica, random_.below(3) == 0 ? random_.below(120) : kNever);
        return;
      default:
        for (std::uint64_t edits = 1 + random_.below(3); edits > 0; --edits) edit(replica.folder);
    }
  }

  void sync(Replica& replica, std::uint64_t frames) {
    world_.peer.clock.pass(static_cast<std::int64_t>(random_.below(600)));
    FaultPlan line;
    line.cut_after_frames = frames;
    if (random_.below(4) == 0) replica.folder.before_apply = [&] { edit(replica.folder); };
    // The peer takes no commit now, or not this one.
    if (random_.below(5) == 0) refusal_ = random_.below(3) == 0 ? ErrorCode::refused : ErrorCode::busy;
    const auto out = replica.sync(line);
    say_done(replica, frames == kNever ? "syncs" : "syncs, cut", out);
    refusal_.reset();
    replica.folder.before_apply = {};
    if (frames == kNever) EXPECT_TRUE(out.has_value()) << replica.name << ": " << out.error().message();
    if (out && out->report.held) static_cast<void>(replica.cycle->release());
  }

  void keep_another_part(Replica& replica) {
    const bool killed = random_.below(4) == 0;
    if (killed) replica.folder.break_off_after = random_.below(4);
    const auto there = any_entry(replica.folder);
    std::string path = random_.below(4) == 0 ? std::string() : any_path();
    // Also a folder, or one in a folder that is kept.
    if (there && random_.below(3) == 0) path = storage::to_display_path(*there).substr(1);
    const bool frees = random_.below(2) == 0;
    const auto out = frees ? replica.free(path) : replica.fetch(path);
    replica.folder.break_off_after.reset();
    say_done(replica, (frees ? "frees '" : "fetches '") + path + (killed ? "', killed" : "'"), out);
    if (killed) replica.restart();
    // There is no such path, or no cycle has gone through yet.
    const auto may_be = [](ErrorCode code) { return code == ErrorCode::not_found || code == ErrorCode::wrong_state; };
    if (!out && !killed) EXPECT_TRUE(may_be(out.error().code)) << replica.name << ": " << out.error().message();
  }

  static void fetch_everything(Replica& replica) {
    ASSERT_TRUE(replica.sync().has_value()) << replica.name;
    const auto fetched = replica.fetch("");
    ASSERT_TRUE(fetched.has_value()) << replica.name << ": " << fetched.error().message();
  }

  void killed_while_writing(Replica& replica) {
    replica.folder.break_off_after = random_.below(6);
    say_done(replica, "syncs, killed", replica.sync());
    replica.folder.break_off_after.reset();
    replica.restart();
  }

  /// What nobody else has yet may go with it.
  void lose_power(Replica& replica) {
    std::set<std::string> gone;
    for (const auto& [path, file] : replica.folder.files) gone.insert(file.content);
    replica.folder.lose_power();
    for (const auto& each : world_.replicas)
      for (const auto& [path, file] : each->folder.files) gone.erase(file.content);
    for (const std::string& content : gone) alive_.erase(content);
  }

  void renew_keys(Replica& replica) {
    const auto record =
        storage::rotate_epoch(replica.vault->log(), replica.person.keys, world_.peer.clock.now(), world_.random);
    if (!record) return;
    say(replica.name + " renews the keys");
    // Together with the peer, or the logs would part.
    auto link = world_.peer.connect(*replica.vault);
    ASSERT_TRUE(link.has_value());
    if (world_.peer.run((*link)->append_record(*record)))
      ASSERT_TRUE(world_.peer.run((*link)->exchange_state(*replica.vault, world_.peer.pool)).has_value());
    (*link)->cut();
  }

  /// The last one is taken out, as somebody who may know the keys: what only it has is gone.
  void depart() {
    if (world_.replicas.size() < 3) return;
    Replica& manager = world_[0];
    const Replica& gone = *world_.replicas.back();
    say(gone.name + " is taken out");
    auto link = world_.peer.connect(*manager.vault);
    ASSERT_TRUE(link.has_value());
    ASSERT_TRUE(world_.peer.run((*link)->exchange_state(*manager.vault, world_.peer.pool)).has_value());
    storage::Departure departure{.ends = {}, .hostile = random_.below(2) == 0};
    const auto heads = manager.vault->store().heads();
    for (const auto& head : *heads) departure.ends[head.device] = {head.commit, head.sequence};
    const auto records = storage::remove_member(manager.vault->log(), manager.person.keys, gone.person.identity(),
                                                departure, world_.peer.clock.now(), world_.random);
    ASSERT_TRUE(records.has_value()) << records.error().message();
    for (const Bytes& record : *records) ASSERT_TRUE(world_.peer.run((*link)->append_record(record)).has_value());
    ASSERT_TRUE(world_.peer.run((*link)->exchange_state(*manager.vault, world_.peer.pool)).has_value());
    (*link)->cut();
    std::set<std::string> lost = gone.folder.unwritten;
    for (const auto& replica : world_.replicas)
      if (replica.get() != &gone)
        for (const auto& [path, file] : replica->folder.files) lost.erase(file.content);
    for (const auto& [path, file] : gone.folder.files) lost.insert(file.content);
    for (const std::string& content : lost) alive_.erase(content);
    world_.replicas.pop_back();
  }

  // Edits, as people make them in few names, so that they meet.
  void edit(MemoryFolder& folder) {
    switch (random_.below(8)) {
      case 0:
        remove(folder);
        return;
      case 1:
      case 2:
        move(folder);
        return;
      default:
        write(folder);
    }
  }

  std::string any_path() {
    std::string out;
    for (std::uint64_t depth = random_.below(3); depth > 0; --depth)
      out += std::string(1, static_cast<char>('A' + random_.below(3))) + "/";
    return out + std::string(1, static_cast<char>('a' + random_.below(5)));
  }

  void write(MemoryFolder& folder) {
    const std::string path = any_path();
    const std::string at = storage::to_entry_path(path);
    for (std::string above = at; !above.empty(); above = storage::folder_of(above)) {
      const auto there = folder.files.find(above);
      if (there != folder.files.end() && there->second.is_folder == (above == at)) return;
    }
    const auto before = folder.files.find(at);
    if (before != folder.files.end()) alive_.erase(before->second.content);
    const std::string content = "Inhalt " + std::to_string(next_content_++);
    folder.write(path, content, static_cast<std::int64_t>(1'700'000'000 + next_content_));
    alive_.insert(content);
  }

  std::optional<std::string> any_entry(const MemoryFolder& folder) {
    if (folder.files.empty()) return std::nullopt;
    return std::next(folder.files.begin(), static_cast<std::ptrdiff_t>(random_.below(folder.files.size())))->first;
  }

  void remove(MemoryFolder& folder) {
    const auto path = any_entry(folder);
    if (!path) return;
    for (const auto& [at, file] : folder.files)
      if (storage::is_at_or_below(at, *path)) alive_.erase(file.content);
    folder.remove(storage::to_display_path(*path));
  }

  void move(MemoryFolder& folder) {
    const auto from = any_entry(folder);
    const std::string to = storage::to_entry_path(any_path());
    const std::string above(storage::folder_of(to));
    const auto parent = folder.files.find(above);
    const bool fits = above.empty() || (parent != folder.files.end() && parent->second.is_folder);
    if (!from || !fits || folder.files.contains(to) || storage::is_at_or_below(to, *from)) return;
    folder.move(storage::to_display_path(*from), storage::to_display_path(to));
  }

  void expect_all_contents() {
    std::set<std::string> found;
    for (const auto& [path, file] : world_[0].folder.files) found.insert(file.content);
    for (const std::string& content : alive_) EXPECT_TRUE(found.contains(content)) << content << " is lost";
  }

  ShareReplicas world_;
  crypto::SeededRandom random_;
  const bool traced_;
  std::set<std::string> alive_;
  std::optional<ErrorCode> refusal_;
  std::uint64_t next_content_ = 1;
};

// Goal: whatever is done in whatever order, one tree comes out and nothing is lost.
TEST(ShareSimTest, AllComeTogetherAndNothingIsLost) {
  const std::uint64_t one = number_from("BEFFROI_SHARE_SEED", 0);
  const std::uint64_t last = one != 0 ? one : number_from("BEFFROI_SHARE_SEEDS", kSeeds);
  for (std::uint64_t seed = one != 0 ? one : number_from("BEFFROI_SHARE_FIRST", 1); seed <= last; ++seed) {
    SCOPED_TRACE("BEFFROI_SHARE_SEED=" + std::to_string(seed));
    ShareSimulation(seed, one != 0).run();
    if (HasFailure()) return;
  }
}

}  // namespace
}  // namespace beffroi::daemon::testing
