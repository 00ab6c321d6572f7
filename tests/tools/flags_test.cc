#include "tools/cli/flags.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>
#include <tuple>

#include "tools/cli/commands.h"
#include "tools/cli/link_spec.h"

namespace cleave::cli {
namespace {

using ::testing::HasSubstr;

std::string messageOf(const std::string &command, const std::vector<std::string> &arguments) {
  auto flags = parseFlags(*findCommand(command), arguments);
  return flags.ok() ? "ok" : std::string(flags.status().message());
}

struct BadLine {
  const char *command;
  std::vector<std::string> arguments;
  const char *message;
};

const BadLine kBadLines[] = {
    {"train", {}, "requires PLAN, got none"},
    {"train", {"p"}, "requires --data FILE, got none"},
    {"train", {"p", "--data", "d.bin"}, "requires --steps N, got none"},
    {"train", {"p", "q", "--data", "d.bin", "--steps", "1"}, "requires PLAN alone, got also \"q\""},
    {"train", {"", "--data", "d.bin", "--steps", "1"}, "requires a path, got an empty text"},
    {"train",
     {"p", "--dta", "d.bin"},
     "--dta: requires a flag of \"cleave train\", got an unknown one; did you mean --data?"},
    {"train", {"p", "--step", "3"}, "did you mean --steps?"},
    {"train", {"p", "--chekcpoint", "d"}, "did you mean --checkpoint?"},
    {"train", {"p", "--zzzzzzzzzz", "3"}, "--zzzzzzzzzz: requires a flag of \"cleave train\", got an unknown one"},
    {"train", {"p", "-x"}, "-x: requires a flag"},
    {"train", {"p", "--steps"}, "--steps: requires a value (N), got none"},
    {"train", {"p", "--steps", "--seed"}, "--steps: requires a value (N), got none"},
    {"train", {"p", "--steps", ""}, "--steps: requires an integer from 0 to 9e+18, got \"\""},
    {"train", {"p", "--steps", "-1"}, "--steps: requires an integer from 0 to 9e+18, got \"-1\""},
    {"train", {"p", "--steps", "1.5"}, "--steps: requires an integer from 0 to 9e+18, got \"1.5\""},
    {"train", {"p", "--steps", "99999999999999999999"}, "--steps: requires an integer"},
    {"train", {"p", "--steps", "+1"}, "--steps: requires an integer from 0 to 9e+18, got \"+1\""},
    {"train", {"p", "--steps", "010"}, "--steps: requires an integer from 0 to 9e+18, got \"010\""},
    {"train", {"p", "--steps", " 1"}, "--steps: requires an integer from 0 to 9e+18, got \" 1\""},
    {"train", {"p", "--steps", "1e3"}, "--steps: requires an integer from 0 to 9e+18, got \"1e3\""},
    {"train", {"p", "--deadline", "+60"}, "--deadline: requires a number from 0.001 to 1e+09, got \"+60\""},
    {"train", {"p", "--deadline", "060"}, "--deadline: requires a number from 0.001 to 1e+09, got \"060\""},
    {"train", {"p", "--deadline", "60s"}, "--deadline: requires a number from 0.001 to 1e+09, got \"60s\""},
    {"train", {"p", "--steps", "1", "--steps", "2"}, "--steps: requires to be given once, got it twice"},
    {"train", {"p", "--threads", "0"}, "--threads: requires an integer from 1 to 1024, got \"0\""},
    {"train", {"p", "--deadline", "nan"}, "--deadline: requires a number from 0.001 to 1e+09, got \"nan\""},
    {"train", {"p", "--deadline", "inf"}, "--deadline: requires a number"},
    {"train", {"p", "--token-bytes", "3"}, "--token-bytes: requires 2 or 4, got \"3\""},
    {"train", {"p", "--order", "random"}, "--order: requires shuffled or sequential, got \"random\""},
    {"train", {"p", "--link", "model"}, "--link: requires AXIS=BANDWIDTH,LATENCY like model=1GB/s,50us, got \"model\""},
    {"train", {"p", "--link", "=1GB/s,50us"}, "--link: requires AXIS=BANDWIDTH,LATENCY"},
    {"train", {"p", "--link", "model=1GB/s"}, "--link: requires AXIS=BANDWIDTH,LATENCY"},
    {"train", {"p", "--link", "a,b=1GB/s"}, "--link: requires AXIS=BANDWIDTH,LATENCY"},
    {"train", {"p", "--link", "model=0GB/s,50us"}, "--link: requires a bandwidth above 0"},
    {"train", {"p", "--link", "model=1GiB/s,50us"}, "in B/s, kB/s, MB/s or GB/s, got \"model=1GiB/s,50us\""},
    {"train", {"p", "--link", "model=1 GB/s,50us"}, "--link: requires a bandwidth"},
    {"train", {"p", "--link", "model=nanGB/s,50us"}, "--link: requires a bandwidth"},
    {"train", {"p", "--link", "model=1e400GB/s,50us"}, "--link: requires a bandwidth"},
    {"train", {"p", "--link", "model=-1GB/s,50us"}, "--link: requires a bandwidth"},
    {"train", {"p", "--link", "model=01GB/s,50us"}, "--link: requires a bandwidth"},
    {"train", {"p", "--link", "model=1GB/s,+50us"}, "--link: requires a latency"},
    {"train", {"p", "--link", "model=1GB/s,50"}, "--link: requires a latency from 0 to 10000 seconds in ns, us, ms or s"},
    {"train", {"p", "--link", "model=1GB/s,-1us"}, "--link: requires a latency"},
    {"train", {"p", "--link", "model=1GB/s,us"}, "--link: requires a latency"},
    {"train", {"p", "--link", "model=1GB/s,50us,"}, "--link: requires a latency"},
    {"train",
     {"p", "--data", "d", "--steps", "1", "--link", "a=1GB/s,0s", "--link", "a=2GB/s,0s"},
     "--link: requires one link for each axis, got a second one of \"a\""},
    {"train", {"p", "--data="}, "--data: requires a path, got \"\""},
    {"train", {"p", "--allow-nonfinite=yes"}, "--allow-nonfinite: requires no value, got \"yes\""},
    {"train",
     {"p", "--data", "d.bin", "--steps", "1", "--checkpoint-every", "2"},
     "--checkpoint-every: requires --checkpoint too, got none"},
    {"train",
     {"p", "--data", "d.bin", "--steps", "1", "--eval-every", "2"},
     "--eval-every: requires --eval-data too, got none"},
    {"train",
     {"p", "--data", "d.bin", "--steps", "1", "--init", "w", "--resume", "d"},
     "--init: requires that --resume is absent, got both"},
    {"run", {"-n", "2", "explain", "p"}, "requires train, got \"explain\""},
    {"run", {"-n", "2", "--hosts", "a:1", "--hostfile", "f", "train"}, "--hosts: requires that --hostfile is absent"},
    {"run", {"train", "p", "-n", "2"}, "requires -n N, got none"},
    {"compile", {"c.json", "-o", "p", "--batch", "1", "--seq", "4"}, "requires --mesh for a config, got none"},
    {"compile", {"c.json", "-o", "p", "--mesh", "data=1", "--seq", "4"}, "requires --batch for a config, got none"},
    {"compile", {"c.json", "-o", "p", "--mesh", "data=1", "--batch", "4"}, "requires --seq for a config, got none"},
    {"compile",
     {"m.mlir", "-o", "p", "--mesh", "data=1", "--batch", "4"},
     "--batch: requires a config (a .mlir model has sizes of its own)"},
    {"compile", {"m.mlir", "-o", "p", "--mesh", "data=1", "--seq", "4"}, "--seq: requires a config"},
    {"compile", {"m.mlir", "--mesh", "data=1"}, "requires -o PLAN, got none"},
    {"compile",
     {"m.mlir", "-o", "p", "--schedule", "cosine"},
     "--schedule: requires --total-steps with \"cosine\", got none"},
    {"compile",
     {"m.mlir", "-o", "p", "--schedule", "cosine", "--total-steps", "5", "--warmup", "5"},
     "--total-steps: requires more steps than --warmup 5, got 5"},
    {"compile", {"m.mlir", "-o", "p", "--optimizer", "adam"}, "--optimizer: requires adamw or sgd or custom, got \"adam\""},
    {"compile",
     {"m.mlir", "-o", "p", "--optimizer", "sgd", "--beta1", "0.9"},
     "--beta1: requires --optimizer adamw, got sgd"},
    {"compile", {"m.mlir", "-o", "p", "--momentum", "0.9"}, "--momentum: requires --optimizer sgd, got adamw"},
    {"compile", {"m.mlir", "-o", "p", "--dropout", "1"}, "--dropout: requires a number from 0 to below 1, got \"1\""},
    {"compile", {"m.mlir", "-o", "p", "--lr", "-1"}, "--lr: requires a number from 0 to 1e+38, got"},
    {"compile", {"m.mlir", "-o", "p", "--clip-norm", "0"}, "--clip-norm: requires a number from 1e-30 to 1e+30, got"},
    {"compile",
     {"m.mlir", "-o", "p", "--compile-to", "parse"},
     "--compile-to: requires normalize or differentiate or place or partition or schedule"},
    {"tokenize",
     {"t", "-o", "x", "--vocab", "255"},
     "--vocab: requires \"bytes\" or a number of tokens from 256 to 65536, got \"255\""},
    {"tokenize",
     {"t", "-o", "x", "--vocab", "70000"},
     "--vocab: requires \"bytes\" or a number of tokens from 256 to 65536"},
    {"tokenize", {"t", "-o", "x", "--vocab", "many"}, "got \"many\""},
    {"tokenize", {"t", "-o", "x", "--vocab", "+300"}, "got \"+300\""},
    {"tokenize", {"t", "-o", "x", "--vocab", "0300"}, "got \"0300\""},
    {"tokenize",
     {"t", "-o", "x", "--vocab", "300", "--vocab-in", "v"},
     "--vocab: requires that --vocab-in is absent, got both"},
    {"tokenize",
     {"t", "-o", "x", "--vocab-out", "w", "--vocab-in", "v"},
     "--vocab-out: requires that --vocab-in is absent, got both"},
    {"sample", {"p", "--weights", "w"}, "requires --prompt TEXT, got none"},
    {"sample",
     {"p", "--weights", "w", "--prompt", "x", "--temperature", "-1"},
     "--temperature: requires a number from 0"},
    {"explain", {"p", "--jsn"}, "did you mean --json?"},
    {"print-plan", {"p", "q"}, "requires PLAN alone, got also \"q\""},
};

TEST(Flags, RefuseAWrongCommandLineAndSayWhy) {
  for (const BadLine &bad : kBadLines)
    EXPECT_THAT(messageOf(bad.command, bad.arguments), HasSubstr(bad.message)) << bad.command;
}

TEST(Flags, OfLinksAreGivenOnceForEachAxis) {
  auto flags = parseFlags(*findCommand("train"),
                          std::vector<std::string>{"p", "--data=d", "--steps=1", "--link", "data=1GB/s,50us",
                                                   "--link=model=2.5MB/s,1e-3ms"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_THAT(flags->texts("--link"), ::testing::ElementsAre("data=1GB/s,50us", "model=2.5MB/s,1e-3ms"));
  EXPECT_TRUE(flags->texts("--metrics").empty());
}

TEST(LinkSpec, HasUnitsOfPowersOfTen) {
  for (const auto &[text, bytes, seconds] : std::vector<std::tuple<const char *, double, double>>{
           {"model=1GB/s,50us", 1e9, 50e-6},
           {"model=1.5MB/s,2ms", 1.5e6, 2e-3},
           {"model=3kB/s,7ns", 3e3, 7e-9},
           {"model=4B/s,0s", 4, 0},
           {"model=1e-3GB/s,1s", 1e6, 1}}) {
    const auto link = parseLink(text);
    ASSERT_TRUE(link.ok()) << link.status();
    EXPECT_EQ(link->axis, "model");
    EXPECT_DOUBLE_EQ(link->bytesPerSecond, bytes) << text;
    EXPECT_DOUBLE_EQ(link->latencySeconds, seconds) << text;
  }
}

TEST(Flags, GiveTheValueThatWasTypedOrElseTheDefault) {
  auto flags = parseFlags(*findCommand("train"),
                          std::vector<std::string>{"p", "--data=d.bin", "--steps", "7", "--allow-nonfinite"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->positional(0), "p");
  EXPECT_EQ(flags->text("--data"), "d.bin");
  EXPECT_EQ(flags->integer("--steps"), 7);
  EXPECT_TRUE(flags->isOn("--allow-nonfinite"));
  EXPECT_FALSE(flags->has("--seed"));
  EXPECT_EQ(flags->text("--order"), "shuffled");
  EXPECT_EQ(flags->number("--deadline"), 60.0);
  EXPECT_EQ(flags->given(), (std::vector<std::string>{"--data", "d.bin", "--steps", "7", "--allow-nonfinite"}));
}

TEST(Flags, EndAtTwoDashes) {
  auto flags = parseFlags(*findCommand("explain"), std::vector<std::string>{"--", "--json"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->positional(0), "--json");
}

TEST(Flags, TakeValuesThatBeginWithADash) {
  auto flags = parseFlags(*findCommand("sample"),
                          std::vector<std::string>{"p", "--weights", "w", "--prompt=--x", "--tokens", "0"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->text("--prompt"), "--x");
}

TEST(Flags, AllowHelpWhereverItStands) {
  for (const CommandSpec &command : allCommands()) {
    auto flags = parseFlags(command, std::vector<std::string>{"--nonsense", "--help"});
    ASSERT_TRUE(flags.ok()) << command.name;
    EXPECT_TRUE(flags->isHelp()) << command.name;
  }
}

TEST(Flags, OfAWrappedCommandAreItsOwn) {
  const auto flags = parseFlags(*findCommand("run"), std::vector<std::string>{"-n", "4", "train", "p", "--steps", "5"});
  ASSERT_TRUE(flags.ok()) << flags.status();
  EXPECT_EQ(flags->integer("-n"), 4);
  ASSERT_EQ(flags->positionals(), 4u);
  EXPECT_EQ(flags->positional(2), "--steps");
}

TEST(CommandTable, GivesEveryDefaultInAFormThatItsFlagAllows) {
  for (const CommandSpec &command : allCommands())
    for (const FlagSpec &flag : command.flags) {
      if (flag.fallback.empty()) continue;
      const CommandSpec alone{"x", {}, "", "", "", {flag}};
      EXPECT_TRUE(parseFlags(alone, std::vector<std::string>{flag.name, flag.fallback}).ok())
          << command.name << " " << flag.name;
    }
}

TEST(CommandTable, HasEachNameOnce) {
  std::set<std::string> commands;
  for (const CommandSpec &command : allCommands()) {
    EXPECT_TRUE(commands.insert(command.name).second) << command.name;
    std::set<std::string> flags;
    for (const FlagSpec &flag : command.flags)
      EXPECT_TRUE(flags.insert(flag.name).second) << command.name << " " << flag.name;
  }
}

TEST(Help, ShowsEveryCommandWithAnExampleThatParsesAndEveryFlag) {
  const std::string help = helpOfAll();
  for (const CommandSpec &command : allCommands()) {
    EXPECT_THAT(help, HasSubstr(command.example));
    EXPECT_THAT(helpOf(command), HasSubstr(command.example));
    for (const FlagSpec &flag : command.flags) {
      EXPECT_THAT(help, HasSubstr(flag.name + " "));
      EXPECT_THAT(helpOf(command), HasSubstr(flag.name + " "));
    }
  }
}

TEST(Help, HasExamplesThatTheirCommandsAllow) {
  for (const CommandSpec &command : allCommands()) {
    std::vector<std::string> words;
    std::string word;
    bool isQuoted = false;
    for (char c : command.example + " ") {
      if (c == '\'') {
        isQuoted = !isQuoted;
      } else if (c == ' ' && !isQuoted) {
        words.push_back(word);
        word.clear();
      } else {
        word.push_back(c);
      }
    }
    ASSERT_GE(words.size(), 2u);
    EXPECT_EQ(words[0], "cleave");
    EXPECT_EQ(words[1], command.name);
    auto flags = parseFlags(command, absl::MakeConstSpan(words).subspan(2));
    EXPECT_TRUE(flags.ok()) << command.example << ": " << flags.status();
  }
}

TEST(UnknownCommand, IsAnsweredWithTheNearest) {
  EXPECT_THAT(unknownCommandText("trian"), HasSubstr("did you mean train?"));
  EXPECT_THAT(unknownCommandText("explian"), HasSubstr("did you mean explain?"));
  EXPECT_THAT(unknownCommandText("xyzzyxyzzy"), ::testing::Not(HasSubstr("did you mean")));
}

}  // namespace
}  // namespace cleave::cli
