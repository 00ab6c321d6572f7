// A session as Python holds it: it can be closed, is used by one thread at a time, and lets others run meanwhile.

#ifndef CLEAVE_PYTHON_BINDINGS_RUN_SESSION_H
#define CLEAVE_PYTHON_BINDINGS_RUN_SESSION_H

#include <nanobind/nanobind.h>

#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "python_bindings/arrays.h"
#include "runtime/checkpoint/checkpoint.h"
#include "runtime/plan/program.h"
#include "runtime/session.h"
#include "runtime/training/metrics.h"
#include "runtime/training/session_steps.h"
#include "runtime/training/sampler.h"
#include "runtime/weights/adapter.h"

namespace cleave::python {

// A plan and the bytes that it was loaded from.
struct PlanHandle {
  static std::shared_ptr<PlanHandle> fromBytes(std::string bytes);
  static std::shared_ptr<PlanHandle> fromFile(const std::string &path);
  void save(const std::string &path) const;

  using VariableRow = std::tuple<std::string, bool, std::vector<int64_t>, std::vector<std::string>>;
  std::vector<VariableRow> variables() const;
  std::vector<std::string> entries() const;
  std::vector<std::pair<std::string, std::vector<int64_t>>> inputs(const std::string &entry) const;
  std::vector<int64_t> arenaBytes() const;

  std::string bytes;
  LoadedPlan loaded;
};

class RunSession {
 public:
  RunSession(std::shared_ptr<const PlanHandle> plan, int threads, double deadlineSeconds, bool keepsTrace);

  void draw(uint64_t seed);
  bool loadWeights(const std::string &path, uint64_t seed);  // whether the file has all, an adapter too
  void saveWeights(const std::string &path);
  // With `dataState`, that is where the data stand behind the batch: it holds once the step is taken.
  StepMetrics step(nanobind::dict batch, std::optional<std::string> dataState);
  void evaluate(nanobind::dict batch, Evaluation &into);
  nanobind::dict run(const std::string &entry, nanobind::dict batch);
  // Calls `take` with each new token until it gives false.
  void generate(const std::vector<Token> &prompt, const GenerateOptions &options, nanobind::callable take);
  void loadAdapter(const std::string &folder);
  void saveAdapter(const std::string &folder, const AdapterConfig &config);
  nanobind::object read(const std::string &name);
  void write(const std::string &name, const AnyArray &value);
  std::string saveCheckpoint(const std::string &folder);
  void resume(const std::string &folder);
  void close();
  std::string lastTrace() const;  // of the last step, where the session keeps it; see writeChromeTrace

  // JSON of a source of data that keeps its own position, as checkpoints hold it; empty: none.
  const std::string &dataState() const { return position_.dataState; }
  void setDataState(std::string json) { position_.dataState = std::move(json); }

  int64_t steps() const { return position_.step; }
  bool isClosed() const { return session_ == nullptr; }

 private:
  class Use;
  const program::Entry &entryOf(const std::string &name) const;
  void describeRun();

  std::shared_ptr<const PlanHandle> plan_;
  std::mutex inUse_;
  std::unique_ptr<Session> session_;
  RunPosition position_;
  TraceLog trace_;  // of the last step
};

}  // namespace cleave::python

#endif  // CLEAVE_PYTHON_BINDINGS_RUN_SESSION_H
