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

}  // namespace
}  // namespace godwit
