// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>

#include "base/task_group.h"
#include "flow_world_for_test.h"
#include "pipeline/chunk_planner.h"
#include "stage/full.h"

namespace godwit {
namespace {

using ::testing::IsEmpty;

constexpr int kLargestChunk = 100;  // rows; they have between ten and a hundred bytes

class CopyFlowTest : public FlowTest {
 protected:
  CopyFlowTest() {
    spec_.limits.chunk_bytes = 10 * kLargestChunk;
    Connection there(destination_server_);
    there.Begin();
    for (int i = 0; i < kRows; ++i) there.Delete(kTable, there.ByKey(kTable, {std::to_string(i)}));
    there.Commit();
    log_begin_ = destination_server_->LogEnd();
  }

  // `hold` is asked before each chunk.
  FullStage::Options Options(std::function<std::optional<Error>(Throttle::Reading)> hold = {}) {
    FullStage::Options options;
    options.loader.rates = [] { return Throttle::Rates{}; };
    options.loader.hold = hold ? std::move(hold) : [](auto) { return std::nullopt; };
    options.loader.ask = [](const BlockedItem& item, std::stop_token) -> Answer {
      throw item.error;
    };
    options.lanes = lanes_;
    return options;
  }

  // Of the table's rows, also by transactions that were rolled back.
  int InsertsLogged() {
    int count = 0;
    for (uint64_t place = log_begin_; auto entry = destination_server_->ReadLog(place); ++place) {
      if (entry->kind == Fragment::Kind::kRows && entry->table->name == kTable) ++count;
    }
    return count;
  }

  uint64_t log_begin_ = 0;
  std::vector<LaneState> lanes_;
};

TEST_F(CopyFlowTest, WaitsWhileTheDestinationIsFull) {
  destination_server_->SetPressure(0.95);
  TaskGroup copy;
  copy.Start("copy",
             [&](std::stop_token stop) { FullStage(*link_, nullptr, Options()).Run(stop); });
  const auto deadline = Deadline::In(std::chrono::seconds(20));
  while (destination_server_->pressure_reads() <= kLanes && !deadline.has_passed()) {
    std::this_thread::yield();
  }
  EXPECT_GT(destination_server_->pressure_reads(), kLanes)
      << "each lane has asked, one of them again";
  EXPECT_EQ(destination_server_->CountRows(kTable), 0u);
  destination_server_->SetPressure(0.5);
  copy.Join();
  EXPECT_THAT(Unequal(), IsEmpty());
}

// Each chunk waits at its begin until another one has begun too.
TEST_F(CopyFlowTest, SeveralChunksAreCopiedAtOnce) {
  const auto deadline = Deadline::In(std::chrono::seconds(20));
  std::atomic<int> inside{0};
  std::atomic<bool> have_met{false};
  auto meet = [&](auto) -> std::optional<Error> {
    if (++inside >= kLanes) have_met = true;
    while (!have_met && !deadline.has_passed()) std::this_thread::yield();
    --inside;
    return std::nullopt;
  };
  FullStage(*link_, nullptr, Options(meet)).Run({});
  EXPECT_TRUE(have_met) << "no two chunks were being copied at one time";
  EXPECT_THAT(Unequal(), IsEmpty());
}

// As many as the lanes are copying, twice as many in the queue, and one on its way there.
TEST_F(CopyFlowTest, ChunksArePlannedLittleAheadOfTheirCopy) {
  constexpr size_t kAhead = 3 * kLanes + 1;
  spec_.limits.chunk_bytes = 100;
  std::atomic<size_t> most{0};
  auto look = [&](auto) -> std::optional<Error> {
    const auto planned = metadata_->Chunks(project_, kTable);
    const size_t open = static_cast<size_t>(
        std::count_if(planned.begin(), planned.end(), [](const auto& c) { return !c.done; }));
    for (size_t known = most; open > known && !most.compare_exchange_weak(known, open);) {
    }
    return std::nullopt;
  };
  FullStage(*link_, nullptr, Options(look)).Run({});
  EXPECT_LE(most, kAhead);
  EXPECT_GT(metadata_->Chunks(project_, kTable).size(), 2 * kAhead) << "too few to tell";
}

TEST_F(CopyFlowTest, OnlyChunksInFlightAreCopiedAgain) {
  std::stop_source stop;
  int chunks = 0;
  auto stop_half_way = [&](auto) -> std::optional<Error> {
    if (++chunks == kRows / kLargestChunk) stop.request_stop();
    return std::nullopt;
  };
  spec_.limits.readers = 1;
  EXPECT_THROW(FullStage(*link_, nullptr, Options(stop_half_way)).Run(stop.get_token()), Stopped);
  const uint64_t copied = destination_server_->CountRows(kTable);
  EXPECT_GT(copied, 0u);
  EXPECT_LT(copied, uint64_t{kRows});
  fence_ = destination_.OpenSink()->RaiseEpoch("p", kLanes + 1);
  link_->epoch = fence_.epoch;
  lanes_ = fence_.lanes;
  FullStage(*link_, nullptr, Options()).Run({});
  EXPECT_THAT(Unequal(), IsEmpty());
  EXPECT_LE(InsertsLogged(), kRows + kLargestChunk);
}

TEST_F(CopyFlowTest, ChunksFollowTheBytesOfARowAndTheTimeTheyTook) {
  auto reader = source_.OpenRowReader();
  const auto table = std::make_shared<const TableSchema>(Table());
  ChunkPlanner planner({table, {0, 1, 2}, {0}}, 10,
                       {.bytes = 1000, .time = std::chrono::seconds(2)}, {});
  auto next = [&] { return planner.Next(*reader).through.value().at(0); };
  EXPECT_EQ(next(), "99");
  planner.Measured(100, 2000, std::chrono::milliseconds(1));  // twice as many bytes
  EXPECT_EQ(next(), "149");
  planner.Measured(50, 1000, std::chrono::milliseconds(10'000));  // five rows in a second
  EXPECT_EQ(next(), "159");
}

}  // namespace
}  // namespace godwit
