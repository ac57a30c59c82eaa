// SPDX-License-Identifier: Apache-2.0
#include "stage/selection.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

namespace godwit {
namespace {

using Kind = CatalogObject::Kind;

class FakeCatalog : public Catalog {
 public:
  std::map<std::string, std::vector<CatalogObject>> objects;
  std::vector<std::string> looked_into;

  std::vector<std::string> Databases() override {
    std::vector<std::string> out;
    for (const auto& [name, of_it] : objects) out.push_back(name);
    return out;
  }
  std::vector<CatalogObject> Objects(const std::string& database) override {
    looked_into.push_back(database);
    return objects[database];
  }
  std::optional<TableSchema> Table(const TableName&) override { return {}; }
  std::optional<ViewSchema> View(const TableName&) override { return {}; }
  TableEstimate Estimate(const TableName&) override { return {.rows = 7}; }
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName&) override {
    return {};
  }
  std::string Fingerprint(const TableName&) override { return ""; }
};

class SelectionTest : public testing::Test {
 protected:
  SelectionTest() {
    catalog_.objects["shop"] = {{{"shop", "b"}},
                                {{"shop", "a"}},
                                {{"shop", "v"}, Kind::kView},
                                {{"shop", "secret"}},
                                {{"shop", "mine"}, Kind::kTemporary},
                                {{"shop", "numbers"}, Kind::kOther, "SEQUENCE"},
                                {{"shop", std::string(kHeartbeatTable)}}};
    catalog_.objects["stock"] = {{{"stock", "named"}}, {{"stock", "rest"}}};
    catalog_.objects["other"] = {{{"other", "t"}}};
  }

  FakeCatalog catalog_;
  const ObjectRules rules_{{ObjectRule::Parse("shop.*=archive"), ObjectRule::Parse("stock.named")},
                           {ObjectRule::Parse("shop.secret")}};
};

TEST_F(SelectionTest, OnlyTablesAndViewsAreSelected) {
  const Selection selection = SelectObjects(catalog_, rules_);
  EXPECT_EQ(selection.tables,
            (std::vector<TableName>{{"shop", "a"}, {"shop", "b"}, {"stock", "named"}}));
  EXPECT_EQ(selection.views, (std::vector<TableName>{{"shop", "v"}}));
}

TEST_F(SelectionTest, PreviewSaysWhereEachGoesAndWhyOthersStay) {
  // As it is stored, too.
  const SelectionPreview preview =
      SelectionFromJson(nlohmann::json::parse(ToJson(PreviewSelection(catalog_, rules_)).dump()));
  std::string selected;
  for (const auto& object : preview.selected) {
    selected += object.name.ToString() + ">" + object.destination.ToString() +
                (object.is_view ? "(view) " : ":" + std::to_string(object.rows) + " ");
  }
  EXPECT_EQ(selected,
            "shop.a>archive.a:7 shop.b>archive.b:7 shop.v>archive.v(view) "
            "stock.named>stock.named:7 ");
  EXPECT_EQ(preview.tables(), 3u);
  EXPECT_EQ(preview.rows(), 21u);
  std::map<std::string, std::string> reasons;
  for (const auto& object : preview.left_out) reasons[object.object] = object.reason;
  EXPECT_EQ(reasons, (std::map<std::string, std::string>{{"other.*", "no rule"},
                                                         {"shop.godwit_heartbeat", "Godwit's own"},
                                                         {"shop.mine", "temporary"},
                                                         {"shop.numbers", "unsupported: SEQUENCE"},
                                                         {"shop.secret", "excluded"},
                                                         {"stock.rest", "no rule"}}));
  // A database that no rule speaks of is not asked for its objects.
  EXPECT_EQ(std::count(catalog_.looked_into.begin(), catalog_.looked_into.end(), "other"), 0);
}

}  // namespace
}  // namespace godwit
