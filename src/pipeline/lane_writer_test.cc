// SPDX-License-Identifier: Apache-2.0
#include "pipeline/lane_writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "pipeline/replay_mapper.h"
#include "pipeline/replay_tables.h"
#include "pipeline/replay_world_for_test.h"

namespace godwit {
namespace {

using nlohmann::json;
using testing::ElementsAre;
using testing::IsEmpty;
using testing::SizeIs;

using Row = TestDatabase::Row;

const TableName kTable{"d", "t"};

enum class Key { kNone, kLastColumn };

// One column more than is shown of a row without a key.
TableSchemaPtr MakeTable(Key key) {
  auto table = std::make_shared<TableSchema>();
  table->name = kTable;
  for (const char* name : {"a", "b", "c", "d", "e"}) {
    ColumnSchema column;
    column.name = name;
    column.type.kind = TypeKind::kInteger;
    column.nullable = false;
    table->columns.push_back(column);
  }
  if (key == Key::kLastColumn) {
    table->indexes.push_back(
        {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "e"}}});
  }
  return table;
}

// Rows differ in the last column alone.
Row MakeRow(int e) { return {"1", "1", "1", "1", std::to_string(e)}; }

void AddRow(RowBatch& rows, int e) {
  for (const auto& cell : MakeRow(e)) rows.Add(*cell);
}

class AskedMetadata : public TestMetadata {
 public:
  std::vector<Finding> Findings(int64_t, const std::string&) override { return findings; }

  std::vector<Finding> findings;
};

Finding FindingOf(const BlockedItem& item) {
  const json detail = {{"statement", item.statement},
                       {"row", item.row},
                       {"sequences", json::array({item.span.first, item.span.last})}};
  return {.stage = item.stage,
          .kind = item.kind,
          .object = item.object,
          .status = "open",
          .detail = detail.dump()};
}

// A lane that deletes rows. Nobody answers when one is missing, unless `answer` is set; `given` is
// what was answered before.
struct AskedLane {
  explicit AskedLane(Key key) : table(MakeTable(key)) { world.database.Create(table); }

  void Delete(const std::vector<int>& rows) {
    LogPart part;
    part.rows.op = ChangeOp::kDelete;
    part.rows.table = table;
    part.rows.schema_version = 1;
    part.rows.before.Reset(table->columns.size());
    part.rows.after.Reset(table->columns.size());
    for (int row : rows) AddRow(part.rows.before, row);
    world.store.Append({part});
  }

  void Put(int row) {
    RowBatch rows(table->columns.size());
    AddRow(rows, row);
    const WritePlan plan{.table = table,
                         .columns = {0, 1, 2, 3, 4},
                         .key = {},
                         .unique_keys = {},
                         .byte_texts = {},
                         .case_texts = {}};
    const RowChange change{&plan, ChangeOp::kInsert, nullptr, 0, &rows, 0};
    world.database.Apply(this, change, ApplyMode::kExact);
    world.database.End(this, std::pair{0, LaneProgress{}});
  }

  // As a batch of transactions.
  void Apply() {
    Run([](LaneWriter& writer, const LaneBatch& batch) { writer.ApplyBatch(batch, {}); });
  }
  // As the only share of a merged window.
  void ApplyWindow() {
    Run([](LaneWriter& writer, const LaneBatch& batch) {
      const AppliedShare share{.first = 1, .last = batch.transactions.size(), .shares = 1};
      writer.ApplyShare(share,
                        [&](const RunVisitor& visit) {
                          RunBuilder builder(1000, visit);
                          for (const auto& transaction : batch.transactions) {
                            for (const ReplayRows& rows : transaction->parts) builder.Add(rows);
                          }
                          builder.Flush();
                        },
                        {});
    });
  }

  // The run of another process: with its own writer.
  void Run(const std::function<void(LaneWriter&, const LaneBatch&)>& apply) {
    const LaneWriter::Options options{.retry = {},
                                      .on_transient = {},
                                      .ask = AskUser(
                                          [&](const BlockedItem& item, std::stop_token) -> Answer {
                                            asked.push_back(item);
                                            if (!answer) throw item.error;
                                            return *answer;
                                          },
                                          [&](const BlockedItem& item) -> std::optional<Answer> {
                                            looked_at.push_back(item);
                                            return given(item);
                                          })};
    ReplayProgress progress({});
    LaneWriter writer(link, 0, {}, progress, options);
    ReplayTables tables(link);
    ReplayMapper mapper(link, tables, options);
    LaneBatch batch;
    auto reader = world.store.Read(0);
    while (auto next = reader->NextTransaction(Deadline::In(std::chrono::milliseconds(0)), {})) {
      batch.transactions.push_back(mapper.Map(*next, *reader, {}));
    }
    apply(writer, batch);
  }

  std::vector<Row> Rows() { return world.database.Rows(kTable); }

  TableSchemaPtr table;
  TestWorld world;
  AskedMetadata metadata;
  Link link{.name = "link",
            .spec = world.spec,
            .source = world.endpoint,
            .destination = world.endpoint,
            .store = world.store,
            .metadata = metadata,
            .translator = world.translator};
  std::optional<Answer> answer;
  std::function<std::optional<Answer>(const BlockedItem&)> given = [](const BlockedItem&) {
    return std::optional<Answer>();
  };
  std::vector<BlockedItem> asked;
  std::vector<BlockedItem> looked_at;
};

// A run that ended with a question about row 5; now both rows would go.
void AskAboutFirst(AskedLane& lane) {
  lane.Delete({5, 6});
  EXPECT_THROW(lane.Apply(), Error);
  ASSERT_THAT(lane.asked, SizeIs(1));
  EXPECT_THAT(lane.looked_at, IsEmpty()) << "nobody was asked before";
  lane.metadata.findings = {FindingOf(lane.asked[0])};
  lane.Put(5);
  lane.Put(6);
}

TEST(LaneWriterTest, ARowWithoutAKeyIsNotTriedAgainstItsAnswer) {
  for (Answer::Choice choice : {Answer::Choice::kSkip, Answer::Choice::kDone}) {
    AskedLane lane(Key::kNone);
    AskAboutFirst(lane);
    lane.given = [&](const BlockedItem&) { return Answer{choice, ""}; };
    lane.Apply();
    ASSERT_THAT(lane.looked_at, SizeIs(1));
    EXPECT_EQ(lane.looked_at[0].row, lane.asked[0].row);
    EXPECT_EQ(lane.looked_at[0].statement, "delete of a='1' b='1' c='1' d='1'");
    EXPECT_THAT(lane.Rows(), ElementsAre(MakeRow(5)));
  }
}

TEST(LaneWriterTest, ARowThatIsNotGivenUpIsTried) {
  for (const bool is_answered : {false, true}) {
    AskedLane lane(Key::kNone);
    AskAboutFirst(lane);
    lane.given = [&](const BlockedItem&) -> std::optional<Answer> {
      if (!is_answered) return {};
      return Answer{Answer::Choice::kRetry, ""};
    };
    lane.Apply();
    EXPECT_THAT(lane.looked_at, SizeIs(1));
    EXPECT_THAT(lane.Rows(), IsEmpty());
  }
}

TEST(LaneWriterTest, ARowWithAKeyIsTriedFirst) {
  AskedLane lane(Key::kLastColumn);
  AskAboutFirst(lane);
  lane.given = [](const BlockedItem&) { return Answer{Answer::Choice::kDone, ""}; };
  lane.Apply();
  EXPECT_THAT(lane.looked_at, IsEmpty());
  EXPECT_THAT(lane.Rows(), IsEmpty());
}

TEST(LaneWriterTest, WhatWasAskedAboutAnotherTransactionCostsNothing) {
  AskedLane lane(Key::kNone);
  AskAboutFirst(lane);
  BlockedItem later = lane.asked[0];
  later.span = {2, 2};
  lane.metadata.findings = {FindingOf(later)};
  lane.world.database.runs = 0;
  lane.Apply();
  EXPECT_EQ(lane.world.database.runs, 1);
  EXPECT_THAT(lane.looked_at, IsEmpty());
}

// Any row that it described so may be the one.
TEST(LaneWriterTest, AnEarlierVersionNamedRowsByTheirText) {
  AskedLane lane(Key::kNone);
  AskAboutFirst(lane);
  BlockedItem old = lane.asked[0];
  old.row = "";
  lane.metadata.findings = {FindingOf(old)};
  lane.given = [&](const BlockedItem&) -> std::optional<Answer> {
    if (lane.looked_at.size() > 1) return {};
    return Answer{Answer::Choice::kDone, ""};
  };
  lane.Apply();
  EXPECT_THAT(lane.looked_at, SizeIs(2));
  EXPECT_THAT(lane.Rows(), ElementsAre(MakeRow(5)));
}

TEST(LaneWriterTest, AMergedWindowObeysWhatWasAskedAboutATransactionOfIt) {
  AskedLane lane(Key::kNone);
  AskAboutFirst(lane);
  lane.Put(7);
  lane.Delete({7});
  lane.given = [](const BlockedItem& item) -> std::optional<Answer> {
    EXPECT_EQ(item.span.first, 1u);
    EXPECT_EQ(item.span.last, 2u);
    return Answer{Answer::Choice::kDone, ""};
  };
  lane.ApplyWindow();
  EXPECT_THAT(lane.looked_at, SizeIs(1));
  EXPECT_THAT(lane.Rows(), ElementsAre(MakeRow(5)));
}

// A part of the transaction that was given up meanwhile moves what comes behind it.
TEST(LaneWriterTest, ARowIsLeftOutForWhatItIsAndNotForItsNumber) {
  AskedLane lane(Key::kNone);
  lane.Delete({5});  // is not there
  lane.Delete({6});
  lane.Put(6);
  lane.answer = Answer{Answer::Choice::kSkip, ""};
  lane.Run([&](LaneWriter& writer, const LaneBatch& batch) {
    writer.ApplyRuns(1,
                     [&](const RunVisitor& visit) {
                       RunBuilder builder(1000, visit);
                       const size_t first = lane.asked.empty() ? 0 : 1;
                       for (size_t i = first; i < batch.transactions.size(); ++i) {
                         for (const ReplayRows& rows : batch.transactions[i]->parts) {
                           builder.Add(rows);
                         }
                       }
                       builder.Flush();
                     },
                     {});
  });
  EXPECT_THAT(lane.asked, SizeIs(1));
  EXPECT_THAT(lane.Rows(), IsEmpty());
}

TEST(LaneWriterTest, RowsThatLookTheSameAreAskedAboutOneByOne) {
  AskedLane lane(Key::kNone);
  lane.Delete({5, 6, 5});
  lane.answer = Answer{Answer::Choice::kSkip, ""};
  lane.Apply();
  ASSERT_THAT(lane.asked, SizeIs(3));
  EXPECT_EQ(lane.asked[0].statement, lane.asked[1].statement);
  EXPECT_NE(lane.asked[0].row, lane.asked[1].row);
  EXPECT_EQ(lane.asked[0].row, lane.asked[2].row);
  EXPECT_EQ(lane.asked[0].alike, 0u);
  EXPECT_EQ(lane.asked[1].alike, 0u);
  EXPECT_EQ(lane.asked[2].alike, 1u);
}

}  // namespace
}  // namespace godwit
