#include "runtime/checkpoint/checkpoint.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <functional>

#include "runtime/checkpoint/manifest.h"
#include "runtime/host_tensor.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using program::Variable;
using testing::contentsOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::namesIn;
using testing::TemporaryFolder;

Variable variable(const std::string &name, Variable::Role role, DType dtype, std::vector<int64_t> dims) {
  Variable variable;
  variable.name = name;
  variable.role = role;
  variable.type = {dtype, std::move(dims)};
  return variable;
}

LoadedPlan smallPlan() {
  LoadedPlan plan;
  plan.variables = {variable("w", Variable::Role::kParameter, DType::kF32, {2, 3}),
                    variable("m(w)", Variable::Role::kState, DType::kF32, {2, 3}),
                    variable("count", Variable::Role::kState, DType::kF32, {}),
                    variable("flag", Variable::Role::kState, DType::kI64, {2})};
  return plan;
}

// What a session would hold: bytes by variable.
class Memory {
 public:
  void fill(char seed) {
    for (const Variable &variable : smallPlan().variables) {
      HostTensor tensor(variable.type.dtype, variable.type.dims);
      std::string &bytes = values_[variable.name];
      for (int64_t i = 0; i < tensor.view().bytes(); ++i) bytes.push_back(char(seed + i));
    }
  }

  // All variables here are small enough to come in one part.
  absl::Status read(absl::string_view name, const TensorView &view) const {
    std::memcpy(view.data, values_.at(std::string(name)).data(), size_t(view.bytes()));
    return absl::OkStatus();
  }

  absl::Status write(absl::string_view name, const TensorView &view) {
    values_[std::string(name)].assign(view.as<char>(), size_t(view.bytes()));
    return absl::OkStatus();
  }

  bool operator==(const Memory &other) const { return values_ == other.values_; }
  bool isEmpty() const { return values_.empty(); }

 private:
  std::map<std::string, std::string> values_;
};

RunPosition positionAt(int64_t step) {
  RunPosition position;
  position.step = step;
  position.examples = step * 8;
  position.seed = 0x7FEDCBA987654321;
  position.order = "shuffled";
  position.dataRows = 100;
  position.planHash = "abcd";
  position.machine = {{"threads", "2"}};
  return position;
}

std::string save(const std::string &folder, int64_t step, char seed) {
  Memory memory;
  memory.fill(seed);
  auto written = writeCheckpoint(
      folder, positionAt(step), smallPlan(),
      [&](absl::string_view name, const Box &, const TensorView &view) { return memory.read(name, view); });
  EXPECT_TRUE(written.ok()) << written.status();
  return written.ok() ? *written : "";
}

absl::StatusOr<RunPosition> load(const std::string &path, Memory &memory, const LoadedPlan &plan = smallPlan()) {
  auto found = findCheckpoint(path);
  if (!found.ok()) return found.status();
  return readCheckpoint(*found, plan, [&](absl::string_view name, const Box &, const TensorView &view) {
    return memory.write(name, view);
  });
}

TEST(Checkpoint, ReadsBackAllThatWasWritten) {
  TemporaryFolder folder;
  save(folder.path(), 10, 3);
  Memory memory, expected;
  expected.fill(3);
  auto position = load(folder.path(), memory);
  ASSERT_TRUE(position.ok()) << position.status();
  EXPECT_TRUE(memory == expected);
  EXPECT_EQ(position->step, 10);
  EXPECT_EQ(position->examples, 80);
  EXPECT_EQ(position->seed, 0x7FEDCBA987654321u);
  EXPECT_EQ(position->order, "shuffled");
  EXPECT_EQ(position->dataRows, 100);
  EXPECT_EQ(position->planHash, "abcd");
  EXPECT_EQ(position->machine.at("threads"), "2");
}

TEST(Checkpoint, KeepsTheStateOfASourceOfData) {
  TemporaryFolder folder;
  RunPosition position = positionAt(10);
  position.dataState = R"({"draw": 12, "state": 340282366920938463463374607431768211455})";
  Memory memory;
  memory.fill(3);
  const auto read = [&](absl::string_view name, const Box &, const TensorView &view) { return memory.read(name, view); };
  ASSERT_TRUE(writeCheckpoint(folder.path(), position, smallPlan(), read).ok());
  Memory taken;
  auto loaded = load(folder.path(), taken);
  ASSERT_TRUE(loaded.ok()) << loaded.status();
  EXPECT_EQ(loaded->dataState, position.dataState);
  std::filesystem::remove(folder / "step-00000010/data.json");
  Memory none;
  EXPECT_THAT(std::string(load(folder.path(), none).status().message()), HasSubstr("data.json\": No such file"));
  EXPECT_TRUE(none.isEmpty());
}

TEST(Checkpoints, AreKeptTwoAtATime) {
  TemporaryFolder folder;
  for (int64_t step : {10, 20, 30}) save(folder.path(), step, char(step));
  EXPECT_THAT(namesIn(folder.path()), ElementsAre("latest", "step-00000020", "step-00000030"));
  Memory memory, before;
  EXPECT_EQ(load(folder.path(), memory)->step, 30);
  EXPECT_EQ(load(folder / "step-00000020", before)->step, 20) << "one can be named itself";
}

TEST(Checkpoints, OfARunThatBeginsAnewTakeThePlaceOfLaterOnes) {
  TemporaryFolder folder;
  save(folder.path(), 50, 1);
  save(folder.path(), 10, 2);
  Memory memory, expected;
  expected.fill(2);
  EXPECT_EQ(load(folder.path(), memory)->step, 10);
  EXPECT_TRUE(memory == expected);
  save(folder.path(), 10, 4);
  expected.fill(4);
  Memory again;
  EXPECT_EQ(load(folder.path(), again)->step, 10);
}

TEST(Checkpoint, WhoseWriteIsCutOffLeavesTheOneBeforeWhole) {
  TemporaryFolder folder;
  save(folder.path(), 10, 3);
  int calls = 0;
  Memory memory;
  memory.fill(9);
  auto failed = writeCheckpoint(folder.path(), positionAt(20), smallPlan(),
                                [&](absl::string_view name, const Box &, const TensorView &view) -> absl::Status {
                                  if (++calls == 3) return absl::InternalError("the power goes");
                                  return memory.read(name, view);
                                });
  EXPECT_THAT(std::string(failed.status().message()), HasSubstr("the power goes"));
  EXPECT_THAT(namesIn(folder.path()), ElementsAre("latest", "step-00000010"));
  // As if the process had died within the write:
  std::filesystem::create_directory(folder / "partial-step-00000020");
  folder.write("partial-step-00000020/model.safetensors", "half");
  Memory read, expected;
  expected.fill(3);
  ASSERT_EQ(load(folder.path(), read)->step, 10);
  EXPECT_TRUE(read == expected);
  save(folder.path(), 20, 5);
  EXPECT_THAT(namesIn(folder.path()), ElementsAre("latest", "step-00000010", "step-00000020"))
      << "what was left is tidied up";
}

struct Damage {
  const char *what;
  const char *file;
  std::function<std::string(std::string)> change;
  const char *message;
};

TEST(Checkpoint, ThatIsDamagedIsRefusedByNameBeforeAnythingIsTaken) {
  auto replaced = [](const char *from, const char *to) {
    return [=](std::string text) {
      EXPECT_NE(text.find(from), std::string::npos) << from;
      return text.replace(text.find(from), std::strlen(from), to);
    };
  };
  auto flipLast = [](std::string text) {
    text.back() = char(text.back() ^ 1);
    return text;
  };
  auto cut = [](std::string text) { return text.substr(0, text.size() - 1); };
  auto none = [](std::string) { return std::string(); };
  const std::vector<Damage> damages = {
      {"a flipped bit of a weight", "step-00000010/model.safetensors", flipLast,
       "model.safetensors\": requires SHA-256"},
      {"a flipped bit of a state", "step-00000010/state.safetensors", flipLast,
       "state.safetensors\": requires SHA-256"},
      {"weights cut off", "step-00000010/model.safetensors", cut, "bytes as its manifest says, got"},
      {"no bytes of state", "step-00000010/state.safetensors", none, "bytes as its manifest says, got 0"},
      {"an empty manifest", "step-00000010/manifest.json", none, "manifest.json\": requires JSON"},
      {"a manifest cut off", "step-00000010/manifest.json",
       [](std::string text) { return text.substr(0, text.size() / 2); }, "manifest.json\": requires JSON"},
      {"another format", "step-00000010/manifest.json", replaced("\"format\": 1", "\"format\": 2"),
       "requires format 1, got 2"},
      {"a negative step", "step-00000010/manifest.json", replaced("\"step\": 10", "\"step\": -1"),
       "requires \"step\" to be an integer from 0 to 2^63-1, got -1"},
      {"a step that is a text", "step-00000010/manifest.json", replaced("\"step\": 10", "\"step\": \"x\""),
       "requires \"step\" to be an integer"},
      {"no seed", "step-00000010/manifest.json", replaced("\"seed\"", "\"sed\""), "requires \"seed\", got none"},
      {"an unknown order", "step-00000010/manifest.json", replaced("shuffled", "sorted"),
       "requires order shuffled or sequential, got \"sorted\""},
      {"no record of a file", "step-00000010/manifest.json", replaced("\"state.safetensors\"", "\"stat.safetensors\""),
       "requires file \"state.safetensors\", got none"},
      {"a list of files", "step-00000010/manifest.json", replaced("\"machine\": {", "\"machine\": [], \"mach\": {"),
       "requires \"machine\" to be an object, got array"},
      {"latest that leads elsewhere", "latest", [](std::string) { return std::string("step-/../../x\n"); },
       "requires the name of a checkpoint, got \"step-/../../x\""},
      {"latest that is empty", "latest", none, "requires the name of a checkpoint, got \"\""},
      {"latest that names nothing", "latest", [](std::string) { return std::string("step-00000099\n"); },
       "step-00000099/manifest.json\": No such file"},
  };
  for (const Damage &damage : damages) {
    TemporaryFolder folder;
    save(folder.path(), 10, 3);
    folder.write(damage.file, damage.change(contentsOf(folder / damage.file)));
    Memory memory;
    EXPECT_THAT(std::string(load(folder.path(), memory).status().message()), HasSubstr(damage.message)) << damage.what;
    EXPECT_TRUE(memory.isEmpty()) << damage.what;
  }
}

TEST(Checkpoint, ThatIsNotThereIsRefusedByName) {
  TemporaryFolder folder;
  Memory memory;
  EXPECT_THAT(std::string(load(folder / "none", memory).status().message()),
              HasSubstr("none\": requires a folder of checkpoints, got nothing"));
  EXPECT_THAT(std::string(load(folder.write("file", "x"), memory).status().message()),
              HasSubstr("requires a folder of checkpoints, got a file"));
  EXPECT_THAT(std::string(load(folder.path(), memory).status().message()), HasSubstr("latest\": No such file"));
}

TEST(Checkpoint, OfAnotherModelIsRefused) {
  TemporaryFolder folder;
  save(folder.path(), 10, 3);
  Memory memory;
  LoadedPlan plan = smallPlan();
  plan.variables[1].type.dims = {3, 2};
  EXPECT_THAT(std::string(load(folder.path(), memory, plan).status().message()),
              HasSubstr("requires F32 [3, 2] for \"m(w)\", got F32 [2, 3]"));
  plan = smallPlan();
  plan.variables[1].name = "v(w)";
  EXPECT_THAT(std::string(load(folder.path(), memory, plan).status().message()),
              HasSubstr("requires tensor \"v(w)\", got count, flag, m(w)"));
  plan = smallPlan();
  plan.variables.pop_back();
  EXPECT_THAT(std::string(load(folder.path(), memory, plan).status().message()),
              HasSubstr("requires states of the plan alone, got \"flag\""));
  plan = smallPlan();
  plan.variables[0].name = "u";
  EXPECT_THAT(std::string(load(folder.path(), memory, plan).status().message()),
              HasSubstr("requires tensors \"u\", which are missing"));
  EXPECT_TRUE(memory.isEmpty());
}

}  // namespace
}  // namespace cleave
