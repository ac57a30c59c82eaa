// SPDX-License-Identifier: Apache-2.0
#include "pipeline/replayer.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/clock.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {

std::optional<Error> TestWorld::Replay(int lanes, Replayer::Options options) {
  ReplayCounters counters;
  options.lanes = lanes;
  options.retry.first_wait = std::chrono::milliseconds(1);
  options.ask = ask;
  Replayer replayer(link, capturer, database.Lanes(), counters, options);
  std::stop_source stop;
  std::optional<Error> failure;
  std::jthread run([&] {
    try {
      replayer.Run(stop.get_token());
    } catch (const Stopped&) {
    } catch (const Error& error) {
      failure = error;
    }
    stop.request_stop();
  });
  try {
    replayer.WaitApplied(store.last(), stop.get_token());
  } catch (const Stopped&) {
  }
  stop.request_stop();
  run.join();
  return failure;
}

namespace {

using Cell = TestDatabase::Cell;
using Row = TestDatabase::Row;

const TableName kTable{"d", "t"};

TableSchemaPtr MakeTable(const TableName& name = kTable) {
  auto table = std::make_shared<TableSchema>();
  table->name = name;
  auto column = [&](const char* n, TypeKind kind, const char* collation) {
    ColumnSchema c;
    c.name = n;
    c.type.kind = kind;
    c.nullable = std::string_view(n) != "id";
    c.collation = collation;
    table->columns.push_back(c);
  };
  column("id", TypeKind::kInteger, "");
  column("name", TypeKind::kVarchar, "general_ci");
  column("a", TypeKind::kInteger, "");
  column("b", TypeKind::kInteger, "");
  auto index = [&](const char* n, IndexSchema::Kind kind, std::vector<const char*> parts) {
    IndexSchema i;
    i.name = n;
    i.kind = kind;
    for (const char* part : parts) i.parts.push_back({.column = part});
    table->indexes.push_back(i);
  };
  index("PRIMARY", IndexSchema::Kind::kPrimary, {"id"});
  index("by_name", IndexSchema::Kind::kUnique, {"name"});
  index("by_pair", IndexSchema::Kind::kUnique, {"a", "b"});
  return table;
}

void AddRow(RowBatch& batch, const Row& row) {
  for (const Cell& cell : row) cell ? batch.Add(*cell) : batch.AddNull();
}

LogPart Change(TableSchemaPtr table, ChangeOp op, const Row* before, const Row* after) {
  LogPart part;
  part.rows.op = op;
  part.rows.table = table;
  part.rows.schema_version = 1;
  part.rows.before.Reset(table->columns.size());
  part.rows.after.Reset(table->columns.size());
  if (before) AddRow(part.rows.before, *before);
  if (after) AddRow(part.rows.after, *after);
  return part;
}

// Writes random transactions into a source, which refuses clashes as a server does, and into a Log.
class RandomSource {
 public:
  explicit RandomSource(uint32_t seed) : random_(seed) { database_.Create(table_); }

  std::vector<LogPart> Transaction() {
    std::vector<LogPart> parts;
    for (int wanted = 1 + Pick(4); wanted > 0; --wanted) {
      if (auto part = TryChange()) parts.push_back(std::move(*part));
    }
    return parts;
  }
  std::vector<Row> Rows() { return database_.Rows(kTable); }

 private:
  int Pick(int n) { return static_cast<int>(random_() % static_cast<uint32_t>(n)); }

  Row RandomRow() {
    static const std::vector<Cell> kNames{"e",  "E ", "é",  "x1", "X1", "y",
                                          "yy", "é2", "e2", {},   {},   "long name"};
    Row row{std::to_string(Pick(12)), kNames[static_cast<size_t>(Pick(12))],
            std::to_string(Pick(4)), std::to_string(Pick(4))};
    if (Pick(3) == 0) row[2].reset();
    return row;
  }

  std::optional<LogPart> TryChange() {
    std::vector<Row> rows = Rows();
    Row after = RandomRow();
    Row before =
        rows.empty() ? after : rows[static_cast<size_t>(Pick(static_cast<int>(rows.size())))];
    ChangeOp op = static_cast<ChangeOp>(rows.empty() ? 0 : Pick(3));
    if (op == ChangeOp::kUpdate && Pick(2) == 0) after[0] = before[0];
    LogPart part = Change(table_, op, op == ChangeOp::kInsert ? nullptr : &before,
                          op == ChangeOp::kDelete ? nullptr : &after);
    try {
      database_.Apply(this, Reference(part), ApplyMode::kExact);
      database_.End(this, std::pair{0, LaneProgress{}});
      return part;
    } catch (const Error&) {
      database_.End(this, {});
      return {};
    }
  }

  RowChange Reference(const LogPart& part) {
    return {&plan_, part.rows.op, &part.rows.before, 0, &part.rows.after, 0};
  }

  std::mt19937 random_;
  TableSchemaPtr table_ = MakeTable();
  WritePlan plan_{table_, {0, 1, 2, 3}, {0}, {{0}, {1}, {2, 3}}};
  TestDatabase database_;
};

TEST(Replayer, ConflictingChangesKeepTheirOrderOverAnyNumberOfLanes) {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    TestWorld world;
    RandomSource source(seed);
    world.database.Create(MakeTable());
    for (int i = 0; i < 200; ++i) world.store.Append(source.Transaction());
    auto failure = world.Replay(1 + static_cast<int>(seed % 6));
    EXPECT_FALSE(failure.has_value()) << failure->what();
    EXPECT_EQ(world.database.Rows(kTable), source.Rows()) << "seed " << seed;
    EXPECT_THAT(world.database.violations(), testing::IsEmpty());
  }
}

TEST(Replayer, GoesOnAfterAnyCrashWithAnyNumberOfLanes) {
  for (uint32_t seed = 1; seed <= 25; ++seed) {
    std::mt19937 random(seed);
    TestWorld world;
    RandomSource source(seed);
    world.database.Create(MakeTable());
    for (int i = 0; i < 200; ++i) world.store.Append(source.Transaction());
    for (int runs = 0;; ++runs) {
      ASSERT_LT(runs, 400);
      std::atomic<int> left{1 + static_cast<int>(random() % 25)};
      world.database.before_commit = [&](int) {
        if (left.fetch_sub(1) <= 1) throw Error({.code = "CRASH", .message = "crash"});
      };
      auto failure = world.Replay(1 + static_cast<int>(random() % 5));
      if (!failure) break;
      ASSERT_EQ(failure->code(), "CRASH");
    }
    EXPECT_EQ(world.database.Rows(kTable), source.Rows()) << "seed " << seed;
    EXPECT_THAT(world.database.violations(), testing::IsEmpty());
  }
}

TEST(Replayer, TransientErrorsAreRetriedOnTheSameLane) {
  TestWorld world;
  RandomSource source(7);
  world.database.Create(MakeTable());
  for (int i = 0; i < 100; ++i) world.store.Append(source.Transaction());
  world.database.before_commit = [](int number) {
    if (number % 3 == 0) throw Error({.code = "GONE", .kind = ErrorKind::kTransient});
  };
  auto failure = world.Replay(4);
  EXPECT_FALSE(failure.has_value());
  EXPECT_EQ(world.database.Rows(kTable), source.Rows());
}

TEST(Replayer, MergedItEndsAsSerially) {
  for (uint32_t seed = 1; seed <= 6; ++seed) {
    TestWorld world;
    RandomSource source(seed);
    world.database.Create(MakeTable());
    for (int i = 0; i < 1500; ++i) world.store.Append(source.Transaction());
    std::atomic<int> commits{0};
    world.database.before_commit = [&](int) { ++commits; };
    auto failure = world.Replay(1 + static_cast<int>(seed % 4), {.merge = true});
    EXPECT_FALSE(failure.has_value()) << failure->what();
    EXPECT_EQ(world.database.Rows(kTable), source.Rows()) << "seed " << seed;
    EXPECT_THAT(world.database.violations(), testing::IsEmpty());
    EXPECT_LE(commits, 4);
  }
}

TEST(Replayer, AMergedWindowIsFinishedAfterACrash) {
  for (uint32_t seed = 1; seed <= 12; ++seed) {
    TestWorld world;
    auto table = MakeTable();
    world.database.Create(table);
    // Few conflicts, so that the window has a share for every lane.
    for (int i = 0; i < 1200; ++i) {
      Row before{std::to_string(i % 100), {}, {}, {}};
      Row after{std::to_string(i % 100), {}, {}, std::to_string(i)};
      if (i >= 100) before[3] = std::to_string(i - 100);
      world.store.Append({i < 100 ? Change(table, ChangeOp::kInsert, nullptr, &after)
                                  : Change(table, ChangeOp::kUpdate, &before, &after)});
    }
    std::atomic<int> left{static_cast<int>(seed % 4) + 1};
    world.database.before_commit = [&](int) {
      if (left.fetch_sub(1) <= 1) throw Error({.code = "CRASH", .message = "crash"});
    };
    ASSERT_TRUE(world.Replay(4, {.merge = true}).has_value());
    world.database.before_commit = nullptr;
    auto failure = world.Replay(1 + static_cast<int>(seed % 5), {.merge = seed % 2 == 0});
    EXPECT_FALSE(failure.has_value()) << failure->what();
    auto rows = world.database.Rows(kTable);
    ASSERT_EQ(rows.size(), 100u);
    for (const Row& row : rows) {
      EXPECT_EQ(std::stoi(*row[3]), 1100 + std::stoi(*row[0]));
    }
  }
}

// Another unique key at the destination would cut the same transactions otherwise: shares taken for
// applied would leave changes out, and apply others twice.
TEST(Replayer, AMergedWindowIsNotFinishedByOtherDefinitions) {
  TestWorld world;
  const TableSchemaPtr table = MakeTable();
  auto stricter = std::make_shared<TableSchema>(*table);
  stricter->indexes.push_back(
      {.name = "own", .kind = IndexSchema::Kind::kUnique, .parts = {{.column = "a"}}});
  world.database.Create(table);
  auto row = [](int id, bool has_a) {
    return Row{
        std::to_string(id), {}, has_a ? Cell(std::to_string(id / 2)) : Cell(), std::to_string(id)};
  };
  constexpr int kRows = 700;  // enough to be merged
  for (int id = 0; id < kRows; ++id) {
    const Row after = row(id, id % 2 == 0);
    world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &after)});
  }
  // The value of `a` moves to the neighbour.
  for (int id = 0; id < kRows; ++id) {
    const Row before = row(id, id % 2 == 0);
    const Row after = row(id, id % 2 == 1);
    world.store.Append({Change(table, ChangeOp::kUpdate, &before, &after)});
  }
  world.database.before_commit = [](int number) {
    if (number == 2) throw Error({.code = "CRASH", .message = "crash"});
  };
  ASSERT_TRUE(world.Replay(4, {.merge = true}).has_value());
  world.database.before_commit = nullptr;
  ASSERT_FALSE(world.database.Lanes().at(0).progress.shares.empty());
  world.database.Redefine(stricter);
  auto failure = world.Replay(4, {.merge = true});
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code(), "MERGE_WINDOW_CHANGED");
  world.database.Redefine(table);
  failure = world.Replay(4, {.merge = true});
  EXPECT_FALSE(failure.has_value()) << failure->what();
  const auto rows = world.database.Rows(kTable);
  ASSERT_EQ(rows.size(), static_cast<size_t>(kRows));
  for (const Row& found : rows) {
    EXPECT_EQ(found[2].has_value(), std::stoi(*found[0]) % 2 == 1) << *found[0];
  }
}

Row MakeRow(int id, const char* name = nullptr) {
  return {std::to_string(id), name ? Cell(name) : Cell(), {}, {}};
}

TEST(Replayer, ARowThatCannotGoIsAskedAboutAndOnlyItIsLeftOut) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  std::vector<LogPart> parts;
  for (int id = 1; id <= 5; ++id) {
    Row row = MakeRow(id);
    parts.push_back(Change(table, ChangeOp::kInsert, nullptr, &row));
  }
  Row absent = MakeRow(99);
  parts.insert(parts.begin() + 2, Change(table, ChangeOp::kDelete, &absent, nullptr));
  world.store.Append(std::move(parts));
  std::vector<std::string> asked;
  int times = 0;
  world.ask = [&](const BlockedItem& item, std::stop_token) {
    asked.push_back(item.object + " " + item.error.code() + " " + item.statement);
    return Answer{++times == 1 ? Answer::Choice::kRetry : Answer::Choice::kSkip, ""};
  };
  EXPECT_FALSE(world.Replay(2).has_value());
  EXPECT_THAT(asked, testing::ElementsAre("d.t CHANGE_ROW_MISSING delete of id='99'",
                                          "d.t CHANGE_ROW_MISSING delete of id='99'"));
  EXPECT_EQ(world.database.Rows(kTable).size(), 5u);
}

TEST(Replayer, UpToItsExitATableIsDisplacedAndUpToItsStartDropped) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  CopyBounds bounds;
  bounds.start = 1;
  bounds.exit = 3;
  world.metadata.settings["copy.d.t"] = bounds.ToText();
  Row one = MakeRow(1, "one");
  Row two = MakeRow(2, "two");
  Row two_again = MakeRow(2, "one");
  world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &one)});  // dropped
  world.store.Append({Change(table, ChangeOp::kUpdate, &two, &two)});     // its row is missing
  world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &two_again)});  // displaces both
  EXPECT_FALSE(world.Replay(3).has_value());
  EXPECT_THAT(world.database.Rows(kTable), testing::ElementsAre(two_again));
}

TEST(Replayer, ALargeTransactionIsStreamedInOneTransaction) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  std::vector<LogPart> parts;
  for (int id = 0; id < 300; ++id) {
    Row row = MakeRow(id);
    parts.push_back(Change(table, ChangeOp::kInsert, nullptr, &row));
  }
  for (int id = 299; id >= 0; --id) {
    Row row = MakeRow(id);
    Row next = MakeRow(id + 1);
    parts.push_back(Change(table, ChangeOp::kUpdate, &row, &next));
  }
  world.store.Append(std::move(parts));
  world.store.log[0].info.rows = 1'000'000;
  std::atomic<int> commits{0};
  world.database.before_commit = [&](int number) { commits = number; };
  EXPECT_FALSE(world.Replay(3).has_value());
  EXPECT_EQ(commits, 1);
  EXPECT_EQ(world.database.runs, 1);  // not one for each part: a server sees few large statements
  auto rows = world.database.Rows(kTable);
  ASSERT_EQ(rows.size(), 300u);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), MakeRow(0)), 0);
  EXPECT_EQ(std::count(rows.begin(), rows.end(), MakeRow(300)), 1);
}

TEST(Replayer, DdlIsABarrierAndRunsOnceAlsoAcrossCrashes) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  auto insert = [&](int id) {
    Row row = MakeRow(id);
    world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &row)});
  };
  for (int id = 0; id < 50; ++id) insert(id);
  world.store.Append({TruncateOf(kTable)});
  for (int id = 0; id < 50; ++id) insert(id);
  // Dies when the statement has run and nobody knows, then when it is confirmed but not in a lane.
  bool died = false;
  world.database.on_statement = [&](const std::string&) {
    if (std::exchange(died, true)) return;
    world.database.Truncate(kTable);
    throw Error({.code = "CRASH", .message = "crash"});
  };
  auto failure = world.Replay(4);
  ASSERT_TRUE(failure.has_value());
  EXPECT_EQ(failure->code(), "CRASH");
  EXPECT_TRUE(world.database.Rows(kTable).empty());
  EXPECT_FALSE(world.Replay(2).has_value());
  EXPECT_EQ(world.database.statements().size(), 1u);
  EXPECT_EQ(world.database.Rows(kTable).size(), 50u);
}

TEST(Replayer, DdlThatFailsIsAskedAbout) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  Row row = MakeRow(1);
  world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &row)});
  world.store.Append({TruncateOf(kTable)});
  world.database.on_statement = [&](const std::string& sql) {
    if (sql == "truncate t") throw Error({.code = "NO", .kind = ErrorKind::kData, .message = "no"});
  };
  std::vector<std::string> asked;
  world.ask = [&](const BlockedItem& item, std::stop_token) {
    asked.push_back(item.kind + " " + item.statement + " / " + item.converted);
    return asked.size() < 2 ? Answer{Answer::Choice::kRetry, ""}
                            : Answer{Answer::Choice::kEdit, "truncate  t"};
  };
  auto failure = world.Replay(2);
  EXPECT_FALSE(failure.has_value()) << failure->what();
  EXPECT_THAT(asked,
              testing::ElementsAre("ddl TRUNCATE t / truncate t", "ddl TRUNCATE t / truncate t"));
  EXPECT_TRUE(world.database.Rows(kTable).empty());
}

TEST(Replayer, WhilePausedNothingMovesAndTheExitCanBeMoved) {
  TestWorld world;
  auto table = MakeTable();
  world.database.Create(table);
  Row row = MakeRow(1);
  world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &row)});
  ReplayCounters counters;
  Replayer replayer(world.link, world.capturer, {}, counters, {.lanes = 2, .ask = world.ask});
  std::stop_source stop;
  std::jthread run([&] { EXPECT_THROW(replayer.Run(stop.get_token()), Stopped); });
  {
    Replayer::Pause pause(replayer, stop.get_token());
    EXPECT_EQ(replayer.applied(), world.database.Rows(kTable).size());
    replayer.DisplaceUpTo(kTable, 5);
  }
  replayer.WaitApplied(1, stop.get_token());
  EXPECT_EQ(CopyBounds::FromText(world.metadata.settings.at("copy.d.t")).corrected, 5u);
  stop.request_stop();
  run.join();
  EXPECT_EQ(counters.rows.Get(), 1);
}

// Ten transactions and two more: the commit of one says that the destination has all before it, and
// the run for the other begins with what retention lets go.
Sequence ReleasedOfTen(TestWorld& world, int of_two_days_ago) {
  auto table = MakeTable();
  world.database.Create(table);
  for (Sequence i = 1; i <= 12; ++i) {
    Row row = MakeRow(static_cast<int>(i));
    world.store.Append({Change(table, ChangeOp::kInsert, nullptr, &row)});
    const int64_t age_us = static_cast<int>(i) <= of_two_days_ago ? 48 * 3'600'000'000 : 0;
    world.store.log.back().info.source_time_us = NowUs() - age_us;
    if (i < 10) continue;
    EXPECT_FALSE(world.Replay(2).has_value());
    EXPECT_LT(world.store.released, i) << "what no lane's row says is at the destination is kept";
  }
  return world.store.released;
}

TEST(Replayer, ReleasesWhatIsOlderThanTheStoreIsToKeep) {
  TestWorld world;
  world.spec.limits.store_hours = 24;
  EXPECT_EQ(ReleasedOfTen(world, 6), 6u);
}

TEST(Replayer, ReleasesWhatTheStoreHasTooMuchOf) {
  TestWorld world;
  world.spec.limits.store_hours = 0;
  world.spec.limits.store_bytes = 300;
  world.store.bytes = 1000;
  const Sequence released = ReleasedOfTen(world, 0);
  EXPECT_GE(released, 7u);
  EXPECT_LE(released, 11u);
}

TEST(Replayer, ReleasesWhatTheDestinationNeedsNothingOf) {
  TestWorld world;
  world.spec.limits.store_hours = 24;
  for (int i = 0; i < 12; ++i) world.store.Append({});  // long ago, of tables of others
  EXPECT_FALSE(world.Replay(2, {.release_interval = {}}).has_value());
  EXPECT_GE(world.store.released, 11u);
}

TEST(Replayer, ReleasesNothingUnasked) {
  TestWorld world;
  world.spec.limits.store_hours = 0;
  world.store.bytes = 1'000'000'000;
  EXPECT_EQ(ReleasedOfTen(world, 10), 0u);
}

}  // namespace
}  // namespace godwit
