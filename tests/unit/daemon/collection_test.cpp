// Collections of a station's store: what no snapshot needs goes, all else stays, whenever one is cut short.
#include <gtest/gtest.h>

#include "daemon/vault/collection.h"
#include "tests/support/peer_world.h"

namespace beffroi::daemon::testing {
namespace {

using storage::CommitId;
using storage::ObjectId;

class CollectionTest : public ::testing::Test {
 protected:
  CollectionTest() {
    for (std::uint64_t i = 0; i < 4; ++i) commits.push_back(take_snapshot(*station, numbers(20 * i, 20 * i + 30)));
  }
  void forget(std::initializer_list<std::size_t> which) {
    std::vector<CommitId> ids;
    for (const std::size_t i : which) ids.push_back(commits[i].id);
    ASSERT_TRUE(station->forget(ids));
  }
  void expect_whole(std::initializer_list<std::size_t> which) {
    for (const std::size_t i : which)
      for (const ObjectId& id : closure_of(station->objects(), commits[i])) {
        const auto bytes = station->objects().get(station->space(), id);
        ASSERT_TRUE(bytes) << bytes.error().message();
        ASSERT_EQ(storage::object_id(*bytes), id);
      }
  }
  std::set<ObjectId> stored() {
    std::set<ObjectId> out;
    EXPECT_TRUE(station->objects().iterate(station->space(), [&](const ObjectId& id, const storage::ObjectInfo&) {
      out.insert(id);
      return true;
    }));
    return out;
  }
  std::set<ObjectId> needed(std::initializer_list<std::size_t> which) {
    std::set<ObjectId> out;
    for (const std::size_t i : which) out.merge(closure_of(station->objects(), commits[i]));
    return out;
  }

  static std::vector<ObjectId> ids_of(TestVault& vault, const storage::Commit& commit) {
    const auto ids = closure_of(vault->objects(), commit);
    return {ids.begin(), ids.end()};
  }

  TestVault station;
  std::vector<storage::Commit> commits;
  Progress progress;
};

// Goal: exactly what is not needed goes, as it was foreseen; a second collection finds nothing.
TEST_F(CollectionTest, WhatNobodyNeedsGoes) {
  const auto whole = stored();
  const auto foreseen = foresee_collection(*station, {commits[1].id}, station.random, progress);
  ASSERT_TRUE(foreseen);
  EXPECT_EQ(stored(), whole) << "foreseeing changes nothing";
  forget({1});
  const auto result = collect(*station, station.random, progress);
  ASSERT_TRUE(result) << result.error().message();
  EXPECT_EQ(*result, *foreseen);
  EXPECT_EQ(result->snapshots, 1U);
  EXPECT_GT(result->bytes, 0U);
  EXPECT_EQ(stored(), needed({0, 2, 3}));
  EXPECT_EQ(result->objects, whole.size() - stored().size());
  expect_whole({0, 2, 3});
  EXPECT_FALSE(station->collection_due());
  EXPECT_EQ(*collect(*station, station.random, progress), CollectionResult{});
}

// Goal: snapshots that were set aside, and those of which nothing was sent yet, keep all that they need.
TEST_F(CollectionTest, WhatWasSetAsideStays) {
  TestPeer peer;
  ASSERT_TRUE(station->bind_peer(peer.binding()));
  ASSERT_TRUE(station->set_aside_pending());
  commits.push_back(take_snapshot(*station, numbers(500, 510)));
  const auto result = collect(*station, station.random, progress);
  ASSERT_TRUE(result);
  EXPECT_EQ(result->objects, 0U);
  station.reopen();
  expect_whole({0, 1, 2, 3, 4});
}

// Goal: wherever a collection is cut, no snapshot lacks anything, the next one knows that it has to be done, and comes
// to the same end.
TEST_F(CollectionTest, AnyBeginningIsSafe) {
  forget({0, 2});
  const auto left = needed({1, 3});
  bool done = false;
  std::set<std::size_t> sizes;
  for (int cut = 0; !done && cut < 2000; ++cut) {
    Progress cutting;
    int steps = 0;
    const CollectionPace pace{.objects = 1, .each_step = [&] { cutting.cancel = steps++ >= cut; }};
    const auto result = collect(*station, station.random, cutting, pace);
    done = result.has_value();
    if (!done) {
      ASSERT_EQ(result.error().code, ErrorCode::cancelled);
      EXPECT_TRUE(station->collection_due());
    }
    if (cut % 40 == 0) station.reopen();
    sizes.insert(stored().size());
    expect_whole({1, 3});
  }
  EXPECT_TRUE(done);
  EXPECT_EQ(stored(), left);
  EXPECT_GT(sizes.size(), 5U) << "cut in the middle of its work, too";
}

// Goal: bytes whose receipt may no longer be worth anything are not evicted.
TEST_F(CollectionTest, NothingIsEvictedBeforeAllIsClear) {
  EXPECT_TRUE(*station->may_evict());
  forget({1});
  EXPECT_FALSE(*station->may_evict());
  ASSERT_TRUE(collect(*station, station.random, progress));
  EXPECT_FALSE(*station->may_evict()) << "these have no receipt";
  TestPeer peer;
  TestVault fresh(9);
  const auto first = take_snapshot(*fresh, numbers(3));
  const auto commit = take_snapshot(*fresh, numbers(3));
  ASSERT_TRUE(fresh->forget({&first.id, 1}));
  ASSERT_TRUE(fresh->bind_peer(peer.binding()));
  ASSERT_TRUE(collect(*fresh, fresh.random, progress));
  EXPECT_TRUE(fresh->marks_are_unsure());
  ASSERT_TRUE(fresh->objects().mark_receipted(fresh->space(), ids_of(fresh, commit)));
  EXPECT_EQ(*fresh->evict_receipted(UINT64_MAX), 0U);
  ASSERT_TRUE(fresh->accept_receipt(peer.receipt(commit)));
  EXPECT_TRUE(*fresh->may_evict());
  EXPECT_FALSE(fresh->marks_are_unsure());
  EXPECT_GT(*fresh->evict_receipted(UINT64_MAX), 0U);
}

// Goal: a snapshot that goes while a collection runs makes another one due: the one that runs may have marked it.
TEST_F(CollectionTest, WhatGoesDuringACollectionIsNotForgotten) {
  forget({0});
  bool once = false;
  const CollectionPace pace{.objects = 1, .each_step = [&] {
                              if (!std::exchange(once, true)) forget({1});
                            }};
  const auto result = collect(*station, station.random, progress, pace);
  ASSERT_TRUE(result) << result.error().message();
  ASSERT_TRUE(once);
  EXPECT_TRUE(station->collection_due());
  EXPECT_FALSE(*station->may_evict());
  station.reopen();
  EXPECT_TRUE(station->collection_due());
  ASSERT_TRUE(collect(*station, station.random, progress));
  EXPECT_FALSE(station->collection_due());
  EXPECT_EQ(stored(), needed({2, 3}));
}

TEST_F(CollectionTest, NotBesideABackup) {
  const auto backup = station->try_begin_backup();
  EXPECT_EQ(collect(*station, station.random, progress).error().code, ErrorCode::busy);
}

}  // namespace
}  // namespace beffroi::daemon::testing
