// SPDX-License-Identifier: Apache-2.0
#include "pipeline/replay_tables.h"

#include <xxhash.h>

#include <algorithm>
#include <deque>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace godwit {

using nlohmann::json;

namespace {

// The same for both ends of a foreign key, and for all children of one parent key.
uint64_t ParentKeyId(const TableName& parent, const std::vector<std::string>& columns) {
  std::string text = parent.ToString();
  for (const std::string& column : columns) text += "\n" + column;
  return XXH3_64bits_withSeed(text.data(), text.size(), 2);
}

}  // namespace

std::optional<TableName> OtherOfTheirDestinations(const Link& link,
                                                  const std::vector<TableName>& names) {
  const ObjectRules& rules = link.translator.rules();
  const Dialect& there = link.destination.dialect();
  std::set<TableName> destinations;
  for (const TableName& name : names) {
    if (auto mapping = rules.Find(name)) destinations.insert(there.Folded(mapping->destination));
  }
  for (const SchemaVersion& known : link.store.LatestSchemas()) {
    if (!known.table || std::find(names.begin(), names.end(), known.name) != names.end()) continue;
    auto mapping = rules.Find(known.name);
    if (!mapping || !destinations.contains(there.Folded(mapping->destination))) continue;
    const auto made = link.metadata.Entry(link.project, "schema", known.name.ToString());
    if (!made || !IsLeftOutOfShared(*made)) return known.name;  // else its rows are not there
  }
  return {};
}

bool IsLeftOutOfShared(const JournalEntry& entry) {
  const json detail = json::parse(entry.detail, nullptr, false);
  return entry.status == "skipped" && detail.is_object() && detail.value(kSharedDestination, false);
}

ReplayTables::ReplayTables(Link& link) : link_(link) { Refresh(); }

void ReplayTables::Refresh() {
  tables_.clear();
  catalog_.reset();
  bounds_ = CopyBounds::All(link_.metadata, link_.project);
}

bool ReplayTables::IsCopied(const TableName& source, Sequence sequence) const {
  auto bounds = bounds_.find(source);
  return bounds != bounds_.end() && sequence <= bounds->second.start.value_or(0);
}

bool ReplayTables::HoldsCopy(const std::string& database, Sequence sequence) const {
  return std::any_of(bounds_.begin(), bounds_.end(), [&](const auto& entry) {
    return entry.first.database == database && sequence <= entry.second.start.value_or(0);
  });
}

ApplyMode ReplayTables::Mode(const TableName& source, Sequence sequence) const {
  auto bounds = bounds_.find(source);
  bool is_before_exit =
      bounds != bounds_.end() &&
      sequence <= std::max(bounds->second.exit.value_or(0), bounds->second.corrected);
  return is_before_exit ? ApplyMode::kDisplace : ApplyMode::kExact;
}

std::shared_ptr<const ReplayTable> ReplayTables::Find(const RowsChange& change) {
  const std::pair<TableName, uint64_t> key{change.table->name, change.schema_version};
  auto known = tables_.find(key);
  if (known != tables_.end()) return known->second;
  auto mapping = link_.translator.rules().Find(change.table->name);
  std::shared_ptr<const ReplayTable> table;
  if (mapping) {
    try {
      table = Make(change, *mapping);
    } catch (const Error&) {
      catalog_.reset();  // its connection may be broken
      throw;
    }
  }
  tables_[key] = table;
  return table;
}

std::shared_ptr<const ReplayTable> ReplayTables::Make(const RowsChange& change,
                                                      const TableMapping& mapping) {
  if (!catalog_) catalog_ = link_.destination.OpenCatalog();
  std::optional<TableSchema> there = catalog_->Table(mapping.destination);
  const TableName& name = change.table->name;
  if (const auto entry = link_.metadata.Entry(link_.project, "schema", name.ToString());
      entry && entry->status == "skipped" && (!there || IsLeftOutOfShared(*entry))) {
    return nullptr;
  }
  if (!there) {
    throw Error({.code = "PLAN_TABLE_MISSING",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = mapping.destination.ToString(),
                 .message = "changes are to be applied to a table that does not exist",
                 .cause = "it was dropped or renamed at the destination",
                 .remedy = "create it there as it was, then retry; or skip its changes"});
  }
  LiveKeys live = FindLiveKeys(*there);
  auto table = std::make_shared<ReplayTable>();
  table->plan = TablePlan::Make(change.table, std::make_shared<const TableSchema>(*there), mapping);
  table->conflicts = std::make_unique<ConflictPlan>(*table->plan, live.component, live.keys);
  table->has_live_foreign_keys = live.component != 0;
  return table;
}

// Walks every foreign key from the table, in both directions. Where one of them cascades and the
// source does not log that, all keys of these tables are live: a server checks either all or none
// of a statement's.
ReplayTables::LiveKeys ReplayTables::FindLiveKeys(const TableSchema& table) {
  LiveKeys out;
  if (link_.logs_cascades) return out;
  bool cascades = false;
  std::set<TableName> seen{table.name};
  std::deque<TableName> open{table.name};
  auto visit = [&](const TableName& name, const ForeignKeySchema& key) {
    cascades = cascades || Cascades(key);
    if (seen.insert(name).second) open.push_back(name);
  };
  while (!open.empty()) {
    TableName name = open.front();
    open.pop_front();
    std::optional<TableSchema> here = name == table.name ? table : catalog_->Table(name);
    if (!here) continue;
    for (const ForeignKeySchema& key : here->foreign_keys) visit(key.referenced, key);
    for (const auto& [child, key] : catalog_->ChildrenOf(name)) visit(child, key);
  }
  if (!cascades) return out;
  const std::string first = seen.begin()->ToString();
  out.component = XXH3_64bits_withSeed(first.data(), first.size(), 3);
  for (const ForeignKeySchema& key : table.foreign_keys) {
    out.keys.push_back({ParentKeyId(key.referenced, key.referenced_columns), key.columns, false});
  }
  for (const auto& [child, key] : catalog_->ChildrenOf(table.name)) {
    out.keys.push_back(
        {ParentKeyId(table.name, key.referenced_columns), key.referenced_columns, true});
  }
  return out;
}

void ReplayTables::DisplaceUpTo(const TableName& source, Sequence exit) {
  CopyBounds& bounds = bounds_[source];
  if (std::max(bounds.exit.value_or(0), bounds.corrected) >= exit) return;
  bounds.corrected = exit;
  link_.metadata.PutSetting(link_.project, CopyBounds::SettingKey(source), bounds.ToText());
}

}  // namespace godwit
