// SPDX-License-Identifier: Apache-2.0
// The items about what the rules select and what becomes of it.
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>
#include <set>

#include "model/names.h"
#include "pipeline/table_plan.h"
#include "stage/object_statements.h"
#include "stage/precheck.h"

namespace godwit {

using nlohmann::json;
using Status = CheckResult::Status;

namespace {

ObjectRule Folded(ObjectRule rule) {
  rule.database_pattern = FoldedName(rule.database_pattern);
  rule.table_pattern = FoldedName(rule.table_pattern);
  return rule;
}

}  // namespace

// Names that differ in case only are one where the destination folds them.
TableName PrecheckStage::CheckName(const TableName& name, const TableName& to,
                                   std::map<TableName, TableName>& sources) {
  const TableName folded = link_.destination.dialect().Folded(to);
  auto [known, is_new] = sources.emplace(folded, name);
  if (is_new) return folded;
  CheckResult result = Item("name_unique", Side::kDestination, to);
  result.status = Status::kFail;
  result.message =
      fmt::format("{} and {} both go there", known->second.ToString(), name.ToString());
  const bool is_folded = link_.translator.rules().Find(known->second)->destination != to;
  result.cause = is_folded ? "the destination does not tell names apart that differ in case only "
                             "(lower_case_table_names)"
                           : "two source objects are mapped to one name";
  result.remedy = "give one of them another name (--objects 'db.table=db.other')";
  Add(result);
  return folded;
}

void PrecheckStage::CheckSelection() {
  auto catalog = link_.source.OpenCatalog();
  const SelectionPreview preview = PreviewSelection(*catalog, link_.translator.rules());
  link_.metadata.PutSetting(link_.project, kSelectionSetting,
                            ToJson(preview).dump(-1, ' ', false, json::error_handler_t::replace));
  CheckResult selected = Item("selection", Side::kSource, {});
  if (preview.selected.empty()) {
    selected.status = Status::kFail;
    selected.message = "the rules select nothing";
    selected.cause = "no table or view of the source matches them";
    selected.remedy = "check the names in --objects; the source's databases are: " + [&] {
      std::string names;
      for (const std::string& name : catalog->Databases()) {
        names += (names.empty() ? "" : ", ") + name;
      }
      return names.empty() ? std::string("(none)") : names;
    }();
  } else {
    selected.message = fmt::format("{} tables, {} views", preview.tables(),
                                   preview.selected.size() - preview.tables());
  }
  Add(selected);
  if (!preview.selected.empty()) CheckRules(preview);

  const bool same_server = !link_.source.info().identity.empty() &&
                           link_.source.info().identity == link_.destination.info().identity;
  std::map<TableName, TableName> sources;  // by destination
  for (const SelectionPreview::Selected& object : preview.selected) {
    if (object.is_view) {
      views_.push_back(object);
      CheckName(object.name, object.destination, sources);
      continue;
    }
    const TableName& name = object.name;
    std::optional<TableSchema> table;
    try {
      table = catalog->Table(name);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      CheckResult result = Item("definition", Side::kSource, name);
      result.status = Status::kFail;
      result.message = error.fields().message;
      result.cause = error.fields().cause;
      result.remedy = "exclude the table (--exclude) or report its definition";
      Add(result);
      continue;
    }
    if (!table) continue;  // dropped since it was listed
    Plan(name, [&](json& detail) {
      StatementsOf(link_, *table, DefersIndexes(link_, *catalog, name), detail);
    });
    TranslatedTable translated;
    try {
      translated = link_.translator.Table(*table);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      edited_.emplace_back().name = object.destination;
      AddUnconverted(name, error);
      continue;
    }
    tables_.push_back(std::make_shared<const TableSchema>(*table));
    for (const TranslationNote& note : translated.notes) {
      CheckResult result =
          Item(note.may_clash ? "unique_key_collation" : "conversion", Side::kDestination, {});
      result.object = note.object;
      result.status = note.may_clash || note.loses ? Status::kWarn : Status::kPass;
      result.message = note.text;
      result.cause = "the destination has no exact counterpart";
      result.remedy = "choose another one in the project file ([collations]), or accept it";
      Add(result);
    }
    const TableName& to = translated.table.name;
    const TableName folded = CheckName(name, to, sources);
    if (folded.database == kOwnDatabase || folded.table == kHeartbeatTable) {
      CheckResult result = Item("own_names", Side::kDestination, to);
      result.status = Status::kFail;
      result.message = "the table would stand among Godwit's own";
      result.cause = fmt::format("the database {} and tables called {} are Godwit's", kOwnDatabase,
                                 kHeartbeatTable);
      result.remedy = "map it to another name (--objects 'db.table=db.other')";
      Add(result);
    }
    if (same_server && to == name) {
      CheckResult result = Item("same_table", Side::kNone, name);
      result.status = Status::kFail;
      result.message = "source and destination are the same table";
      result.cause = "both URLs lead to one server and the name is not mapped";
      result.remedy = "map it to another database, or correct the URLs";
      Add(result);
    }
    destinations_.push_back(std::make_shared<const TableSchema>(std::move(translated.table)));
    CheckMapping(tables_.back(), destinations_.back());
  }
  CheckRuleColumns();
}

bool PrecheckStage::IsEdited(const TableName& name) const {
  const StageJournal made(link_.metadata, link_.project, "schema");
  return made.Detail(name.ToString()).contains("edited");
}

void PrecheckStage::Plan(const TableName& name, const std::function<void(json&)>& convert) {
  if (!link_.spec.Has(MigrationType::kSchema)) return;
  StageJournal plan(link_.metadata, link_.project, std::string(kPlanJournal));
  json detail = json::object();
  try {
    convert(detail);
    plan.Put(name.ToString(), "planned", detail);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    plan.PutError(name.ToString(), error, detail);
  }
}

void PrecheckStage::AddUnconverted(const TableName& name, const Error& error) {
  CheckResult result = Item("conversion", Side::kDestination, name);
  result.status = IsEdited(name) ? Status::kPass : Status::kFail;
  result.message = error.fields().message;
  result.cause = error.fields().cause;
  result.remedy =
      "give the statement that makes it (project resolve NAME OBJECT --edit FILE), leave it out "
      "(--exclude), or leave the check out (--skip-check conversion) and answer for the object "
      "when it is to be made";
  Add(std::move(result));
}

// Read, for what shows a definition differs from server to server.
void PrecheckStage::CheckViews() {
  if (views_.empty() || !link_.spec.Has(MigrationType::kSchema)) return;
  auto source = link_.source.OpenCatalog();
  auto destination = link_.destination.OpenCatalog();
  TakenNames here(*source, link_.source.dialect());
  TakenNames there(*destination, link_.destination.dialect());
  std::vector<ViewSchema> definitions;
  std::vector<CheckResult> unread;
  std::vector<CheckResult> open;
  for (const SelectionPreview::Selected& view : views_) {
    try {
      if (auto definition = source->View(view.name)) definitions.push_back(std::move(*definition));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      CheckResult result = Item("view_privilege", Side::kSource, view.name);
      result.status = Status::kFail;
      result.message = error.fields().message;
      result.cause = error.fields().cause;
      result.remedy =
          fmt::format("GRANT SHOW VIEW ON {} to the account, or leave the view out (--exclude)",
                      link_.source.dialect().Quote(view.name));
      unread.push_back(std::move(result));
    }
  }
  for (const ViewSchema& view : definitions) {
    Plan(view.name, [&](json& detail) { StatementsOf(link_, view, detail); });
    try {
      link_.translator.View(view);
    } catch (const Error& error) {
      AddUnconverted(view.name, error);
    }
    for (const TableName& name : MissingFor(view, here, there)) {
      CheckResult result = Item("view_closure", Side::kSource, view.name);
      result.status = Status::kFail;
      result.message = fmt::format(
          "it reads from {}, which is not selected and not at the destination", name.ToString());
      result.cause = "the destination cannot make the view without it";
      result.remedy = "select it too, make it there, or leave the view out (--exclude)";
      open.push_back(std::move(result));
    }
  }
  auto add = [&](std::vector<CheckResult> found, const char* item, const char* when_quiet) {
    if (found.empty()) {
      found.push_back(Item(item, Side::kSource, {}));
      found.back().message = when_quiet;
    }
    for (CheckResult& result : found) Add(std::move(result));
  };
  add(std::move(unread), "view_privilege", "every view's definition can be read");
  add(std::move(open), "view_closure", "every view finds there what it reads from");
}

std::set<TableName> PrecheckStage::MissingFor(const ViewSchema& view, TakenNames& here,
                                              TakenNames& there) const {
  std::set<TableName> missing;
  auto look = [&](const TableName& name) {
    const bool is_carried = link_.translator.rules().Find(name).has_value();
    if (!is_carried && here.Has(name) && !there.Has(name)) missing.insert(name);
    return name;
  };
  link_.source.dialect().MapTableNames(view.select, view.name.database, look);
  return missing;
}

// The rules' columns and filter, before anything runs by them.
void PrecheckStage::CheckMapping(const TableSchemaPtr& source, const TableSchemaPtr& destination) {
  auto mapping = link_.translator.rules().Find(source->name);
  try {
    TablePlan::Make(source, destination, *mapping);
  } catch (const Error& error) {
    CheckResult result = Item("mapping", Side::kSource, source->name);
    result.status = Status::kFail;
    result.message = fmt::format("{}: {}", error.code(), error.fields().message);
    result.cause = error.fields().cause;
    result.remedy = error.fields().remedy;
    Add(result);
  }
}

// A misspelled one would leave its objects to another rule, or leave in what it excludes. That it
// is misspelled is certain where an object in another case would have another fate by it.
void PrecheckStage::CheckRules(const SelectionPreview& preview) {
  std::vector<TableName> selected, left_out;
  for (const auto& object : preview.selected) selected.push_back(object.name);
  for (const auto& object : preview.left_out) {
    left_out.push_back(TableName::FromText(object.object));
  }
  auto find = [](const std::vector<TableName>& names, auto matches) {
    const auto found = std::find_if(names.begin(), names.end(), matches);
    return found == names.end() ? nullptr : &*found;
  };
  auto check = [&](const ObjectRule& rule, bool excludes) {
    auto matches = [&](const TableName& name) { return rule.Matches(name); };
    if (find(selected, matches) || find(left_out, matches)) return;
    auto matches_folded = [folded = Folded(rule)](const TableName& name) {
      return folded.Matches({FoldedName(name.database), FoldedName(name.table)});
    };
    const TableName* other = nullptr;
    // Of a set of letters the case is meant.
    const bool has_set = rule.text.find('[') != std::string::npos;
    if (!has_set && (excludes || !rule.is_pattern_only())) other = find(selected, matches_folded);
    if (!has_set && !excludes && other == nullptr) other = find(left_out, matches_folded);
    CheckResult result = Item("rule", Side::kSource, {});
    result.object = rule.text;
    result.status = other == nullptr ? Status::kWarn : Status::kFail;
    result.message = "no table or view of the source matches this rule";
    result.cause = other == nullptr
                       ? "it is misspelled, or of something that is not there yet or that the "
                         "account may not see"
                       : fmt::format("{} is written in another case", other->ToString());
    result.remedy = "correct or remove the rule; --skip-check rule if it is meant for later";
    Add(result);
  };
  for (const ObjectRule& rule : link_.translator.rules().include()) check(rule, false);
  for (const ObjectRule& rule : link_.translator.rules().exclude()) check(rule, true);
}

// A misspelled column would be carried, or left behind, without a word.
void PrecheckStage::CheckRuleColumns() {
  for (const ObjectRule& rule : link_.translator.rules().include()) {
    std::vector<std::string> named = rule.columns;
    named.insert(named.end(), rule.excluded_columns.begin(), rule.excluded_columns.end());
    for (const auto& [from, to] : rule.column_names) named.push_back(from);
    bool has_tables = false;
    for (const TableSchemaPtr& table : tables_) {
      if (!MatchesPattern(rule.database_pattern, table->name.database) ||
          !MatchesPattern(rule.table_pattern, table->name.table)) {
        continue;
      }
      has_tables = true;
      std::erase_if(named, [&](const std::string& name) { return table->FindColumn(name) >= 0; });
    }
    if (!has_tables) continue;
    for (const std::string& name : named) {
      CheckResult result = Item("mapping", Side::kSource, {});
      result.object = rule.text;
      result.status = Status::kFail;
      result.message = fmt::format("the rule names a column {}, which no table of it has", name);
      result.cause = "the name is misspelled, or the column is gone";
      result.remedy = "correct the rule in the project file";
      Add(result);
    }
  }
}

}  // namespace godwit
