// The types and attribute constraints that ops use.

#ifndef CLEAVE_IR_TYPES
#define CLEAVE_IR_TYPES

include "mlir/IR/OpBase.td"

// Every value is a ranked tensor of a static shape.
class Cleave_TensorOf<list<Type> elements> : StaticShapeTensorOf<elements>;

def Cleave_Tensor : Cleave_TensorOf<[F32, F64, BF16, F16, I32, I64, I1]>;
def Cleave_FloatTensor : Cleave_TensorOf<[F32, F64, BF16, F16]>;
def Cleave_IntTensor : Cleave_TensorOf<[I32, I64]>;
def Cleave_NumberTensor : Cleave_TensorOf<[F32, F64, BF16, F16, I32, I64]>;
def Cleave_BoolTensor : Cleave_TensorOf<[I1]>;
// Seed and step of a run.
def Cleave_KeyTensor : Type<And<[Cleave_TensorOf<[I32]>.predicate,
                                 CPred<"::mlir::cast<::mlir::RankedTensorType>($_self).getShape() == "
                                       "::llvm::ArrayRef<int64_t>{4}">]>,
                            "random key of type tensor<4xi32>", "::mlir::RankedTensorType">;

// Like I64Attr, but it reads as it is written: -1 is less than 0.
def Cleave_IntAttr : TypedSignlessIntegerAttrBase<I64, "int64_t", "64-bit signless integer attribute"> {
  let convertFromStorage = "$_self.getInt()";
}

// A string out of a few.
class Cleave_OneOf<list<string> words>
    : ConfinedAttr<StrAttr, [AttrConstraint<
          CPred<"::llvm::is_contained({\"" # !interleave(words, "\", \"") #
                "\"}, ::mlir::cast<::mlir::StringAttr>($_self).getValue())">,
          "one of " # !interleave(words, ", ")>]>;

#endif // CLEAVE_IR_TYPES
