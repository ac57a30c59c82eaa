// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql_family/cell_sql.h"
#include "endpoint/row_reader.h"

namespace godwit::mysql {

// A ScanPlan in SQL.
class SelectList {
 public:
  explicit SelectList(const ScanPlan& plan);

  // Expressions of plan.columns and of plan.key, separated by commas.
  const std::string& columns() const { return columns_; }
  const std::string& key() const { return key_; }

  // " FROM t FORCE INDEX (key)"; without the hint where no index is over the plan's key.
  const std::string& from() const { return from_; }
  // " ORDER BY a,b"; empty for a keyless plan.
  const std::string& order() const { return order_; }
  // " WHERE …" for the range, so that the key's index is searched from its first column on; empty
  // for the open range.
  std::string Where(const KeyRange& range) const;
  // A condition for exactly these keys.
  std::string WhereKeys(const std::vector<KeyTuple>& keys) const;

 private:
  struct KeyColumn {
    std::string expression;
    LogicalType type;
  };

  void AppendBound(std::string& out, const KeyTuple& bound, char sign, const char* last) const;

  std::string columns_;
  std::string key_;
  std::vector<KeyColumn> key_columns_;
  std::string from_;
  std::string order_;
};

}  // namespace godwit::mysql
