// A file is a sequence of records, little-endian:
//
//   u64 length | u32 masked checksum of the length's bytes | the message | u32 masked checksum of the message
//
// Messages are protobuf's, of TensorFlow's event.proto and summary.proto, of which these fields are used:
//
//   Event       1 wall_time: double   2 step: int64   3 file_version: string   5 summary: Summary   7 session_log
//   Summary     1 value: Value, repeated
//   Value       1 tag: string   2 simple_value: float
//   SessionLog  1 status: enum, START = 1

#include "runtime/training/event_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "runtime/files/new_file.h"
#include "runtime/files/system_error.h"

namespace cleave {
namespace {

constexpr int kMaxFiles = 1000;  // of one second and process

std::array<uint32_t, 256> makeTable() {
  constexpr uint32_t kPolynomial = 0x82F63B78;  // reflected
  std::array<uint32_t, 256> table{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint32_t value = byte;
    for (int bit = 0; bit < 8; ++bit) value = value & 1 ? value >> 1 ^ kPolynomial : value >> 1;
    table[byte] = value;
  }
  return table;
}

// So that a checksum over bytes that hold checksums stays a good one.
uint32_t masked(uint32_t checksum) { return (checksum >> 15 | checksum << 17) + 0xA282EAD8; }

template <typename T>
void appendFixed(std::string &out, T value) {
  for (size_t i = 0; i < sizeof(T); ++i) out.push_back(char(value >> (8 * i)));
}

// Fields of a message in protobuf's wire format.
class Message {
 public:
  Message &integer(int field, uint64_t value) {
    varint(uint64_t(field) << 3);
    varint(value);
    return *this;
  }
  Message &number(int field, double value) {
    varint(uint64_t(field) << 3 | 1);
    uint64_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    appendFixed(bytes_, bits);
    return *this;
  }
  Message &single(int field, float value) {
    varint(uint64_t(field) << 3 | 5);
    uint32_t bits;
    std::memcpy(&bits, &value, sizeof(bits));
    appendFixed(bytes_, bits);
    return *this;
  }
  Message &text(int field, absl::string_view value) {
    varint(uint64_t(field) << 3 | 2);
    varint(value.size());
    bytes_.append(value.data(), value.size());
    return *this;
  }
  Message &message(int field, const Message &value) { return text(field, value.bytes_); }

  const std::string &bytes() const { return bytes_; }

 private:
  void varint(uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes_.push_back(char(value | 0x80));
    bytes_.push_back(char(value));
  }

  std::string bytes_;
};

Message eventNow() {
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  Message event;
  event.number(1, std::chrono::duration<double>(since).count());
  return event;
}

void addScalar(Message &summary, absl::string_view tag, double value) {
  summary.message(1, Message().text(1, tag).single(2, float(value)));
}

Message summaryOf(const StepMetrics &metrics) {
  Message summary;
  const std::pair<const char *, double> scalars[] = {
      {"loss", metrics.loss},           {"grad_norm", metrics.gradNorm},
      {"lr", metrics.learningRate},     {"step_ms", metrics.stepMs},
      {"comm_ms", metrics.commMs},      {"exposed_ms", metrics.exposedMs},
      {"late_ms", metrics.lateMs},      {"data_ms", metrics.dataMs},
      {"tflops", metrics.teraflops},    {"tokens_per_s", metrics.tokensPerSecond}};
  for (const auto &[tag, value] : scalars) addScalar(summary, tag, value);
  if (!metrics.peakBytes.empty())
    addScalar(summary, "peak_bytes", double(*std::max_element(metrics.peakBytes.begin(), metrics.peakBytes.end())));
  for (const auto &[name, value] : metrics.named) addScalar(summary, absl::StrCat("metrics/", name), value);
  if (metrics.evalLoss) addScalar(summary, "eval_loss", *metrics.evalLoss);
  for (const auto &[name, value] : metrics.evalNamed) addScalar(summary, absl::StrCat("eval_metrics/", name), value);
  return summary;
}

// TensorBoard reads the files of a folder by their names in order: the time comes first.
std::string nameOf(int64_t seconds, int number) {
  char host[256] = "";
  ::gethostname(host, sizeof(host) - 1);
  return absl::StrCat("events.out.tfevents.", seconds, ".", host, ".", ::getpid(), ".", absl::Dec(number, absl::kZeroPad3));
}

}  // namespace

uint32_t crc32c(absl::string_view bytes) {
  static const std::array<uint32_t, 256> table = makeTable();
  uint32_t checksum = ~uint32_t{0};
  for (char byte : bytes) checksum = table[uint8_t(checksum ^ uint8_t(byte))] ^ checksum >> 8;
  return ~checksum;
}

absl::StatusOr<EventFile> EventFile::create(const std::string &folder, int64_t step) {
  if (absl::Status status = makeFolder(folder); !status.ok()) return status;
  const auto since = std::chrono::system_clock::now().time_since_epoch();
  const int64_t seconds = std::chrono::duration_cast<std::chrono::seconds>(since).count();
  int descriptor = -1;
  std::string path;
  for (int number = 0; descriptor < 0; ++number) {
    path = absl::StrCat(folder, "/", nameOf(seconds, number));
    descriptor = ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (descriptor < 0 && (errno != EEXIST || number == kMaxFiles)) return systemError("cannot write", path, errno);
  }
  std::FILE *file = ::fdopen(descriptor, "w");
  if (file == nullptr) {
    const int number = errno;
    ::close(descriptor);
    return systemError("cannot write", path, number);
  }
  EventFile events(path, file);
  if (absl::Status status = events.append(eventNow().text(3, "brain.Event:2").bytes()); !status.ok()) return status;
  Message start = eventNow();
  start.integer(2, uint64_t(step + 1)).message(7, Message().integer(1, 1));
  if (absl::Status status = events.append(start.bytes()); !status.ok()) return status;
  return events;
}

absl::Status EventFile::write(const StepMetrics &metrics) {
  return append(eventNow().integer(2, uint64_t(metrics.step)).message(5, summaryOf(metrics)).bytes());
}

absl::Status EventFile::append(absl::string_view event) {
  std::string record;
  appendFixed(record, uint64_t(event.size()));
  appendFixed(record, masked(crc32c(record)));
  record.append(event.data(), event.size());
  appendFixed(record, masked(crc32c(event)));
  if (std::fwrite(record.data(), 1, record.size(), file_.get()) != record.size() || std::fflush(file_.get()) != 0)
    return systemError("cannot write", path_, errno);
  return absl::OkStatus();
}

absl::Status EventFile::flush() {
  if (::fsync(::fileno(file_.get())) != 0 && errno != EINVAL && errno != ENOTSUP)
    return systemError("cannot write", path_, errno);
  return absl::OkStatus();
}

}  // namespace cleave
