// The dialect itself.

#ifndef CLEAVE_IR_DIALECT
#define CLEAVE_IR_DIALECT

include "mlir/IR/OpBase.td"

def Cleave_Dialect : Dialect {
  let name = "cleave";
  let cppNamespace = "::cleave";
  let summary = "Whole-model tensor programs whose values know where they live";
  let useDefaultAttributePrinterParser = 1;
  let extraClassDeclaration = [{
    // Discardable attributes of ops. Every pass that replaces an op hands them on.
    static constexpr ::llvm::StringLiteral kName = "cleave.name";      // string: unique in its function
    static constexpr ::llvm::StringLiteral kLayer = "cleave.layer";    // #cleave.layer
    static constexpr ::llvm::StringLiteral kPhase = "cleave.phase";    // "forward", "backward" or "update"
    static constexpr ::llvm::StringLiteral kReason = "cleave.reason";  // string: why it is placed so

    // Attributes of functions, their arguments and results.
    static constexpr ::llvm::StringLiteral kEntry = "cleave.entry";          // "loss", "logits"; "step", ...
    static constexpr ::llvm::StringLiteral kParameter = "cleave.parameter";  // string: a parameter of that name
    static constexpr ::llvm::StringLiteral kTrainable = "cleave.trainable";  // bool, true where absent
    static constexpr ::llvm::StringLiteral kInit = "cleave.init";            // #cleave.init
    static constexpr ::llvm::StringLiteral kState = "cleave.state";          // string: optimizer state of that name
    static constexpr ::llvm::StringLiteral kStateOf = "cleave.state_of";     // string: the parameter it belongs to
    static constexpr ::llvm::StringLiteral kInput = "cleave.input";          // string: an input fed by the host
    // i64: of a data input, the dimension of examples
    static constexpr ::llvm::StringLiteral kBatchDim = "cleave.batch_dim";
    // of a result: parameter or state it replaces
    static constexpr ::llvm::StringLiteral kUpdates = "cleave.updates";
    static constexpr ::llvm::StringLiteral kOutput = "cleave.output";        // of a result: string, read by the host
    static constexpr ::llvm::StringLiteral kTraining = "cleave.training";    // of the module: dictionary of options
  }];
}

#endif // CLEAVE_IR_DIALECT
