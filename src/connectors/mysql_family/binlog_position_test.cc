// SPDX-License-Identifier: Apache-2.0
// Places of the binary log: their bytes, and how the decoder tells the log they are of from
// another.
#include "connectors/mysql_family/binlog_position.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "base/byte_writer.h"
#include "connectors/mysql_family/binlog_decoder.h"

namespace godwit::mysql {
namespace {

using Kind = Fragment::Kind;

// Who began a file, and when.
struct Origin {
  uint32_t time = 1'700'000'000;
  uint32_t server_id = 1;
};

struct Head {
  EventType type = EventType::kQuery;
  uint32_t end = 0;
  uint16_t flags = 0;
  Origin origin;
};

std::string Event(const Head& head, const std::string& body) {
  std::string out;
  AppendFixed(out, head.origin.time);
  out.push_back(static_cast<char>(head.type));
  AppendFixed(out, head.origin.server_id);
  AppendFixed(out, static_cast<uint32_t>(kEventHeaderSize + body.size()));
  AppendFixed(out, head.end);
  AppendFixed(out, head.flags);
  return out + body;
}

std::string Rotate(const std::string& file, uint64_t offset) {
  std::string body;
  AppendFixed(body, offset);
  return Event({.type = EventType::kRotate, .flags = kFlagArtificial, .origin = {.time = 0}},
               body + file);
}

// As at a connection that starts within the file: without checksums.
std::string FormatDescription(const Origin& origin) {
  return Event({.type = EventType::kFormatDescription, .origin = origin}, std::string(62, '\0'));
}

std::string Heartbeat(const std::string& file) {
  return Event({.type = EventType::kHeartbeat, .origin = {.time = 0}}, file);
}

// Events behind one another in a file, as they are sent.
class File {
 public:
  void MariaGtid(const DomainGtid& gtid, uint8_t flags) {
    std::string body;
    AppendFixed(body, gtid.number);
    AppendFixed(body, gtid.domain);
    body.push_back(static_cast<char>(flags));
    Add(EventType::kMariaGtid, body + std::string(6, '\0'), {.server_id = gtid.server});
  }
  void Statement(const DomainGtid& gtid) {
    constexpr uint8_t kStandalone = 1;
    MariaGtid(gtid, kStandalone);
    Query("CREATE TABLE t (id INT)");
  }
  void Query(const std::string& statement) {
    const std::string thread_and_time(8, '\0');
    const std::string nothing_else(4, '\0');
    Add(EventType::kQuery, thread_and_time + "\1" + nothing_else + "d" + '\0' + statement);
  }
  void XaPrepare(const std::string& gtrid) {
    std::string body(1, '\0');
    AppendFixed(body, uint32_t{1});  // format
    AppendFixed(body, static_cast<uint32_t>(gtrid.size()));
    AppendFixed(body, uint32_t{0});
    Add(EventType::kXaPrepare, body + gtrid);
  }
  std::vector<std::string> From(size_t first) const {
    return {events_.begin() + static_cast<std::ptrdiff_t>(first), events_.end()};
  }

 private:
  void Add(EventType type, const std::string& body, const Origin& origin = {}) {
    end_ += static_cast<uint32_t>(kEventHeaderSize + body.size());
    events_.push_back(Event({.type = type, .end = end_, .origin = origin}, body));
  }

  uint32_t end_ = 4;
  std::vector<std::string> events_;
};

class NoTables : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName&) override { return {}; }
  bool IsSelected(const TableName&) override { return false; }
};

class BinlogPlaces : public testing::Test {
 protected:
  std::vector<Fragment> Decode(const Position& from, const Position& known,
                               const std::vector<std::string>& events) {
    BinlogDecoder decoder({.traits = DialectTraits::For(Flavor::kMySql, 90704)},
                          BinlogPosition::Decode(from), BinlogPosition::Decode(known), tables_);
    std::vector<Fragment> out;
    for (const std::string& event : events) {
      decoder.Feed(event);
      while (auto fragment = decoder.Pop()) out.push_back(std::move(*fragment));
    }
    return out;
  }
  // The code of the Error that this ends in, "" if none.
  std::string CodeOf(const Position& from, const Position& known,
                     const std::vector<std::string>& events) {
    try {
      Decode(from, known, events);
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kBlocked);
      return error.code();
    }
    return "";
  }
  // The place at which a reader connects, as it is told then.
  Position Told(const std::string& file, const Origin& origin) {
    const Position place = BinlogPosition{"", file, 400, ""}.Encode();
    return Decode(place, place, {Rotate(file, 400), FormatDescription(origin), Heartbeat(file)})
        .back()
        .position;
  }

  NoTables tables_;
};

// What was executed before lies behind the place where another server's log begins.
TEST_F(BinlogPlaces, AnotherServersLogHasNoPlaceUntilATransactionCame) {
  const BinlogPosition from{"b", "a.000009", 700, "7b4cef52-e887-11f1-af36-02fc00000001:1-5"};
  BinlogDecoder decoder({.traits = DialectTraits::For(Flavor::kMySql, 90704), .by_gtid = true},
                        from, from, tables_);
  for (const std::string& event :
       {Rotate("b.000001", 4), FormatDescription({}), Heartbeat("b.000001")}) {
    decoder.Feed(event);
    while (auto fragment = decoder.Pop()) {
      EXPECT_EQ(fragment->kind, Kind::kHeartbeat);
      EXPECT_TRUE(fragment->position.empty());
      EXPECT_TRUE(fragment->restart.empty());
    }
    EXPECT_FALSE(decoder.has_place());
  }
}

// Reads a log of MariaDB's.
class MariaPlaces : public BinlogPlaces {
 protected:
  // Where the commits are.
  std::vector<BinlogPosition> CommitsOf(const BinlogPosition& from, bool by_gtid,
                                        const std::vector<std::string>& events) {
    BinlogDecoder decoder(
        {.traits = DialectTraits::For(Flavor::kMariaDb, 101100), .by_gtid = by_gtid}, from, from,
        tables_);
    std::vector<BinlogPosition> out;
    for (const std::string& event : events) {
      decoder.Feed(event);
      while (auto fragment = decoder.Pop()) {
        EXPECT_TRUE(decoder.has_place() || fragment->position.empty());
        if (fragment->kind != Kind::kCommit) continue;
        out.push_back(BinlogPosition::Decode(fragment->position));
        EXPECT_EQ(fragment->position, fragment->restart);
      }
    }
    return out;
  }
};

// Of a promoted server, where domain 7 lies behind what domain 0 had and has.
TEST_F(MariaPlaces, AnotherServersPlaceCountsWhenEachDomainHasComeToWhatIsNew) {
  File file;
  file.Statement({.domain = 0, .server = 1, .number = 43});
  file.Statement({.domain = 8, .server = 2, .number = 1});
  file.Statement({.domain = 7, .server = 2, .number = 10});
  file.Statement({.domain = 0, .server = 2, .number = 44});
  const auto commits = CommitsOf({"2", "a.000009", 700, "0-1-42,7-1-9"}, true, file.From(0));
  ASSERT_EQ(commits.size(), 4u);
  EXPECT_EQ(commits[0].server, "2*");
  EXPECT_EQ(commits[0].gtids, "0-1-43,7-1-9");
  EXPECT_EQ(commits[1].server, "2*");
  EXPECT_EQ(commits[1].gtids, "0-1-43,7-1-9,8-2-1");
  EXPECT_EQ(commits[2].server, "2");
  EXPECT_EQ(commits[2].gtids, "0-1-43,7-2-10,8-2-1");
  EXPECT_EQ(commits[3].server, "2");
  for (size_t i = 0; i + 1 < commits.size(); ++i) EXPECT_LT(Compare(commits[i], commits[i + 1]), 0);
}

TEST_F(MariaPlaces, AnotherServerDoesNotGoOnWithWhatWasPassed) {
  File file;
  file.Statement({.domain = 0, .server = 2, .number = 42});
  EXPECT_THROW(CommitsOf({"2", "a.000009", 700, "0-1-42"}, true, file.From(0)), Error);
  const auto same = CommitsOf({"1", "a.000001", 4, "0-1-42"}, false, file.From(0));
  ASSERT_EQ(same.size(), 1u);
  EXPECT_EQ(same[0].gtids, "0-1-42!");
}

// A crash of the server cut it off, and its number may be given again.
TEST_F(MariaPlaces, WhatHasNoEndIsNotExecuted) {
  File torn;
  torn.MariaGtid({.domain = 0, .server = 1, .number = 43}, 0);
  File next;
  next.Statement({.domain = 0, .server = 1, .number = 43});
  std::vector<std::string> events = torn.From(0);
  events.push_back(Rotate("a.000002", 4));
  for (const std::string& event : next.From(0)) events.push_back(event);
  const auto commits = CommitsOf({"1", "a.000001", 4, "0-1-42"}, false, events);
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_EQ(commits[0].gtids, "0-1-43");
}

// Older versions wrote no server: a place of theirs stays one of a file.
TEST_F(MariaPlaces, WithoutAServerNothingIsCounted) {
  File file;
  file.Statement({.domain = 0, .server = 1, .number = 43});
  const auto commits = CommitsOf({"", "a.000001", 4, ""}, false, file.From(0));
  ASSERT_EQ(commits.size(), 1u);
  EXPECT_EQ(commits[0].gtids, "");
}

// What ends in XA COMMIT, of two transactions that overlap.
File Overlapping() {
  File file;
  for (const char* gtrid : {"b", "a"}) {
    const std::string xid = *gtrid == 'b' ? "X'62',X'',1" : "X'61',X'',1";
    file.Query("XA START " + xid);
    file.Query("XA END " + xid);
    file.XaPrepare(gtrid);
  }
  file.Query("XA COMMIT X'62',X'',1");
  file.Query("XA COMMIT X'61',X'',1");
  return file;
}
constexpr size_t kStartOfA = 3;

std::vector<Fragment> CommitsOf(std::vector<Fragment> fragments) {
  std::erase_if(fragments, [](const Fragment& f) { return f.kind != Kind::kCommit; });
  return fragments;
}

TEST(BinlogPositionBytes, OfOlderVersionsAreRead) {
  const BinlogPosition place{"one", "bl.000007", 4711, "", 99};
  EXPECT_EQ(BinlogPosition::Decode(place.Encode()), place);
  std::string older;
  AppendLengthPrefixed(older, "one");
  AppendLengthPrefixed(older, "bl.000007");
  AppendVarint(older, 4711);
  AppendLengthPrefixed(older, "");
  EXPECT_EQ(BinlogPosition::Decode({older}), (BinlogPosition{"one", "bl.000007", 4711, "", 0}));
  EXPECT_EQ(Compare(BinlogPosition::Decode({older}), place), 0);
}

TEST_F(BinlogPlaces, AFileThatBeganAnewIsNotTakenForTheOneThatWasRead) {
  const Origin origin;
  const Position place = Told("bl.000001", origin);
  EXPECT_NE(BinlogPosition::Decode(place).file_id, 0u);
  auto connect = [&](const Position& from, const Origin& now) {
    return CodeOf(from, from, {Rotate("bl.000001", 400), FormatDescription(now)});
  };
  EXPECT_EQ(connect(place, origin), "");
  EXPECT_EQ(connect(place, {.time = origin.time + 1}), "LOG_RESET");
  // A server that took over may have begun its file at the same moment.
  EXPECT_EQ(connect(place, {.time = origin.time, .server_id = 2}), "LOG_RESET");
  BinlogPosition unknown = BinlogPosition::Decode(place);
  unknown.file_id = 0;
  EXPECT_EQ(connect(unknown.Encode(), {.time = origin.time + 1}), "");
}

TEST_F(BinlogPlaces, EveryFileHasABeginningOfItsOwn) {
  const Position from = Told("bl.000001", {.time = 1000});
  const Position known = Told("bl.000002", {.time = 2000});
  auto go_on = [&](uint32_t time) {
    return CodeOf(
        from, known,
        {Rotate("bl.000001", 400), FormatDescription({.time = 1000}), Rotate("bl.000002", 4),
         Rotate("bl.000002", 4), FormatDescription({.time = time}), Rotate("bl.000003", 4),
         FormatDescription({.time = 3000})});
  };
  EXPECT_EQ(go_on(2000), "");
  EXPECT_EQ(go_on(2001), "LOG_RESET");
}

TEST_F(BinlogPlaces, AFileDoesNotBeginASecondTime) {
  const Position from = Told("bl.000001", {});
  EXPECT_EQ(CodeOf(from, from, {Rotate("bl.000001", 400), Rotate("bl.000001", 400)}), "");
  EXPECT_EQ(CodeOf(from, from, {Rotate("bl.000001", 400), Rotate("bl.000001", 4)}), "LOG_RESET");
}

// Reading goes on where A begins. B was prepared before that place.
TEST_F(BinlogPlaces, AnXaCommitThatIsKnownNeedsNoBeginning) {
  const File file = Overlapping();
  const Position begin = BinlogPosition{"", "bl.000001", 4, ""}.Encode();
  const auto first = CommitsOf(Decode(begin, begin, file.From(0)));
  ASSERT_EQ(first.size(), 2u);
  const Fragment& b = first[0];
  const Fragment& a = first[1];
  EXPECT_EQ(BinlogPosition::Decode(a.restart), BinlogPosition::Decode(a.position));

  const auto again = CommitsOf(Decode(b.restart, b.position, file.From(kStartOfA)));
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].transaction, a.transaction);
  EXPECT_EQ(again[0].position, a.position);
  EXPECT_EQ(CodeOf(b.restart, b.restart, file.From(kStartOfA)), "XA_UNKNOWN");
}

}  // namespace
}  // namespace godwit::mysql
