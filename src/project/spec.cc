// SPDX-License-Identifier: Apache-2.0
#include "project/spec.h"

#include <fmt/format.h>

#include <array>
#include <nlohmann/json.hpp>

#include "base/error.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr std::array kTypes = {MigrationType::kSchema, MigrationType::kFull,
                               MigrationType::kIncremental, MigrationType::kVerification};

json RuleToJson(const ObjectRule& rule) {
  json out = {{"rule", rule.text}};
  if (!rule.column_names.empty()) out["rename"] = rule.column_names;
  if (!rule.columns.empty()) out["columns"] = rule.columns;
  if (!rule.excluded_columns.empty()) out["exclude_columns"] = rule.excluded_columns;
  if (!rule.where.empty()) out["where"] = rule.where;
  return out;
}

ObjectRule RuleFromJson(const json& j) {
  ObjectRule rule = ObjectRule::Parse(j.at("rule").get<std::string>());
  rule.column_names = j.value("rename", std::map<std::string, std::string>());
  rule.columns = j.value("columns", std::vector<std::string>());
  rule.excluded_columns = j.value("exclude_columns", std::vector<std::string>());
  rule.where = j.value("where", "");
  return rule;
}

json RulesToJson(const std::vector<ObjectRule>& rules) {
  json out = json::array();
  for (const ObjectRule& rule : rules) out.push_back(RuleToJson(rule));
  return out;
}

std::vector<ObjectRule> RulesFromJson(const json& array) {
  std::vector<ObjectRule> out;
  for (const json& j : array) out.push_back(RuleFromJson(j));
  return out;
}

json LimitsToJson(const Limits& l) {
  return {{"readers", l.readers},
          {"lanes", l.lanes},
          {"rows_per_second", l.rows_per_second},
          {"bytes_per_second", l.bytes_per_second},
          {"chunk_bytes", l.chunk_bytes},
          {"store_bytes", l.store_bytes},
          {"store_hours", l.store_hours},
          {"history_length", l.history_length},
          {"replica_lag_seconds", l.replica_lag_seconds},
          {"snapshot_seconds", l.snapshot_seconds},
          {"heartbeat_seconds", l.heartbeat_seconds}};
}

Limits LimitsFromJson(const json& j) {
  Limits l;
  l.readers = j.value("readers", l.readers);
  l.lanes = j.value("lanes", l.lanes);
  l.rows_per_second = j.value("rows_per_second", l.rows_per_second);
  l.bytes_per_second = j.value("bytes_per_second", l.bytes_per_second);
  l.chunk_bytes = j.value("chunk_bytes", l.chunk_bytes);
  l.history_length = j.value("history_length", l.history_length);
  l.replica_lag_seconds = j.value("replica_lag_seconds", l.replica_lag_seconds);
  l.snapshot_seconds = j.value("snapshot_seconds", l.snapshot_seconds);
  l.heartbeat_seconds = j.value("heartbeat_seconds", l.heartbeat_seconds);
  l.store_bytes = j.value("store_bytes", l.store_bytes);
  l.store_hours = j.value("store_hours", l.store_hours);
  return l;
}

}  // namespace

std::string_view ToString(MigrationType type) {
  switch (type) {
    case MigrationType::kSchema:
      return "schema";
    case MigrationType::kFull:
      return "full";
    case MigrationType::kIncremental:
      return "incremental";
    case MigrationType::kVerification:
      return "verification";
  }
  return "";
}

std::vector<MigrationType> ParseTypes(std::string_view text) {
  std::array<bool, kTypes.size()> chosen{};
  auto fail = [&](std::string_view word) {
    throw Error({.code = "TYPES_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .message = fmt::format("'{}' is no migration type", word),
                 .cause = "the types are a comma-separated list",
                 .remedy = "choose from schema, full, incremental, verification"});
  };
  for (size_t at = 0; at <= text.size();) {
    size_t end = std::min(text.find(',', at), text.size());
    std::string_view word = text.substr(at, end - at);
    at = end + 1;
    bool is_known = false;
    for (size_t i = 0; i < kTypes.size(); ++i) {
      if (word == ToString(kTypes[i])) chosen[i] = is_known = true;
    }
    if (!is_known) fail(word);
  }
  std::vector<MigrationType> out;
  for (size_t i = 0; i < kTypes.size(); ++i) {
    if (chosen[i]) out.push_back(kTypes[i]);
  }
  return out;
}

std::string ToJsonText(const ProjectSpec& spec) {
  json types = json::array();
  for (MigrationType type : spec.types) types.push_back(ToString(type));
  json out = {{"source", spec.source},
              {"destination", spec.destination},
              {"objects", RulesToJson(spec.rules.include())},
              {"exclude", RulesToJson(spec.rules.exclude())},
              {"types", types},
              {"collations", spec.collations},
              {"skip_checks", spec.skipped_checks},
              {"defer_indexes", spec.defer_indexes ? json(*spec.defer_indexes) : json()},
              {"merge", spec.merge},
              {"certain", spec.certain},
              {"heartbeat_database", spec.heartbeat_database},
              {"replicas", spec.replicas},
              {"limits", LimitsToJson(spec.limits)}};
  return out.dump(-1, ' ', false, json::error_handler_t::replace);
}

ProjectSpec SpecFromJson(std::string_view text) {
  try {
    const json j = json::parse(text);
    ProjectSpec spec;
    spec.source = j.at("source");
    spec.destination = j.at("destination");
    spec.rules = ObjectRules(RulesFromJson(j.at("objects")), RulesFromJson(j.at("exclude")));
    std::string types;
    for (const json& type : j.at("types")) {
      types += (types.empty() ? "" : ",") + type.get<std::string>();
    }
    if (!types.empty()) spec.types = ParseTypes(types);
    spec.collations = j.value("collations", spec.collations);
    spec.skipped_checks = j.value("skip_checks", spec.skipped_checks);
    if (auto at = j.find("defer_indexes"); at != j.end() && at->is_boolean()) {
      spec.defer_indexes = at->get<bool>();
    }
    spec.merge = j.value("merge", spec.merge);
    spec.certain = j.value("certain", spec.certain);
    spec.heartbeat_database = j.value("heartbeat_database", spec.heartbeat_database);
    spec.replicas = j.value("replicas", spec.replicas);
    spec.limits = LimitsFromJson(j.value("limits", json::object()));
    return spec;
  } catch (const json::exception& error) {
    throw Error({.code = "SPEC_CORRUPT",
                 .kind = ErrorKind::kBug,
                 .message = fmt::format("the stored project cannot be read: {}", error.what()),
                 .cause = "the state database holds something this program did not write",
                 .remedy = "release the project and start it anew"});
  }
}

}  // namespace godwit
