// SPDX-License-Identifier: Apache-2.0
#include "base/retry.h"

#include <gtest/gtest.h>

#include <vector>

namespace godwit {
namespace {

using std::chrono::hours;
using std::chrono::milliseconds;

constexpr milliseconds kNone{0};

[[noreturn]] void FailTransiently() {
  throw Error({.code = "AWAY", .kind = ErrorKind::kTransient, .message = "the server is away"});
}

struct Told {
  int errors = 0;
  int recoveries = 0;
  std::function<void(const Error*)> Callback() {
    return [this](const Error* error) { error != nullptr ? ++errors : ++recoveries; };
  }
};

TEST(Retry, TellsOfErrorsAndOfRecovery) {
  Told told;
  int attempts = 0;
  const int result = RetryTransient({.first_wait = kNone}, {}, told.Callback(), [&] {
    if (++attempts < 4) FailTransiently();
    return 7;
  });
  EXPECT_EQ(result, 7);
  EXPECT_EQ(told.errors, 3);
  EXPECT_EQ(told.recoveries, 1);
}

TEST(Retry, NothingIsToldOfWhatWorks) {
  Told told;
  RetryTransient({}, {}, told.Callback(), [] {});
  EXPECT_EQ(told.errors + told.recoveries, 0);
}

TEST(Retry, GivesUpOnErrorsThatGoOn) {
  int attempts = 0;
  auto fail = [&] {
    ++attempts;
    FailTransiently();
  };
  EXPECT_THROW(RetryTransient({.first_wait = kNone, .give_up_after = kNone}, {}, {}, fail), Error);
  EXPECT_EQ(attempts, 1);
}

TEST(Retry, WaitsGrowToTheLongest) {
  const RetryPolicy policy;
  std::vector<int64_t> waits;
  for (auto wait = policy.first_wait; waits.size() < 7; wait = policy.Next(wait)) {
    waits.push_back(wait.count());
  }
  EXPECT_EQ(waits, (std::vector<int64_t>{200, 400, 800, 1600, 3200, 5000, 5000}));
}

TEST(Retry, WaitsBetweenAttemptsAndLongerEachTime) {
  const RetryPolicy policy{.first_wait = milliseconds(10), .longest_wait = milliseconds(40)};
  std::vector<std::chrono::steady_clock::time_point> begun;
  RetryTransient(policy, {}, {}, [&] {
    begun.push_back(std::chrono::steady_clock::now());
    if (begun.size() < 5) FailTransiently();
  });
  auto wait = policy.first_wait;
  for (size_t i = 1; i < begun.size(); ++i, wait = policy.Next(wait)) {
    EXPECT_GE(begun[i] - begun[i - 1], wait) << "before attempt " << i + 1;
  }
}

// The time to give up counts from the first error, not from the begin of what worked for long.
TEST(Retry, AnAttemptThatLastedLongHadWorked) {
  int attempts = 0;
  RetryTransient({.first_wait = kNone, .give_up_after = hours(1), .works_after = kNone}, {}, {},
                 [&] {
                   if (++attempts < 5) FailTransiently();
                 });
  EXPECT_EQ(attempts, 5);
}

TEST(Retry, AnAttemptMaySayThatItWorks) {
  Told told;
  int attempts = 0;
  auto follow = [&](const std::function<void()>& works) {
    if (attempts++ > 0) works();
    EXPECT_EQ(told.recoveries, attempts - 1);
    if (attempts == 4) return;
    FailTransiently();
  };
  RetryTransient({.first_wait = kNone}, {}, told.Callback(), follow);
  EXPECT_EQ(told.errors, 3);
  EXPECT_EQ(told.recoveries, 3);
}

TEST(Retry, StopsBetweenAttempts) {
  std::stop_source stop;
  auto fail = [&] {
    stop.request_stop();
    FailTransiently();
  };
  EXPECT_THROW(RetryTransient({.first_wait = hours(1)}, stop.get_token(), {}, fail), Stopped);
}

TEST(Retry, OtherErrorsPassThrough) {
  Told told;
  auto fail = [] { throw Error({.code = "ROW", .kind = ErrorKind::kData, .message = "a row"}); };
  EXPECT_THROW(RetryTransient({}, {}, told.Callback(), fail), Error);
  EXPECT_EQ(told.errors, 0);
}

}  // namespace
}  // namespace godwit
