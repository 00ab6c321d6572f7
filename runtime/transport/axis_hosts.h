// How the ranks of a mesh lie on hosts. Ranks are row-major and processes are numbered host by host, so that the last
// axes stay inside a host as far as its devices go.

#ifndef CLEAVE_RUNTIME_TRANSPORT_AXIS_HOSTS_H
#define CLEAVE_RUNTIME_TRANSPORT_AXIS_HOSTS_H

#include <string>
#include <vector>

#include "runtime/plan/program.h"

namespace cleave {

// "hosts: a (ranks 0-1), b (ranks 2-3)"; empty where all are on one. `hostOf`: by rank.
std::string ranksByHost(const std::vector<std::string> &hostOf);

// A sentence for each axis of kind model of which a group lies on several hosts: its collectives stand in the way of
// every layer, and are those that a network slows down most.
std::vector<std::string> warnOfHosts(const std::vector<program::MeshAxis> &mesh,
                                     const std::vector<std::string> &hostOf);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_AXIS_HOSTS_H
