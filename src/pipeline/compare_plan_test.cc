// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_plan.h"

#include <gtest/gtest.h>

namespace godwit {
namespace {

TableSchema MakeTable() {
  TableSchema table;
  table.name = {"d", "t"};
  ColumnSchema key;
  key.name = "k";
  key.type = {.kind = TypeKind::kInteger, .bits = 64};
  key.nullable = false;
  ColumnSchema text;
  text.name = "s";
  text.type = {.kind = TypeKind::kVarchar, .length = 20};
  text.charset = "latin1";
  table.columns = {key, text};
  IndexSchema primary;
  primary.kind = IndexSchema::Kind::kPrimary;
  primary.parts = {{.column = "k"}};
  table.indexes = {primary};
  return table;
}

// A server with one table, or none.
class OneTable : public Catalog {
 public:
  std::optional<TableSchema> table = MakeTable();

  std::vector<std::string> Databases() override { return {}; }
  std::vector<CatalogObject> Objects(const std::string&) override { return {}; }
  std::optional<TableSchema> Table(const TableName&) override { return table; }
  std::optional<ViewSchema> View(const TableName&) override { return {}; }
  TableEstimate Estimate(const TableName&) override { return {}; }
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName&) override {
    return {};
  }
  std::string Fingerprint(const TableName&) override { return ""; }
};

class ComparePlanTest : public ::testing::Test {
 protected:
  ComparePlanTest() {
    TableMapping mapping;
    mapping.destination = {"d", "t"};
    auto table = std::make_shared<const TableSchema>(MakeTable());
    plan_ = ComparePlan::Make(TablePlan::Make(table, table, mapping));
  }
  bool IsCurrent() { return plan_->IsCurrent(here_, there_); }

  OneTable here_;
  OneTable there_;
  std::shared_ptr<const ComparePlan> plan_;
};

TEST_F(ComparePlanTest, AnotherCharacterSetOnEitherSideIsAnotherDefinition) {
  EXPECT_TRUE(IsCurrent());
  here_.table->columns[1].charset = "utf8mb4";
  EXPECT_FALSE(IsCurrent());
  here_.table->columns[1].charset = "latin1";
  there_.table->columns[1].charset = "utf8mb4";
  EXPECT_FALSE(IsCurrent());
}

TEST_F(ComparePlanTest, SoAreANewColumnAnotherKeyAndNoTable) {
  there_.table->columns.push_back(there_.table->columns[1]);
  EXPECT_FALSE(IsCurrent());
  there_.table = MakeTable();
  here_.table->indexes[0].parts = {{.column = "s"}};
  EXPECT_FALSE(IsCurrent());
  here_.table.reset();
  EXPECT_FALSE(IsCurrent());
}

TEST_F(ComparePlanTest, CommentsDefaultsAndPlainIndexesMayChange) {
  here_.table->columns[1].comment = "new";
  here_.table->columns[1].default_value = ColumnSchema::Default{.text = "x"};
  IndexSchema plain;
  plain.name = "i";
  plain.parts = {{.column = "s"}};
  there_.table->indexes.push_back(plain);
  EXPECT_TRUE(IsCurrent());
}

}  // namespace
}  // namespace godwit
