// Shapes and errors of layers of images; tests/python_bindings/image_test.py compares numbers.

#include "frontend/image_layers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "tests/frontend/module_text.h"

namespace cleave {
namespace {

using mlir::Value;
using testing::ElementsAre;
using testing::HasSubstr;

TEST(ImageLayers, HaveTheShapesOfTheirWindows) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value x = model.input("x", {2, 6, 9, 8}, ElementType::kFloat32);
  const Value weight = model.parameter("weight", {4, 6, 3, 2}, Init::normal(1));
  const Value narrow = model.parameter("narrow", {4, 3, 3, 2}, Init::normal(1));
  const Value bias = model.parameter("bias", {4}, Init::normal(1));
  const Value channels = model.parameter("channels", {6}, Init::normal(1));
  EXPECT_THAT(shapeOf(convolution(model, "plain", x, weight, {}, {})), ElementsAre(2, 4, 7, 7));
  EXPECT_THAT(shapeOf(convolution(model, "spread", x, weight, bias, {{2, 3}, {1, 2}, {2, 1}})),
              ElementsAre(2, 4, 4, 4));
  EXPECT_THAT(shapeOf(convolution(model, "grouped", x, narrow, bias, {}, 2)), ElementsAre(2, 4, 7, 7));
  EXPECT_THAT(shapeOf(maxPool(model, "max", x, {3, 2}, {{2, 2}, {1, 1}})), ElementsAre(2, 6, 5, 5));
  EXPECT_THAT(shapeOf(averagePool(model, "mean", x, {9, 8}, {})), ElementsAre(2, 6, 1, 1));
  EXPECT_THAT(shapeOf(groupNorm(model, "norm", x, 3, channels, channels, 1e-5)), ElementsAre(2, 6, 9, 8));
  EXPECT_TRUE(model.status().ok()) << model.status();
  model.endEntry({{"x", x}});
  EXPECT_TRUE(model.finish().ok());
}

TEST(ImageLayers, TakeTheNameOfTheirResult) {
  mlir::MLIRContext context;
  ModelBuilder model(context);
  model.beginEntry("loss");
  const Value x = model.input("x", {2, 6, 9, 8}, ElementType::kFloat32);
  EXPECT_EQ(model.nameOf(maxPool(model, "pool", x, {2, 2}, {})), "pool");
}

TEST(ImageLayers, NameTheRuleThatDoesNotHold) {
  struct Case {
    const char *message;
    Value (*make)(ModelBuilder &model, Value x, Value weight);
  };
  const Case cases[] = {
      {"\"y\": requires an image [batch, channels, height, width], got 2x54x8",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", m.reshape("r", x, {2, 54, 8}), w, {}, {}); }},
      {"requires a weight [out, in / groups, rows, columns], got 24x6",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", x, m.reshape("r", w, {24, 6}), {}, {}); }},
      {"requires a weight of sizes 4x2x3x2, got 4x6x3x2",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", m.slice("s", x, {0, 0, 0, 0}, {2, 2, 9, 8}),
                                                                  w, {}, {}); }},
      {"requires groups that divide 6 and 4 channels, got 3",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", x, w, {}, {}, 3); }},
      {"requires a bias of sizes 4, got 4x6x3x2",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", x, w, w, {}); }},
      {"requires windows that fit the padded height 9, got windows of 11",
       [](ModelBuilder &m, Value x, Value w) { return convolution(m, "y", x, w, {}, {{1, 1}, {0, 0}, {5, 1}}); }},
      {"requires a stride of 1 to 1048576, got 1, 0",
       [](ModelBuilder &m, Value x, Value) { return averagePool(m, "y", x, {2, 2}, {{1, 0}}); }},
      {"requires a padding of 0 to 1048576, got -1, 0",
       [](ModelBuilder &m, Value x, Value) { return averagePool(m, "y", x, {2, 2}, {{1, 1}, {-1, 0}}); }},
      {"requires a kernel of 1 to 1048576, got 0, 2",
       [](ModelBuilder &m, Value x, Value) { return maxPool(m, "y", x, {0, 2}, {}); }},
      {"requires a padding of at most half the kernel 2, got 2",
       [](ModelBuilder &m, Value x, Value) { return maxPool(m, "y", x, {2, 2}, {{1, 1}, {0, 2}}); }},
      {"requires groups that divide 6 channels, got 4",
       [](ModelBuilder &m, Value x, Value w) { return groupNorm(m, "y", x, 4, w, w, 1e-5); }},
      {"requires a weight of sizes 6, got 4x6x3x2",
       [](ModelBuilder &m, Value x, Value w) { return groupNorm(m, "y", x, 2, w, w, 1e-5); }},
      {"requires a value as weight, got a null one",
       [](ModelBuilder &m, Value x, Value) { return convolution(m, "y", x, {}, {}, {}); }},
  };
  for (const Case &wrong : cases) {
    mlir::MLIRContext context;
    ModelBuilder model(context);
    model.beginEntry("loss");
    const Value x = model.input("x", {2, 6, 9, 8}, ElementType::kFloat32);
    const Value weight = model.parameter("weight", {4, 6, 3, 2}, Init::normal(1));
    EXPECT_FALSE(wrong.make(model, x, weight)) << wrong.message;
    EXPECT_FALSE(maxPool(model, "after", x, {2, 2}, {})) << wrong.message;
    EXPECT_THAT(std::string(model.status().message()), HasSubstr(wrong.message));
  }
}

}  // namespace
}  // namespace cleave
