// A database that lives in memory: quick, and gone with its owner. reopen() is a clean restart.
#pragma once

#include <rocksdb/env.h>

#include "storage/store/database.h"

namespace beffroi::storage::testing {

class MemoryDatabase {
 public:
  MemoryDatabase() : env_(rocksdb::NewMemEnv(rocksdb::Env::Default())) { reopen(); }
  Database& operator*() { return *database_; }
  Database* operator->() { return database_.get(); }
  /// Throws when it does not open.
  void reopen() {
    database_.reset();
    database_ =
        Database::open("/memory", {.cache_bytes = 1024 * 1024, .memtable_bytes = 4 * 1024 * 1024, .env = env_.get()})
            .value();
  }

 private:
  std::unique_ptr<rocksdb::Env> env_;
  std::unique_ptr<Database> database_;
};

}  // namespace beffroi::storage::testing
