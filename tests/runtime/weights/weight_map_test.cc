#include "runtime/weights/weight_map.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>

#include "runtime/copy_tensor.h"
#include "tests/runtime/temporary_folder.h"
#include "tests/runtime/weights/raw_safetensors.h"

namespace cleave {
namespace {

using program::StoredTensor;
using program::Variable;
using testing::bytesOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::rawSafetensors;
using testing::TemporaryFolder;

Variable parameter(const std::string &name, std::vector<int64_t> dims) {
  Variable variable;
  variable.name = name;
  variable.type = {DType::kF32, std::move(dims)};
  return variable;
}

// A model that has one of everything: fused q, k, v, a transposed weight, a tied pair, an obsolete buffer, a prefix.
LoadedPlan planOfEverything() {
  LoadedPlan plan;
  plan.variables = {parameter("m.attn.q.weight", {2, 1}), parameter("m.attn.k.weight", {2, 1}),
                    parameter("m.attn.v.weight", {2, 2}), parameter("m.out.weight", {2, 3}),
                    parameter("m.wte.weight", {2, 2}),    parameter("head.bias", {2})};
  Variable state = parameter("m(head.bias)", {2});
  state.role = Variable::Role::kState;
  plan.variables.push_back(state);
  StoredTensor fused, transposed, tied;
  fused.fileName = "m.attn.c_attn.weight";
  fused.parameters = {"m.attn.q.weight", "m.attn.k.weight", "m.attn.v.weight"};
  fused.dimension = 1;
  transposed.fileName = "m.out.weight";
  transposed.parameters = {"m.out.weight"};
  transposed.transposed = true;
  tied.fileName = "m.wte.weight";
  tied.parameters = {"m.wte.weight"};
  tied.aliases = {"head.weight"};
  plan.family.stored = {fused, transposed, tied};
  plan.family.prefixes = {"m."};
  plan.family.ignored = {"*.attn.bias"};
  return plan;
}

struct FileTensor {
  std::string name, dtype, shape, bytes;
};

std::vector<FileTensor> goodTensors() {
  return {{"m.attn.c_attn.weight", "F32", "[2,4]", bytesOf(std::vector<float>{1, 2, 3, 4, 5, 6, 7, 8})},
          {"m.out.weight", "F32", "[3,2]", bytesOf(std::vector<float>{1, 4, 2, 5, 3, 6})},
          {"m.wte.weight", "F32", "[2,2]", bytesOf(std::vector<float>{9, 8, 7, 6})},
          {"head.bias", "F32", "[2]", bytesOf(std::vector<float>{0.5f, -0.5f})}};
}

std::string fileOf(const std::vector<FileTensor> &tensors) {
  std::string header = "{", data;
  for (const FileTensor &tensor : tensors) {
    header += (header.size() > 1 ? ",\"" : "\"") + tensor.name + "\":{\"dtype\":\"" + tensor.dtype +
              "\",\"shape\":" + tensor.shape + ",\"data_offsets\":[" + std::to_string(data.size()) + "," +
              std::to_string(data.size() + tensor.bytes.size()) + "]}";
    data += tensor.bytes;
  }
  return rawSafetensors(header + "}", data);
}

using Values = std::map<std::string, std::vector<float>>;  // row-major, by parameter

// Copies between a part and the whole value of a parameter.
void copyPart(const LoadedPlan &plan, absl::string_view name, const Box &part, const TensorView &view,
              std::vector<float> &whole, bool isTaken) {
  const auto &dims = plan.variables[size_t(plan.findVariable(std::string(name)))].type.dims;
  const Box all = wholeBox(dims);
  whole.resize(size_t(all.elements()));
  const TensorView place = viewPart(TensorView::contiguous(whole.data(), DType::kF32, dims), all, part);
  isTaken ? copyTensor(place, view) : copyTensor(view, place);
}

absl::StatusOr<Values> load(const LoadedPlan &plan, const std::string &file) {
  TemporaryFolder folder;
  auto source = TensorSource::open(folder.write("w.safetensors", file));
  if (!source.ok()) return source.status();
  Values values;
  auto status = loadWeights(*source, plan, [&](absl::string_view name, const Box &part, const TensorView &view) {
    copyPart(plan, name, part, view, values[std::string(name)], /*isTaken=*/true);
    return absl::OkStatus();
  });
  if (!status.ok()) {
    EXPECT_TRUE(values.empty()) << "nothing is taken from a file that does not fit";
    return status;
  }
  return values;
}

absl::Status save(const std::string &path, const LoadedPlan &plan, Values values) {
  return saveWeights(path, plan, [&](absl::string_view name, const Box &part, const TensorView &view) {
    copyPart(plan, name, part, view, values.at(std::string(name)), /*isTaken=*/false);
    return absl::OkStatus();
  });
}

std::string messageOf(const std::vector<FileTensor> &tensors) {
  auto values = load(planOfEverything(), fileOf(tensors));
  return values.ok() ? "ok" : std::string(values.status().message());
}

void expectGoodValues(const absl::StatusOr<Values> &values) {
  ASSERT_TRUE(values.ok()) << values.status();
  ASSERT_EQ(values->size(), 6u) << "states are not in weight files";
  EXPECT_THAT(values->at("m.attn.q.weight"), ElementsAre(1, 5));
  EXPECT_THAT(values->at("m.attn.k.weight"), ElementsAre(2, 6));
  EXPECT_THAT(values->at("m.attn.v.weight"), ElementsAre(3, 4, 7, 8));
  EXPECT_THAT(values->at("m.out.weight"), ElementsAre(1, 2, 3, 4, 5, 6));
  EXPECT_THAT(values->at("m.wte.weight"), ElementsAre(9, 8, 7, 6));
  EXPECT_THAT(values->at("head.bias"), ElementsAre(0.5f, -0.5f));
}

TEST(LoadWeights, SplitsFusedTensorsAndTurnsTransposedOnes) {
  expectGoodValues(load(planOfEverything(), fileOf(goodTensors())));
}

TEST(LoadWeights, TakesNamesWithoutTheBaseModelsPrefix) {
  std::vector<FileTensor> tensors = goodTensors();
  for (FileTensor &tensor : tensors)
    if (tensor.name.rfind("m.", 0) == 0) tensor.name.erase(0, 2);
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
}

TEST(LoadWeights, ReadsDataThatAreNotAligned) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors.insert(tensors.begin(), {"m.attn.bias", "U8", "[1]", "x"});
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
}

TEST(LoadWeights, ConvertsSixteenBitFloats) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors[0] = {"m.attn.c_attn.weight", "BF16", "[2,4]",
                bytesOf(std::vector<uint16_t>{0x3F80, 0x4000, 0x4040, 0x4080, 0x40A0, 0x40C0, 0x40E0, 0x4100})};
  tensors[3] = {"head.bias", "F16", "[2]", bytesOf(std::vector<uint16_t>{0x3800, 0xB800})};
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
}

TEST(LoadWeights, IgnoresObsoleteBuffers) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors.push_back({"m.h.0.attn.bias", "U8", "[1]", "x"});
  tensors.push_back({"h.1.attn.bias", "U8", "[1]", "x"});
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
}

TEST(LoadWeights, TakesATiedTensorUnderEitherNameOrBoth) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors.push_back({"head.weight", "F32", "[2,2]", tensors[2].bytes});
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
  tensors.erase(tensors.begin() + 2);
  expectGoodValues(load(planOfEverything(), fileOf(tensors)));
}

TEST(LoadWeights, RefusesTiedTensorsThatDiffer) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors.push_back({"head.weight", "F32", "[2,2]", bytesOf(std::vector<float>{9, 8, 7.5f, 6})});
  EXPECT_THAT(
      messageOf(tensors),
      HasSubstr("requires tied tensors \"head.weight\" and \"m.wte.weight\" to be equal, got 7.5 and 7 at element 2"));
}

TEST(LoadWeights, NamesWhatIsMissingUnexpectedOrOfAnotherShape) {
  std::vector<FileTensor> tensors = goodTensors();
  tensors.erase(tensors.begin());
  EXPECT_THAT(messageOf(tensors), HasSubstr("requires tensors \"m.attn.c_attn.weight\", which are missing"));
  tensors = goodTensors();
  tensors.push_back({"m.extra.weight", "F32", "[1]", std::string(4, '\0')});
  EXPECT_THAT(messageOf(tensors),
              HasSubstr("requires tensors of the model alone, got unexpected ones: \"m.extra.weight\""));
  tensors[0].name = "m.attn.c_atn.weight";
  EXPECT_THAT(messageOf(tensors),
              HasSubstr("which are missing, got unexpected ones: \"m.attn.c_atn.weight\", \"m.extra.weight\""));
  tensors = goodTensors();
  tensors[1].shape = "[2,3]";
  EXPECT_THAT(messageOf(tensors), HasSubstr("tensor \"m.out.weight\": requires shape [3, 2], got [2, 3]"));
  tensors = goodTensors();
  tensors[3].dtype = "I32";
  EXPECT_THAT(messageOf(tensors), HasSubstr("tensor \"head.bias\": requires dtype F32, F64, F16 or BF16, got I32"));
  tensors = goodTensors();
  tensors.push_back({"wte.weight", "F32", "[2,2]", tensors[2].bytes});
  EXPECT_THAT(messageOf(tensors),
              HasSubstr("requires tensor \"m.wte.weight\" once, got \"m.wte.weight\" and \"wte.weight\""));
}

TEST(LoadWeights, RefusesAPlanWhoseDescriptionDoesNotFit) {
  auto message = [](LoadedPlan plan) {
    auto values = load(plan, fileOf(goodTensors()));
    return std::string(values.status().message());
  };
  LoadedPlan plan = planOfEverything();
  plan.family.stored[0].parameters[1] = "nothing";
  EXPECT_THAT(message(plan), HasSubstr("requires parameters of the plan, got \"nothing\""));
  plan = planOfEverything();
  plan.family.stored[0].parameters[1] = "m(head.bias)";
  EXPECT_THAT(message(plan), HasSubstr("requires parameters of the plan, got \"m(head.bias)\""));
  plan = planOfEverything();
  plan.family.stored[0].dimension = 5;
  EXPECT_THAT(message(plan), HasSubstr("requires a parameter that has dimension 5, got rank 2"));
  plan = planOfEverything();
  plan.family.stored[0].dimension = 0;
  EXPECT_THAT(message(plan), HasSubstr("requires parts of shape"));
  plan = planOfEverything();
  plan.family.stored[1].parameters = {"m.wte.weight"};
  EXPECT_THAT(message(plan), HasSubstr("requires each parameter in one stored tensor, got \"m.wte.weight\" in two"));
  plan = planOfEverything();
  plan.family.stored[1].parameters = {"head.bias"};
  EXPECT_THAT(message(plan), HasSubstr("got rank 1 for \"head.bias\""));
  plan = planOfEverything();
  plan.family.stored[1].parameters = {};
  EXPECT_THAT(message(plan), HasSubstr("requires a parameter, got none"));
}

TEST(SaveWeights, WritesTheFamilysNamesAndFormsSoThatTheyLoadAgain) {
  TemporaryFolder folder;
  const LoadedPlan plan = planOfEverything();
  const Values values = *load(plan, fileOf(goodTensors()));
  const std::string path = folder / "saved.safetensors";
  auto status = save(path, plan, values);
  ASSERT_TRUE(status.ok()) << status;
  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_EQ(file->tensors().size(), 4u) << "tied tensors are saved once";
  for (const FileTensor &tensor : goodTensors())
    EXPECT_EQ(file->tensors().at(tensor.name).bytes, tensor.bytes) << tensor.name;
  EXPECT_EQ(file->metadata().at("format"), "pt");
  expectGoodValues(load(plan, testing::contentsOf(path)));
}

TEST(SaveWeights, GivesBackTensorsOfSeveralSlabs) {
  // Two parameters that a file joins along its rows or columns, transposed or not, of 3 slabs together.
  for (int64_t dimension : {0, 1})
    for (bool isTransposed : {false, true}) {
      LoadedPlan plan;
      const int64_t rows = 1537, columns = 1024;
      plan.variables = {parameter("a", {rows, columns}), parameter("b", {rows, columns})};
      StoredTensor joined;
      joined.fileName = "ab";
      joined.parameters = {"a", "b"};
      joined.dimension = dimension;
      joined.transposed = isTransposed;
      plan.family.stored = {joined};
      Values values;
      for (const char *name : {"a", "b"})
        for (int64_t i = 0; i < rows * columns; ++i) values[name].push_back(float(i) + (name[0] == 'b' ? 0.5f : 0.0f));
      TemporaryFolder folder;
      ASSERT_TRUE(save(folder / "w.safetensors", plan, values).ok());
      auto file = SafetensorsFile::open(folder / "w.safetensors");
      ASSERT_TRUE(file.ok()) << file.status();
      std::vector<int64_t> shape =
          isTransposed ? std::vector<int64_t>{columns, rows} : std::vector<int64_t>{rows, columns};
      shape[size_t(dimension)] *= 2;
      EXPECT_EQ(file->tensors().at("ab").shape, shape);
      // The last element of all is b's last.
      float last = 0;
      ASSERT_TRUE(readAsFloat(file->tensors().at("ab"), 2 * rows * columns - 1, absl::MakeSpan(&last, 1)).ok());
      EXPECT_EQ(last, values["b"].back());
      auto loaded = load(plan, testing::contentsOf(folder / "w.safetensors"));
      ASSERT_TRUE(loaded.ok()) << loaded.status();
      EXPECT_TRUE(*loaded == values) << "joined along " << dimension << (isTransposed ? ", transposed" : "");
    }
}

}  // namespace
}  // namespace cleave
