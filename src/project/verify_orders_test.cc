// SPDX-License-Identifier: Apache-2.0
#include "project/verify_orders.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <thread>

#include "project/view_json.h"

namespace godwit {
namespace {

using namespace std::chrono_literals;
using testing::ElementsAre;

Error Ends() { return Error({.code = "PROJECT_ENDED", .message = "it ends"}); }

TEST(VerifyOrdersTest, AreCarriedOutInTheirOrder) {
  VerifyOrders orders;
  EXPECT_FALSE(orders.Next(Deadline::In(0ms), {}));
  const int64_t first = orders.Put({.tables = {"shop.a"}});
  const int64_t second = orders.Put({.correct = true});
  auto taken = orders.Next(Deadline::In(0ms), {});
  ASSERT_TRUE(taken);
  EXPECT_EQ(taken->id, first);
  EXPECT_THAT(taken->order.tables, ElementsAre("shop.a"));
  EXPECT_EQ(orders.Look(first).state, "running");
  EXPECT_EQ(orders.Look(second).state, "waiting");
  orders.Finish(first, {.status = "inconsistent", .inconsistent = 3});
  EXPECT_EQ(orders.Look(first).state, "done");
  EXPECT_EQ(orders.Look(first).outcome->inconsistent, 3u);
  taken = orders.Next(Deadline::In(0ms), {});
  ASSERT_TRUE(taken);
  EXPECT_TRUE(taken->order.correct);
}

TEST(VerifyOrdersTest, WhoWaitsIsWokenByAnOrder) {
  VerifyOrders orders;
  std::jthread other([&] { orders.Put({}); });
  EXPECT_TRUE(orders.Next(Deadline::In(60s), {}));
}

TEST(VerifyOrdersTest, CalledOffBeforeAndWhileItRuns) {
  VerifyOrders orders;
  const int64_t waiting = orders.Put({});
  orders.CallOff(waiting);
  EXPECT_EQ(orders.Look(waiting).outcome->status, "interrupted");
  EXPECT_FALSE(orders.Next(Deadline::In(0ms), {}));
  const int64_t running = orders.Put({});
  auto taken = orders.Next(Deadline::In(0ms), {});
  std::stop_callback back(taken->stop.get_token(), [&] { orders.Look(running); });  // no deadlock
  orders.CallOff(running);
  EXPECT_TRUE(taken->stop.stop_requested());
  EXPECT_THROW(orders.Look(99), Error);
}

TEST(VerifyOrdersTest, TheEndOfTheRunIsToldToAll) {
  VerifyOrders orders;
  const int64_t waiting = orders.Put({});
  const int64_t done = orders.Put({});
  orders.Refuse(Ends());
  EXPECT_EQ(orders.Look(waiting).outcome->error->code, "PROJECT_ENDED");
  EXPECT_THROW(orders.Put({}), Error);
  std::jthread asker([&] { orders.Look(done); });
  orders.WaitUntilTold(Deadline::In(60s));
  orders.Accept();
  EXPECT_GT(orders.Put({}), done);
}

TEST(RunOutcomeTest, TravelsAsJson) {
  RunOutcome outcome{.status = "inconsistent",
                     .tables = 1,
                     .rows = 2,
                     .changes = 3,
                     .inconsistent = 4,
                     .seconds = 5};
  outcome.error = ErrorFields{.code = "X", .cause = "c", .remedy = "r"};
  const RunOutcome back = OutcomeFromJson(ToJson(outcome));
  EXPECT_EQ(back.status, "inconsistent");
  EXPECT_EQ(back.tables, 1u);
  EXPECT_EQ(back.rows, 2u);
  EXPECT_EQ(back.changes, 3u);
  EXPECT_EQ(back.inconsistent, 4u);
  EXPECT_EQ(back.seconds, 5);
  EXPECT_EQ(back.error->remedy, "r");
}

}  // namespace
}  // namespace godwit
