#include "runtime/data/array_batch.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave {
namespace {

using program::Entry;
using program::Port;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Port port(const std::string &name, std::vector<int64_t> dims, DType dtype = DType::kI32) {
  Port port;
  port.name = name;
  port.type = {dtype, std::move(dims)};
  return port;
}

// Batch 2, sequence 3, 10 tokens; the mask may be absent, and a decoder's inputs are made of the labels.
LoadedPlan planOf(std::vector<int64_t> dims = {2, 3}) {
  LoadedPlan plan;
  plan.training.batch = 2;
  plan.family.decoderStartToken = 9;
  plan.family.inputs = {{"input_ids", "input_ids", "required", 10},
                        {"attention_mask", "attention_mask", "ones", 2},
                        {"decoder_input_ids", "labels", "shift_right", 10},
                        {"labels", "labels", "required", 10}};
  Entry step;
  step.name = "step";
  for (const program::DataInput &input : plan.family.inputs) step.inputs.push_back(port(input.name, dims));
  step.inputs.push_back(port("lr", {}, DType::kF32));
  plan.entries = {step};
  return plan;
}

class ArrayBatch : public ::testing::Test {
 protected:
  absl::StatusOr<std::map<std::string, TensorView>> take(const LoadedPlan &plan) {
    return inputsFrom(arrays_, plan, plan.entries[0], made_);
  }
  std::string errorOf(const LoadedPlan &plan) { return std::string(take(plan).status().message()); }

  std::vector<int32_t> ids_ = {1, 2, 3, 4, 5, 6};
  std::vector<int64_t> labels_ = {7, 8, -100, 1, 2, 3};
  Arrays arrays_ = {{"input_ids", TensorView::contiguous(ids_.data(), DType::kI32, {2, 3})},
                    {"labels", TensorView::contiguous(labels_.data(), DType::kI64, {2, 3})}};
  Batch made_;
};

std::vector<int32_t> valuesOf(const TensorView &view) {
  return {view.as<int32_t>(), view.as<int32_t>() + view.elements()};
}

TEST_F(ArrayBatch, TakesWhatHasThePortsTypeWhereItLies) {
  const LoadedPlan plan = planOf();
  auto inputs = take(plan);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->at("input_ids").data, ids_.data());
  EXPECT_EQ(made_.count("input_ids"), 0);
}

TEST_F(ArrayBatch, ConvertsMakesAndDerivesTheRest) {
  const LoadedPlan plan = planOf();
  auto inputs = take(plan);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(valuesOf(inputs->at("labels")), ElementsAre(7, 8, -100, 1, 2, 3));
  EXPECT_THAT(valuesOf(inputs->at("attention_mask")), ElementsAre(1, 1, 1, 1, 1, 1));
  EXPECT_THAT(valuesOf(inputs->at("decoder_input_ids")), ElementsAre(9, 7, 8, 9, 1, 2));
}

TEST_F(ArrayBatch, TakesADerivedInputThatIsGiven) {
  arrays_["decoder_input_ids"] = arrays_["input_ids"];
  const LoadedPlan plan = planOf();
  auto inputs = take(plan);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_EQ(inputs->at("decoder_input_ids").data, ids_.data());
}

TEST_F(ArrayBatch, ConvertsADerivedInputThatIsGiven) {
  std::vector<int64_t> own = {6, 5, 4, 3, 2, 1};
  TensorView &given = arrays_["decoder_input_ids"] = arrays_["labels"];
  given.data = own.data();
  const LoadedPlan plan = planOf();
  auto inputs = take(plan);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  EXPECT_THAT(valuesOf(inputs->at("decoder_input_ids")), ElementsAre(6, 5, 4, 3, 2, 1));
}

TEST_F(ArrayBatch, SeesMicrobatchesInABatchWithoutACopy) {
  LoadedPlan plan = planOf({2, 1, 3});
  plan.training.microbatches = 2;
  auto inputs = take(plan);
  ASSERT_TRUE(inputs.ok()) << inputs.status();
  const TensorView &ids = inputs->at("input_ids");
  EXPECT_EQ(ids.data, ids_.data());
  EXPECT_THAT(ids.dims(), ElementsAre(2, 1, 3));
  EXPECT_EQ(ids.strides[0], 3);
}

TEST_F(ArrayBatch, FollowsStrides) {
  TensorView &ids = arrays_["input_ids"];  // columns first
  ids.strides = {1, 2};
  ids_ = {1, 4, 2, 5, 3, 60};
  EXPECT_THAT(errorOf(planOf()),
              HasSubstr("batch at \"input_ids\" row 1 position 2: requires a value from 0 to 9, got 60"));
}

TEST_F(ArrayBatch, NamesWhatIsWrong) {
  arrays_["input_ids"].shape[1] = 2;
  EXPECT_THAT(errorOf(planOf()), HasSubstr("requires \"input_ids\" of shape 2x3, got 2x2"));
  arrays_["input_ids"].shape[1] = 3;
  labels_[4] = 10;
  EXPECT_THAT(errorOf(planOf()),
              HasSubstr("batch at \"labels\" row 1 position 1: requires a value from 0 to 9, or -100"));
  arrays_["label"] = arrays_["labels"];
  EXPECT_THAT(errorOf(planOf()),
              HasSubstr("requires arrays out of input_ids, attention_mask, labels, decoder_input_ids"));
  arrays_.erase("label");
  arrays_.erase("input_ids");
  EXPECT_THAT(errorOf(planOf()), HasSubstr("requires tensor \"input_ids\""));
}

}  // namespace
}  // namespace cleave
