// Notes in the module that a phase is done.

#include "passes/emit/explain.h"
#include "passes/passes.h"
#include "passes/pipeline.h"

namespace cleave {
#define GEN_PASS_DEF_RECORDPHASEPASS
#include "passes/passes.h.inc"

namespace {

struct RecordPhasePass : impl::RecordPhasePassBase<RecordPhasePass> {
  using RecordPhasePassBase::RecordPhasePassBase;

  void runOnOperation() final {
    if (phase == "place") rememberValues(getOperation());
    getOperation()->setAttr(kPhaseDone, mlir::StringAttr::get(&getContext(), phase.getValue()));
  }
};

}  // namespace
}  // namespace cleave
