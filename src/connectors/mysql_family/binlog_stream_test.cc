// SPDX-License-Identifier: Apache-2.0
// How a reader comes to a place behind 4 GiB of a file.
#include "connectors/mysql_family/binlog_stream.h"

#include <gtest/gtest.h>

namespace godwit::mysql {
namespace {

using Verdict = BeginningFilter::Verdict;

constexpr uint64_t kLap = uint64_t{1} << 32;

EventHeader Header(EventType type, uint64_t end = 0, uint32_t size = 50) {
  EventHeader header;
  header.type = type;
  header.size = size;
  header.end_position = static_cast<uint32_t>(end);
  return header;
}

// Events of a file that hold 1 GiB each, up to this place.
void PassOver(BeginningFilter& filter, uint64_t to) {
  EventHeader name = Header(EventType::kRotate);
  name.flags = kFlagArtificial;
  EXPECT_EQ(filter.Look(name), Verdict::kSkip);
  EXPECT_EQ(filter.Look(Header(EventType::kFormatDescription, 250, 246)), Verdict::kPass);
  for (uint64_t end = kLap / 4; end <= to; end += kLap / 4) {
    EXPECT_EQ(filter.Look(Header(EventType::kQuery, end, kLap / 4)), Verdict::kSkip) << end;
  }
}

TEST(BeginningFilter, PassesOverWhatWasRead) {
  BeginningFilter filter(kLap + kLap / 4 + 50);
  PassOver(filter, kLap + kLap / 4);
  EXPECT_FALSE(filter.is_done());
  EXPECT_EQ(filter.Look(Header(EventType::kXid, kLap / 4 + 50)), Verdict::kSkip);
  EXPECT_TRUE(filter.is_done());
  for (EventType next : {EventType::kMariaGtid, EventType::kHeartbeat, EventType::kRotate}) {
    EXPECT_EQ(filter.Look(Header(next, kLap / 4 + 100)), Verdict::kPass);
  }
}

// The server may leave out what stands right before the place.
TEST(BeginningFilter, BeginsBehindAGap) {
  BeginningFilter filter(kLap + 1000);
  PassOver(filter, kLap);
  EXPECT_EQ(filter.Look(Header(EventType::kMariaGtid, kLap + 1050)), Verdict::kPass);
  EXPECT_TRUE(filter.is_done());
}

TEST(BeginningFilter, AFileWithoutThePlaceIsAnother) {
  for (EventType end : {EventType::kRotate, EventType::kHeartbeat, EventType::kHeartbeatV2}) {
    BeginningFilter filter(kLap + 1000);
    PassOver(filter, kLap);
    EXPECT_EQ(filter.Look(Header(end)), Verdict::kNotThere);
  }
  BeginningFilter filter(kLap + 1000);
  PassOver(filter, kLap);
  EXPECT_EQ(filter.Look(Header(EventType::kQuery, kLap + 1030)), Verdict::kNotThere);
}

}  // namespace
}  // namespace godwit::mysql
