// beffroi: the command line.
#include "client/interrupt.h"
#include "client/session.h"
#include "crypto/secret.h"

int main(int count, char** words) {
  // First of all: init and recover hold the kit's words for a moment.
  beffroi::crypto::harden_process();
  beffroi::client::use_language_of_environment();
  beffroi::client::watch_interrupts();
  return beffroi::client::run(count, words, beffroi::client::Console::standard());
}
