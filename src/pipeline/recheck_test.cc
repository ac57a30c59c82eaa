// SPDX-License-Identifier: Apache-2.0
#include "pipeline/recheck.h"

#include <gmock/gmock.h>

#include "pipeline/compare_fake.h"

namespace godwit {
namespace {

using testing::FakeServer;

TableSchemaPtr Table() {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  ColumnSchema key;
  key.name = "k";
  key.type = {.kind = TypeKind::kVarchar, .length = 20};
  key.nullable = false;
  ColumnSchema value = key;
  value.name = "v";
  table->columns = {key, value};
  IndexSchema primary;
  primary.kind = IndexSchema::Kind::kPrimary;
  primary.parts = {{.column = "k"}};
  table->indexes = {primary};
  return table;
}

// A log in memory; what it holds is replayed by CatchUp.
class FakeWatch : public ChangeWatch {
 public:
  struct Entry {
    RowsChange rows;
    std::function<void()> replay;
  };
  std::vector<Entry> log;
  size_t applied = 0;
  bool can_prove = true;
  bool has_ddl = false;
  int proofs = 0;
  std::optional<Sequence> earlier_proof;  // that others had made
  std::vector<Sequence> asked;            // how far up at least
  std::function<void()> before_catch_up;

  Sequence Last() override { return log.size(); }
  std::optional<Sequence> Prove(Sequence at_least, std::stop_token) override {
    ++proofs;
    asked.push_back(at_least);
    if (earlier_proof && *earlier_proof >= at_least) return earlier_proof;
    return can_prove ? std::optional(Last()) : std::nullopt;
  }
  Position Current() override { return {}; }
  void CatchUp(std::stop_token) override {
    if (before_catch_up) before_catch_up();
    for (; applied < log.size(); ++applied) {
      if (log[applied].replay) log[applied].replay();
    }
  }
  bool Visit(Sequence after, Sequence through, const TableName&,
             const std::function<void(const RowsChange&)>& rows, std::stop_token) override {
    for (Sequence s = after + 1; s <= through; ++s) rows(log[s - 1].rows);
    return has_ddl;
  }
};

class RecheckTest : public ::testing::Test {
 protected:
  RecheckTest() : table_(Table()), source_(table_), destination_(table_) {
    TableMapping mapping;
    mapping.destination = table_->name;
    plan_ = ComparePlan::Make(TablePlan::Make(table_, table_, mapping));
    for (const char* key : {"a", "b", "c"}) source_.rows.push_back({key, "1"});
    destination_.rows = source_.rows;
  }

  Rechecker::Outcome Settle(std::vector<std::string> keys, ChangeWatch* watch) {
    ComparePair pair(source_, destination_, {});
    std::vector<Suspect> suspects;
    for (const std::string& key : keys) suspects.push_back({{}, EncodeKey({key}), 0});
    return Rechecker(pair, watch, {.rounds = 4, .first_wait = std::chrono::milliseconds(1)})
        .Settle(*plan_, suspects, {});
  }

  RowsChange Update(const std::string& key, const std::string& value) const {
    RowsChange change;
    change.op = ChangeOp::kUpdate;
    change.table = table_;
    for (RowBatch* image : {&change.before, &change.after}) {
      image->Reset(2);
      image->Add(key);
      image->Add(value);
    }
    return change;
  }

  TableSchemaPtr table_;
  FakeServer source_;
  FakeServer destination_;
  std::shared_ptr<const ComparePlan> plan_;
};

TEST_F(RecheckTest, NothingMovesAndOneRoundDecides) {
  destination_.rows[1][1] = "2";
  destination_.rows.pop_back();
  auto outcome = Settle({"a", "b", "c", "d"}, nullptr);
  ASSERT_EQ(outcome.differences.size(), 2u);
  EXPECT_EQ(outcome.differences[0].kind, Difference::Kind::kDifferent);
  EXPECT_EQ(outcome.differences[0].cells, std::vector<int>{1});
  EXPECT_EQ(outcome.differences[1].kind, Difference::Kind::kOnlySource);
  EXPECT_TRUE(outcome.unsettled.empty());
}

TEST_F(RecheckTest, AChangeOnItsWayIsNoDifference) {
  source_.rows[0][1] = "new";
  FakeWatch watch;
  watch.log.push_back({Update("a", "new"), [&] { destination_.rows[0][1] = "new"; }});
  auto outcome = Settle({"a"}, &watch);
  EXPECT_TRUE(outcome.differences.empty());
  EXPECT_TRUE(outcome.unsettled.empty());
}

TEST_F(RecheckTest, ARealDifferenceNeedsAProvedMark) {
  destination_.rows[0][1] = "wrong";
  FakeWatch watch;
  auto outcome = Settle({"a", "b"}, &watch);
  EXPECT_EQ(outcome.differences.size(), 1u);
  EXPECT_TRUE(outcome.unsettled.empty());
  EXPECT_EQ(watch.proofs, 1);
}

// The Log holds a change of another key since the mark, and none of this one.
TEST_F(RecheckTest, AnEarlierProofDecidesWhatHasNotChangedSince) {
  destination_.rows[0][1] = "wrong";
  FakeWatch watch;
  watch.log.push_back({Update("c", "1"), {}});
  watch.applied = 1;
  watch.earlier_proof = 0;
  auto outcome = Settle({"a"}, &watch);
  EXPECT_EQ(outcome.differences.size(), 1u);
  EXPECT_TRUE(outcome.unsettled.empty());
  EXPECT_EQ(watch.asked, std::vector<Sequence>{0});
}

TEST_F(RecheckTest, AKeyChangedSinceAnEarlierProofAsksForOneBehindTheChange) {
  destination_.rows[0][1] = "wrong";
  FakeWatch watch;
  watch.log.push_back({Update("a", "1"), {}});
  watch.applied = 1;
  watch.earlier_proof = 0;
  auto outcome = Settle({"a"}, &watch);
  EXPECT_EQ(outcome.differences.size(), 1u);
  EXPECT_TRUE(outcome.unsettled.empty());
  EXPECT_EQ(watch.asked, (std::vector<Sequence>{0, 1}));
}

TEST_F(RecheckTest, WithoutProofTwoQuietRoundsDecide) {
  destination_.rows[0][1] = "wrong";
  FakeWatch watch;
  watch.can_prove = false;
  EXPECT_EQ(Settle({"a"}, &watch).differences.size(), 1u);
}

// The log has the change, but the source's reads do not show it yet.
TEST_F(RecheckTest, ACommitNotYetVisibleIsNoDifference) {
  FakeWatch watch;
  watch.log.push_back({Update("a", "new"), [&] { destination_.rows[0][1] = "new"; }});
  int reads = 0;
  source_.after_keys = [&] {
    if (++reads == 1) source_.rows[0][1] = "new";
  };
  auto outcome = Settle({"a"}, &watch);
  EXPECT_TRUE(outcome.differences.empty());
  EXPECT_TRUE(outcome.unsettled.empty());
}

TEST_F(RecheckTest, AKeyThatKeepsChangingIsUnsettled) {
  destination_.rows[0][1] = "wrong";
  destination_.rows[1][1] = "wrong";
  FakeWatch watch;
  watch.before_catch_up = [&] { watch.log.push_back({Update("a", "x"), {}}); };
  auto outcome = Settle({"a", "b"}, &watch);
  ASSERT_EQ(outcome.differences.size(), 1u);
  EXPECT_EQ(outcome.differences[0].key, KeyTuple{"b"});
  EXPECT_EQ(outcome.unsettled, std::vector<KeyTuple>{KeyTuple{"a"}});
}

TEST_F(RecheckTest, AKeyOfAnotherCaseAndOneBeyondAsciiCountAsTheSame) {
  destination_.rows[0][1] = "wrong";
  for (const char* other : {"A ", "\xc3\xa4"}) {
    FakeWatch watch;
    watch.before_catch_up = [&] { watch.log.push_back({Update(other, "x"), {}}); };
    EXPECT_EQ(Settle({"a"}, &watch).unsettled.size(), 1u) << other;
  }
}

TEST_F(RecheckTest, AChangeOfTheDefinitionUnsettlesAll) {
  destination_.rows[0][1] = "wrong";
  FakeWatch watch;
  watch.has_ddl = true;
  EXPECT_EQ(Settle({"a"}, &watch).unsettled.size(), 1u);
}

}  // namespace
}  // namespace godwit
