// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/session_zone.h"

#include <gmock/gmock.h>

#include <chrono>

#include "connectors/mysql_family/ddl_parser.h"

namespace godwit::mysql {
namespace {

std::string Read(std::string_view text) {
  const auto clock = ClockTime::Parse(text);
  if (!clock) return "none";
  return clock->ToText() + (clock->offset ? " " + std::to_string(*clock->offset) : "");
}

// "Summer" is an hour before UTC, two from April to September; SYSTEM always five and a half.
std::string LocalTime(std::string_view zone, uint32_t moment) {
  if (zone != "Summer" && zone != "SYSTEM") return "";
  using namespace std::chrono;
  const year_month_day date{std::chrono::floor<days>(sys_seconds{seconds{moment}})};
  const auto month = static_cast<unsigned>(date.month());
  const int64_t summer = month >= 4 && month <= 9 ? 7200 : 3600;
  return ClockTime{.seconds = int64_t{moment} + (zone == "SYSTEM" ? 19800 : summer)}.ToText();
}

TEST(ClockTime, ReadsWhatMysqlReads) {
  EXPECT_EQ(Read("2038-01-19 03:14:07"), "2038-01-19 03:14:07");
  EXPECT_EQ(Read("1969-12-31 23:59:59"), "1969-12-31 23:59:59");
  EXPECT_EQ(Read("2020-1-2 3:4:5"), "2020-01-02 03:04:05");
  EXPECT_EQ(Read("2020-02-29T03:04:05.250"), "2020-02-29 03:04:05.250");
  EXPECT_EQ(Read("2020/01/02"), "2020-01-02 00:00:00");
  EXPECT_EQ(Read("20-1-2 10:30"), "2020-01-02 10:30:00");
  EXPECT_EQ(Read("20200102030405"), "2020-01-02 03:04:05");
  EXPECT_EQ(Read("700102030405.5"), "1970-01-02 03:04:05.5");
  EXPECT_EQ(Read("20200102"), "2020-01-02 00:00:00");
  EXPECT_EQ(Read("690102"), "2069-01-02 00:00:00");
  EXPECT_EQ(Read("2020-01-02 03:04:05+08:00"), "2020-01-02 03:04:05 28800");
  EXPECT_EQ(Read("2020-01-02-03:04"), "2020-01-02 03:04:00");
  EXPECT_EQ(Read("2020-01-02 03:04:05.5-03:30"), "2020-01-02 03:04:05.5 -12600");
  for (const char* text : {"", "x", "0000-00-00 00:00:00", "2020-02-30", "2020-00-01", "12",
                           "2020-01-02 24:00:00", "2020-01-02 03:04:05 and more", "2020-01"}) {
    EXPECT_EQ(Read(text), "none") << text;
  }
}

TEST(SessionZone, AnOffsetIsFixedAndAsksNobody) {
  const SessionZone zone("-03:30", nullptr);
  EXPECT_EQ(zone.FixedOffset(), "-03:30");
  EXPECT_EQ(zone.MomentOf({.seconds = 0}), 12600);
  EXPECT_EQ(zone.MomentOf({.seconds = 3600, .fraction = "", .offset = 3600}), 0);
}

TEST(SessionZone, OfANameTheServerIsAsked) {
  EXPECT_EQ(SessionZone("SYSTEM", LocalTime).FixedOffset(), "+05:30");
  EXPECT_FALSE(SessionZone("Summer", LocalTime).FixedOffset());
  EXPECT_FALSE(SessionZone("Nowhere", LocalTime).FixedOffset());
  EXPECT_FALSE(SessionZone("SYSTEM", nullptr).FixedOffset());
  const SessionZone summer("Summer", LocalTime);
  auto moment = [&](std::string_view text) { return summer.MomentOf(*ClockTime::Parse(text)); };
  auto utc = [](std::string_view text) { return ClockTime::Parse(text)->seconds; };
  EXPECT_EQ(moment("2024-01-10 12:00:00"), utc("2024-01-10 11:00:00"));
  EXPECT_EQ(moment("2024-07-10 12:00:00"), utc("2024-07-10 10:00:00"));
  EXPECT_FALSE(moment("2024-03-31 23:30:00"));
  EXPECT_FALSE(moment("2024-10-01 00:30:00"));
  // The server cannot be asked of so late a moment.
  EXPECT_FALSE(moment("2050-01-10 12:00:00"));
  EXPECT_EQ(SessionZone("SYSTEM", LocalTime).MomentOf(*ClockTime::Parse("2050-01-10 12:00:00")),
            utc("2050-01-10 06:30:00"));
}

SchemaChange Settled(std::string_view sql, std::string_view zone) {
  static const TableSchema kBefore = ParseCreateTable(
      "create table t (id int, ts timestamp null, dt datetime) partition by range (id) (partition "
      "p values less than (5))",
      "d");
  SchemaChange change = ParseDdl(sql, {.default_database = "d"}, {});
  EXPECT_EQ(change.problem, "") << sql;
  SettleTimes(change, &kBefore, SessionZone(zone, LocalTime));
  return change;
}

std::string DefaultOf(const SchemaChange& change, size_t action = 0) {
  return change.actions[action].column.default_value->text;
}

TEST(SettleTimes, PutsDefaultsOfTimestampsIntoUtc) {
  SchemaChange change = Settled(
      "alter table t add a timestamp not null default '2038-01-19 03:14:07', add b datetime "
      "default '2038-01-19 03:14:07', add c timestamp default '0000-00-00 00:00:00', add e "
      "timestamp(3) default '2020-01-01 00:00:00.500', add f timestamp default '2020-01-01 "
      "00:00:00+00:00', add g timestamp default current_timestamp",
      "+08:00");
  EXPECT_EQ(DefaultOf(change), "2038-01-18 19:14:07");
  EXPECT_EQ(DefaultOf(change, 1), "2038-01-19 03:14:07");
  EXPECT_EQ(DefaultOf(change, 2), "0000-00-00 00:00:00");
  EXPECT_EQ(DefaultOf(change, 3), "2019-12-31 16:00:00.500");
  EXPECT_EQ(DefaultOf(change, 4), "2020-01-01 00:00:00");
  EXPECT_EQ(DefaultOf(change, 5), "CURRENT_TIMESTAMP");
  EXPECT_EQ(change.time_zone, "");
  change = Settled("alter table t add b bit(1) not null default 1, add c bit(4) default b'101'",
                   "Summer");
  EXPECT_EQ(change.time_zone, "");
  change = Settled("alter table t alter ts set default '2024-07-10 12:00:00'", "Summer");
  EXPECT_EQ(DefaultOf(change), "2024-07-10 10:00:00");
  EXPECT_EQ(change.time_zone, "");
  change = Settled("alter table t alter dt set default '2024-07-10 12:00:00'", "Summer");
  EXPECT_EQ(DefaultOf(change), "2024-07-10 12:00:00");
  change = Settled("create table n (a timestamp not null default '2020-01-01')", "SYSTEM");
  EXPECT_EQ(change.definition->columns[0].default_value->text, "2019-12-31 18:30:00");
  EXPECT_EQ(change.time_zone, "");
}

TEST(SettleTimes, BoundsBecomeNumbers) {
  SchemaChange change = Settled(
      "alter table t add partition (partition a values less than (UNIX_TIMESTAMP('2026-01-03 "
      "00:00:00')), partition b values less than (unix_timestamp( 20260104000000 )), partition c "
      "values less than maxvalue)",
      "+08:00");
  EXPECT_EQ(change.actions[0].partitions[0].values, "1767369600");
  EXPECT_EQ(change.actions[0].partitions[1].values, "1767456000");
  EXPECT_EQ(change.actions[0].partitions[2].values, "MAXVALUE");
  EXPECT_EQ(change.time_zone, "");
  change = Settled(
      "alter table t partition by list (id) (partition a values in (1, "
      "unix_timestamp('1970-01-01 08:00:10'), 2))",
      "+08:00");
  EXPECT_EQ(change.actions[0].partitioning->partitions[0].values, "1, 10, 2");
  change = Settled(
      "create table n (id int) partition by range (id) (partition a values less than "
      "(unix_timestamp('1970-01-01 06:00:00')))",
      "SYSTEM");
  EXPECT_EQ(change.definition->partitioning->partitions[0].values, "1800");
}

TEST(SettleTimes, NotesTheZoneOfWhatIsConverted) {
  auto zone = [](std::string_view sql, std::string_view name) {
    return Settled(sql, name).time_zone;
  };
  EXPECT_EQ(zone("alter table t modify dt timestamp", "+08:00"), "+08:00");
  EXPECT_EQ(zone("alter table t change ts x datetime", "SYSTEM"), "+05:30");
  EXPECT_EQ(zone("alter table t modify dt timestamp", "Summer"), "Summer");
  EXPECT_EQ(zone("alter table t modify dt timestamp", "+00:00"), "");
  EXPECT_EQ(zone("alter table t modify ts timestamp(3), modify dt datetime(3)", "Summer"), "");
  EXPECT_EQ(zone("alter table t add x int default (id * 2)", "+08:00"), "+08:00");
  // What cannot be read is left to the destination, in the zone if that is known.
  SchemaChange change = Settled("alter table t add x timestamp default '2020 Jan 1'", "+08:00");
  EXPECT_EQ(DefaultOf(change), "2020 Jan 1");
  EXPECT_EQ(change.time_zone, "+08:00");
  change = Settled("alter table t add x timestamp default '2024-03-31 23:30:00'", "Summer");
  EXPECT_EQ(DefaultOf(change), "2024-03-31 23:30:00");
  EXPECT_EQ(change.time_zone, "Summer");
}

}  // namespace
}  // namespace godwit::mysql
