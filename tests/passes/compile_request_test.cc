#include "passes/compile_request.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "ir/cleave.h"

namespace cleave {
namespace {

using ::testing::HasSubstr;

class CompileRequestTest : public ::testing::Test {
 protected:
  CompileRequestTest() {
    context_.loadDialect<CleaveDialect>();
    module_ = mlir::ModuleOp::create(mlir::UnknownLoc::get(&context_));
    request_.training.batch = 4;
  }
  std::string errorOf(const absl::Status &status) { return std::string(status.message()); }

  mlir::MLIRContext context_;
  mlir::OwningOpRef<mlir::ModuleOp> module_;
  CompileRequest request_;
};

TEST_F(CompileRequestTest, PutsTheMeshIntoTheModuleOnce) {
  ASSERT_TRUE(setMesh({{"data", "", 2}, {"x", "", 4}}, *module_).ok());
  ASSERT_TRUE(setMesh({{"data", "data", 2}, {"x", "model", 4}}, *module_).ok());  // the same
  EXPECT_THAT(errorOf(setMesh({{"data", "", 4}}, *module_)), HasSubstr("requires the mesh that the module has"));
  EXPECT_EQ(std::distance(module_->getOps<MeshOp>().begin(), module_->getOps<MeshOp>().end()), 1);
}

TEST_F(CompileRequestTest, RefusesMeshesThatCannotBe) {
  EXPECT_THAT(errorOf(setMesh({}, *module_)), HasSubstr("requires at least one axis"));
  EXPECT_THAT(errorOf(setMesh({{"a b", "", 2}}, *module_)), HasSubstr("requires a name of letters"));
  EXPECT_THAT(errorOf(setMesh({{"x", "", 0}}, *module_)), HasSubstr("\"x\" requires a size from 1 to 4096, got 0"));
  EXPECT_THAT(errorOf(setMesh({{"x", "", 2}, {"x", "", 2}}, *module_)), HasSubstr("got \"x\" twice"));
  EXPECT_THAT(errorOf(setMesh({{"x", "", 4096}, {"y", "", 2}}, *module_)), HasSubstr("at most 4096 devices"));
  EXPECT_TRUE(module_->getOps<MeshOp>().empty());
}

TEST_F(CompileRequestTest, ChecksWhatItPutsIntoTheModule) {
  ASSERT_TRUE(setMesh({{"model", "", 2}}, *module_).ok());
  ASSERT_TRUE(setRequest(request_, *module_).ok());
  request_.strategy = "luck";
  EXPECT_THAT(errorOf(setRequest(request_, *module_)), HasSubstr("strategy: requires rules or none, got luck"));
  request_.strategy = "none";
  request_.training.microbatches = 3;
  EXPECT_THAT(errorOf(setRequest(request_, *module_)), HasSubstr("requires a batch that the number of microbatches"));
  request_.training.microbatches = 1;
  request_.links = {{"data", "1GB/s,1us"}};
  EXPECT_THAT(errorOf(setRequest(request_, *module_)), HasSubstr("link: requires an axis of the mesh, got \"data\""));
}

TEST_F(CompileRequestTest, TakesPinsOfOneNameTogether) {
  ASSERT_TRUE(setMesh({{"data", "", 2}, {"model", "", 2}}, *module_).ok());
  request_.pins = {{"x", {{"model", "S(1)"}}}, {"x", {{"data", "S(0)"}}}, {"x", {{"model", "S(1)"}}}};
  ASSERT_TRUE(setRequest(request_, *module_).ok());
  const auto pins = (*module_)->getAttrOfType<mlir::DictionaryAttr>("cleave.pins");
  ASSERT_EQ(pins.size(), 1u);
  EXPECT_EQ(pins.getAs<mlir::DictionaryAttr>("x").size(), 2u);
  request_.pins.push_back({"x", {{"model", "B"}}});
  EXPECT_THAT(errorOf(setRequest(request_, *module_)),
              HasSubstr("pin \"x\": requires one placement along model, got S(1) and B"));
}

}  // namespace
}  // namespace cleave
