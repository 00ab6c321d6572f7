// A plan as a page: the model's blocks, how their values lie along the mesh, and what moves between devices where.

#ifndef CLEAVE_TOOLS_PAGES_PLAN_PAGE_H
#define CLEAVE_TOOLS_PAGES_PLAN_PAGE_H

#include <string>

#include "runtime/plan/plan.pb.h"
#include "tools/pages/placement_drawing.h"

namespace cleave::pages {

// Bodies for fragment() or document(): in short (mesh, memory, time, what moves), and with the blocks.
std::string planSummary(const plan::Plan &plan);
std::string planBlocks(const plan::Plan &plan);

// How a parameter or a state lies.
Drawing drawVariable(const plan::Plan &plan, const plan::Variable &variable);

// What a tensor's type is called: "f32".
std::string dtypeName(plan::DType dtype);

}  // namespace cleave::pages

#endif  // CLEAVE_TOOLS_PAGES_PLAN_PAGE_H
