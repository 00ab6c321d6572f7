// What actors say to each other.

#ifndef CLEAVE_ACTORS_MESSAGE_H
#define CLEAVE_ACTORS_MESSAGE_H

#include <cstdint>

namespace cleave {

enum class ActorId : int32_t {};     // within an ActorGraph
enum class StreamId : int32_t {};    // within an ActorGraph
enum class RankId : int32_t {};      // position in the mesh
enum class RegisterId : int32_t {};  // within a program
enum class PortId : int32_t {};      // within an actor: one for each edge that ends there
enum class Bytes : int64_t {};

template <typename Id>
constexpr auto indexOf(Id id) {
  return static_cast<std::underlying_type_t<Id>>(id);
}

// When what a message says comes true. On a CPU work is over when its actor says so, and the fence is complete from the
// start; what an emulated link still carries comes true at a point in time. (A GPU's would name an event, another
// process's a request.)
struct Fence {
  int64_t dueNanos = 0;  // of the scheduler's clock
};

struct Message {
  enum class Kind : uint8_t {
    kFilled,  // a register of the sender holds a value for the receiver
    kFreed,   // the sender no longer reads a register that the receiver writes
    kShare,   // of a communicator: the receiver's share of a collective can be done
    kDone,    // of a communicator: the receiver's collective is over
    kFailed   // of a communicator: given up
  };
  Kind kind = Kind::kFilled;
  ActorId to{};
  PortId port{};      // of the receiver (kFilled, kFreed)
  RegisterId what{};  // the sender's register, for reports
  Bytes extent{};     // how much of it is filled: all of it, today
  Fence fence;
};

}  // namespace cleave

#endif  // CLEAVE_ACTORS_MESSAGE_H
