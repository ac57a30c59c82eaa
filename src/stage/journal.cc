// SPDX-License-Identifier: Apache-2.0
#include "stage/journal.h"

#include <nlohmann/json.hpp>

namespace godwit {

using nlohmann::json;

namespace {

// Server messages may carry bytes that are no UTF-8; the journal keeps what it can.
std::string Dump(const json& value) {
  return value.dump(-1, ' ', false, json::error_handler_t::replace);
}

}  // namespace

json ToJson(const ErrorFields& f) {
  return {{"code", f.code},     {"kind", ToString(f.kind)}, {"side", ToString(f.side)},
          {"object", f.object}, {"native", f.native},       {"message", f.message},
          {"cause", f.cause},   {"remedy", f.remedy}};
}

ErrorFields ErrorFromJson(const json& j) {
  ErrorFields f;
  f.code = j.value("code", "");
  std::string kind = j.value("kind", "bug");
  for (ErrorKind k : {ErrorKind::kTransient, ErrorKind::kBlocked, ErrorKind::kData}) {
    if (ToString(k) == kind) f.kind = k;
  }
  std::string side = j.value("side", "");
  for (Side s : {Side::kSource, Side::kDestination}) {
    if (ToString(s) == side) f.side = s;
  }
  f.object = j.value("object", "");
  f.native = j.value("native", 0);
  f.message = j.value("message", "");
  f.cause = j.value("cause", "");
  f.remedy = j.value("remedy", "");
  return f;
}

json ToJson(const std::vector<Statement>& statements) {
  json out = json::array();
  for (const Statement& s : statements) {
    out.push_back({{"part", static_cast<int>(s.part)},
                   {"database", s.table.database},
                   {"table", s.table.table},
                   {"object", s.object},
                   {"sql", s.sql}});
  }
  return out;
}

std::vector<Statement> StatementsFromJson(const json& array) {
  std::vector<Statement> out;
  for (const json& j : array) {
    out.push_back({static_cast<Statement::Part>(j.value("part", 0)),
                   {j.value("database", ""), j.value("table", "")},
                   j.value("object", ""),
                   j.value("sql", "")});
  }
  return out;
}

std::string StageJournal::Status(const std::string& object) const {
  auto entry = metadata_.Entry(project_, stage_, object);
  return entry ? entry->status : "";
}

bool StageJournal::IsDone(const std::string& object) const {
  std::string status = Status(object);
  return status == "done" || status == "skipped";
}

json StageJournal::Detail(const std::string& object) const {
  auto entry = metadata_.Entry(project_, stage_, object);
  if (!entry || entry->detail.empty()) return json::object();
  return json::parse(entry->detail);
}

void StageJournal::Put(const std::string& object, std::string_view status, const json& detail) {
  metadata_.PutEntry(project_, {stage_, object, std::string(status), Dump(detail), 0});
}

void StageJournal::PutError(const std::string& object, const Error& error, json detail) {
  detail["error"] = ToJson(error.fields());
  Put(object, "failed", detail);
}

}  // namespace godwit
