#include "daemon/service/alarm.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "daemon/service/translate.h"
#include "storage/format/cbor.h"

extern char** environ;

namespace beffroi::daemon {
namespace {

constexpr std::string_view kPrefix = "alarm/";
constexpr std::size_t kMaxArguments = 16;
constexpr int kCommandPatienceMs = 120'000;

Bytes key_of(const std::string& name) { return to_bytes(as_bytes(std::string(kPrefix) + name)); }

Bytes encode(const Alarm& alarm) {
  storage::CborWriter out;
  out.array(3).text(alarm.text).array(alarm.args.size());
  for (const auto& arg : alarm.args) out.bytes(as_bytes(arg));
  out.integer(alarm.since.seconds);
  return out.take();
}

std::optional<Alarm> decode(std::string name, ByteView value) {
  storage::CborReader in(value);
  Alarm out{.name = std::move(name), .text = {}, .args = {}, .since = {}};
  in.array_of(3);
  out.text = in.text();
  const std::size_t count = in.array(kMaxArguments);
  for (std::size_t i = 0; i < count; ++i) out.args.push_back(to_string(in.bytes()));
  in.leave();
  out.since.seconds = in.integer();
  in.leave();
  return in.finish() ? std::optional(out) : std::nullopt;
}

/// Waits for the child's end; one that hangs is killed, so that later alarms are heard.
void end_after_patience(pid_t child) {
  const int handle = static_cast<int>(syscall(SYS_pidfd_open, child, 0));
  if (handle < 0) return;
  pollfd ended{.fd = handle, .events = POLLIN, .revents = 0};
  if (poll(&ended, 1, kCommandPatienceMs) == 0) {
    spdlog::error("the alarm command takes too long and is ended");
    kill(child, SIGKILL);
  }
  close(handle);
}

/// A child that ends by itself: double fork through the shell's "&" would lose its exit status, so it is reaped here.
void run_and_reap(const std::string& command, const std::string& sentence) {
  int pipe_ends[2];
  if (pipe2(pipe_ends, O_CLOEXEC | O_NONBLOCK) != 0) return;
  // While this end is open there is always a reader: whether the command reads it or not, the write neither fails nor
  // raises a signal. The pipe holds 64 KiB; what a longer sentence has more is in the argument.
  const std::string line = sentence + "\n";
  const bool wrote = write(pipe_ends[1], line.data(), line.size()) >= 0;
  close(pipe_ends[1]);
  fcntl(pipe_ends[0], F_SETFL, 0);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_adddup2(&actions, pipe_ends[0], STDIN_FILENO);
  std::string script = command + " \"$1\"";
  std::string shell = "/bin/sh";
  std::string option = "-c";
  std::string argument = sentence;
  char* const words[] = {shell.data(), option.data(), script.data(), shell.data(), argument.data(), nullptr};
  std::string variable = "BEFFROI_ALARM=" + sentence;
  std::vector<char*> variables{variable.data()};
  for (char** at = environ; *at != nullptr; ++at) variables.push_back(*at);
  variables.push_back(nullptr);
  // The daemon ignores SIGPIPE and SIGHUP; a command expects them to work.
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t usual;
  sigemptyset(&usual);
  sigaddset(&usual, SIGPIPE);
  sigaddset(&usual, SIGHUP);
  posix_spawnattr_setsigdefault(&attributes, &usual);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSIGDEF);
  pid_t child = 0;
  const int spawned = posix_spawn(&child, "/bin/sh", &actions, &attributes, words, variables.data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  close(pipe_ends[0]);
  if (!wrote) spdlog::debug("the alarm command got no standard input");
  if (spawned != 0) {
    spdlog::error("the alarm command could not be started");
    return;
  }
  end_after_patience(child);
  int status = 0;
  waitpid(child, &status, 0);
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0) spdlog::error("the alarm command failed (status {})", status);
}

}  // namespace

AlarmBoard::AlarmBoard(storage::Database& database, Clock& clock, std::string command)
    : database_(database), clock_(clock), command_(std::move(command)) {
  const auto loaded = database_.scan(storage::Table::state, as_bytes(kPrefix), [this](ByteView key, ByteView value) {
    if (auto alarm = decode(to_string(key.subspan(kPrefix.size())), value)) alarms_[alarm->name] = std::move(*alarm);
    return true;
  });
  if (!loaded) spdlog::warn("{}", loaded.error().message());
}

void AlarmBoard::raise(const std::string& name, const Error& what) {
  const std::string sentence = translated(what.text, what.args);
  {
    const std::lock_guard writing(writing_);
    const auto known = find(name);
    if (known && known->text == what.text && known->args == what.args) return;
    const Alarm alarm{.name = name, .text = what.text, .args = what.args, .since = known ? known->since : clock_.now()};
    save(alarm);
    const std::lock_guard lock(mutex_);
    alarms_[name] = alarm;
    if (known) return;
  }
  spdlog::error("alarm: {}", sentence);
  call(sentence);
}

std::optional<Alarm> AlarmBoard::find(const std::string& name) const {
  const std::lock_guard lock(mutex_);
  const auto known = alarms_.find(name);
  return known == alarms_.end() ? std::nullopt : std::optional(known->second);
}

void AlarmBoard::clear(const std::string& name) {
  const std::lock_guard writing(writing_);
  {
    const std::lock_guard lock(mutex_);
    if (alarms_.erase(name) == 0) return;
  }
  storage::WriteBatch batch;
  batch.remove(storage::Table::state, key_of(name));
  if (const auto written = database_.write(batch, storage::Durability::synced); !written)
    spdlog::warn("{}", written.error().message());
}

void AlarmBoard::set(const std::string& name, bool lasts, const Error& what) {
  if (lasts) {
    raise(name, what);
  } else {
    clear(name);
  }
}

std::vector<Alarm> AlarmBoard::current() const {
  const std::lock_guard lock(mutex_);
  std::vector<Alarm> out;
  for (const auto& [name, alarm] : alarms_) out.push_back(alarm);
  return out;
}

void AlarmBoard::save(const Alarm& alarm) {
  const auto written =
      database_.put(storage::Table::state, key_of(alarm.name), encode(alarm), storage::Durability::synced);
  // On a full disk the alarm still sounds; it only may sound again after a restart.
  if (!written) spdlog::warn("{}", written.error().message());
}

void AlarmBoard::call(const std::string& sentence) const {
  if (!command_.empty()) run_and_reap(command_, sentence);
}

}  // namespace beffroi::daemon
