// SPDX-License-Identifier: Apache-2.0
// Which columns a plan carries, by which keys, and what its filter makes of rows and changes.
#include <gtest/gtest.h>

#include "base/error.h"
#include "pipeline/table_plan.h"

namespace godwit {
namespace {

using Ordinals = std::vector<int>;

ColumnSchema Column(const std::string& name) {
  ColumnSchema column;
  column.name = name;
  column.nullable = true;
  column.type.kind = TypeKind::kInteger;
  column.type.bits = 32;
  return column;
}

IndexSchema Key(IndexSchema::Kind kind, const std::vector<std::string>& columns) {
  IndexSchema index{.name = "k", .kind = kind};
  for (const std::string& column : columns) index.parts.push_back({.column = column});
  return index;
}

// id (primary key), a, b (unique), c generated.
std::shared_ptr<TableSchema> Table(const std::vector<std::string>& names) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  for (const std::string& name : names) table->columns.push_back(Column(name));
  table->columns[0].nullable = false;
  table->indexes = {Key(IndexSchema::Kind::kPrimary, {names[0]})};
  return table;
}

std::string CodeOf(const TableSchemaPtr& source, const TableSchemaPtr& destination,
                   const TableMapping& mapping) {
  try {
    TablePlan::Make(source, destination, mapping);
    return "";
  } catch (const Error& error) {
    return error.code();
  }
}

TEST(TablePlanMapping, KnowsTextsThatTheTwoSidesCompareDifferently) {
  auto source = Table({"id", "a", "b", "c", "d", "e", "f", "g"});
  auto destination = Table({"id", "a", "b", "c", "d", "e", "f", "g"});
  const auto set = [](TableSchema& table, size_t column, TypeKind kind, const char* collation) {
    table.columns[column].type = {.kind = kind, .length = 9};
    table.columns[column].collation = collation;
  };
  set(*source, 1, TypeKind::kVarchar, "utf8mb4_bin");
  set(*destination, 1, TypeKind::kVarchar, "utf8mb4_general_ci");
  set(*source, 2, TypeKind::kVarchar, "utf8_general_ci");
  set(*destination, 2, TypeKind::kVarchar, "utf8mb4_general_ci");
  set(*source, 3, TypeKind::kVarbinary, "");
  set(*destination, 3, TypeKind::kVarchar, "latin1_swedish_ci");
  set(*source, 4, TypeKind::kVarbinary, "binary");
  set(*destination, 4, TypeKind::kVarbinary, "");
  set(*source, 5, TypeKind::kVarchar, "utf8mb4_0900_ai_ci");
  set(*destination, 5, TypeKind::kVarchar, "utf8mb4_general_ci");
  set(*source, 6, TypeKind::kVarchar, "utf8mb4_tr_0900_ai_ci");
  set(*destination, 6, TypeKind::kVarchar, "utf8mb4_general_ci");
  set(*source, 7, TypeKind::kVarchar, "utf8mb4_0900_as_ci");
  set(*destination, 7, TypeKind::kVarchar, "utf8mb4_general_ci");
  TableMapping mapping;
  mapping.excluded_columns = {"id"};
  destination->columns[0].nullable = true;
  auto plan = TablePlan::Make(source, destination, mapping);
  EXPECT_EQ(plan->write().byte_texts, (Ordinals{0, 2, 5, 6}));
  EXPECT_EQ(plan->write().case_texts, Ordinals{4});
}

TEST(TablePlanMapping, CarriesSelectedColumnsUnderTheirNewNames) {
  auto source = Table({"id", "a", "b", "c"});
  auto destination = Table({"key", "c", "a"});
  TableMapping mapping;
  mapping.column_names = {{"ID", "key"}};
  mapping.excluded_columns = {"B"};
  auto plan = TablePlan::Make(source, destination, mapping);
  EXPECT_EQ(plan->scan().columns, (Ordinals{0, 1, 3}));
  EXPECT_EQ(plan->write().columns, (Ordinals{0, 2, 1}));
  EXPECT_EQ(plan->scan().key, Ordinals{0});
  EXPECT_EQ(plan->write().key, Ordinals{0});
  EXPECT_EQ(plan->destination_scan().columns, (Ordinals{0, 2, 1}));
  EXPECT_EQ(plan->destination_scan().key, Ordinals{0});
}

TEST(TablePlanMapping, WithoutItsKeyATableIsKeyless) {
  auto source = Table({"id", "a", "b"});
  auto destination = Table({"a", "b"});
  TableMapping mapping;
  mapping.columns = {"a", "b"};
  auto plan = TablePlan::Make(source, destination, mapping);
  EXPECT_TRUE(plan->scan().key.empty());
  EXPECT_TRUE(plan->write().key.empty());
  EXPECT_EQ(plan->write().unique_keys, std::vector<Ordinals>{Ordinals{0}});
}

TEST(TablePlanMapping, AKeyThatTheDestinationLacksIdentifiesNothing) {
  auto source = Table({"id", "a"});
  auto destination = Table({"id", "a"});
  destination->indexes = {Key(IndexSchema::Kind::kPlain, {"id"})};
  auto plan = TablePlan::Make(source, destination, {});
  EXPECT_TRUE(plan->scan().key.empty());
  EXPECT_TRUE(plan->write().unique_keys.empty());
}

TEST(TablePlanMapping, LabelsThatBecomeTextMayBeEqualThere) {
  auto source = Table({"id", "a"});
  auto destination = Table({"id", "a"});
  source->columns[1].type = {.kind = TypeKind::kEnum, .labels = {"x", "X"}};
  source->columns[1].collation = "utf8mb4_bin";
  destination->columns[1].type = {.kind = TypeKind::kVarchar, .length = 9};
  destination->columns[1].collation = "utf8mb4_general_ci";
  EXPECT_EQ(TablePlan::Make(source, destination, {})->write().byte_texts, Ordinals{1});
}

// id (primary key), a, b on both sides, and what is unique of them.
class UniqueThere : public testing::Test {
 protected:
  using Parts = std::vector<KeyPart>;

  // Whether rows are displaced by what they share in the destination's index over these parts.
  bool Displaces(const std::vector<Parts>& here, const Parts& there) {
    source_->indexes.resize(1);
    for (const Parts& parts : here) source_->indexes.push_back(Unique(parts));
    destination_->indexes.resize(1);
    destination_->indexes.push_back(Unique(there));
    auto plan = TablePlan::Make(source_, destination_, mapping_);
    const bool is_own = plan->write().own_uniques == Ordinals{1};
    EXPECT_TRUE(is_own || plan->write().own_uniques.empty());
    if (is_own) {
      EXPECT_FALSE(plan->can_displace());
    }
    return !is_own;
  }
  static IndexSchema Unique(const Parts& parts) {
    return {.name = "u", .kind = IndexSchema::Kind::kUnique, .parts = parts};
  }
  void Make(TypeKind here, TypeKind there) {
    source_->columns[1].type = {.kind = here, .length = 20};
    destination_->columns[1].type = {.kind = there, .length = 20};
  }

  std::shared_ptr<TableSchema> source_ = Table({"id", "a", "b"});
  std::shared_ptr<TableSchema> destination_ = Table({"id", "a", "b"});
  TableMapping mapping_;
  const KeyPart a_{.column = "a"};
  const KeyPart b_{.column = "b"};
};

TEST_F(UniqueThere, DisplacesAsFarAsTheSourceHasTheIndexToo) {
  EXPECT_FALSE(Displaces({}, {a_}));
  EXPECT_TRUE(Displaces({{a_}}, {a_}));
  EXPECT_TRUE(TablePlan::Make(source_, destination_, {})->can_displace());
  EXPECT_TRUE(Displaces({{a_}}, {b_, a_}));
  EXPECT_FALSE(Displaces({{a_, b_}}, {a_}));
  EXPECT_FALSE(Displaces({{b_}}, {a_}));
  EXPECT_TRUE(Displaces({}, {{.column = "id"}, a_}));  // the primary key is one
  EXPECT_FALSE(Displaces({{{.expression = "lower(`a`)"}}}, {a_}));
  EXPECT_EQ(TablePlan::Make(source_, destination_, {})->write().unique_keys,
            (std::vector<Ordinals>{{0}, {1}}))
      << "changes keep their order by it nevertheless";
}

TEST_F(UniqueThere, APrefixSaysNothingOfShorterOnes) {
  const KeyPart five{.column = "a", .prefix_length = 5};
  const KeyPart ten{.column = "a", .prefix_length = 10};
  Make(TypeKind::kVarchar, TypeKind::kVarchar);
  EXPECT_FALSE(Displaces({{a_}}, {five}));
  EXPECT_FALSE(Displaces({{ten}}, {five}));
  EXPECT_TRUE(Displaces({{five}}, {five}));
  EXPECT_TRUE(Displaces({{five}}, {ten}));
  EXPECT_TRUE(Displaces({{five}}, {a_}));
  Make(TypeKind::kVarchar, TypeKind::kVarbinary);  // five characters, five bytes
  EXPECT_FALSE(Displaces({{five}}, {five}));
  EXPECT_TRUE(Displaces({{five}}, {a_}));
}

TEST_F(UniqueThere, GoesByTheColumnsThatAreCarried) {
  mapping_.column_names = {{"a", "b"}, {"b", "a"}};
  EXPECT_TRUE(Displaces({{a_}}, {b_}));
  EXPECT_FALSE(Displaces({{a_}}, {a_}));
  mapping_ = {};
  mapping_.excluded_columns = {"b"};
  EXPECT_FALSE(Displaces({{a_, b_}}, {a_, b_}));
}

TEST(TablePlanMapping, GeneratedColumnsAreNotCarried) {
  auto source = Table({"id", "a", "c"});
  source->columns[2].generated = ColumnSchema::Generated::kStored;
  auto destination = Table({"id", "a", "c"});
  destination->columns[2].generated = ColumnSchema::Generated::kStored;
  EXPECT_EQ(TablePlan::Make(source, destination, {})->scan().columns, (Ordinals{0, 1}));
  // The translation leaves it out with a column that it is made from.
  TableMapping mapping;
  mapping.excluded_columns = {"a"};
  EXPECT_EQ(TablePlan::Make(source, Table({"id"}), mapping)->scan().columns, Ordinals{0});
  // Made by the user as a plain column it takes the values.
  EXPECT_EQ(TablePlan::Make(source, Table({"id", "a", "c"}), {})->scan().columns,
            (Ordinals{0, 1, 2}));
}

TEST(TablePlanMapping, RefusesWhatCannotBe) {
  auto source = Table({"id", "a"});
  EXPECT_EQ(CodeOf(source, Table({"id"}), {}), "PLAN_COLUMN_MISSING");
  auto strict = Table({"id", "a", "z"});
  strict->columns[2].nullable = false;
  EXPECT_EQ(CodeOf(source, strict, {}), "PLAN_COLUMN_UNFILLED");
  TableMapping mapping;
  mapping.columns = {"nothing"};
  EXPECT_EQ(CodeOf(source, source, mapping), "PLAN_NOTHING_CARRIED");
  mapping = {};
  mapping.where = "nothing = 1";
  EXPECT_EQ(CodeOf(source, source, mapping), "FILTER_INVALID");
}

// The same images whether they are moved or, with a column left out, copied.
TEST(TablePlanMapping, MovesImagesThatGoAsTheyAre) {
  const auto table = Table({"id", "a"});
  const auto plan = TablePlan::Make(table, table, {});
  const auto copying = TablePlan::Make(Table({"id", "a", "b"}), table, {.excluded_columns = {"b"}});
  for (ChangeOp op : {ChangeOp::kInsert, ChangeOp::kUpdate, ChangeOp::kDelete}) {
    const auto change = [&](const TableSchemaPtr& of) {
      RowsChange out;
      out.op = op;
      out.table = of;
      for (RowBatch* images : {&out.before, &out.after}) {
        images->Reset(of->columns.size());
        if (op == (images == &out.before ? ChangeOp::kInsert : ChangeOp::kDelete)) continue;
        for (size_t cell = 0; cell < 2 * of->columns.size(); ++cell) {
          images->Add(std::string(100, static_cast<char>('a' + cell % of->columns.size())));
        }
      }
      return out;
    };
    RowsChange moved = change(table);
    const char* after = moved.after.data().data();
    MappedChange out;
    MappedChange copied;
    plan->MapChange(std::move(moved), out);
    copying->MapChange(change(copying->source()), copied);
    EXPECT_EQ(out.ops, std::vector<ChangeOp>(2, op));
    EXPECT_EQ(out.ops, copied.ops);
    EXPECT_EQ(out.before, copied.before);
    EXPECT_EQ(out.after, copied.after);
    EXPECT_TRUE(op == ChangeOp::kDelete || out.after.data().data() == after);
  }
}

class Filtered : public testing::Test {
 protected:
  Filtered() {
    TableMapping mapping;
    mapping.excluded_columns = {"secret"};
    mapping.where = "secret > 10";
    plan_ = TablePlan::Make(source_, Table({"id", "a"}), mapping);
  }

  static void AddRow(RowBatch& rows, const std::vector<std::string>& cells) {
    for (const std::string& cell : cells) cell.empty() ? rows.AddNull() : rows.Add(cell);
  }

  // "insert", "delete", … for one row with this value of the filter's column, before and after.
  std::vector<ChangeOp> Map(ChangeOp op, const std::string& before, const std::string& after) {
    RowsChange change;
    change.op = op;
    change.table = source_;
    change.before.Reset(3);
    change.after.Reset(3);
    if (op != ChangeOp::kInsert) AddRow(change.before, {"1", before, "7"});
    if (op != ChangeOp::kDelete) AddRow(change.after, {"2", after, "8"});
    plan_->MapChange(std::move(change), mapped_);
    return mapped_.ops;
  }

  TableSchemaPtr source_ = Table({"id", "secret", "a"});
  std::shared_ptr<const TablePlan> plan_;
  MappedChange mapped_;
};

TEST_F(Filtered, ReadsWhatOnlyTheFilterNeeds) {
  EXPECT_EQ(plan_->scan().columns, (Ordinals{0, 2, 1}));
  EXPECT_EQ(plan_->source_scan().columns, (Ordinals{0, 2}));
  RowBatch rows(3);
  AddRow(rows, {"1", "7", "10"});
  AddRow(rows, {"2", "7", "11"});
  AddRow(rows, {"3", "7", ""});
  RowBatch out;
  plan_->MapRows(rows, out);
  ASSERT_EQ(out.rows(), 1u);
  EXPECT_EQ(out.columns(), 2u);
  EXPECT_EQ(out.cell(0, 0), "2");
}

TEST_F(Filtered, AnUpdateAcrossTheBoundaryIsAnInsertOrADelete) {
  using enum ChangeOp;
  EXPECT_EQ(Map(kUpdate, "11", "12"), std::vector{kUpdate});
  EXPECT_EQ(Map(kUpdate, "11", "10"), std::vector{kDelete});
  EXPECT_EQ(mapped_.before.cell(0, 0), "1");
  EXPECT_EQ(Map(kUpdate, "10", "11"), std::vector{kInsert});
  EXPECT_EQ(mapped_.after.cell(0, 0), "2");
  EXPECT_EQ(mapped_.after.cell(0, 1), "8");
  EXPECT_TRUE(Map(kUpdate, "10", "").empty());
  EXPECT_EQ(Map(kInsert, "", "11"), std::vector{kInsert});
  EXPECT_TRUE(Map(kInsert, "", "10").empty());
  EXPECT_EQ(Map(kDelete, "11", ""), std::vector{kDelete});
  EXPECT_TRUE(Map(kDelete, "", "").empty());
}

}  // namespace
}  // namespace godwit
