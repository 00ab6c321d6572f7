// Random programs, placed and partitioned at random among all that is legal, equal what one device computes.

#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>

#include "kernels/reference/register.h"
#include "mlir/IR/Verifier.h"
#include "mlir/Pass/PassManager.h"
#include "passes/passes.h"
#include "tests/conformance/op_cases.h"
#include "tests/conformance/placements.h"
#include "tests/conformance/random_graph.h"
#include "tests/conformance/simulate.h"

namespace cleave {
namespace {

constexpr int kGraphs = 600;
constexpr int kLargestGraph = 14;  // ops

class RandomGraphs : public testing::Test {
 protected:
  RandomGraphs() {
    context_.loadDialect<CleaveDialect, mlir::func::FuncDialect>();
    registerReferenceKernels(kernels_);
  }

  absl::Status check(unsigned seed) {
    static const std::vector<std::vector<int64_t>> kMeshes = {{2}, {3}, {4}, {2, 2}, {2, 3}, {2, 2, 2}};
    std::mt19937 random(seed);
    const RandomGraph graph = drawGraph(context_, 4 + random() % (kLargestGraph - 3), kernels_, random);
    mlir::func::FuncOp function = functionOf(*graph.module);
    const std::vector<int64_t> &mesh = kMeshes[random() % kMeshes.size()];
    ops_ += graph.results.size();
    placeAtRandom(function, mesh, random);
    addMesh(*graph.module, mesh);
    text_.clear();
    llvm::raw_string_ostream(text_) << *graph.module;
    if (failed(mlir::verify(*graph.module))) return absl::InternalError("the verifier rejects a legal placement");
    mlir::PassManager passes(&context_);
    passes.addPass(createLowerReshardsPass());
    if (failed(passes.run(*graph.module))) return absl::InternalError("the lowering of its reshards fails");
    auto results = evaluatePlaced(function, graph.arguments, mesh, kernels_, random);
    if (!results.ok()) return results.status();
    for (size_t i = 0; i < graph.results.size(); ++i)
      if (absl::Status status = expectClose((*results)[i], graph.results[i], 1e-8); !status.ok())
        return absl::InternalError("result " + std::to_string(i) + " " + std::string(status.message()));
    return absl::OkStatus();
  }

  void addMesh(mlir::ModuleOp module, const std::vector<int64_t> &sizes) {
    mlir::OpBuilder b(module.getBody(), module.getBody()->begin());
    const llvm::StringRef names[] = {"a", "b", "c"}, kinds[] = {"data", "model", "model"};
    const size_t count = sizes.size();
    MeshOp::create(b, module.getLoc(), "mesh", b.getStrArrayAttr(llvm::ArrayRef(names).take_front(count)),
                   b.getStrArrayAttr(llvm::ArrayRef(kinds).take_front(count)), sizes);
  }

  mlir::MLIRContext context_;
  Registry kernels_;
  std::string text_;  // of the last graph, before its reshards are lowered
  int64_t ops_ = 0;
};

TEST_F(RandomGraphs, EqualOneDeviceHoweverTheyArePlaced) {
  // One seed alone: RANDOM_GRAPH_SEED=17.
  const char *only = std::getenv("RANDOM_GRAPH_SEED");
  const unsigned first = only ? std::strtoul(only, nullptr, 10) : 1, last = only ? first : kGraphs;
  int failures = 0;
  for (unsigned seed = first; seed <= last; ++seed) {
    const absl::Status status = check(seed);
    if (!status.ok() && ++failures <= 3) ADD_FAILURE() << "seed " << seed << ": " << status << "\n" << text_;
  }
  EXPECT_EQ(failures, 0);
  std::printf("%u graphs with %lld results, seeds %u to %u\n", last - first + 1, static_cast<long long>(ops_), first,
              last);
}

}  // namespace
}  // namespace cleave
