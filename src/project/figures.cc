// SPDX-License-Identifier: Apache-2.0
#include "project/figures.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <sstream>

#include "base/error.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

// "<sequence> <count>", on the next line a list of [database, table, inserts, updates, deletes].
constexpr char kTally[] = "changes";

}  // namespace

CopiedFigures CopiedSoFar(Metadata& metadata, int64_t project) {
  CopiedFigures out;
  for (const JournalEntry& entry : metadata.Entries(project, "full")) {
    const json detail = json::parse(entry.detail, nullptr, false);
    if (!detail.is_object()) continue;
    if (entry.status == "done") {
      out.rows += detail.value("rows", uint64_t{0});
      if (!detail.value("dropped", false)) ++out.tables;
      continue;
    }
    if (entry.status != "running") continue;
    for (const ChunkRecord& chunk : metadata.Chunks(project, TableName::FromText(entry.object))) {
      if (chunk.chunk.generation == detail.value("generation", uint64_t{0})) out.rows += chunk.rows;
    }
  }
  return out;
}

ChangeTally::ChangeTally(Metadata& metadata, int64_t project)
    : metadata_(metadata), project_(project) {
  std::istringstream stored(metadata_.Setting(project_, kTally).value_or(""));
  if (!(stored >> through_ >> count_)) through_ = count_ = 0;
  std::string line;
  std::getline(stored, line);
  if (!std::getline(stored, line)) return;
  for (const json& row : json::parse(line)) {
    tables_[{row[0], row[1]}] = {row[2], row[3], row[4]};
  }
}

uint64_t ChangeTally::CountOn(Store& store, Sequence applied) {
  applied = std::min(applied, store.last());
  if (applied <= through_) return count_;
  std::map<uint64_t, ChangeCounts> found;  // by definition
  while (through_ < applied) {
    // What retention has taken before it was counted is not known any more.
    auto transaction = store.Find(++through_);
    if (!transaction) continue;
    count_ += transaction->rows;
    for (const TableChanges& changes : transaction->changes) {
      ChangeCounts& counts = found[changes.schema_version];
      counts.inserts += changes.inserts;
      counts.updates += changes.updates;
      counts.deletes += changes.deletes;
    }
  }
  for (const auto& [version, counts] : found) {
    ChangeCounts& table = tables_[store.Schema(version)->name];
    table.inserts += counts.inserts;
    table.updates += counts.updates;
    table.deletes += counts.deletes;
  }
  Put();
  return count_;
}

void ChangeTally::Reset() {
  through_ = count_ = 0;
  tables_.clear();
  Put();
}

void ChangeTally::Put() {
  json tables = json::array();
  for (const auto& [name, counts] : tables_) {
    tables.push_back({name.database, name.table, counts.inserts, counts.updates, counts.deletes});
  }
  metadata_.PutSetting(project_, kTally,
                       fmt::format("{} {}\n{}", through_, count_,
                                   tables.dump(-1, ' ', false, json::error_handler_t::replace)));
}

std::set<TableName> ChosenTables(Catalog& source, const ObjectRules& rules,
                                 const std::vector<std::string>& patterns) {
  std::set<TableName> chosen;
  if (patterns.empty()) return chosen;
  const std::vector<TableName> tables = SelectObjects(source, rules).tables;
  for (const std::string& pattern : patterns) {
    bool is_known = false;
    for (const TableName& table : tables) {
      const std::string name = table.ToString();
      if (name != pattern && !MatchesPattern(pattern, name)) continue;
      is_known = true;
      chosen.insert(table);
    }
    if (is_known) continue;
    throw Error({.code = "TABLE_NOT_SELECTED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kSource,
                 .object = pattern,
                 .message = fmt::format("the project has no table '{}' to compare", pattern),
                 .cause = "the project's rules select no such table, or the source has none",
                 .remedy = "name a table of the source as database.table, or a pattern of such; "
                           "'godwit project ddl NAME' lists them"});
  }
  return chosen;
}

}  // namespace godwit
