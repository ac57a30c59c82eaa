// SPDX-License-Identifier: Apache-2.0
#include "pipeline/own_tables.h"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/hex.h"
#include "model/names.h"

namespace godwit {
namespace {

using nlohmann::json;
using Kind = AlterAction::Kind;

const ColumnSchema* Column(const TableSchema& table, const std::string& name) {
  const int at = table.FindColumn(name);
  return at < 0 ? nullptr : &table.columns[static_cast<size_t>(at)];
}

// As far as values go that it holds.
bool HoldsTheSame(const ColumnSchema& a, const ColumnSchema& b) {
  return a.type == b.type && a.charset == b.charset;
}

enum class Due { kNo, kYes, kUnsafe };

bool HasForeignKey(const TableSchema& copied, const std::string& name) {
  return std::any_of(copied.foreign_keys.begin(), copied.foreign_keys.end(),
                     [&](const ForeignKeySchema& key) { return EqualNames(key.name, name); });
}

bool HasUniqueIndex(const TableSchema& copied, const std::string& name) {
  return std::any_of(copied.indexes.begin(), copied.indexes.end(), [&](const IndexSchema& index) {
    return EqualNames(index.name, name) && index.is_unique();
  });
}

bool HasMadeIndex(const TableSchema& copied, const std::string& name) {
  return std::any_of(copied.indexes.begin(), copied.indexes.end(), [&](const IndexSchema& index) {
    return EqualNames(index.name, name) && index.kind == IndexSchema::Kind::kPlain &&
           !index.invisible;
  });
}

// A column that the copy has filled is there under its last name; foreign keys, and plain indexes,
// are made after the rows as the copied definition has them. What goes and is there again then must
// not go now.
Due DueOf(AlterAction& action, const TableSchema& copied, bool makes_indexes) {
  const ColumnSchema* named = Column(copied, action.name);
  switch (action.kind) {
    case Kind::kAddColumn:
      return Column(copied, action.column.name) != nullptr ? Due::kNo : Due::kYes;
    case Kind::kRenameColumn:
      return Column(copied, action.new_name) != nullptr ? Due::kNo : Due::kUnsafe;
    case Kind::kDropColumn:
      return named == nullptr ? Due::kYes : Due::kUnsafe;
    case Kind::kModifyColumn: {
      const ColumnSchema* now = Column(copied, action.column.name);
      if (now == nullptr || !HoldsTheSame(*now, action.column)) return Due::kUnsafe;
      action.name = action.column.name;
      return Due::kYes;
    }
    case Kind::kAddIndex:
      return makes_indexes && HasMadeIndex(copied, action.index.name) ? Due::kNo : Due::kYes;
    case Kind::kDropIndex:
      if (HasUniqueIndex(copied, action.name)) return Due::kUnsafe;
      return makes_indexes && HasMadeIndex(copied, action.name) ? Due::kUnsafe : Due::kYes;
    case Kind::kDropPrimaryKey:  // without it rows that come again would be there twice
      return copied.primary_key() != nullptr ? Due::kUnsafe : Due::kYes;
    case Kind::kAddForeignKey:  // else deletes of parents that come again would cascade
      return HasForeignKey(copied, action.foreign_key.name) ? Due::kNo : Due::kUnsafe;
    case Kind::kDropForeignKey:
    case Kind::kDropConstraint:
      return HasForeignKey(copied, action.name) ? Due::kUnsafe : Due::kYes;
    case Kind::kDropPartitions:      // their rows may be in another one by now
    case Kind::kTruncatePartitions:  // new rows may be in them
    case Kind::kReorganize:
    case Kind::kConvertCharset:
    case Kind::kRenameTable:
    case Kind::kUnknown:
      return Due::kUnsafe;
    case Kind::kSetDefault:
    case Kind::kDropDefault:
    case Kind::kSetVisibility:
    case Kind::kRenameIndex:
    case Kind::kIndexVisibility:
    case Kind::kAddCheck:
    case Kind::kDropCheck:
    case Kind::kCheckEnforcement:
    case Kind::kAddPartitions:
    case Kind::kTableComment:
    case Kind::kTableCharset:
    case Kind::kAutoIncrement:
    case Kind::kNoEffect:
      return Due::kYes;
  }
  return Due::kUnsafe;
}

}  // namespace

bool IsUsersOwn(const Link& link, const TableName& source) {
  if (!link.spec.Has(MigrationType::kSchema)) return true;
  const auto entry = link.metadata.Entry(link.project, "schema", source.ToString());
  if (!entry) return false;  // made by replay or by the full stage
  const json detail = json::parse(entry->detail, nullptr, false);
  const bool is_of_user =
      detail.is_object() && (detail.value("kept", false) || detail.contains("edited"));
  return entry->status == "skipped" || is_of_user;
}

std::optional<TableSchema> CopiedDefinition(const Link& link, const TableName& source) {
  const auto entry = link.metadata.Entry(link.project, "full", source.ToString());
  if (!entry || entry->status != "done") return {};
  const std::string copied = json::parse(entry->detail).value("copied", "");
  if (copied.empty()) return {};
  return DecodeTableSchema(FromHex(copied));
}

std::optional<SchemaChange> LeftOverFromCopy(const SchemaChange& change, const TableSchema& copied,
                                             bool makes_indexes) {
  SchemaChange left = change;
  left.actions.clear();
  bool is_safe = true;
  for (AlterAction action : change.actions) {
    const Due due = DueOf(action, copied, makes_indexes);
    if (due == Due::kNo) continue;
    is_safe = is_safe && due == Due::kYes;
    left.actions.push_back(std::move(action));
  }
  if (left.actions.empty()) return {};
  if (!is_safe) {
    left.problem =
        "it happened before the table's copy, which has left the definition to you; on the rows "
        "there now, which are of later, it could take or change some, or take what is there again";
  }
  return left;
}

}  // namespace godwit
