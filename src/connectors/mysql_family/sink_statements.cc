// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/sink_statements.h"

#include <fmt/format.h>

#include <algorithm>

namespace godwit::mysql {
namespace {

std::string Target(const TableSchema& table) {
  return Session::Quote(table.name.database) + "." + Session::Quote(table.name.table);
}

}  // namespace

TableStatements::TableStatements(const WritePlan& plan, const ServerInfo& server)
    : table_(plan.table),
      ordinals_(plan.columns),
      byte_texts_(plan.byte_texts),
      case_texts_(plan.case_texts),
      own_uniques_(plan.own_uniques),
      // Older servers and MariaDB do not look (a,b) IN ((…),(…)) up in the index.
      lists_tuples_(server.flavor == Flavor::kOceanBase ||
                    (server.flavor == Flavor::kMySql && server.version_number >= 50703)) {
  for (int ordinal : ordinals_) {
    const ColumnSchema& column = table_->columns[ordinal];
    columns_.push_back({Session::Quote(column.name), &column, LiteralFormOf(column)});
    const TypeKind kind = column.type.kind;
    if (kind == TypeKind::kVarchar || kind == TypeKind::kText) {
      columns_.back().limit = column.type.length;
    }
  }
  for (int c : byte_texts_) columns_[c].is_byte_text = true;
  for (int c : case_texts_) columns_[c].is_case_text = true;
  for (int c : plan.key) AddToKey(identity_, c, 0);
  for (size_t i = 0; i < table_->indexes.size(); ++i) {
    const IndexSchema& index = table_->indexes[i];
    const bool is_own = std::find(own_uniques_.begin(), own_uniques_.end(), static_cast<int>(i)) !=
                        own_uniques_.end();
    if (!index.is_unique() || is_own) continue;
    Key key;
    for (const KeyPart& part : index.parts) {
      int ordinal = part.expression.empty() ? table_->FindColumn(part.column) : -1;
      auto at = std::find(ordinals_.begin(), ordinals_.end(), ordinal);
      if (ordinal < 0 || at == ordinals_.end()) break;
      AddToKey(key, static_cast<int>(at - ordinals_.begin()), part.prefix_length);
    }
    if (key.columns.size() == index.parts.size()) unique_keys_.push_back(std::move(key));
  }
  const std::string target = Target(*table_);
  std::string names;
  for (const Column& column : columns_) names += (names.empty() ? "" : ",") + column.name;
  insert_head_ = fmt::format("INSERT INTO {} ({}) VALUES ", target, names);
  // VALUES() is deprecated where a row alias is known, and says so with a warning for each use.
  const bool has_alias = server.flavor == Flavor::kMySql && server.version_number >= 80020;
  upsert_tail_ =
      has_alias ? " AS godwit_new ON DUPLICATE KEY UPDATE " : " ON DUPLICATE KEY UPDATE ";
  for (const Column& column : columns_) {
    if (&column != &columns_[0]) upsert_tail_ += ',';
    upsert_tail_ += has_alias ? fmt::format("{0}=godwit_new.{0}", column.name)
                              : fmt::format("{0}=VALUES({0})", column.name);
  }
  delete_head_ = fmt::format("DELETE FROM {} WHERE ", target);
  update_head_ = fmt::format("UPDATE {} SET ", target);
}

bool TableStatements::IsFor(const WritePlan& plan) const {
  return plan.table == table_ && plan.columns == ordinals_ && plan.key == identity_.columns &&
         plan.byte_texts == byte_texts_ && plan.case_texts == case_texts_ &&
         plan.own_uniques == own_uniques_;
}

void TableStatements::AddToKey(Key& key, int column, uint32_t prefix) const {
  key.columns.push_back(column);
  key.prefixes.push_back(prefix);
  key.has_prefix = key.has_prefix || prefix != 0;
  key.has_odd_texts = key.has_odd_texts || columns_[column].is_odd_text();
}

void TableStatements::AppendValue(std::string& out, const Column& column,
                                  std::string_view cell) const {
  if (cell.size() > column.limit) CheckBlanks(column, cell);
  AppendLiteral(out, column.form, cell);
}

// Of blanks that are too many at its end a server only warns, and cuts them off (MySQL manual, "The
// CHAR and VARCHAR Types"); of anything else it has its own words.
void TableStatements::CheckBlanks(const Column& column, std::string_view cell) const {
  if (!cell.ends_with(' ')) return;
  const ColumnSchema& definition = *column.definition;
  const bool in_bytes =
      definition.type.kind == TypeKind::kText && definition.charset.starts_with("utf8");
  const auto is_start = [](char byte) { return (static_cast<uint8_t>(byte) & 0xc0) != 0x80; };
  const auto length_of = [&](std::string_view text) {
    if (in_bytes) return static_cast<uint64_t>(text.size());
    return static_cast<uint64_t>(std::count_if(text.begin(), text.end(), is_start));
  };
  const uint64_t length = length_of(cell);
  const uint64_t without = length_of(cell.substr(0, cell.find_last_not_of(' ') + 1));
  if (length <= column.limit || without > column.limit) return;
  throw Error({.code = "VALUE_REFUSED",
               .kind = ErrorKind::kData,
               .side = Side::kDestination,
               .object = table_->name.ToString(),
               .message = fmt::format("a value of {} with {} {} is too long for column {}",
                                      table_->name.ToString(), length,
                                      in_bytes ? "bytes" : "characters", definition.name),
               .cause = "the server would cut blanks off its end without an error",
               .remedy = "widen the column, then resume the project"});
}

void TableStatements::AppendRow(std::string& out, const RowBatch& rows, size_t row) const {
  out += '(';
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (c != 0) out += ',';
    switch (rows.state(row, c)) {
      case RowBatch::CellState::kValue:
        AppendValue(out, columns_[c], rows.cell(row, c));
        break;
      case RowBatch::CellState::kNull:
        out += "NULL";
        break;
      case RowBatch::CellState::kAbsent:
        out += "DEFAULT";
        break;
    }
  }
  out += ')';
}

int TableStatements::EnumErrors(const RowBatch& rows, size_t row) const {
  int count = 0;
  for (size_t c = 0; c < columns_.size(); ++c) {
    if (columns_[c].form != CellForm::kEnum) continue;
    if (rows.has_value(row, c) && IsEnumError(CellForm::kEnum, rows.cell(row, c))) ++count;
  }
  return count;
}

bool TableStatements::ListsKey(const Key& key) const {
  return !key.has_prefix && !key.has_odd_texts && (key.columns.size() == 1 || lists_tuples_);
}

std::string TableStatements::KeyHead(const Key& key) const {
  if (!ListsKey(key)) return "";
  std::string out;
  for (int c : key.columns) out += (out.empty() ? "" : ",") + columns_[c].name;
  if (key.columns.size() > 1) out = "(" + out + ")";
  return out + " IN (";
}

const char* TableStatements::KeySeparator(const Key& key) const {
  return ListsKey(key) ? "," : " OR ";
}

std::string TableStatements::KeyTail(const Key& key) const { return ListsKey(key) ? ")" : ""; }

bool TableStatements::HasValues(const Key& key, const RowBatch& rows, size_t row) {
  return std::all_of(key.columns.begin(), key.columns.end(),
                     [&](int c) { return rows.has_value(row, c); });
}

bool TableStatements::AppendKey(std::string& out, const Key& key, const RowBatch& rows,
                                size_t row) const {
  if (!HasValues(key, rows, row)) return false;
  const bool lists = ListsKey(key);
  if (!lists || key.columns.size() > 1) out += '(';
  for (size_t i = 0; i < key.columns.size(); ++i) {
    const int c = key.columns[i];
    const Column& column = columns_[c];
    if (i != 0) out += lists ? "," : " AND ";
    if (lists) {
      AppendKeyLiteral(out, column.definition->type, rows.cell(row, c));
    } else {
      AppendKeyPart(out, column, key.prefixes[i], rows.cell(row, c));
    }
  }
  if (!lists || key.columns.size() > 1) out += ')';
  return true;
}

// Whether it has all columns of the identity, and these stay: no other row has its new value.
bool TableStatements::HoldsIdentity(const Key& key, const RowChange& update) const {
  return std::all_of(identity_.columns.begin(), identity_.columns.end(), [&](int c) {
    const auto at = std::find(key.columns.begin(), key.columns.end(), c);
    return at != key.columns.end() &&
           key.prefixes[static_cast<size_t>(at - key.columns.begin())] == 0 &&
           update.before->has_value(update.before_row, c) &&
           update.before->cell(update.before_row, c) == update.after->cell(update.after_row, c);
  });
}

bool TableStatements::AppendOthers(std::string& out, const Key& key,
                                   const RowChange& update) const {
  const RowBatch& after = *update.after;
  if (!HasValues(key, after, update.after_row) || HoldsIdentity(key, update)) return false;
  out += '(';
  for (size_t i = 0; i < key.columns.size(); ++i) {
    const int c = key.columns[i];
    AppendKeyPart(out, columns_[c], key.prefixes[i], after.cell(update.after_row, c));
    out += " AND ";
  }
  // A row of somebody else's may have NULL there.
  out += "IFNULL(NOT (";
  AppendWhere(out, *update.before, update.before_row);
  out += "),1))";
  return true;
}

// The plain comparison finds the row in the index, this one decides. Where case counts for nothing
// at the source, an ASCII text of the same length is the same but for it.
void TableStatements::AppendTextMatch(std::string& out, const Column& column,
                                      const std::string& value, const std::string& literal,
                                      std::string_view cell) {
  const bool is_ascii =
      std::all_of(cell.begin(), cell.end(), [](char c) { return static_cast<signed char>(c) > 0; });
  if (column.is_case_text && is_ascii) {
    out += fmt::format(
        " AND OCTET_LENGTH(CONVERT({0} USING utf8mb4))=OCTET_LENGTH({1}) AND "
        "CAST(LOWER(CONVERT({0} USING utf8mb4)) AS BINARY)=CAST(LOWER({1}) AS BINARY)",
        value, literal);
  } else {
    out += fmt::format(" AND CAST(CONVERT({} USING utf8mb4) AS BINARY)=CAST({} AS BINARY)", value,
                       literal);
  }
}

void TableStatements::AppendKeyPart(std::string& out, const Column& column, uint32_t prefix,
                                    std::string_view cell) const {
  if (prefix == 0 && !column.is_odd_text()) {
    out += column.name;
    out += '=';
    return AppendKeyLiteral(out, column.definition->type, cell);
  }
  std::string literal;
  AppendKeyLiteral(literal, column.definition->type, cell);
  std::string value = column.name;
  if (prefix != 0) {
    value = fmt::format("LEFT({},{})", value, prefix);
    literal = fmt::format("LEFT({},{})", literal, prefix);
  }
  out += value;
  out += '=';
  out += literal;
  if (column.is_odd_text()) AppendTextMatch(out, column, value, literal, cell);
}

void TableStatements::AppendWhere(std::string& out, const RowBatch& rows, size_t row) const {
  const bool by_key = !identity_.columns.empty();
  const size_t count = by_key ? identity_.columns.size() : columns_.size();
  bool is_first = true;
  for (size_t i = 0; i < count; ++i) {
    const size_t c = by_key ? identity_.columns[i] : i;
    GODWIT_CHECK(!rows.is_absent(row, c), "an image holds what its row is found by");
    if (!is_first) out += " AND ";
    is_first = false;
    const Column& column = columns_[c];
    if (rows.is_null(row, c)) {
      out += column.name;
      out += " IS NULL";
    } else if (by_key) {
      AppendKeyPart(out, column, 0, rows.cell(row, c));
    } else {
      AppendMatch(out, column.name, *column.definition, rows.cell(row, c));
    }
  }
  GODWIT_CHECK(!is_first, "a before-image has cells");
  if (!by_key) out += " LIMIT 1";
}

void TableStatements::AppendUpdate(std::string& out, const RowChange& change) const {
  out += update_head_;
  bool is_first = true;
  for (size_t c = 0; c < columns_.size(); ++c) {
    const Column& column = columns_[c];
    const bool is_absent = change.after->is_absent(change.after_row, c);
    if (is_absent && column.definition->on_update.empty()) continue;
    if (!is_first) out += ',';
    is_first = false;
    out += column.name;
    out += '=';
    if (is_absent) {
      out += column.name;  // or the server would put its own time there
    } else if (change.after->is_null(change.after_row, c)) {
      out += "NULL";
    } else {
      AppendValue(out, column, change.after->cell(change.after_row, c));
    }
  }
  GODWIT_CHECK(!is_first, "an after-image has cells");
  out += " WHERE ";
  AppendWhere(out, *change.before, change.before_row);
}

void TableStatements::AppendDelete(std::string& out, const RowChange& change) const {
  out += delete_head_;
  AppendWhere(out, *change.before, change.before_row);
}

std::string TableStatements::Describe(const RowBatch& rows, size_t row) const {
  std::string out;
  for (int c : identity_.columns) {
    if (!out.empty()) out += ", ";
    std::string_view cell = rows.cell(row, c);
    const bool is_text = columns_[c].form != CellForm::kBytes && columns_[c].form != CellForm::kBit;
    out += columns_[c].definition->name + "=";
    if (is_text) {
      out += cell.substr(0, 100);
    } else {
      for (unsigned char byte : cell.substr(0, 50)) out += fmt::format("{:02x}", byte);
    }
  }
  return out.empty() ? "a row of a table without a key" : out;
}

}  // namespace godwit::mysql
