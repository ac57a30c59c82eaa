// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/alter_rows.h"

#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "connectors/mysql_family/charset_table.h"
#include "connectors/mysql_family/types.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using Action = AlterAction::Kind;

// New text columns without a character set of their own have the table's. `after` is what the
// change makes of the table.
void InheritCharsets(SchemaChange& change, const TableSchema& after) {
  for (AlterAction& action : change.actions) {
    const bool defines = action.kind == Action::kAddColumn || action.kind == Action::kModifyColumn;
    ColumnSchema& column = action.column;
    if (!defines || !column.charset.empty() || !HasCharset(column.type)) continue;
    const int at = after.FindColumn(column.name);
    if (at < 0) continue;
    const ColumnSchema& made = after.columns[static_cast<size_t>(at)];
    if (made.charset == "binary") {
      change.problem = fmt::format(
          "column {} gets its character set from the table, where that is binary", column.name);
    }
    column.charset = made.charset;
    column.collation = made.collation;
  }
}

// Where text becomes bytes or bytes text, a server keeps the bytes: those of the text's character
// set, which are others than the destination's in UTF-8. Empty: nowhere.
std::string RecodingOf(const SchemaChange& change, const TableSchema& before) {
  for (const AlterAction& action : change.actions) {
    const bool to_bytes = action.kind == Action::kConvertCharset && action.charset == "binary";
    for (const ColumnSchema& old : before.columns) {
      const bool is_changed =
          action.kind == Action::kModifyColumn && EqualNames(action.name, old.name);
      const bool was_text =
          HasCharset(old.type) && (to_bytes || (is_changed && action.column.type.is_bytes()));
      const bool was_bytes = is_changed && old.type.is_bytes() && HasCharset(action.column.type);
      if (!was_text && !was_bytes) continue;
      std::string charset = was_text ? old.charset : action.column.charset;
      if (charset.empty()) charset = before.charset;
      if (IsUtf8(charset) || charset == "ascii") continue;
      return fmt::format(
          "column {} changes between text of {} and bytes: the source keeps the bytes of its rows, "
          "the destination has other ones for the same text",
          old.name, charset.empty() ? "an unknown character set" : charset);
    }
  }
  return "";
}

// Names of the columns that a statement which converts its table makes as BINARY text without a
// character set. They get the _bin collation of the table's new one (MySQL's prepare_create_field,
// MariaDB's CONTEXT_COLLATION_FLAG); any other collation that such a statement gives a column is
// lost.
std::vector<std::string> BinaryTextOf(const SchemaChange& change, const TableSchema& before) {
  std::vector<std::string> out;
  for (const AlterAction& action : change.actions) {
    const ColumnSchema& column = action.column;
    const bool is_open = column.charset.empty() && column.collation == kBinaryText;
    const bool is_new = action.kind == Action::kAddColumn && before.FindColumn(column.name) < 0;
    if (is_open && (is_new || action.kind == Action::kModifyColumn)) out.push_back(column.name);
  }
  return out;
}

// What is to follow a conversion: a server makes a TEXT wider where CONVERT TO could cut it, one
// that has the text in UTF-8 already does not; and none lets columns keep a collation meanwhile.
// `binary`: see BinaryTextOf.
std::optional<SchemaChange> AfterConversion(const SchemaChange& change, const TableSchema& before,
                                            const TableSchema& after,
                                            const std::vector<std::string>& binary) {
  SchemaChange out;
  out.kind = SchemaChange::Kind::kAlterTable;
  out.statement = change.statement;
  out.default_database = change.default_database;
  out.table = after.name;
  auto converts = [](const AlterAction& a) { return a.kind == Action::kConvertCharset; };
  if (std::none_of(change.actions.begin(), change.actions.end(), converts)) return {};
  auto modify = [&](const ColumnSchema& column) {
    AlterAction& action = out.actions.emplace_back();
    action.kind = Action::kModifyColumn;
    action.name = column.name;
    action.column = column;
  };
  for (const std::string& name : binary) {
    const int at = after.FindColumn(name);
    if (at < 0 || after.columns[static_cast<size_t>(at)].is_generated()) continue;
    ColumnSchema column = after.columns[static_cast<size_t>(at)];
    column.collation = column.charset + kBinaryText;
    modify(column);
  }
  for (const ColumnSchema& old : before.columns) {
    std::string name = old.name;
    for (const AlterAction& action : change.actions) {
      if (action.kind == Action::kRenameColumn && EqualNames(action.name, old.name)) {
        name = action.new_name;
      }
    }
    const int at = old.type.kind == TypeKind::kText ? after.FindColumn(name) : -1;
    if (at < 0 || std::find(binary.begin(), binary.end(), name) != binary.end()) continue;
    const ColumnSchema& column = after.columns[static_cast<size_t>(at)];
    const bool is_wider =
        column.type.kind == TypeKind::kText && column.type.length > old.type.length;
    if (is_wider && !column.is_generated()) modify(column);
  }
  return out.actions.empty() ? std::nullopt : std::optional(std::move(out));
}

bool HasDay(TypeKind kind) {
  return kind == TypeKind::kDate || kind == TypeKind::kDatetime || kind == TypeKind::kTimestamp;
}

// Times of day that get a day, that on which the statement runs. Empty: none does.
std::string DayOf(const SchemaChange& change, const TableSchema& before) {
  for (const AlterAction& action : change.actions) {
    const int at = action.kind == Action::kModifyColumn ? before.FindColumn(action.name) : -1;
    if (at < 0 || !HasDay(action.column.type.kind)) continue;
    if (before.columns[static_cast<size_t>(at)].type.kind != TypeKind::kTime) continue;
    return fmt::format(
        "the times of column {} get a day, at the source that on which its statement ran, at the "
        "destination another one perhaps",
        action.name);
  }
  return "";
}

// Whether a session cuts fractions of a second off where others round them.
bool Truncates(const AlterSession& session) {
  constexpr uint64_t kTimeTruncateFractional = uint64_t{1} << 32;  // MySQL's sql/system_variables.h
  constexpr uint64_t kTimeRoundFractional = uint64_t{1} << 34;     // MariaDB's sql/sql_class.h
  if (session.is_mariadb) return (session.sql_mode & kTimeRoundFractional) == 0;
  return (session.sql_mode & kTimeTruncateFractional) != 0;
}

bool IsTemporal(const LogicalType& type) {
  return type.kind == TypeKind::kTime || type.kind == TypeKind::kDatetime ||
         type.kind == TypeKind::kTimestamp;
}

// Empty: no fraction of a second is lost, or every server rounds it alike.
std::string RoundingOf(const SchemaChange& change, const TableSchema& before,
                       const AlterSession& session) {
  if (!Truncates(session)) return "";
  for (const AlterAction& action : change.actions) {
    const int at = action.kind == Action::kModifyColumn ? before.FindColumn(action.name) : -1;
    if (at < 0) continue;
    const LogicalType& old = before.columns[static_cast<size_t>(at)].type;
    const LogicalType& made = action.column.type;
    const int kept = IsTemporal(made) ? made.fsp : 0;
    const bool keeps_text = HasCharset(made) || made.is_bytes();
    if (!IsTemporal(old) || keeps_text || kept >= old.fsp) continue;
    return fmt::format(
        "column {} loses fractions of a second, which the source's session cuts off and the "
        "destination rounds",
        action.name);
  }
  return "";
}

// A session that is not strict writes ? for what a narrower character set does not have. Where the
// destination has another one for it, the text would stay as it was. Empty: nowhere.
std::string ReplacementOf(const SchemaChange& change, const TableSchema& before,
                          const TableSchema& after, const AlterSession& session) {
  constexpr uint64_t kStrict = uint64_t{3} << 21;  // STRICT_TRANS_TABLES, STRICT_ALL_TABLES
  if ((session.sql_mode & kStrict) != 0) return "";
  auto is_wide = [](const std::string& charset) {
    return charset == "utf8mb4" || charset == "utf16" || charset == "utf16le" ||
           charset == "utf32" || charset == "gb18030" || charset.empty();
  };
  for (const ColumnSchema& old : before.columns) {
    std::string name = old.name;
    bool is_changed = false;
    for (const AlterAction& action : change.actions) {
      if (action.kind == Action::kConvertCharset) is_changed = true;
      if (action.kind != Action::kModifyColumn || !EqualNames(action.name, old.name)) continue;
      name = action.column.name;
      is_changed = true;
    }
    const int at = is_changed && HasCharset(old.type) ? after.FindColumn(name) : -1;
    if (at < 0) continue;
    const std::string& made = after.columns[static_cast<size_t>(at)].charset;
    const bool has_bmp = made == "utf8mb3" || made == "utf8" || made == "ucs2";
    const bool is_subset = old.charset == "ascii" || (has_bmp && !is_wide(old.charset));
    if (is_wide(made) || made == old.charset || is_subset || made == "binary") continue;
    return fmt::format(
        "column {} goes from {} to {} in a session that is not strict: text that {} does not have "
        "became question marks at the source, and may stay as it is at the destination",
        old.name, old.charset, made, made);
  }
  return "";
}

}  // namespace

std::optional<SchemaChange> SettleRows(SchemaChange& change, const TableSchema& before,
                                       const AlterSession& session) {
  const auto altered = AlterTable(before, change.actions);
  const std::vector<std::string> binary = BinaryTextOf(change, before);
  if (altered) InheritCharsets(change, altered->table);
  if (change.problem.empty()) change.problem = RecodingOf(change, before);
  if (change.problem.empty()) change.problem = DayOf(change, before);
  if (change.problem.empty()) change.problem = RoundingOf(change, before, session);
  if (change.problem.empty() && altered) {
    change.problem = ReplacementOf(change, before, altered->table, session);
  }
  if (!altered || !change.problem.empty()) return {};
  return AfterConversion(change, before, altered->table, binary);
}

}  // namespace godwit::mysql
