// Rows of the tables of a space's log, commits, branches, receipts and expiries. Internal to SpaceStore.
#pragma once

#include "storage/store/keys.h"
#include "storage/store/space_store.h"

namespace beffroi::storage {

/// Kinds of rows in Table::receipts, behind the space.
inline constexpr std::array<std::uint8_t, 1> kReceiptRow = {0};       ///< ‖ be64 counter → encoded receipt
inline constexpr std::array<std::uint8_t, 1> kReceiptOfCommit = {1};  ///< ‖ commit id → be64 counter
inline constexpr std::array<std::uint8_t, 1> kExpiryRow = {2};        ///< ‖ be64 counter → encoded expiry
inline constexpr std::array<std::uint8_t, 1> kExpiryOfCommit = {3};   ///< ‖ commit id → be64 counter
inline constexpr std::array<std::uint8_t, 1> kLossRow = {4};          ///< ‖ be64 place → encoded loss
inline constexpr std::array<std::uint8_t, 1> kLostReceipt = {5};      ///< ‖ be64 place ‖ be64 counter → encoded receipt
inline constexpr std::array<std::uint8_t, 1> kLostExpiry = {6};       ///< ‖ be64 place ‖ be64 counter → encoded expiry

/// ErrorCode::corrupt, for a row that is none.
inline std::unexpected<Error> damaged_row() {
  return fail(ErrorCode::corrupt, N_("The local store's list of snapshots is damaged. Check the disk."));
}
/// A row of Table::branches.
Result<BranchHead> decode_branch(ByteView key, ByteView value);

}  // namespace beffroi::storage
