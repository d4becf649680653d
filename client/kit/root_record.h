// A record of the vault's log that needs the kit: its words are read, the record is signed here, and the root is gone
// again. The service gets the record alone.
#pragma once

#include <functional>
#include <nlohmann/json_fwd.hpp>

#include "client/kit/kit_reading.h"
#include "client/session.h"
#include "storage/space/ceremony.h"

namespace beffroi::client {

/// Makes the record that follows the log's head.
using RootRecord =
    std::function<Result<Bytes>(const crypto::DeviceKeys& root, const storage::SpaceLog& log, storage::UnixTime clock)>;

/// Reads the kit from `kit_file` (as read_kit), compares it with the vault's log from its genesis, signs, and hands the
/// record to the service; signs anew, kSignTries times at most, when the log has grown meanwhile. Gives the service's
/// answer, with "corrections" and "corrected_words". refused: the kit is of another vault; else the errors of read_kit,
/// of `make` and of the service.
Result<nlohmann::json> sign_as_root(Session& session, const std::string& kit_file, const RootRecord& make);
inline constexpr int kSignTries = 3;

/// For what else the root signs than a record of the vault's log: reads the kit and compares it in the same way, and
/// puts "corrections" and "corrected_words" into `answer`, an object.
Result<crypto::DeviceKeys> root_of_vault(Session& session, const std::string& kit_file, nlohmann::json& answer);
/// Says that the kit's words should not stay on this machine; nothing when they were typed.
void say_delete_kit(const Session& session, const std::string& path);

/// Says which words of the kit were wrong, to the person at the screen only; gives their positions.
nlohmann::json name_corrections(const Session& session, const crypto::KitReading& reading);

/// Where the kit's words lie on this machine, absolute; empty when they were typed.
Result<std::string> kit_on_disk(const std::string& kit_file);

}  // namespace beffroi::client
