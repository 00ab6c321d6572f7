#include "passes/choose_overlap.h"

#include <algorithm>
#include <cmath>
#include <limits>

#include "mlir/IR/OwningOpRef.h"
#include "passes/cost/op_cost.h"
#include "passes/module_view.h"
#include "passes/schedule/class_memory.h"

namespace cleave {
namespace {

struct Form {
  bool split = false;
  int slices = 0;
  bool sequence = false, chunks = false;
};

// In the order in which they are tried. Two slices hide in each other what chunks would.
constexpr Form kForms[] = {{true},
                           {true, 2},
                           {true, 4},
                           {true, 0, true},
                           {true, 2, true},
                           {true, 0, false, true},
                           {true, 0, true, true}};
constexpr int kSlicesForced = 2;
// A step is left as it is if all its transfers take less of its time on links.
constexpr double kLittle = 0.01;

// What a form may take of the time of a simpler one. What predictions leave out, above all that threads change places
// on cores for each transfer, is more in a form that has more of them.
double worthwhile(const Form &form) { return form.slices > 0 || form.sequence || form.chunks ? 0.985 : 0.998; }

void mark(mlir::ModuleOp module, const Form &form) {
  mlir::Builder b(module.getContext());
  module->setAttr(kSplit, b.getBoolAttr(form.split));
  if (form.slices > 0) module->setAttr(kSlices, b.getI64IntegerAttr(form.slices));
  if (form.sequence) module->setAttr(kSequence, b.getUnitAttr());
  if (form.chunks) module->setAttr(kChunks, b.getUnitAttr());
}

struct Prediction {
  double seconds = std::numeric_limits<double>::infinity();
  double wire = 0;
  int64_t bytes = 0;  // of the device that needs most
};

Prediction predict(mlir::ModuleOp module, const Form &form,
                   llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> compile) {
  mlir::OwningOpRef<mlir::ModuleOp> copy(module.clone());
  mark(*copy, form);
  if (failed(compile(*copy))) return {};
  for (mlir::func::FuncOp entry : entriesOf(*copy))
    if (auto predicted = entry->getAttrOfType<mlir::DenseF64ArrayAttr>(kPredicted))
      return {predicted[0], predicted[1], mostArenaBytes(*copy)};
  return {};
}

}  // namespace

void chooseOverlap(mlir::ModuleOp module, llvm::function_ref<mlir::LogicalResult(mlir::ModuleOp)> compile) {
  if (module->hasAttr(kOverlap)) {
    const auto asks = [&](llvm::StringRef name) { return forcesOverlap(module, name); };
    return mark(module, {asks("split") || asks("prefetch"), asks("slice") ? kSlicesForced : 0, asks("sequence"),
                         asks("chunked-matmul")});
  }
  Form best;
  // Of the default machine little is known, and its devices share memory: what cores copy is nothing to hide.
  const auto cluster = module->getAttrOfType<mlir::StringAttr>(kCluster);
  if (!module->hasAttr(kLinks) && (!cluster || cluster.getValue() == kDefaultCluster)) return mark(module, best);
  const Prediction plain = predict(module, best, compile);
  Prediction least = plain;
  const bool hasBudget = memoryBudgetOf(module).has_value();  // which all that compiles keeps to
  const bool isTooLarge = hasBudget && std::isinf(plain.seconds);
  if (isTooLarge || plain.wire >= kLittle * plain.seconds)
    for (const Form &form : kForms) {
      const Prediction predicted = predict(module, form, compile);
      const bool isFaster = predicted.seconds < worthwhile(form) * least.seconds;
      const double moreMemory = std::max(kMoreMemory, plain.seconds / predicted.seconds);
      const bool hasRoom = hasBudget || double(predicted.bytes) <= moreMemory * double(plain.bytes);
      if (!isFaster || !hasRoom) continue;
      best = form;
      least = predicted;
    }
  mark(module, best);
}

}  // namespace cleave
