// Moves bytes between the processes of a job.

#ifndef CLEAVE_KERNELS_API_TRANSPORT_H
#define CLEAVE_KERNELS_API_TRANSPORT_H

#include <cstdint>
#include <functional>
#include <vector>

namespace cleave {

// All methods may be called from any thread and never wait for a peer.
class Transport {
 public:
  // One message to or from a peer, whose memory the transport owns until it is through.
  struct Part {
    enum class Direction { kSend, kReceive };
    Direction direction = Direction::kSend;
    int peer = 0;  // a process
    void *data = nullptr;
    int64_t bytes = 0;  // what one sends the other receives
  };
  // Whether all parts went well; after abort they did not. Comes once, on the transport's own thread, and must not wait.
  using Done = std::function<void(bool isDone)>;

  virtual ~Transport() = default;
  virtual int process() const = 0;
  virtual int processes() const = 0;

  // The first of `count` new channels. Processes open the same ones in the same order.
  virtual int openChannels(int count) = 0;

  // On a channel the messages between two processes arrive in the order in which they were started, those of one call in
  // the order of its parts.
  virtual void start(int channel, std::vector<Part> parts, Done done) = 0;

  // The processes that a channel waits for.
  virtual std::vector<int> awaited(int channel) const = 0;

  // Gives up everything under way, and all that is started later.
  virtual void abort() = 0;
};

}  // namespace cleave

#endif  // CLEAVE_KERNELS_API_TRANSPORT_H
