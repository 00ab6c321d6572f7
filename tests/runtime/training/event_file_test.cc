#include "runtime/training/event_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <string>
#include <vector>

#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using testing::contentsOf;
using ::testing::HasSubstr;
using testing::namesIn;
using testing::TemporaryFolder;

// Little-endian.
uint64_t numberAt(const std::string &bytes, size_t at, size_t size) {
  uint64_t value = 0;
  for (size_t i = 0; i < size; ++i) value |= uint64_t(uint8_t(bytes.at(at + i))) << (8 * i);
  return value;
}

uint32_t unmasked(uint64_t checksum) {
  const uint32_t rotated = uint32_t(checksum) - 0xA282EAD8;
  return rotated << 15 | rotated >> 17;
}

// The messages of a file, whose lengths and checksums must be right.
std::vector<std::string> messagesOf(const std::string &bytes) {
  std::vector<std::string> messages;
  for (size_t at = 0; at < bytes.size();) {
    const size_t length = size_t(numberAt(bytes, at, 8));
    EXPECT_EQ(unmasked(numberAt(bytes, at + 8, 4)), crc32c(bytes.substr(at, 8)));
    messages.push_back(bytes.substr(at + 12, length));
    EXPECT_EQ(unmasked(numberAt(bytes, at + 12 + length, 4)), crc32c(messages.back()));
    at += 16 + length;
  }
  return messages;
}

TEST(Crc32c, FollowsTheVectorsOfRfc3720) {
  EXPECT_EQ(crc32c(""), 0u);
  EXPECT_EQ(crc32c("123456789"), 0xE3069283u);
  EXPECT_EQ(crc32c(std::string(32, '\0')), 0x8A9136AAu);
  EXPECT_EQ(crc32c(std::string(32, '\xff')), 0x62A8AB43u);
}

TEST(EventFile, HoldsAVersionAStartAndAMessageAStep) {
  TemporaryFolder folder;
  auto file = EventFile::create(folder / "made/here", 300);
  ASSERT_TRUE(file.ok()) << file.status();
  StepMetrics metrics;
  metrics.step = 301;
  metrics.loss = 0.5;
  metrics.named = {{"accuracy", 0.25}};
  metrics.evalLoss = 4;
  metrics.evalNamed = {{"accuracy", 1.0}};
  ASSERT_TRUE(file->write(metrics).ok());
  ASSERT_TRUE(file->flush().ok());

  const auto names = namesIn(folder / "made/here");
  ASSERT_EQ(names.size(), 1u);
  EXPECT_EQ(names[0].rfind("events.out.tfevents.", 0), 0u) << names[0];
  const auto messages = messagesOf(contentsOf(folder / ("made/here/" + names[0])));
  ASSERT_EQ(messages.size(), 3u);
  for (const std::string &message : messages) EXPECT_EQ(message[0], '\x09');  // field 1: a double
  EXPECT_EQ(messages[0].substr(9), "\x1a\x0d" "brain.Event:2");
  EXPECT_EQ(messages[1].substr(9), std::string("\x10\xad\x02" "\x3a\x02\x08\x01"));  // step 301, START
  EXPECT_EQ(messages[2].substr(9, 4), std::string("\x10\xad\x02\x2a"));              // step 301, a summary
  const auto scalar = [](const std::string &tag, float value) {
    char bits[4];
    std::memcpy(bits, &value, 4);
    return std::string("\x0a") + char(tag.size()) + tag + "\x15" + std::string(bits, 4);
  };
  for (const std::string &part : {scalar("loss", 0.5), scalar("metrics/accuracy", 0.25), scalar("eval_loss", 4),
                                  scalar("eval_metrics/accuracy", 1)})
    EXPECT_THAT(messages[2], HasSubstr(part));
}

TEST(EventFiles, OfOneFolderHaveNamesOfTheirOwnInOrder) {
  TemporaryFolder folder;
  for (int64_t step : {0, 5, 9}) ASSERT_TRUE(EventFile::create(folder.path(), step).ok());
  const auto names = namesIn(folder.path());
  ASSERT_EQ(names.size(), 3u);
  for (size_t i = 0; i < names.size(); ++i)
    EXPECT_EQ(messagesOf(contentsOf(folder / names[i]))[1].at(10), char(std::vector<int>{1, 6, 10}[i])) << names[i];
}

TEST(EventFile, ThatCanNotBeWrittenIsNamed) {
  TemporaryFolder folder;
  const auto refused = EventFile::create(folder.write("file", "x") + "/events", 0);
  EXPECT_THAT(std::string(refused.status().message()), HasSubstr("file"));
  EXPECT_FALSE(refused.ok());
}

}  // namespace
}  // namespace cleave
