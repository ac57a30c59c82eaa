// SPDX-License-Identifier: Apache-2.0
#include "pipeline/schema_tracker.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace godwit {
namespace {

// New text columns without a charset of their own have the table's.
void InheritCharset(TableSchema& table) {
  for (ColumnSchema& column : table.columns) {
    bool has_labels = column.type.kind == TypeKind::kEnum || column.type.kind == TypeKind::kSet;
    if (!column.charset.empty() || !(column.type.is_text() || has_labels)) continue;
    column.charset = table.charset;
    column.collation = table.collation;
  }
}

bool HasColumnsOf(const TableSchema& a, const TableSchema& b) {
  return std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    [](const ColumnSchema& x, const ColumnSchema& y) {
                      return x.name == y.name && x.type.kind == y.type.kind;
                    });
}

}  // namespace

SchemaTracker::SchemaTracker(Store& store, Catalog& catalog, const ObjectRules& rules)
    : store_(store), catalog_(&catalog), rules_(rules) {}

void SchemaTracker::Load() { TakeUp(store_.LatestSchemas()); }

void SchemaTracker::LoadBefore(uint64_t version) { TakeUp(store_.SchemasBefore(version)); }

void SchemaTracker::TakeUp(const std::vector<SchemaVersion>& versions) {
  current_.clear();
  for (const SchemaVersion& version : versions) {
    if (version.table) current_[version.name] = {version.table, version.version};
  }
}

void SchemaTracker::ReadAll() {
  std::vector<SchemaVersion> versions;
  for (const auto& [name, known] : std::exchange(current_, {})) {
    versions.push_back({store_.NextSchemaVersion(), name, nullptr});
  }
  for (const std::string& database : catalog_->Databases()) {
    if (!rules_.MaySelect(database)) continue;
    for (const CatalogObject& object : catalog_->Objects(database)) {
      if (object.kind != CatalogObject::Kind::kTable || !rules_.Find(object.name)) continue;
      // A table dropped since it was listed is simply not there; its DDL follows in the log.
      if (TableSchemaPtr table = FromSource(object.name)) Put(object.name, table, versions);
    }
  }
  store_.AddSchemas(versions);
}

std::optional<SchemaHistory::Versioned> SchemaTracker::Find(const TableName& name) {
  auto found = current_.find(name);
  if (found == current_.end()) return {};
  return found->second;
}

bool SchemaTracker::Concerns(const SchemaChange& change) const {
  if (change.temporary || change.kind == SchemaChange::Kind::kIrrelevant) return false;
  auto selected = [&](const TableName& name) { return rules_.Find(name).has_value(); };
  switch (change.kind) {
    case SchemaChange::Kind::kDropTable:
    case SchemaChange::Kind::kDropView:
      return std::any_of(change.tables.begin(), change.tables.end(), selected);
    case SchemaChange::Kind::kRenameTable:
      return std::any_of(change.renames.begin(), change.renames.end(), [&](const auto& rename) {
        return selected(rename.first) || selected(rename.second);
      });
    case SchemaChange::Kind::kCreateDatabase:
    case SchemaChange::Kind::kDropDatabase:
    case SchemaChange::Kind::kAlterDatabase:
      return rules_.MaySelect(change.table.database);
    case SchemaChange::Kind::kAlterTable: {
      // A rename's new name, or the table that EXCHANGE PARTITION takes rows from and gives them
      // to.
      auto reaches = [&](const AlterAction& action) {
        return !action.new_table.table.empty() && selected(action.new_table);
      };
      return selected(change.table) ||
             std::any_of(change.actions.begin(), change.actions.end(), reaches);
    }
    case SchemaChange::Kind::kUnknown:
      return change.table.table.empty() ? rules_.MaySelect(change.default_database)
                                        : selected(change.table);
    default:
      return selected(change.table);
  }
}

std::vector<SchemaVersion> SchemaTracker::Apply(const SchemaChange& change) {
  std::vector<SchemaVersion> out;
  switch (change.kind) {
    case SchemaChange::Kind::kCreateTable: {
      if (!rules_.Find(change.table)) break;
      if (change.if_exists && current_.contains(change.table)) break;
      if (change.definition) {
        Put(change.table, Complete(*change.definition, change.table), out);
      } else {
        auto like = change.like_table ? Find(*change.like_table) : std::nullopt;
        if (like) {
          TableSchema copy = *like->table;
          copy.name = change.table;
          copy.foreign_keys.clear();  // LIKE does not copy them
          copy.next_auto_increment = 0;
          Put(change.table, std::make_shared<const TableSchema>(std::move(copy)), out);
        } else {
          Put(change.table, FromSource(change.table), out);
        }
      }
      break;
    }
    case SchemaChange::Kind::kDropTable:
      for (const TableName& name : change.tables) {
        if (current_.contains(name)) Put(name, nullptr, out);
      }
      break;
    case SchemaChange::Kind::kDropDatabase: {
      std::vector<TableName> gone;
      for (const auto& [name, known] : current_) {
        if (name.database == change.table.database) gone.push_back(name);
      }
      for (const TableName& name : gone) Put(name, nullptr, out);
      break;
    }
    case SchemaChange::Kind::kRenameTable:
      for (const auto& [from, to] : change.renames) {
        auto known = Find(from);
        if (known) Put(from, nullptr, out);
        if (!rules_.Find(to)) continue;
        if (known) {
          TableSchema renamed = *known->table;
          renamed.name = to;
          Put(to, std::make_shared<const TableSchema>(std::move(renamed)), out);
        } else {
          Put(to, FromSource(to), out);
        }
      }
      break;
    case SchemaChange::Kind::kAlterTable: {
      auto known = Find(change.table);
      TableName name = change.table;
      for (const AlterAction& action : change.actions) {
        if (action.kind == AlterAction::Kind::kRenameTable) name = action.new_table;
      }
      TableSchemaPtr table;
      if (known) {
        if (auto altered = ApplyActions(*known->table, change.actions)) {
          altered->name = name;
          InheritCharset(*altered);
          table = std::make_shared<const TableSchema>(std::move(*altered));
        }
      }
      if (name != change.table && known) Put(change.table, nullptr, out);
      if (!rules_.Find(name)) break;
      Put(name, table ? table : FromSource(name), out);
      break;
    }
    default:
      break;
  }
  return out;
}

std::vector<TableName> SchemaTracker::tables() const {
  std::vector<TableName> names;
  for (const auto& [name, versioned] : current_) names.push_back(name);
  return names;
}

void SchemaTracker::Put(const TableName& name, TableSchemaPtr table,
                        std::vector<SchemaVersion>& out) {
  uint64_t version = store_.NextSchemaVersion();
  out.push_back({version, name, table});
  if (table) {
    current_[name] = {std::move(table), version};
  } else {
    current_.erase(name);
  }
}

TableSchemaPtr SchemaTracker::FromSource(const TableName& name) {
  std::optional<TableSchema> table = catalog_->Table(name);
  if (!table) return nullptr;
  return std::make_shared<const TableSchema>(std::move(*table));
}

// A CREATE TABLE that leaves the charset to the database's default says nothing of it; the source
// does, as long as the table still looks like that.
TableSchemaPtr SchemaTracker::Complete(TableSchema parsed, const TableName& name) {
  parsed.name = name;
  if (parsed.charset.empty()) {
    if (TableSchemaPtr now = FromSource(name)) {
      if (HasColumnsOf(parsed, *now)) return now;
      parsed.charset = now->charset;
      parsed.collation = now->collation;
    }
  }
  InheritCharset(parsed);
  return std::make_shared<const TableSchema>(std::move(parsed));
}

}  // namespace godwit
