// SPDX-License-Identifier: Apache-2.0
#include "stage/schema.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "pipeline/ddl_barrier.h"
#include "stage/object_statements.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

// The setting that says how far the second look at the views is.
constexpr char kViews[] = "schema.views";
constexpr char kViewsOpen[] = "open";
constexpr char kViewsDone[] = "done";

// The user has said what is to be of an object, and its stage leaves it at that.
bool IsAnswered(std::string_view status, const json& detail) {
  return status == "skipped" || detail.value("kept", false) || detail.contains("edited");
}

}  // namespace

std::string DefinitionDigest(const TableSchema& table) {
  TableSchema fixed = table;
  fixed.next_auto_increment = 0;
  std::string bytes = EncodeTableSchema(fixed);
  XXH128_hash_t hash = XXH3_128bits(bytes.data(), bytes.size());
  return fmt::format("{:016x}{:016x}", hash.high64, hash.low64);
}

void DropTable(Sink& sink, const Dialect& dialect, const TableName& destination,
               std::stop_token stop) {
  sink.Execute({.part = Statement::Part::kTable,
                .table = destination,
                .sql = dialect.DropTable(destination)},
               stop);
}

bool HasRows(Endpoint& destination, const TableSchema& table) {
  auto reader = destination.OpenRowReader();
  auto existing = std::make_shared<const TableSchema>(table);
  ScanPlan plan{existing, {0}, existing->identity_columns()};
  RowBatch batch(1);
  reader->Open(plan, {});
  reader->Read(batch, 1, 1 << 20);
  return !batch.empty();
}

bool TellsOfDefinitions(const Error& error) {
  for (const char* code :
       {"PLAN_COLUMN_MISSING", "PLAN_TABLE_MISSING", "PLAN_COLUMN_UNFILLED", "PLAN_COLUMN_COARSER",
        "COLUMN_UNKNOWN", "TABLE_UNKNOWN", "DATABASE_UNKNOWN", "TABLE_CHANGED"}) {
    if (error.code() == code) return true;
  }
  return false;
}

bool TakenNames::Has(const TableName& name) {
  const std::string database = dialect_.FoldTableName(name.database);
  auto known = databases_.find(database);
  if (known == databases_.end()) {
    std::set<std::string> names;
    for (const CatalogObject& object : catalog_.Objects(database)) {
      if (object.kind == CatalogObject::Kind::kTemporary) continue;
      names.insert(dialect_.FoldTableName(object.name.table));
    }
    known = databases_.emplace(database, std::move(names)).first;
  }
  return known->second.contains(dialect_.FoldTableName(name.table));
}

SchemaStage::SchemaStage(Link& link)
    : link_(link), journal_(link.metadata, link.project, "schema") {
  progress_.unit = "objects";
}

void SchemaStage::Run(std::stop_token stop) {
  source_ = link_.source.OpenCatalog();
  destination_ = link_.destination.OpenCatalog();
  const bool is_again = sink_ != nullptr;  // after a lost connection, perhaps
  sink_ = link_.destination.OpenSink();
  sink_->Attach(link_.name, 0, link_.epoch);
  if (is_again) sink_->AwaitStatements(Sink::Leftover::kStatements);
  taken_ = std::make_unique<TakenNames>(*destination_, link_.destination.dialect());
  failed_ = 0;

  Selection selection = SelectObjects(*source_, link_.translator.rules());
  const bool is_reopened = link_.metadata.Setting(link_.project, kViews).has_value();
  if (is_reopened) {
    DropLostViews(selection.views, stop);
    MatchTables(stop);
    selection.tables.clear();  // what else has become of them is in the log
  }
  progress_.total.Set(static_cast<int64_t>(selection.tables.size() + selection.views.size()) +
                      failed_);
  progress_.done.Set(0);
  std::map<std::string, std::string> databases;  // of the destination → of the source
  for (const auto* names : {&selection.tables, &selection.views}) {
    for (const TableName& name : *names) {
      databases.emplace(link_.translator.rules().Find(name)->destination.database, name.database);
    }
  }
  CreateDatabases(databases, stop);
  for (const TableName& name : selection.tables) {
    if (stop.stop_requested()) throw Stopped();
    CreateTable(name, stop);
    progress_.done.Add(1);
  }
  CreateViews(std::move(selection.views), stop);
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
  if (is_reopened) link_.metadata.PutSetting(link_.project, kViews, kViewsDone);
}

bool SchemaStage::ReopenForViews(std::stop_token stop) {
  StageJournal stages(link_.metadata, link_.project, "stages");
  const auto looked = link_.metadata.Setting(link_.project, kViews);
  // Once rows are copied no table may be made again.
  const bool copies = !link_.metadata.Entries(link_.project, "full").empty();
  if (looked == kViewsDone || (!looked && copies)) return false;
  // What the log has had so far of views is in what they are now.
  link_.metadata.PutSetting(link_.project, std::string(kViewsLookedAt),
                            std::to_string(link_.store.last()));
  source_ = link_.source.OpenCatalog();
  const std::vector<TableName> views = SelectObjects(*source_, link_.translator.rules()).views;
  auto is_open = [&](const TableName& view) {
    if (stop.stop_requested()) throw Stopped();
    try {
      return !IsSettled(view);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
      return true;  // Run meets it too, and tells of it
    }
  };
  const bool is_reopened =
      std::any_of(views.begin(), views.end(), is_open) || !LostViews(views).empty();
  link_.metadata.PutSetting(link_.project, kViews, is_reopened ? kViewsOpen : kViewsDone);
  if (!is_reopened) return false;
  CrashPoint("schema-after-reopening");
  stages.Put(std::string(name()), "pending", json::object());
  return true;
}

void SchemaStage::CreateDatabases(const std::map<std::string, std::string>& databases,
                                  std::stop_token stop) {
  std::vector<std::string> known = destination_->Databases();
  for (const auto& [database, source] : databases) {
    if (std::find(known.begin(), known.end(), database) != known.end()) continue;
    const TextDefaults defaults =
        link_.translator.Defaults(source_->DefaultsOf(source).value_or(TextDefaults()));
    sink_->Execute({.part = Statement::Part::kDatabase,
                    .table = {database, ""},
                    .object = database,
                    .sql = link_.destination.dialect().CreateDatabase(database, defaults.charset,
                                                                      defaults.collation)},
                   stop);
  }
}

void SchemaStage::CreateTable(const TableName& name, std::stop_token stop) {
  const std::string object = name.ToString();
  const std::string status = journal_.Status(object);
  json detail = journal_.Detail(object);
  if (journal_.IsDone(object) && IsAnswered(status, detail)) return;
  try {
    std::optional<TableSchema> table = source_->Table(name);
    if (!table) return;  // dropped since it was listed
    const std::string definition = DefinitionDigest(*table);
    // One that was altered while the stage waited is made again: its rows are still to be copied.
    const bool is_current = detail.value("definition", "") == definition;
    if (status == "done" && (is_current || !link_.spec.Has(MigrationType::kFull))) return;
    const TableName destination = link_.translator.rules().Find(name)->destination;
    const std::vector<Statement> statements =
        StatementsOf(link_, *table, DefersIndexes(link_, *source_, name), detail);
    const bool existed_before = destination_->Table(destination).has_value();
    const bool is_ours = status == "running" || detail.value("ours", false);
    detail["definition"] = definition;
    if (existed_before && !is_ours) {
      detail["kept"] = true;  // precheck found it empty
      detail.erase("planned");
      journal_.Put(object, "done", detail);
      return;
    }
    detail["ours"] = true;
    detail.erase("planned");
    journal_.Put(object, "running", detail);
    CrashPoint("schema-before-object");
    if (existed_before) {
      DropTable(*sink_, link_.destination.dialect(), destination, stop);
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

// A view may need another one: as long as a round creates some, the rest is tried again.
void SchemaStage::CreateViews(std::vector<TableName> views, std::stop_token stop) {
  for (size_t before = views.size() + 1; !views.empty() && views.size() < before;) {
    before = views.size();
    std::erase_if(views, [&](const TableName& name) {
      if (stop.stop_requested()) throw Stopped();
      return CreateView(name, stop);
    });
  }
  failed_ += static_cast<int>(views.size());
}

bool SchemaStage::CreateView(const TableName& name, std::stop_token stop) {
  const std::string object = name.ToString();
  const TableName destination = link_.translator.rules().Find(name)->destination;
  json detail = journal_.Detail(object);
  const bool is_ours = detail.value("ours", false) && detail.value("kind", "") == "view";
  const bool is_free = is_ours || !taken_->Has(destination);
  const bool is_edited = detail.contains("edited");
  detail["kind"] = "view";
  try {
    if (IsSettled(name)) return true;
    std::optional<ViewSchema> view = source_->View(name);
    if (!view) return true;
    const std::vector<Statement> statements = StatementsOf(link_, *view, detail);
    if (!is_free && !is_edited) {
      throw Error({.code = "TABLE_IN_THE_WAY",
                   .kind = ErrorKind::kBlocked,
                   .side = Side::kDestination,
                   .object = destination.ToString(),
                   .message = "a table or view of this name is there already",
                   .cause = "it was not made by this project, and the source's view would take its "
                            "place",
                   .remedy = "rename or drop it and choose --retry, take it as the view by --done, "
                             "or --skip the view"});
    }
    if (is_free) detail["ours"] = true;
    detail.erase("planned");
    journal_.Put(object, "running", detail);
    CrashPoint("schema-before-object");
    if (is_ours && is_edited) DropView(name, stop);  // which the user's words may not replace
    for (const Statement& statement : statements) sink_->Execute(statement, stop);
    CrashPoint("schema-after-object-before-journal");
    detail.erase("error");
    journal_.Put(object, "done", detail);
    return true;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || error.code() == "FENCED") throw;
    if (!is_ours) detail.erase("ours");  // nothing has come of it
    journal_.PutError(object, error, detail);
    return false;
  }
}

bool SchemaStage::IsSettled(const TableName& view) {
  const std::string object = view.ToString();
  if (!journal_.IsDone(object)) return false;
  const json detail = journal_.Detail(object);
  if (IsAnswered(journal_.Status(object), detail)) return true;
  const std::optional<ViewSchema> now = source_->View(view);
  return !now || detail.value("source", "") == SourceStatement(link_, *now);
}

std::vector<TableName> SchemaStage::LostViews(const std::vector<TableName>& views) const {
  std::vector<TableName> lost;
  for (const JournalEntry& entry : link_.metadata.Entries(link_.project, std::string(name()))) {
    const json detail = journal_.Detail(entry.object);
    const bool is_ours = detail.value("kind", "") == "view" && detail.value("ours", false);
    if (!is_ours || IsAnswered(entry.status, detail)) continue;
    const TableName view = TableName::FromText(entry.object);
    if (!std::binary_search(views.begin(), views.end(), view)) lost.push_back(view);
  }
  return lost;
}

void SchemaStage::DropLostViews(const std::vector<TableName>& views, std::stop_token stop) {
  for (const TableName& view : LostViews(views)) {
    if (stop.stop_requested()) throw Stopped();
    const std::string object = view.ToString();
    try {
      DropView(view, stop);
      journal_.Put(object, "done", {{"kind", "view"}, {"dropped", true}});
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient || error.code() == "FENCED") throw;
      journal_.PutError(object, error, journal_.Detail(object));
      ++failed_;
    }
  }
}

// Does nothing where it is gone already.
void SchemaStage::DropView(const TableName& source, std::stop_token stop) {
  SchemaChange drop;
  drop.kind = SchemaChange::Kind::kDropView;
  drop.table = link_.translator.rules().Find(source)->destination;
  for (const Statement& statement : link_.destination.dialect().Render(drop, nullptr)) {
    sink_->Execute(statement, stop);
  }
}

// A view may need what its table has got since that was made. The full stage would make the table
// again too, but later.
void SchemaStage::MatchTables(std::stop_token stop) {
  if (!link_.spec.Has(MigrationType::kFull)) return;
  for (const SchemaVersion& version : link_.store.LatestSchemas()) {
    if (stop.stop_requested()) throw Stopped();
    const bool is_known = version.table && !version.table->columns.empty();
    if (!is_known || !link_.translator.rules().Find(version.name)) continue;
    const std::string object = version.name.ToString();
    const json detail = journal_.Detail(object);
    if (journal_.Status(object) == "skipped" || detail.value("kept", false)) continue;
    if (detail.value("definition", "") == DefinitionDigest(*version.table)) continue;
    Recreate(link_, *destination_, *sink_, *version.table, stop);
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
    DropTable(sink, dialect, name, stop);
  }
  for (const Statement& statement : statements) sink.Execute(statement, stop);
  detail["definition"] = DefinitionDigest(source);
  journal.Put(object, "done", detail);
}

}  // namespace godwit
