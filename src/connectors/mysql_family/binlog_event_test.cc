// SPDX-License-Identifier: Apache-2.0
// Events that say where they stand, when they happened, and what a reader need not know.
#include "connectors/mysql_family/binlog_event.h"

#include <gtest/gtest.h>

#include <optional>
#include <string>
#include <string_view>

#include "base/byte_writer.h"
#include "base/error.h"
#include "connectors/mysql_family/binlog_decoder.h"

namespace godwit::mysql {
namespace {

constexpr uint64_t kLap = uint64_t{1} << 32;
constexpr uint32_t kTime = 1'700'000'000;

struct Written {
  EventType type = EventType::kQuery;
  uint64_t end = 0;  // of which the header has the low half
  uint32_t time = kTime;
  uint16_t flags = 0;
};

std::string EventOf(const Written& written, std::string_view body) {
  std::string out;
  AppendFixed(out, written.time);
  out.push_back(static_cast<char>(written.type));
  AppendFixed(out, uint32_t{1});  // server
  AppendFixed(out, static_cast<uint32_t>(kEventHeaderSize + body.size()));
  AppendFixed(out, static_cast<uint32_t>(written.end));
  AppendFixed(out, written.flags);
  return out + std::string(body);
}

std::string QueryBodyOf(std::string_view statement) {
  return std::string(13, '\0') + '\0' + std::string(statement);  // no database, no variables
}

size_t SizeOf(std::string_view statement) {
  return kEventHeaderSize + QueryBodyOf(statement).size();
}

struct NoTables : SchemaHistory {
  std::optional<Versioned> Find(const TableName&) override { return {}; }
  bool IsSelected(const TableName&) override { return false; }
};

class EventsTest : public testing::Test {
 protected:
  void StartAt(uint64_t offset) {
    decoder_.emplace(BinlogDecoder::Source{.traits = DialectTraits::For(Flavor::kMariaDb, 101119)},
                     BinlogPosition{.file = "log.000001", .offset = offset}, history_);
  }

  // The last fragment that it makes.
  Fragment Feed(const Written& written, std::string_view body) {
    event_ = EventOf(written, body);
    decoder_->Feed(event_);
    Fragment last;
    while (auto fragment = decoder_->Pop()) last = std::move(*fragment);
    return last;
  }
  Fragment FeedStatement(std::string_view statement, uint64_t end) {
    return Feed({.end = end}, QueryBodyOf(statement));
  }
  uint64_t Place() const { return decoder_->position().offset; }

 private:
  NoTables history_;
  std::string event_;
  std::optional<BinlogDecoder> decoder_;
};

constexpr const char* kNothing = "flush tables";

// MariaDB 11.4 says of a group where it begins and where it ends.
TEST_F(EventsTest, EventsOfAGroupThatDoNotSayWhereTheyEnd) {
  const std::string rows(1000, 'x');
  StartAt(kLap - 500);
  uint64_t place = kLap - 400;
  FeedStatement("BEGIN", place);
  for (int i = 0; i < 3; ++i) {
    Feed({.type = EventType::kRowsQuery}, rows);
    place += kEventHeaderSize + rows.size();
    EXPECT_EQ(Place(), place);
  }
  const Fragment commit = FeedStatement("COMMIT", place + SizeOf("COMMIT"));
  EXPECT_EQ(commit.kind, Fragment::Kind::kCommit);
  EXPECT_EQ(BinlogPosition::Decode(commit.position).offset, place + SizeOf("COMMIT"));
}

TEST_F(EventsTest, AnEndIsTheNextWithItsLowHalf) {
  auto end = [](uint64_t place, uint32_t low) {
    EventHeader header;
    header.end_position = low;
    return header.EndBehind(place);
  };
  EXPECT_EQ(end(4, 100), 100u);
  EXPECT_EQ(end(kLap - 1, 100), kLap + 100);
  EXPECT_EQ(end(kLap, 100), kLap + 100);
  EXPECT_EQ(end(2 * kLap + 200, 100), 3 * kLap + 100);
}

TEST_F(EventsTest, PlacesGoOnBehindFourGigabytes) {
  const size_t size = SizeOf(kNothing);
  StartAt(kLap - 10);
  Fragment fragment = FeedStatement(kNothing, kLap - 10 + size);
  EXPECT_EQ(fragment.kind, Fragment::Kind::kHeartbeat);
  EXPECT_EQ(BinlogPosition::Decode(fragment.position).offset, kLap - 10 + size);
  // With something between them that the server keeps to itself.
  const uint64_t behind = kLap + 5000;
  EXPECT_EQ(BinlogPosition::Decode(FeedStatement(kNothing, behind).position).offset, behind);
  fragment = FeedStatement("BEGIN", behind + 300);
  EXPECT_EQ(fragment.kind, Fragment::Kind::kBegin);
  EXPECT_EQ(fragment.transaction, "log.000001:" + std::to_string(behind + 300 - SizeOf("BEGIN")));
  // The gap may be what leads over the edge.
  StartAt(2 * kLap - 1000);
  FeedStatement(kNothing, 2 * kLap + size + 7);
  EXPECT_EQ(Place(), 2 * kLap + size + 7);
}

TEST_F(EventsTest, ADescriptionOfTheFileIsNoPlaceInIt) {
  std::string body(2 + 50 + 4 + 1 + 40, '\0');
  body += std::string(5, '\0');  // no checksums
  StartAt(5000);
  Feed({.type = EventType::kFormatDescription, .end = 250, .time = 0}, body);
  EXPECT_EQ(Place(), 5000u);
  StartAt(4);
  FeedStatement(kNothing, 4 + SizeOf(kNothing));
  EXPECT_EQ(Place(), 4 + SizeOf(kNothing));
}

TEST_F(EventsTest, AServerThatDecryptsItsLogSaysThatItWasEncrypted) {
  StartAt(4);
  const std::string body(17, '\1');
  Feed({.type = EventType::kMariaStartEncryption, .flags = kFlagIgnorable}, body);
  try {
    Feed({.type = EventType::kMariaStartEncryption}, body);
    ADD_FAILURE();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "LOG_ENCRYPTED");
  }
}

TEST_F(EventsTest, WhatIsPassedOverHasItsOwnTime) {
  StartAt(4);
  const Fragment passed = FeedStatement(kNothing, 4 + SizeOf(kNothing));
  EXPECT_EQ(passed.kind, Fragment::Kind::kHeartbeat);
  EXPECT_EQ(passed.source_time_us, int64_t{kTime} * 1'000'000);
  // Nothing happened until now: that is no moment of the log's.
  const Fragment idle = Feed({.type = EventType::kHeartbeat, .end = Place()}, "log.000001");
  EXPECT_EQ(idle.kind, Fragment::Kind::kHeartbeat);
  EXPECT_EQ(idle.source_time_us, 0);
  EXPECT_EQ(idle.position, passed.position);
}

}  // namespace
}  // namespace godwit::mysql
