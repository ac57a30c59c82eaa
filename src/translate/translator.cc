// SPDX-License-Identifier: Apache-2.0
#include "translate/translator.h"

#include <fmt/format.h>

#include <algorithm>

#include "base/error.h"
#include "model/charset_width.h"
#include "model/expression_names.h"
#include "translate/unlogged_cascades.h"
#include "translate/view_columns.h"

namespace godwit {
namespace {

[[noreturn]] void FailDdl(const SchemaChange& change, std::string cause, std::string remedy) {
  throw Error({.code = "DDL_NOT_CONVERTIBLE",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = change.table.ToString(),
               .message = fmt::format("cannot follow: {}", change.statement),
               .cause = std::move(cause),
               .remedy = std::move(remedy)});
}

// What the history has of a table that the log made or altered in a way nobody could work out.
[[noreturn]] void FailUnknown(const TableName& table) {
  throw Error({.code = "LOG_DEFINITION_UNKNOWN",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = table.ToString(),
               .message = "the table's definition at this place of the log is not known",
               .cause = "a statement that made or altered it could not be worked out",
               .remedy = "start a new project, which reads the definition anew; if its precheck "
                         "does not know it either, leave the table out with --exclude"});
}

bool IsTextual(const ColumnSchema& column) {
  return column.type.is_text() || column.type.kind == TypeKind::kEnum ||
         column.type.kind == TypeKind::kSet;
}

void MapIndex(IndexSchema& index, const TableMapping& mapping) {
  for (KeyPart& part : index.parts) part.column = mapping.NameOf(part.column);
}

void MapForeignKey(ForeignKeySchema& key, const TableMapping& mapping, const ObjectRules& rules) {
  for (std::string& column : key.columns) column = mapping.NameOf(column);
  if (auto parent = rules.Find(key.referenced)) {
    for (std::string& column : key.referenced_columns) column = parent->NameOf(column);
    key.referenced = parent->destination;
  }
}

// All names at once: two columns may swap theirs.
void MapNames(std::string& expression, const TableMapping& mapping, BareNames bare,
              const TableName& table) {
  auto stand_in = [](size_t n) { return fmt::format("\x01{}", n); };
  size_t n = 0;
  for (const auto& [from, to] : mapping.column_names) {
    ++n;
    if (!Mentions(expression, from)) continue;
    auto renamed = RenameIn(expression, from, stand_in(n), bare);
    if (!renamed) {
      throw Error({.code = "DDL_NOT_CONVERTIBLE",
                   .kind = ErrorKind::kBlocked,
                   .side = Side::kDestination,
                   .object = table.ToString(),
                   .message = fmt::format("column {} cannot be renamed in ({})", from, expression),
                   .cause = "the name stands there without quotes and may be another word",
                   .remedy = "edit the statement for the destination, or keep the column's name"});
    }
    expression = std::move(*renamed);
  }
  n = 0;
  for (const auto& [from, to] : mapping.column_names) {
    if (auto renamed = RenameIn(expression, stand_in(++n), to, bare)) expression = *renamed;
  }
}

// A new name may bring a column into the selection, or take it out of it: the destination's column
// would then keep values that no change reaches any more.
void CheckBoundary(const SchemaChange& change, const AlterAction& action,
                   const TableMapping& mapping) {
  using Kind = AlterAction::Kind;
  const std::string& to = action.kind == Kind::kRenameColumn   ? action.new_name
                          : action.kind == Kind::kModifyColumn ? action.column.name
                                                               : action.name;
  if (mapping.Carries(action.name) == mapping.Carries(to)) return;
  FailDdl(change, fmt::format("of the columns {} and {} the rules carry only one", action.name, to),
          "start a project with rules for the new name; or do by hand at the destination what is "
          "needed and mark it as done");
}

// Whether rows of either table are the same rows at the destination.
bool CarryAlike(const TableMapping& a, const TableMapping& b) {
  return a.where == b.where && a.columns == b.columns && a.excluded_columns == b.excluded_columns &&
         a.column_names == b.column_names;
}

// Whether the destination has what the action is about.
bool Concerns(const AlterAction& action, const TableMapping& mapping, const ObjectRules& rules) {
  using Kind = AlterAction::Kind;
  switch (action.kind) {
    case Kind::kDropColumn:
    case Kind::kModifyColumn:
    case Kind::kRenameColumn:
    case Kind::kSetDefault:
    case Kind::kDropDefault:
    case Kind::kSetVisibility:
      return mapping.Carries(action.name);
    case Kind::kAddColumn:
      return mapping.Carries(action.column.name);
    case Kind::kAddIndex:
      return std::all_of(
          action.index.parts.begin(), action.index.parts.end(),
          [&](const KeyPart& part) { return part.column.empty() || mapping.Carries(part.column); });
    case Kind::kAddForeignKey:
      return rules.Find(action.foreign_key.referenced).has_value() &&
             std::all_of(action.foreign_key.columns.begin(), action.foreign_key.columns.end(),
                         [&](const std::string& column) { return mapping.Carries(column); });
    default:
      return true;
  }
}

// Of a clause that Concerns denies; empty: it is about what nobody carries.
std::string WhyLeftOut(const AlterAction& action) {
  if (action.kind == AlterAction::Kind::kAddForeignKey) {
    return fmt::format("foreign key {} is left out: {} or a column of it is not selected",
                       action.foreign_key.name, action.foreign_key.referenced.ToString());
  }
  if (action.kind != AlterAction::Kind::kAddIndex) return "";
  return fmt::format("index {} is left out: a column of it is not selected", action.index.name);
}

}  // namespace

Translator::Translator(const Dialect& source, const Dialect& destination, const ObjectRules& rules,
                       CharsetOverlay overlay, Cascades cascades)
    : source_(source),
      destination_(destination),
      rules_(rules),
      overlay_(std::move(overlay)),
      cascades_(cascades) {}

TranslatedTable Translator::Table(const TableSchema& source) const {
  auto mapping = rules_.Find(source.name);
  GODWIT_CHECK(mapping.has_value(), "only selected tables are translated");
  if (source.columns.empty()) FailUnknown(source.name);
  TranslatedTable out{source, {}};
  LeaveOut(out, source, *mapping);
  LeaveOutOnUpdate(out, source);
  TableSchema& table = out.table;
  table.name = mapping->destination;
  table.dialect = destination_.family();
  for (ColumnSchema& column : table.columns) MapColumn(column, *mapping, out.notes, source.name);
  MapCharset(table.charset, table.collation);
  for (IndexSchema& index : table.indexes) MapIndex(index, *mapping);
  for (ForeignKeySchema& key : table.foreign_keys) MapForeignKey(key, *mapping, rules_);
  MapExpressions(table, *mapping);
  table = Adapted(table, source.name, out.notes);
  NoteClashes(out, source, *mapping);
  return out;
}

TableSchema Translator::Adapted(const TableSchema& table, const TableName& source,
                                std::vector<TranslationNote>& notes) const {
  std::vector<DialectNote> found;
  TableSchema out = destination_.Adapted(table, found);
  for (DialectNote& note : found) {
    const std::string object = source.ToString();
    notes.push_back({note.column.empty() ? object : object + "." + note.column,
                     std::move(note.text), false, note.loses});
  }
  return out;
}

// A cascade of OceanBase sets such columns; one of InnoDB leaves them as they are.
void Translator::LeaveOutOnUpdate(TranslatedTable& out, const TableSchema& source) const {
  const auto& keys = out.table.foreign_keys;
  if (cascades_ == Cascades::kLogged || std::none_of(keys.begin(), keys.end(), ChangesChildren)) {
    return;
  }
  for (ColumnSchema& column : out.table.columns) {
    if (column.on_update.empty()) continue;
    out.notes.push_back(
        {source.name.ToString() + "." + column.name,
         fmt::format(
             "ON UPDATE {} is left out: what a foreign key does would set the column, which "
             "it does not at the source; add it when the source is no longer followed",
             column.on_update),
         false, true});
    column.on_update.clear();
  }
}

void Translator::CheckCascades(const SchemaChange& change, std::span<const ColumnSchema> columns,
                               const ForeignKeySchema& key) const {
  if (cascades_ == Cascades::kLogged) return;
  const std::string why = WhyCascadeDiffers(change.table, columns, key, rules_);
  if (why.empty()) return;
  FailDdl(change,
          fmt::format("foreign key {} {}, and the source does not log what it does to rows",
                      key.name, why),
          "drop the key at the source; or mark it as done and compare the table's rows yourself");
}

// Columns that are not selected, and what is over them.
void Translator::LeaveOut(TranslatedTable& out, const TableSchema& source,
                          const TableMapping& mapping) const {
  TableSchema& table = out.table;
  auto note = [&](std::string text) {
    out.notes.push_back({source.name.ToString(), std::move(text)});
  };
  std::vector<std::string> gone;
  for (const ColumnSchema& column : source.columns) {
    if (!mapping.Carries(column.name)) gone.push_back(column.name);
  }
  auto mentions_gone = [&](const std::string& expression) {
    return std::any_of(gone.begin(), gone.end(),
                       [&](const std::string& column) { return Mentions(expression, column); });
  };
  std::erase_if(table.columns, [&](const ColumnSchema& column) {
    if (!mapping.Carries(column.name)) return true;
    if (!mentions_gone(column.generation_expression)) return false;
    note(fmt::format("generated column {} is left out: a column of it is not selected",
                     column.name));
    gone.push_back(column.name);
    return true;
  });
  std::erase_if(table.indexes, [&](const IndexSchema& index) {
    bool is_gone = std::any_of(index.parts.begin(), index.parts.end(), [&](const KeyPart& part) {
      return part.column.empty() ? mentions_gone(part.expression)
                                 : std::find(gone.begin(), gone.end(), part.column) != gone.end();
    });
    if (is_gone) {
      note(fmt::format("index {} is left out: a column of it is not selected", index.name));
    }
    return is_gone;
  });
  std::erase_if(table.checks, [&](const CheckSchema& check) {
    bool is_gone = mentions_gone(check.expression);
    if (is_gone)
      note(fmt::format("check {} is left out: a column of it is not selected", check.name));
    return is_gone;
  });
  if (table.partitioning && (mentions_gone(table.partitioning->level.expression) ||
                             (table.partitioning->sub_level &&
                              mentions_gone(table.partitioning->sub_level->expression)))) {
    note("the partitions are left out: a column of theirs is not selected");
    table.partitioning.reset();
  }
  std::erase_if(table.foreign_keys, [&](const ForeignKeySchema& key) {
    bool is_gone = std::any_of(key.columns.begin(), key.columns.end(), [&](const std::string& c) {
      return std::find(gone.begin(), gone.end(), c) != gone.end();
    });
    bool is_kept = !is_gone && rules_.Find(key.referenced).has_value();
    if (!is_kept) {
      note(fmt::format("foreign key {} is left out: {} is not selected", key.name,
                       is_gone ? "a column of it" : key.referenced.ToString()));
    }
    return !is_kept;
  });
}

// A column's new name where expressions use it.
void Translator::MapExpressions(TableSchema& table, const TableMapping& mapping) const {
  auto map = [&](std::string& expression, BareNames bare) {
    MapNames(expression, mapping, bare, table.name);
  };
  for (ColumnSchema& column : table.columns) MapColumnExpressions(column, mapping, table.name);
  for (IndexSchema& index : table.indexes) {
    for (KeyPart& part : index.parts) map(part.expression, BareNames::kUncertain);
  }
  for (CheckSchema& check : table.checks) map(check.expression, BareNames::kUncertain);
  if (table.partitioning) MapPartitioning(*table.partitioning, mapping, table.name);
}

void Translator::MapPartitioning(Partitioning& partitioning, const TableMapping& mapping,
                                 const TableName& table) const {
  auto map = [&](Partitioning::Level& level) {
    using Method = Partitioning::Method;
    const bool is_list = level.method == Method::kRangeColumns ||
                         level.method == Method::kListColumns || level.method == Method::kKey;
    MapNames(level.expression, mapping, is_list ? BareNames::kColumns : BareNames::kUncertain,
             table);
  };
  map(partitioning.level);
  if (partitioning.sub_level) map(*partitioning.sub_level);
}

void Translator::MapColumnExpressions(ColumnSchema& column, const TableMapping& mapping,
                                      const TableName& table) const {
  MapNames(column.generation_expression, mapping, BareNames::kUncertain, table);
  if (column.default_value &&
      column.default_value->kind == ColumnSchema::Default::Kind::kExpression) {
    MapNames(column.default_value->text, mapping, BareNames::kUncertain, table);
  }
}

void Translator::NoteClashes(TranslatedTable& out, const TableSchema& source,
                             const TableMapping& mapping) const {
  const TableSchema& table = out.table;
  for (const IndexSchema& index : table.indexes) {
    if (!index.is_unique()) continue;
    for (const KeyPart& part : index.parts) {
      int to = table.FindColumn(part.column);
      if (to < 0 || !IsTextual(table.columns[to])) continue;
      for (const ColumnSchema& column : source.columns) {
        if (mapping.NameOf(column.name) != part.column) continue;
        if (column.collation == table.columns[to].collation) continue;
        out.notes.push_back({source.name.ToString() + "." + column.name,
                             fmt::format("collation {} becomes {} in unique key {}: values equal "
                                         "under one may differ under the other",
                                         column.collation, table.columns[to].collation, index.name),
                             true});
      }
    }
  }
}

void Translator::MapColumn(ColumnSchema& column, const TableMapping& mapping,
                           std::vector<TranslationNote>& notes, const TableName& source) const {
  const ColumnSchema before = column;
  MapCharset(column.charset, column.collation);
  if (before.charset != column.charset && !before.charset.starts_with("utf8") &&
      !before.charset.empty()) {
    // TEXT is limited in bytes; the same characters may take more of them now.
    ColumnSchema widened = before;
    if (WidenText(widened, column.charset)) {
      column.type = widened.type;
      column.native_type = widened.native_type;
    }
  }
  if (before.collation != column.collation) {
    std::string text = fmt::format("collation {} becomes {}", before.collation, column.collation);
    if (before.native_type != column.native_type) {
      text += fmt::format(", {} becomes {}", before.native_type, column.native_type);
    }
    notes.push_back({source.ToString() + "." + column.name, std::move(text)});
  }
  column.name = mapping.NameOf(column.name);
}

void Translator::MapCharset(std::string& charset, std::string& collation) const {
  if (collation.empty() && charset.empty()) return;
  std::string mapped = MapCollation(charset, collation);
  if (mapped.empty() || mapped == collation) return;
  collation = mapped;
  charset = mapped.substr(0, mapped.find('_'));
}

// The destination's own if it has it; else the user's table; else by kind: what tells case or
// accents apart becomes binary, the rest the destination's general one.
std::string Translator::MapCollation(const std::string& charset,
                                     const std::string& collation) const {
  for (const std::string* key : {&collation, &charset}) {
    auto found = overlay_.collations.find(*key);
    if (!key->empty() && found != overlay_.collations.end()) return found->second;
  }
  if (collation.empty() && destination_.HasCollation(charset + "_bin")) return "";
  if (!collation.empty() && destination_.HasCollation(collation)) return collation;
  auto any = overlay_.collations.find("*");
  if (any != overlay_.collations.end()) return any->second;
  if (charset == "binary" || collation == "binary") return "binary";
  bool tells_apart =
      collation.ends_with("_bin") || collation.ends_with("_cs") || collation.ends_with("_as_ci");
  for (const char* candidate : {"utf8mb4_bin", "utf8mb4_general_ci"}) {
    bool is_binary = std::string_view(candidate).ends_with("_bin");
    if (is_binary == tells_apart && destination_.HasCollation(candidate)) return candidate;
  }
  return collation;
}

ViewSchema Translator::MapView(const ViewSchema& view, std::string_view default_database) const {
  ViewSchema out = view;
  auto map = [&](const TableName& name) {
    auto mapping = rules_.Find(name);
    if (mapping) CheckViewColumns(view, name, *mapping);
    return mapping ? mapping->destination : name;
  };
  out.select = source_.MapTableNames(view.select, default_database, map);
  if (const auto mapping = rules_.Find(view.name)) out.name = mapping->destination;
  out.dialect = destination_.family();
  return out;
}

AlterAction Translator::MapAction(AlterAction action, const TableMapping& mapping,
                                  const TableName& source,
                                  std::vector<TranslationNote>& notes) const {
  using Kind = AlterAction::Kind;
  if (action.kind == Kind::kRenameColumn) action.new_name = mapping.NameOf(action.new_name);
  bool names_column = action.kind == Kind::kDropColumn || action.kind == Kind::kModifyColumn ||
                      action.kind == Kind::kRenameColumn || action.kind == Kind::kSetDefault ||
                      action.kind == Kind::kDropDefault || action.kind == Kind::kSetVisibility;
  if (names_column) action.name = mapping.NameOf(action.name);
  if (!action.after.empty() && !mapping.Carries(action.after)) action.after.clear();
  action.after = mapping.NameOf(action.after);
  MapColumn(action.column, mapping, notes, source);
  MapColumnExpressions(action.column, mapping, mapping.destination);
  MapIndex(action.index, mapping);
  for (KeyPart& part : action.index.parts) {
    MapNames(part.expression, mapping, BareNames::kUncertain, mapping.destination);
  }
  MapNames(action.check.expression, mapping, BareNames::kUncertain, mapping.destination);
  MapForeignKey(action.foreign_key, mapping, rules_);
  if (action.partitioning) MapPartitioning(*action.partitioning, mapping, mapping.destination);
  MapCharset(action.charset, action.collation);
  // For the notes alone: the renderer adapts a clause to the destination's table.
  TableSchema made{.name = mapping.destination};
  const bool defines = action.kind == Kind::kAddColumn || action.kind == Kind::kModifyColumn;
  if (defines) made.columns = {action.column};
  if (action.kind == Kind::kAddIndex) made.indexes = {action.index};
  if (action.kind == Kind::kAddCheck) made.checks = {action.check};
  Adapted(made, source, notes);
  return action;
}

std::vector<SchemaChange> Translator::MapRename(const SchemaChange& change, const TableName& from,
                                                const TableName& to) const {
  auto old_mapping = rules_.Find(from);
  auto new_mapping = rules_.Find(to);
  if (!old_mapping && !new_mapping) return {};
  if (!old_mapping || !new_mapping) {
    FailDdl(
        change,
        fmt::format("{} is selected and {} is not", old_mapping ? from.ToString() : to.ToString(),
                    old_mapping ? to.ToString() : from.ToString()),
        "skip it and start a project for the table under its new name, or do by hand at the "
        "destination what is needed and mark it as done");
  }
  if (!CarryAlike(*old_mapping, *new_mapping)) {
    FailDdl(change,
            fmt::format("the rules carry other rows or columns of {} than of {}, and the "
                        "destination's table has those of the former",
                        from.ToString(), to.ToString()),
            "start a project whose rules treat both names alike; or do by hand at the destination "
            "what is needed (for rows too) and mark it as done");
  }
  if (old_mapping->destination == new_mapping->destination) return {};
  SchemaChange out;
  out.kind = SchemaChange::Kind::kRenameTable;
  out.statement = change.statement;
  out.renames = {{old_mapping->destination, new_mapping->destination}};
  out.table = old_mapping->destination;
  return {out};
}

std::vector<SchemaChange> Translator::MapRenames(const SchemaChange& change) const {
  SchemaChange all;
  for (const auto& [from, to] : change.renames) {
    for (SchemaChange& part : MapRename(change, from, to)) {
      if (all.renames.empty()) {
        all = std::move(part);
      } else {
        all.renames.push_back(part.renames[0]);
      }
    }
  }
  if (all.renames.empty()) return {};
  return {all};
}

// Whether everything in the database is carried, and nothing else goes to its destination.
bool Translator::CarriesWhole(const std::string& database) const {
  const std::string destination = rules_.DestinationDatabase(database);
  bool has_all = false;  // what comes before that rule does not count for this database
  for (auto rule = rules_.include().rbegin(); rule != rules_.include().rend(); ++rule) {
    const bool covers = MatchesPattern(rule->database_pattern, database);
    if (covers && !has_all && rule->DatabaseOf(database) != destination) return false;
    if (covers && rule->is_whole()) has_all = true;
    if (!covers && (rule->to_database.empty() ? MatchesPattern(rule->database_pattern, destination)
                                              : rule->to_database == destination)) {
      return false;
    }
    const bool gathers = rule->database_pattern.find_first_of("*?[") != std::string::npos;
    if (gathers && rule->to_database == destination) return false;
  }
  for (const ObjectRule& rule : rules_.exclude()) {
    if (MatchesPattern(rule.database_pattern, database)) return false;
  }
  return has_all;
}

std::vector<SchemaChange> Translator::MapDropDatabase(const SchemaChange& change) const {
  if (!CarriesWhole(change.table.database)) {
    FailDdl(change, "the destination's database holds more than this one's selected objects",
            "drop by hand at the destination what belongs to it, and mark it as done");
  }
  SchemaChange one = change;
  one.table.database = rules_.DestinationDatabase(change.table.database);
  return {one};
}

TranslatedChange Translator::MapAlter(const SchemaChange& change) const {
  using Action = AlterAction::Kind;
  auto mapping = rules_.Find(change.table);
  TranslatedChange out;
  SchemaChange one = change;
  one.actions.clear();
  if (mapping) one.table = mapping->destination;
  std::vector<SchemaChange> renames;
  for (const AlterAction& action : change.actions) {
    if (action.kind == Action::kRenameTable) {
      renames = MapRename(change, change.table, action.new_table);
      continue;
    }
    if (!mapping) {
      // EXCHANGE PARTITION: the rows of the other table change too.
      if (action.kind == Action::kUnknown && rules_.Find(action.new_table)) {
        FailDdl(change, action.text + " moves rows that no change in the log shows",
                "copy the table again, or do it by hand and mark it as done");
      }
      continue;
    }
    CheckBoundary(change, action, *mapping);
    if (action.kind == Action::kAddForeignKey) CheckCascades(change, {}, action.foreign_key);
    if (action.kind == Action::kNoEffect) continue;
    if (Concerns(action, *mapping, rules_)) {
      one.actions.push_back(MapAction(action, *mapping, change.table, out.notes));
    } else if (std::string why = WhyLeftOut(action); !why.empty()) {
      out.notes.push_back({change.table.ToString(), std::move(why)});
    }
  }
  if (!one.actions.empty()) out.changes.push_back(std::move(one));
  out.changes.insert(out.changes.end(), renames.begin(), renames.end());
  return out;
}

TranslatedChange Translator::Change(const SchemaChange& change) const {
  using Kind = SchemaChange::Kind;
  if (change.kind == Kind::kUnknown || !change.problem.empty()) {
    FailDdl(change, change.problem.empty() ? "the statement is not understood" : change.problem,
            "edit it for the destination, skip it, or do it by hand and mark it as done");
  }
  switch (change.kind) {
    case Kind::kIrrelevant:
      return {};
    case Kind::kRenameTable:
      return {MapRenames(change), {}};
    case Kind::kDropTable:
    case Kind::kDropView: {
      TranslatedChange out;
      for (const TableName& name : change.tables) {
        auto mapping = rules_.Find(name);
        if (!mapping) continue;
        SchemaChange& one = out.changes.emplace_back(change);
        one.tables = {mapping->destination};
        one.table = mapping->destination;
      }
      return out;
    }
    case Kind::kCreateDatabase:
    case Kind::kAlterDatabase: {
      SchemaChange one = change;
      one.table.database = rules_.DestinationDatabase(change.table.database);
      MapCharset(one.charset, one.collation);
      return {{one}, {}};
    }
    case Kind::kDropDatabase:
      return {MapDropDatabase(change), {}};
    case Kind::kAlterTable:
      return MapAlter(change);
    default:
      return MapCreate(change);
  }
}

// Also of views, and TRUNCATE TABLE.
TranslatedChange Translator::MapCreate(const SchemaChange& change) const {
  auto mapping = rules_.Find(change.table);
  if (!mapping) return {};
  TranslatedChange out;
  SchemaChange& one = out.changes.emplace_back(change);
  one.table = mapping->destination;
  if (change.kind == SchemaChange::Kind::kCreateTable && change.definition) {
    TableSchema source = *change.definition;
    for (const auto& key : source.foreign_keys) CheckCascades(change, source.columns, key);
    source.name = change.table;
    TranslatedTable translated = Table(source);
    one.definition = std::move(translated.table);
    out.notes = std::move(translated.notes);
  }
  // The log has the SELECT as it was written: its names are of the session's database.
  if (change.view) one.view = MapView(*change.view, change.default_database);
  if (change.like_table) {
    auto like = rules_.Find(*change.like_table);
    if (!like) {
      FailDdl(change, change.like_table->ToString() + " is not selected",
              "create the table at the destination by hand and mark it as done");
    }
    one.like_table = like->destination;
  }
  return out;
}

}  // namespace godwit
