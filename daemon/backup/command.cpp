#include "daemon/backup/command.h"

#include <fcntl.h>
#include <poll.h>
#include <spawn.h>
#include <spdlog/spdlog.h>
#include <sys/wait.h>

#include <array>
#include <csignal>
#include <vector>

#include "daemon/vault/file_descriptor.h"

extern char** environ;  // NOLINT: POSIX

namespace beffroi::daemon {
namespace {

constexpr int kPollMilliseconds = 200;
constexpr int kPatienceMilliseconds = 5000;
constexpr std::size_t kMaxLogLineBytes = 4096;

/// The daemon's environment with the source's path.
std::vector<std::string> environment_for(const std::string& source) {
  std::vector<std::string> out{"BEFFROI_SOURCE=" + source};
  for (char** variable = environ; *variable != nullptr; ++variable)
    if (!std::string_view(*variable).starts_with("BEFFROI_SOURCE=")) out.emplace_back(*variable);
  return out;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (std::string& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

/// Starts the shell in a process group of its own, output into `output`.
Result<pid_t> start(const std::string& command, const std::string& source, int output) {
  posix_spawn_file_actions_t actions;
  posix_spawnattr_t attributes;
  posix_spawn_file_actions_init(&actions);
  posix_spawnattr_init(&attributes);
  posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
  posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO);
  posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO);
  sigset_t none;
  sigemptyset(&none);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setpgroup(&attributes, 0);
  posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK);
  std::vector<std::string> words{"/bin/sh", "-c", command};
  std::vector<std::string> variables = environment_for(source);
  pid_t child = 0;
  const int failed =
      ::posix_spawn(&child, "/bin/sh", &actions, &attributes, pointers(words).data(), pointers(variables).data());
  posix_spawnattr_destroy(&attributes);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) return fail(ErrorCode::io, N_("Cannot start a command: {}."), errno_text(failed));
  return child;
}

/// Logs whole lines of `pending` and leaves the rest there.
void log_lines(std::string& pending, bool all) {
  for (;;) {
    const std::size_t end = pending.find('\n');
    const bool whole = end != std::string::npos;
    if (!whole && !(all && !pending.empty()) && pending.size() < kMaxLogLineBytes) return;
    const std::size_t length = std::min(whole ? end : pending.size(), kMaxLogLineBytes);
    spdlog::info("command: {}", std::string_view(pending).substr(0, length));
    pending.erase(0, whole && length == end ? length + 1 : length);
  }
}

/// Reads the output until it ends or the command does.
Result<void> follow(pid_t child, int output, const std::function<bool()>& cancelled) {
  std::string pending;
  std::array<char, 4096> buffer{};
  for (;;) {
    struct pollfd waited{output, POLLIN, 0};
    const int ready = ::poll(&waited, 1, kPollMilliseconds);
    if (cancelled()) return fail(ErrorCode::cancelled, N_("The backup was stopped."));
    if (ready == 0) {
      // What it left running in the background may hold the output open for ever.
      siginfo_t state{};
      if (::waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WNOHANG | WNOWAIT) != 0 || state.si_pid == child)
        break;
      continue;
    }
    if (ready < 0) continue;
    const ssize_t got = ::read(output, buffer.data(), buffer.size());
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;
    pending.append(buffer.data(), static_cast<std::size_t>(got));
    log_lines(pending, false);
  }
  log_lines(pending, true);
  return {};
}

/// Asks the command to end, and ends it when it does not; it stays to be waited for.
void end_group(pid_t child) {
  ::kill(-child, SIGTERM);
  for (int waited = 0; waited < kPatienceMilliseconds; waited += kPollMilliseconds) {
    siginfo_t state{};
    if (::waitid(P_PID, static_cast<id_t>(child), &state, WEXITED | WNOHANG | WNOWAIT) != 0 || state.si_pid == child)
      return;
    ::poll(nullptr, 0, kPollMilliseconds);
  }
  ::kill(-child, SIGKILL);
}

}  // namespace

Result<int> run_command(const std::string& command, const std::string& source, const std::function<bool()>& cancelled) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return fail(ErrorCode::io, N_("Cannot start a command: {}."), errno_text());
  const FileDescriptor output(ends[0]);
  FileDescriptor input(ends[1]);
  BEFFROI_TRY(const pid_t child, start(command, source, input.get()));
  input.close();
  const auto followed = follow(child, output.get(), cancelled);
  if (!followed) end_group(child);
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (!followed) return forward_error(followed);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

}  // namespace beffroi::daemon
