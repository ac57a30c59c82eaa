// SPDX-License-Identifier: Apache-2.0
#include "stage/schema.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

// An index that comes after the rows costs OceanBase a third of a second, one after another,
// however small the table; one that is there from the start a few microseconds for each row.
constexpr uint64_t kLargeTable = 16 << 20;

json NotesOf(const std::vector<TranslationNote>& notes) {
  json out = json::array();
  for (const TranslationNote& note : notes) {
    out.push_back({{"object", note.object}, {"text", note.text}, {"may_clash", note.may_clash}});
  }
  return out;
}

std::string Joined(const std::vector<Statement>& statements) {
  std::string text;
  for (const Statement& statement : statements) text += statement.sql + ";\n";
  return text;
}

}  // namespace

std::string DefinitionDigest(const TableSchema& table) {
  TableSchema fixed = table;
  fixed.next_auto_increment = 0;
  std::string bytes = EncodeTableSchema(fixed);
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

bool TellsOfDefinitions(const Error& error) {
  for (const char* code : {"PLAN_COLUMN_MISSING", "PLAN_TABLE_MISSING", "PLAN_COLUMN_UNFILLED",
                           "COLUMN_UNKNOWN", "TABLE_UNKNOWN", "TABLE_CHANGED"}) {
    if (error.code() == code) return true;
  }
  return false;
}

SchemaStage::SchemaStage(Link& link)
    : link_(link), journal_(link.metadata, link.project, "schema") {
  progress_.unit = "objects";
}

void SchemaStage::Run(std::stop_token stop) {
  source_ = link_.source.OpenCatalog();
  destination_ = link_.destination.OpenCatalog();
  sink_ = link_.destination.OpenSink();
  sink_->Attach(link_.name, 0, link_.epoch);
  failed_ = 0;

  Selection selection = SelectObjects(*source_, link_.translator.rules());
  progress_.total.Set(static_cast<int64_t>(selection.tables.size() + selection.views.size()));
  progress_.done.Set(0);
  std::set<std::string> databases;
  for (const auto* names : {&selection.tables, &selection.views}) {
    for (const TableName& name : *names) {
      databases.insert(link_.translator.rules().Find(name)->destination.database);
    }
  }
  CreateDatabases(databases, stop);
  for (const TableName& name : selection.tables) {
    if (stop.stop_requested()) throw Stopped();
    CreateTable(name, stop);
    progress_.done.Add(1);
  }
  // A view may need another one: as long as a round creates some, the rest is tried again.
  std::vector<TableName> views = selection.views;
  for (size_t before = views.size() + 1; !views.empty() && views.size() < before;) {
    before = views.size();
    std::erase_if(views, [&](const TableName& name) {
      if (stop.stop_requested()) throw Stopped();
      return CreateView(name, stop);
    });
  }
  failed_ += static_cast<int>(views.size());
  progress_.done.Set(progress_.total.Get() - failed_);
  if (failed_ > 0) {
    throw Error({.code = "SCHEMA_INCOMPLETE",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .message = fmt::format("{} of {} objects could not be created", failed_,
                                        progress_.total.Get()),
                 .cause = "each has its own cause in the journal",
                 .remedy = "see 'godwit project ddl NAME', then resolve each with --edit, --retry "
                           "or --skip"});
  }
}

void SchemaStage::CreateDatabases(const std::set<std::string>& databases, std::stop_token stop) {
  std::vector<std::string> known = destination_->Databases();
  for (const std::string& database : databases) {
    if (std::find(known.begin(), known.end(), database) != known.end()) continue;
    sink_->Execute({.part = Statement::Part::kDatabase,
                    .table = {database, ""},
                    .object = database,
                    .sql = link_.destination.dialect().CreateDatabase(database, "", "")},
                   stop);
  }
}

// What makes the table at the destination, by the user's own words where there are any; `detail` is
// told of it.
std::vector<Statement> SchemaStage::StatementsOf(const Link& link, const TableSchema& table,
                                                 bool defers_indexes, json& detail) {
  const TableName destination = link.translator.rules().Find(table.name)->destination;
  std::vector<Statement> statements;
  if (detail.contains("edited")) {  // perhaps because it cannot be translated
    statements = {{Statement::Part::kTable, destination, "", detail["edited"]}};
  } else {
    TranslatedTable translated = link.translator.Table(table);
    statements = link.destination.dialect().CreateTable(translated.table,
                                                        {.defer_plain_indexes = defers_indexes});
    detail["notes"] = NotesOf(translated.notes);
  }
  detail["kind"] = "table";
  detail["destination"] = destination.ToString();
  detail["statements"] = ToJson(statements);
  detail["converted"] = Joined(statements);
  detail["source"] = Joined(link.source.dialect().CreateTable(table, {}));
  return statements;
}

void SchemaStage::CreateTable(const TableName& name, std::stop_token stop) {
  const std::string object = name.ToString();
  if (journal_.IsDone(object)) return;
  json detail = journal_.Detail(object);
  try {
    std::optional<TableSchema> table = source_->Table(name);
    if (!table) return;  // dropped since it was listed
    const TableName destination = link_.translator.rules().Find(name)->destination;
    const std::vector<Statement> statements =
        StatementsOf(link_, *table, DefersIndexes(*table), detail);
    const bool existed_before = destination_->Table(destination).has_value();
    const bool is_ours = journal_.Status(object) == "running" || detail.value("ours", false);
    detail["definition"] = DefinitionDigest(*table);
    if (existed_before && !is_ours) {
      detail["kept"] = true;  // precheck found it empty
      journal_.Put(object, "done", detail);
      return;
    }
    detail["ours"] = true;
    journal_.Put(object, "running", detail);
    CrashPoint("schema-before-object");
    if (existed_before) {
      sink_->Execute({.part = Statement::Part::kTable,
                      .table = destination,
                      .sql = link_.destination.dialect().DropTable(destination)},
                     stop);
    }
    for (const Statement& statement : statements) sink_->Execute(statement, stop);
    CrashPoint("schema-after-object-before-journal");
    detail.erase("error");
    journal_.Put(object, "done", detail);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || error.code() == "FENCED") throw;
    journal_.PutError(object, error, detail);
    ++failed_;
  }
}

bool SchemaStage::DefersIndexes(const TableSchema& table) {
  if (link_.spec.defer_indexes) return *link_.spec.defer_indexes;
  return source_->Estimate(table.name).bytes >= kLargeTable;
}

bool SchemaStage::CreateView(const TableName& name, std::stop_token stop) {
  const std::string object = name.ToString();
  if (journal_.IsDone(object)) return true;
  json detail = journal_.Detail(object);
  detail["kind"] = "view";
  try {
    std::optional<ViewSchema> view = source_->View(name);
    if (!view) return true;
    ViewSchema translated = link_.translator.View(*view);
    std::vector<Statement> statements = link_.destination.dialect().CreateView(translated);
    if (detail.contains("edited")) {
      statements = {{Statement::Part::kView, translated.name, "", detail["edited"]}};
    }
    detail["destination"] = translated.name.ToString();
    detail["statements"] = ToJson(statements);
    detail["converted"] = Joined(statements);
    detail["source"] = Joined(link_.source.dialect().CreateView(*view));
    for (const Statement& statement : statements) sink_->Execute(statement, stop);
    detail.erase("error");
    journal_.Put(object, "done", detail);
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || error.code() == "FENCED") throw;
    journal_.PutError(object, error, detail);
    return false;
  }
}

void SchemaStage::Recreate(Link& link, Catalog& destination, Sink& sink, const TableSchema& source,
                           std::stop_token stop) {
  StageJournal journal(link.metadata, link.project, "schema");
  const std::string object = source.name.ToString();
  json detail = journal.Detail(object);
  const std::vector<Statement> statements =
      StatementsOf(link, source, link.spec.may_defer_indexes(), detail);
  const Dialect& dialect = link.destination.dialect();
  const TableName name = link.translator.rules().Find(source.name)->destination;
  const bool exists = destination.Table(name).has_value();
  if (exists && !detail.value("ours", false)) {
    throw Error({.code = "TABLE_IN_THE_WAY",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = name.ToString(),
                 .message = "a table of this name is there already",
                 .cause =
                     "it was not made by this project, and the source's table is newer than the "
                     "precheck",
                 .remedy = "rename or drop it, or leave the source's table out, and resume"});
  }
  detail["ours"] = true;
  detail["definition"] = "";  // until it is made
  journal.Put(object, "done", detail);
  std::vector<std::string> databases = destination.Databases();
  if (std::find(databases.begin(), databases.end(), name.database) == databases.end()) {
    sink.Execute({.part = Statement::Part::kDatabase,
                  .table = {name.database, ""},
                  .sql = dialect.CreateDatabase(name.database, "", "")},
                 stop);
  }
  if (exists) {
    sink.Execute({.part = Statement::Part::kTable, .table = name, .sql = dialect.DropTable(name)},
                 stop);
  }
  for (const Statement& statement : statements) sink.Execute(statement, stop);
  detail["definition"] = DefinitionDigest(source);
  journal.Put(object, "done", detail);
}

}  // namespace godwit
