// A loaded plan as plain structs: what the runtime takes. Nothing here knows protobuf.
//
// The meaning of every field is plan.proto's; indices are from 0 and -1 means none (plan.proto counts optional ones
// from 1). Everything has been validated by loadPlan: indices are in range, sizes fit, kernels are known and checked,
// the step cannot deadlock and values that share bytes don't meet.

#ifndef CLEAVE_RUNTIME_PLAN_PROGRAM_H
#define CLEAVE_RUNTIME_PLAN_PROGRAM_H

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "kernels/api/attributes.h"
#include "kernels/api/communicator.h"
#include "kernels/api/registry.h"
#include "kernels/api/tensor_view.h"

namespace cleave::program {

struct TensorType {
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;  // global

  int64_t elements() const;
  std::string str() const;  // "4x16xf32"
};

// One box a rank; together they cover the tensor, and two of them are equal or disjoint.
struct Layout {
  std::vector<std::string> placement;
  std::vector<Box> boxes;
};

struct Variable {
  enum class Role { kParameter, kState };
  std::string name;
  Role role = Role::kParameter;
  bool trainable = false;
  TensorType type;
  Layout layout;
  std::string parameter;
  double fill = 0;
};

// Bytes of a rank's arena that hold one value, or a view of another register's.
struct Register {
  std::string name;
  int64_t offset = 0;     // of the first byte within the arena; a view's is that of its first element on any rank
  int64_t bytes = 0;      // of one copy; of a view: from its first to behind its last element
  int64_t count = 1;      // a view's is that of what it views
  int64_t copyBytes = 0;  // distance between two copies (a view's is that of what it views)
  DType dtype = DType::kF32;
  std::vector<int64_t> dims;     // local
  std::vector<int64_t> strides;  // in elements
  int viewOf = -1;
  int variable = -1;
  // Of a view that lies elsewhere on each rank of the class: bytes from `offset` to its first element, by member. The view
  // is then anywhere within [offset, offset + bytes). Else empty.
  std::vector<int64_t> starts;

  // Where the `use`-th use of the register lies on a member of the class.
  TensorView view(char *arena, int64_t use, int member) const;
};

struct Stream {
  std::string name;
  std::vector<int> tasks;
};

struct Task {
  std::string kernel;
  std::vector<int> inputs, outputs;  // registers
  int collective = -1;
  int64_t repeat = 1;
  std::string op, layer, phase, location;
  std::vector<int> after;  // tasks
  int stream = 0;
  // One for all ranks of the class, or one for each, in the order of RankClass::ranks. Empty for a collective.
  std::vector<Attributes> attributes;
  std::vector<const Kernel *> kernels;

  const Attributes &attributesOf(int member) const { return attributes[attributes.size() == 1 ? 0 : member]; }
  const Kernel *kernelOf(int member) const { return kernels[kernels.size() == 1 ? 0 : member]; }
  std::string str() const;  // "op 'x' (layer block 3, at model.mlir:3:1)"
};

struct Program {
  std::vector<Register> registers;
  std::vector<Stream> streams;
  std::vector<Task> tasks;
};

struct Port {
  std::string name;
  TensorType type;
  Layout layout;
  std::vector<int> registers;  // one a program
};

struct Entry {
  std::string name;
  std::vector<Port> inputs, outputs;
  std::vector<Program> programs;  // one a class
  std::vector<CollectiveSpec> collectives;
};

struct RankClass {
  std::vector<int> ranks;
  int64_t arenaBytes = 0;
  std::vector<Register> variables;  // one for each of LoadedPlan::variables
};

struct MeshAxis {
  std::string name, kind;
  int64_t size = 1;
};

struct Training {
  int64_t batch = 0, seq = 0, targetSeq = 0, microbatches = 1;
  std::string optimizer;
  double learningRate = 0;
  std::string schedule;
  int64_t warmup = 0, totalSteps = 0;
  double minLearningRate = 0;
  bool clips = false;
  double flopsPerStep = 0;
};

struct DataInput {
  std::string name, source, otherwise;
  int64_t limit = 0;
};

struct StoredTensor {
  std::string fileName;
  std::vector<std::string> parameters;
  int64_t dimension = 0;
  bool transposed = false;
  std::vector<std::string> aliases;
};

struct ModelFamily {
  std::string modelType;
  int64_t vocabulary = 0;
  bool causal = false;
  std::vector<DataInput> inputs;
  std::vector<StoredTensor> stored;
  std::vector<std::string> prefixes, ignored;
  int64_t decoderStartToken = 0, padToken = 0;
  int64_t documentEnd = -1;
};

struct Provenance {
  std::string modelName, modelText;
  std::vector<std::string> flags;
  std::string compiler;
};

}  // namespace cleave::program

namespace cleave {

struct LoadedPlan {
  std::string hash;  // 32 bytes
  program::Provenance provenance;
  std::vector<program::MeshAxis> mesh;
  std::vector<program::Variable> variables;
  std::vector<program::RankClass> classes;
  std::vector<program::Entry> entries;
  program::Training training;
  program::ModelFamily family;

  // Where a rank's program is found: the class, and the rank's position in it.
  struct Member {
    int rankClass = 0;
    int position = 0;
  };
  std::vector<Member> members;  // by rank

  int ranks() const { return static_cast<int>(members.size()); }
  std::string hashHex() const;
  const program::Entry *findEntry(const std::string &name) const;  // null if there is none
  int findVariable(const std::string &name) const;                 // -1 if there is none
};

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_PLAN_PROGRAM_H
