// What every op answers, and the record from which the answers come.

#ifndef CLEAVE_IR_INTERFACES
#define CLEAVE_IR_INTERFACES

include "ir/placement.td"
include "mlir/Interfaces/InferTypeOpInterface.td"
include "mlir/Interfaces/SideEffectInterfaces.td"

def Cleave_TensorOpInterface : OpInterface<"TensorOpInterface"> {
  let cppNamespace = "::cleave";
  let description = "Everything that a pass may ask of an op. Passes never look at an op's name.";
  let methods = [
    InterfaceMethod<"Which dimensions belong together, and so every legal strategy.", "::cleave::ShardingRule",
                    "shardingRule">,
    InterfaceMethod<"Name of the kernel that runs it; empty: it only renames its operand's bytes (a view).",
                    "::llvm::StringRef", "kernelName">,
    InterfaceMethod<"Floating-point operations of the whole op.", "double", "flops">,
    InterfaceMethod<[{Builds the gradients of the operands, in their order; null where there is none. An entry of
                      `dResults`
                      is null where nothing depends on that result. Failure: the op cannot be differentiated.}],
                    "::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>", "buildGradient",
                    (ins "::mlir::OpBuilder &":$b, "::mlir::ValueRange":$dResults)>,
    InterfaceMethod<"Adds to the kernel's attributes what a shard must know of the whole.", "void", "localForm",
                    (ins "const ::cleave::LocalShards &":$local, "::cleave::KernelAttributes &":$attributes)>,
    InterfaceMethod<[{Builds the same results from generic ops, which split where the op itself can't, and have
                      gradients of any order; empty where there is no such form.}],
                    "::llvm::SmallVector<::mlir::Value>", "decompose", (ins "::mlir::OpBuilder &":$b)>,
    InterfaceMethod<[{The value that stands for the result when nothing is trained (dropout: its input); else null,
                      and the op itself becomes what it is then (attention: without dropout).}],
                    "::mlir::Value", "inferenceForm">,
    InterfaceMethod<"Makes this copy the one of slice `index` of a chunked region (random numbers go on counting).",
                    "void", "enterChunk", (ins "int64_t":$index)>,
    InterfaceMethod<[{Makes this copy of `whole`, whose operands and result types are equal slices of those of `whole`,
                      the op that computes its slice of the results, or its term of them. Failure: its attributes
                      don't allow it.}],
                    "::llvm::LogicalResult", "enterSlice",
                    (ins "::mlir::OpBuilder &":$b, "::mlir::Operation *":$whole)>,
    InterfaceMethod<"The operand whose bytes a result may take over, or -1.", "int", "inPlaceOperand",
                    (ins "unsigned":$result)>,
    InterfaceMethod<[{Whether it touches only a part of an operand of its record, as much as the largest of its
                      other values holds (rows of a table).}],
                    "bool", "picksFrom", (ins "unsigned":$operand)>,
    InterfaceMethod<"Whether its values may be floats of different types.", "bool", "mixesElementTypes">,
  ];
  let verify = "return ::cleave::verifyRule($_op);";
}

// One record is all that an op is. A field left open fails the build, with the record's name.
class Cleave_TensorOp<string mnemonic, list<Trait> traits = []>
    : Op<Cleave_Dialect, mnemonic, [Pure, DeclareOpInterfaceMethods<Cleave_TensorOpInterface>] # traits> {
  string rule = ?;                // "m k, k n -> m n": see ShardingRule
  code ruleText = [{ return "}] # rule # [{"; }];  // C++, where the rule depends on attributes or ranks
  code strategies = "";           // C++: adds to `rule` what no index tells
  list<int> linearEach = [];      // operands of which one may be partial while the others are whole
  list<int> linearTogether = [];  // operands that may be partial all at once
  list<int> addends = [];         // operands added to the result: partial sums where it is one
  list<int> monotone = [];        // an operand whose maximum or minimum the result keeps
  list<int> antitone = [];        // an operand whose maximum gives the result's minimum
  code combiner = [{ return ::cleave::Combiner::Sum; }];  // C++: how a split of a reduced index leaves the result
  string kernel = mnemonic;
  code flops = ?;                 // C++
  code gradient = ?;              // C++: `b` builds, `dResult` is the first incoming gradient, `dResults` are all
  code local = "";                // C++: `local` knows the shards, `attributes` go to the kernel
  code decomposition = [{ return {}; }];  // C++: `b` builds
  code inference = [{ return {}; }];      // C++
  list<int> inPlace = [];         // for each result the operand whose bytes it may take over, or -1
  list<int> picks = [];           // operands of which only a part is touched: see picksFrom
  bit mixesElements = 0;          // floats of different types may meet
  code chunk = "";                // C++: what changes in slice `index` of a chunked region
  code slice = "";                // C++: what attributes must become in a slice of `original`, or failure
  code extraDefinition = "";

  let assemblyFormat = "operands attr-dict `:` functional-type(operands, results)";
  let extraClassDefinition = [{
    ::cleave::ShardingRule $cppClass::shardingRule() {
      const std::string text = [&]() -> std::string {}] # ruleText # [{}();
      static constexpr int each[] = {}] # !interleave(linearEach # [-1], ",") # [{};
      static constexpr int together[] = {}] # !interleave(linearTogether # [-1], ",") # [{};
      static constexpr int addends[] = {}] # !interleave(addends # [-1], ",") # [{};
      static constexpr int monotone[] = {}] # !interleave(monotone # [-1], ",") # [{};
      static constexpr int antitone[] = {}] # !interleave(antitone # [-1], ",") # [{};
      auto known = [](::llvm::ArrayRef<int> list) { return list.drop_back(); };
      const ::cleave::Combiner combiner = [&]() -> ::cleave::Combiner {}] # combiner # [{}();
      ::cleave::ShardingRule rule = ::cleave::makeRule(
          *this, text,
          ::cleave::Linearity{known(each), known(together), known(addends), known(monotone), known(antitone)},
          combiner);
      }] # strategies # [{
      return rule;
    }
    ::llvm::StringRef $cppClass::kernelName() { return "}] # kernel # [{"; }
    double $cppClass::flops() {}] # flops # [{}
    ::llvm::FailureOr<::llvm::SmallVector<::mlir::Value>>
    $cppClass::buildGradient(::mlir::OpBuilder &b, ::mlir::ValueRange dResults) {
      [[maybe_unused]] ::mlir::Value dResult = dResults.empty() ? ::mlir::Value() : dResults[0];
      [[maybe_unused]] ::mlir::Location loc = getLoc();
      using Gradients = ::llvm::SmallVector<::mlir::Value>;
      }] # gradient # [{
    }
    void $cppClass::localForm([[maybe_unused]] const ::cleave::LocalShards &local,
                              [[maybe_unused]] ::cleave::KernelAttributes &attributes) {}] # local # [{}
    ::llvm::SmallVector<::mlir::Value> $cppClass::decompose([[maybe_unused]] ::mlir::OpBuilder &b) {
      [[maybe_unused]] ::mlir::Location loc = getLoc();
      }] # decomposition # [{
    }
    void $cppClass::enterChunk([[maybe_unused]] int64_t index) {}] # chunk # [{}
    ::llvm::LogicalResult $cppClass::enterSlice([[maybe_unused]] ::mlir::OpBuilder &b, ::mlir::Operation *whole) {
      [[maybe_unused]] auto original = ::mlir::cast<$cppClass>(whole);
      }] # slice # [{
      return ::mlir::success();
    }
    ::mlir::Value $cppClass::inferenceForm() {}] # inference # [{}
    int $cppClass::inPlaceOperand(unsigned result) {
      static constexpr int operands[] = {}] # !interleave(inPlace # [-1], ",") # [{};
      return result < std::size(operands) ? operands[result] : -1;
    }
    bool $cppClass::picksFrom(unsigned operand) {
      static constexpr int operands[] = {}] # !interleave(picks # [-1], ",") # [{};
      return ::llvm::is_contained(operands, static_cast<int>(operand));
    }
    bool $cppClass::mixesElementTypes() { return }] # mixesElements # [{; }
  }] # extraDefinition;
}

// An op whose result types follow from its operands and attributes: `infer` pushes them on `types`, from `adaptor`.
class Cleave_InferredOp<string mnemonic, list<Trait> traits = []>
    : Cleave_TensorOp<mnemonic, [DeclareOpInterfaceMethods<InferTypeOpInterface>] # traits> {
  code infer = ?;
  let extraClassDeclaration = [{
    static bool isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual);
  }];
  let extraDefinition = [{
    ::llvm::LogicalResult $cppClass::inferReturnTypes(
        [[maybe_unused]] ::mlir::MLIRContext *context, [[maybe_unused]] ::std::optional<::mlir::Location> location,
        ::mlir::ValueRange operands, ::mlir::DictionaryAttr attributes, ::mlir::OpaqueProperties properties,
        ::mlir::RegionRange regions, ::llvm::SmallVectorImpl<::mlir::Type> &types) {
      [[maybe_unused]] $cppClass::Adaptor adaptor(operands, attributes, properties, regions);
      }] # infer # [{
      return ::mlir::success();
    }
    bool $cppClass::isCompatibleReturnTypes(::mlir::TypeRange inferred, ::mlir::TypeRange actual) {
      return ::cleave::equalButForPlacement(inferred, actual);
    }
  }];
}

def Cleave_CollectiveOpInterface : OpInterface<"CollectiveOpInterface"> {
  let cppNamespace = "::cleave";
  let description = [{A step that changes the placement along mesh axes (indices in mesh order), of one value or of
                      several by themselves: result i is operand i in its new placement.}];
  let methods = [
    InterfaceMethod<"What it does: the name of the op that does it to one value.", "::llvm::StringRef", "stepName">,
    InterfaceMethod<"Whether bytes move between devices.", "bool", "movesBytes">,
    InterfaceMethod<"Whether one of its axes may go from one placement to the other.", "bool", "allows",
                    (ins "const ::cleave::AxisPlacement &":$from, "const ::cleave::AxisPlacement &":$to)>,
    InterfaceMethod<"Whether it may run along several axes at once.", "bool", "joinsAxes">,
    InterfaceMethod<"The axes, in mesh order.", "::llvm::ArrayRef<int64_t>", "alongAxes">,
  ];
  let verify = "return ::cleave::verifyCollective($_op);";
}

#endif // CLEAVE_IR_INTERFACES
