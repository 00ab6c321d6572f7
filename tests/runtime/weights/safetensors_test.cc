#include "runtime/weights/safetensors.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "runtime/weights/half.h"
#include "runtime/weights/tensor_source.h"
#include "tests/runtime/temporary_folder.h"
#include "tests/runtime/weights/raw_safetensors.h"

namespace cleave {
namespace {

using testing::bytesOf;
using ::testing::HasSubstr;
using testing::littleEndian;
using testing::rawSafetensors;
using testing::TemporaryFolder;

std::string messageOf(const std::string &bytes) {
  TemporaryFolder folder;
  auto file = SafetensorsFile::open(folder.write("x.safetensors", bytes));
  return file.ok() ? "ok" : std::string(file.status().message());
}

struct BadFile {
  const char *what;
  std::string bytes;
  const char *message;
};

const std::string kFour(4, '\0'), kEight(8, '\0');

std::string deeplyNested() { return "{\"x\":" + std::string(100000, '[') + std::string(100000, ']') + "}"; }

// A tensor of 41 dimensions, up to the last of them.
std::string manyDimensions() {
  std::string text = "{\"x\":{\"dtype\":\"F32\",\"shape\":[1";
  for (int i = 0; i < 40; ++i) text += ",1";
  return text;
}

const std::vector<BadFile> kBadFiles = {
    {"nothing", "", "requires at least 8 bytes, got 0"},
    {"less than a length", "abc", "requires at least 8 bytes, got 3"},
    {"a header that the file cuts off", littleEndian(100) + "{}", "(the file ends there), got 100"},
    {"a header of 2^63 bytes", littleEndian(uint64_t{1} << 63) + "{}", "requires a header of at most 104857600 bytes"},
    {"an empty header", rawSafetensors("", ""), "requires JSON"},
    {"no JSON", rawSafetensors("hello", ""), "requires JSON"},
    {"a list", rawSafetensors("[]", ""), "requires an object, got array"},
    {"text behind the object", rawSafetensors("{} {}", ""), "requires JSON"},
    {"deep nesting", rawSafetensors(deeplyNested(), ""), "requires at most 3 levels of nesting"},
    {"bad UTF-8", rawSafetensors("{\"\xff\":{}}", ""), "requires JSON"},
    {"a tensor twice",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},"
                    "\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                    kFour),
     "requires each name once, got \"x\" twice"},
    {"a tensor that is no object", rawSafetensors("{\"x\":1}", ""), "tensor \"x\": requires an object, got number"},
    {"no dtype", rawSafetensors("{\"x\":{\"shape\":[1],\"data_offsets\":[0,4]}}", kFour),
     "requires \"dtype\", got none"},
    {"no shape", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"data_offsets\":[0,4]}}", kFour),
     "requires \"shape\", got none"},
    {"no offsets", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1]}}", kFour),
     "requires \"data_offsets\", got none"},
    {"an unknown field",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4],\"strides\":[1]}}", kFour),
     "requires dtype, shape and data_offsets alone, got \"strides\""},
    {"an unknown dtype", rawSafetensors("{\"x\":{\"dtype\":\"F31\",\"shape\":[1],\"data_offsets\":[0,4]}}", kFour),
     "requires a known dtype, got \"F31\""},
    {"a dtype that is a number", rawSafetensors("{\"x\":{\"dtype\":3,\"shape\":[1],\"data_offsets\":[0,4]}}", kFour),
     "requires a known dtype, got 3"},
    {"a negative size", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[-1],\"data_offsets\":[0,4]}}", kFour),
     "got -1"},
    {"half an element", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1.5],\"data_offsets\":[0,4]}}", kFour),
     "got 1.5"},
    {"a size of 1e400", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1e400],\"data_offsets\":[0,4]}}", kFour),
     "requires JSON"},
    {"a size above 2^63",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[18446744073709551615],\"data_offsets\":[0,4]}}", kFour),
     "requires shape to be integers from 0 to 2^63-1"},
    {"a product that overflows",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,0]}}", ""),
     "requires a size below 2^63 bytes"},
    {"a rank of 41", rawSafetensors(manyDimensions() + "],\"data_offsets\":[0,4]}}", kFour),
     "requires a rank of at most 32, got 41"},
    {"a shape that is no list",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":\"1\",\"data_offsets\":[0,4]}}", kFour),
     "requires shape to be a list"},
    {"one offset", rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4]}}", kFour),
     "requires data_offsets [begin, end]"},
    {"offsets that run backwards",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[4,0]}}", kFour), "got [4, 0]"},
    {"offsets behind the end",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", kFour),
     "within the 4 bytes of data, got [0, 8]"},
    {"too few bytes for the shape",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,4]}}", kFour),
     "requires 8 bytes for F32 [2], got 4"},
    {"tensors that overlap",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]},\"y\":{\"dtype\":\"F32\","
                    "\"shape\":[1],\"data_offsets\":[2,6]}}",
                    kEight),
     "tensor \"y\": requires to begin at byte 4 where the one before ends, got 2 (overlap)"},
    {"a gap between tensors",
     rawSafetensors("{\"x\":{\"dtype\":\"U8\",\"shape\":[1],\"data_offsets\":[0,1]},\"y\":{\"dtype\":\"F32\","
                    "\"shape\":[1],\"data_offsets\":[4,8]}}",
                    kEight),
     "got 4 (gap)"},
    {"bytes behind the last tensor",
     rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}", kEight),
     "requires tensors that cover the 8 bytes of data, got 4"},
    {"metadata that are no texts", rawSafetensors("{\"__metadata__\":{\"a\":1}}", ""),
     "__metadata__: requires texts, got number for \"a\""},
    {"metadata that are no object", rawSafetensors("{\"__metadata__\":3}", ""),
     "__metadata__: requires an object, got number"},
};

TEST(Safetensors, RefuseADamagedFileAndSayWhy) {
  for (const BadFile &bad : kBadFiles) EXPECT_THAT(messageOf(bad.bytes), HasSubstr(bad.message)) << bad.what;
}

TEST(Safetensors, RefuseEveryCutOffOfAGoodFile) {
  const std::string good =
      rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", std::string(8, '\0'));
  ASSERT_EQ(messageOf(good), "ok");
  for (size_t size = 0; size < good.size(); ++size)
    EXPECT_NE(messageOf(good.substr(0, size)), "ok") << size << " bytes";
}

TEST(Safetensors, SurviveAnyByteOfTheHeaderChanged) {
  const std::string good =
      rawSafetensors("{\"x\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", std::string(8, '\0'));
  for (size_t i = 0; i + 8 < good.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::string changed = good;
      changed[i] = char(changed[i] ^ (1 << bit));
      messageOf(changed);  // either way, but without a crash
    }
}

TEST(Safetensors, NameTheFileThatIsMissingOrNoFile) {
  TemporaryFolder folder;
  const std::string missing = folder / "no.safetensors";
  EXPECT_THAT(std::string(SafetensorsFile::open(missing).status().message()),
              HasSubstr("cannot open \"" + missing + "\": No such file"));
  EXPECT_THAT(std::string(SafetensorsFile::open(folder.path()).status().message()),
              HasSubstr("requires a regular file, got a folder"));
}

TEST(Safetensors, ReadBackWhatWasWritten) {
  TemporaryFolder folder;
  const std::string path = folder / "x.safetensors";
  auto writer = SafetensorsWriter::create(path, {{"b", "F32", {2, 3}}, {"a", "I64", {}}, {"empty", "F32", {0, 4}}},
                                          {{"format", "pt"}});
  ASSERT_TRUE(writer.ok()) << writer.status();
  const std::vector<float> floats = {1, 2, 3, 4, 5, 6};
  const std::vector<int64_t> integers = {-7};
  ASSERT_TRUE(writer->append(bytesOf(floats).substr(0, 5)).ok());
  ASSERT_TRUE(writer->append(bytesOf(floats).substr(5)).ok());
  ASSERT_TRUE(writer->append(bytesOf(integers)).ok());
  ASSERT_TRUE(writer->commit().ok());

  auto file = SafetensorsFile::open(path);
  ASSERT_TRUE(file.ok()) << file.status();
  EXPECT_EQ(file->metadata().at("format"), "pt");
  EXPECT_EQ(file->tensors().at("b").bytes, bytesOf(floats));
  EXPECT_EQ(file->tensors().at("b").shape, (std::vector<int64_t>{2, 3}));
  EXPECT_EQ(file->tensors().at("a").bytes, bytesOf(integers));
  EXPECT_EQ(file->tensors().at("empty").bytes, "");
  EXPECT_EQ(reinterpret_cast<uintptr_t>(file->tensors().at("b").bytes.data()) % 8, 0u) << "data are aligned";
}

TEST(Safetensors, LeaveNoFileBehindWhenAWriteIsCutOff) {
  TemporaryFolder folder;
  const std::string path = folder.write("x.safetensors", "what was there before");
  {
    auto writer = SafetensorsWriter::create(path, {{"a", "F32", {2}}}, {});
    ASSERT_TRUE(writer.ok());
    ASSERT_TRUE(writer->append(std::string(4, '\0')).ok());
    EXPECT_THAT(std::string(writer->commit().message()), HasSubstr("got 4 too few"));
  }
  EXPECT_EQ(testing::contentsOf(path), "what was there before");
  EXPECT_EQ(testing::namesIn(folder.path()), std::vector<std::string>{"x.safetensors"});
}

TEST(Safetensors, ConvertEveryFloatTypeToF32) {
  auto convert = [](const std::string &dtype, const std::string &bytes, int64_t count) {
    std::vector<float> out(size_t(count), -1);
    EXPECT_TRUE(readAsFloat({dtype, {count}, bytes}, 0, absl::MakeSpan(out)).ok());
    return out;
  };
  const std::vector<float> expected = {1.0f, -2.0f, 0.5f};
  EXPECT_EQ(convert("F32", bytesOf(expected), 3), expected);
  EXPECT_EQ(convert("F64", bytesOf(std::vector<double>{1, -2, 0.5}), 3), expected);
  EXPECT_EQ(convert("BF16", bytesOf(std::vector<uint16_t>{0x3F80, 0xC000, 0x3F00}), 3), expected);
  EXPECT_EQ(convert("F16", bytesOf(std::vector<uint16_t>{0x3C00, 0xC000, 0x3800}), 3), expected);
  std::vector<float> one(1);
  EXPECT_THAT(std::string(readAsFloat({"I32", {1}, std::string(4, '\0')}, 0, absl::MakeSpan(one)).message()),
              HasSubstr("got I32"));
}

TEST(Half, FollowsTheFormatAtItsEdges) {
  EXPECT_EQ(floatOfF16(0x0001), std::ldexp(1.0f, -24));
  EXPECT_EQ(floatOfF16(0x03FF), 1023 * std::ldexp(1.0f, -24));
  EXPECT_EQ(floatOfF16(0x0400), std::ldexp(1.0f, -14));
  EXPECT_EQ(floatOfF16(0x7BFF), 65504.0f);
  EXPECT_EQ(floatOfF16(0xFC00), -std::numeric_limits<float>::infinity());
  EXPECT_TRUE(std::isnan(floatOfF16(0x7E00)));
  EXPECT_TRUE(std::signbit(floatOfF16(0x8000)));
}

std::string oneTensor(const std::string &name, float value) {
  return rawSafetensors("{\"" + name + "\":{\"dtype\":\"F32\",\"shape\":[1],\"data_offsets\":[0,4]}}",
                        bytesOf(std::vector<float>{value}));
}

std::string indexMessage(const std::string &index) {
  TemporaryFolder folder;
  folder.write("a.safetensors", oneTensor("a", 1));
  folder.write("b.safetensors", oneTensor("b", 2));
  auto source = TensorSource::open(folder.write("model.safetensors.index.json", index));
  return source.ok() ? "ok" : std::string(source.status().message());
}

TEST(TensorSource, ReadsTheShardsOfAnIndexInItsFolder) {
  TemporaryFolder folder;
  folder.write("a.safetensors", oneTensor("a", 1));
  folder.write("b.safetensors", oneTensor("b", 2));
  folder.write("model.safetensors.index.json",
               R"({"metadata":{"total_size":8},"weight_map":{"a":"a.safetensors","b":"b.safetensors"}})");
  auto source = TensorSource::open(folder.path());
  ASSERT_TRUE(source.ok()) << source.status();
  ASSERT_EQ(source->tensors().size(), 2u);
  EXPECT_EQ(source->tensors().at("b")->bytes, bytesOf(std::vector<float>{2}));
}

TEST(TensorSource, RefusesABadIndexAndSaysWhy) {
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":"../a.safetensors"}})"),
              HasSubstr("requires a file in the index's own folder for tensor \"a\""));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":"/etc/passwd"}})"),
              HasSubstr("requires a file in the index's own folder"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":".."}})"), HasSubstr("requires a file in the index's own folder"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":1}})"),
              HasSubstr("requires a file name for tensor \"a\", got number"));
  EXPECT_THAT(indexMessage(R"({"weight_map":[]})"), HasSubstr("requires an object \"weight_map\""));
  EXPECT_THAT(indexMessage("{"), HasSubstr("requires JSON"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":"c.safetensors"}})"), HasSubstr("c.safetensors\": No such file"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"c":"a.safetensors"}})"), HasSubstr("requires tensor \"c\", got a"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{"a":"a.safetensors","b":"a.safetensors"}})"),
              HasSubstr("requires tensor \"b\", got a"));
  EXPECT_THAT(indexMessage(R"({"weight_map":{}})"), HasSubstr("ok"));
}

}  // namespace
}  // namespace cleave
