// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "endpoint/catalog.h"
#include "endpoint/row_reader.h"
#include "metadata/metadata.h"
#include "model/position.h"
#include "pipeline/table_plan.h"

namespace godwit {

// One table's copy, planned once; shared by planner and loaders.
struct CopyJob {
  TableSchemaPtr source;
  std::shared_ptr<const TablePlan> plan;
  ScanPlan scan;
  TableEstimate estimate;
  uint64_t generation = 0;
  std::string object() const { return source->name.ToString(); }
};

// Between which places in the log a table's copy lies. Kept in the project's settings as
// "copy.<table>"; what it says decides how replay treats the table's changes:
// up to `start` they are dropped, up to `exit` they displace, after it they are exact.
struct CopyBounds {
  uint64_t generation = 0;
  Position start_position;
  Position exit_position;  // empty while the copy runs
  std::optional<Sequence> start;
  std::optional<Sequence> exit;
  uint64_t rows = 0;
  Sequence corrected = 0;  // up to here changes displace, as up to `exit`: rows were read anew

  std::string ToText() const;
  static CopyBounds FromText(const std::string& text);
  static std::string SettingKey(const TableName& table);
  static std::map<TableName, CopyBounds> All(Metadata& metadata, int64_t project);
};

}  // namespace godwit
