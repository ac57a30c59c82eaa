// SPDX-License-Identifier: Apache-2.0
#include <algorithm>

#include "test/contract/subject.h"

namespace godwit::contract {
namespace {

class CatalogContract : public Contract {
 protected:
  void Run(const std::vector<Statement>& statements) {
    auto sink = endpoint().OpenSink();
    for (const Statement& statement : statements) sink->Execute(statement, {});
  }
};
GODWIT_CONTRACT(CatalogContract);

TEST_P(CatalogContract, FindsWhatIsThereAndNothingElse) {
  auto table = subject_->Make(Shape::kKeyed, "found");
  auto catalog = endpoint().OpenCatalog();
  const auto databases = catalog->Databases();
  EXPECT_NE(std::find(databases.begin(), databases.end(), subject_->database()), databases.end());
  size_t times = 0;
  for (const CatalogObject& object : catalog->Objects(subject_->database())) {
    times += object.name == table->name && object.kind == CatalogObject::Kind::kTable;
  }
  EXPECT_EQ(times, 1u);
  EXPECT_EQ(catalog->Table({subject_->database(), "never"}), std::nullopt);
  EXPECT_EQ(catalog->Fingerprint({subject_->database(), "never"}), "");
}

TEST_P(CatalogContract, DescribesTheTable) {
  auto table = subject_->Make(Shape::kKeyed, "described");
  ASSERT_EQ(table->columns.size(), 4u);
  EXPECT_EQ(table->columns[0].name, "id");
  EXPECT_EQ(table->columns[0].type.kind, TypeKind::kInteger);
  EXPECT_FALSE(table->columns[0].nullable);
  EXPECT_EQ(table->columns[1].type.kind, TypeKind::kVarchar);
  EXPECT_EQ(table->columns[1].type.length, 20u);
  EXPECT_TRUE(table->columns[1].nullable);
  EXPECT_EQ(table->identity_columns(), std::vector<int>{0});
  ASSERT_EQ(table->indexes.size(), 2u);
  EXPECT_TRUE(table->indexes[1].is_unique());
  EXPECT_TRUE(subject_->Make(Shape::kKeyless, "bare")->identity_columns().empty());
  EXPECT_EQ(subject_->Make(Shape::kPair, "pair")->identity_columns(), (std::vector<int>{0, 1}));
}

TEST_P(CatalogContract, HidesGodwitsOwnTables) {
  auto sink = endpoint().OpenSink();
  sink->RaiseEpoch("hidden", 1);
  auto catalog = endpoint().OpenCatalog();
  const auto databases = catalog->Databases();
  EXPECT_EQ(std::find(databases.begin(), databases.end(), "godwit"), databases.end());
  sink->Forget("hidden");
}

TEST_P(CatalogContract, ADefinitionSurvivesItsStatements) {
  const Dialect& dialect = endpoint().dialect();
  auto catalog = endpoint().OpenCatalog();
  for (Shape shape : {Shape::kKeyed, Shape::kPair, Shape::kKeyless}) {
    TableSchema table = *subject_->Make(shape, "original");
    table.name.table = "copied";
    if (catalog->Table(table.name)) {
      Run({{Statement::Part::kTable, table.name, "", dialect.DropTable(table.name)}});
    }
    Run(dialect.CreateTable(table, {}));
    auto copy = catalog->Table(table.name);
    ASSERT_TRUE(copy.has_value());
    EXPECT_EQ(copy->columns, table.columns);
    EXPECT_EQ(copy->indexes, table.indexes);
  }
}

TEST_P(CatalogContract, TheFingerprintTellsTwoTablesOfOneNameApart) {
  auto table = subject_->Make(Shape::kKeyed, "printed");
  auto catalog = endpoint().OpenCatalog();
  const std::string first = catalog->Fingerprint(table->name);
  EXPECT_NE(first, "");
  EXPECT_EQ(catalog->Fingerprint(table->name), first);
  subject_->Make(Shape::kPair, "printed");
  EXPECT_NE(catalog->Fingerprint(table->name), first);
}

}  // namespace
}  // namespace godwit::contract
