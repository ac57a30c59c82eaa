// SPDX-License-Identifier: Apache-2.0
#include "stage/cascade_groups.h"

#include <map>
#include <numeric>

#include "pipeline/ddl_barrier.h"

namespace godwit {

CopyPlan PlanCopies(const std::vector<TableSchemaPtr>& tables, const CopyTraits& traits) {
  // Union-find over the tables that cascades join.
  std::vector<size_t> root(tables.size());
  std::iota(root.begin(), root.end(), 0);
  auto find = [&](size_t i) {
    while (root[i] != i) i = root[i] = root[root[i]];
    return i;
  };
  std::map<TableName, size_t> index;
  for (size_t i = 0; i < tables.size(); ++i) index[tables[i]->name] = i;
  std::vector<bool> joined(tables.size(), false);
  for (size_t i = 0; traits.follows_changes && !traits.logs_cascades && i < tables.size(); ++i) {
    for (const ForeignKeySchema& key : tables[i]->foreign_keys) {
      auto parent = index.find(key.referenced);
      if (!Cascades(key) || parent == index.end()) continue;
      joined[i] = joined[parent->second] = true;
      root[find(i)] = find(parent->second);
    }
  }
  CopyPlan plan;
  std::map<size_t, std::vector<TableSchemaPtr>> groups;
  for (size_t i = 0; i < tables.size(); ++i) {
    const bool is_partial =
        traits.follows_changes &&
        (!traits.logs_full_images || traits.with_partial_images.contains(tables[i]->name));
    const bool is_keyless = tables[i]->identity_columns().empty();
    if (joined[i]) {
      groups[find(i)].push_back(tables[i]);
    } else if (is_keyless || is_partial) {
      plan.at_snapshot.push_back({tables[i]});
    } else {
      plan.keyed.push_back(tables[i]);
    }
  }
  for (auto& [r, group] : groups) plan.at_snapshot.push_back(std::move(group));
  return plan;
}

std::set<TableName> JoinedByCascades(const std::vector<TableSchemaPtr>& tables,
                                     const TableName& table) {
  std::set<TableName> joined;
  for (size_t before = 0;; before = joined.size()) {
    for (const TableSchemaPtr& child : tables) {
      for (const ForeignKeySchema& key : child->foreign_keys) {
        auto is_in = [&](const TableName& name) { return name == table || joined.contains(name); };
        if (Cascades(key) && (is_in(child->name) || is_in(key.referenced))) {
          joined.insert({child->name, key.referenced});
        }
      }
    }
    if (joined.size() == before) return joined;
  }
}

std::vector<std::pair<TableName, TableName>> MovesOf(const SchemaChange& change) {
  std::vector<std::pair<TableName, TableName>> moves = RenamesOf(change);
  for (const AlterAction& action : change.actions) {
    const bool is_exchange =
        action.kind == AlterAction::Kind::kUnknown && !action.new_table.table.empty();
    if (is_exchange) moves.emplace_back(change.table, action.new_table);
  }
  return moves;
}

std::vector<TableName> TablesOf(const SchemaChange& change) {
  std::vector<TableName> names = change.tables;
  for (const auto& [from, to] : change.renames) {
    names.push_back(from);
    names.push_back(to);
  }
  if (!change.table.table.empty()) names.push_back(change.table);
  for (const AlterAction& action : change.actions) {
    if (!action.new_table.table.empty()) names.push_back(action.new_table);
    if (Cascades(action.foreign_key)) names.push_back(action.foreign_key.referenced);
  }
  if (change.definition) {
    for (const ForeignKeySchema& key : change.definition->foreign_keys) {
      if (Cascades(key)) names.push_back(key.referenced);
    }
  }
  return names;
}

}  // namespace godwit
