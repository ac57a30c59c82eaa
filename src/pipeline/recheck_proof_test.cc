// SPDX-License-Identifier: Apache-2.0
#include "pipeline/recheck_proof.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

#include "base/error.h"

namespace godwit {
namespace {

using std::chrono::milliseconds;

constexpr milliseconds kLong{3'600'000};

class SharedProofTest : public ::testing::Test {
 protected:
  SharedProof Shared(SharedProof::Options options) {
    return SharedProof(
        [this](std::stop_token) -> std::optional<Sequence> {
          ++made_;
          if (fails_) return std::nullopt;
          return log_;
        },
        options);
  }

  Sequence log_ = 10;
  int made_ = 0;
  bool fails_ = false;
};

TEST_F(SharedProofTest, OneProofServesManyWhileItIsYoung) {
  SharedProof proof = Shared({.lasts = kLong, .apart = milliseconds(0)});
  EXPECT_EQ(proof.Get(0, {}), std::optional<Sequence>(10));
  log_ = 20;
  EXPECT_EQ(proof.Get(0, {}), std::optional<Sequence>(10));
  EXPECT_EQ(proof.Get(10, {}), std::optional<Sequence>(10));
  EXPECT_EQ(made_, 1);
}

TEST_F(SharedProofTest, WhoNeedsANewerMarkGetsOne) {
  SharedProof proof = Shared({.lasts = kLong, .apart = milliseconds(0)});
  proof.Get(0, {});
  log_ = 20;
  EXPECT_EQ(proof.Get(11, {}), std::optional<Sequence>(20));
  EXPECT_EQ(proof.Get(0, {}), std::optional<Sequence>(20));
  EXPECT_EQ(made_, 2);
}

TEST_F(SharedProofTest, AnOldProofIsMadeAnew) {
  SharedProof proof = Shared({.lasts = milliseconds(0), .apart = milliseconds(0)});
  proof.Get(0, {});
  log_ = 20;
  EXPECT_EQ(proof.Get(0, {}), std::optional<Sequence>(20));
}

TEST_F(SharedProofTest, AfterAFailureNoneIsTriedForAWhile) {
  SharedProof proof =
      Shared({.lasts = milliseconds(0), .apart = milliseconds(0), .without = kLong});
  fails_ = true;
  EXPECT_FALSE(proof.Get(0, {}).has_value());
  fails_ = false;
  EXPECT_FALSE(proof.Get(0, {}).has_value());
  EXPECT_EQ(made_, 1);
}

TEST_F(SharedProofTest, TheWaitForTheNextOneEndsOnStop) {
  SharedProof proof = Shared({.lasts = kLong, .apart = kLong});
  proof.Get(0, {});
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(proof.Get(11, stop.get_token()), Stopped);
  EXPECT_EQ(made_, 1);
}

TEST_F(SharedProofTest, ThreadsThatAskAtOnceShareOne) {
  SharedProof proof = Shared({.lasts = kLong, .apart = milliseconds(0)});
  {
    std::vector<std::jthread> threads;
    for (int i = 0; i < 8; ++i) {
      threads.emplace_back([&] { EXPECT_EQ(proof.Get(10, {}), std::optional<Sequence>(10)); });
    }
  }
  EXPECT_EQ(made_, 1);
}

}  // namespace
}  // namespace godwit
