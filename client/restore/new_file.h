// How a new file gets into the target: it is made under a name of its own (.beffroi-…), and gets its right name when it
// is whole.
#pragma once

#include <sys/stat.h>

#include <string>

#include "storage/tree/entry.h"

namespace beffroi::client {

/// What becomes of a file that is there already: left, replaced if it is older than the snapshot's, replaced.
enum class Overwrite { never, older, always };

enum class FilePlan { create, replace, leave, folder_in_the_way };

/// Looks at what has the name now. With Overwrite::always an empty folder of that name is removed.
FilePlan plan_file(int folder, const std::string& name, const storage::Entry& entry, Overwrite overwrite);

/// Is the entry's time later than that of what is there?
bool is_newer(const storage::Entry& entry, const struct stat& there);

std::string temporary_name();

/// Gives the file `temporary` in `from` its name in `folder`. errno; EEXIST: something took the name meanwhile, and
/// `replace` was not wished.
int publish_file(int from, const std::string& temporary, int folder, const std::string& name, bool replace);

}  // namespace beffroi::client
