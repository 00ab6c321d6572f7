// Plans in which communication is hidden end, and find every value where it should be, in whatever order events come.

#include <gtest/gtest.h>

#include <cstdio>

#include "runtime/load_plan.h"
#include "runtime/plan/plan_file.h"
#include "runtime/plan/plan_hash.h"
#include "tests/conformance/null_run.h"
#include "tests/conformance/overlapped_plans.h"

namespace cleave {
namespace {

constexpr uint64_t kSeeds = 1000;
constexpr int kSteps = 2;

absl::StatusOr<LoadedPlan> loadProved(plan::Plan plan, const Registry &registry) {
  plan.set_format_version(kPlanFormatVersion);
  return loadPlan(serializePlan(std::move(plan)), registry);
}

int collectivesOf(const program::Entry &entry) { return int(entry.collectives.size()); }

TEST(Interleavings, EveryOverlappedPlanEndsInAnyOrderOfEvents) {
  int plans = 0, collectives = 0;
  for (const OverlappedCase &overlapped : overlappedCases()) {
    SCOPED_TRACE(overlapped.str());
    const auto plan = compilePlan(overlapped);
    ASSERT_TRUE(plan.ok()) << plan.status();
    const Registry registry = nullKernels(*plan);
    const auto loaded = loadProved(*plan, registry);
    ASSERT_TRUE(loaded.ok()) << loaded.status();
    const program::Entry &step = *loaded->findEntry("step");
    const auto run = NullRun::create(*loaded, step);
    ASSERT_TRUE(run.ok()) << run.status();
    for (uint64_t seed = 0; seed < kSeeds; ++seed) {
      const absl::Status status = (*run)->run(seed, kSteps);
      ASSERT_TRUE(status.ok()) << "seed " << seed << ": " << status;
    }
    ++plans;
    collectives += collectivesOf(step);
  }
  std::printf("%d plans with %d collectives, each in %d interleavings of %d steps\n", plans, collectives, int(kSeeds),
              kSteps);
  EXPECT_GE(plans, 60);
}

}  // namespace
}  // namespace cleave
