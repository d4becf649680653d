// All synced folders of a station: ShareControl over one ShareKeeper each.
#pragma once

#include "daemon/share/share_keeper.h"

namespace beffroi::daemon {

/// For the protocol thread. Tells the station's shares that it is their control.
class ShareRunner final : public ShareControl {
 public:
  explicit ShareRunner(StationContext& station);
  ~ShareRunner() override;
  /// Begins with all shares that this station is in.
  void start();

  asio::awaitable<Result<void>> prepare(std::string folder, storage::SpaceId space) override;
  void begin(storage::SpaceId space) override;
  asio::awaitable<void> end(storage::SpaceId space) override;
  void look(storage::SpaceId space) override;
  asio::awaitable<Result<ShareCycle>> sync_now(storage::SpaceId space) override;
  asio::awaitable<Result<ShareCycle>> resume(storage::SpaceId space) override;
  asio::awaitable<Result<std::uint64_t>> undo(storage::SpaceId space) override;
  asio::awaitable<Result<PartChange>> fetch(storage::SpaceId space, std::set<std::string> paths) override;
  asio::awaitable<Result<PartChange>> free(storage::SpaceId space, std::set<std::string> paths) override;
  Result<ShareStatus> status(const storage::SpaceId& space) const override;

 private:
  Result<std::shared_ptr<ShareKeeper>> find(const storage::SpaceId& space) const;
  asio::awaitable<void> wait_for_end();

  StationContext& station_;
  Pool folders_;  ///< cycles: before the keepers, which use it
  std::map<storage::SpaceId, std::shared_ptr<ShareKeeper>> keepers_;
};

}  // namespace beffroi::daemon
