// A station's vault in a temporary folder, founded by the real ceremony with seeded keys.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "crypto/assert.h"
#include "daemon/vault/vault.h"

namespace beffroi::daemon::testing {

/// A folder that is removed with all that is in it. Its path stays below 100 bytes.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "beffroi-test-XXXXXX").string();
    BEFFROI_ASSERT(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

/// What a founded vault and its root are made of. The root's keys are here because tests play the person with the kit.
class TestVault {
 public:
  explicit TestVault(std::uint64_t seed = 1, rocksdb::Env* disk = nullptr)
      : env(disk), random(seed), root(crypto::DeviceKeys::root_from_kit(crypto::SecretBytes::random(32, random))) {
    reopen();
    if (!vault->founded()) found();
  }

  /// Signs and takes the founding records, as `beffroi init` does.
  void found() {
    auto request = vault->device_request();
    BEFFROI_ASSERT(request.has_value());
    auto records = storage::found_vault(root, *request, "Mairie d'Essai", clock.now(), random);
    BEFFROI_ASSERT(records.has_value());
    const auto founded = vault->found(*records);
    BEFFROI_ASSERT(founded.has_value());
  }

  /// Closes the vault and opens it again, as a restart does.
  void reopen() {
    vault.reset();
    auto opened = Vault::open(data_folder(), clock, random, {.env = env});
    BEFFROI_ASSERT(opened.has_value());
    vault = std::move(*opened);
  }

  std::string data_folder() const { return folder.path() + "/data"; }
  Vault& operator*() { return *vault; }
  Vault* operator->() { return vault.get(); }

  rocksdb::Env* env;
  TemporaryFolder folder;
  ManualClock clock;
  crypto::SeededRandom random;
  crypto::DeviceKeys root;
  std::unique_ptr<Vault> vault;
};

/// A peer that signs what it is asked to: a chain of receipts.
class TestPeer {
 public:
  explicit TestPeer(std::uint64_t seed = 77) : random_(seed), sign_(crypto::SigningKeyPair::generate(random_)) {}

  PeerBinding binding() const {
    return {.peer = {.transport = {}, .sign = sign_.public_key}, .address = "peer.example:8440"};
  }
  /// The next receipt of the chain, encoded.
  Bytes receipt(const storage::Commit& commit) {
    storage::Receipt next;
    next.space = commit.clear.space;
    next.counter = ++counter_;
    next.previous = previous_;
    next.commit = commit.id;
    next.log_head = commit.clear.log_head;
    next.peer_time = {1'800'000'000 + static_cast<std::int64_t>(counter_)};
    Bytes encoded = storage::make_receipt(next, sign_);
    previous_ = next.id;
    return encoded;
  }
  /// Forgets the last `receipts` of the chain that it signed: a fork or rollback. `id` is the receipt before them.
  void roll_back(std::uint64_t counter, std::optional<storage::ReceiptId> id) {
    counter_ = counter;
    previous_ = id;
  }

 private:
  crypto::SeededRandom random_;
  crypto::SigningKeyPair sign_;
  std::uint64_t counter_ = 0;
  std::optional<storage::ReceiptId> previous_;
};

}  // namespace beffroi::daemon::testing
