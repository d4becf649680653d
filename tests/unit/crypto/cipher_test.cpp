#include "crypto/cipher.h"

#include <sodium.h>

#include <set>
#include <thread>

#include "vectors.h"

namespace beffroi::crypto {
namespace {

SealKeys keys_of(std::uint8_t encrypt, std::uint8_t nonce) { return {secret_of(encrypt), secret_of(nonce)}; }

TEST(CipherTest, GivesTheCommittedSealedBytes) {
  const auto vectors = load_vectors("composed.json");
  for (const auto& vector : vectors["seal"]) {
    const SealKeys keys{secret(vector["encrypt"]), secret(vector["nonce"])};
    EXPECT_EQ(seal(keys, hex(vector["associated"]), hex(vector["plaintext"])), hex(vector["sealed"]));
    const auto opened = open(keys, hex(vector["associated"]), hex(vector["sealed"]));
    ASSERT_TRUE(opened.has_value());
    EXPECT_EQ(*opened, hex(vector["plaintext"]));
  }
}

TEST(CipherTest, RefusesTheMalformedVectors) {
  const auto vectors = load_vectors("composed.json");
  const auto& good = vectors["seal"][0];
  const SealKeys keys{secret(good["encrypt"]), secret(good["nonce"])};
  for (const auto& vector : vectors["malformed"]["seal"])
    EXPECT_EQ(error_name(open(keys, hex(good["associated"]), hex(vector["sealed"]))),
              vector["error"].get<std::string>())
        << vector["why"];
}

TEST(CipherTest, AgreesWithLibsodiumAtEverySize) {
  // OpenSSL does the bulk; libsodium's own XChaCha20-Poly1305 is the oracle.
  SeededRandom random(5);
  const SecretBytes key = SecretBytes::random(32, random);
  for (std::size_t size = 0; size < 4000; size = size * 5 / 4 + 1) {
    Bytes plaintext(size);
    Bytes associated(random.below(100));
    Bytes nonce(kNonceBytes);
    random.fill(plaintext);
    random.fill(associated);
    random.fill(nonce);
    Bytes expected(size + kTagBytes);
    crypto_aead_xchacha20poly1305_ietf_encrypt(expected.data(), nullptr, plaintext.data(), size, associated.data(),
                                               associated.size(), nullptr, nonce.data(), key.view().data());
    EXPECT_EQ(aead_seal(key, nonce, associated, plaintext), expected) << size;
    const auto opened = aead_open(key, nonce, associated, expected);
    ASSERT_TRUE(opened.has_value()) << size;
    EXPECT_EQ(*opened, plaintext);
  }
}

TEST(CipherTest, SealingIsDeterministicAndItsNonceDependsOnEverything) {
  const SealKeys keys = keys_of(1, 2);
  const auto nonce_of = [](const Bytes& sealed) { return Bytes(sealed.begin(), sealed.begin() + kNonceBytes); };
  const Bytes sealed = seal(keys, as_bytes("head"), as_bytes("body"));
  EXPECT_EQ(sealed, seal(keys, as_bytes("head"), as_bytes("body")));
  EXPECT_NE(nonce_of(sealed), nonce_of(seal(keys, as_bytes("head"), as_bytes("bodz"))));
  EXPECT_NE(nonce_of(sealed), nonce_of(seal(keys, as_bytes("hea"), as_bytes("dbody"))));
  EXPECT_NE(nonce_of(sealed), nonce_of(seal(keys_of(1, 3), as_bytes("head"), as_bytes("body"))));
  EXPECT_EQ(nonce_of(sealed), nonce_of(seal(keys_of(9, 2), as_bytes("head"), as_bytes("body"))));
}

TEST(CipherTest, GivesTheCommittedNoncesAtEverySize) {
  for (const auto& vector : load_vectors("composed.json")["siv_nonce"]) {
    Bytes plaintext(vector["size"].get<std::size_t>());
    SeededRandom(vector["seed"].get<std::uint64_t>()).fill(plaintext);
    const Bytes sealed = seal({secret_of(1), secret(vector["nonce"])}, hex(vector["associated"]), plaintext);
    EXPECT_EQ(Bytes(sealed.begin(), sealed.begin() + kNonceBytes), hex(vector["output"])) << plaintext.size();
  }
}

TEST(CipherTest, TheNonceChangesWithEveryBitAndWithWhereTheBytesStand) {
  const SealKeys keys = keys_of(1, 2);
  std::set<Bytes> nonces;
  std::size_t sealed = 0;
  const auto take = [&](ByteView associated, ByteView plaintext) {
    const Bytes out = seal(keys, associated, plaintext);
    nonces.emplace(out.begin(), out.begin() + kNonceBytes);
    ++sealed;
  };
  // Longer than one piece, and the last block is short. Bits are taken from the end, so that both change.
  Bytes associated(20);
  Bytes plaintext(64 * 1024 + 21);
  SeededRandom(6).fill(plaintext);
  take(associated, plaintext);
  for (Bytes* const part : {&associated, &plaintext}) {
    const std::size_t step = part->size() < 1000 ? 1 : 8191;
    for (std::size_t left = part->size() * 8; left > 0; left -= std::min(left, step)) {
      const std::size_t bit = left - 1;
      auto& byte = (*part)[bit / 8];
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
      take(associated, plaintext);
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
    }
  }
  // The same bytes, of which more and more are plaintext.
  const Bytes bytes(40);
  for (std::size_t at = 0; at <= bytes.size(); ++at) take(ByteView(bytes).first(at), ByteView(bytes).subspan(at));
  // And zeros alone, of every length.
  for (std::size_t size = 1; size < 40; ++size) take({}, Bytes(size));
  EXPECT_EQ(nonces.size(), sealed);
}

TEST(CipherTest, AnyFlippedBitIsRefused) {
  const SealKeys keys = keys_of(1, 2);
  Bytes associated = to_bytes(as_bytes("head"));
  Bytes sealed = seal(keys, associated, as_bytes("the body"));
  for (Bytes* const part : {&associated, &sealed})
    for (std::size_t bit = 0; bit < part->size() * 8; ++bit) {
      auto& byte = (*part)[bit / 8];
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
      EXPECT_EQ(error_name(open(keys, associated, sealed)), "corrupt") << bit;
      byte = static_cast<std::uint8_t>(byte ^ 1U << bit % 8);
    }
  EXPECT_TRUE(open(keys, associated, sealed).has_value());
}

TEST(CipherTest, AnotherKeyOpensNothing) {
  const Bytes sealed = seal(keys_of(1, 2), {}, as_bytes("body"));
  EXPECT_EQ(error_name(open(keys_of(3, 2), {}, sealed)), "corrupt");
}

TEST(CipherTest, AppendLeavesWhatIsInFrontAlone) {
  Bytes out = {1, 2, 3};
  seal_append(keys_of(1, 2), as_bytes("head"), as_bytes("body"), out);
  const Bytes sealed = seal(keys_of(1, 2), as_bytes("head"), as_bytes("body"));
  ASSERT_EQ(out.size(), 3 + sealed.size());
  EXPECT_EQ(Bytes(out.begin(), out.begin() + 3), (Bytes{1, 2, 3}));
  EXPECT_EQ(Bytes(out.begin() + 3, out.end()), sealed);
}

TEST(CipherTest, ThreadsDoNotDisturbEachOther) {
  const SealKeys keys = keys_of(1, 2);
  const auto work = [&keys](std::uint64_t seed, bool& ok) {
    SeededRandom random(seed);
    ok = true;
    for (int i = 0; i < 300; ++i) {
      Bytes plaintext(random.below(5000));
      random.fill(plaintext);
      const auto opened = open(keys, {}, seal(keys, {}, plaintext));
      ok = ok && opened && *opened == plaintext;
    }
  };
  std::array<bool, 4> ok{};
  {
    std::vector<std::jthread> threads;
    for (std::size_t i = 0; i < ok.size(); ++i) threads.emplace_back(work, i, std::ref(ok[i]));
  }
  for (const bool one : ok) EXPECT_TRUE(one);
}

}  // namespace
}  // namespace beffroi::crypto
