// SPDX-License-Identifier: Apache-2.0
#include "pipeline/ddl_barrier.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>
#include <set>

#include "base/crash_point.h"
#include "base/error.h"

namespace godwit {
namespace {

using nlohmann::json;
using Kind = SchemaChange::Kind;

// Statements may hold bytes that are no UTF-8.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

std::string SettingKey(Sequence sequence) { return "ddl." + std::to_string(sequence); }

// What the user is shown of a statement, and by what its answer is found.
BlockedItem ItemOf(Sequence sequence, const SchemaChange& source, std::string converted,
                   const Error& error) {
  TableName name = source.table;
  // Of a dropped database what is left of the statement keeps its name: one answer is for both.
  if (name.database.empty() && !source.tables.empty()) name = source.tables[0];
  if (name.database.empty() && !source.renames.empty()) name = source.renames[0].first;
  return {.stage = "incremental",
          .kind = "ddl",
          .object = name.table.empty() ? name.database : name.ToString(),
          .statement = source.statement,
          .converted = std::move(converted),
          .span = {sequence, sequence},
          .error = error};
}

// As when a table is made: Translator::LeaveOutOnUpdate.
void LeaveOutOnUpdate(SchemaChange& change, const TableSchema& before) {
  const bool had_key =
      std::any_of(before.foreign_keys.begin(), before.foreign_keys.end(), ChangesChildren);
  const bool gets_key =
      std::any_of(change.actions.begin(), change.actions.end(), [](const AlterAction& action) {
        return action.kind == AlterAction::Kind::kAddForeignKey &&
               ChangesChildren(action.foreign_key);
      });
  if (!had_key && !gets_key) return;
  for (AlterAction& action : change.actions) action.column.on_update.clear();
  std::vector<AlterAction> first;
  for (const ColumnSchema& column : before.columns) {
    const bool is_touched =
        std::any_of(change.actions.begin(), change.actions.end(),
                    [&](const AlterAction& action) { return action.name == column.name; });
    if (had_key || column.on_update.empty() || is_touched) continue;
    AlterAction& modify = first.emplace_back();
    modify.kind = AlterAction::Kind::kModifyColumn;
    modify.name = column.name;
    modify.column = column;
    modify.column.on_update.clear();
  }
  change.actions.insert(change.actions.begin(), first.begin(), first.end());
}

// The source's session, where a statement depends on its time zone, and how that is shown.
std::string ZoneOf(const SchemaChange& change) {
  return change.has_fixed_zone() ? change.time_zone : "";
}

std::string WithZone(const SchemaChange& change, const std::string& sql) {
  if (!change.has_fixed_zone()) return sql;
  return fmt::format("/* time_zone {} */ {}", change.time_zone, sql);
}

[[noreturn]] void FailOutcome(const TableName& name, std::string_view what) {
  throw Error({.code = "DDL_OUTCOME",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = name.ToString(),
               .message = fmt::format("the statement ran, but {}", what),
               .cause = "something else changes this object at the destination",
               .remedy = "bring the object to the state the statement asks for and mark it as "
                         "done, or retry"});
}

// Whether the server has said that the statement did not run, or was never reached with it.
bool IsRefused(const Error& error) {
  static constexpr std::array<std::string_view, 4> kCodes = {"CONNECTION_FAILED", "DEADLOCK",
                                                             "LOCK_WAIT_TIMEOUT", "TABLE_CHANGED"};
  return std::find(kCodes.begin(), kCodes.end(), error.code()) != kCodes.end();
}

constexpr std::string_view kUnheard = "DDL_RESULT_UNKNOWN";

// Of the user's own statement, which may write rows: definitions do not show whether it ran.
[[noreturn]] void FailUnheard(const std::string& statement) {
  throw Error({.code = std::string(kUnheard),
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .message = fmt::format("the edited statement may have run: {}", statement),
               .cause = "the connection or the program ended before its answer came",
               .remedy = "look at the destination: mark it as done if it ran, else retry"});
}

}  // namespace

std::vector<std::pair<TableName, TableName>> RenamesOf(const SchemaChange& change) {
  std::vector<std::pair<TableName, TableName>> renames = change.renames;
  for (const AlterAction& action : change.actions) {
    if (action.kind == AlterAction::Kind::kRenameTable) {
      renames.emplace_back(change.table, action.new_table);
      TableName& to = renames.back().second;
      if (to.database.empty()) to.database = change.table.database;
    }
  }
  return renames;
}

std::vector<TableName> NamesOf(const SchemaChange& change) {
  if (change.is_about_database()) return {};
  std::vector<TableName> names = change.tables;
  for (const auto& [from, to] : RenamesOf(change)) {
    names.push_back(from);
    names.push_back(to);
  }
  if (!change.table.table.empty()) names.push_back(change.table);
  std::sort(names.begin(), names.end());
  names.erase(std::unique(names.begin(), names.end()), names.end());
  return names;
}

DdlBarrier::DdlBarrier(Link& link, LaneWriter& writer, const ReplayTables& tables,
                       const LaneWriter::Options& options)
    : link_(link), writer_(writer), tables_(tables), options_(options) {}

void DdlBarrier::Run(Sequence sequence, const std::vector<SchemaChange>& changes,
                     std::stop_token stop) {
  Record record = Load(sequence);
  size_t unit = 0;
  for (const SchemaChange& change : changes) {
    for (const SchemaChange& part : Uncopied(sequence, change, stop)) {
      if (unit++ < record.unit) continue;
      // What stays at the destination may have become more since the statements were made.
      if (record.kind != Kind::kUnknown && record.kind != part.kind) {
        record = {.sequence = sequence, .unit = record.unit};
      }
      record.source = part.statement;
      record.kind = part.kind;
      RunUnit(record, part, stop);
      ForgetLeftOut(part);
      record = {.sequence = sequence, .unit = unit};
      Save(record);
    }
  }
}

// A destination table that several source tables share must not follow the DDL of one of them.
void DdlBarrier::CheckOwnDestination(const SchemaChange& source) const {
  const std::vector<TableName> names = NamesOf(source);
  const auto left_out = std::find_if(names.begin(), names.end(),
                                     [&](const TableName& name) { return IsLeftOut(name); });
  std::optional<TableName> other = OtherOfTheirDestinations(link_, names);
  if (!other && left_out == names.end()) return;
  // The other one may be gone from the source by now, and not yet from here.
  if (!other) other = *left_out;
  throw Error({.code = "DDL_SHARED_DESTINATION",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = link_.translator.rules().Find(*other)->destination.ToString(),
               .message = fmt::format("cannot follow: {}", source.statement),
               .cause = left_out == names.end()
                            ? fmt::format("{} goes into the same table", other->ToString())
                            : fmt::format("rows of {} are left out, since they would go into "
                                          "another one's table",
                                          left_out->ToString()),
               .remedy =
                   "skip it to leave its rows out; or edit it for the destination, or do it by "
                   "hand and mark it as done: then they go there too"});
}

// A table that was not to be made must not have its rows in the one that is there for another's; by
// any other answer they belong there.
void DdlBarrier::NoteShared(const SchemaChange& source, Answer::Choice choice) {
  if (choice == Answer::Choice::kRetry) return;
  const bool is_skip = choice == Answer::Choice::kSkip;
  auto note = [&](const TableName& name) {
    link_.metadata.PutEntry(link_.project,
                            {"schema", name.ToString(), is_skip ? "skipped" : "done",
                             Dump(is_skip ? json{{kSharedDestination, true}} : json::object()), 0});
  };
  auto is_shared = [&](const TableName& name) {
    return OtherOfTheirDestinations(link_, {name}).has_value();
  };
  // What was left out under this name before is another table.
  auto is_open = [&](const TableName& name) { return is_shared(name) || IsLeftOut(name); };
  if (source.kind == Kind::kCreateTable && is_open(source.table)) note(source.table);
  for (const auto& [from, to] : RenamesOf(source)) {
    if (link_.translator.rules().Find(to) && (IsLeftOut(from) || is_open(to))) note(to);
  }
}

bool DdlBarrier::IsLeftOut(const TableName& source) const {
  const auto entry = link_.metadata.Entry(link_.project, "schema", source.ToString());
  return entry && IsLeftOutOfShared(*entry);
}

// What comes under the name of a table that is gone is another one.
void DdlBarrier::ForgetLeftOut(const SchemaChange& source) {
  const bool drops = source.kind == Kind::kDropDatabase || source.kind == Kind::kDropTable;
  std::set<TableName> gone;
  if (drops) gone.insert(source.tables.begin(), source.tables.end());
  for (const auto& [from, to] : RenamesOf(source)) {
    gone.erase(to);
    gone.insert(from);
  }
  for (const TableName& name : gone) {
    if (!IsLeftOut(name)) continue;
    link_.metadata.PutEntry(link_.project, {"schema", name.ToString(), "dropped", "{}", 0});
  }
}

void DdlBarrier::RunUnit(Record& record, const SchemaChange& source, std::stop_token stop) {
  if (!ObeyGiven(record, source)) return;
  for (;;) {
    TranslatedChange converted;
    try {
      // An edited statement, frozen in the record, needs no conversion.
      if (record.statements.empty()) CheckOwnDestination(source);
      converted = link_.translator.Change(source);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient || error.kind() == ErrorKind::kBug) throw;
      SchemaChange by_hand;
      by_hand.kind = Kind::kUnknown;
      by_hand.time_zone = source.time_zone;
      for (const TableName& name : NamesOf(source)) {
        if (auto mapping = link_.translator.rules().Find(name)) {
          by_hand.tables.push_back(mapping->destination);
        }
      }
      if (record.statements.empty()) {
        Answer answer = options_.ask(ItemOf(record.sequence, source, "", error), stop);
        if (answer.choice == Answer::Choice::kRetry) continue;
        NoteShared(source, answer.choice);
        if (answer.choice != Answer::Choice::kEdit) return;
        record.statements = {answer.statement};
        record.is_edited = true;
      }
      RunConverted(record, source, by_hand, stop);
      return;
    }
    for (size_t i = record.change; i < converted.changes.size(); ++i) {
      if (!RunConverted(record, source, converted.changes[i], stop)) return;
      record.change = i + 1;
      record.next = 0;
      record.statements.clear();
      Save(record);
    }
    return NoteLosses(source, converted.notes);
  }
}

// Added to the table's entry in the journal, which `project ddl` shows: a table that is made anew
// begins with what it lost itself.
void DdlBarrier::NoteLosses(const SchemaChange& source, const std::vector<TranslationNote>& notes) {
  if (notes.empty()) return;
  const std::string object = source.table.ToString();
  const auto known = link_.metadata.Entry(link_.project, "ddl", object);
  const bool is_made = source.kind == Kind::kCreateTable;
  json detail = known && !is_made ? json::parse(known->detail) : json::object();
  json& all = detail["notes"];
  const size_t before = all.size();
  for (const TranslationNote& note : notes) {
    json one = {{"object", note.object}, {"text", note.text}, {"may_clash", note.may_clash}};
    if (std::find(all.begin(), all.end(), one) == all.end()) all.push_back(std::move(one));
  }
  if (all.size() == before) return;  // it ran before, but nobody heard
  detail["kind"] = "ddl";
  detail["source"] = detail.value("source", "") + source.statement + ";\n";
  link_.metadata.PutEntry(link_.project, {"ddl", object, "done", Dump(detail), 0});
}

// A statement that would go now is not tried when the user has said otherwise meanwhile.
bool DdlBarrier::ObeyGiven(Record& record, const SchemaChange& source) {
  const auto answer = options_.ask.Given(ItemOf(record.sequence, source, "", Error(ErrorFields{})));
  if (!answer) return true;
  if (answer->choice == Answer::Choice::kRetry) {
    if (record.is_edited) record.has_intent = false;
    return true;
  }
  NoteShared(source, answer->choice);
  if (answer->choice != Answer::Choice::kEdit) return false;
  record.is_edited = true;
  if (record.next < record.statements.size()) {
    record.statements[record.next] = answer->statement;
  } else {  // it was not converted, or its outcome was not what it should be
    record.statements = {answer->statement};
    record.next = 0;
  }
  record.has_intent = false;
  Save(record);
  return true;
}

bool DdlBarrier::RunConverted(Record& record, const SchemaChange& source,
                              const SchemaChange& change, std::stop_token stop) {
  for (;;) {
    std::optional<Error> failure;
    auto attempt = [&](const std::function<void()>& step) {
      try {
        step();
      } catch (const Error& error) {
        bool ends_run = error.kind() == ErrorKind::kTransient || error.kind() == ErrorKind::kBug ||
                        error.code() == "FENCED";
        if (ends_run) throw;
        failure = error;
      }
    };
    bool is_in_place = false;
    attempt([&] {
      if (!record.statements.empty()) return;
      is_in_place = IsInPlace(change, record.sequence, stop);
      if (is_in_place) return;
      record.statements = Render(change, stop);
      record.next = 0;
      record.has_intent = false;
    });
    if (is_in_place) return true;
    // Each asks about its own failure.
    while (!failure && record.next < record.statements.size()) {
      if (!RunStatement(record, source, change, stop)) return false;
    }
    if (!failure) attempt([&] { CheckOutcome(change, stop); });
    if (!failure) return true;
    Answer answer = options_.ask(ItemOf(record.sequence, source, "", *failure), stop);
    if (answer.choice == Answer::Choice::kSkip || answer.choice == Answer::Choice::kDone) {
      return false;
    }
    record.statements.clear();
    record.is_edited = answer.choice == Answer::Choice::kEdit;
    if (record.is_edited) record.statements = {answer.statement};
    record.next = 0;
    record.has_intent = false;
  }
}

std::vector<std::string> DdlBarrier::Render(const SchemaChange& change, std::stop_token stop) {
  std::optional<TableSchema> before;
  if (change.kind == Kind::kAlterTable) {
    before = AskCatalog(stop, [&](Catalog& catalog) { return catalog.Table(change.table); });
  }
  std::vector<std::string> out;
  const Dialect& dialect = link_.destination.dialect();
  SchemaChange rendered = change;
  if (before && !link_.logs_cascades) LeaveOutOnUpdate(rendered, *before);
  for (Statement& statement : dialect.Render(rendered, before ? &*before : nullptr)) {
    out.push_back(std::move(statement.sql));
  }
  return out;
}

// False: the user gave up the rest of the source's statement.
bool DdlBarrier::RunStatement(Record& record, const SchemaChange& source,
                              const SchemaChange& change, std::stop_token stop) {
  for (;;) {
    try {
      RetryTransient(options_.retry, stop, options_.on_transient, [&] {
        if (change.kind == Kind::kDropDatabase) CheckDropped(record, source, change, stop);
        RunOnce(record, change, stop);
      });
      break;
    } catch (const Error& error) {
      bool ends_run = error.kind() == ErrorKind::kTransient || error.kind() == ErrorKind::kBug ||
                      error.code() == "FENCED";
      if (ends_run) throw;
      // It failed; what the user does meanwhile must not look as if it had run.
      if (error.code() != kUnheard) {
        record.has_intent = false;
        Save(record);
      }
      Answer answer = options_.ask(
          ItemOf(record.sequence, source, WithZone(change, record.statements[record.next]), error),
          stop);
      if (answer.choice == Answer::Choice::kSkip || answer.choice == Answer::Choice::kDone) {
        return false;
      }
      record.has_intent = false;
      if (answer.choice != Answer::Choice::kEdit) continue;
      record.statements[record.next] = answer.statement;
      record.is_edited = true;
    }
  }
  CrashPoint("ddl-after-run-before-confirm");
  ++record.next;
  record.has_intent = record.is_edited = false;
  Save(record);
  CrashPoint("ddl-after-confirm");
  return true;
}

// One attempt. An earlier one, of this process or of one that died, may have succeeded unheard.
void DdlBarrier::RunOnce(Record& record, const SchemaChange& change, std::stop_token stop) {
  if (record.has_intent) writer_.AwaitStatements();
  const std::string now = Fingerprint(change);
  if (record.has_intent && now != record.before) return;
  if (record.has_intent && record.is_edited) FailUnheard(record.statements[record.next]);
  if (!record.has_intent) {
    record.before = now;
    record.has_intent = true;
    Save(record);
    CrashPoint("ddl-after-intent");
  }
  MakeDatabases(change, stop);
  // A statement about a database is not run from within it: it may not be there.
  const auto part =
      change.is_about_database() ? Statement::Part::kDatabase : Statement::Part::kAlter;
  try {
    writer_.Execute({.part = part,
                     .table = change.table,
                     .sql = record.statements[record.next],
                     .time_zone = ZoneOf(change)},
                    stop);
  } catch (const Error& error) {
    if (!record.is_edited || !IsRefused(error)) throw;
    record.has_intent = false;
    Save(record);
    throw;
  }
}

// A database that was empty at first, or that only the rules name, is made with its first table.
void DdlBarrier::MakeDatabases(const SchemaChange& change, std::stop_token stop) {
  std::set<std::string> wanted;
  if (change.kind == Kind::kCreateTable || change.kind == Kind::kCreateView) {
    wanted.insert(change.table.database);
  }
  for (const auto& [from, to] : change.renames) wanted.insert(to.database);
  if (wanted.empty()) return;
  for (const std::string& known : OpenCatalog().Databases()) wanted.erase(known);
  for (const std::string& database : wanted) {
    writer_.Execute({.part = Statement::Part::kDatabase,
                     .table = {database, ""},
                     .object = database,
                     .sql = link_.destination.dialect().CreateDatabase(database, "", "")},
                    stop);
  }
}

bool DdlBarrier::IsInPlace(const SchemaChange& change, Sequence sequence, std::stop_token stop) {
  auto exists = [&](const TableName& name) { return Exists(name, stop); };
  switch (change.kind) {
    case Kind::kDropTable:
      return std::none_of(change.tables.begin(), change.tables.end(), exists);
    case Kind::kDropView:
      return std::none_of(change.tables.begin(), change.tables.end(),
                          [&](const TableName& name) { return ViewExists(name, stop); });
    case Kind::kCreateView:
      return sequence <= ViewsLookedAt() && ViewExists(change.table, stop);
    case Kind::kCreateDatabase:
      return DatabaseExists(change.table.database, stop);
    case Kind::kDropDatabase:
      return !DatabaseExists(change.table.database, stop);
    default:
      return false;
  }
}

Sequence DdlBarrier::ViewsLookedAt() const {
  const auto text = link_.metadata.Setting(link_.project, std::string(kViewsLookedAt));
  return text ? std::stoull(*text) : 0;
}

void DdlBarrier::CheckOutcome(const SchemaChange& change, std::stop_token stop) {
  if (change.kind == Kind::kCreateTable && !Exists(change.table, stop)) {
    FailOutcome(change.table, "the table is not there");
  }
  if (change.kind == Kind::kDropTable) {
    for (const TableName& name : change.tables) {
      if (Exists(name, stop)) FailOutcome(name, "the table is still there");
    }
  }
  if (change.kind == Kind::kRenameTable) {
    for (const auto& [from, to] : change.renames) {
      bool is_source_again = std::any_of(change.renames.begin(), change.renames.end(),
                                         [&](const auto& other) { return other.first == to; });
      if (!is_source_again && !Exists(to, stop)) FailOutcome(to, "the new name is not there");
    }
  }
}

std::string DdlBarrier::Fingerprint(const SchemaChange& change) {
  try {
    Catalog& catalog = OpenCatalog();
    if (change.is_about_database()) {
      std::vector<std::string> databases = catalog.Databases();
      bool exists =
          std::find(databases.begin(), databases.end(), change.table.database) != databases.end();
      return exists ? "exists" : "absent";
    }
    std::string text;
    for (const TableName& name : NamesOf(change)) {
      text += name.ToString() + "=";
      if (!change.is_about_view()) {
        text += catalog.Fingerprint(name);
      } else if (auto view = catalog.View(name)) {
        text += view->select;
      }
      text += ";";
    }
    return fmt::format("{:016x}", XXH3_64bits(text.data(), text.size()));
  } catch (const Error&) {
    catalog_.reset();
    throw;
  }
}

DdlBarrier::Record DdlBarrier::Load(Sequence sequence) const {
  Record record{.sequence = sequence};
  auto text = link_.metadata.Setting(link_.project, SettingKey(sequence));
  if (!text || text->empty()) return record;
  json j = json::parse(*text);
  record.unit = j.at("unit");
  record.change = j.at("change");
  record.next = j.at("next");
  record.statements = j.at("statements").get<std::vector<std::string>>();
  record.has_intent = j.at("has_intent");
  record.is_edited = j.value("is_edited", false);
  record.before = j.at("before");
  record.source = j.at("source");
  if (j.contains("kind")) record.kind = static_cast<Kind>(j["kind"].get<int>());
  return record;
}

void DdlBarrier::Save(const Record& record) {
  json j = {{"unit", record.unit},
            {"change", record.change},
            {"next", record.next},
            {"statements", record.statements},
            {"has_intent", record.has_intent},
            {"is_edited", record.is_edited},
            {"before", record.before},
            {"source", record.source},
            {"kind", static_cast<int>(record.kind)}};
  link_.metadata.PutSetting(link_.project, SettingKey(record.sequence), Dump(j));
}

bool DdlBarrier::Exists(const TableName& table, std::stop_token stop) {
  return AskCatalog(stop, [&](Catalog& catalog) { return catalog.Table(table).has_value(); });
}

bool DdlBarrier::ViewExists(const TableName& view, std::stop_token stop) {
  return AskCatalog(stop, [&](Catalog& catalog) { return catalog.View(view).has_value(); });
}

bool DdlBarrier::DatabaseExists(const std::string& database, std::stop_token stop) {
  return AskCatalog(stop, [&](Catalog& catalog) {
    const std::vector<std::string> all = catalog.Databases();
    return std::find(all.begin(), all.end(), database) != all.end();
  });
}

Catalog& DdlBarrier::OpenCatalog() {
  if (!catalog_) catalog_ = link_.destination.OpenCatalog();
  return *catalog_;
}

}  // namespace godwit
