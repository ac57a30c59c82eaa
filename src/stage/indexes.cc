// SPDX-License-Identifier: Apache-2.0
#include "stage/indexes.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <map>
#include <nlohmann/json.hpp>

#include "base/bounded_queue.h"
#include "base/crash_point.h"
#include "base/deadline.h"
#include "base/hex.h"
#include "base/task_group.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr auto kCutOffBuild = std::chrono::hours(1);
constexpr auto kCutOffPoll = std::chrono::milliseconds(500);
constexpr std::string_view kUnloggedCascades =
    "the source does not log what this key does to rows: skipped, they stay as they were";

bool Has(const TableSchema& table, const Statement& statement) {
  auto is_it = [&](const auto& thing) { return thing.name == statement.object; };
  if (statement.part == Statement::Part::kForeignKey) {
    return std::any_of(table.foreign_keys.begin(), table.foreign_keys.end(), is_it);
  }
  return std::any_of(table.indexes.begin(), table.indexes.end(), is_it);
}

// An index and a foreign key may have one name.
std::string ObjectOf(const Statement& statement) {
  const bool is_key = statement.part == Statement::Part::kForeignKey;
  return fmt::format("{} {}{}", statement.table.ToString(), is_key ? "foreign key " : "",
                     statement.object);
}

std::unique_ptr<Sink> OpenSink(Link& link) {
  auto sink = link.destination.OpenSink();
  sink->Attach(link.name, 0, link.epoch);
  return sink;
}

// What the journal keeps of a statement, with what earlier attempts left there.
json DetailOf(const StageJournal& journal, const Statement& statement) {
  json detail = journal.Detail(ObjectOf(statement));
  detail["kind"] = statement.part == Statement::Part::kForeignKey ? "foreign key" : "index";
  detail["destination"] = statement.table.ToString();
  detail["converted"] = statement.sql + ";\n";
  return detail;
}

// Without "made" in a running entry nobody saw the statement succeed.
void Execute(Sink& sink, StageJournal& journal, const Statement& statement, json& detail,
             std::stop_token stop) {
  Statement tried = statement;
  if (detail.contains("edited")) tried.sql = detail["edited"];
  detail.erase("made");
  journal.Put(ObjectOf(statement), "running", detail);
  auto begin = std::chrono::steady_clock::now();
  sink.Execute(tried, stop);
  CrashPoint("indexes-after-create-before-journal");
  detail["seconds"] =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  detail["made"] = true;
}

// nullopt: it cannot be translated, and the user's own words have made it, with the indexes they
// want.
std::optional<TableSchema> Translated(const Link& link, const TableSchema& table) {
  try {
    return link.translator.Table(table).table;
  } catch (const Error& error) {
    if (error.code() != "DDL_NOT_CONVERTIBLE") throw;
    return {};
  }
}

}  // namespace

IndexesStage::IndexesStage(Link& link)
    : link_(link), journal_(link.metadata, link.project, "indexes") {
  progress_.unit = "indexes";
}

void IndexesStage::Run(std::stop_token stop) {
  auto destination = link_.destination.OpenCatalog();
  failed_ = 0;
  needed_.clear();
  std::vector<std::vector<Statement>> indexes;
  std::vector<Statement> foreign_keys;
  Existing existing;
  int64_t total = 0;
  for (const TableSchema& table : Tables()) {
    auto there = destination->Table(link_.translator.rules().Find(table.name)->destination);
    if (!there) continue;  // left out, or made at the source since; its DDL follows
    auto made = Translated(link_, table);
    if (!made) continue;
    TableSchema& translated = *made;
    existing[translated.name] = std::move(*there);
    const Dialect& dialect = link_.destination.dialect();
    if (link_.spec.may_defer_indexes()) {
      indexes.push_back(dialect.CreateIndexes(translated));
      total += static_cast<int64_t>(indexes.back().size());
    }
    for (Statement& s : dialect.CreateForeignKeys(translated)) {
      foreign_keys.push_back(std::move(s));
    }
    if (link_.logs_cascades) continue;
    for (const ForeignKeySchema& key : translated.foreign_keys) {
      if (Cascades(key)) needed_.insert({translated.name, key.name});
    }
  }
  progress_.total.Set(total + static_cast<int64_t>(foreign_keys.size()));
  progress_.done.Set(0);
  CreateIndexes(indexes, existing, stop);
  auto sink = OpenSink(link_);
  for (const Statement& key : foreign_keys) Create(*sink, key, existing.at(key.table), stop);
  if (failed_ == 0) return;
  throw Error({.code = "INDEXES_INCOMPLETE",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .message = fmt::format("{} of {} indexes and foreign keys could not be created",
                                      failed_.load(), progress_.total.Get()),
               .cause = "each has its own cause in the journal",
               .remedy = "see 'godwit project ddl NAME', then resolve each with --edit, --retry or "
                         "--skip"});
}

// As they were copied: what the source has defined since comes by its own DDL, in its place among
// the changes. An index or a key made before that place would meet changes that it never saw at the
// source.
std::vector<TableSchema> IndexesStage::Tables() {
  std::vector<TableSchema> tables;
  if (link_.spec.Has(MigrationType::kFull)) {
    const StageJournal full(link_.metadata, link_.project, "full");
    for (const JournalEntry& entry : link_.metadata.Entries(link_.project, "full")) {
      const std::string copied = full.Detail(entry.object).value("copied", "");
      if (!copied.empty()) tables.push_back(DecodeTableSchema(FromHex(copied)));
    }
    return tables;
  }
  auto source = link_.source.OpenCatalog();
  for (const TableName& name : SelectObjects(*source, link_.translator.rules()).tables) {
    if (auto table = source->Table(name)) tables.push_back(std::move(*table));
  }
  return tables;
}

// A server builds the indexes of one table one after another, those of several at once.
void IndexesStage::CreateIndexes(const std::vector<std::vector<Statement>>& by_table,
                                 const Existing& existing, std::stop_token stop) {
  BoundedQueue<const std::vector<Statement>*> queue(by_table.size() + 1);
  for (const auto& statements : by_table) queue.Push(&statements, 1, stop);
  queue.Close();
  TaskGroup group(stop);
  const size_t workers = std::min<size_t>(
      by_table.size(), static_cast<size_t>(std::max(1, link_.spec.limits.readers)));
  for (size_t i = 0; i < workers; ++i) {
    group.Start("indexes-" + std::to_string(i), [&](std::stop_token s) {
      auto sink = OpenSink(link_);
      while (auto statements = queue.Pop(s)) {
        for (const Statement& statement : **statements) {
          Create(*sink, statement, existing.at(statement.table), s);
        }
      }
    });
  }
  group.Join();
  if (stop.stop_requested()) throw Stopped();
}

void IndexesStage::MakeEarly(Link& link, Sink& sink, const TableSchema& source,
                             std::stop_token stop) {
  if (!link.spec.may_defer_indexes()) return;
  StageJournal journal(link.metadata, link.project, "indexes");
  auto made = Translated(link, source);
  if (!made) return;
  TableSchema& translated = *made;
  auto existing = link.destination.OpenCatalog()->Table(translated.name);
  if (!existing) return;
  for (const Statement& statement : link.destination.dialect().CreateIndexes(translated)) {
    if (Has(*existing, statement) || journal.IsDone(ObjectOf(statement))) continue;
    if (stop.stop_requested()) throw Stopped();
    json detail = DetailOf(journal, statement);
    Execute(sink, journal, statement, detail, stop);
    journal.Put(ObjectOf(statement), "running", detail);
  }
}

// OceanBase shows an index from the moment its build begins, and takes it away again if the session
// that asked for it is gone. Until one of both has happened it cannot be dropped.
void IndexesStage::DropCutOff(Sink& sink, const Statement& statement, const TableSchema& existing,
                              std::stop_token stop) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.table = statement.table;
  change.actions.push_back({.kind = AlterAction::Kind::kDropIndex, .name = statement.object});
  const auto drop = link_.destination.dialect().Render(change, &existing);
  auto catalog = link_.destination.OpenCatalog();
  for (const auto deadline = Deadline::In(kCutOffBuild);;) {
    try {
      for (Statement part : drop) {
        part.part = Statement::Part::kIndex;  // others build indexes under this lane meanwhile
        sink.Execute(part, stop);
      }
      return;
    } catch (const Error& error) {
      auto table = catalog->Table(statement.table);
      if (table && !Has(*table, statement)) return;
      if (error.code() == "FENCED" || deadline.has_passed()) throw;
    }
    if (WaitForStop(stop, Deadline::In(kCutOffPoll))) throw Stopped();
  }
}

void IndexesStage::Create(Sink& sink, const Statement& statement, const TableSchema& existing,
                          std::stop_token stop) {
  if (stop.stop_requested()) throw Stopped();
  const std::string object = ObjectOf(statement);
  if (journal_.IsDone(object)) {
    progress_.done.Add(1);
    return;
  }
  json detail = DetailOf(journal_, statement);
  const bool is_cut_off = statement.part == Statement::Part::kIndex &&
                          journal_.Status(object) == "running" && !detail.contains("made");
  try {
    if (is_cut_off && Has(existing, statement)) DropCutOff(sink, statement, existing, stop);
    if (is_cut_off || !Has(existing, statement)) {  // else made early
      Execute(sink, journal_, statement, detail, stop);
    }
    detail.erase("error");
    journal_.Put(object, "done", detail);
    progress_.done.Add(1);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || error.code() == "FENCED") throw;
    const bool is_needed = statement.part == Statement::Part::kForeignKey &&
                           needed_.contains({statement.table, statement.object});
    journal_.PutError(object, is_needed ? error.WithContext(kUnloggedCascades) : error, detail);
    ++failed_;
  }
}

}  // namespace godwit
