// Names as they may be shown: a file's name may hold anything, even commands to the terminal.
#pragma once

#include <string>
#include <string_view>

namespace beffroi::client {

/// With control characters, marks that turn the direction of writing, and bytes that are not UTF-8 written as \x1b or
/// \u202e. A backslash stays as it is: this is for eyes, JSON is for programs.
std::string printable(std::string_view name);

/// Columns that printable text takes on a terminal (one per character).
std::size_t display_width(std::string_view text);
/// With blanks behind it, or before it (`right`), up to that many columns.
std::string padded(const std::string& text, std::size_t columns, bool right);

}  // namespace beffroi::client
