// Entries of the audit log: one encoding each, no text that a terminal obeys, and a chain in which nothing can be
// changed unseen.
#include "storage/space/audit_entry.h"

#include <gtest/gtest.h>

#include "storage/format/cbor.h"

namespace beffroi::storage {
namespace {

AuditEntry entry_after(const AuditHead& head, const std::string& detail = "receipt 1") {
  return {.counter = head.counter + 1,
          .previous = head.hash,
          .time = {1'800'000'000},
          .actor = "device 0011223344556677",
          .action = audit_action_name(AuditAction::receipt),
          .space = SpaceId{{7}},
          .organisation = "Saint-Aubin-l'Épine",
          .detail = detail};
}

std::vector<AuditEntry> chain_of(std::size_t count) {
  std::vector<AuditEntry> out;
  AuditHead head;
  for (std::size_t i = 0; i < count; ++i) {
    out.push_back(entry_after(head));
    head = {.counter = out.back().counter, .hash = audit_hash(encode_audit_entry(out.back()))};
  }
  return out;
}

// Number of the first entry that does not fit; 0 when all do.
std::uint64_t broken_at(const std::vector<AuditEntry>& entries, AuditChain chain = AuditChain()) {
  for (const AuditEntry& entry : entries) {
    const auto hash = is_well_formed(entry) ? audit_hash(encode_audit_entry(entry)) : AuditHash{};
    if (!chain.follow(entry, hash)) return chain.head().counter + 1;
  }
  return 0;
}

TEST(AuditEntryTest, ComesBackAsItWasWritten) {
  AuditEntry entry = entry_after({});
  for (const auto& space : {std::optional<SpaceId>(), std::optional(SpaceId{{9}})}) {
    entry.space = space;
    const Bytes encoded = encode_audit_entry(entry);
    EXPECT_LE(encoded.size(), kMaxAuditEntryBytes);
    const auto decoded = decode_audit_entry(encoded);
    ASSERT_TRUE(decoded) << decoded.error().message();
    EXPECT_EQ(encode_audit_entry(*decoded), encoded);
    EXPECT_EQ(decoded->space, space);
    EXPECT_EQ(decoded->organisation, "Saint-Aubin-l'Épine");
  }
}

// Goal: the longest entry there can be fits the bound that readers have.
TEST(AuditEntryTest, TheLongestOneFits) {
  AuditEntry entry = entry_after({});
  entry.counter = UINT64_MAX;
  entry.time.seconds = kMaxAuditTimeSeconds;
  entry.actor.assign(kMaxAuditActorBytes, 'a');
  entry.action.assign(kMaxAuditActionBytes, 'b');
  entry.organisation.assign(kMaxAuditOrganisationBytes, 'c');
  entry.detail.assign(kMaxAuditDetailBytes, 'd');
  const Bytes encoded = encode_audit_entry(entry);
  EXPECT_LE(encoded.size(), kMaxAuditEntryBytes);
  EXPECT_TRUE(decode_audit_entry(encoded));
}

TEST(AuditEntryTest, OtherBytesAreRefused) {
  const Bytes good = encode_audit_entry(entry_after({}));
  for (std::size_t cut = 0; cut < good.size(); ++cut)
    EXPECT_FALSE(decode_audit_entry(ByteView(good).first(cut))) << cut;
  Bytes longer = good;
  longer.push_back(0);
  EXPECT_EQ(decode_audit_entry(longer).error().code, ErrorCode::corrupt);
  Bytes newer = good;
  newer[1] = 2;
  EXPECT_EQ(decode_audit_entry(newer).error().code, ErrorCode::unsupported_version);
  Bytes line = good;
  *std::ranges::find(line, std::uint8_t{' '}) = '\n';
  EXPECT_EQ(decode_audit_entry(line).error().code, ErrorCode::corrupt) << "a control character";
}

TEST(AuditEntryTest, TextsAreCleanedAndCutBetweenCharacters) {
  EXPECT_EQ(audit_text("a\x1b[2Jb\nc\x7f", 100), "a?[2Jb?c?");
  EXPECT_EQ(audit_text("\xc2\x9b"
                       "31m",
                       100),
            "?31m")
      << "a control character of eight bits";
  EXPECT_EQ(audit_text("\xe2\x80\xae"
                       "txt",
                       100),
            "?txt")
      << "turns the direction";
  EXPECT_EQ(audit_text("a\xff\xc3", 100), "a??");
  EXPECT_EQ(audit_text("ééé", 5), "éé");
  EXPECT_EQ(audit_text("\xf0\x9f\x8f\x9b", 3), "");
  EXPECT_EQ(audit_text("Épine", 100), "Épine");
}

TEST(AuditEntryTest, EachActionHasAWordOfItsOwn) {
  std::set<std::string> names;
  for (int i = 0; i <= static_cast<int>(AuditAction::stop); ++i) {
    const std::string name = audit_action_name(static_cast<AuditAction>(i));
    EXPECT_TRUE(names.insert(name).second) << name;
    EXPECT_LE(name.size(), kMaxAuditActionBytes);
  }
  EXPECT_STREQ(audit_action_name(AuditAction::invite), "invite");
  EXPECT_STREQ(audit_action_name(AuditAction::refused), "refused");
  EXPECT_STREQ(audit_action_name(AuditAction::stop), "stop");
}

TEST(AuditChainTest, FollowsWhatWasWritten) {
  EXPECT_EQ(broken_at(chain_of(5)), 0U);
  EXPECT_EQ(broken_at({}), 0U);
}

// Goal: whatever somebody changes in the middle, the chain breaks there or right behind it.
TEST(AuditChainTest, EveryChangeBreaksIt) {
  const auto good = chain_of(5);
  auto changed = good;
  changed[2].detail = "receipt 2";
  EXPECT_EQ(broken_at(changed), 4U) << "with a hash made anew";
  changed = good;
  changed.erase(changed.begin() + 2);
  EXPECT_EQ(broken_at(changed), 3U);
  for (std::size_t i = 2; i < changed.size(); ++i) changed[i].counter = i + 1;
  EXPECT_EQ(broken_at(changed), 3U) << "numbered anew";
  changed = good;
  std::swap(changed[1], changed[2]);
  EXPECT_EQ(broken_at(changed), 2U);
  changed = good;
  changed.insert(changed.begin() + 2, changed[1]);
  EXPECT_EQ(broken_at(changed), 3U);
  changed = good;
  changed[0].previous = AuditHash{{1}};
  EXPECT_EQ(broken_at(changed), 1U);
}

TEST(AuditChainTest, AHashThatIsNotTheEntrysBreaksIt) {
  AuditChain chain;
  const auto entry = entry_after({});
  auto hash = audit_hash(encode_audit_entry(entry));
  hash.data[0] ^= 1;
  EXPECT_EQ(chain.follow(entry, hash).error().code, ErrorCode::corrupt);
  EXPECT_EQ(chain.head(), AuditHead{});
}

// Goal: a part of the log can be verified by itself.
TEST(AuditChainTest, CanBeginInTheMiddle) {
  auto part = chain_of(5);
  part.erase(part.begin(), part.begin() + 2);
  EXPECT_EQ(broken_at(part, AuditChain(3)), 0U);
  EXPECT_EQ(broken_at(part, AuditChain(2)), 2U);
  part[1].previous = AuditHash{{1}};
  EXPECT_EQ(broken_at(part, AuditChain(3)), 4U);
}

}  // namespace
}  // namespace beffroi::storage
