// SPDX-License-Identifier: Apache-2.0
#include "pipeline/comparer.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <set>
#include <thread>

#include "base/deadline.h"
#include "pipeline/compare_fake.h"

namespace godwit {
namespace {

using testing::Cell;
using testing::FakeRow;
using testing::FakeServer;

enum class Key { kInteger, kText, kNone };

ColumnSchema Column(std::string name, LogicalType type, bool nullable) {
  ColumnSchema column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.nullable = nullable;
  return column;
}

TableSchemaPtr Table(Key key) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  const LogicalType integer{.kind = TypeKind::kInteger, .bits = 64};
  const LogicalType text{.kind = TypeKind::kVarchar, .length = 100};
  table->columns = {Column("k", key == Key::kText ? text : integer, false), Column("a", text, true),
                    Column("b", text, true),
                    Column("f", {.kind = TypeKind::kFloat, .bits = 64}, true),
                    Column("j", {.kind = TypeKind::kJson}, true)};
  if (key != Key::kNone) {
    IndexSchema primary;
    primary.name = "PRIMARY";
    primary.kind = IndexSchema::Kind::kPrimary;
    primary.parts = {{.column = "k"}};
    table->indexes = {primary};
  }
  return table;
}

std::string KeyText(Key key, int i) {
  return key == Key::kText ? "key-" + std::to_string(i) : std::to_string(i);
}

struct Listener : CompareListener {
  std::mutex mutex;
  std::multiset<std::string> found;
  std::vector<Difference> differences;
  int unsettled = 0;
  int finished = 0;
  uint64_t rows = 0;

  void Compared(const CompareJob&, uint64_t n, uint64_t) override {
    std::lock_guard lock(mutex);
    rows += n;
  }
  void Found(const CompareJob&, const Difference& d) override {
    std::lock_guard lock(mutex);
    std::string text = d.kind == Difference::Kind::kOnlySource        ? "-"
                       : d.kind == Difference::Kind::kOnlyDestination ? "+"
                                                                      : "!";
    const RowBatch& row = d.source.rows() > 0 ? d.source : d.destination;
    text += row.rows() > 0 ? std::string(row.cell(0, 0)) : "?";
    for (int cell : d.cells) text += "," + std::to_string(cell);
    found.insert(text);
    differences.push_back(d);
  }
  void Unsettled(const CompareJob&, const KeyTuple&) override {
    std::lock_guard lock(mutex);
    ++unsettled;
  }
  void Finished(const CompareJob&) override {
    std::lock_guard lock(mutex);
    ++finished;
  }
};

constexpr int kRows = 600;

// Every way of comparing: which key, with the servers' digests or by reading.
struct Way {
  std::string name;
  Key key;
  bool digest;
};

class ComparerTest : public ::testing::TestWithParam<Way> {
 protected:
  ComparerTest()
      : table_(Table(GetParam().key)),
        source_(table_),
        destination_(table_),
        directory_(std::filesystem::temp_directory_path() /
                   ("godwit-comparer-" + std::to_string(getpid()))) {
    source_.can_digest = destination_.can_digest = GetParam().digest;
    for (int i = 0; i < kRows; ++i) {
      std::string n = std::to_string(i);
      source_.rows.push_back({KeyText(GetParam().key, i), "name " + n, i % 3 ? Cell(n) : Cell(),
                              "0." + n + "1", R"({"a":)" + n + R"(,"b":[1]})"});
    }
    destination_.rows = source_.rows;
    std::reverse(destination_.rows.begin(), destination_.rows.end());
  }
  ~ComparerTest() override { std::filesystem::remove_all(directory_); }

  FakeRow& There(int i) { return destination_.rows[kRows - 1 - i]; }
  FakeRow& Here(int i) { return source_.rows[i]; }

  void Run(Listener& listener, ChangeWatch* watch = nullptr,
           DigestStrength strength = DigestStrength::kQuick) {
    Comparer::Options options;
    options.compare.strength = strength;
    options.pairs = 2;
    options.pair.retry.first_wait = std::chrono::milliseconds(1);
    options.compare.spill_directory = directory_;
    options.compare.settle.first_wait = std::chrono::milliseconds(1);
    options.compare.sizes = {
        .digest_rows = 100, .read_rows = 7, .held_rows = 30, .bucket_rows = 50};
    mapping_.destination = table_->name;
    auto plan = ComparePlan::Make(TablePlan::Make(table_, table_, mapping_));
    Comparer(source_, destination_, watch, options)
        .Run({{plan, {kRows, kRows * 50}}}, listener, {});
    EXPECT_EQ(listener.finished, 1);
  }

  // Column b is one that the server computes; its cell comes behind the carried ones.
  void ComputeB() {
    auto table = std::make_shared<TableSchema>(*table_);
    table->columns[2].generated = ColumnSchema::Generated::kVirtual;
    table_ = table;
  }

  // What must be found for row i, whose cells `cells` differ.
  std::multiset<std::string> Changed(int i, const std::string& cells) const {
    std::string key = KeyText(GetParam().key, i);
    if (GetParam().key == Key::kNone) return {"-" + key, "+" + key};
    return {"!" + key + "," + cells};
  }
  void ExpectFound(std::multiset<std::string> expected) {
    Listener listener;
    Run(listener);
    EXPECT_EQ(listener.found, expected);
    EXPECT_EQ(listener.unsettled, 0);
  }

  TableSchemaPtr table_;
  TableMapping mapping_;
  FakeServer source_;
  FakeServer destination_;
  std::string directory_;
};

TEST_P(ComparerTest, EqualRowsAreEqual) {
  Listener listener;
  Run(listener);
  EXPECT_TRUE(listener.found.empty());
  EXPECT_EQ(listener.rows, uint64_t{kRows});
  EXPECT_EQ(source_.rows_read == 0, GetParam().digest);
}

TEST_P(ComparerTest, MissingRows) {
  destination_.rows.erase(destination_.rows.begin() + 5);
  destination_.rows.pop_back();
  ExpectFound({"-" + KeyText(GetParam().key, kRows - 6), "-" + KeyText(GetParam().key, 0)});
}

TEST_P(ComparerTest, ExtraRowsInsideAndOutsideOfTheSourcesRange) {
  source_.rows.erase(source_.rows.begin() + 300);
  FakeRow below = There(1), above = There(1);
  below[0] = GetParam().key == Key::kText ? "a" : "-7";
  above[0] = GetParam().key == Key::kText ? "z" : "99999";
  destination_.rows.push_back(below);
  destination_.rows.insert(destination_.rows.begin(), above);
  ExpectFound({"+" + KeyText(GetParam().key, 300), "+" + *below[0], "+" + *above[0]});
}

TEST_P(ComparerTest, EmptyDestinationAndEmptySource) {
  destination_.rows.clear();
  Listener missing;
  Run(missing);
  EXPECT_EQ(missing.found.size(), size_t{kRows});
  source_.rows.swap(destination_.rows);
  Listener extra;
  Run(extra);
  EXPECT_EQ(extra.found.size(), size_t{kRows});
  EXPECT_TRUE(extra.found.contains("+" + KeyText(GetParam().key, 17)));
}

TEST_P(ComparerTest, ChangedCell) {
  There(77)[1] = "name 77x";
  ExpectFound(Changed(77, "1"));
}

TEST_P(ComparerTest, ValuesSwappedBetweenTwoRows) {
  std::swap(There(10)[1], There(11)[1]);
  auto expected = Changed(10, "1");
  expected.merge(Changed(11, "1"));
  ExpectFound(expected);
}

TEST_P(ComparerTest, SameChangeInTwoRows) {
  There(20)[1] = There(21)[1] = "same";
  Here(20)[1] = Here(21)[1] = "as before";
  auto expected = Changed(20, "1");
  expected.merge(Changed(21, "1"));
  ExpectFound(expected);
}

TEST_P(ComparerTest, NullAgainstEmpty) {
  There(30)[2] = "";
  ExpectFound(Changed(30, "2"));
}

TEST_P(ComparerTest, NullInAnotherColumn) {
  Here(40)[1] = "x", Here(40)[2] = std::nullopt;
  There(40)[1] = std::nullopt, There(40)[2] = "x";
  ExpectFound(Changed(40, "1,2"));
}

TEST_P(ComparerTest, TrailingSpaceCaseAndAccent) {
  There(50)[1] = "name 50 ";
  There(51)[1] = "Name 51";
  There(52)[1] = "n\xc3\xa1me 52";
  auto expected = Changed(50, "1");
  expected.merge(Changed(51, "1"));
  expected.merge(Changed(52, "1"));
  ExpectFound(expected);
}

TEST_P(ComparerTest, LastBitOfAFloat) {
  Here(60)[3] = "0.1";
  There(60)[3] = "0.10000000000000002";
  ExpectFound(Changed(60, "3"));
}

TEST_P(ComparerTest, JsonIsComparedByMeaning) {
  There(70)[4] = R"({ "b": [1], "a": 70 })";
  ExpectFound({});
  There(70)[4] = R"({"a":70,"b":[2]})";
  ExpectFound(Changed(70, "4"));
}

TEST_P(ComparerTest, KeyOfAnotherCase) {
  if (GetParam().key != Key::kText) return;
  There(80)[0] = "KEY-80";
  ExpectFound({"-key-80", "+KEY-80"});
}

TEST_P(ComparerTest, RowsThatAreThereTwice) {
  destination_.rows.push_back(There(90));
  ExpectFound({"+" + KeyText(GetParam().key, 90)});
}

TEST_P(ComparerTest, ManyDifferences) {
  std::multiset<std::string> expected;
  for (int i = 0; i < kRows; ++i) {
    There(i)[1] = "other";
    expected.merge(Changed(i, "1"));
  }
  ExpectFound(expected);
}

TEST_P(ComparerTest, RangesAreCountedAtTheDestinationWhereItHasTheRows) {
  if (GetParam().key != Key::kInteger || !GetParam().digest) return;
  Listener listener;
  Run(listener);
  EXPECT_EQ(source_.boundaries, 1);  // that nothing is left there either
  EXPECT_GE(destination_.boundaries, kRows / 100);
  EXPECT_EQ(source_.digests, kRows / 100 + 1);
  source_.boundaries = 0;
  destination_.rows.clear();
  Listener missing;
  Run(missing);
  EXPECT_EQ(missing.found.size(), size_t{kRows});
  EXPECT_GE(source_.boundaries, kRows / 100);
}

// Of a range whose sums differ a piece of it is read, not the range.
TEST_P(ComparerTest, FewRowsAreReadForOneThatDiffers) {
  if (!GetParam().digest || GetParam().key != Key::kInteger) return;
  There(333)[1] = "other";
  ExpectFound(Changed(333, "1"));
  for (const FakeServer* server : {&source_, &destination_}) {
    EXPECT_GT(server->rows_read, 0u);
    EXPECT_LE(server->rows_read, 7u);
  }
}

// Each server's digest waits until the other server has been asked for its own.
TEST_P(ComparerTest, BothServersDigestAtOnce) {
  if (!GetParam().digest) return;
  const Deadline deadline = Deadline::In(std::chrono::seconds(20));
  std::atomic<int> begun[2] = {0, 0};
  std::atomic<bool> is_alone{false};
  auto meet = [&](int side) {
    const int number = ++begun[side];
    while (begun[1 - side] < number && !is_alone) {
      if (deadline.has_passed()) is_alone = true;
      std::this_thread::yield();
    }
  };
  source_.in_digest = [&] { meet(0); };
  destination_.in_digest = [&] { meet(1); };
  Listener listener;
  Run(listener);
  EXPECT_FALSE(is_alone) << "one server was waited for before the other was asked";
  EXPECT_GT(begun[0], 0);
}

// The quick sum tells rows apart by their key.
TEST_P(ComparerTest, QuickSumsOnlyWithAKeyAndWhereCertainOnesAreNotAskedFor) {
  if (!GetParam().digest) return;
  Listener listener;
  Run(listener);
  EXPECT_EQ(source_.quick_digests, GetParam().key == Key::kNone ? 0 : source_.digests.load());
  EXPECT_EQ(destination_.quick_digests, source_.quick_digests);
  EXPECT_GT(source_.digests, 0);
  source_.quick_digests = 0;
  Listener certain;
  Run(certain, nullptr, DigestStrength::kCertain);
  EXPECT_EQ(source_.quick_digests, 0);
  EXPECT_EQ(certain.rows, uint64_t{kRows});
}

TEST_P(ComparerTest, WhatTheServersComputeIsCompared) {
  ComputeB();
  ExpectFound({});
  There(77)[2] = "other";
  There(79)[1] = "name 79x";
  There(79)[2] = std::nullopt;
  auto expected = Changed(79, "1,4");
  expected.insert("!" + KeyText(GetParam().key, 77) + ",4");
  Listener listener;
  Run(listener);
  EXPECT_EQ(listener.found, expected);
  int computed = 0;
  auto plan = ComparePlan::Make(TablePlan::Make(table_, table_, mapping_));
  for (const Difference& difference : listener.differences) {
    computed += difference.is_computed(*plan) ? 1 : 0;
  }
  EXPECT_EQ(computed, 1);
}

TEST_P(ComparerTest, WhatTheServersComputeForEqualRows) {
  ComputeB();
  for (int i : {10, 11, 12}) {
    source_.rows[i] = source_.rows[10];
    There(i) = source_.rows[10];
  }
  There(11)[2] = "other";
  There(12)[2] = "another";
  Listener listener;
  Run(listener);
  if (GetParam().key != Key::kNone) return;  // a key is there once
  const std::string found = "!10,4";
  EXPECT_EQ(listener.found, (std::multiset<std::string>{found, found}));
}

TEST_P(ComparerTest, WhatTheServersComputeOfFilteredRows) {
  ComputeB();
  mapping_.excluded_columns = {"a"};
  mapping_.where = "a <> 'name 5'";
  There(77)[2] = "other";
  ExpectFound({"+" + KeyText(GetParam().key, 5), "!" + KeyText(GetParam().key, 77) + ",3"});
}

TEST_P(ComparerTest, LostConnectionsChangeNothing) {
  There(77)[1] = "name 77x";
  source_.transient_failures = 2;
  destination_.transient_failures = 1;
  ExpectFound(Changed(77, "1"));
}

INSTANTIATE_TEST_SUITE_P(All, ComparerTest,
                         ::testing::Values(Way{"DigestRange", Key::kInteger, true},
                                           Way{"ReadRange", Key::kInteger, false},
                                           Way{"BucketsByKey", Key::kText, true},
                                           Way{"ReadByKey", Key::kText, false},
                                           Way{"BucketsOfRows", Key::kNone, true},
                                           Way{"ReadRows", Key::kNone, false}),
                         [](const auto& param_info) { return param_info.param.name; });

}  // namespace
}  // namespace godwit
