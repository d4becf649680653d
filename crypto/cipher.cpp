#include "crypto/cipher.h"

#include <openssl/evp.h>
#include <sodium.h>

#include <memory>

#include "crypto/assert.h"
#include "crypto/hash.h"
#include "crypto/sodium_init.h"

namespace beffroi::crypto {
namespace {

// The IETF construction's key and nonce for one message, derived from the extended 24-byte nonce (draft, section 2.3).
struct MessageKey {
  std::array<std::uint8_t, 32> subkey{};
  std::array<std::uint8_t, 12> nonce{};  // 0^4 ‖ nonce24[16..24]

  MessageKey(const SecretBytes& key, ByteView nonce24) {
    ensure_sodium();
    BEFFROI_ASSERT(key.size() == 32 && nonce24.size() == kNonceBytes);
    BEFFROI_ASSERT(crypto_core_hchacha20(subkey.data(), nonce24.data(), key.view().data(), nullptr) == 0);
    std::memcpy(nonce.data() + 4, nonce24.data() + 16, 8);
  }
  ~MessageKey() { wipe(subkey); }
  MessageKey(const MessageKey&) = delete;
  MessageKey& operator=(const MessageKey&) = delete;
};

// Fetched once: looking the algorithm up costs more than sealing a small message. Lives as long as the process.
const EVP_CIPHER* chacha20_poly1305() {
  static const EVP_CIPHER* const cipher = EVP_CIPHER_fetch(nullptr, "ChaCha20-Poly1305", nullptr);
  BEFFROI_ASSERT(cipher != nullptr);
  return cipher;
}

// One OpenSSL context per thread, lent for one message. Giving it back resets it, which wipes the key inside.
class CipherContext {
 public:
  CipherContext() {
    static thread_local const std::unique_ptr<EVP_CIPHER_CTX, decltype(&EVP_CIPHER_CTX_free)> per_thread(
        EVP_CIPHER_CTX_new(), &EVP_CIPHER_CTX_free);
    BEFFROI_ASSERT(per_thread != nullptr);
    context_ = per_thread.get();
  }
  ~CipherContext() { EVP_CIPHER_CTX_reset(context_); }
  CipherContext(const CipherContext&) = delete;
  CipherContext& operator=(const CipherContext&) = delete;
  EVP_CIPHER_CTX* get() const { return context_; }

 private:
  EVP_CIPHER_CTX* context_ = nullptr;
};

int int_size(ByteView view) {
  BEFFROI_ASSERT(view.size() <= kMaxMessageBytes);
  return static_cast<int>(view.size());
}

// Writes ciphertext(plaintext.size()) ‖ tag(16) to `out`.
void encrypt_into(const SecretBytes& key, ByteView nonce24, ByteView associated, ByteView plaintext,
                  std::uint8_t* out) {
  const MessageKey message(key, nonce24);
  const CipherContext context;
  int written = 0;
  BEFFROI_ASSERT(EVP_EncryptInit_ex2(context.get(), chacha20_poly1305(), message.subkey.data(), message.nonce.data(),
                                     nullptr) == 1);
  if (!associated.empty())
    BEFFROI_ASSERT(EVP_EncryptUpdate(context.get(), nullptr, &written, associated.data(), int_size(associated)) == 1);
  if (!plaintext.empty())
    BEFFROI_ASSERT(EVP_EncryptUpdate(context.get(), out, &written, plaintext.data(), int_size(plaintext)) == 1);
  BEFFROI_ASSERT(EVP_EncryptFinal_ex(context.get(), out + plaintext.size(), &written) == 1 && written == 0);
  BEFFROI_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_GET_TAG, kTagBytes, out + plaintext.size()) == 1);
}

// `ciphertext` ends with its tag. Writes the plaintext to `out`; false, with `out` to be wiped, when it isn't
// authentic.
bool decrypt_into(const SecretBytes& key, ByteView nonce24, ByteView associated, ByteView ciphertext,
                  std::uint8_t* out) {
  const MessageKey message(key, nonce24);
  const ByteView body = ciphertext.first(ciphertext.size() - kTagBytes);
  std::array<std::uint8_t, kTagBytes> tag{};
  std::memcpy(tag.data(), ciphertext.data() + body.size(), kTagBytes);
  const CipherContext context;
  int written = 0;
  BEFFROI_ASSERT(EVP_DecryptInit_ex2(context.get(), chacha20_poly1305(), message.subkey.data(), message.nonce.data(),
                                     nullptr) == 1);
  BEFFROI_ASSERT(EVP_CIPHER_CTX_ctrl(context.get(), EVP_CTRL_AEAD_SET_TAG, kTagBytes, tag.data()) == 1);
  if (!associated.empty())
    BEFFROI_ASSERT(EVP_DecryptUpdate(context.get(), nullptr, &written, associated.data(), int_size(associated)) == 1);
  if (!body.empty()) BEFFROI_ASSERT(EVP_DecryptUpdate(context.get(), out, &written, body.data(), int_size(body)) == 1);
  return EVP_DecryptFinal_ex(context.get(), tag.data(), &written) == 1;
}

// Poly1305 with a key that is used for many messages: no authenticator then, but a universal hash, whose values must
// stay secret. They do: only a keyed hash of them is ever seen.
class UniversalHash {
 public:
  UniversalHash() : context_(EVP_MAC_CTX_new(poly1305()), &EVP_MAC_CTX_free) { BEFFROI_ASSERT(context_ != nullptr); }

  void begin(const SecretBytes& nonce_key, std::uint8_t which) {
    Hash256 key = keyed_hash256(labels::nonce_hash, nonce_key, {&which, 1});
    BEFFROI_ASSERT(EVP_MAC_init(context_.get(), key.data(), key.size(), nullptr) == 1);
    wipe(key);
  }
  void update(ByteView data) { BEFFROI_ASSERT(EVP_MAC_update(context_.get(), data.data(), data.size()) == 1); }
  // Also wipes the key in the context.
  void finish(std::span<std::uint8_t, kTagBytes> out) {
    std::size_t written = 0;
    BEFFROI_ASSERT(EVP_MAC_final(context_.get(), out.data(), &written, out.size()) == 1 && written == kTagBytes);
  }

 private:
  static EVP_MAC* poly1305() {
    static EVP_MAC* const mac = EVP_MAC_fetch(nullptr, "POLY1305", nullptr);
    BEFFROI_ASSERT(mac != nullptr);
    return mac;
  }
  std::unique_ptr<EVP_MAC_CTX, decltype(&EVP_MAC_CTX_free)> context_;
};

std::array<std::uint8_t, kNonceBytes> siv_nonce(const SecretBytes& key, ByteView associated, ByteView plaintext) {
  // Both hashes take a piece while it is in the processor's cache.
  constexpr std::size_t kPieceBytes = std::size_t{64} * 1024;
  static thread_local std::array<UniversalHash, 2> hashes;
  for (std::uint8_t i = 0; i < hashes.size(); ++i) hashes[i].begin(key, i);
  for (ByteView rest = plaintext; !rest.empty();) {
    const ByteView piece = rest.first(std::min(rest.size(), kPieceBytes));
    for (UniversalHash& hash : hashes) hash.update(piece);
    rest = rest.subspan(piece.size());
  }
  std::array<std::uint8_t, 2 * kTagBytes> hashed{};
  for (std::size_t i = 0; i < hashes.size(); ++i)
    hashes[i].finish(std::span(hashed).subspan(i * kTagBytes).first<kTagBytes>());
  std::array<std::uint8_t, 8> associated_length{}, plaintext_length{};
  put_le64(associated_length.data(), associated.size());
  put_le64(plaintext_length.data(), plaintext.size());
  const auto nonce = keyed_hash192(labels::nonce, key, {associated_length, associated, plaintext_length, hashed});
  wipe(hashed);
  return nonce;
}

std::unexpected<Error> not_authentic() {
  return fail(ErrorCode::corrupt, N_("Sealed data is damaged, or was sealed with another key."));
}

}  // namespace

Bytes seal(const SealKeys& keys, ByteView associated, ByteView plaintext) {
  Bytes out;
  seal_append(keys, associated, plaintext, out);
  return out;
}

void seal_append(const SealKeys& keys, ByteView associated, ByteView plaintext, Bytes& out) {
  const auto nonce = siv_nonce(keys.nonce, associated, plaintext);
  const std::size_t start = out.size();
  out.resize(start + kSealOverheadBytes + plaintext.size());
  std::memcpy(out.data() + start, nonce.data(), kNonceBytes);
  encrypt_into(keys.encrypt, nonce, associated, plaintext, out.data() + start + kNonceBytes);
}

Result<Bytes> open(const SealKeys& keys, ByteView associated, ByteView sealed) {
  // The nonce isn't recomputed: the tag already covers everything, and a second hash would halve the speed of
  // restoring.
  if (sealed.size() < kSealOverheadBytes) return not_authentic();
  return aead_open(keys.encrypt, sealed.first(kNonceBytes), associated, sealed.subspan(kNonceBytes));
}

Result<std::span<std::uint8_t>> open_in_place(const SealKeys& keys, ByteView associated,
                                              std::span<std::uint8_t> sealed) {
  if (sealed.size() < kSealOverheadBytes || sealed.size() > kMaxMessageBytes) return not_authentic();
  const auto ciphertext = sealed.subspan(kNonceBytes);
  const auto plaintext = ciphertext.first(ciphertext.size() - kTagBytes);
  if (!decrypt_into(keys.encrypt, sealed.first(kNonceBytes), associated, ciphertext, plaintext.data())) {
    wipe(plaintext);
    return not_authentic();
  }
  return plaintext;
}

Bytes aead_seal(const SecretBytes& key, ByteView nonce24, ByteView associated, ByteView plaintext) {
  Bytes out(plaintext.size() + kTagBytes);
  encrypt_into(key, nonce24, associated, plaintext, out.data());
  return out;
}

Result<Bytes> aead_open(const SecretBytes& key, ByteView nonce24, ByteView associated, ByteView ciphertext) {
  if (ciphertext.size() < kTagBytes || ciphertext.size() > kMaxMessageBytes || associated.size() > kMaxMessageBytes)
    return not_authentic();
  Bytes out(ciphertext.size() - kTagBytes);
  if (!decrypt_into(key, nonce24, associated, ciphertext, out.data())) {
    wipe(out);
    return not_authentic();
  }
  return out;
}

}  // namespace beffroi::crypto
