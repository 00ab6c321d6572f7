// How the first process reads parts of variables that other processes hold: it asks, they answer.

#ifndef CLEAVE_RUNTIME_TRANSPORT_REMOTE_PARTS_H
#define CLEAVE_RUNTIME_TRANSPORT_REMOTE_PARTS_H

#include <functional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "kernels/api/box.h"
#include "kernels/api/tensor_view.h"
#include "runtime/transport/job.h"

namespace cleave {

struct AskedPart {
  int variable = 0, rank = 0;  // of the plan
  Box box;                     // elements of the variable that the rank holds
};

// For the first process: fills `to` with what another one holds. Later it tells all that it is through.
absl::Status askForPart(Job &job, int process, const AskedPart &part, const TensorView &to);
absl::Status endAsking(Job &job);

// For the others: answers with the views that `find` gives, until the first process is through. Waits for it for as
// long as it takes to write a file, hence without a deadline.
absl::Status answerParts(Job &job, const std::function<absl::StatusOr<TensorView>(const AskedPart &)> &find);

}  // namespace cleave

#endif  // CLEAVE_RUNTIME_TRANSPORT_REMOTE_PARTS_H
