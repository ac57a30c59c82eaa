// SPDX-License-Identifier: Apache-2.0
#include "stage/verification_report.h"

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <iterator>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "endpoint/dialect_for_test.h"

namespace godwit {
namespace {

using testing::HasSubstr;
using testing::Not;

std::string Repeated(const std::string& text, size_t times) {
  std::string out;
  for (size_t i = 0; i < times; ++i) out += text;
  return out;
}

class VerificationReportTest : public testing::Test {
 protected:
  VerificationReportTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = testing::TempDir() + "report_" + std::to_string(getpid()) + test->name();
    std::filesystem::remove_all(directory_);
    report_ = std::make_unique<VerificationReport>(
        directory_, dialect_, progress_,
        [this](const CompareJob&, const TableVerdict& verdict) { verdict_ = verdict; });
  }
  ~VerificationReportTest() override { std::filesystem::remove_all(directory_); }

  static CompareJob JobOf(const TableName& name) {
    TableSchema table;
    table.name = name;
    ColumnSchema key;
    key.name = "k";
    key.type = {.kind = TypeKind::kInteger, .bits = 64};
    key.nullable = false;
    table.columns = {key};
    IndexSchema primary;
    primary.kind = IndexSchema::Kind::kPrimary;
    primary.parts = {{.column = "k"}};
    table.indexes = {primary};
    TableMapping mapping;
    mapping.destination = name;
    auto shared = std::make_shared<const TableSchema>(std::move(table));
    return {ComparePlan::Make(TablePlan::Make(shared, shared, mapping)), {}};
  }

  std::string FileName(const TableName& table) const {
    return std::filesystem::path(report_->Path(table, ".sql-later")).filename();
  }
  std::string Text(const TableName& table) const {
    std::ifstream file(report_->Path(table, ".diff"), std::ios::binary);
    return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  }

  std::string directory_;
  PlainDialect dialect_;
  StageProgress progress_;
  std::optional<TableVerdict> verdict_;
  std::unique_ptr<VerificationReport> report_;
};

TEST_F(VerificationReportTest, AShortNameIsTheTablesOwn) {
  EXPECT_EQ(FileName({"shop", "orders"}), "shop.orders.sql-later");
  EXPECT_EQ(FileName({"shop", "a/b"}), "shop.a%2fb.sql-later");
}

TEST_F(VerificationReportTest, ALongNameIsAFileNameToo) {
  const std::string database = Repeated("\xe8\xa1\xa8", 64);
  const TableName one{database, Repeated("\xe8\xa1\xa8", 63) + "a"};
  const TableName other{database, Repeated("\xe8\xa1\xa8", 63) + "b"};
  const TableName odd{Repeated("#", 64), Repeated("!", 64)};
  for (const TableName& name : {one, other, odd}) {
    EXPECT_LE(FileName(name).size(), 255u);
    report_->Unsettled(JobOf(name), {"7"});
    EXPECT_EQ(Text(name), "unsettled k=7\n");
  }
  EXPECT_NE(FileName(one), FileName(other));
  const size_t cut = FileName(one).find('~');
  EXPECT_EQ((cut - database.size() - 1) % 3, 0u) << "not within a character";
}

TEST_F(VerificationReportTest, WhatWasFoundUnderADefinitionThatChangedCountsForNothing) {
  const CompareJob job = JobOf({"d", "t"});
  report_->Compared(job, 5, 100);
  Difference difference{.kind = Difference::Kind::kOnlySource, .key = {"7"}};
  difference.source.Reset(1);
  difference.source.Add("7");
  report_->Found(job, difference);
  EXPECT_THAT(Text({"d", "t"}), HasSubstr("only-source k=7"));
  report_->KeptChanging(job);
  EXPECT_THAT(Text({"d", "t"}), HasSubstr("definition changed"));
  EXPECT_THAT(Text({"d", "t"}), Not(HasSubstr("only-source")));
  EXPECT_FALSE(std::filesystem::exists(report_->Path({"d", "t"}, ".keys")));
  ASSERT_TRUE(verdict_.has_value());
  EXPECT_EQ(verdict_->inconsistent(), 0u);
  EXPECT_EQ(verdict_->unsettled, 5u);
  EXPECT_EQ(verdict_->rows, 5u);
}

TEST_F(VerificationReportTest, RowsThatNobodyTriedToCorrectAreToldOfAtTheEnd) {
  const CompareJob job = JobOf({"d", "t"});
  report_->Unsettled(job, {"7"});
  report_->NotCorrected(job, uint64_t{3}, Error({.code = "LOCKED", .message = "no lock"}));
  EXPECT_THAT(Text({"d", "t"}),
              HasSubstr("unsettled k=7\nnot corrected: 3 rows\n  LOCKED: no lock"));
}

}  // namespace
}  // namespace godwit
