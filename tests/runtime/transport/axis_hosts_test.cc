// Which axes are spread over hosts, and what is said of it.

#include "runtime/transport/axis_hosts.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace cleave {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

std::vector<program::MeshAxis> meshOf(int64_t data, int64_t model) {
  return {{"data", "data", data}, {"model", "model", model}};
}

TEST(AxisHostsTest, HostsAreToldWithTheirRanks) {
  EXPECT_EQ(ranksByHost({"a", "a", "b", "c", "c"}), "hosts: a (ranks 0-1), b (rank 2), c (ranks 3-4)");
  EXPECT_EQ(ranksByHost({"a", "a"}), "");
}

TEST(AxisHostsTest, AModelAxisInsideEachHostIsFine) {
  EXPECT_THAT(warnOfHosts(meshOf(2, 2), {"a", "a", "b", "b"}), IsEmpty());
  EXPECT_THAT(warnOfHosts(meshOf(4, 2), {"a", "a", "a", "a", "a", "a", "b", "b"}), IsEmpty());
  EXPECT_THAT(warnOfHosts(meshOf(4, 1), {"a", "b", "c", "d"}), IsEmpty());
  EXPECT_THAT(warnOfHosts(meshOf(1, 4), {"a", "a", "a", "a"}), IsEmpty());
}

TEST(AxisHostsTest, AModelAxisAcrossHostsIsNamedWithAGroup) {
  EXPECT_THAT(warnOfHosts(meshOf(1, 4), {"a", "a", "b", "b"}),
              ElementsAre(HasSubstr("axis \"model\" crosses hosts (ranks 0, 1, 2, 3 lie on a, b)")));
  EXPECT_THAT(warnOfHosts(meshOf(2, 2), {"a", "a", "a", "b"}), ElementsAre(HasSubstr("ranks 2, 3 lie on a, b")));
}

TEST(AxisHostsTest, AnOuterModelAxisIsNamedAndAnInnerOneIsNot) {
  EXPECT_THAT(warnOfHosts({{"outer", "model", 2}, {"inner", "model", 2}}, {"a", "a", "b", "b"}),
              ElementsAre(HasSubstr("axis \"outer\" crosses hosts (ranks 0, 2 lie on a, b)")));
}

}  // namespace
}  // namespace cleave
