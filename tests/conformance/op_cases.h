// The ops under test, one line each, and functions built from those lines.

#ifndef CLEAVE_TESTS_CONFORMANCE_OP_CASES_H
#define CLEAVE_TESTS_CONFORMANCE_OP_CASES_H

#include <map>
#include <random>
#include <string>
#include <vector>

#include "llvm/ADT/ArrayRef.h"
#include "mlir/Dialect/Func/IR/FuncOps.h"
#include "mlir/IR/BuiltinOps.h"
#include "mlir/IR/OwningOpRef.h"
#include "tests/conformance/tensor.h"

namespace cleave {

// Through which results an op is differentiated.
enum class Differentiable : uint8_t { kNo, kFirstResult, kAllResults };

struct OpCase {
  const char *op;
  // Operands and results, as in "v:a c, v:a c -> a c": what an operand holds, then its dimensions, each a letter whose size
  // the variant says, or digits, or letters joined by + - *. "." is a scalar. An operand holds
  //   v  small integers (as floats)    r  reals away from 0         p  positive reals     j  small integers (i32)
  //   b  truth values                  m  0 or 1 (i32)              k  a random key       t  true
  //   iX indices below X               lX labels below X or -100
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

// Even shares, uneven shares, some empty shares.
llvm::ArrayRef<Variant> variants();

// A module with one function that calls the op on its arguments and returns all results. `floatType` is that of all floats.
mlir::OwningOpRef<mlir::ModuleOp> buildModule(const OpCase &opCase, const Variant &variant, mlir::Type floatType);
mlir::func::FuncOp functionOf(mlir::ModuleOp module);

// Arguments for that function. `isSmooth` draws reals in place of small integers: for finite differences.
std::vector<Tensor> drawArguments(const OpCase &opCase, const Variant &variant, mlir::func::FuncOp function, bool isSmooth,
                                  std::mt19937 &random);

}  // namespace cleave

#endif  // CLEAVE_TESTS_CONFORMANCE_OP_CASES_H
