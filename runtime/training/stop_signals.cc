#include "runtime/training/stop_signals.h"

#include <atomic>

namespace cleave {
namespace {

// A signal handler can reach nothing but globals.
std::atomic<bool> stopAsked{false};
static_assert(std::atomic<bool>::is_always_lock_free, "a handler may only use lock-free atomics");

void askToStop(int) { stopAsked.store(true); }

}  // namespace

StopSignals::StopSignals() {
  stopAsked.store(false);
  struct sigaction action = {};
  action.sa_handler = askToStop;
  action.sa_flags = SA_RESTART | static_cast<int>(SA_RESETHAND);  // the second signal does what it always does
  sigemptyset(&action.sa_mask);
  ::sigaction(SIGINT, &action, &interruptBefore_);
  ::sigaction(SIGTERM, &action, &terminateBefore_);
}

StopSignals::~StopSignals() {
  ::sigaction(SIGINT, &interruptBefore_, nullptr);
  ::sigaction(SIGTERM, &terminateBefore_, nullptr);
}

bool StopSignals::asked() const { return stopAsked.load(); }

}  // namespace cleave
