// Changes plans at random after decoding, with the hash renewed, so that the validator and not the hash is tested. What
// loads is also run.

#include <google/protobuf/reflection.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <random>
#include <vector>

#include "kernels/cpu/register.h"
#include "kernels/reference/register.h"
#include "runtime/load_plan.h"
#include "runtime/plan/plan_hash.h"
#include "runtime/plan/print_plan.h"
#include "runtime/session.h"
#include "tests/runtime/plan_builder.h"
#include "tests/runtime/training/bigram_plan.h"

namespace cleave {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;
using google::protobuf::Reflection;

class Mutator {
 public:
  explicit Mutator(uint64_t seed) : random_(seed) {}

  // Changes one field somewhere in the message.
  void mutate(Message &message) {
    std::vector<Message *> all;
    collect(message, all);
    Message &chosen = *all[pick(all.size())];
    const auto *descriptor = chosen.GetDescriptor();
    if (descriptor->field_count() == 0) return;
    const FieldDescriptor *field = descriptor->field(static_cast<int>(pick(descriptor->field_count())));
    const Reflection *reflection = chosen.GetReflection();
    if (field->is_repeated()) return mutateRepeated(chosen, field, reflection);
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE) {
      if (pick(4) == 0) reflection->ClearField(&chosen, field);
      return;
    }
    setScalar(chosen, field, reflection);
  }

 private:
  size_t pick(size_t count) { return random_() % count; }

  int64_t number() {
    static constexpr int64_t kNumbers[] = {0,  1,   -1,   2,       3,         4,         7,
                                           64, 128, 4096, 1 << 20, INT64_MAX, INT64_MIN, int64_t{1} << 40};
    return kNumbers[pick(std::size(kNumbers))];
  }

  void collect(Message &message, std::vector<Message *> &all) {
    all.push_back(&message);
    const Reflection *reflection = message.GetReflection();
    std::vector<const FieldDescriptor *> fields;
    reflection->ListFields(message, &fields);
    for (const FieldDescriptor *field : fields) {
      if (field->cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE) continue;
      if (!field->is_repeated()) {
        collect(*reflection->MutableMessage(&message, field), all);
      } else {
        for (int i = 0; i < reflection->FieldSize(message, field); ++i)
          collect(*reflection->MutableRepeatedMessage(&message, field, i), all);
      }
    }
  }

  void mutateRepeated(Message &message, const FieldDescriptor *field, const Reflection *reflection) {
    const int size = reflection->FieldSize(message, field);
    const size_t action = pick(4);
    if (action == 0 && size > 0) return reflection->RemoveLast(&message, field);
    if (action == 1 && size > 1)
      return reflection->SwapElements(&message, field, static_cast<int>(pick(size)), static_cast<int>(pick(size)));
    const bool isMessage = field->cpp_type() == FieldDescriptor::CPPTYPE_MESSAGE;
    if (action == 2 || size == 0) {
      if (isMessage) {
        Message *added = reflection->AddMessage(&message, field);
        if (size > 0) added->CopyFrom(reflection->GetRepeatedMessage(message, field, static_cast<int>(pick(size))));
      } else if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64) {
        reflection->AddInt64(&message, field, number());
      }
      return;
    }
    if (field->cpp_type() == FieldDescriptor::CPPTYPE_INT64)
      reflection->SetRepeatedInt64(&message, field, static_cast<int>(pick(size)), number());
  }

  void setScalar(Message &message, const FieldDescriptor *field, const Reflection *reflection) {
    switch (field->cpp_type()) {
      case FieldDescriptor::CPPTYPE_INT64: return reflection->SetInt64(&message, field, number());
      case FieldDescriptor::CPPTYPE_UINT32: return;  // the version
      case FieldDescriptor::CPPTYPE_DOUBLE:
        return reflection->SetDouble(&message, field, static_cast<double>(number()));
      case FieldDescriptor::CPPTYPE_BOOL: return reflection->SetBool(&message, field, pick(2) == 0);
      case FieldDescriptor::CPPTYPE_ENUM: return reflection->SetEnumValue(&message, field, static_cast<int>(pick(9)));
      case FieldDescriptor::CPPTYPE_STRING: {
        static const char *const kTexts[] = {"",      "sum", "max",      "copy",  "collective",
                                             "total", "add", "\xff\xfe", "weight"};
        return reflection->SetString(&message, field, kTexts[pick(std::size(kTexts))]);
      }
      default: return;
    }
  }

  std::mt19937_64 random_;
};

// Runs every entry of a plan that was accepted; errors are fine, crashes are not.
void runAll(LoadedPlan plan, uint64_t seed) {
  if (plan.ranks() > 4) return;
  SessionOptions options;
  options.deterministic = true;
  options.seed = seed;
  auto session = Session::create(std::move(plan), options);
  if (!session.ok()) return;
  for (const program::Entry &entry : (*session)->plan().entries) {
    std::map<std::string, HostTensor> values;
    Inputs inputs;
    for (const program::Port &port : entry.inputs) {
      HostTensor &value = values.emplace(port.name, HostTensor(port.type.dtype, port.type.dims)).first->second;
      inputs[port.name] = value.view();
    }
    const auto outputs = (*session)->run(entry.name, inputs);
    EXPECT_NE(outputs.status().code(), absl::StatusCode::kDeadlineExceeded)
        << "seed " << seed << ": " << outputs.status();
    EXPECT_NE(outputs.status().code(), absl::StatusCode::kInternal) << "seed " << seed << ": " << outputs.status();
  }
}

// Changes a plan in many ways, and loads, prints and runs what comes out.
void mutateAndRun(const plan::Plan &original, const Registry &registry, uint64_t seeds) {
  int loaded = 0;
  for (uint64_t seed = 0; seed < seeds; ++seed) {
    plan::Plan plan = original;
    Mutator mutator(seed);
    for (uint64_t changes = 0; changes <= seed % 4; ++changes) mutator.mutate(plan);
    printPlan(plan);
    LoadOptions options;
    options.availableBytes = 1 << 24;
    absl::StatusOr<LoadedPlan> accepted = loadPlan(serializePlan(plan), registry, options);
    if (!accepted.ok()) {
      EXPECT_FALSE(accepted.status().message().empty());
      continue;
    }
    ++loaded;
    runAll(*std::move(accepted), seed);
  }
  std::printf("%d of %d changed plans still load\n", loaded, static_cast<int>(seeds));
  EXPECT_GT(loaded, 0);
  EXPECT_LT(loaded, static_cast<int>(seeds) * 3 / 4);
}

TEST(PlanMutation, NoChangedPlanCrashesTheLoaderOrDeadlocksARun) {
  mutateAndRun(makeExampleStep().plan(), makeTestRegistry(), /*seeds=*/2000);
}

TEST(PlanMutation, NoChangedTrainingPlanCrashesTheLoaderOrAKernel) {
  Registry registry;
  registerCpuKernels(registry);
  registerReferenceKernels(registry);
  mutateAndRun(makeBigramPlan(), registry, /*seeds=*/1000);
}

TEST(PlanMutation, NoChangedFileCrashesTheParser) {
  const Registry registry = makeTestRegistry();
  const std::string original = makeExampleStep().bytes();
  std::mt19937_64 random(7);
  for (int round = 0; round < 1000; ++round) {
    std::string changed = original;
    if (round % 3 == 0) changed.resize(random() % changed.size());
    if (!changed.empty()) changed[random() % changed.size()] ^= static_cast<char>(1 << random() % 8);
    EXPECT_FALSE(loadPlan(changed, registry).ok() && changed.size() != original.size());
  }
}

}  // namespace
}  // namespace cleave
