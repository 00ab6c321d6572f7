// Ctrl-C as a wish to stop soon.

#ifndef CLEAVE_RUNTIME_TRAINING_STOP_SIGNALS_H
#define CLEAVE_RUNTIME_TRAINING_STOP_SIGNALS_H

#include <csignal>

namespace cleave {

// While it lives, the first SIGINT or SIGTERM only sets asked(); a second one ends the process as usual. One at a time
// in a process: signals are the process's own.
class StopSignals {
 public:
  StopSignals();
  ~StopSignals();
  StopSignals(const StopSignals &) = delete;
  StopSignals &operator=(const StopSignals &) = delete;

  bool asked() const;

 private:
  struct sigaction interruptBefore_, terminateBefore_;
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRAINING_STOP_SIGNALS_H
