// Meshes, placements and the other attributes of the language.

#ifndef CLEAVE_IR_PLACEMENT
#define CLEAVE_IR_PLACEMENT

include "ir/dialect.td"
include "mlir/IR/AttrTypeBase.td"
include "mlir/IR/EnumAttr.td"
include "mlir/IR/SymbolInterfaces.td"

def Cleave_PlacementAttr : AttrDef<Cleave_Dialect, "Placement"> {
  let mnemonic = "placement";
  let summary = "How a value lies on a mesh: one entry for each axis";
  let description = [{
    | entry          | each device along the axis holds                                          |
    |----------------|---------------------------------------------------------------------------|
    | `S(d)`         | its share of dimension `d`                                                |
    | `S(d, unit=u)` | its share, counted in units of `u` elements (a head)                      |
    | `S(d, minor)`  | its share, behind the other axes that split `d` (else they go mesh order) |
    | `B`            | the whole value                                                           |
    | `P(sum)`       | a term; the value is the sum of them (also `max`, `min`)                  |

    Shard i of p begins at unit floor(i * N / p), where N is the number of units.

    Example: `#cleave.placement<@pod, [S(0), P(sum)]>`
  }];
  let parameters = (ins
    "::mlir::FlatSymbolRefAttr":$mesh,
    ArrayRefParameter<"::cleave::AxisPlacement">:$axes
  );
  let assemblyFormat = "`<` $mesh `,` `[` custom<Axes>($axes) `]` `>`";
}

def Cleave_AxesAttr : AttrDef<Cleave_Dialect, "Axes"> {
  let mnemonic = "axes";
  let summary = "A list of placements along one axis each, for the axes that somebody else names";
  let description = "Example: `#cleave.axes<[S(0), B]>`";
  let parameters = (ins ArrayRefParameter<"::cleave::AxisPlacement">:$axes);
  let assemblyFormat = "`<` `[` custom<Axes>($axes) `]` `>`";
}

def Cleave_LayerAttr : AttrDef<Cleave_Dialect, "Layer"> {
  let mnemonic = "layer";
  let summary = "Which layer an op belongs to: instances of one class compute the same function";
  let description = "Example: `#cleave.layer<\"block\", 3>`";
  let parameters = (ins StringRefParameter<>:$name, "int64_t":$instance);
  let assemblyFormat = "`<` $name `,` $instance `>`";
}

def Cleave_InitAttr : AttrDef<Cleave_Dialect, "Init"> {
  let mnemonic = "init";
  let summary = "How a parameter is drawn at the start";
  let description = [{
    `distribution` is `"normal"` (mean, deviation), `"uniform"` (mean +- deviation) or `"constant"` (mean). `zero_row`
    is the row of dimension 0 that starts as zero (a padding token's), or -1.

    Example: `#cleave.init<"normal", mean = 0.0, deviation = 0.02, zero_row = -1>`
  }];
  let parameters = (ins StringRefParameter<>:$distribution, APFloatParameter<"">:$mean, APFloatParameter<"">:$deviation,
                        "int64_t":$zero_row);
  let builders = [AttrBuilder<(ins "::llvm::StringRef":$distribution, "double":$mean, "double":$deviation,
                                   CArg<"int64_t", "-1">:$zero_row), [{
    return $_get($_ctxt, distribution, ::llvm::APFloat(mean), ::llvm::APFloat(deviation), zero_row);
  }]>];
  let assemblyFormat = "`<` $distribution `,` `mean` `=` custom<Double>($mean) `,` "
                       "`deviation` `=` custom<Double>($deviation) `,` `zero_row` `=` $zero_row `>`";
  let genVerifyDecl = 1;
}

def Cleave_MeshOp : Op<Cleave_Dialect, "mesh", [Symbol]> {
  let summary = "Names devices that are laid out along axes";
  let description = [{
    Axes have names, kinds (`data` or `model`, which the placement rules use) and sizes. Without a kind, an axis named
    after one has it; else the first axis is `data` and the others are `model`. Devices are numbered row-major.

    Example:
    ```mlir
    cleave.mesh @pod <"data" = 2, "model" = 4>
    cleave.mesh @ring <"x" : "model" = 8>
    ```
  }];
  let arguments = (ins SymbolNameAttr:$sym_name, StrArrayAttr:$names, StrArrayAttr:$kinds, DenseI64ArrayAttr:$sizes);
  let assemblyFormat = "$sym_name custom<MeshAxes>($names, $kinds, $sizes) attr-dict";
  let hasVerifier = 1;
  let extraClassDeclaration = [{
    // The kind of an axis that says none.
    static ::llvm::StringRef kindOf(::llvm::StringRef name, bool isFirst);
    int64_t deviceCount();
    // Mesh coordinates of a device, row-major.
    ::llvm::SmallVector<int64_t> coordinatesOf(int64_t device);
    bool isData(size_t axis);
    ::llvm::StringRef axisName(size_t axis);
  }];
}

#endif // CLEAVE_IR_PLACEMENT
