#include "runtime/data/batch_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "runtime/data/batch_stream.h"
#include "tests/runtime/temporary_folder.h"
#include "tests/runtime/weights/raw_safetensors.h"

namespace cleave {
namespace {

using program::DataInput;
using program::Entry;
using program::Port;
using testing::bytesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::rawSafetensors;
using testing::TemporaryFolder;

Port port(const std::string &name, std::vector<int64_t> dims, DType dtype = DType::kI32) {
  Port port;
  port.name = name;
  port.type = {dtype, std::move(dims)};
  return port;
}

// A causal model of 10 tokens, batch 2, sequence 3.
LoadedPlan causalPlan() {
  LoadedPlan plan;
  plan.training.batch = 2;
  plan.training.seq = 3;
  plan.family.causal = true;
  plan.family.vocabulary = 10;
  plan.family.inputs = {{"input_ids", "input_ids", "required", 10}, {"labels", "labels", "required", 10}};
  Entry step;
  step.name = "step";
  step.inputs = {port("input_ids", {2, 3}), port("labels", {2, 3}), port("lr", {}, DType::kF32), port("rng", {4})};
  plan.entries = {step};
  return plan;
}

absl::StatusOr<BatchReader> openWith(const LoadedPlan &plan, const std::string &path, int tokenBytes = 2) {
  return BatchReader::open(path, tokenBytes, plan, plan.entries[0]);
}

template <typename T>
std::vector<T> valuesOf(const Batch &batch, const std::string &name) {
  const HostTensor &tensor = batch.at(name);
  return std::vector<T>(tensor.as<T>(), tensor.as<T>() + tensor.elements());
}

std::string tensorText(const std::string &name, const std::string &dtype, const std::string &shape, size_t begin,
                       size_t end) {
  return "\"" + name + "\":{\"dtype\":\"" + dtype + "\",\"shape\":" + shape + ",\"data_offsets\":[" +
         std::to_string(begin) + "," + std::to_string(end) + "]}";
}

// One I32 tensor after the other.
std::string examples(const std::vector<std::pair<std::string, std::vector<int32_t>>> &tensors, int64_t rows) {
  std::string header = "{", data;
  for (const auto &[name, values] : tensors) {
    const std::string shape = "[" + std::to_string(rows) + "," + std::to_string(int64_t(values.size()) / rows) + "]";
    header +=
        (header.size() > 1 ? "," : "") + tensorText(name, "I32", shape, data.size(), data.size() + 4 * values.size());
    data += bytesOf(values);
  }
  return rawSafetensors(header + "}", data);
}

TEST(TokenFile, GivesRowsOfInputsAndOfTheTokensThatFollowThem) {
  TemporaryFolder folder;
  auto reader =
      openWith(causalPlan(), folder.write("x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6, 7, 8})));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->rows(), 2) << "the ninth token ends no row";
  auto batch = reader->read({1, 0}, 2);
  ASSERT_TRUE(batch.ok());
  EXPECT_THAT(valuesOf<int32_t>(*batch, "input_ids"), ElementsAre(3, 4, 5, 0, 1, 2));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "labels"), ElementsAre(4, 5, 6, 1, 2, 3));
  EXPECT_EQ(batch->size(), 2u) << "lr and rng are not data";
}

TEST(TokenFile, MayHoldTokensOfFourBytes) {
  TemporaryFolder folder;
  LoadedPlan plan = causalPlan();
  plan.family.inputs[0].limit = plan.family.inputs[1].limit = 100000;
  auto reader = openWith(plan, folder.write("x.bin", bytesOf(std::vector<uint32_t>{70000, 1, 2, 65536})), 4);
  ASSERT_TRUE(reader.ok()) << reader.status();
  auto batch = reader->read({0, 0}, 2);
  EXPECT_THAT(valuesOf<int32_t>(*batch, "labels"), ElementsAre(1, 2, 65536, 1, 2, 65536));
}

TEST(TokenFile, ServesAModelThatSaysNothingOfItselfButTakesTokensAndLabels) {
  TemporaryFolder folder;
  LoadedPlan plan = causalPlan();
  plan.family = {};
  const std::string path = folder.write("x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 3}));
  auto reader = openWith(plan, path);
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT(valuesOf<int32_t>(*reader->read({0, 0}, 2), "labels"), ElementsAre(1, 2, 3, 1, 2, 3));
  plan.entries[0].inputs.push_back(port("attention_mask", {2, 3}));
  EXPECT_THAT(std::string(openWith(plan, path).status().message()), HasSubstr("for a model that is not causal"));
}

TEST(Rows, ThatDoNotCountHaveNoLabels) {
  TemporaryFolder folder;
  auto reader = openWith(causalPlan(), folder.write("x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 3})));
  auto batch = reader->read({0, 0}, 1);
  EXPECT_THAT(valuesOf<int32_t>(*batch, "labels"), ElementsAre(1, 2, 3, -100, -100, -100));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "input_ids"), ElementsAre(0, 1, 2, 0, 1, 2));
}

TEST(Microbatches, HoldTheSameBytesAsTheWholeBatch) {
  TemporaryFolder folder;
  LoadedPlan plan = causalPlan();
  plan.entries[0].inputs[0].type.dims = plan.entries[0].inputs[1].type.dims = {2, 1, 3};
  auto reader = openWith(plan, folder.write("x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 3, 4, 5, 6})));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT(valuesOf<int32_t>(*reader->read({0, 1}, 2), "input_ids"), ElementsAre(0, 1, 2, 3, 4, 5));
}

TEST(Documents, GetSegmentsAndPositionsFromTheTokenThatEndsThem) {
  TemporaryFolder folder;
  LoadedPlan plan = causalPlan();
  plan.training.batch = 1;
  plan.family.documentEnd = 9;
  plan.family.inputs = {{"input_ids", "input_ids", "required", 10},
                        {"labels", "labels", "required", 10},
                        {"segment_ids", "input_ids", "segments", 0},
                        {"position_ids", "input_ids", "positions", 0}};
  plan.entries[0].inputs = {port("input_ids", {1, 6}), port("labels", {1, 6}), port("segment_ids", {1, 6}),
                            port("position_ids", {1, 6})};
  auto reader = openWith(plan, folder.write("x.bin", bytesOf(std::vector<uint16_t>{5, 9, 6, 7, 9, 8, 1})));
  ASSERT_TRUE(reader.ok()) << reader.status();
  auto batch = reader->read({0}, 1);
  EXPECT_THAT(valuesOf<int32_t>(*batch, "input_ids"), ElementsAre(5, 9, 6, 7, 9, 8));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "segment_ids"), ElementsAre(0, 0, 1, 1, 1, 2));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "position_ids"), ElementsAre(0, 1, 0, 1, 2, 0));
}

// An encoder-decoder of 10 tokens, batch 1, sequence 3, target sequence 4.
LoadedPlan encoderDecoderPlan() {
  LoadedPlan plan;
  plan.training.batch = 1;
  plan.family.modelType = "t5";
  plan.family.padToken = 7;
  plan.family.decoderStartToken = 8;
  plan.family.inputs = {{"input_ids", "input_ids", "required", 10},
                        {"attention_mask", "attention_mask", "ones", 0},
                        {"token_type_ids", "token_type_ids", "zeros", 2},
                        {"decoder_input_ids", "labels", "shift_right", 10},
                        {"labels", "labels", "required", 10}};
  Entry step;
  step.name = "step";
  step.inputs = {port("input_ids", {1, 3}), port("attention_mask", {1, 3}), port("token_type_ids", {1, 3}, DType::kI64),
                 port("decoder_input_ids", {1, 4}), port("labels", {1, 4})};
  plan.entries = {step};
  return plan;
}

TEST(Examples, GetWhatTheirFileLacks) {
  TemporaryFolder folder;
  auto reader =
      openWith(encoderDecoderPlan(),
               folder.write("x.safetensors",
                            examples({{"input_ids", {1, 2, 3, 4, 5, 6}}, {"labels", {1, 2, -100, 3, 4, 5, 6, 0}}}, 2)));
  ASSERT_TRUE(reader.ok()) << reader.status();
  auto batch = reader->read({0}, 1);
  EXPECT_THAT(valuesOf<int32_t>(*batch, "input_ids"), ElementsAre(1, 2, 3));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "attention_mask"), ElementsAre(1, 1, 1));
  EXPECT_THAT(valuesOf<int64_t>(*batch, "token_type_ids"), ElementsAre(0, 0, 0));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "labels"), ElementsAre(1, 2, -100, 3));
  EXPECT_THAT(valuesOf<int32_t>(*batch, "decoder_input_ids"), ElementsAre(8, 1, 2, 7))
      << "shifted right, -100 as the pad token";
}

TEST(Examples, HaveTypesOfMinusOneWhereAnAbsentTypeIsNone) {
  TemporaryFolder folder;
  LoadedPlan plan = encoderDecoderPlan();
  plan.family.inputs[2] = {"token_type_ids", "token_type_ids", "minus_ones", 10};
  const std::string without = examples({{"input_ids", {1, 2, 3}}, {"labels", {1, 2, 3, 4}}}, 1);
  auto reader = openWith(plan, folder.write("without.safetensors", without));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT(valuesOf<int64_t>(*reader->read({0}, 1), "token_type_ids"), ElementsAre(-1, -1, -1));
  const std::string with =
      examples({{"input_ids", {1, 2, 3}}, {"labels", {1, 2, 3, 4}}, {"token_type_ids", {9, 0, -1}}}, 1);
  EXPECT_THAT(std::string(openWith(plan, folder.write("with.safetensors", with)).status().message()),
              HasSubstr("at \"token_type_ids\" row 0 position 2: requires a value from 0 to 9, got -1"));
}

TEST(Examples, KeepTheMaskThatTheirFileHas) {
  TemporaryFolder folder;
  const std::string file =
      examples({{"attention_mask", {1, 1, 0}}, {"input_ids", {1, 2, 3}}, {"labels", {1, 2, 3, 4}}, {"other", {1}}}, 1);
  auto reader = openWith(encoderDecoderPlan(), folder.write("x.safetensors", file));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT(valuesOf<int32_t>(*reader->read({0}, 1), "attention_mask"), ElementsAre(1, 1, 0));
  EXPECT_THAT(reader->unusedColumns(), ElementsAre("other"));
}

TEST(Examples, MayBeFloatsForAModelOfFloats) {
  TemporaryFolder folder;
  LoadedPlan plan;
  plan.training.batch = 1;
  Entry step;
  step.inputs = {port("x", {1, 2}, DType::kF32)};
  plan.entries = {step};
  const std::string file =
      rawSafetensors("{" + tensorText("x", "F32", "[2,2]", 0, 16) + "}", bytesOf(std::vector<float>{1, 2, 3, 4}));
  auto reader = openWith(plan, folder.write("x.safetensors", file));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_THAT(valuesOf<float>(*reader->read({1}, 1), "x"), ElementsAre(3, 4));
}

struct BadData {
  const char *what;
  const char *name;
  std::string bytes;
  const char *message;
};

TEST(TokenFile, IsRefusedWithFileAndPositionWhereItIsWrong) {
  const std::vector<BadData> cases = {
      {"half a token", "x.bin", std::string(9, '\0'),
       "x.bin\": requires a multiple of 2 bytes a token, got 9 bytes (token 4 is cut off)"},
      {"too short for a row", "x.bin", std::string(6, '\0'),
       "x.bin\": requires at least 4 tokens for one row of 3, got 3"},
      {"nothing", "x.bin", "", "requires at least 4 tokens for one row of 3, got 0"},
      {"a token outside the vocabulary", "x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 3, 4, 10, 6}),
       "x.bin\" at token 5: requires a value from 0 to 9, got 10"},
      {"a last label outside the vocabulary", "x.bin", bytesOf(std::vector<uint16_t>{0, 1, 2, 11}),
       "x.bin\" at token 3: requires a value from 0 to 9, or -100, got 11"},
      {"a text", "x.txt", "In the beginning", "requires data that end in .bin, .safetensors or .json"},
  };
  for (const BadData &bad : cases) {
    TemporaryFolder folder;
    EXPECT_THAT(std::string(openWith(causalPlan(), folder.write(bad.name, bad.bytes)).status().message()),
                HasSubstr(bad.message))
        << bad.what;
  }
  EXPECT_THAT(std::string(openWith(causalPlan(), "/nonexistent/x.bin").status().message()),
              HasSubstr("/nonexistent/x.bin\": No such file"));
  TemporaryFolder folder;
  EXPECT_THAT(
      std::string(openWith(encoderDecoderPlan(), folder.write("x.bin", std::string(80, '\0'))).status().message()),
      HasSubstr("requires examples (.safetensors) for a model that is not causal, got tokens"));
}

TEST(Examples, AreRefusedWithFileAndPositionWhereTheyAreWrong) {
  const std::vector<BadData> cases = {
      {"no labels", "x.safetensors", examples({{"input_ids", {1, 2, 3}}}, 1),
       "requires tensor \"labels\", got input_ids"},
      {"rows of another length", "x.safetensors", examples({{"input_ids", {1, 2}}, {"labels", {1, 2, 3, 4}}}, 1),
       "requires 3 values an example in \"input_ids\" (the plan's 1x3xi32), got 2"},
      {"a token outside the vocabulary", "x.safetensors",
       examples({{"input_ids", {1, 2, 3, 4, -1, 6}}, {"labels", {1, 2, 3, 4, 5, 6, 7, 8}}}, 2),
       "x.safetensors\" at \"input_ids\" row 1 position 1: requires a value from 0 to 9, got -1"},
      {"a label outside the vocabulary", "x.safetensors",
       examples({{"input_ids", {1, 2, 3}}, {"labels", {1, -99, 3, 4}}}, 1),
       "at \"labels\" row 0 position 1: requires a value from 0 to 9, or -100, got -99"},
      {"a token type out of range", "x.safetensors",
       examples({{"input_ids", {1, 2, 3}}, {"labels", {1, 2, 3, 4}}, {"token_type_ids", {0, 2, 0}}}, 1),
       "at \"token_type_ids\" row 0 position 1: requires a value from 0 to 1, got 2"},
      {"ids that are floats", "x.safetensors",
       rawSafetensors("{" + tensorText("input_ids", "F32", "[1,3]", 0, 12) + "," +
                          tensorText("labels", "I32", "[1,4]", 12, 28) + "}",
                      std::string(28, '\0')),
       "requires dtype I32, I64, U8 or BOOL for \"input_ids\", got F32"},
      {"different numbers of examples", "x.safetensors",
       rawSafetensors("{" + tensorText("input_ids", "I32", "[1,3]", 0, 12) + "," +
                          tensorText("labels", "I32", "[2,2]", 12, 28) + "}",
                      std::string(28, '\0')),
       "requires as many examples in each tensor, got 1 in \"input_ids\" and 2 in \"labels\""},
      {"a scalar", "x.safetensors",
       rawSafetensors("{" + tensorText("x", "I32", "[]", 0, 4) + "}", std::string(4, '\0')), "got a scalar \"x\""},
      {"no examples", "x.safetensors", rawSafetensors("{" + tensorText("x", "I32", "[0,3]", 0, 0) + "}", ""),
       "requires at least one example, got 0"},
      {"no tensors", "x.safetensors", rawSafetensors("{}", ""), "requires at least one tensor, got none"},
      {"no safetensors", "x.safetensors", "hello", "requires at least 8 bytes, got 5"},
  };
  for (const BadData &bad : cases) {
    TemporaryFolder folder;
    EXPECT_THAT(std::string(openWith(encoderDecoderPlan(), folder.write(bad.name, bad.bytes)).status().message()),
                HasSubstr(bad.message))
        << bad.what;
  }
}

// Tokens of two sources: one has even ones, the other odd ones.
std::string writeSources(TemporaryFolder &folder) {
  std::vector<uint16_t> even(31), odd(16);
  for (size_t i = 0; i < even.size(); ++i) even[i] = uint16_t(2 * (i % 5));
  for (size_t i = 0; i < odd.size(); ++i) odd[i] = uint16_t(1 + 2 * (i % 5));
  folder.write("even.bin", bytesOf(even));
  folder.write("odd.bin", bytesOf(odd));
  return folder.write("mix.json", R"({"sources": {"even": {"data": "even.bin", "weight": 3},
                                                  "odd": {"data": "odd.bin", "weight": 1}}})");
}

TEST(Mixture, DrawsEachExampleByWeightAndTakesSourcesInTheirOrder) {
  TemporaryFolder folder;
  auto reader = openWith(causalPlan(), writeSources(folder));
  ASSERT_TRUE(reader.ok()) << reader.status();
  EXPECT_EQ(reader->rows(), 15) << "10 even ones, 5 odd ones";
  RowOrder order = reader->order(/*isShuffled=*/false, 7);
  std::vector<int64_t> even, odd;
  for (int64_t i = 0; i < 400; ++i) {
    const int64_t row = order.rowAt(i);
    (row < 10 ? even : odd).push_back(row);
  }
  EXPECT_NEAR(double(even.size()) / 400, 0.75, 0.1);
  for (size_t i = 0; i < even.size(); ++i) EXPECT_EQ(even[i], int64_t(i % 10));
  for (size_t i = 0; i < odd.size(); ++i) EXPECT_EQ(odd[i], int64_t(10 + i % 5));
  auto batch = reader->read({3, 12}, 2);
  ASSERT_TRUE(batch.ok()) << batch.status();
  EXPECT_THAT(valuesOf<int32_t>(*batch, "input_ids"), ElementsAre(8, 0, 2, 3, 5, 7));
}

TEST(Mixture, GoesOnWhereItWas) {
  TemporaryFolder folder;
  auto reader = openWith(causalPlan(), writeSources(folder));
  ASSERT_TRUE(reader.ok()) << reader.status();
  BatchStream whole(*reader, reader->order(/*isShuffled=*/true, 3), 0);
  std::vector<std::vector<int32_t>> expected;
  for (int i = 0; i < 40; ++i) expected.push_back(valuesOf<int32_t>(*whole.next(), "input_ids"));
  BatchStream rest(*reader, reader->order(/*isShuffled=*/true, 3), 17 * 2);
  for (size_t i = 17; i < 40; ++i) EXPECT_EQ(valuesOf<int32_t>(*rest.next(), "input_ids"), expected[i]) << i;
}

TEST(Mixture, ThatIsNoneIsRefusedByNameAndRule) {
  TemporaryFolder folder;
  writeSources(folder);
  folder.write("big.bin", bytesOf(std::vector<uint16_t>{1, 2, 3, 40, 5}));
  folder.write("x.safetensors", rawSafetensors("{" + tensorText("input_ids", "I32", "[2,3]", 0, 24) + "}",
                                               bytesOf(std::vector<int32_t>(6, 1))));
  const std::pair<const char *, const char *> bads[] = {
      {"[]", "mix.json\": requires an object with \"sources\" by name"},
      {"{", "mix.json\": requires JSON"},
      {R"({"sources": {}})", "requires at least one source, got none"},
      {R"({"sources": {"a": 3}})", "source \"a\": requires an object of \"data\" and \"weight\", got 3"},
      {R"({"sources": {"a": {"data": "even.bin"}}})", "requires an object of \"data\" and \"weight\""},
      {R"({"sources": {"a": {"data": 3, "weight": 1}}})", "requires a path as \"data\""},
      {R"({"sources": {"a": {"data": "even.bin", "weight": "1"}}})", "requires a number as \"weight\""},
      {R"({"sources": {"a": {"data": "even.bin", "weight": 0}}})", "requires finite weights above 0, got 0"},
      {R"({"sources": {"a": {"data": "mix.json", "weight": 1}}})", "no further mixture"},
      {R"({"sources": {"a": {"data": "none.bin", "weight": 1}}})", "none.bin\": No such file"},
      {R"({"sources": {"a": {"data": "big.bin", "weight": 1}}})", "big.bin\" at token 3: requires a value from 0 to 9"},
      {R"({"sources": {"a": {"data": "even.bin", "weight": 1}, "b": {"data": "x.safetensors", "weight": 1}}})",
       "source \"b\": requires the columns of the others, input_ids, labels, got input_ids"}};
  for (const auto &[text, message] : bads)
    EXPECT_THAT(std::string(openWith(causalPlan(), folder.write("mix.json", text)).status().message()),
                HasSubstr(message))
        << text;
}

TEST(BatchStream, GoesOnWhereAnotherHasStopped) {
  TemporaryFolder folder;
  std::vector<uint16_t> tokens(31);
  for (size_t i = 0; i < tokens.size(); ++i) tokens[i] = uint16_t(i % 10);
  auto reader = openWith(causalPlan(), folder.write("x.bin", bytesOf(tokens)));
  ASSERT_TRUE(reader.ok()) << reader.status();
  BatchStream whole(*reader, RowOrder::shuffled(reader->rows(), 3), 0);
  std::vector<std::vector<int32_t>> expected;
  for (int i = 0; i < 12; ++i) expected.push_back(valuesOf<int32_t>(*whole.next(), "input_ids"));
  BatchStream rest(*reader, RowOrder::shuffled(reader->rows(), 3), 7 * 2);
  for (size_t i = 7; i < 12; ++i) EXPECT_EQ(valuesOf<int32_t>(*rest.next(), "input_ids"), expected[i]) << i;
}

}  // namespace
}  // namespace cleave
