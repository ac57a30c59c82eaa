// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <vector>

#include "endpoint/catalog.h"
#include "model/object_rules.h"

namespace godwit {

struct Selection {
  std::vector<TableName> tables;
  std::vector<TableName> views;
};

// The objects of a server that the rules select, sorted by name. Views are selected by the same
// patterns as tables.
Selection SelectObjects(Catalog& catalog, const ObjectRules& rules);

// What the rules make of all that a server has, for people to look at before anything runs.
struct SelectionPreview {
  struct Selected {
    TableName name;
    TableName destination;
    bool is_view = false;
    uint64_t rows = 0;  // the server's estimate
  };
  struct LeftOut {
    std::string object;  // "db.table"; "db.*" for a database that no rule speaks of
    std::string reason;  // "no rule", "excluded", "temporary", "unsupported: TYPE", "Godwit's own"
  };
  std::vector<Selected> selected;  // by name
  std::vector<LeftOut> left_out;

  uint64_t tables() const;
  uint64_t rows() const;
};
SelectionPreview PreviewSelection(Catalog& catalog, const ObjectRules& rules);

nlohmann::json ToJson(const SelectionPreview& preview);
SelectionPreview SelectionFromJson(const nlohmann::json& j);

// The setting that keeps the preview of the last precheck, as JSON.
inline constexpr char kSelectionSetting[] = "selection";

}  // namespace godwit
