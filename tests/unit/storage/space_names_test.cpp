// Goal: members see each other's names, each says its own and managers everybody's, and nothing else gets in.
#include "storage/space/space_names.h"

#include <gtest/gtest.h>

#include "storage/space/epoch.h"
#include "tests/support/space_builder.h"

namespace beffroi::storage {
namespace {

using testing::SpaceBuilder;

TEST(DisplayNameTest, IsShortOneLineAndShown) {
  for (const std::string& name : {std::string("Claire"), std::string("PC de l'accueil, n° 2"), std::string(64, 'x')})
    EXPECT_TRUE(is_display_name(name)) << name;
  const std::vector<std::string> others = {"",
                                           std::string(65, 'x'),
                                           " Claire",
                                           "Claire ",
                                           "Claire\nPaul",
                                           "a\x1b[2J",
                                           "\xff",
                                           "a\xe2\x80\xae"
                                           "b"};
  for (const std::string& name : others) EXPECT_FALSE(is_display_name(name)) << name;
}

TEST(DisplayNameTest, WhatATextMayBeIsCutFromIt) {
  EXPECT_EQ("Claire", display_name("  Claire  "));
  EXPECT_EQ("a?b", display_name("a\nb"));
  EXPECT_EQ("", display_name("   "));
  const std::string long_name = std::string(63, 'x') + "é";
  EXPECT_EQ(std::string(63, 'x'), display_name(long_name));
  EXPECT_TRUE(is_display_name(display_name(std::string(63, 'x') + " y")));
}

// A share with a manager and a writer of other identities, whose epochs carry names.
struct SpaceNamesTest : ::testing::Test {
  SpaceBuilder space{SpaceKind::share};
  crypto::DeviceKeys manager_root = space.new_keys();
  crypto::DeviceKeys writer_root = space.new_keys();
  crypto::DeviceKeys manager = admitted(manager_root, Role::manager);
  crypto::DeviceKeys writer = admitted(writer_root, Role::writer);
  SpaceLog& log = space.log;
  SpaceNames names{.members = {{manager_root.sign.public_key, "Paul"}, {writer_root.sign.public_key, "Claire"}},
                   .devices = {{id_of(manager), "PC du maire"}, {id_of(writer), "PC mairie"}}};

  SpaceNamesTest() { open_epoch(space.root, names); }
  static DeviceId id_of(const crypto::DeviceKeys& device) { return device.public_part().id(); }
  crypto::DeviceKeys admitted(const crypto::DeviceKeys& owner, Role role) {
    space.must(MemberBody{.root = owner.public_part(), .role = role});
    return space.admit(role, owner);
  }
  void open_epoch(const crypto::DeviceKeys& author, const SpaceNames& with) {
    EpochPlan plan{.epoch = {log.epoch().value + 1}, .space_name = "Essai", .recipients = {}};
    std::optional<SpaceAccess> access;
    if (log.epoch().value > 0) {
      access = *open_access(log, author);
      plan.handed = &access->unhanded;
      plan.content = &access->current.content;
    }
    plan.names = with;
    plan.recipients = *epoch_recipients(log, space.preshared);
    space.must(*make_epoch(log.space(), plan, space.random), author);
  }
  SpaceAccess access() const { return *open_access(log, manager); }
};

TEST_F(SpaceNamesTest, EverybodySeesThem) {
  for (const auto* member : {&space.root, &manager, &writer})
    EXPECT_EQ(names, open_access(log, *member)->current.names);
  EXPECT_EQ("Claire, PC mairie", shown_name(names, writer_root.sign.public_key, id_of(writer)));
  EXPECT_EQ("00000000, 00000000", shown_name(names, {}, {}));
}

TEST_F(SpaceNamesTest, WriterRenamesItselfAndNobodyElse) {
  SpaceNames changed = names;
  changed.devices.at(id_of(writer)) = "Portable";
  open_epoch(writer, changed);
  EXPECT_EQ(changed, access().current.names);
  EXPECT_TRUE(access().problems.empty());
  SpaceNames wrong = changed;
  wrong.members.at(manager_root.sign.public_key) = "Claire";
  wrong.devices.at(id_of(manager)) = "PC mairie";
  open_epoch(writer, wrong);
  EXPECT_EQ(changed, access().current.names);
  ASSERT_EQ(1U, access().problems.size());
  EXPECT_EQ(writer.sign.public_key, access().problems.front().signer);
  open_epoch(manager, wrong);
  EXPECT_EQ(wrong, access().current.names);
}

TEST_F(SpaceNamesTest, NameThatIsLeftOutStays) {
  open_epoch(writer, {});
  EXPECT_EQ(names, access().current.names);
  EXPECT_TRUE(access().problems.empty());
}

// An honest author that knows more than we do must not be accused.
TEST_F(SpaceNamesTest, BehindAnEpochThatDoesNotOpenAllIsTaken) {
  SpaceNames changed = names;
  changed.members.at(writer_root.sign.public_key) = "Claire Martin";
  const crypto::DeviceKeys depositor = admitted(space.new_keys(), Role::depositor);
  open_epoch(manager, changed);
  open_epoch(writer, changed);
  const auto opened = open_access(log, depositor);
  EXPECT_EQ(changed, opened->current.names);
  EXPECT_TRUE(opened->problems.empty());
}

TEST_F(SpaceNamesTest, OnlyThoseInUseGoIntoTheNextEpoch) {
  space.must(SpaceBuilder::removal({writer.public_part()}), manager);
  RemovalBody gone{.devices = {}, .identity = writer_root.sign.public_key};
  space.must(gone, manager);
  SpaceNames left = names;
  left.members.erase(writer_root.sign.public_key);
  left.devices.erase(id_of(writer));
  EXPECT_EQ(left, names_in_use(log, names));
}

TEST_F(SpaceNamesTest, OneEpochCarriesSoMany) {
  SpaceNames many;
  for (std::size_t i = 0; i <= kMaxNames; ++i) {
    const crypto::DeviceKeys device = space.admit(Role::reader);
    many.devices.emplace(id_of(device), "PC " + std::to_string(i));
  }
  EXPECT_EQ(kMaxNames, names_in_use(log, many).devices.size());
  open_epoch(manager, names_in_use(log, many));
  EXPECT_EQ(kMaxNames + 2, access().current.names.devices.size());
}

TEST_F(SpaceNamesTest, EncodingIsReadBack) {
  CborWriter out;
  write_names(out, names);
  CborReader in(out.view());
  EXPECT_EQ(names, read_names(in));
  EXPECT_TRUE(in.finish());
}

}  // namespace
}  // namespace beffroi::storage
