// Models by Hugging Face Transformers: what the frontend makes of their configs fits their weight files.

#include <dirent.h>
#include <fnmatch.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <fstream>
#include <sstream>

#include "frontend/models/models.h"
#include "nlohmann/json.hpp"
#include "tests/frontend/module_text.h"

namespace cleave {
namespace {

using nlohmann::json;
using Shapes = std::map<std::string, std::vector<int64_t>>;

const std::string kFolder = "tests/end_to_end/fixtures/";

std::vector<std::string> filesIn(const std::string &folder) {
  std::vector<std::string> names;
  DIR *directory = ::opendir(folder.c_str());
  for (dirent *entry = directory ? ::readdir(directory) : nullptr; entry; entry = ::readdir(directory))
    names.push_back(entry->d_name);
  if (directory) ::closedir(directory);
  std::sort(names.begin(), names.end());
  return names;
}

std::vector<std::string> fixtures() {
  std::vector<std::string> names;
  for (const std::string &name : filesIn(kFolder))
    if (std::ifstream(kFolder + name + "/golden.json")) names.push_back(name);
  return names;
}

json jsonOf(const std::string &path) {
  std::ifstream stream(path);
  return json::parse(stream);
}

Shapes shapesIn(const std::string &path) {
  std::ifstream stream(path, std::ios::binary);
  uint64_t size = 0;
  stream.read(reinterpret_cast<char *>(&size), sizeof(size));
  std::string header(size, ' ');
  stream.read(&header[0], std::streamsize(size));
  Shapes shapes;
  const json tensors = json::parse(header);
  for (const auto &[name, tensor] : tensors.items())
    if (name != "__metadata__") shapes[name] = tensor["shape"].get<std::vector<int64_t>>();
  return shapes;
}

Shapes weightsOf(const std::string &fixture) {
  Shapes all;
  for (const std::string &file : filesIn(kFolder + fixture))
    if (file.rfind("model", 0) == 0 && file.find(".safetensors") + strlen(".safetensors") == file.size())
      all.merge(shapesIn(kFolder + fixture + "/" + file));
  return all;
}

// The tensors of a file of this model by their own names, and by all names that are the same.
struct Expected {
  Shapes shapes;
  std::map<std::string, std::string> names;
};

Expected expectedOf(const std::vector<Argument> &arguments, const FamilyDescription &family) {
  Shapes parameters;
  for (const Argument &argument : arguments)
    if (argument.kind == "parameter") parameters[argument.name] = argument.shape;
  Expected expected;
  for (const StoredTensorDescription &stored : family.stored) {
    std::vector<int64_t> shape;
    for (const std::string &part : stored.parameters) {
      const auto &partShape = parameters.at(part);
      if (shape.empty())
        shape = partShape;
      else
        shape[size_t(stored.dimension)] += partShape[size_t(stored.dimension)];
      parameters.erase(part);
    }
    expected.shapes[stored.fileName] = shape;
    for (const std::string &alias : stored.aliases) expected.names[alias] = stored.fileName;
  }
  expected.shapes.merge(parameters);
  for (const auto &[name, shape] : expected.shapes) expected.names[name] = name;
  return expected;
}

std::vector<std::string> spellings(const std::string &name, const FamilyDescription &family) {
  std::vector<std::string> all = {name};
  for (const std::string &prefix : family.prefixes) {
    all.push_back(prefix + name);
    if (name.rfind(prefix, 0) == 0) all.push_back(name.substr(prefix.size()));
  }
  return all;
}

ModelOptions optionsOf(const std::string &fixture) {
  const json golden = jsonOf(kFolder + fixture + "/golden.json");
  ModelOptions options;
  options.batch = golden["batch"];
  options.seq = golden["seq"];
  if (jsonOf(kFolder + fixture + "/config.json")["model_type"] == "t5")
    options.targetSeq = shapesIn(kFolder + fixture + "/data.safetensors").at("labels")[1];
  return options;
}

class Fixtures : public testing::TestWithParam<std::string> {};

TEST_P(Fixtures, BuildModelsWithTheTensorsOfTheirFiles) {
  auto config = readConfig(kFolder + GetParam());
  ASSERT_TRUE(config.ok()) << config.status();
  mlir::MLIRContext context;
  auto module = buildModel(*config, optionsOf(GetParam()), context);
  ASSERT_TRUE(module.ok()) << module.status();
  const FamilyDescription family = familyIn(*module);
  const Expected expected = expectedOf(argumentsOf(*module, "loss"), family);
  std::set<std::string> found;
  for (const auto &[name, shape] : weightsOf(GetParam())) {
    const std::vector<std::string> candidates = spellings(name, family);
    auto known = std::find_if(candidates.begin(), candidates.end(),
                              [&](const std::string &c) { return expected.names.count(c) != 0; });
    if (known == candidates.end()) {
      const bool isIgnored = std::any_of(family.ignored.begin(), family.ignored.end(), [&](const std::string &glob) {
        return std::any_of(candidates.begin(), candidates.end(),
                           [&](const std::string &c) { return fnmatch(glob.c_str(), c.c_str(), 0) == 0; });
      });
      EXPECT_TRUE(isIgnored) << name;
      continue;
    }
    const std::string &tensor = expected.names.at(*known);
    EXPECT_EQ(shape, expected.shapes.at(tensor)) << name;
    found.insert(tensor);
  }
  for (const auto &[name, shape] : expected.shapes) EXPECT_EQ(found.count(name), 1u) << name << " is not in the file";
}

TEST_P(Fixtures, KnowEveryFieldOfTheirConfigs) {
  auto config = readConfig(kFolder + GetParam());
  ASSERT_TRUE(config.ok()) << config.status();
  std::vector<std::string> warnings;
  ASSERT_TRUE(readModel(*config, &warnings).ok());
  EXPECT_THAT(warnings, testing::IsEmpty());
}

TEST_P(Fixtures, DescribeAllTensorsOfTheirData) {
  auto config = readConfig(kFolder + GetParam());
  mlir::MLIRContext context;
  auto module = buildModel(*config, optionsOf(GetParam()), context);
  ASSERT_TRUE(module.ok()) << module.status();
  const Shapes data = shapesIn(kFolder + GetParam() + "/data.safetensors");
  std::map<std::string, DataInputDescription> inputs;
  for (const DataInputDescription &input : familyIn(*module).inputs) inputs[input.name] = input;
  std::set<std::string> read;
  for (const Argument &argument : argumentsOf(*module, "loss")) {
    if (argument.kind != "input") continue;
    ASSERT_EQ(inputs.count(argument.name), 1u) << argument.name;
    const DataInputDescription &input = inputs[argument.name];
    read.insert(input.source);
    if (data.count(input.source) == 0)
      EXPECT_NE(input.otherwise, "required") << argument.name;
    else
      EXPECT_EQ(data.at(input.source)[1], argument.shape[1]) << argument.name;
  }
  for (const auto &[name, shape] : data) EXPECT_EQ(read.count(name), 1u) << name;
}

INSTANTIATE_TEST_SUITE_P(All, Fixtures, testing::ValuesIn(fixtures()), [](const auto &info) { return info.param; });

TEST(FixtureList, HasAllFamilies) {
  std::set<std::string> families;
  for (const std::string &name : fixtures())
    families.insert(jsonOf(kFolder + name + "/config.json")["model_type"].get<std::string>());
  EXPECT_THAT(families, testing::ElementsAreArray(modelTypes()));
}

}  // namespace
}  // namespace cleave
