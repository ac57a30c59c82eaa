// SPDX-License-Identifier: Apache-2.0
// Random rows of every type on the real servers: what is written comes back, from the table and
// from the log, and digests tell rows apart as their cells do. The seed is shown with a failure;
// GODWIT_SEED repeats a run.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/hex.h"
#include "model/logical_type.h"
#include "test/live/followed_log.h"
#include "test/live/random_columns.h"

namespace godwit::live {
namespace {

using Rows = std::vector<std::vector<Cell>>;

constexpr int kRows = 120;

uint64_t Seed() {
  static const uint64_t seed = [] {
    if (const char* text = std::getenv("GODWIT_SEED")) return std::strtoull(text, nullptr, 10);
    const auto now = std::chrono::system_clock::now().time_since_epoch();
    return static_cast<unsigned long long>(now / std::chrono::milliseconds(1) % 1'000'000);
  }();
  return seed;
}

std::string SeedText() { return fmt::format("GODWIT_SEED={}", Seed()); }

std::string Shown(const Cell& cell) {
  return cell ? fmt::format("{} bytes {}", cell->size(), ToHex(cell->substr(0, 400))) : "NULL";
}

std::string Shown(const std::string& text) { return Shown(Cell(text)); }

bool IsSame(const ColumnSchema& column, const Cell& a, const Cell& b) {
  return a.has_value() == b.has_value() && (!a || Equal(column.type, *a, *b));
}

void ExpectSame(const TableSchema& table, const std::vector<Cell>& row,
                const std::vector<Cell>& expected) {
  ASSERT_EQ(row.size(), expected.size());
  for (size_t c = 0; c < row.size(); ++c) {
    EXPECT_TRUE(IsSame(table.columns[c], row[c], expected[c]))
        << table.name.table << "." << table.columns[c].name << " of row " << *expected[0]
        << "\n  is       " << Shown(row[c]) << "\n  expected " << Shown(expected[c]);
  }
}

// A table with rows at one server, and what writes and reads it.
class Copy {
 public:
  Copy(Server& server, const RandomTable& random, const std::string& key = " PRIMARY KEY")
      : table_(random.Make(server, key)),
        scan_(ScanAll(table_)),
        write_(WriteAll(table_)),
        reader_(server.endpoint().OpenRowReader()),
        sink_(server.endpoint().OpenSink()) {
    sink_->Attach("random", 0, sink_->RaiseEpoch("random", 1).epoch);
  }

  const TableSchemaPtr& table() const { return table_; }
  const ScanPlan& scan() const { return scan_; }
  RowReader& reader() { return *reader_; }

  void Load(const Rows& rows) {
    RowBatch batch(scan_.columns.size());
    for (const auto& row : rows) AddRow(batch, row);
    sink_->Begin({});
    sink_->Load(write_, batch);
    sink_->Commit({});
  }
  void Update(const std::vector<Cell>& before, const std::vector<Cell>& after) {
    Apply(ChangeOp::kUpdate, before, after);
  }
  void Delete(const std::vector<Cell>& before) { Apply(ChangeOp::kDelete, before, {}); }

  // In the order of the plan's key.
  Rows Read(const ScanPlan& plan, const KeyRange& range) {
    reader_->Open(plan, range);
    RowBatch batch(plan.columns.size());
    while (reader_->Read(batch, 1'000'000, 1 << 30)) {
    }
    return ToRows(batch);
  }
  Rows Find(const ScanPlan& plan, const KeyTuple& key) {
    RowBatch batch(plan.columns.size());
    reader_->ReadKeys(plan, {key}, batch);
    return ToRows(batch);
  }

 private:
  void Apply(ChangeOp op, const std::vector<Cell>& before, const std::vector<Cell>& after) {
    RowBatch old_row(scan_.columns.size());
    RowBatch new_row(scan_.columns.size());
    AddRow(old_row, before);
    if (!after.empty()) AddRow(new_row, after);
    const RowChange change{
        .plan = &write_, .op = op, .before = &old_row, .after = after.empty() ? nullptr : &new_row};
    sink_->Begin({});
    try {
      sink_->Apply({&change, 1}, ApplyMode::kExact, ForeignKeys::kOff);
    } catch (...) {
      sink_->Rollback();
      throw;
    }
    sink_->Commit({});
  }

  TableSchemaPtr table_;
  ScanPlan scan_;
  WritePlan write_;
  std::unique_ptr<RowReader> reader_;
  std::unique_ptr<Sink> sink_;
};

bool CanBeKey(const ColumnSchema& column) {
  return column.type.kind != TypeKind::kJson && column.type.kind != TypeKind::kGeometry &&
         !column.native_type.starts_with("vector");
}

class EveryServer : public ::testing::TestWithParam<std::string> {
 protected:
  Server server_{GetParam()};
  Draw draw_{Seed()};
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, SeedText()};
};

INSTANTIATE_TEST_SUITE_P(Family, EveryServer, ::testing::ValuesIn(AllServers()),
                         [](const auto& server) { return server.param; });

TEST_P(EveryServer, RandomCellsComeBack) {
  for (const RandomTable& random : RandomTables({&server_})) {
    Copy copy(server_, random);
    const Rows rows = random.DrawRows(kRows, draw_);
    copy.Load(rows);
    const Rows read = copy.Read(copy.scan(), {});
    ASSERT_EQ(read.size(), rows.size()) << random.name;
    for (size_t r = 0; r < rows.size(); ++r) ExpectSame(*copy.table(), read[r], rows[r]);
    // By any column's value, as by a key's. Collations may find others too.
    for (size_t c = 0; c < copy.scan().columns.size(); ++c) {
      if (!CanBeKey(copy.table()->columns[c])) continue;
      ScanPlan by_cell = copy.scan();
      by_cell.key = {static_cast<int>(c)};
      const auto& row = rows[draw_.Below(rows.size())];
      if (!row[c]) continue;
      const Rows found = copy.Find(by_cell, {*row[c]});
      EXPECT_TRUE(std::any_of(found.begin(), found.end(),
                              [&](const auto& other) { return other[0] == row[0]; }))
          << random.name << "." << copy.table()->columns[c].name << " " << Shown(row[c]);
    }
  }
}

// A table without a key: a row is found by all of its cells, and not by others.
TEST_P(EveryServer, RandomRowsAreMatchedByTheirCells) {
  for (const RandomTable& random : RandomTables({&server_})) {
    Copy copy(server_, random, "");
    const Rows rows = random.DrawRows(kRows / 4, draw_);
    copy.Load(rows);
    for (size_t c = 1; c < copy.scan().columns.size(); ++c) {
      auto other = rows[draw_.Below(rows.size())];
      other[c] = random.Nudge(c, other[c], draw_);
      try {
        copy.Delete(other);
        ADD_FAILURE() << random.name << "." << copy.table()->columns[c].name << ": row "
                      << *other[0] << " matches " << Shown(other[c]);
        return;
      } catch (const Error& error) {
        EXPECT_EQ(error.code(), "CHANGE_ROW_MISSING") << error.what();
      }
    }
    for (const auto& row : rows) {
      ASSERT_NO_THROW(copy.Delete(row)) << random.name << " " << *row[0];
    }
    EXPECT_TRUE(copy.Read(copy.scan(), {}).empty()) << random.name;
  }
}

class EveryLog : public ::testing::TestWithParam<std::string>, protected FollowedLog {
 protected:
  EveryLog() : FollowedLog(GetParam()) {}
  Draw draw_{Seed()};
  const ::testing::ScopedTrace trace_{__FILE__, __LINE__, SeedText()};
};

INSTANTIATE_TEST_SUITE_P(Family, EveryLog, ::testing::Values("MYSQL97", "MYSQL56", "MARIADB"),
                         [](const auto& server) { return server.param; });

// Both ways into Godwit give the same cells: copy and replay would undo each other's rows else.
TEST_P(EveryLog, RandomRowsAreWhatASelectShows) {
  for (const RandomTable& random : RandomTables({&server_})) {
    Copy copy(server_, random);
    history_.Put(copy.table());
    Start();
    Rows rows = random.DrawRows(kRows, draw_);
    copy.Load(rows);
    for (int i = 0; i < kRows / 4; ++i) {
      auto& row = rows[draw_.Below(rows.size())];
      const auto before = row;
      for (size_t c = 1; c < row.size(); ++c) {
        if (draw_.Below(4) == 0) row[c] = random.Nudge(c, row[c], draw_);
      }
      if (row != before) copy.Update(before, row);
    }
    const auto fragments = ReadToEnd();
    ExpectLogEqualsTable(copy.table(), fragments);
    RowsByKey logged = Replay(fragments, random.name);
    for (const auto& row : rows) ExpectSame(*copy.table(), logged[*row[0]], row);
  }
}

class EverySource : public EveryServer {};
INSTANTIATE_TEST_SUITE_P(Family, EverySource, ::testing::Values("MYSQL97", "MYSQL56", "MARIADB"),
                         [](const auto& server) { return server.param; });

// A key over id, or over a column of a type that all servers order alike and id.
std::vector<int> DrawKey(const TableSchema& table, Draw& draw) {
  static const std::set<TypeKind> kOrdered = {
      TypeKind::kInteger, TypeKind::kDecimal,   TypeKind::kBit,
      TypeKind::kBinary,  TypeKind::kVarbinary, TypeKind::kDate,
      TypeKind::kTime,    TypeKind::kDatetime,  TypeKind::kTimestamp};
  const size_t c = draw.Below(table.columns.size());
  if (c == 0 || !kOrdered.contains(table.columns[c].type.kind)) return {0};
  return {static_cast<int>(c), 0};
}

KeyRange DrawRange(const std::vector<int>& key, const Rows& rows, Draw& draw) {
  auto bound = [&]() -> std::optional<KeyTuple> {
    const auto& row = rows[draw.Below(rows.size())];
    KeyTuple tuple;
    for (int c : key) {
      if (!row[c]) return {};
      tuple.push_back(*row[c]);
    }
    return tuple;
  };
  KeyRange range;
  if (draw.Below(3) != 0) range.after = bound();
  if (draw.Below(3) != 0) range.through = bound();
  return range;
}

struct Digests {
  Digest quick;
  Digest certain;

  bool operator==(const Digests&) const = default;
};

Digests DigestsOf(Copy& copy, const ScanPlan& plan, const KeyRange& range) {
  return {copy.reader().DigestRange(plan, range, DigestStrength::kQuick),
          copy.reader().DigestRange(plan, range, DigestStrength::kCertain)};
}

void ExpectEqualDigests(Copy& here, Copy& there, const Rows& rows, Draw& draw) {
  const std::vector<int> key = DrawKey(*here.table(), draw);
  const KeyRange range = DrawRange(key, rows, draw);
  ScanPlan plan = here.scan();
  ScanPlan other_plan = there.scan();
  plan.key = other_plan.key = key;
  std::string about = "by " + here.table()->columns[key[0]].name;
  if (range.after) about += " after " + Shown(range.after->front());
  if (range.through) about += " through " + Shown(range.through->front());
  const Digests digests = DigestsOf(here, plan, range);
  EXPECT_EQ(digests, DigestsOf(there, other_plan, range)) << about;
  EXPECT_EQ(digests.quick.rows, here.Read(plan, range).size()) << about;
}

// One cell is changed at one side, then at the other.
void ExpectTold(const RandomTable& random, Copy& here, Copy& there, size_t place,
                std::vector<Cell>& row, Draw& draw) {
  const auto before = row;
  row[place] = random.Nudge(place, row[place], draw);
  const std::string about =
      fmt::format("{}.{}: {} became {}", random.name, here.table()->columns[place].name,
                  Shown(before[place]), Shown(row[place]));
  there.Update(before, row);
  const Digests old_digests = DigestsOf(here, here.scan(), {});
  const Digests new_digests = DigestsOf(there, there.scan(), {});
  EXPECT_NE(new_digests.quick, old_digests.quick) << about;
  EXPECT_NE(new_digests.certain, old_digests.certain) << about;
  here.Update(before, row);
  EXPECT_EQ(DigestsOf(here, here.scan(), {}), new_digests) << about;
}

TEST_P(EverySource, DigestsAreEqualWhereRowsAre) {
  Server destination("OCEANBASE");
  int digested = 0;
  for (const RandomTable& random : RandomTables({&server_, &destination})) {
    Copy here(server_, random);
    Copy there(destination, random);
    const bool can_digest = here.reader().CanDigest(here.scan());
    ASSERT_EQ(there.reader().CanDigest(there.scan()), can_digest) << random.name;
    if (!can_digest) continue;
    ++digested;
    Rows rows = random.DrawRows(kRows, draw_);
    here.Load(rows);
    there.Load(rows);
    ASSERT_EQ(DigestsOf(here, here.scan(), {}), DigestsOf(there, there.scan(), {})) << random.name;
    for (int i = 0; i < 20; ++i) ExpectEqualDigests(here, there, rows, draw_);
    for (size_t place = 1; place < rows[0].size(); ++place) {
      ExpectTold(random, here, there, place, rows[draw_.Below(rows.size())], draw_);
    }
  }
  EXPECT_EQ(digested, 4) << "all but documents";
}

}  // namespace
}  // namespace godwit::live
