#include "storage/merge/shared_part.h"

#include <gtest/gtest.h>

namespace beffroi::storage {
namespace {

// Goal: no chain of links that are shared leads out of the folder.
TEST(SharedPartTest, LinksStayInside) {
  const std::string deep = to_entry_path("a/b/link");
  EXPECT_TRUE(stays_inside(deep, "other"));
  EXPECT_TRUE(stays_inside(deep, "../../top"));
  EXPECT_TRUE(stays_inside(deep, "./../c/"));
  EXPECT_FALSE(stays_inside(deep, "../../../out"));
  EXPECT_FALSE(stays_inside(deep, "other/../x"));
  EXPECT_FALSE(stays_inside(deep, "/etc"));
  EXPECT_FALSE(stays_inside("link", ".."));
  EXPECT_FALSE(stays_inside("link", ""));
}

// Goal: whoever writes a stranger's entry as root gives away no rights, and makes nothing but files, folders and links.
TEST(SharedPartTest, NothingElseIsKept) {
  Entry entry;
  entry.path = to_entry_path("a/tool");
  entry.mode = 06755;
  entry.uid = entry.gid = 1000;
  entry.user = entry.group = "root";
  entry.mtime_s = 5;
  entry.xattrs = {{"security.capability", Bytes{1}}};
  entry.hard_link = to_entry_path("a/other");
  EXPECT_FALSE(keep_shared_part(entry));
  Entry expected;
  expected.path = to_entry_path("a/tool");
  expected.mode = 0755;
  expected.mtime_s = 5;
  EXPECT_EQ(entry, expected);
  for (const EntryType type : {EntryType::fifo, EntryType::character_device, EntryType::block_device}) {
    entry.type = type;
    EXPECT_EQ(keep_shared_part(entry).value().code, ErrorCode::refused);
  }
  entry.type = EntryType::symlink;
  entry.link_target = "../b";
  EXPECT_FALSE(keep_shared_part(entry));
  entry.link_target = "../../b";
  EXPECT_TRUE(keep_shared_part(entry));
}

}  // namespace
}  // namespace beffroi::storage
