// SPDX-License-Identifier: Apache-2.0
#include "test/golden/fragment_text.h"

#include <fmt/format.h>

#include "connectors/mysql_family/binlog_position.h"
#include "connectors/mysql_family/ddl_parser.h"

namespace godwit::golden {
namespace {

std::string Printable(std::string_view cell) {
  std::string out = "'";
  for (char c : cell) {
    uint8_t b = static_cast<uint8_t>(c);
    if (b < 0x20 || b == 0x7f || c == '\\' || c == '\'') {
      out += fmt::format("\\x{:02x}", b);
    } else {
      out += c;
    }
  }
  // Long values by their size and their end.
  if (out.size() > 120) return fmt::format("{}…'({} bytes)", out.substr(0, 60), cell.size());
  return out + "'";
}

std::string Row(const RowsChange& rows, const RowBatch& batch, size_t r) {
  std::string out;
  for (size_t c = 0; c < batch.columns(); ++c) {
    out += (c == 0 ? "" : " ") + rows.table->columns[c].name + "=";
    if (batch.is_null(r, c)) {
      out += "NULL";
    } else if (batch.is_absent(r, c)) {
      out += "-";
    } else if (rows.table->columns[c].type.is_bytes() ||
               rows.table->columns[c].type.kind == TypeKind::kGeometry ||
               rows.table->columns[c].type.kind == TypeKind::kBit) {
      out += "x'";
      std::string_view cell = batch.cell(r, c);
      for (char b : cell.substr(0, 40)) out += fmt::format("{:02x}", static_cast<uint8_t>(b));
      out += cell.size() > 40 ? fmt::format("…'({} bytes)", cell.size()) : "'";
    } else {
      out += Printable(batch.cell(r, c));
    }
  }
  return out;
}

std::string RowsText(const RowsChange& rows) {
  constexpr const char* kOps[] = {"insert", "update", "delete"};
  std::string out =
      fmt::format("  {} {}{}{}\n", kOps[static_cast<int>(rows.op)], rows.table->name.ToString(),
                  rows.is_cascade ? " cascade" : "", rows.foreign_key_checks ? "" : " unchecked");
  for (size_t r = 0; r < rows.rows(); ++r) {
    if (rows.op != ChangeOp::kInsert) out += "    - " + Row(rows, rows.before, r) + "\n";
    if (rows.op != ChangeOp::kDelete) out += "    + " + Row(rows, rows.after, r) + "\n";
  }
  return out;
}

std::string Place(const Position& position) {
  return mysql::Describe(mysql::BinlogPosition::Decode(position));
}

}  // namespace

void WrittenHistory::Define(std::string_view statements, const std::string& database) {
  constexpr std::string_view kSeparator = "\n--\n";
  while (!statements.empty()) {
    size_t end = std::min(statements.find(kSeparator), statements.size());
    std::string_view one = statements.substr(0, end);
    if (one.find("CREATE") != std::string_view::npos) {
      Put(mysql::ParseCreateTable(one, database, traits_));
    }
    statements.remove_prefix(std::min(end + kSeparator.size(), statements.size()));
  }
}

void WrittenHistory::Apply(const SchemaChange& change) {
  if (change.kind == SchemaChange::Kind::kCreateTable && change.definition) {
    Put(*change.definition);
  } else if (change.kind == SchemaChange::Kind::kAlterTable && tables_.count(change.table) != 0) {
    if (auto after = ApplyActions(*tables_[change.table].table, change.actions)) Put(*after);
  } else if (change.kind == SchemaChange::Kind::kDropTable) {
    for (const TableName& table : change.tables) tables_.erase(table);
  }
}

std::optional<SchemaHistory::Versioned> WrittenHistory::Find(const TableName& name) {
  auto found = tables_.find(name);
  if (found == tables_.end()) return {};
  return found->second;
}

void WrittenHistory::Put(TableSchema table) {
  TableName name = table.name;
  tables_[name] = {std::make_shared<const TableSchema>(std::move(table)), ++version_};
}

std::string ToText(const Fragment& f) {
  switch (f.kind) {
    case Fragment::Kind::kBegin:
      return fmt::format("begin {}\n", f.transaction);
    case Fragment::Kind::kRows:
      return RowsText(f.rows);
    case Fragment::Kind::kDdl:
      return fmt::format("  ddl [{}] {}\n", f.ddl->default_database, f.ddl->statement);
    case Fragment::Kind::kSavepoint:
      return fmt::format("  savepoint {}\n", f.savepoint);
    case Fragment::Kind::kRollbackTo:
      return fmt::format("  rollback to {}\n", f.savepoint);
    case Fragment::Kind::kCommit:
      return fmt::format("commit {} at {} restart {}\n", f.transaction, Place(f.position),
                         Place(f.restart));
    case Fragment::Kind::kRollback:
      return fmt::format("rollback {}\n", f.transaction);
    case Fragment::Kind::kHeartbeat:
      return fmt::format("passed {} restart {}\n", Place(f.position), Place(f.restart));
  }
  return "";
}

}  // namespace godwit::golden
