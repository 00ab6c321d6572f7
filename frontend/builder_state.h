// What a ModelBuilder remembers. Only its sources include this.

#ifndef CLEAVE_FRONTEND_BUILDER_STATE_H
#define CLEAVE_FRONTEND_BUILDER_STATE_H

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "frontend/builder.h"
#include "ir/cleave.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"

namespace cleave {

// No tensor of a model has more elements: sizes in bytes then fit 64 bits with room to spare.
inline constexpr int64_t kMaxElements = int64_t{1} << 46;

struct ModelBuilder::State {
  explicit State(mlir::MLIRContext &context);

  mlir::OpBuilder ops;
  mlir::OwningOpRef<mlir::ModuleOp> module;
  mlir::Location location;
  absl::Status status;

  std::vector<std::string> scopes;
  std::vector<LayerAttr> layers;

  // Of the entry under way. Arguments stand in the order parameters, inputs, "rng".
  struct Argument {
    std::string name;
    llvm::SmallVector<mlir::NamedAttribute> attributes;
    mlir::BlockArgument value;
  };
  mlir::func::FuncOp function;  // null between entries
  std::vector<Argument> parameters, inputs;
  mlir::Value random;
  std::map<std::string, size_t> parameterByName;
  std::set<std::string> opNames;
  std::set<uint32_t> randomIds;

  // Gradients under way, the innermost last.
  struct Gradient {
    std::string path;
    llvm::SmallVector<mlir::Value> inputs;
    mlir::OpBuilder::InsertPoint before;   // where it stands
    std::unique_ptr<mlir::Region> region;  // not part of an op yet
  };
  std::vector<Gradient> gradients;

  // Makes `status` an error, unless it is one; false, so that it can stand behind `||`.
  bool refuse(const std::string &path, const std::string &message);
  mlir::Value noValue(const std::string &path, const std::string &message) {
    return refuse(path, message), mlir::Value();
  }
  // Whether an op can be made of these operands: an entry is open, nothing has failed, none is null.
  bool canMake(const std::string &path, llvm::ArrayRef<mlir::Value> operands);
  // Sizes are positive and their product is at most kMaxElements.
  bool checkShape(const std::string &path, llvm::ArrayRef<int64_t> shape);
  bool checkSameType(const std::string &path, mlir::Value a, mlir::Value b);
  bool checkFloat(const std::string &path, mlir::Value value, size_t minRank);
  bool checkShapeIs(const std::string &path, const char *what, mlir::Value value, llvm::ArrayRef<int64_t> shape);

  // Ends the function under way; result i gets the attribute `kind` = names[i].
  void finishFunction(llvm::ArrayRef<mlir::Value> values, llvm::StringRef kind, const std::vector<std::string> &names);

  std::string uniqueName(const std::string &path);
  // A number that tells this op's random draws from those of others: it depends on the name alone, but for the rare op
  // whose number another one already has.
  int64_t randomId(const std::string &path);
  mlir::Value randomKey();
  mlir::RankedTensorType typeOf(llvm::ArrayRef<int64_t> shape, ElementType element);
};

inline llvm::ArrayRef<int64_t> sizesOf(mlir::Value value) {
  return mlir::cast<mlir::RankedTensorType>(value.getType()).getShape();
}

}  // namespace cleave

#endif  // CLEAVE_FRONTEND_BUILDER_STATE_H
