#include "passes/emit/attribute_message.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "mlir/AsmParser/AsmParser.h"
#include "mlir/IR/MLIRContext.h"
#include "runtime/plan/plan.pb.h"

namespace cleave {
namespace {

using ::testing::HasSubstr;

class AttributeMessage : public ::testing::Test {
 protected:
  absl::Status read(const std::string &text, google::protobuf::Message &message) {
    auto attribute = mlir::dyn_cast_or_null<mlir::DictionaryAttr>(mlir::parseAttribute(text, &context_));
    if (!attribute) return absl::InternalError("the test's text is no dictionary");
    return readMessage(attribute, message);
  }
  std::string errorOf(const std::string &text) {
    plan::ModelFamily family;
    return std::string(read(text, family).message());
  }

  mlir::MLIRContext context_;
};

TEST_F(AttributeMessage, HasTheFieldsOfTheDictionaryAndOfThoseInside) {
  plan::ModelFamily family;
  const absl::Status status = read(
      "{model_type = \"x\", vocabulary = 7 : i64, causal = true, prefixes = [\"a.\", \"b.\"], "
      "inputs = [{name = \"ids\", limit = 7 : i64}, {name = \"labels\"}]}",
      family);
  ASSERT_TRUE(status.ok()) << status;
  EXPECT_EQ(family.model_type(), "x");
  EXPECT_EQ(family.vocabulary(), 7);
  EXPECT_TRUE(family.causal());
  EXPECT_THAT(family.prefixes(), ::testing::ElementsAre("a.", "b."));
  ASSERT_EQ(family.inputs_size(), 2);
  EXPECT_EQ(family.inputs(0).name(), "ids");
  EXPECT_EQ(family.inputs(0).limit(), 7);
  EXPECT_EQ(family.inputs(1).name(), "labels");
}

TEST_F(AttributeMessage, TakesNumbersOfAnyFloatType) {
  plan::Training training;
  ASSERT_TRUE(read("{learning_rate = 5.0e-1 : f32, min_learning_rate = 0.25 : f64}", training).ok());
  EXPECT_EQ(training.learning_rate(), 0.5);
  EXPECT_EQ(training.min_learning_rate(), 0.25);
}

TEST_F(AttributeMessage, NamesTheFieldThatIsUnknownOrOfAnotherType) {
  EXPECT_THAT(errorOf("{colour = \"red\"}"), HasSubstr("requires fields of ModelFamily, got 'colour'"));
  EXPECT_THAT(errorOf("{model_type = 3 : i64}"), HasSubstr("requires 'model_type' to be a string, got 3"));
  EXPECT_THAT(errorOf("{vocabulary = 3 : i32}"),
              HasSubstr("requires 'vocabulary' to be a 64-bit integer, got 3 : i32"));
  EXPECT_THAT(errorOf("{causal = \"yes\"}"), HasSubstr("requires 'causal' to be a bool"));
  EXPECT_THAT(errorOf("{prefixes = \"a.\"}"), HasSubstr("requires 'prefixes' to be a list"));
  EXPECT_THAT(errorOf("{prefixes = [1 : i64]}"), HasSubstr("requires 'prefixes' to be a string"));
  EXPECT_THAT(errorOf("{inputs = [\"ids\"]}"), HasSubstr("requires 'inputs' to be a dictionary"));
  EXPECT_THAT(errorOf("{inputs = [{name = 1 : i64}]}"), HasSubstr("requires 'name' to be a string"));
}

}  // namespace
}  // namespace cleave
