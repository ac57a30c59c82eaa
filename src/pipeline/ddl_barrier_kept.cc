// SPDX-License-Identifier: Apache-2.0
// DdlBarrier and what must stay at the destination: copies of later moments, and what is not the
// project's.
#include <algorithm>
#include <set>

#include "pipeline/ddl_barrier.h"
#include "pipeline/own_tables.h"

namespace godwit {
namespace {

using Kind = SchemaChange::Kind;

// What EXCHANGE PARTITION takes rows from and gives them to; empty for any other change.
TableName PartnerOf(const SchemaChange& change) {
  for (const AlterAction& action : change.actions) {
    if (action.kind == AlterAction::Kind::kUnknown) return action.new_table;
  }
  return {};
}

}  // namespace

std::vector<SchemaChange> DdlBarrier::Uncopied(Sequence sequence, const SchemaChange& change,
                                               std::stop_token stop) {
  auto is_copied = [&](const TableName& name) { return tables_.IsCopied(name, sequence); };
  if (change.kind == Kind::kDropDatabase) {
    SchemaChange drop = change;
    std::erase_if(drop.tables, is_copied);
    const bool keeps = tables_.HoldsCopy(change.table.database, sequence);
    if (!keeps && !HoldsOthers(change, stop)) return {change};
    if (drop.tables.empty()) return {};
    drop.kind = Kind::kDropTable;
    drop.if_exists = true;
    return {drop};
  }
  if (change.is_about_database()) return {change};
  SchemaChange part = change;
  if (change.kind == Kind::kDropTable) {
    std::erase_if(part.tables, is_copied);
    if (part.tables.empty()) return {};
    return {part};
  }
  if (change.is_about_view()) {
    // A table's copy says nothing of a view that has had its name, as long as that is free for one.
    auto is_table = [&](const TableName& name) {
      auto mapping = link_.translator.rules().Find(name);
      return is_copied(name) && mapping && Exists(mapping->destination, stop);
    };
    std::erase_if(part.tables, is_table);
    const bool is_left =
        change.kind == Kind::kCreateView ? !is_table(change.table) : !part.tables.empty();
    if (!is_left) return {};
    return {part};
  }
  if (change.kind == Kind::kRenameTable) {
    std::erase_if(part.renames, [&](const auto& rename) {
      return is_copied(rename.first) || is_copied(rename.second);
    });
    if (part.renames.empty()) return {};
    return {part};
  }
  std::vector<TableName> names = NamesOf(change);
  if (!std::any_of(names.begin(), names.end(), is_copied)) return {part};
  // Of two tables that exchange rows each one's copy must hold it.
  const TableName partner = PartnerOf(change);
  const bool is_open =
      !partner.table.empty() && link_.translator.rules().Find(partner) && !is_copied(partner);
  if (is_open) return {part};
  if (change.kind != Kind::kAlterTable || !IsUsersOwn(link_, change.table)) return {};
  const auto copied = CopiedDefinition(link_, change.table);
  if (!copied) return {};
  const auto left = LeftOverFromCopy(change, *copied, link_.spec.may_defer_indexes());
  return left ? std::vector{*left} : std::vector<SchemaChange>{};
}

// Tables that the source's database did not have: the user's, or another project's.
bool DdlBarrier::HoldsOthers(const SchemaChange& drop, std::stop_token stop) {
  const ObjectRules& rules = link_.translator.rules();
  const Dialect& dialect = link_.destination.dialect();
  std::set<TableName> ours;
  for (const TableName& name : drop.tables) {
    if (auto mapping = rules.Find(name)) ours.insert(dialect.Folded(mapping->destination));
  }
  const std::string database = rules.DestinationDatabase(drop.table.database);
  if (!DatabaseExists(database, stop)) return false;
  return AskCatalog(stop, [&](Catalog& catalog) {
    const std::vector<CatalogObject> there = catalog.Objects(database);
    return std::any_of(there.begin(), there.end(), [&](const CatalogObject& object) {
      return object.kind == CatalogObject::Kind::kTable &&
             !ours.contains(dialect.Folded(object.name));
    });
  });
}

void DdlBarrier::CheckDropped(const Record& record, const SchemaChange& source,
                              const SchemaChange& change, std::stop_token stop) {
  // The user's own words are run as they are.
  if (Render(change, stop) != record.statements || !HoldsOthers(source, stop)) return;
  throw Error({.code = "DDL_DATABASE_SHARED",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = change.table.database,
               .message = "the database holds tables that are not the project's",
               .cause = "they were made while the statement that drops it waited",
               .remedy = "skip it and drop the project's own tables by hand, or move the others "
                         "elsewhere and retry"});
}

}  // namespace godwit
