// SPDX-License-Identifier: Apache-2.0
#include "pipeline/schema_tracker.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "model/expression_names.h"
#include "model/names.h"

namespace godwit {
namespace {

// Databases' defaults are stored beside the tables, as definitions in Godwit's own database, which
// no rule selects.
TableName DefaultsName(const std::string& database) {
  return {std::string(kOwnDatabase), database};
}

// Stands for all databases: where it is stored, one without defaults was not there.
constexpr const char* kEveryDatabase = "";

// Text that says no charset of its own.
bool IsOpenText(const ColumnSchema& column) {
  const bool has_labels = column.type.kind == TypeKind::kEnum || column.type.kind == TypeKind::kSet;
  return column.charset.empty() && (column.type.is_text() || has_labels);
}

// New text columns without a charset of their own have the table's.
void InheritCharset(TableSchema& table) {
  for (ColumnSchema& column : table.columns) {
    if (IsOpenText(column)) column.InheritCharset(table.charset, table.collation);
  }
}

// The table under another name: what the server has named after the table follows it.
TableSchema Renamed(const TableSchema& table, const TableName& to) {
  AlterAction rename;
  rename.kind = AlterAction::Kind::kRenameTable;
  rename.new_table = to;
  auto altered = AlterTable(table, {rename});
  GODWIT_CHECK(altered.has_value(), "any table can be renamed");
  return std::move(altered->table);
}

// What cells are decoded by. How long a TEXT may be does not matter there.
bool HoldSameCells(const ColumnSchema& a, const ColumnSchema& b) {
  const bool are_texts = a.type.kind == TypeKind::kText && b.type.kind == TypeKind::kText;
  return a.name == b.name && (are_texts || a.type == b.type) && a.charset == b.charset &&
         a.nullable == b.nullable && a.generated == b.generated &&
         a.default_value.has_value() == b.default_value.has_value();
}

// Whether rows are decoded, found and told apart by either in the same way.
bool HoldSameRows(const TableSchema& a, const TableSchema& b) {
  auto has = [](const TableSchema& table, const IndexSchema& index) {
    return std::any_of(table.indexes.begin(), table.indexes.end(), [&](const IndexSchema& other) {
      return other.kind == index.kind && other.parts == index.parts;
    });
  };
  const bool inherit_alike = a.charset.empty() || b.charset.empty() || a.charset == b.charset;
  return inherit_alike && a.indexes.size() == b.indexes.size() &&
         std::all_of(a.indexes.begin(), a.indexes.end(),
                     [&](const IndexSchema& index) { return has(b, index); }) &&
         std::equal(a.columns.begin(), a.columns.end(), b.columns.begin(), b.columns.end(),
                    HoldSameCells);
}

// Of a column, by the actions of one statement.
std::string NameAfter(const std::vector<AlterAction>& actions, const std::string& column) {
  for (const AlterAction& action : actions) {
    if (!EqualNames(action.name, column)) continue;
    if (action.kind == AlterAction::Kind::kRenameColumn) return action.new_name;
    if (action.kind == AlterAction::Kind::kModifyColumn) return action.column.name;
  }
  return column;
}

bool IsUnknown(const TableSchema& table) { return table.columns.empty(); }

// Whether values of the one are the same values, in the same order, in the other.
bool KeepsValues(const ColumnSchema& from, const ColumnSchema& to) {
  if (from.charset != to.charset || from.collation != to.collation) return false;
  if (from.nullable && !to.nullable)
    return false;  // a session that is not strict has a value for NULL
  if (from.generated != to.generated || from.generation_expression != to.generation_expression) {
    return false;
  }
  LogicalType wider = from.type;
  const bool may_widen =
      from.type.kind == TypeKind::kInteger || from.type.is_text() || from.type.is_bytes();
  if (may_widen && to.type.length >= from.type.length) wider.length = to.type.length;
  if (may_widen && to.type.bits >= from.type.bits) wider.bits = to.type.bits;
  return wider == to.type;
}

// `before`: the column of this name, if there is one.
bool ChangesValues(const AlterAction& action, const std::string& column,
                   const ColumnSchema* before) {
  switch (action.kind) {
    case AlterAction::Kind::kAddColumn:
      return EqualNames(action.column.name, column);
    case AlterAction::Kind::kModifyColumn:
      if (EqualNames(action.name, column)) return before && !KeepsValues(*before, action.column);
      return EqualNames(action.column.name, column);  // another one takes its name
    case AlterAction::Kind::kRenameColumn:
      return EqualNames(action.new_name, column) && !EqualNames(action.name, column);
    case AlterAction::Kind::kConvertCharset:
      return before && !before->charset.empty() &&
             (before->charset != action.charset || before->collation != action.collation);
    default:
      return false;
  }
}

}  // namespace

SchemaTracker::SchemaTracker(Store& store, Catalog& catalog, const ObjectRules& rules)
    : store_(store), catalog_(&catalog), rules_(rules) {}

void SchemaTracker::Load() { TakeUp(store_.LatestSchemas()); }

void SchemaTracker::LoadBefore(uint64_t version) { TakeUp(store_.SchemasBefore(version)); }

void SchemaTracker::TakeUp(const Versions& versions) {
  current_.clear();
  defaults_.clear();
  passed_over_.clear();
  for (const auto& [version, name, table, since] : versions) {
    if (!table) continue;
    if (name.database == kOwnDatabase) {
      defaults_[name.table] = {table->charset, table->collation};
    } else {
      current_[name] = {table, version};
    }
  }
}

void SchemaTracker::ReadAll() {
  std::vector<SchemaVersion> versions;
  for (const auto& [name, known] : std::exchange(current_, {})) {
    versions.push_back({store_.NextSchemaVersion(), name, nullptr});
  }
  while (!defaults_.empty()) ForgetDefaults(std::string(defaults_.begin()->first), versions);
  PutDefaults(kEveryDatabase, {}, versions);
  for (const std::string& database : catalog_->Databases()) {
    if (!rules_.MaySelect(database)) continue;
    const auto defaults = catalog_->DefaultsOf(database);
    if (defaults && !defaults->charset.empty()) PutDefaults(database, *defaults, versions);
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

bool SchemaTracker::IsSelected(const TableName& name) {
  if (passed_over_.contains(name)) return false;
  if (rules_.Find(name) && KindNow(name) == CatalogObject::Kind::kTable) return true;
  passed_over_.insert(name);
  return false;
}

TextDefaults SchemaTracker::DefaultsOf(const std::string& database) {
  auto found = defaults_.find(database);
  return found == defaults_.end() ? TextDefaults{} : found->second;
}

// nullopt: there is none, or it is the server's own.
std::optional<CatalogObject::Kind> SchemaTracker::KindNow(const TableName& name) {
  const std::vector<std::string> databases = catalog_->Databases();
  if (std::find(databases.begin(), databases.end(), name.database) == databases.end()) return {};
  for (const CatalogObject& object : catalog_->Objects(name.database)) {
    if (object.name == name) return object.kind;
  }
  return {};
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
  passed_over_.clear();
  Versions out;
  switch (change.kind) {
    case SchemaChange::Kind::kCreateTable:
      Create(change, out);
      break;
    case SchemaChange::Kind::kDropTable:
      for (const TableName& name : change.tables) {
        if (current_.contains(name)) Put(name, nullptr, out);
      }
      break;
    case SchemaChange::Kind::kDropView:
      // A view that had another name may have been taken for an unknown table.
      for (const TableName& name : change.tables) {
        auto known = Find(name);
        if (known && IsUnknown(*known->table)) Put(name, nullptr, out);
      }
      break;
    case SchemaChange::Kind::kCreateDatabase:
    case SchemaChange::Kind::kAlterDatabase:
      NoteDefaults(change, out);
      break;
    case SchemaChange::Kind::kDropDatabase:
      DropDatabase(change.table.database, out);
      break;
    case SchemaChange::Kind::kRenameTable:
      for (const auto& [from, to] : change.renames) Rename(from, to, out);
      break;
    case SchemaChange::Kind::kAlterTable:
      Alter(change, out);
      break;
    case SchemaChange::Kind::kUnknown:
      NoteUnknown(change, out);
      break;
    default:
      break;
  }
  return out;
}

void SchemaTracker::Create(const SchemaChange& change, Versions& out) {
  if (!rules_.Find(change.table)) return;
  if (change.definition) {
    TableSchema made = *change.definition;
    made.name = change.table;
    InheritCharset(made);
    return Put(change.table, std::make_shared<const TableSchema>(std::move(made)), out);
  }
  PutAsItsPattern(change, out);
}

void SchemaTracker::Rename(const TableName& from, const TableName& to, Versions& out) {
  auto known = Find(from);
  if (known) Put(from, nullptr, out);
  LetKeysFollow(from, to, {}, out);
  if (!rules_.Find(to)) return;
  if (!known) return PutUnlessOther(to, out);
  Put(to, std::make_shared<const TableSchema>(Renamed(*known->table, to)), out);
}

// The server changes what foreign keys refer to with the name of the parent, or of its columns;
// also where it checks none.
void SchemaTracker::LetKeysFollow(const TableName& from, const TableName& to,
                                  const std::vector<AlterAction>& actions, Versions& out) {
  std::vector<TableSchema> changed;
  auto refers = [&](const ForeignKeySchema& key) { return key.referenced == from; };
  for (const auto& [name, known] : current_) {
    const auto& keys = known.table->foreign_keys;
    if (name == from || std::none_of(keys.begin(), keys.end(), refers)) continue;
    TableSchema child = *known.table;
    for (ForeignKeySchema& key : child.foreign_keys) {
      if (!refers(key)) continue;
      key.referenced = to;
      for (std::string& column : key.referenced_columns) column = NameAfter(actions, column);
    }
    if (child.foreign_keys != known.table->foreign_keys) changed.push_back(std::move(child));
  }
  for (TableSchema& child : changed) {
    const TableName name = child.name;
    Put(name, std::make_shared<const TableSchema>(std::move(child)), out);
  }
}

void SchemaTracker::Alter(const SchemaChange& change, Versions& out) {
  auto known = Find(change.table);
  TableName name = change.table;
  for (const AlterAction& action : change.actions) {
    if (action.kind == AlterAction::Kind::kRenameTable) name = action.new_table;
  }
  if (name != change.table && known) Put(change.table, nullptr, out);
  LetKeysFollow(change.table, name, change.actions, out);
  if (!rules_.Find(name)) return;
  if (!known) return PutUnlessOther(name, out);
  auto altered =
      IsUnknown(*known->table) ? std::nullopt : AlterTable(*known->table, change.actions);
  if (!altered) return PutUnknown(name, out);
  TableSchema& table = altered->table;
  table.name = name;
  InheritCharset(table);
  Put(name,
      altered->is_whole ? std::make_shared<const TableSchema>(std::move(table))
                        : Confirmed(std::move(table)),
      out);
}

// A statement that could not be parsed: a table made by it has columns that nobody knows, and so
// has one that it may have altered.
void SchemaTracker::NoteUnknown(const SchemaChange& change, Versions& out) {
  const bool is_known = current_.contains(change.table);
  const bool is_altered = !change.creates_table && is_known;
  if (!(change.creates_table || is_altered) || !rules_.Find(change.table)) return;
  if (is_altered && LooksAsBefore(change.table)) return;
  PutUnknown(change.table, out);
}

// CREATE DATABASE IF NOT EXISTS is logged also where there is one, which keeps its own.
void SchemaTracker::NoteDefaults(const SchemaChange& change, Versions& out) {
  const std::string& database = change.table.database;
  if (!rules_.MaySelect(database)) return;
  const bool is_made = change.kind == SchemaChange::Kind::kCreateDatabase;
  const bool may_be_there = defaults_.contains(database) || !defaults_.contains(kEveryDatabase);
  if (is_made && change.if_exists && may_be_there) return;
  if (!change.charset.empty()) {
    PutDefaults(database, {change.charset, change.collation}, out);
  } else if (is_made) {  // ALTER DATABASE may be about other things
    ForgetDefaults(database, out);
  }
}

void SchemaTracker::DropDatabase(const std::string& database, Versions& out) {
  std::vector<TableName> gone;
  for (const auto& [name, known] : current_) {
    if (name.database == database) gone.push_back(name);
  }
  for (const TableName& name : gone) Put(name, nullptr, out);
  ForgetDefaults(database, out);
}

// As PutAsItsPattern: what is the same now as before the statement was not changed by it.
bool SchemaTracker::LooksAsBefore(const TableName& name) {
  TableSchemaPtr now = AsItIsNow(name);
  return now && HoldSameRows(*current_.at(name).table, *now);
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

void SchemaTracker::PutUnknown(const TableName& name, Versions& out) {
  TableSchema unknown;
  unknown.name = name;
  Put(name, std::make_shared<const TableSchema>(std::move(unknown)), out);
}

void SchemaTracker::PutDefaults(const std::string& database, const TextDefaults& defaults,
                                Versions& out) {
  auto table = std::make_shared<TableSchema>();
  table->name = DefaultsName(database);
  table->charset = defaults.charset;
  table->collation = defaults.collation;
  out.push_back({store_.NextSchemaVersion(), table->name, table});
  defaults_[database] = defaults;
}

void SchemaTracker::ForgetDefaults(const std::string& database, Versions& out) {
  if (defaults_.erase(database) == 0) return;
  out.push_back({store_.NextSchemaVersion(), DefaultsName(database), nullptr});
}

// A table that nobody follows is known only as it is now. As long as what was made like it is too,
// the log holds no ALTER of either that is still to come.
void SchemaTracker::PutAsItsPattern(const SchemaChange& change, Versions& out) {
  TableSchemaPtr pattern = change.like_table ? AsItIsNow(*change.like_table) : nullptr;
  TableSchemaPtr made = pattern ? AsItIsNow(change.table) : nullptr;
  if (made && HoldSameRows(*pattern, *made)) return Put(change.table, made, out);
  PutUnknown(change.table, out);
}

// RENAME TABLE and ALTER TABLE speak of views and sequences as of tables.
void SchemaTracker::PutUnlessOther(const TableName& name, Versions& out) {
  if (KindNow(name).value_or(CatalogObject::Kind::kTable) != CatalogObject::Kind::kTable) return;
  PutUnknown(name, out);
}

TableSchemaPtr SchemaTracker::FromSource(const TableName& name) {
  std::optional<TableSchema> table = catalog_->Table(name);
  if (!table) return nullptr;
  return std::make_shared<const TableSchema>(std::move(*table));
}

// As FromSource; nullptr also where it has become what Godwit does not know.
TableSchemaPtr SchemaTracker::AsItIsNow(const TableName& name) {
  try {
    return FromSource(name);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    return nullptr;
  }
}

// The table as the source has it now, as long as rows of the known one look like that; it may know
// more of constraints and partitions, which rows are not decoded by.
TableSchemaPtr SchemaTracker::Confirmed(TableSchema known) {
  TableSchemaPtr now = AsItIsNow(known.name);
  if (now && HoldSameRows(known, *now)) return now;
  return std::make_shared<const TableSchema>(std::move(known));
}

// Whether its database may have had these defaults when the table was made: what it has become
// since does not speak against it.
bool SchemaTracker::MayHaveHad(const TableSchema& made, const TextDefaults& defaults) {
  if (defaults.charset == "binary") return false;  // its text would be bytes
  TableSchemaPtr now = AsItIsNow(made.name);
  if (!now) return true;
  auto differs = [&](const ColumnSchema& column) {
    const int at = IsOpenText(column) ? now->FindColumn(column.name) : -1;
    const std::string charset = at < 0 ? "" : now->columns[static_cast<size_t>(at)].charset;
    return !charset.empty() && charset != defaults.charset;
  };
  return now->charset == defaults.charset &&
         std::none_of(made.columns.begin(), made.columns.end(), differs);
}

bool SchemaTracker::Complete(SchemaChange& change) {
  if (!LeaveOutIdle(change)) return false;
  if (change.kind == SchemaChange::Kind::kDropDatabase) {
    for (const auto& [name, known] : current_) {
      if (name.database == change.table.database) change.tables.push_back(name);
    }
  }
  if (change.kind == SchemaChange::Kind::kAlterTable) CheckFilter(change);
  if (change.kind != SchemaChange::Kind::kCreateTable || !rules_.Find(change.table)) return true;
  CompletePattern(change);
  CompleteCharset(change);
  return true;
}

// What is left did happen: a table of the name at the destination is another one.
bool SchemaTracker::LeaveOutIdle(SchemaChange& change) const {
  if (change.kind == SchemaChange::Kind::kDropTable) {
    std::erase_if(change.tables, [&](const TableName& name) { return !current_.contains(name); });
    if (change.tables.empty()) return false;
    change.table = change.tables.front();
    return true;
  }
  if (change.kind != SchemaChange::Kind::kCreateTable && !change.creates_table) return true;
  return !std::exchange(change.if_exists, false) || !current_.contains(change.table);
}

// Where values or their order change, rows cross the filter's boundary, and no change tells of it.
void SchemaTracker::CheckFilter(SchemaChange& change) {
  const auto mapping = rules_.Find(change.table);
  const auto known = Find(change.table);
  if (!mapping || mapping->where.empty() || !known || !change.problem.empty()) return;
  for (const std::string& column : ColumnsReadBy(mapping->where, known->table->columns)) {
    const int at = known->table->FindColumn(column);
    const ColumnSchema* before = at < 0 ? nullptr : &known->table->columns[static_cast<size_t>(at)];
    const bool is_changed = std::any_of(
        change.actions.begin(), change.actions.end(),
        [&](const AlterAction& action) { return ChangesValues(action, column, before); });
    if (!is_changed) continue;
    change.problem = "the row filter reads column " + column +
                     ", of which it may change values or their order: rows that cross the "
                     "filter's boundary by it come or go at the source alone (verification finds "
                     "them)";
    return;
  }
}

// By the time the statement is followed the pattern's copy may be of a later definition.
void SchemaTracker::CompletePattern(SchemaChange& change) {
  const auto like = change.like_table ? Find(*change.like_table) : std::nullopt;
  if (!like || IsUnknown(*like->table)) return;
  change.definition = Renamed(*like->table, change.table);
  change.definition->foreign_keys.clear();  // LIKE does not copy them
  change.definition->next_auto_increment = 0;
  if (!change.check_names.empty()) {
    int number = 0;
    for (CheckSchema& check : change.definition->checks) {
      check.name = change.check_names + std::to_string(++number);
    }
  }
  change.like_table.reset();
}

// The log does not tell the defaults of a database that was made without it, nor those of a project
// that an older Godwit began. The present ones may have come after the table.
void SchemaTracker::CompleteCharset(SchemaChange& change) {
  if (!change.definition || !change.definition->charset.empty()) return;
  const std::optional<TextDefaults> defaults = catalog_->DefaultsOf(change.table.database);
  if (defaults && defaults->charset.empty()) return;  // a source that has no such thing
  TableSchema& made = *change.definition;
  made.name = change.table;
  if (defaults && MayHaveHad(made, *defaults)) {
    made.charset = defaults->charset;
    made.collation = defaults->collation;
    return InheritCharset(made);
  }
  change.kind = SchemaChange::Kind::kUnknown;
  change.definition.reset();
  change.problem =
      "it leaves the character set to its database, whose default at this place of the log is not "
      "known";
}

}  // namespace godwit
