// What a record changes, once the rules allow it. Internal to the log.
#pragma once

#include "storage/space/log.h"

namespace beffroi::storage {

struct LogChanges {
  /// Precondition: check_genesis or check_rules allowed it; it is about to take position log.records().size(). Can't
  /// fail.
  static void apply(SpaceLog& log, const Record& record);

 private:
  static void change(SpaceLog& log, const GenesisBody& body);
  static void change(SpaceLog& log, const MemberBody& body);
  static void change(SpaceLog& log, const DeviceBody& body);
  static void change(SpaceLog& log, const RemovalBody& body);
  static void change(SpaceLog& log, const EpochBody& body);
  static void change(SpaceLog& log, const RetentionBody& body);
  static void change(SpaceLog& log, const PinBody& body);
  static void change(SpaceLog& log, const HomeBody& body);
  static void change(SpaceLog& log, const HandoverBody& body);
  static void change(SpaceLog& log, const CancelBody& body);
  static void change(SpaceLog& log, const SettingsBody& body);
  // Statements about commits: they bind the peer and stay in the log, but change nothing of it.
  static void change(SpaceLog&, const RecoveryBody&) {}
  static void change(SpaceLog&, const DeletionBody&) {}

  static void use_keys(SpaceLog& log, const crypto::DevicePublic& keys);
  static void cut(SpaceLog& log, const LastCommit& end);
  static void enthrone(SpaceLog& log, const crypto::DevicePublic& root);
};

}  // namespace beffroi::storage
