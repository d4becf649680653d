#include "daemon/net/tls_context.h"

#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

namespace beffroi::daemon {
namespace {

// "beffroi/1", as ALPN writes it (RFC 7301): the length before the name.
constexpr std::array<unsigned char, 10> kProtocol = {9, 'b', 'e', 'f', 'f', 'r', 'o', 'i', '/', '1'};
// A certificate of ours has some 250 bytes.
constexpr long kMaxCertificateBytes = 4096;

template <auto Free>
struct Deleter {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using Key = std::unique_ptr<EVP_PKEY, Deleter<EVP_PKEY_free>>;
using Certificate = std::unique_ptr<X509, Deleter<X509_free>>;
using Context = std::unique_ptr<SSL_CTX, Deleter<SSL_CTX_free>>;

std::optional<crypto::TransportPublicKey> certificate_key(const X509* certificate) {
  EVP_PKEY* const key = certificate == nullptr ? nullptr : X509_get0_pubkey(certificate);
  if (key == nullptr || EVP_PKEY_get_id(key) != EVP_PKEY_ED25519) return std::nullopt;
  crypto::TransportPublicKey out;
  std::size_t size = out.data.size();
  if (EVP_PKEY_get_raw_public_key(key, out.data.data(), &size) != 1 || size != out.data.size()) return std::nullopt;
  return out;
}

// The dates mean nothing: clocks of town halls are wrong, and a key is valid as long as the log says so.
Certificate self_signed(EVP_PKEY* key) {
  Certificate out(X509_new());
  if (!out) return {};
  X509_NAME* const name = X509_get_subject_name(out.get());
  const auto* const common_name = reinterpret_cast<const unsigned char*>("beffroi");
  const bool made = X509_set_version(out.get(), X509_VERSION_3) == 1 &&
                    ASN1_INTEGER_set(X509_get_serialNumber(out.get()), 1) == 1 &&
                    ASN1_TIME_set_string(X509_getm_notBefore(out.get()), "20000101000000Z") == 1 &&
                    ASN1_TIME_set_string(X509_getm_notAfter(out.get()), "99991231235959Z") == 1 &&
                    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, common_name, -1, -1, 0) == 1 &&
                    X509_set_issuer_name(out.get(), name) == 1 && X509_set_pubkey(out.get(), key) == 1 &&
                    X509_sign(out.get(), key, nullptr) > 0;
  return made ? std::move(out) : Certificate();
}

// Replaces OpenSSL's own verification of chains, names and dates. That the other side has the key, the handshake
// proves.
int verify_certificate(X509_STORE_CTX* store, void* argument) {
  if (static_cast<const TlsContext*>(argument)->admits(X509_STORE_CTX_get0_cert(store))) return 1;
  X509_STORE_CTX_set_error(store, X509_V_ERR_CERT_REJECTED);
  return 0;
}

int select_protocol(SSL*, const unsigned char** out, unsigned char* out_size, const unsigned char* offered,
                    unsigned int offered_size, void*) {
  unsigned char* chosen = nullptr;
  if (SSL_select_next_proto(&chosen, out_size, kProtocol.data(), kProtocol.size(), offered, offered_size) !=
      OPENSSL_NPN_NEGOTIATED)
    return SSL_TLSEXT_ERR_ALERT_FATAL;
  *out = chosen;
  return SSL_TLSEXT_ERR_OK;
}

bool configure(SSL_CTX* context, TlsSide side, EVP_PKEY* key) {
  const Certificate certificate = self_signed(key);
  if (!certificate) return false;
  SSL_CTX_set_options(context, SSL_OP_NO_TICKET | SSL_OP_NO_COMPRESSION | SSL_OP_NO_RENEGOTIATION);
  SSL_CTX_set_session_cache_mode(context, SSL_SESS_CACHE_OFF);
  SSL_CTX_set_verify(context, SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT, nullptr);
  SSL_CTX_set_max_cert_list(context, kMaxCertificateBytes);
  if (side == TlsSide::listener)
    SSL_CTX_set_alpn_select_cb(context, select_protocol, nullptr);
  else if (SSL_CTX_set_alpn_protos(context, kProtocol.data(), kProtocol.size()) != 0)
    return false;
  return SSL_CTX_set_min_proto_version(context, TLS1_3_VERSION) == 1 &&
         SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1 && SSL_CTX_set_num_tickets(context, 0) == 1 &&
         SSL_CTX_set_max_early_data(context, 0) == 1 && SSL_CTX_set1_sigalgs_list(context, "ed25519") == 1 &&
         SSL_CTX_use_certificate(context, certificate.get()) == 1 && SSL_CTX_use_PrivateKey(context, key) == 1;
}

std::unexpected<Error> no_tls() {
  return fail(ErrorCode::io, N_("The computer's OpenSSL library cannot set up TLS 1.3 with Ed25519 keys."));
}

}  // namespace

TlsContext::TlsContext(asio::ssl::context context, AdmitKey admit)
    : context_(std::move(context)), admit_(std::move(admit)) {}

Result<std::shared_ptr<TlsContext>> TlsContext::make(TlsSide side, const crypto::SecretBytes& transport_seed,
                                                     AdmitKey admit) {
  const Key key(
      EVP_PKEY_new_raw_private_key(EVP_PKEY_ED25519, nullptr, transport_seed.view().data(), transport_seed.size()));
  Context context(SSL_CTX_new(TLS_method()));
  if (!key || !context || !configure(context.get(), side, key.get())) return no_tls();
  SSL_CTX* const handle = context.get();
  // Asio's context takes the handle over.
  std::shared_ptr<TlsContext> out(new TlsContext(asio::ssl::context(context.release()), std::move(admit)));
  SSL_CTX_set_cert_verify_callback(handle, verify_certificate, out.get());
  return out;
}

bool TlsContext::admits(const void* certificate) const {
  const auto key = certificate_key(static_cast<const X509*>(certificate));
  return key && admit_(*key);
}

std::optional<crypto::TransportPublicKey> proven_key(const void* ssl) {
  const auto* const handle = static_cast<const SSL*>(ssl);
  const unsigned char* protocol = nullptr;
  unsigned int size = 0;
  SSL_get0_alpn_selected(handle, &protocol, &size);
  if (SSL_version(handle) != TLS1_3_VERSION || size != kProtocol[0] ||
      !std::equal(protocol, protocol + size, kProtocol.begin() + 1))
    return std::nullopt;
  return certificate_key(SSL_get0_peer_certificate(handle));
}

}  // namespace beffroi::daemon
