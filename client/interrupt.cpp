#include "client/interrupt.h"

#include <signal.h>
#include <unistd.h>

namespace beffroi::client {
namespace {

volatile sig_atomic_t signal_seen = 0;

void remember_signal(int) {
  // A second one means it: the default action ends the process at once.
  if (signal_seen != 0) _exit(130);
  signal_seen = 1;
}

}  // namespace

void watch_interrupts() {
  struct sigaction action{};
  action.sa_handler = remember_signal;
  sigemptyset(&action.sa_mask);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) sigaction(signal, &action, nullptr);
}

bool interrupted() { return signal_seen != 0; }

Error interrupted_error() { return {ErrorCode::cancelled, N_("Stopped, as you asked."), {}}; }

}  // namespace beffroi::client
