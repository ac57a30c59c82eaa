// SPDX-License-Identifier: Apache-2.0
// The golden logs as the servers' own tools print them, row by row and cell by cell against what
// Godwit decodes: mysqlbinlog for both versions of MySQL, mariadb-binlog for MariaDB.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <cstdlib>
#include <map>
#include <stdexcept>

#include "test/golden/golden_log.h"
#include "test/golden/tool_cell.h"

namespace godwit::golden {
namespace {

using Values = std::map<size_t, std::string>;  // by column, from 0

struct ToolRow {
  std::string verb;
  std::string table;
  Values before;
  Values after;
};

Tool ToolOf(const std::string& name) {
  return name == "mariadb" ? Tool::kMariadbBinlog : Tool::kMysqlbinlog;
}

// The testbed's MySQL runs on libraries of its own.
std::string Command(const std::string& name) {
  std::string tool = "mariadb-binlog";
  if (ToolOf(name) == Tool::kMysqlbinlog) {
    const char* cache = std::getenv("GODWIT_CACHE");
    const std::string home =
        cache != nullptr ? cache : std::getenv("HOME") + std::string("/.cache/godwit");
    const std::string root = home + "/mysql-9/usr/";
    const std::string lib = root + "lib/x86_64-linux-gnu";
    tool = fmt::format(
        "'{0}/ld-linux-x86-64.so.2' --library-path '{0}:{0}/mysql/private' "
        "'{1}bin/mysqlbinlog'",
        lib, root);
  }
  return fmt::format("{} --no-defaults -v --base64-output=DECODE-ROWS '{}'", tool,
                     GoldenPath(name, "binlog"));
}

std::string Output(const std::string& command) {
  FILE* pipe = popen(command.c_str(), "r");
  if (pipe == nullptr) throw std::runtime_error("cannot run " + command);
  std::string out;
  char buffer[65536];
  for (size_t n; (n = fread(buffer, 1, sizeof(buffer), pipe)) > 0;) out.append(buffer, n);
  if (pclose(pipe) != 0) throw std::runtime_error("failed: " + command);
  return out;
}

// "### INSERT INTO `db`.`table`", "### WHERE", "### SET", "###   @1=…"; an expression of several
// lines goes on with more blanks.
class ToolReader {
 public:
  std::vector<ToolRow> Read(const std::string& output) {
    for (size_t from = 0; from < output.size();) {
      const size_t end = std::min(output.find('\n', from), output.size());
      Line(std::string_view(output).substr(from, end - from));
      from = end + 1;
    }
    return std::move(rows_);
  }

 private:
  void Line(std::string_view line) {
    if (!line.starts_with("### ")) return;
    line.remove_prefix(4);
    for (std::string_view verb : {"INSERT INTO ", "UPDATE ", "DELETE FROM "}) {
      if (!line.starts_with(verb)) continue;
      rows_.push_back(
          {.verb = std::string(verb.substr(0, 6)), .table = std::string(line.substr(verb.size()))});
      return;
    }
    if (line == "WHERE") values_ = &rows_.back().before;
    if (line == "SET") values_ = &rows_.back().after;
    if (line.starts_with("  @")) Value(line.substr(3));
  }
  void Value(std::string_view text) {
    const size_t equals = text.find('=');
    const size_t column = std::stoul(std::string(text.substr(0, equals))) - 1;
    text.remove_prefix(equals + 1);
    text.remove_suffix(text.size() - 1 - text.find_last_not_of(' '));
    (*values_)[column] = text;
  }

  std::vector<ToolRow> rows_;
  Values* values_ = nullptr;
};

// mysqlbinlog says so where it meets a GEOMETRY, and leaves out the rest of the event.
bool GaveUp(const Values& values) {
  return !values.empty() && values.rbegin()->second.starts_with("!! Don't know how");
}

// Differences of JSON are printed as such; the next old image has them applied.
bool IsValue(const std::string& text) {
  return !text.starts_with("!!") && !text.starts_with("JSON_");
}

class ToolComparison : public ::testing::TestWithParam<std::string> {
 protected:
  void ExpectImage(const RowsChange& rows, const RowBatch& batch, size_t row,
                   const Values& values) {
    for (size_t c = 0; c < batch.columns(); ++c) {
      const ColumnSchema& column = rows.table->columns[c];
      const auto found = values.find(c);
      ASSERT_EQ(batch.is_absent(row, c), found == values.end()) << column.name;
      if (found == values.end() || !IsValue(found->second)) continue;
      const std::string ours = batch.is_null(row, c)
                                   ? "NULL"
                                   : AsToolPrints(column, batch.cell(row, c), ToolOf(GetParam()));
      EXPECT_EQ(ours, found->second) << column.name;
      ++compared_;
    }
  }

  void ExpectRow(const RowsChange& rows, size_t row, const ToolRow& theirs) {
    constexpr const char* kVerbs[] = {"INSERT", "UPDATE", "DELETE"};
    ASSERT_EQ(kVerbs[static_cast<int>(rows.op)], theirs.verb);
    const TableName& name = rows.table->name;
    ASSERT_EQ(fmt::format("`{}`.`{}`", name.database, name.table), theirs.table);
    if (rows.op != ChangeOp::kInsert) ExpectImage(rows, rows.before, row, theirs.before);
    if (rows.op == ChangeOp::kDelete || (GaveUp(theirs.before) && theirs.after.empty())) return;
    ExpectImage(rows, rows.after, row, theirs.after);
  }

  size_t compared_ = 0;
};

TEST_P(ToolComparison, SeesTheSameRows) {
  const std::vector<ToolRow> theirs = ToolReader().Read(Output(Command(GetParam())));
  size_t at = 0;
  for (const Fragment& fragment : DecodeLog(GetParam())) {
    if (fragment.kind != Fragment::Kind::kRows) continue;
    for (size_t row = 0; row < fragment.rows.rows(); ++row) {
      ASSERT_LT(at, theirs.size()) << "rows that the tool does not see";
      SCOPED_TRACE(fmt::format("row {} of the log, {}", at + 1, theirs[at].table));
      ExpectRow(fragment.rows, row, theirs[at++]);
    }
  }
  EXPECT_EQ(at, theirs.size()) << "rows that only the tool sees";
  EXPECT_GT(compared_, 140u);
  fmt::print("{} rows, {} cells compared\n", at, compared_);
}

INSTANTIATE_TEST_SUITE_P(Servers, ToolComparison,
                         ::testing::Values("mysql97", "mysql56", "mariadb"),
                         [](const auto& server) { return server.param; });

}  // namespace
}  // namespace godwit::golden
