#include "runtime/transport/remote_parts.h"

#include <algorithm>
#include <array>

#include "runtime/copy_tensor.h"
#include "runtime/host_tensor.h"

namespace cleave {
namespace {

// A question as it travels: variable (-1: through), rank, dimensions, starts, extents.
using Question = std::array<int64_t, 3 + 2 * kMaxRank>;

absl::string_view bytesOf(const Question &question) {
  return {reinterpret_cast<const char *>(question.data()), sizeof(question)};
}

Question pack(const AskedPart &part) {
  Question question{};
  question[0] = part.variable;
  question[1] = part.rank;
  question[2] = static_cast<int64_t>(part.box.start.size());
  std::copy(part.box.start.begin(), part.box.start.end(), question.begin() + 3);
  std::copy(part.box.extent.begin(), part.box.extent.end(), question.begin() + 3 + kMaxRank);
  return question;
}

AskedPart unpack(const Question &question) {
  AskedPart part{static_cast<int>(question[0]), static_cast<int>(question[1]), {}};
  const int64_t dims = std::clamp<int64_t>(question[2], 0, kMaxRank);
  part.box.start.assign(question.begin() + 3, question.begin() + 3 + dims);
  part.box.extent.assign(question.begin() + 3 + kMaxRank, question.begin() + 3 + kMaxRank + dims);
  return part;
}

HostTensor tensorFor(const TensorView &view) {
  return HostTensor(view.dtype, std::vector<int64_t>(view.dims().begin(), view.dims().end()));
}

}  // namespace

absl::Status askForPart(Job &job, int process, const AskedPart &part, const TensorView &to) {
  if (auto status = job.send(process, bytesOf(pack(part))); !status.ok()) return status;
  HostTensor values = tensorFor(to);
  if (auto status = job.receive(process, values.as<char>(), to.bytes()); !status.ok()) return status;
  copyTensor(to, values.view());
  return absl::OkStatus();
}

absl::Status endAsking(Job &job) {
  Question through{};
  through[0] = -1;
  for (int p = 1; p < job.processes(); ++p)
    if (auto status = job.send(p, bytesOf(through)); !status.ok()) return status;
  return absl::OkStatus();
}

absl::Status answerParts(Job &job, const std::function<absl::StatusOr<TensorView>(const AskedPart &)> &find) {
  for (;;) {
    Question question{};
    if (auto status = job.receive(0, question.data(), sizeof(question), Job::Patience::kForEver); !status.ok())
      return status;
    if (question[0] < 0) return absl::OkStatus();
    const auto view = find(unpack(question));
    if (!view.ok()) return view.status();
    HostTensor values = tensorFor(*view);
    copyTensor(values.view(), *view);
    if (auto status = job.send(0, {values.as<char>(), static_cast<size_t>(view->bytes())}); !status.ok()) return status;
  }
}

}  // namespace cleave
