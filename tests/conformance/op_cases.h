// The ops under test, one line each, and functions built from those lines.

#ifndef CLEAVE_TESTS_CONFORMANCE_OP_CASES_H
#define CLEAVE_TESTS_CONFORMANCE_OP_CASES_H

#include <map>
#include <random>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/Builders.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tests/conformance/tensor.h"

namespace cleave {

// Through which results an op is differentiated.
enum class Differentiable : uint8_t { kNo, kFirstResult, kAllResults };

struct OpCase {
  const char *op;
  // Operands and results, as in "v:a c, v:a c -> a c": what an operand holds, then its dimensions, each a letter whose
  // size the variant says, or digits, or letters joined by + - *. "." is a scalar. An operand holds
  //   v  small integers (as floats)    r  reals away from 0         p  positive reals     j  small integers (i32)
  //   b  truth values                  m  0 or 1 (i32)              k  a random key       t  true
  //   iX indices below X               lX labels below X or -100                    nX indices below X or -1
  // A result is float, or "b:", "j:" as above.
  const char *values;
  const char *attributes;  // as MLIR text; $X is the size of X
  Differentiable gradient;
  bool isExact;            // small integers come out the same to the bit, in whatever order they are added
};

llvm::ArrayRef<OpCase> opCases();

// Sizes of the letters.
struct Variant {
  const char *name;
  std::map<char, int64_t> sizes;
};

// Even shares, uneven shares, some empty shares, values without elements.
llvm::ArrayRef<Variant> variants();

// One operand or result of a line: what it holds, the letter that bounds it (or 0), and its dimensions as they are
// written.
struct OpField {
  char kind = 'f';
  char bound = 0;
  std::vector<std::string> dims;
};

struct OpFields {
  std::vector<OpField> operands, results;
};

OpFields fieldsOf(const OpCase &opCase);

// Size of a dimension as it is written.
int64_t sizeOf(const std::string &dim, const Variant &variant);

mlir::RankedTensorType typeOf(const OpField &field, const Variant &variant, mlir::Type floatType);

// The op of a line, on these operands. Null if its attributes can't be read.
mlir::Operation *buildOp(mlir::OpBuilder &b, const OpCase &opCase, const Variant &variant, mlir::Type floatType,
                         mlir::ValueRange operands);

// Numbers for an operand. `isSmooth` draws reals in place of small integers: for finite differences.
Tensor drawValue(const OpField &field, const Variant &variant, mlir::Type type, bool isSmooth, std::mt19937 &random);

// A module with one function that calls the op on its arguments and returns all results. `floatType` is that of all
// floats.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const OpCase &opCase, const Variant &variant, mlir::Type floatType);
mlir::func::FuncOp functionOf(mlir::ModuleOp module);

// Arguments for that function.
std::vector<Tensor> drawArguments(const OpCase &opCase, const Variant &variant, mlir::func::FuncOp function,
                                  bool isSmooth, std::mt19937 &random);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_OP_CASES_H
