#include "daemon/service/config.h"

#include <gtest/gtest.h>

#include <fstream>

#include "tests/support/test_vault.h"

namespace beffroi::daemon {
namespace {

using testing::TemporaryFolder;

class ConfigTest : public ::testing::Test {
 protected:
  std::string write(const std::string& text) {
    const std::string path = folder_.path() + "/config.toml";
    std::ofstream(path) << text;
    return path;
  }
  Result<StationSettings> station(const std::string& text) {
    return load_station_settings({.config = write(text)}, account_);
  }
  Result<PeerSettings> peer(const std::string& text) { return load_peer_settings({.config = write(text)}, account_); }

  TemporaryFolder folder_;
  Account account_{.is_root = false, .is_service = true, .home = "/home/anna", .runtime_folder = "/run/user/1000"};
};

// Goal: every mistake is refused with file, line and key in one sentence.
TEST_F(ConfigTest, NamesEveryMistakeWithItsLine) {
  struct Case {
    const char* text;
    const char* line;
    const char* key;
  };
  const Case cases[] = {
      {"[station]\ndata_dir = \"/x\"\n", "2", "station.data_dir"},
      {"[stations]\ndata = \"/x\"\n", "1", "stations"},
      {"[station]\ndata = 3\n", "2", "station.data"},
      {"\n\n[schedule]\nenabled = \"yes\"\n", "4", "schedule.enabled"},
      {"[schedule]\nat = \"24:00\"\n", "2", "schedule.at"},
      {"[schedule]\nat = \"22h30\"\n", "2", "schedule.at"},
      {"[sync]\nupload_limit = \"quick\"\n", "2", "sync.upload_limit"},
      {"[sync]\nupload_limit = \"1 kB\"\n", "2", "sync.upload_limit"},
      {"[backup]\nyield_hours = \"always\"\n", "2", "backup.yield_hours"},
      {"[sync]\nupload_limit_hours = \"8-18\"\n", "2", "sync.upload_limit_hours"},
      {"[schedule]\nrandom_delay_min = -1\n", "2", "schedule.random_delay_min"},
      {"[schedule]\nrandom_delay_min = 100000\n", "2", "schedule.random_delay_min"},
      {"[store]\nmin_free = \"95%\"\n", "2", "store.min_free"},
      {"[store]\nmin_free = \"much\"\n", "2", "store.min_free"},
      {"[store]\nmax_size = \"-1 GB\"\n", "2", "store.max_size"},
      {"[store]\nmax_size = \"64MiB\"\n", "2", "store.max_size"},
      {"[backup]\nthreads = 1000\n", "2", "backup.threads"},
      {"[peer]\nlisten = \"x\"\n", "1", "peer"},
  };
  for (const Case& c : cases) {
    const auto settings = station(c.text);
    ASSERT_FALSE(settings.has_value()) << c.text;
    EXPECT_EQ(settings.error().code, ErrorCode::usage);
    ASSERT_EQ(settings.error().args.size(), 3U) << settings.error().message();
    EXPECT_EQ(settings.error().args[1], c.line) << c.text;
    EXPECT_EQ(settings.error().args[2], c.key) << c.text;
  }
  const auto broken = station("[station\n");
  ASSERT_FALSE(broken.has_value());
  EXPECT_EQ(broken.error().args[1], "1");
}

TEST_F(ConfigTest, ReadsEveryKey) {
  const auto settings = station(
      "[station]\ndata = \"/d\"\nsocket = \"/s\"\nadmin_group = \"g\"\nlog_level = \"debug\"\n"
      "[schedule]\nenabled = false\nat = \"01:05\"\nrandom_delay_min = 7\n"
      "[store]\nmax_size = \"200 Go\"\nmin_free = \"20GiB\"\n[alarm]\ncommand = \"/bin/ring\"\n"
      "[backup]\nthreads = 3\npartial_step = \"1 MiB\"\nyield_hours = \"09:00-12:00\"\n"
      "[sync]\nupload_limit = \"100 kB\"\nupload_limit_hours = \"19:30-06:15\"\n");
  ASSERT_TRUE(settings.has_value()) << settings.error().message();
  EXPECT_EQ(settings->data, "/d");
  EXPECT_EQ(settings->socket, "/s");
  EXPECT_EQ(settings->admin_group, "g");
  EXPECT_EQ(settings->log_level, "debug");
  EXPECT_FALSE(settings->schedule.enabled);
  EXPECT_EQ(settings->schedule.at_minute, 65U);
  EXPECT_EQ(settings->schedule.random_delay_min, 7U);
  EXPECT_EQ(settings->limits.max_bytes, 200'000'000'000U);
  EXPECT_EQ(settings->limits.min_free_bytes, 20ULL << 30);
  EXPECT_EQ(settings->alarm_command, "/bin/ring");
  EXPECT_EQ(settings->threads, 3U);
  EXPECT_EQ(settings->partial_step_bytes, 1U << 20);
  EXPECT_EQ(settings->yield_hours.value().until, 720U);
  EXPECT_EQ(settings->upload_limit.kind, UploadLimit::Kind::fixed);
  EXPECT_EQ(settings->upload_limit.bytes_per_second, 100'000U);
  EXPECT_EQ(settings->upload_limit.hours.from, 19U * 60 + 30);
  EXPECT_EQ(settings->upload_limit.hours.until, 6U * 60 + 15);

  const auto host = peer(
      "[peer]\ndata = \"/d\"\nsocket = \"/s\"\nlisten = \"[::]:1\"\naddress = \"a:2\"\ncontact = \"c\"\nadmin_group = "
      "\"g\"\n"
      "log_level = \"error\"\n[store]\nmin_free = \"5%\"\n[alarm]\ncommand = \"c\"\nsilent_days = 9\n");
  ASSERT_TRUE(host.has_value()) << host.error().message();
  EXPECT_EQ(host->listen, "[::]:1");
  EXPECT_EQ(host->address, "a:2");
  EXPECT_EQ(host->contact, "c");
  EXPECT_EQ(host->limits.min_free_percent, 5U);
  EXPECT_FALSE(host->limits.min_free_bytes.has_value());
  EXPECT_EQ(host->silent_days, 9U);
}

// Goal: the command line wins over the file, the file over the defaults.
TEST_F(ConfigTest, TheCommandLineWins) {
  const auto file = write("[station]\ndata = \"/file\"\nsocket = \"/file-socket\"\n");
  const auto settings = load_station_settings({.config = file, .data = "/words", .log_level = "trace"}, account_);
  ASSERT_TRUE(settings.has_value());
  EXPECT_EQ(settings->data, "/words");
  EXPECT_EQ(settings->socket, "/file-socket");
  EXPECT_EQ(settings->log_level, "trace");
  EXPECT_EQ(load_station_settings({.config = file, .log_level = "loud"}, account_).error().code, ErrorCode::usage);
  EXPECT_EQ(load_peer_settings({.config = write(""), .listen = "0.0.0.0:9"}, account_)->listen, "0.0.0.0:9");
}

// Goal: a named file must exist; a default one need not, and folders follow the account.
TEST_F(ConfigTest, DefaultsFollowTheAccount) {
  const std::string missing = folder_.path() + "/missing.toml";
  EXPECT_EQ(load_station_settings({.config = missing}, account_).error().code, ErrorCode::usage);
  EXPECT_EQ(station("")->data, "/var/lib/beffroi-station");
  const Account person{
      .is_root = false, .is_service = false, .home = folder_.path(), .runtime_folder = "/run/user/1000"};
  const auto own = load_station_settings({}, person);
  ASSERT_TRUE(own.has_value());
  EXPECT_EQ(own->data, folder_.path() + "/.local/share/beffroi");
  EXPECT_EQ(own->socket, "/run/user/1000/beffroi/station.sock");
}

// Goal: what --check-config prints is a file that gives the same settings again.
TEST_F(ConfigTest, PrintedSettingsReadBackTheSame) {
  auto settings =
      station("[station]\ndata = '/d \"quoted\"'\n[store]\nmin_free = \"12%\"\n[schedule]\nat = \"03:04\"\n");
  ASSERT_TRUE(settings.has_value());
  const auto again = station(to_toml(*settings));
  ASSERT_TRUE(again.has_value()) << again.error().message() << to_toml(*settings);
  EXPECT_EQ(to_toml(*again), to_toml(*settings));
  EXPECT_EQ(again->data, "/d \"quoted\"");
  auto host = peer("[peer]\naddress = \"x:1\"\n");
  ASSERT_TRUE(host.has_value());
  EXPECT_EQ(to_toml(*peer(to_toml(*host))), to_toml(*host));
}

TEST_F(ConfigTest, Sizes) {
  EXPECT_EQ(parse_size("1048576"), 1048576U);
  EXPECT_EQ(parse_size("500 MB"), 500'000'000U);
  EXPECT_EQ(parse_size("10GiB"), 10ULL << 30);
  EXPECT_EQ(parse_size("1.5 Go"), 1'500'000'000U);
  for (const char* text : {"", "GB", "-5", "1e40", "nan", "inf", "5 bananas", "5G5"})
    EXPECT_FALSE(parse_size(text).has_value()) << text;
}

}  // namespace
}  // namespace beffroi::daemon
