// SPDX-License-Identifier: Apache-2.0
#include "stage/precheck.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "model/names.h"
#include "pipeline/table_plan.h"
#include "pipeline/table_plan_losses.h"
#include "stage/cascade_groups.h"
#include "stage/schema.h"
#include "translate/unlogged_cascades.h"

namespace godwit {

using nlohmann::json;
using Status = CheckResult::Status;

namespace {

constexpr int kMeasureSeconds = 20;
constexpr int kAttempts = 3;

// Of the connectors' checks too: an item that has nothing to say is not told of, so that a run does
// not show whether there is one of some name.
constexpr std::string_view kItems =
    "binlog_filter, binlog_format, binlog_order_commits, binlog_row_image, cascade_closure, "
    "charset, clock, column_type, column_types, connection, conversion, data_disk, "
    "database_privilege, definition, destination_table, engine, foreign_key_closure, gtid_mode, "
    "heartbeat, key, log_bin, log_disk, log_replica_updates, log_retention, "
    "lower_case_table_names, mapping, max_allowed_packet, memory_pressure, name_unique, own_names, "
    "read_only, read_privilege, reload, replication_client, replication_slave, same_table, "
    "rule, selection, server_id, sql_mode, time_zone, trigger, unique_key_clash, "
    "unique_key_collation, "
    "version, view_closure, view_privilege, write_privilege";

std::string_view Word(Status status) {
  switch (status) {
    case Status::kPass:
      return "pass";
    case Status::kWarn:
      return "warn";
    case Status::kFail:
      return "fail";
  }
  return "fail";
}

}  // namespace

PrecheckStage::PrecheckStage(Link& link, Options options)
    : link_(link), options_(options), journal_(link.metadata, link.project, "precheck") {
  progress_.unit = "items";
}

CheckResult PrecheckStage::Item(std::string item, Side side, const TableName& table) const {
  CheckResult result;
  result.item = std::move(item);
  result.side = side;
  if (!table.table.empty()) result.object = table.ToString();
  return result;
}

void PrecheckStage::Look(const std::string& item, Side side, const TableName& object,
                         const std::function<void()>& look) {
  try {
    look();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    const ErrorFields& fields = error.fields();
    CheckResult result = Item(item, side, object);
    result.status = Status::kFail;
    result.message = fmt::format("{}: {}", fields.code, fields.message);
    result.cause = fields.cause;
    result.remedy = fields.remedy.empty() ? "leave it out (--exclude)" : fields.remedy;
    Add(std::move(result));
  }
}

bool PrecheckStage::IsSkipped(const std::string& item) const {
  const auto& skipped = link_.spec.skipped_checks;
  return std::find(skipped.begin(), skipped.end(), item) != skipped.end();
}

std::vector<std::string> PrecheckStage::warnings() const {
  std::vector<std::string> out;
  for (const CheckResult& result : results_) {
    if (result.status != Status::kWarn || IsSkipped(result.item)) continue;
    out.push_back(fmt::format("{}{}{}: {}", result.item, result.object.empty() ? "" : " ",
                              result.object, result.message));
  }
  return out;
}

// A table that was dropped or renamed while it was looked at is nobody's fault.
void PrecheckStage::Run(std::stop_token stop) {
  for (int attempt = 1;; ++attempt) {
    CheckAll(stop);
    if (attempt == kAttempts || !FailsForLost()) break;
  }
  Record();
}

void PrecheckStage::CheckAll(std::stop_token stop) {
  results_.clear();
  tables_.clear();
  destinations_.clear();
  edited_.clear();
  views_.clear();
  link_.metadata.RemoveEntries(link_.project, "precheck");
  link_.metadata.RemoveEntries(link_.project, std::string(kPlanJournal));
  link_.metadata.PutSetting(link_.project, kSelectionSetting, "");
  CheckSelection();
  CheckViews();
  CheckServer(link_.source, Side::kSource);
  CheckHeartbeat();
  CheckServer(link_.destination, Side::kDestination);
  CheckDestinationObjects();
  CheckForeignKeys();
  if (options_.writes) CheckUniqueKeys(stop);
}

bool PrecheckStage::FailsForLost() {
  std::set<std::string> failed;
  for (const CheckResult& result : results_) {
    if (result.status == Status::kFail) failed.insert(result.object);
  }
  auto catalog = link_.source.OpenCatalog();
  return std::any_of(tables_.begin(), tables_.end(), [&](const TableSchemaPtr& table) {
    return failed.contains(table->name.ToString()) && !catalog->Table(table->name);
  });
}

void PrecheckStage::Record() {
  std::map<std::string, int> times;
  int failed = 0;
  std::string first;
  for (const CheckResult& result : results_) {
    std::string object = result.item;
    if (result.side != Side::kNone) object += fmt::format("@{}", ToString(result.side));
    if (!result.object.empty()) object += " " + result.object;
    if (int n = ++times[object]; n > 1) object += fmt::format(" #{}", n);
    bool is_skipped = result.status != Status::kPass && IsSkipped(result.item);
    journal_.Put(object, is_skipped ? "skipped" : Word(result.status),
                 {{"item", result.item},
                  {"side", ToString(result.side)},
                  {"object", result.object},
                  {"status", Word(result.status)},
                  {"message", result.message},
                  {"cause", result.cause},
                  {"remedy", result.remedy}});
    if (result.status == Status::kFail && !is_skipped) {
      ++failed;
      if (first.empty()) {
        first = fmt::format("{}{}{}: {}; cause: {}; remedy: {}", result.item,
                            result.object.empty() ? "" : " ", result.object, result.message,
                            result.cause, result.remedy);
      }
    }
  }
  progress_.total.Set(static_cast<int64_t>(results_.size()));
  progress_.done.Set(static_cast<int64_t>(results_.size()) - failed);
  if (failed == 0) return;
  throw Error(
      {.code = "PRECHECK_FAILED",
       .kind = ErrorKind::kBlocked,
       .message = fmt::format("{} of {} items failed; first: {}", failed, results_.size(), first),
       .cause = "each item has its own cause",
       .remedy = "mend what the items name, or leave one out by --skip-check ITEM"});
}

// Tried: what the row needs depends on whether its table is there.
void PrecheckStage::CheckHeartbeat() {
  const std::string& database = link_.spec.heartbeat_database;
  if (database.empty() || !link_.spec.Has(MigrationType::kIncremental)) return;
  CheckResult result = Item("heartbeat", Side::kSource, {});
  result.object = database;
  result.message = "the heartbeat row can be written";
  try {
    if (auto watch = link_.source.OpenSourceWatch()) watch->Beat(database, link_.name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    result.status = Status::kFail;
    result.message = error.fields().message;
    result.cause = "the account may not write godwit_heartbeat in that database of the source";
    result.remedy =
        "GRANT CREATE, SELECT, INSERT, UPDATE ON it to the account, or leave heartbeat out";
  }
  Add(std::move(result));
}

void PrecheckStage::MeasureRows(CheckRequest& request) {
  const auto deadline = Deadline::In(std::chrono::seconds(kMeasureSeconds));
  for (const TableSchemaPtr& table : tables_) {
    const bool is_late = deadline.has_passed();
    const uint64_t largest = is_late ? 0 : link_.source.LargestRow(table, kMeasureSeconds);
    if (largest == 0) ++request.unmeasured_tables;
    request.largest_source_row = std::max(request.largest_source_row, largest);
  }
}

void PrecheckStage::CheckServer(Endpoint& endpoint, Side side) {
  CheckRequest request;
  request.side = side;
  request.tables = side == Side::kSource ? tables_ : destinations_;
  std::set<std::string> databases;
  for (const TableSchemaPtr& table : request.tables) databases.insert(table->name.database);
  for (const TableSchemaPtr& table : tables_) {
    auto mapping = link_.translator.rules().Find(table->name);
    if (mapping && !mapping->where.empty()) request.filtered.insert(table->name);
  }
  request.captures = link_.spec.Has(MigrationType::kIncremental);
  request.may_mark = side == Side::kSource && !link_.spec.heartbeat_database.empty();
  request.writes = side == Side::kDestination && options_.writes;
  if (request.writes) MeasureRows(request);
  request.creates = request.writes && link_.spec.Has(MigrationType::kSchema);
  if (request.creates) {
    for (const SelectionPreview::Selected& view : views_) {
      request.view_databases.insert(view.destination.database);
      databases.insert(view.destination.database);
    }
  }
  request.databases.assign(databases.begin(), databases.end());
  for (CheckResult& result : endpoint.Check(request)) {
    if (result.side == Side::kNone) result.side = side;
    Add(std::move(result));
  }
}

void PrecheckStage::CheckDestinationObjects() {
  auto catalog = link_.destination.OpenCatalog();
  TakenNames taken(*catalog, link_.destination.dialect());
  for (const TableSchemaPtr& table : destinations_) {
    Look("destination_table", Side::kDestination, table->name,
         [&] { CheckDestinationTable(*catalog, taken, *table); });
  }
  for (const TableSchema& table : edited_) {
    Look("destination_table", Side::kDestination, table.name,
         [&] { CheckDestinationTable(*catalog, taken, table); });
  }
  if (!link_.spec.Has(MigrationType::kSchema)) return;
  for (const SelectionPreview::Selected& view : views_) {
    Look("destination_table", Side::kDestination, view.destination,
         [&] { CheckDestinationView(taken, view); });
  }
}

void PrecheckStage::CheckDestinationTable(Catalog& catalog, TakenNames& taken,
                                          const TableSchema& table) {
  const bool creates = link_.spec.Has(MigrationType::kSchema);
  const bool copies = link_.spec.Has(MigrationType::kFull);
  CheckResult result = Item("destination_table", Side::kDestination, table.name);
  const std::optional<TableSchema> existing = catalog.Table(table.name);
  if (!existing) {
    if (!creates) return AddMissing(std::move(result));
    if (!taken.Has(table.name)) return;
    result.status = Status::kFail;
    result.message = "something else than a table has this name";
    result.cause = "a view is in the place where the table is to be made";
    result.remedy = "rename or drop it, or map the source's table to another name";
    return Add(std::move(result));
  }
  if (copies && HasRows(link_.destination, *existing)) {
    result.status = Status::kFail;
    result.message = "the table exists and has rows";
    result.cause = "full migration copies into empty tables only";
    result.remedy =
        "empty or drop it, map the source to another name, or leave full out of --types";
    return Add(std::move(result));
  }
  CheckLiveKeys(catalog, *existing, table);
  std::vector<LossyColumn> losses;
  if (copies || link_.spec.Has(MigrationType::kIncremental)) {
    losses = FindLossyColumns(table, *existing, {});
  }
  auto missing = std::find_if(
      table.columns.begin(), table.columns.end(),
      [&](const ColumnSchema& column) { return existing->FindColumn(column.name) < 0; });
  if (missing != table.columns.end()) {
    result.status = Status::kFail;
    result.message = fmt::format("the table exists without the column {}", missing->name);
    result.cause = "it was made by something else, or is of another version";
    result.remedy = "drop it so that Godwit makes it, or add the column";
  } else if (!losses.empty()) {
    result.status = Status::kFail;
    result.message = "the table exists with coarser columns:";
    for (const LossyColumn& column : losses) {
      result.message += fmt::format(" {}: {};", column.name, column.loss);
    }
    result.message.pop_back();
    result.cause = "values would be changed without a word";
    result.remedy =
        "drop it so that Godwit makes it, give the columns the source's types, or leave "
        "them out (exclude_columns)";
  } else {
    result.status = creates ? Status::kWarn : Status::kPass;
    result.message = copies ? "the table exists and is empty; it is used as it is"
                            : "the table exists; it is used as it is";
    result.cause = "it was made before";
    result.remedy = "drop it if Godwit is to make it";
  }
  Add(std::move(result));
}

// Where the source does not log what a key does to its child's rows, the destination's key has to
// do it, and no other. A stage makes those that are missing, unless another has the name.
void PrecheckStage::CheckLiveKeys(Catalog& catalog, const TableSchema& existing,
                                  const TableSchema& table) {
  if (!link_.spec.Has(MigrationType::kIncremental) || link_.logs_cascades) return;
  const bool makes_keys =
      link_.spec.Has(MigrationType::kSchema) || link_.spec.Has(MigrationType::kFull);
  const Dialect& there = link_.destination.dialect();
  auto action = [](const std::string& word) {
    return word == "CASCADE" || word == "SET NULL" ? word : std::string();
  };
  auto is_same = [&](const ForeignKeySchema& one, const ForeignKeySchema& other) {
    return std::ranges::equal(other.columns, one.columns, EqualNames) &&
           std::ranges::equal(other.referenced_columns, one.referenced_columns, EqualNames) &&
           there.FoldTableName(other.referenced.table) ==
               there.FoldTableName(one.referenced.table) &&
           action(other.on_delete) == action(one.on_delete) &&
           action(other.on_update) == action(one.on_update);
  };
  for (const ForeignKeySchema& key : table.foreign_keys) {
    if (!Cascades(key)) continue;
    bool has_name = false;
    const bool has_key = std::any_of(existing.foreign_keys.begin(), existing.foreign_keys.end(),
                                     [&](const auto& other) {
                                       has_name = has_name || EqualNames(other.name, key.name);
                                       return is_same(other, key);
                                     });
    if (has_key || (makes_keys && !has_name)) continue;
    CheckResult result = Item("cascade_closure", Side::kDestination, table.name);
    result.status = Status::kFail;
    result.message =
        fmt::format("the table exists without the foreign key {} as the source has it", key.name);
    result.cause = "the source does not log what this key does to rows, and nothing here does it";
    result.remedy = "add the key with the source's columns and actions";
    Add(std::move(result));
  }
  auto refuse = [&](const TableName& child, const ForeignKeySchema& key) {
    CheckResult result = Item("cascade_closure", Side::kDestination, child);
    result.status = Status::kFail;
    result.message = fmt::format("the foreign key {} changes rows by itself", key.name);
    result.cause = "the source has no such key: its rows stay where those here would go";
    result.remedy = "drop the key, or make it without CASCADE, SET NULL and SET DEFAULT";
    Add(std::move(result));
  };
  for (const ForeignKeySchema& key : existing.foreign_keys) {
    const bool is_sources = std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(),
                                        [&](const auto& other) { return is_same(other, key); });
    if (Cascades(key) && !is_sources) refuse(table.name, key);
  }
  for (const auto& [child, key] : catalog.ChildrenOf(existing.name)) {
    const bool is_ours = std::any_of(
        destinations_.begin(), destinations_.end(),
        [&](const auto& other) { return there.Folded(other->name) == there.Folded(child); });
    if (Cascades(key) && !is_ours) refuse(child, key);
  }
}

// A comparison alone goes on: it has a verdict of its own for such a table.
void PrecheckStage::AddMissing(CheckResult result) {
  const bool only_compares =
      !link_.spec.Has(MigrationType::kFull) && !link_.spec.Has(MigrationType::kIncremental);
  result.status = only_compares ? Status::kWarn : Status::kFail;
  result.message = "the table does not exist";
  if (only_compares) {
    result.cause = "nothing has made it, or it has another name there";
    result.remedy =
        "create it, map it (--objects 'db.table=db.other') or leave it out (--exclude); else it "
        "counts as a difference";
  } else {
    result.cause = "schema migration is not among the chosen types";
    result.remedy = "add schema to --types, or create the table";
  }
  Add(std::move(result));
}

void PrecheckStage::CheckDestinationView(TakenNames& taken,
                                         const SelectionPreview::Selected& view) {
  if (!taken.Has(view.destination)) return;
  const json made =
      StageJournal(link_.metadata, link_.project, "schema").Detail(view.name.ToString());
  if (made.value("ours", false) || made.value("kept", false)) return;
  CheckResult result = Item("destination_table", Side::kDestination, view.destination);
  result.status = Status::kFail;
  result.message = "a table or view of this name exists";
  result.cause = "it was not made by this project, and the source's view would take its place";
  result.remedy =
      "rename or drop it, map the source's view to another name, or leave the view out (--exclude)";
  Add(std::move(result));
}

void PrecheckStage::CheckForeignKeys() {
  const ObjectRules& rules = link_.translator.rules();
  const bool needs_cascades = link_.spec.Has(MigrationType::kIncremental) && !link_.logs_cascades;
  for (const TableSchemaPtr& table : tables_) {
    for (const ForeignKeySchema& key : table->foreign_keys) {
      if (!rules.Find(key.referenced)) {
        CheckResult result = Item("foreign_key_closure", Side::kSource, table->name);
        result.status = Status::kWarn;
        result.message = fmt::format("foreign key {} refers to {}, which is not selected", key.name,
                                     key.referenced.ToString());
        result.cause = "the destination cannot have this key";
        result.remedy = "select the parent too, or accept that the key is left out";
        Add(std::move(result));
      }
      if (!needs_cascades) continue;
      const std::string why = WhyCascadeDiffers(table->name, table->columns, key, rules);
      if (why.empty()) continue;
      CheckResult result = Item("cascade_closure", Side::kSource, table->name);
      result.status = Status::kFail;
      result.message = fmt::format("foreign key {} {}", key.name, why);
      result.cause =
          "the source does not log what the key does to this table's rows, and the destination's "
          "would do something else";
      result.remedy =
          "select the parent whole, with the key's columns, and no filter over them; or leave this "
          "table out";
      Add(std::move(result));
    }
  }
}

// Values that are equal under the destination's collation but not under the source's would clash.
// What the translation says about collations of unique keys has told where to look.
void PrecheckStage::CheckUniqueKeys(std::stop_token stop) {
  for (size_t i = 0; i < tables_.size(); ++i) {
    if (stop.stop_requested()) throw Stopped();
    const TableSchema& from = *tables_[i];
    auto translated =
        std::find_if(destinations_.begin(), destinations_.end(), [&](const TableSchemaPtr& table) {
          return table->name == link_.translator.rules().Find(from.name)->destination;
        });
    if (translated == destinations_.end()) continue;
    Look("unique_key_clash", Side::kSource, from.name, [&] {
      for (UniqueClash& clash : link_.source.FindUniqueClashes(tables_[i], *translated)) {
        CheckResult result = Item("unique_key_clash", Side::kSource, from.name);
        result.status = Status::kFail;
        result.message = fmt::format(
            "unique key {}: {} groups of rows would be equal at the "
            "destination, e.g. {}",
            clash.index, clash.groups, clash.example);
        result.cause = "the destination's collation tells fewer texts apart";
        result.remedy = "map the collation to a binary one ([collations]), or change these rows";
        Add(result);
      }
    });
  }
}

void RequireItems(const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const bool is_known =
        name.find(',') == std::string::npos &&
        fmt::format(", {},", kItems).find(fmt::format(", {},", name)) != std::string::npos;
    if (is_known) continue;
    throw Error({.code = "ITEM_UNKNOWN",
                 .kind = ErrorKind::kBlocked,
                 .object = name,
                 .message = fmt::format("'{}' is none of precheck's items: {}", name, kItems),
                 .cause = "precheck has no item of this name",
                 .remedy = "correct the name in --skip-check or skip_checks"});
  }
}

}  // namespace godwit
