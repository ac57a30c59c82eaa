// SPDX-License-Identifier: Apache-2.0
#include "stage/object_statements.h"

#include <nlohmann/json.hpp>

#include "stage/journal.h"

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

std::vector<Statement> StatementsOf(const Link& link, const TableSchema& table, bool defers_indexes,
                                    json& detail) {
  const TableName destination = link.translator.rules().Find(table.name)->destination;
  detail["kind"] = "table";
  detail["destination"] = destination.ToString();
  detail["source"] = Joined(link.source.dialect().CreateTable(table, {}));
  std::vector<Statement> statements;
  if (detail.contains("edited")) {  // perhaps because it cannot be translated
    statements = {{Statement::Part::kTable, destination, "", detail["edited"]}};
  } else {
    TranslatedTable translated = link.translator.Table(table);
    statements = link.destination.dialect().CreateTable(translated.table,
                                                        {.defer_plain_indexes = defers_indexes});
    detail["notes"] = NotesOf(translated.notes);
  }
  detail["statements"] = ToJson(statements);
  detail["converted"] = Joined(statements);
  return statements;
}

std::vector<Statement> StatementsOf(const Link& link, const ViewSchema& view, json& detail) {
  detail["kind"] = "view";
  detail["source"] = SourceStatement(link, view);
  const TableName destination = link.translator.rules().Find(view.name)->destination;
  detail["destination"] = destination.ToString();
  std::vector<Statement> statements;
  if (detail.contains("edited")) {  // perhaps because it cannot be translated
    statements = {{Statement::Part::kView, destination, "", detail["edited"]}};
  } else {
    statements = link.destination.dialect().CreateView(link.translator.View(view));
  }
  detail["statements"] = ToJson(statements);
  detail["converted"] = Joined(statements);
  return statements;
}

std::string SourceStatement(const Link& link, const ViewSchema& view) {
  return Joined(link.source.dialect().CreateView(view));
}

bool DefersIndexes(const Link& link, Catalog& source, const TableName& table) {
  if (link.spec.defer_indexes) return *link.spec.defer_indexes;
  return source.Estimate(table).bytes >= kLargeTable;
}

}  // namespace godwit
