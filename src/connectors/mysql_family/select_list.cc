// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/select_list.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"

namespace godwit::mysql {
namespace {

// The index over exactly these columns, in this order; any of its kind keeps their order.
const IndexSchema* IndexOver(const TableSchema& table, const std::vector<int>& key) {
  for (const IndexSchema& index : table.indexes) {
    if (!index.is_unique() || index.parts.size() != key.size()) continue;
    bool is_same = true;
    for (size_t i = 0; i < key.size(); ++i) {
      const KeyPart& part = index.parts[i];
      is_same = is_same && part.expression.empty() && part.prefix_length == 0 &&
                table.FindColumn(part.column) == key[i];
    }
    // An index the optimizer may not see cannot be forced.
    if (is_same && !index.invisible) return &index;
  }
  return nullptr;
}

}  // namespace

SelectList::SelectList(const ScanPlan& plan) {
  const TableSchema& table = *plan.table;
  auto expressions = [&](const std::vector<int>& ordinals) {
    std::string out;
    for (int ordinal : ordinals) {
      const ColumnSchema& column = table.columns[ordinal];
      if (!out.empty()) out += ',';
      out += SelectExpression(column);
    }
    return out;
  };
  columns_ = expressions(plan.columns);
  key_ = expressions(plan.key);
  from_ = fmt::format(" FROM {}.{}", Session::Quote(table.name.database),
                      Session::Quote(table.name.table));
  if (const IndexSchema* index = plan.key.empty() ? nullptr : IndexOver(table, plan.key)) {
    const bool is_primary = index->kind == IndexSchema::Kind::kPrimary;
    from_ += fmt::format(" FORCE INDEX ({})", Session::Quote(is_primary ? "PRIMARY" : index->name));
  }
  for (int ordinal : plan.key) {
    const ColumnSchema& column = table.columns[ordinal];
    key_columns_.push_back({KeyExpression(column), column.type});
    order_ += order_.empty() ? " ORDER BY " : ",";
    order_ += Session::Quote(column.name);
  }
}

// Row comparison, written out: (a,b) > (1,2) is a>=1 AND (a>1 OR (a=1 AND b>2)). The condition on
// the first column alone lets every server of the family search the index.
void SelectList::AppendBound(std::string& out, const KeyTuple& bound, char sign,
                             const char* last) const {
  GODWIT_CHECK(bound.size() == key_columns_.size(), "a bound has every column of the key");
  const size_t n = key_columns_.size();
  auto compare = [&](size_t i, std::string_view operation) {
    out += key_columns_[i].expression;
    out += operation;
    AppendKeyLiteral(out, key_columns_[i].type, bound[i]);
  };
  if (n == 1) return compare(0, last);
  compare(0, std::string(1, sign) + "=");
  out += " AND (";
  for (size_t i = 0; i < n; ++i) {
    if (i != 0) out += " OR (";
    for (size_t j = 0; j < i; ++j) {
      compare(j, "=");
      out += " AND ";
    }
    compare(i, i + 1 == n ? std::string_view(last) : std::string_view(&sign, 1));
    if (i != 0) out += ')';
  }
  out += ')';
}

std::string SelectList::Where(const KeyRange& range) const {
  std::string out;
  if (range.after) {
    out += " WHERE ";
    AppendBound(out, *range.after, '>', ">");
  }
  if (range.through) {
    out += out.empty() ? " WHERE " : " AND ";
    AppendBound(out, *range.through, '<', "<=");
  }
  return out;
}

std::string SelectList::WhereKeys(const std::vector<KeyTuple>& keys) const {
  const size_t n = key_columns_.size();
  std::string out = " WHERE ";
  if (n == 1) out += key_columns_[0].expression + " IN (";
  for (size_t k = 0; k < keys.size(); ++k) {
    GODWIT_CHECK(keys[k].size() == n, "a key has every column");
    if (k != 0) out += n == 1 ? "," : " OR ";
    if (n > 1) out += '(';
    for (size_t i = 0; i < n; ++i) {
      if (i != 0) out += " AND ";
      if (n > 1) out += key_columns_[i].expression + "=";
      AppendKeyLiteral(out, key_columns_[i].type, keys[k][i]);
    }
    if (n > 1) out += ')';
  }
  if (n == 1) out += ')';
  return out;
}

}  // namespace godwit::mysql
