// SPDX-License-Identifier: Apache-2.0
#include "stage/cascade_groups.h"

#include <gtest/gtest.h>

namespace godwit {
namespace {

TableSchemaPtr Table(const std::string& name, bool has_key) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", name};
  table->columns.resize(1);
  table->columns[0].name = "id";
  table->columns[0].nullable = false;
  if (has_key) {
    table->indexes.push_back(
        {.name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = "id"}}});
  }
  return table;
}

TEST(PlanCopies, ChunksNeedAKeyAndFullImages) {
  const std::vector<TableSchemaPtr> tables{Table("a", true), Table("b", true), Table("c", false)};
  CopyTraits traits{.follows_changes = true, .logs_cascades = true};
  CopyPlan plan = PlanCopies(tables, traits);
  EXPECT_EQ(plan.keyed.size(), 2u);
  EXPECT_EQ(plan.at_snapshot.size(), 1u);

  traits.with_partial_images = {{"d", "b"}};
  plan = PlanCopies(tables, traits);
  ASSERT_EQ(plan.keyed.size(), 1u);
  EXPECT_EQ(plan.keyed[0]->name.table, "a");

  traits.logs_full_images = false;
  plan = PlanCopies(tables, traits);
  EXPECT_TRUE(plan.keyed.empty());
  EXPECT_EQ(plan.at_snapshot.size(), 3u);

  traits.follows_changes = false;
  EXPECT_EQ(PlanCopies(tables, traits).keyed.size(), 2u);
}

TableSchemaPtr Child(const std::string& name, const std::string& parent,
                     const std::string& action) {
  TableSchema table = *Table(name, true);
  table.foreign_keys.push_back({.referenced = {"d", parent}, .on_delete = action});
  return std::make_shared<const TableSchema>(std::move(table));
}

TEST(JoinedByCascades, BothWaysAndOverOthers) {
  const std::vector<TableSchemaPtr> tables{Table("p", true), Child("g", "c", "SET NULL"),
                                           Child("c", "p", "CASCADE"), Child("q", "p", "RESTRICT"),
                                           Child("tree", "tree", "CASCADE")};
  auto joined = [&](const std::string& name) {
    std::string out;
    for (const TableName& one : JoinedByCascades(tables, {"d", name})) out += one.table + " ";
    return out;
  };
  EXPECT_EQ(joined("p"), "c g p ");
  EXPECT_EQ(joined("g"), "c g p ");
  EXPECT_EQ(joined("q"), "");
  EXPECT_EQ(joined("tree"), "tree ");
  EXPECT_EQ(joined("other"), "");
}

}  // namespace
}  // namespace godwit
