#include "actors/mailbox.h"

#include <gtest/gtest.h>

#include <memory>
#include <thread>
#include <vector>

namespace cleave {
namespace {

Message messageOf(int number) {
  Message message;
  message.to = ActorId(number);
  return message;
}

TEST(Mailbox, MessagesOfOneSenderArriveInOrder) {
  const auto owned = std::make_unique<Mailbox>(8);
  Mailbox &mailbox = *owned;
  Message message;
  EXPECT_TRUE(mailbox.isEmpty());
  for (int round = 0; round < 10; ++round) {
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(mailbox.push(messageOf(i)));
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(mailbox.pop(message));
      EXPECT_EQ(indexOf(message.to), i);
    }
    EXPECT_FALSE(mailbox.pop(message));
  }
}

TEST(Mailbox, AFullOneRefuses) {
  const auto owned = std::make_unique<Mailbox>(64);
  Mailbox &mailbox = *owned;
  for (int i = 0; i < 64; ++i) EXPECT_TRUE(mailbox.push(messageOf(i)));
  EXPECT_FALSE(mailbox.push(messageOf(4)));
  Message message;
  EXPECT_TRUE(mailbox.pop(message));
  EXPECT_TRUE(mailbox.push(messageOf(4)));
}

TEST(Mailbox, NothingIsLostBetweenManySendersAndAReceiverThatParks) {
  constexpr int kSenders = 4, kMessages = 5000;
  const auto owned = std::make_unique<Mailbox>(kSenders * 16);
  Mailbox &mailbox = *owned;
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s)
    senders.emplace_back([&, s] {
      for (int i = 0; i < kMessages; ++i)
        while (!mailbox.push(messageOf(s * kMessages + i))) std::this_thread::yield();
    });
  const std::atomic<bool> stop{false};
  std::vector<int> next(kSenders, 0);
  for (int received = 0; received < kSenders * kMessages;) {
    Message message;
    if (!mailbox.pop(message)) {
      mailbox.wait(stop, /*spinNanos=*/received % 3 ? 0 : 1000);
      continue;
    }
    ++received;
    const int sender = indexOf(message.to) / kMessages;
    ASSERT_EQ(indexOf(message.to) % kMessages, next[sender]++);
  }
  for (std::thread &sender : senders) sender.join();
}

TEST(Mailbox, SendersThatKeepToTheirCreditsAreNeverRefused) {
  constexpr int kSenders = 3, kCredits = 2, kMessages = 300000;
  const auto owned = std::make_unique<Mailbox>(kSenders * kCredits);
  Mailbox &mailbox = *owned;
  std::atomic<int> underWay[kSenders] = {}, refused{0};
  std::vector<std::thread> senders;
  for (int s = 0; s < kSenders; ++s)
    senders.emplace_back([&, s] {
      for (int i = 0; i < kMessages; ++i) {
        for (int spin = 0; underWay[s] == kCredits; ++spin)
          if (spin > 300) std::this_thread::yield();
        ++underWay[s];
        while (!mailbox.push(messageOf(s))) ++refused;
      }
    });
  Message message;
  for (int received = 0; received < kSenders * kMessages;) {
    if (!mailbox.pop(message)) {
      std::this_thread::yield();
      continue;
    }
    ++received;
    --underWay[indexOf(message.to)];
  }
  for (std::thread &sender : senders) sender.join();
  EXPECT_EQ(refused, 0);
}

TEST(Mailbox, WakeEndsAWaitWhenStopIsSet) {
  const auto owned = std::make_unique<Mailbox>(4);
  Mailbox &mailbox = *owned;
  std::atomic<bool> stop{false};
  std::thread receiver([&] {
    while (!stop) mailbox.wait(stop, 0);
  });
  stop = true;
  mailbox.wake();
  receiver.join();
}

}  // namespace
}  // namespace cleave
