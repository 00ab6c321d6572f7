#include "kernels/api/box.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <vector>

namespace cleave {
namespace {

using ::testing::ElementsAre;

TEST(Box, OfAValueIsAllOfIt) {
  const Box whole = wholeBox({3, 5});
  EXPECT_EQ(whole, (Box{{0, 0}, {3, 5}}));
  EXPECT_EQ(whole.elements(), 15);
  EXPECT_EQ(whole.str(), "[0:3, 0:5]");
  EXPECT_EQ(wholeBox({}).elements(), 1);
  EXPECT_EQ(wholeBox({3, 0}).elements(), 0);
}

TEST(Box, SharesWithAnotherWhatLiesInBoth) {
  const Box a = {{0, 2}, {4, 4}};
  EXPECT_EQ(intersect(a, {{2, 0}, {4, 3}}), (Box{{2, 2}, {2, 1}}));
  EXPECT_EQ(intersect(a, a), a);
  EXPECT_EQ(intersect(a, {{4, 2}, {1, 4}}).elements(), 0) << "they touch";
  EXPECT_EQ(intersect(a, {{9, 9}, {1, 1}}).elements(), 0) << "they lie apart";
}

TEST(Box, OfAPartShowsThatPartOfAView) {
  std::vector<float> values(12);
  for (size_t i = 0; i < values.size(); ++i) values[i] = float(i);
  const TensorView view = TensorView::contiguous(values.data(), DType::kF32, {3, 4});
  const TensorView part = viewPart(view, {{10, 20}, {3, 4}}, {{11, 22}, {2, 1}});
  EXPECT_THAT(part.dims(), ElementsAre(2, 1));
  EXPECT_EQ(part.as<float>()[0], 6);
  EXPECT_EQ(part.as<float>()[part.strides[0]], 10);
  const Box empty = {{5, 0}, {0, 4}};
  const TensorView none = viewPart(TensorView::contiguous(nullptr, DType::kF32, {0, 4}), empty, empty);
  EXPECT_EQ(none.data, nullptr);
  EXPECT_EQ(none.elements(), 0);
}

TEST(Pieces, AreCutAlongTheEdgesOfWhoHoldsThem) {
  // Rows 0-3 and 2-5 of six, and all of them.
  const std::vector<Box> holders = {{{0, 0}, {4, 2}}, {{2, 0}, {4, 2}}, {{0, 0}, {6, 2}}};
  const Box box = {{1, 0}, {5, 2}};
  for (const bool firstOnly : {false, true}) {
    int64_t elements = 0;
    for (const Piece &piece : cutByHolders(box, holders, firstOnly)) {
      elements += piece.box.elements();
      EXPECT_GT(piece.box.elements(), 0);
      std::vector<int> expected;
      for (int i = 0; i < 3; ++i)
        if (intersect(piece.box, holders[i]) == piece.box) expected.push_back(i);
      if (firstOnly) expected.resize(1);
      EXPECT_EQ(piece.holders, expected) << piece.box.str();
    }
    EXPECT_EQ(elements, box.elements()) << "each element is in one piece";
  }
}

TEST(Pieces, ThatNobodyHoldsHaveNoHolder) {
  const std::vector<Box> holders = {{{0}, {2}}};
  bool isFound = false;
  for (const Piece &piece : cutByHolders({{0}, {3}}, holders, /*firstOnly=*/false))
    isFound |= piece.holders.empty() && piece.box == Box{{2}, {1}};
  EXPECT_TRUE(isFound);
}

}  // namespace
}  // namespace cleave
