// Runs a program and looks at all that a user sees of it.

#ifndef CLEAVE_TESTS_TOOLS_CHILD_PROCESS_H
#define CLEAVE_TESTS_TOOLS_CHILD_PROCESS_H

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <string>
#include <vector>

#include "tests/runtime/temporary_folder.h"

namespace cleave::testing {

struct Finished {
  int code = 0;  // exit code, or 128 + the signal that ended it
  std::string out, err;
};

// A program under way; stdout and stderr go to files of `folder`.
class ChildProcess {
 public:
  ChildProcess(const TemporaryFolder &folder, std::vector<std::string> command)
      : out_(folder / "stdout"), err_(folder / "stderr") {
    std::vector<char *> arguments;
    for (std::string &word : command) arguments.push_back(word.data());
    arguments.push_back(nullptr);
    id_ = ::fork();
    if (id_ != 0) return;
    redirect(out_, 1);
    redirect(err_, 2);
    ::execv(arguments[0], arguments.data());
    ::_exit(127);
  }

  void signal(int number) const { ::kill(id_, number); }

  Finished wait() const {
    int status = 0;
    ::waitpid(id_, &status, 0);
    return {WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status), contentsOf(out_), contentsOf(err_)};
  }

 private:
  static void redirect(const std::string &path, int descriptor) {
    const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    ::dup2(file, descriptor);
  }

  std::string out_, err_;
  pid_t id_;
};

}  // namespace cleave::testing

#endif  // CLEAVE_TESTS_TOOLS_CHILD_PROCESS_H
