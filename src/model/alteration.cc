// SPDX-License-Identifier: Apache-2.0
#include "model/alteration.h"

#include <algorithm>

#include "model/charset_width.h"
#include "model/expression_names.h"
#include "model/names.h"

namespace godwit {
namespace {

template <typename T>
auto FindNamed(std::vector<T>& items, std::string_view name) {
  return std::find_if(items.begin(), items.end(),
                      [&](const T& item) { return EqualNames(item.name, name); });
}

bool Contains(const std::vector<std::string>& names, std::string_view name) {
  return std::any_of(names.begin(), names.end(),
                     [&](const std::string& other) { return EqualNames(other, name); });
}

bool HasCharset(const ColumnSchema& column) {
  return column.type.is_text() || column.type.kind == TypeKind::kEnum ||
         column.type.kind == TypeKind::kSet;
}

// A key part over the first characters of a column whose type can be cut no longer is one.
bool CanCut(const LogicalType& type, uint32_t prefix) {
  if (type.kind == TypeKind::kText || type.kind == TypeKind::kBlob) return true;
  return (type.is_text() || type.is_bytes()) && type.length > prefix;
}

// How MariaDB begins the names of checks: of these it gives the lowest that is free.
constexpr std::string_view kCountedFromOne = "CONSTRAINT_";

// The number behind what a server begins such names with, 0 if the name is not made that way.
uint64_t GeneratedNumber(std::string_view name, std::string_view begin) {
  if (name.size() <= begin.size() || !EqualNames(name.substr(0, begin.size()), begin)) return 0;
  uint64_t number = 0;
  for (char c : name.substr(begin.size())) {
    if (c < '0' || c > '9' || number > 1'000'000'000) return 0;
    number = number * 10 + static_cast<uint64_t>(c - '0');
  }
  return number;
}

// EXCHANGE and CONVERT PARTITION, DISCARD and IMPORT TABLESPACE: other rows, the same columns.
bool LeavesDefinition(const AlterAction& action) {
  return action.text.starts_with("EXCHANGE") || action.text.starts_with("DISCARD") ||
         action.text.starts_with("CONVERT");
}

// Sub-partitions that a statement does not name are called by their partition's name.
Partitioning::Partition WithSubpartitions(Partitioning::Partition partition, size_t count) {
  for (size_t i = partition.subpartitions.size(); i < count; ++i) {
    partition.subpartitions.push_back({partition.name + "sp" + std::to_string(i), "", "", {}});
  }
  return partition;
}

// MySQL counts on from the highest number that the table had before the statement.
template <typename T>
std::string NextName(std::string_view begin, const std::vector<T>& before,
                     const std::vector<T>& now) {
  uint64_t number = 1;
  auto is_taken = [&](uint64_t n) {
    return std::any_of(now.begin(), now.end(),
                       [&](const T& item) { return GeneratedNumber(item.name, begin) == n; });
  };
  if (begin == kCountedFromOne) {
    while (is_taken(number)) ++number;
  } else {
    for (const std::vector<T>* items : {&before, &now}) {
      for (const T& item : *items) {
        number = std::max(number, GeneratedNumber(item.name, begin) + 1);
      }
    }
  }
  return std::string(begin) + std::to_string(number);
}

size_t SubpartitionsOf(const std::vector<Partitioning::Partition>& partitions) {
  return partitions.empty() ? 0 : partitions[0].subpartitions.size();
}

}  // namespace

std::vector<AlterAction> Alteration::Named() {
  OldColumns();
  OldIndexes();
  OldForeignKeys();
  OldChecks();
  PlaceColumns();
  return AddObjects();
}

std::optional<AlteredTable> Alteration::Run() {
  for (const AlterAction& action : actions_) {
    if (action.kind == Kind::kUnknown && !LeavesDefinition(action)) return {};
  }
  TableOptions();
  OldColumns();
  OldIndexes();
  OldForeignKeys();
  OldChecks();
  bool is_whole = DropUnnamed();
  is_whole = RenameInExpressions() && is_whole;
  if (!PlaceColumns() || !ConvertCharset()) return {};
  is_whole = Partitions() && is_whole;
  AddObjects();
  RenameTable();
  return AlteredTable{std::move(after_), is_whole};
}

const AlterAction* Alteration::FindAction(Kind kind, std::string_view name) const {
  for (const AlterAction& action : actions_) {
    if (action.kind == kind && EqualNames(action.name, name)) return &action;
  }
  return nullptr;
}

void Alteration::TableOptions() {
  for (const AlterAction& action : actions_) {
    switch (action.kind) {
      case Kind::kTableComment:
        after_.comment = action.text;
        break;
      case Kind::kTableCharset:
      case Kind::kConvertCharset:
        after_.charset = action.charset;
        after_.collation = action.collation;
        break;
      case Kind::kAutoIncrement:
        after_.next_auto_increment = action.number;
        break;
      case Kind::kNoEffect:
        if (action.text != "ENGINE" || EqualNames(after_.engine, action.new_name)) break;
        after_.engine = action.new_name;
        break;
      default:
        break;
    }
  }
}

void Alteration::OldColumns() {
  after_.columns.clear();
  for (const ColumnSchema& old : before_.columns) {
    if (FindAction(Kind::kDropColumn, old.name)) {
      dropped_.push_back(old.name);
      continue;
    }
    ColumnSchema column = old;
    if (const AlterAction* modify = FindAction(Kind::kModifyColumn, old.name)) {
      column = modify->column;
      replaced_.push_back(column.name);
    }
    if (const AlterAction* rename = FindAction(Kind::kRenameColumn, old.name)) {
      column.name = rename->new_name;
    }
    if (const AlterAction* set = FindAction(Kind::kSetDefault, old.name)) {
      column.default_value = set->column.default_value;
    }
    if (FindAction(Kind::kDropDefault, old.name)) column.default_value.reset();
    if (const AlterAction* set = FindAction(Kind::kSetVisibility, old.name)) {
      column.invisible = set->column.invisible;
    }
    if (column.name != old.name) renamed_.emplace_back(old.name, column.name);
    after_.columns.push_back(std::move(column));
  }
}

bool Alteration::PlaceColumns() {
  for (const AlterAction& action : actions_) {
    if (action.kind == Kind::kAddColumn) {
      if (after_.FindColumn(action.column.name) >= 0) continue;  // IF NOT EXISTS
      if (!Place(action.column, action)) return false;
    } else if (action.kind == Kind::kModifyColumn && (action.first || !action.after.empty())) {
      if (before_.FindColumn(action.name) < 0) continue;  // IF EXISTS
      const int at = after_.FindColumn(action.column.name);
      if (at < 0) return false;
      ColumnSchema column = std::move(after_.columns[at]);
      after_.columns.erase(after_.columns.begin() + at);
      if (!Place(std::move(column), action)) return false;
    }
  }
  for (ColumnSchema& column : after_.columns) {
    if (!HasCharset(column) || !column.charset.empty()) continue;
    column.InheritCharset(after_.charset, after_.collation);
  }
  return true;
}

bool Alteration::Place(ColumnSchema column, const AlterAction& action) {
  auto at = after_.columns.end();
  if (action.first) {
    at = after_.columns.begin();
  } else if (!action.after.empty()) {
    const int before = after_.FindColumn(action.after);
    if (before < 0) return false;
    at = after_.columns.begin() + before + 1;
  }
  after_.columns.insert(at, std::move(column));
  return true;
}

bool Alteration::ConvertCharset() {
  for (const AlterAction& action : actions_) {
    if (action.kind != Kind::kConvertCharset) continue;
    if (action.charset.empty() || action.charset == "binary" || action.charset == "default") {
      return false;  // text becomes bytes; the database says which charset
    }
    for (ColumnSchema& column : after_.columns) {
      if (!HasCharset(column)) continue;
      if (!ConvertText(column, action.charset)) return false;
      column.charset = action.charset;
      column.collation = action.collation;
    }
  }
  return true;
}

void Alteration::OldIndexes() {
  std::vector<IndexSchema> kept;
  for (IndexSchema& index : after_.indexes) {
    const bool is_primary = index.kind == IndexSchema::Kind::kPrimary;
    const bool drops_primary =
        std::any_of(actions_.begin(), actions_.end(),
                    [](const AlterAction& action) { return action.kind == Kind::kDropPrimaryKey; });
    if (is_primary ? drops_primary : FindAction(Kind::kDropIndex, index.name) != nullptr) continue;
    if (index.is_unique() && DropsConstraint(index.name)) continue;
    if (const AlterAction* set = FindAction(Kind::kIndexVisibility, index.name)) {
      index.invisible = set->index.invisible;
    }
    if (const AlterAction* rename = FindAction(Kind::kRenameIndex, index.name)) {
      index.name = rename->new_name;
    }
    OldParts(index);
    if (!index.parts.empty()) kept.push_back(std::move(index));
  }
  after_.indexes = std::move(kept);
}

void Alteration::OldParts(IndexSchema& index) const {
  std::erase_if(index.parts, [&](const KeyPart& part) {
    return part.expression.empty() && Contains(dropped_, part.column);
  });
  for (KeyPart& part : index.parts) {
    if (!part.expression.empty()) continue;
    const std::string old = part.column;
    for (const auto& [from, to] : renamed_) {
      if (EqualNames(old, from)) part.column = to;
    }
    const int column = after_.FindColumn(part.column);
    const bool is_cut = part.prefix_length != 0 && index.kind != IndexSchema::Kind::kSpatial;
    if (is_cut && column >= 0 && Contains(replaced_, part.column) &&
        !CanCut(after_.columns[column].type, part.prefix_length)) {
      part.prefix_length = 0;
    }
  }
}

bool Alteration::DropsConstraint(std::string_view name) const {
  return !name.empty() && FindAction(Kind::kDropConstraint, name) != nullptr;
}

void Alteration::OldForeignKeys() {
  std::erase_if(after_.foreign_keys, [&](const ForeignKeySchema& key) {
    return !key.name.empty() &&
           (FindAction(Kind::kDropForeignKey, key.name) || DropsConstraint(key.name));
  });
  auto rename = [&](std::vector<std::string>& columns) {
    for (std::string& column : columns) {
      for (const auto& [from, to] : renamed_) {
        if (!EqualNames(column, from)) continue;
        column = to;
        break;
      }
    }
  };
  for (ForeignKeySchema& key : after_.foreign_keys) {
    rename(key.columns);
    if (key.referenced == before_.name) rename(key.referenced_columns);
  }
}

// A server drops a check over a dropped column alone with it, and refuses the statement where the
// check is over others too: what still mentions the column is gone. A column's own check goes with
// its old definition.
void Alteration::OldChecks() {
  std::erase_if(after_.checks, [&](const CheckSchema& check) {
    if (!check.name.empty() &&
        (FindAction(Kind::kDropCheck, check.name) || DropsConstraint(check.name))) {
      return true;
    }
    const AlterAction* modify =
        check.column.empty() ? nullptr : FindAction(Kind::kModifyColumn, check.column);
    if (modify != nullptr && !modify->check.column.empty()) return true;
    return std::any_of(dropped_.begin(), dropped_.end(), [&](const std::string& column) {
      return Mentions(check.expression, column);
    });
  });
  for (CheckSchema& check : after_.checks) {
    const AlterAction* set =
        check.name.empty() ? nullptr : FindAction(Kind::kCheckEnforcement, check.name);
    if (set) check.enforced = set->check.enforced;
    const AlterAction* rename =
        check.column.empty() ? nullptr : FindAction(Kind::kRenameColumn, check.column);
    if (rename) check.column = rename->new_name;
  }
}

// A constraint that the server named itself has no name here where the definition was parsed. A
// clause whose name is not known means it if there is only one; with several nobody can tell. No
// clause can mean a column's own check.
bool Alteration::DropUnnamed() {
  auto is_unnamed = [](const auto& item) { return item.name.empty(); };
  auto is_unnamed_check = [](const CheckSchema& check) {
    return check.name.empty() && check.column.empty();
  };
  auto has = [&](const auto& items, std::string_view name) {
    return std::any_of(items.begin(), items.end(),
                       [&](const auto& item) { return EqualNames(item.name, name); });
  };
  for (const AlterAction& action : actions_) {
    const bool is_any = action.kind == Kind::kDropConstraint;
    const bool is_check = action.kind == Kind::kDropCheck || action.kind == Kind::kCheckEnforcement;
    const bool is_key = action.kind == Kind::kDropForeignKey;
    if (!is_any && !is_check && !is_key) continue;
    if (has(before_.checks, action.name) || has(before_.foreign_keys, action.name) ||
        has(before_.indexes, action.name)) {
      continue;
    }
    const auto checks = std::count_if(after_.checks.begin(), after_.checks.end(), is_unnamed_check);
    const auto keys =
        std::count_if(after_.foreign_keys.begin(), after_.foreign_keys.end(), is_unnamed);
    const auto candidates = (is_key ? 0 : checks) + (is_check ? 0 : keys);
    if (candidates > 1) return false;
    if (candidates == 0) continue;
    if (action.kind == Kind::kCheckEnforcement) {
      auto check = std::find_if(after_.checks.begin(), after_.checks.end(), is_unnamed_check);
      check->enforced = action.check.enforced;
    } else {
      if (!is_key) std::erase_if(after_.checks, is_unnamed_check);
      if (!is_check) std::erase_if(after_.foreign_keys, is_unnamed);
    }
  }
  return true;
}

bool Alteration::RenameIn(std::string& expression, bool is_column_list) const {
  // All at once: names may be swapped. A name that stands for none of the columns is kept.
  std::string out = expression;
  const auto bare = is_column_list ? BareNames::kColumns : BareNames::kUncertain;
  std::vector<std::string> stand_ins;
  for (size_t i = 0; i < renamed_.size(); ++i) {
    stand_ins.push_back(std::string("\x01") + std::to_string(i) + "\x01");
    auto changed = godwit::RenameIn(out, renamed_[i].first, stand_ins[i], bare);
    if (!changed) return false;
    out = std::move(*changed);
  }
  for (size_t i = 0; i < renamed_.size(); ++i) {
    out = *godwit::RenameIn(out, stand_ins[i], renamed_[i].second, BareNames::kColumns);
  }
  expression = std::move(out);
  return true;
}

bool Alteration::RenameInExpressions() {
  if (renamed_.empty()) return true;
  for (ColumnSchema& column : after_.columns) {
    if (Contains(replaced_, column.name)) continue;
    if (!RenameIn(column.generation_expression, false)) return false;
    auto& value = column.default_value;
    if (value && value->kind == ColumnSchema::Default::Kind::kExpression &&
        !RenameIn(value->text, false)) {
      return false;
    }
  }
  for (CheckSchema& check : after_.checks) {
    if (!RenameIn(check.expression, false)) return false;
  }
  for (IndexSchema& index : after_.indexes) {
    for (KeyPart& part : index.parts) {
      if (!RenameIn(part.expression, false)) return false;
    }
  }
  auto rename_level = [&](Partitioning::Level& level) {
    using Method = Partitioning::Method;
    const bool is_list = level.method == Method::kRangeColumns ||
                         level.method == Method::kListColumns || level.method == Method::kKey;
    return RenameIn(level.expression, is_list);
  };
  auto& partitioning = after_.partitioning;
  return !partitioning || (rename_level(partitioning->level) &&
                           (!partitioning->sub_level || rename_level(*partitioning->sub_level)));
}

bool Alteration::Partitions() {
  bool is_known = true;
  for (const AlterAction& action : actions_) {
    if (action.kind == Kind::kReorganize) {
      is_known = Reorganize(action) && is_known;
    } else if (action.kind == Kind::kAddPartitions) {
      is_known = AddPartitions(action) && is_known;
    } else if (action.kind == Kind::kUnknown && action.text == "CONVERT TABLE") {
      is_known = false;
    } else if (action.kind == Kind::kDropPartitions || action.text == "CONVERT PARTITION") {
      is_known = after_.partitioning.has_value() && is_known;
      if (!after_.partitioning) continue;
      std::erase_if(after_.partitioning->partitions,
                    [&](const auto& p) { return Contains(action.names, p.name); });
    }
  }
  return is_known;
}

bool Alteration::AddPartitions(const AlterAction& action) {
  if (!after_.partitioning) return false;
  auto& partitions = after_.partitioning->partitions;
  const size_t subs = SubpartitionsOf(partitions);
  for (const Partitioning::Partition& partition : action.partitions) {
    if (FindNamed(partitions, partition.name) != partitions.end()) continue;  // IF NOT EXISTS
    partitions.push_back(WithSubpartitions(partition, subs));
  }
  if (!action.partitions.empty()) return true;
  if (subs != 0) return false;
  const uint64_t count = std::strtoull(action.text.c_str(), nullptr, 10);
  if (count == 0 || count > 8192) return false;  // more partitions than any server takes
  for (uint64_t i = 0; i < count; ++i) {
    partitions.push_back({"p" + std::to_string(partitions.size()), "", "", {}});
  }
  return true;
}

bool Alteration::Reorganize(const AlterAction& action) {
  const std::string_view word = std::string_view(action.text).substr(0, action.text.find(' '));
  if (EqualNames(word, "rebuild")) return true;
  if (EqualNames(word, "remove") || action.partitioning) {
    after_.partitioning = action.partitioning;
    return true;
  }
  if (!after_.partitioning) return false;
  auto& list = after_.partitioning->partitions;
  if (EqualNames(word, "coalesce")) {
    if (action.number == 0 || action.number >= list.size()) return false;
    list.resize(list.size() - action.number);
    return true;
  }
  if (!EqualNames(word, "reorganize")) return false;
  if (action.names.empty()) return true;  // of a KEY table, for the cluster engine: nothing moves
  // The new ones take the place of the first old one.
  auto at = list.end() - list.begin();
  for (const std::string& name : action.names) {
    const auto found = FindNamed(list, name);
    if (found == list.end()) return false;
    at = std::min(at, found - list.begin());
  }
  const size_t subs = SubpartitionsOf(list);
  std::erase_if(list, [&](const auto& p) { return Contains(action.names, p.name); });
  for (const Partitioning::Partition& partition : action.partitions) {
    list.insert(list.begin() + at++, WithSubpartitions(partition, subs));
  }
  return true;
}

std::vector<AlterAction> Alteration::AddObjects() {
  std::vector<AlterAction> named;
  for (const AlterAction& action : actions_) {
    const size_t at = named.size();
    named.push_back(action);
    if (action.kind == Kind::kAddIndex) AddIndex(named[at].index);
    if (action.kind == Kind::kAddCheck) AddCheck(named[at]);
    if (action.kind != Kind::kAddForeignKey) continue;
    if (AddForeignKey(named[at]) && !IsCovered(action.foreign_key.columns)) {
      AlterAction& made = named.emplace_back();
      made.kind = Kind::kAddIndex;
      made.index.name = action.foreign_key.name;
      for (const std::string& column : action.foreign_key.columns) {
        made.index.parts.push_back({.column = column});
      }
      AddIndex(made.index);
    }
  }
  // Columns of the primary key take no NULL, however they are written.
  if (const IndexSchema* primary = after_.primary_key()) {
    for (const KeyPart& part : primary->parts) {
      const int column = after_.FindColumn(part.column);
      if (column >= 0) after_.columns[column].nullable = false;
    }
  }
  return named;
}

// MySQL manual, "FOREIGN KEY Constraints": a key without such an index gets one.
bool Alteration::IsCovered(const std::vector<std::string>& columns) const {
  auto covers = [&](const IndexSchema& index) { return Covers(index, columns); };
  return std::any_of(after_.indexes.begin(), after_.indexes.end(), covers) ||
         std::any_of(actions_.begin(), actions_.end(), [&](const AlterAction& action) {
           return action.kind == Kind::kAddIndex && covers(action.index);
         });
}

void Alteration::AddIndex(IndexSchema& index) {
  if (index.kind == IndexSchema::Kind::kPrimary) {
    if (!after_.primary_key()) after_.indexes.insert(after_.indexes.begin(), index);
    return;
  }
  auto is_taken = [&](const std::string& name) {
    return EqualNames(name, "PRIMARY") || FindNamed(after_.indexes, name) != after_.indexes.end();
  };
  if (index.name.empty()) {
    std::string base = "functional_index";
    if (!index.parts.empty() && !index.parts[0].column.empty()) {
      const int column = after_.FindColumn(index.parts[0].column);
      base = column < 0 ? index.parts[0].column : after_.columns[column].name;
    }
    index.name = base;
    for (int n = 2; is_taken(index.name); ++n) index.name = base + "_" + std::to_string(n);
  } else if (is_taken(index.name)) {
    return;  // IF NOT EXISTS
  }
  after_.indexes.push_back(index);
}

// False: it is there, IF NOT EXISTS.
bool Alteration::AddForeignKey(AlterAction& action) {
  auto& keys = after_.foreign_keys;
  ForeignKeySchema& key = action.foreign_key;
  if (key.name.empty()) {  // named by InnoDB
    const std::string begin = before_.name.table + "_ibfk_";
    key.name = NextName(action.text.empty() ? begin : action.text, before_.foreign_keys, keys);
  } else if (FindNamed(keys, key.name) != keys.end()) {
    return false;
  }
  keys.push_back(key);
  return true;
}

void Alteration::AddCheck(AlterAction& action) {
  auto& checks = after_.checks;
  CheckSchema& check = action.check;
  if (check.name.empty()) {
    if (!action.text.empty()) check.name = NextName(action.text, before_.checks, checks);
  } else if (FindNamed(checks, check.name) != checks.end()) {
    return;  // IF NOT EXISTS
  }
  checks.push_back(check);
}

void Alteration::RenameTable() {
  const AlterAction* rename = nullptr;
  for (const AlterAction& action : actions_) {
    if (action.kind == Kind::kRenameTable) rename = &action;
  }
  if (!rename) return;
  after_.name = rename->new_table;
  if (after_.name.database.empty()) after_.name.database = before_.name.database;
  // Names the server made from the table's follow it.
  auto follow = [&](std::string& name, const char* infix) {
    const uint64_t number = GeneratedNumber(name, before_.name.table + infix);
    if (number != 0) name = after_.name.table + infix + std::to_string(number);
  };
  for (ForeignKeySchema& key : after_.foreign_keys) {
    follow(key.name, "_ibfk_");
    if (key.referenced == before_.name) key.referenced = after_.name;
  }
  for (CheckSchema& check : after_.checks) follow(check.name, "_chk_");
}

}  // namespace godwit
