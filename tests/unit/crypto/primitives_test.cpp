// The primitives that are relied on, against the vectors of their own specifications: a library that is built or linked
// wrongly must not get as far as sealing anything.
#include <openssl/evp.h>
#include <sodium.h>

#include "crypto/box.h"
#include "crypto/cipher.h"
#include "crypto/hash.h"
#include "crypto/sign.h"
#include "vectors.h"

namespace beffroi::crypto {
namespace {

const nlohmann::json& official() {
  static const auto vectors = load_vectors("official.json");
  return vectors;
}

TEST(PrimitivesTest, Blake2bGivesTheRfcsDigests) {
  for (const auto& vector : official()["blake2b_512"]) {
    const Bytes key = hex(vector["key"]);
    const Bytes input = hex(vector["input"]);
    Bytes output(64);
    ASSERT_EQ(crypto_generichash_blake2b(output.data(), 64, input.data(), input.size(), key.data(), key.size()), 0);
    EXPECT_EQ(output, hex(vector["output"])) << vector["source"];
  }
}

TEST(PrimitivesTest, SipHashGivesThePapersValues) {
  const auto& vectors = official()["siphash24"];
  for (const auto& [length, output] : vectors["outputs"].items()) {
    Bytes input(std::stoul(length));
    for (std::size_t i = 0; i < input.size(); ++i) input[i] = static_cast<std::uint8_t>(i);
    EXPECT_EQ(siphash24(hex(vectors["key"]), input), std::stoull(output.get<std::string>(), nullptr, 16)) << length;
  }
}

TEST(PrimitivesTest, HChaCha20GivesTheDraftsSubkey) {
  const auto& vector = official()["hchacha20"];
  Bytes output(32);
  ASSERT_EQ(crypto_core_hchacha20(output.data(), hex(vector["nonce"]).data(), hex(vector["key"]).data(), nullptr), 0);
  EXPECT_EQ(output, hex(vector["output"]));
}

TEST(PrimitivesTest, OurXChaCha20Poly1305GivesTheDraftsCiphertext) {
  const auto& vector = official()["xchacha20_poly1305"];
  Bytes expected = hex(vector["ciphertext"]);
  for (const std::uint8_t byte : hex(vector["tag"])) expected.push_back(byte);
  EXPECT_EQ(aead_seal(secret(vector["key"]), hex(vector["nonce"]), hex(vector["associated"]), hex(vector["plaintext"])),
            expected);
  const auto opened = aead_open(secret(vector["key"]), hex(vector["nonce"]), hex(vector["associated"]), expected);
  ASSERT_TRUE(opened.has_value());
  EXPECT_EQ(*opened, hex(vector["plaintext"]));
}

TEST(PrimitivesTest, OpenSslsChaCha20Poly1305GivesTheRfcsCiphertext) {
  const auto& vector = official()["chacha20_poly1305"];
  const Bytes plaintext = hex(vector["plaintext"]);
  const Bytes associated = hex(vector["associated"]);
  const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> context(EVP_CIPHER_CTX_new(),
                                                                                &EVP_CIPHER_CTX_free);
  Bytes output(plaintext.size());
  Bytes tag(16);
  int written = 0;
  ASSERT_EQ(EVP_EncryptInit_ex(context.get(), EVP_chacha20_poly1305(), nullptr, hex(vector["key"]).data(),
                               hex(vector["nonce"]).data()),
            1);
  EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(), static_cast<int>(associated.size()));
  EVP_EncryptUpdate(context.get(), output.data(), &written, plaintext.data(), static_cast<int>(plaintext.size()));
  EVP_EncryptFinal_ex(context.get(), output.data(), &written);
  ASSERT_EQ(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, 16, tag.data()), 1);
  EXPECT_EQ(output, hex(vector["ciphertext"]));
  EXPECT_EQ(tag, hex(vector["tag"]));
}

TEST(PrimitivesTest, OpenSslsPoly1305GivesTheRfcsTagWhateverTheContextDidBefore) {
  const auto& vector = official()["poly1305"];
  const Bytes message = hex(vector["message"]);
  const std::unique_ptr<EVP_MAC, decltype(&EVP_MAC_free)> mac(EVP_MAC_fetch(nullptr, "POLY1305", nullptr),
                                                              &EVP_MAC_free);
  const std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context(EVP_MAC_CTX_new(mac.get()),
                                                                          &EVP_MAC_CTX_free);
  const auto tag_of = [&](const Bytes& key, ByteView data) {
    Bytes out(16);
    std::size_t written = 0;
    EXPECT_EQ(EVP_MAC_init(context.get(), key.data(), key.size(), nullptr), 1);
    if (!data.empty()) EXPECT_EQ(EVP_MAC_update(context.get(), data.data(), data.size()), 1);
    EXPECT_EQ(EVP_MAC_final(context.get(), out.data(), &written, out.size()), 1);
    EXPECT_EQ(written, out.size());
    return out;
  };
  EXPECT_EQ(tag_of(hex(vector["key"]), message), hex(vector["tag"]));
  // Of no bytes it is the second half of the key.
  EXPECT_EQ(tag_of(Bytes(32, 7), {}), Bytes(16, 7));
  EXPECT_EQ(tag_of(hex(vector["key"]), message), hex(vector["tag"]));
  // One that was given up half-way leaves nothing behind.
  ASSERT_EQ(EVP_MAC_init(context.get(), Bytes(32, 9).data(), 32, nullptr), 1);
  ASSERT_EQ(EVP_MAC_update(context.get(), message.data(), message.size()), 1);
  EXPECT_EQ(tag_of(hex(vector["key"]), message), hex(vector["tag"]));
}

TEST(PrimitivesTest, Ed25519GivesTheRfcsSignatures) {
  for (const auto& vector : official()["ed25519"]) {
    const auto key = SigningKeyPair::from_seed(secret(vector["seed"]));
    EXPECT_EQ(to_bytes(key.public_key), hex(vector["public"])) << vector["source"];
    const Bytes message = hex(vector["message"]);
    Bytes signature(64);
    crypto_sign_ed25519_detached(signature.data(), nullptr, message.data(), message.size(),
                                 key.secret_key.view().data());
    EXPECT_EQ(signature, hex(vector["signature"])) << vector["source"];
  }
}

TEST(PrimitivesTest, X25519GivesTheRfcsPoints) {
  for (const auto& vector : official()["x25519"]) {
    Bytes output(32);
    ASSERT_EQ(crypto_scalarmult_curve25519(output.data(), hex(vector["scalar"]).data(), hex(vector["point"]).data()),
              0);
    EXPECT_EQ(output, hex(vector["output"])) << vector["source"];
  }
  // Alice's key of section 6.1 through our own type.
  const auto& alice = official()["x25519"][1];
  EXPECT_EQ(to_bytes(BoxKeyPair::from_seed(secret(alice["scalar"])).public_key), hex(alice["output"]));
}

}  // namespace
}  // namespace beffroi::crypto
