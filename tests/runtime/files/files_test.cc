#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "runtime/files/mapped_file.h"
#include "runtime/files/new_file.h"
#include "runtime/files/strict_json.h"
#include "tests/runtime/temporary_folder.h"

namespace cleave {
namespace {

using testing::contentsOf;
using ::testing::HasSubstr;
using testing::namesIn;
using testing::TemporaryFolder;

TEST(NewFile, IsThereWholeOnlyOnceItIsCommitted) {
  TemporaryFolder folder;
  const std::string path = folder.write("x", "before");
  auto file = NewFile::create(path);
  ASSERT_TRUE(file.ok()) << file.status();
  ASSERT_TRUE(file->append("af").ok());
  ASSERT_TRUE(file->append("ter").ok());
  EXPECT_EQ(contentsOf(path), "before");
  ASSERT_TRUE(file->commit().ok());
  EXPECT_EQ(contentsOf(path), "after");
  EXPECT_EQ(namesIn(folder.path()), std::vector<std::string>{"x"});
}

TEST(NewFile, LeavesNothingBehindWithoutACommit) {
  TemporaryFolder folder;
  {
    auto file = NewFile::create(folder / "x");
    ASSERT_TRUE(file.ok()) << file.status();
    ASSERT_TRUE(file->append("half").ok());
  }
  EXPECT_TRUE(namesIn(folder.path()).empty());
}

TEST(NewFile, WritesToADeviceAsItIs) {
  EXPECT_TRUE(writeFile("/dev/null", "bytes").ok());
  EXPECT_TRUE(std::filesystem::is_character_file("/dev/null"));
  EXPECT_THAT(std::string(writeFile("/dev/full", "bytes").message()),
              HasSubstr("cannot write \"/dev/full\": No space left"));
}

TEST(NewFile, CannotBeMadeInAFolderThatIsNotThereOrInPlaceOfOne) {
  TemporaryFolder folder;
  EXPECT_THAT(std::string(writeFile(folder / "none/x", "").message()), HasSubstr("none/x\": No such file"));
  EXPECT_THAT(std::string(writeFile(folder.path(), "").message()), HasSubstr("requires a file, got a folder"));
}

TEST(MappedFile, ShowsTheBytesAndRefusesWhatIsNoFile) {
  TemporaryFolder folder;
  EXPECT_EQ(MappedFile::open(folder.write("x", "bytes"))->bytes(), "bytes");
  EXPECT_EQ(MappedFile::open(folder.write("empty", ""))->bytes(), "");
  EXPECT_THAT(std::string(MappedFile::open(folder.path()).status().message()), HasSubstr("got a folder"));
  ASSERT_EQ(::mkfifo((folder / "pipe").c_str(), 0600), 0);
  EXPECT_THAT(std::string(MappedFile::open(folder / "pipe").status().message()), HasSubstr("got a device or pipe"));
}

TEST(MappedFile, MayBeMovedAndReleasedAndReadAgain) {
  TemporaryFolder folder;
  auto opened = MappedFile::open(folder.write("x", "bytes"));
  MappedFile file = *std::move(opened);
  file.release();
  EXPECT_EQ(file.bytes(), "bytes");
}

TEST(StrictJson, ReadsWhatJsonAllows) {
  auto value = parseStrictJson(R"({"a":[1,-2,0.5,null,true,"x"],"b":{}})", 2);
  ASSERT_TRUE(value.ok()) << value.status();
  EXPECT_EQ(value->dump(), R"({"a":[1,-2,0.5,null,true,"x"],"b":{}})");
  EXPECT_EQ(parseStrictJson("[[[]]]", 3)->dump(), "[[[]]]");
  EXPECT_EQ(parseStrictJson(R"({"a":{"x":1},"b":{"x":1}})", 2)->size(), 2u) << "equal names in different objects";
}

TEST(StrictJson, RefusesNamesThatRepeatDepthAndWhatIsNoJson) {
  const std::pair<std::string, const char *> cases[] = {
      {R"({"a":1,"a":2})", "requires each name once, got \"a\" twice"},
      {R"([{"a":{"b":1,"b":1}}])", "requires each name once, got \"b\" twice"},
      {"[[[[]]]]", "requires at most 3 levels of nesting"},
      {"", "requires JSON"},
      {"{", "requires JSON"},
      {"{} x", "requires JSON"},
      {"1e999", "requires JSON"},
      {"nul", "requires JSON"},
      {"{'a':1}", "requires JSON"},
      {std::string("\"\xff\""), "requires JSON"},
      {std::string("\"a\0b\"", 5), "requires JSON"},
  };
  for (const auto &[text, message] : cases)
    EXPECT_THAT(std::string(parseStrictJson(text, 3).status().message()), HasSubstr(message)) << text;
}

}  // namespace
}  // namespace cleave
