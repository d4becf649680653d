#include "crypto/hash.h"

#include <set>

#include "vectors.h"

namespace beffroi::crypto {
namespace {

TEST(HashTest, GivesTheCommittedDigests) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["hash"]) {
    const Label label = label_named(vector["label"]);
    const Bytes input = hex(vector["input"]);
    const Bytes key = hex(vector["key"]);
    const Hash256 digest = key.empty() ? hash256(label, input) : keyed_hash256(label, SecretBytes::copy_of(key), input);
    EXPECT_EQ(to_bytes(digest), hex(vector["output"])) << vector["label"];
  }
  for (const auto& vector : vectors["derive_key"])
    EXPECT_TRUE(derive_key(label_named(vector["label"]), secret(vector["parent"]), hex(vector["context"])) ==
                secret(vector["output"]));
}

TEST(HashTest, PiecesGiveTheSameDigestAsTheWhole) {
  Bytes data(1000);
  SeededRandom(1).fill(data);
  const ByteView view = data;
  for (const std::size_t cut : {0UL, 1UL, 127UL, 128UL, 129UL, 999UL, 1000UL})
    EXPECT_EQ(Hasher(labels::object_id).update(view.first(cut)).update(view.subspan(cut)).finish(),
              hash256(labels::object_id, data))
        << cut;
}

TEST(HashTest, FieldsCannotBeConfused) {
  const auto two_fields = [](std::string_view a, std::string_view b) {
    return Hasher(labels::record_id).update_field(as_bytes(a)).update_field(as_bytes(b)).finish();
  };
  EXPECT_NE(two_fields("ab", "c"), two_fields("a", "bc"));
  EXPECT_EQ(two_fields("ab", "c"), two_fields("ab", "c"));
}

TEST(HashTest, LabelKeyAndSizeEachSeparateDomains) {
  const auto data = as_bytes("same");
  std::set<Hash256> seen = {hash256(labels::object_id, data), hash256(labels::commit_id, data),
                            keyed_hash256(labels::object_id, secret_of(1), data),
                            keyed_hash256(labels::object_id, secret_of(2), data)};
  EXPECT_EQ(seen.size(), 4U);
  const auto longer = keyed_hash256(labels::nonce, secret_of(1), data);
  const auto shorter = keyed_hash192(labels::nonce, secret_of(1), {data});
  EXPECT_FALSE(std::equal(shorter.begin(), shorter.end(), longer.begin()));  // not a truncation
}

TEST(LabelsTest, EachHasOneUse) {
  using namespace labels;
  const std::vector<Label> all = {
      object_id,    commit_id,      record_id,        receipt_id,          device_id,   part_hash,      object_encrypt,
      object_nonce, commit_encrypt, epoch_commitment, reader_wrap,         nonce,       digest_chunk,   digest_content,
      digest_tree,  boundary_chunk, boundary_tree,    root_sign,           root_box,    root_transport, root_preshared,
      box_key,      box_commitment, password_key,     password_commitment, sign_commit, sign_record,    sign_receipt,
      sign_device,  sign_expiry,    expiry_id,        sign_enrol,          local_file};
  EXPECT_EQ(std::set<Label>(all.begin(), all.end()).size(), all.size());
}

}  // namespace
}  // namespace beffroi::crypto
