#include <tuple>

#include "storage/merge/path_parts.h"
#include "storage/merge/side_changes.h"

namespace beffroi::storage {
namespace {

using Paths = std::vector<std::string_view>;  // of keys of `removed` or `added`

// The last `components` of a path, or all of it.
std::string_view tail_of(std::string_view path, std::size_t components) {
  std::string_view above = path;
  for (; components > 0 && !above.empty(); --components) above = folder_of(above);
  return above.empty() ? path : path.substr(std::min(path.size(), above.size() + 1));
}

class MoveFinder {
 public:
  explicit MoveFinder(SideChanges& changes) : changes_(changes) {}

  void run() {
    match_files();
    match_folders();
    match_below_folders();
  }

 private:
  struct SameContent {
    Paths removed;
    Paths added;
  };

  static void collect(const ByPath<Entry>& entries, Paths SameContent::* list, std::map<Digest, SameContent>& out) {
    for (const auto& [path, entry] : entries)
      if (entry.type == EntryType::file && entry.size > 0 && !entry.content_digest.is_zero())
        (out[entry.content_digest].*list).push_back(path);
  }

  void match_files() {
    std::map<Digest, SameContent> by_content;
    collect(changes_.removed, &SameContent::removed, by_content);
    collect(changes_.added, &SameContent::added, by_content);
    for (auto& [digest, files] : by_content)
      for (const std::size_t components : {3U, 2U, 1U, 0U}) match_by_tail(files, components);
  }

  void match_by_tail(SameContent& files, std::size_t components) {
    if (files.removed.empty() || files.added.empty()) return;
    std::multimap<std::string_view, std::string_view> waiting;
    for (const std::string_view path : files.removed) waiting.emplace(tail_of(path, components), path);
    for (const std::string_view path : files.added) {
      const auto found = waiting.lower_bound(tail_of(path, components));
      if (found == waiting.end() || found->first != tail_of(path, components)) continue;
      match(found->second, path);
      waiting.erase(found);
    }
    std::erase_if(files.removed, [&](std::string_view path) { return changes_.moved_to.contains(path); });
    std::erase_if(files.added, [&](std::string_view path) { return changes_.moved_from.contains(path); });
  }

  void match_folders() {
    std::map<std::pair<std::string_view, std::string_view>, std::size_t> votes;
    for (const auto& [from, to] : changes_.moved_to) vote(from, to, votes);
    std::vector<std::tuple<std::size_t, std::string_view, std::string_view>> ranked;
    for (const auto& [pair, count] : votes) ranked.emplace_back(count, pair.first, pair.second);
    std::ranges::sort(ranked, [](const auto& a, const auto& b) {
      const auto& [count_a, from_a, to_a] = a;
      const auto& [count_b, from_b, to_b] = b;
      return std::tie(count_b, from_a, to_a) < std::tie(count_a, from_b, to_b);
    });
    for (const auto& [count, from, to] : ranked)
      if (!changes_.moved_to.contains(from) && !changes_.moved_from.contains(to)) match(from, to);
  }

  // A file speaks for the folders above it as long as the names below them stayed.
  void vote(std::string_view from, std::string_view to,
            std::map<std::pair<std::string_view, std::string_view>, std::size_t>& votes) const {
    while (name_of(from) == name_of(to)) {
      from = folder_of(from);
      to = folder_of(to);
      if (!is_folder_of(changes_.removed, from) || !is_folder_of(changes_.added, to)) return;
      ++votes[{from, to}];
    }
  }

  static bool is_folder_of(const ByPath<Entry>& entries, std::string_view path) {
    const auto found = entries.find(path);
    return !path.empty() && found != entries.end() && found->second.type == EntryType::directory;
  }

  // Folders come before what is below them.
  void match_below_folders() {
    for (const auto& [path, entry] : changes_.removed) {
      const auto folder = changes_.moved_to.find(folder_of(path));
      if (folder == changes_.moved_to.end() || changes_.moved_to.contains(path)) continue;
      const auto counterpart = changes_.added.find(path_in(folder->second, name_of(path)));
      if (counterpart == changes_.added.end() || changes_.moved_from.contains(counterpart->first)) continue;
      const bool both_folders = entry.type == EntryType::directory;
      if (both_folders == (counterpart->second.type == EntryType::directory)) match(path, counterpart->first);
    }
  }

  void match(std::string_view from, std::string_view to) {
    changes_.moved_to.emplace(from, to);
    changes_.moved_from.emplace(to, from);
  }

  SideChanges& changes_;
};

}  // namespace

void find_moves(SideChanges& changes) { MoveFinder(changes).run(); }

}  // namespace beffroi::storage
