// SPDX-License-Identifier: Apache-2.0
// The full stage and what the log has that touches a copy: which tables are to be copied again.
#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "model/names.h"
#include "pipeline/ddl_barrier.h"
#include "pipeline/source_load.h"
#include "stage/full.h"
#include "stage/schema.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;
using Kind = SchemaChange::Kind;

namespace {

// Of an entry: the source had no such table when it was to be copied.
constexpr const char* kWasDropped = "dropped";

// Those whose name, or the name of whose columns, this changes, by their last names.
std::vector<TableName> RenamedParents(const SchemaChange& change) {
  std::vector<TableName> parents;
  for (const auto& [from, to] : RenamesOf(change)) parents.push_back(to);
  for (const AlterAction& action : change.actions) {
    const bool renames_column = action.kind == AlterAction::Kind::kRenameColumn ||
                                (action.kind == AlterAction::Kind::kModifyColumn &&
                                 !EqualNames(action.name, action.column.name));
    if (renames_column) parents.push_back(change.table);
  }
  return parents;
}

// The tables that the log makes: it speaks of them first where they are made.
class Births {
 public:
  void Note(const SchemaChange& ddl) {
    if (ddl.kind == Kind::kCreateTable && !mentioned_.contains(ddl.table)) born_.insert(ddl.table);
    for (TableName& name : TablesOf(ddl)) mentioned_.insert(std::move(name));
  }
  const std::set<TableName>& born() const { return born_; }

 private:
  std::set<TableName> mentioned_;
  std::set<TableName> born_;
};

bool Refers(const TableSchema& child, const std::vector<TableName>& parents) {
  return std::any_of(
      child.foreign_keys.begin(), child.foreign_keys.end(), [&](const ForeignKeySchema& key) {
        return std::find(parents.begin(), parents.end(), key.referenced) != parents.end();
      });
}

}  // namespace

std::vector<TableName> FullStage::Joined(const SchemaChange& change,
                                         const std::vector<TableSchemaPtr>& tables) const {
  std::vector<TableName> names = TablesOf(change);
  const std::vector<TableName> parents = RenamedParents(change);
  for (const TableSchemaPtr& table : tables) {
    if (Refers(*table, parents)) names.push_back(table->name);
  }
  std::erase_if(names, [&](const TableName& n) { return !link_.translator.rules().Find(n); });
  return names;
}

// The log has the DDL that made reading fail, once capture has come to where the source is now.
std::set<TableName> FullStage::ChangedUnderCopy(std::stop_token stop) {
  capturer_->SequencePast(
      WithPositions([](ChangeReader& reader) { return reader.Current(); }, stop), stop);
  const std::vector<TableSchemaPtr> tables = Tables();
  std::set<TableName> changed;
  EachDdl(
      [&](Sequence at, const SchemaChange& ddl) {
        const std::vector<TableName> names = Joined(ddl, tables);
        bool is_open = std::any_of(names.begin(), names.end(), [&](const TableName& name) {
          return journal_.Status(name.ToString()) == "running" &&
                 at > Bounds(name).start.value_or(0);
        });
        if (is_open) changed.insert(names.begin(), names.end());
      },
      stop);
  return changed;
}

void FullStage::EachDdl(const std::function<void(Sequence, const SchemaChange&)>& visit,
                        std::stop_token stop) {
  EachPart([](const LoggedTransaction& transaction) { return transaction.is_ddl; },
           [&](Sequence at, const LogPart& part) {
             if (part.kind == LogPart::Kind::kDdl) visit(at, part.ddl);
           },
           stop);
}

void FullStage::EachPart(const std::function<bool(const LoggedTransaction&)>& is_wanted,
                         const std::function<void(Sequence, const LogPart&)>& visit,
                         std::stop_token stop) {
  auto log = link_.store.Read(0);
  for (const Sequence last = link_.store.last(); last > 0;) {
    auto transaction = log->NextTransaction(Deadline::In(std::chrono::milliseconds(0)), stop);
    if (!transaction) return;
    LogPart part;
    while (is_wanted(*transaction) && log->NextPart(part)) visit(transaction->sequence, part);
    if (transaction->sequence >= last) return;
  }
}

std::set<TableName> FullStage::NamedByDdl(Sequence after, Sequence through, std::stop_token stop) {
  std::set<TableName> names;
  EachDdl(
      [&](Sequence at, const SchemaChange& ddl) {
        if (at <= after || at > through) return;
        for (TableName& name : TablesOf(ddl)) names.insert(std::move(name));
      },
      stop);
  return names;
}

std::set<TableName> FullStage::BornInLog(std::stop_token stop) {
  if (capturer_ == nullptr) return {};
  Births births;
  EachDdl([&](Sequence, const SchemaChange& ddl) { births.Note(ddl); }, stop);
  return births.born();
}

bool FullStage::IsTouched(const TableName& table) const {
  const std::string object = table.ToString();
  return link_.metadata.Setting(link_.project, CopyBounds::SettingKey(table)) ||
         !journal_.Status(object).empty() ||
         link_.metadata.Entry(link_.project, "schema", object).has_value();
}

void FullStage::ResolveBounds(std::stop_token stop) {
  for (auto& [table, bounds] : CopyBounds::All(link_.metadata, link_.project)) {
    if (bounds.exit || bounds.exit_position.empty()) continue;
    // Not later: DDL behind a table's copy must not begin it again while others are copied.
    bounds.exit = capturer_->SequenceAt(bounds.exit_position, stop);
    PutBounds(table, bounds);
  }
}

std::set<TableName> FullStage::Changed(std::stop_token stop) {
  const auto all = CopyBounds::All(link_.metadata, link_.project);
  std::set<TableName> changed;
  auto is_over = [&](Sequence at, const TableName& name) {
    auto bounds = all.find(name);
    return changed.contains(name) ||
           (bounds != all.end() && at <= bounds->second.start.value_or(0));
  };
  auto is_copying = [&](Sequence at, const TableName& name) {
    auto bounds = all.find(name);
    return !is_over(at, name) && bounds != all.end() && at <= bounds->second.exit.value_or(0);
  };
  EachPart([](const LoggedTransaction& transaction) { return transaction.has_partial_images; },
           [&](Sequence at, const LogPart& part) {
             if (part.kind != LogPart::Kind::kRows || !part.rows.has_partial_images()) return;
             const TableName& name = part.rows.table->name;
             if (!is_copying(at, name) || !changed.insert(name).second) return;
             link_.metadata.PutSetting(
                 link_.project, fmt::format("{}{}", kPartialPrefix, name.ToString()), "seen");
           },
           stop);
  const std::vector<Met> met = MetDdl(stop);
  for (size_t before = changed.size() + 1; before != changed.size();) {
    before = changed.size();
    for (const Met& ddl : met) {
      auto over = [&](const TableName& name) { return is_over(ddl.at, name); };
      const auto& names = ddl.names;
      // Rows that go from one name to another, or a key that does, are in all copies or in none.
      const bool is_split = ddl.moves && std::any_of(names.begin(), names.end(), over) &&
                            !std::all_of(names.begin(), names.end(), over);
      const bool is_within = std::any_of(names.begin(), names.end(), [&](const TableName& name) {
        return is_copying(ddl.at, name);
      });
      if (is_split || is_within) changed.insert(names.begin(), names.end());
      for (const TableName& name : ddl.gone) {
        if (!all.contains(name)) changed.insert(name);
      }
    }
  }
  return changed;
}

std::vector<FullStage::Met> FullStage::MetDdl(std::stop_token stop) {
  const std::vector<TableSchemaPtr> tables = Tables();
  std::set<TableName> there;
  for (const TableSchemaPtr& table : tables) there.insert(table->name);
  Births births;  // those that replay makes are not missed
  std::vector<Met> met;
  EachDdl(
      [&](Sequence at, const SchemaChange& ddl) {
        births.Note(ddl);
        Met& one = met.emplace_back(Met{at, Joined(ddl, tables), {}, false});
        one.moves = !MovesOf(ddl).empty() || !RenamedParents(ddl).empty();
        if (ddl.kind == Kind::kDropTable || ddl.kind == Kind::kDropDatabase) one.gone = ddl.tables;
        for (const auto& [from, to] : MovesOf(ddl)) one.gone.push_back(from);
        std::erase_if(one.gone, [&](const TableName& name) {
          return there.contains(name) || births.born().contains(name) ||
                 !link_.translator.rules().Find(name);
        });
      },
      stop);
  return met;
}

void FullStage::CopyAgain(const std::set<TableName>& tables, std::stop_token stop) {
  const auto mark = MarkOf(link_.source, link_.name, link_.spec);
  Position start =
      WithPositions([&](ChangeReader& reader) { return reader.ProveStart(mark, stop); }, stop);
  const Sequence sequence = capturer_->SequenceAt(start, stop);
  std::vector<TableSchemaPtr> present;
  for (const TableName& name : WithCascadeGroups(tables)) {
    auto table = source_->Table(name);
    const std::string object = name.ToString();
    const bool is_ours = IsOursToMake(name);
    const bool is_made_or_filled = IsMadeOrFilled(name);
    // Before the bounds, which tell that the copy must begin again, are forgotten.
    if (!is_ours && is_made_or_filled) Truncate(name, stop);
    if (!is_ours && !is_made_or_filled && table) CheckIsEmpty(name);
    CopyBounds bounds = Bounds(name);
    ++bounds.generation;
    bounds.start_position = start;
    bounds.start = sequence;
    bounds.exit_position = {};
    bounds.exit.reset();
    if (table || is_made_or_filled) {
      journal_.Put(object, "running", {{"generation", bounds.generation}});
      if (is_ours) ForgetDefinition(name);
    }
    CrashPoint("full-again-before-bounds");
    PutBounds(name, bounds);
    link_.metadata.RemoveChunks(link_.project, name);
    if (table) {
      present.push_back(std::make_shared<const TableSchema>(std::move(*table)));
      continue;
    }
    if (is_ours && is_made_or_filled) DropMade(name, stop);
    // What has been of it until now; a DDL in between begins it again.
    bounds.exit_position =
        WithPositions([](ChangeReader& reader) { return reader.Current(); }, stop);
    PutBounds(name, bounds);
    journal_.Put(object, "done", {{"rows", 0}, {kWasDropped, true}});
  }
  CrashPoint("full-again-after-bounds");
  CopyAll(present, sequence, stop);
}

// A table of the project's making, or one of the user's own that has been copied into.
bool FullStage::IsMadeOrFilled(const TableName& source) const {
  const std::string object = source.ToString();
  if (IsOursToMake(source)) {
    return StageJournal(link_.metadata, link_.project, "schema")
        .Detail(object)
        .value("ours", false);
  }
  return !journal_.Status(object).empty() && !journal_.Detail(object).value(kWasDropped, false);
}

void FullStage::LoadPrechecked() {
  prechecked_.clear();
  const auto text = link_.metadata.Setting(link_.project, kSelectionSetting);
  if (!text) return;
  for (const auto& selected : SelectionFromJson(json::parse(*text)).selected) {
    prechecked_.insert(selected.name);
  }
}

// A table of the user's own.
void FullStage::CheckIsEmpty(const TableName& source) {
  const TableName name = link_.translator.rules().Find(source)->destination;
  const auto there = destination_->Table(name);
  if (!there || !HasRows(link_.destination, *there)) return;
  throw Error({.code = "TABLE_IN_THE_WAY",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = name.ToString(),
               .message = "a table of this name is there already, and has rows",
               .cause = "the source's table has got its name since the precheck",
               .remedy = "rename or empty it, or leave the source's table out, and resume"});
}

// Its destination, unless another table's rows are in it by now.
void FullStage::DropMade(const TableName& source, std::stop_token stop) {
  const TableName destination = link_.translator.rules().Find(source)->destination;
  const Dialect& dialect = link_.destination.dialect();
  for (const TableSchemaPtr& other : Tables()) {
    const TableName used = link_.translator.rules().Find(other->name)->destination;
    if (other->name != source && dialect.Folded(used) == dialect.Folded(destination)) return;
  }
  DropTable(*sink_, dialect, destination, stop);
  StageJournal schema(link_.metadata, link_.project, "schema");
  json detail = schema.Detail(source.ToString());
  detail.erase("ours");
  schema.Put(source.ToString(), "done", detail);
}

// The live keys of a group would write into a table copied later than the rest of it.
std::set<TableName> FullStage::WithCascadeGroups(std::set<TableName> tables) {
  std::vector<TableSchemaPtr> all = Tables();
  for (const auto& group : PlanCopies(all, Traits()).at_snapshot) {
    bool is_hit = std::any_of(group.begin(), group.end(), [&](const TableSchemaPtr& table) {
      return tables.contains(table->name);
    });
    if (!is_hit) continue;
    for (const TableSchemaPtr& table : group) tables.insert(table->name);
  }
  return tables;
}

}  // namespace godwit
