// SPDX-License-Identifier: Apache-2.0
#include "cli/signals.h"

#include <signal.h>
#include <unistd.h>

namespace godwit {
namespace {

// SIGUSR1 wakes the waiting thread at its end.
sigset_t Watched() {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGINT);
  sigaddset(&set, SIGTERM);
  sigaddset(&set, SIGUSR1);
  return set;
}

}  // namespace

void BlockSignals() {
  const sigset_t set = Watched();
  pthread_sigmask(SIG_BLOCK, &set, nullptr);
  ::signal(SIGPIPE, SIG_IGN);
}

void UnblockSignals() {
  const sigset_t set = Watched();
  pthread_sigmask(SIG_UNBLOCK, &set, nullptr);
}

SignalWatch::SignalWatch(std::function<void()> before_exit)
    : before_exit_(std::move(before_exit)), thread_([this] { Wait(); }) {}

SignalWatch::~SignalWatch() {
  is_over_ = true;
  pthread_kill(thread_.native_handle(), SIGUSR1);
  thread_.join();
}

void SignalWatch::Wait() {
  const sigset_t set = Watched();
  for (;;) {
    int number = 0;
    if (sigwait(&set, &number) != 0) continue;
    if (is_over_) return;
    if (number == SIGUSR1) continue;
    if (signal_ != 0) {
      if (before_exit_) before_exit_();
      _exit(128 + number);
    }
    signal_ = number;
    stop_.request_stop();
  }
}

}  // namespace godwit
