#include "storage/merge/placement.h"

#include "storage/merge/path_parts.h"

namespace beffroi::storage {
namespace {

/// A version and where each side has it.
struct Candidate {
  NodeVersion version;
  std::array<std::optional<std::string>, 2> had_at;
  bool is_folder() const { return version.entry.type == EntryType::directory; }
};

class Placing {
 public:
  Placing(const MergeGraph& graph, const TreeReader& ancestor, const std::array<ChangeAuthor, 2>& authors)
      : graph_(graph), ancestor_(ancestor), authors_(authors) {}

  Result<Placement> run() {
    for (const MergeNode& node : graph_.nodes())
      if (node.changed && node.stays) BEFFROI_CHECK(gather(node));
    for (auto& [path, candidates] : by_path_) settle(path, std::move(candidates));
    std::ranges::sort(losers_, [](const Loser& a, const Loser& b) {
      return a.path != b.path ? a.path < b.path
                              : compare_versions(a.candidate.version.entry, b.candidate.version.entry) < 0;
    });
    for (Loser& loser : losers_) BEFFROI_CHECK(place_beside(loser));
    return std::move(out_);
  }

 private:
  struct Loser {
    std::string path;
    Candidate candidate;
  };

  Result<void> gather(const MergeNode& node) {
    for (const NodeVersion& version : node.versions) {
      Candidate candidate{.version = version, .had_at = {}};
      for (std::size_t side = 0; side < 2; ++side)
        if (node.now[side] && same_content(*node.now[side], version.entry))
          candidate.had_at[side] = node.now[side]->path;
      by_path_[*node.path].push_back(std::move(candidate));
    }
    // Under a path that a side has the node under, that side has nothing else.
    const bool is_there =
        std::ranges::any_of(node.now, [&](const auto& now) { return now && now->path == *node.path; });
    return is_there ? Result<void>{} : involve(*node.path);
  }

  // What stands there unchanged takes part too.
  Result<void> involve(const std::string& path) {
    if (out_.involved.contains(path)) return {};
    BEFFROI_TRY(const std::optional<Entry> entry, unchanged_at(path));
    if (!entry) return {};
    out_.involved.emplace(path, *entry);
    by_path_[path].push_back({.version = {*entry, std::nullopt}, .had_at = {path, path}});
    return {};
  }

  Result<std::optional<Entry>> unchanged_at(const std::string& path) const {
    if (graph_.changed_base(path) != nullptr) return std::nullopt;
    return ancestor_.find(path);
  }

  void settle(const std::string& path, std::vector<Candidate> candidates) {
    candidates = one_of_each(std::move(candidates));
    const auto winner = std::ranges::max_element(candidates, [](const Candidate& a, const Candidate& b) {
      if (a.is_folder() != b.is_folder()) return b.is_folder();
      return compare_versions(a.version.entry, b.version.entry) < 0;
    });
    for (auto candidate = candidates.begin(); candidate != candidates.end(); ++candidate)
      if (candidate != winner) losers_.push_back({path, std::move(*candidate)});
    put(path, *winner);
  }

  // All folders have the same content.
  static std::vector<Candidate> one_of_each(std::vector<Candidate> candidates) {
    std::vector<Candidate> out;
    for (Candidate& candidate : candidates) {
      const auto same = std::ranges::find_if(
          out, [&](const Candidate& other) { return same_content(candidate.version.entry, other.version.entry); });
      if (same == out.end())
        out.push_back(std::move(candidate));
      else
        join(*same, candidate);
    }
    return out;
  }

  static void join(Candidate& into, const Candidate& other) {
    into.version.entry = merge_metadata(nullptr, into.version.entry, other.version.entry);
    if (into.version.author != other.version.author) into.version.author.reset();
    for (std::size_t side = 0; side < 2; ++side)
      if (!into.had_at[side]) into.had_at[side] = other.had_at[side];
  }

  void put(const std::string& path, Candidate& candidate) {
    out_.placed.emplace(path, PlacedEntry{.entry = moved_to(std::move(candidate.version.entry), path),
                                          .had_at = std::move(candidate.had_at)});
  }

  Result<void> place_beside(Loser& loser) {
    const Entry& entry = loser.candidate.version.entry;
    for (std::size_t number = 1;; ++number) {
      const std::string name = conflict_name(name_of(loser.path), author_of(loser.candidate), {entry.mtime_s}, number);
      const std::string path = path_in(folder_of(loser.path), name);
      BEFFROI_TRY(const std::optional<Entry> present, present_at(path));
      if (present && !same_content(*present, entry)) continue;
      out_.conflicts.push_back({loser.path, path});
      if (!present) put(path, loser.candidate);
      return {};
    }
  }

  Result<std::optional<Entry>> present_at(const std::string& path) const {
    const auto placed = out_.placed.find(path);
    if (placed != out_.placed.end()) return placed->second.entry;
    return unchanged_at(path);
  }

  // What both had has no author of its own: the same one of the two everywhere.
  const ChangeAuthor& author_of(const Candidate& candidate) const {
    if (candidate.version.author) return authors_[static_cast<std::size_t>(*candidate.version.author)];
    return std::min(authors_[0], authors_[1]);
  }

  const MergeGraph& graph_;
  const TreeReader& ancestor_;
  const std::array<ChangeAuthor, 2>& authors_;
  ByPath<std::vector<Candidate>> by_path_;
  std::vector<Loser> losers_;
  Placement out_;
};

}  // namespace

Result<Placement> place_nodes(const MergeGraph& graph, const TreeReader& ancestor,
                              const std::array<ChangeAuthor, 2>& authors) {
  return Placing(graph, ancestor, authors).run();
}

}  // namespace beffroi::storage
