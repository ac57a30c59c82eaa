// SPDX-License-Identifier: Apache-2.0
#include "project/project_request.h"

#include <fmt/format.h>
#include <xxhash.h>

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "endpoint/endpoint_url.h"
#include "project/spec.h"

namespace godwit {
namespace {

template <typename T>
std::optional<T> Either(const std::optional<T>& first, const std::optional<T>& second) {
  return first ? first : second;
}

void ApplyLimits(const std::map<std::string, uint64_t>& given, Limits& limits) {
  for (const auto& [name, value] : given) {
    const int small = static_cast<int>(
        std::min<uint64_t>(value, static_cast<uint64_t>(std::numeric_limits<int>::max())));
    if (name == "readers") limits.readers = small;
    if (name == "lanes") limits.lanes = small;
    if (name == "rows_per_second") limits.rows_per_second = value;
    if (name == "bytes_per_second") limits.bytes_per_second = value;
    if (name == "chunk_bytes") limits.chunk_bytes = value;
    if (name == "store_bytes") limits.store_bytes = value;
    if (name == "store_hours") limits.store_hours = value;
    if (name == "history_length") limits.history_length = value;
    if (name == "replica_lag_seconds") limits.replica_lag_seconds = value;
    if (name == "snapshot_seconds") limits.snapshot_seconds = value;
    if (name == "heartbeat_seconds") limits.heartbeat_seconds = value;
  }
}

std::string Words(const std::vector<ObjectRule>& rules) {
  std::string out;
  for (const ObjectRule& rule : rules) out += (out.empty() ? "" : ", ") + rule.text;
  return out.empty() ? "none" : out;
}

std::string Words(const std::vector<MigrationType>& types) {
  std::string out;
  for (MigrationType type : types) out += (out.empty() ? "" : ",") + std::string(ToString(type));
  return out;
}

}  // namespace

ProjectRequest ProjectRequest::Over(const ProjectRequest& other) const {
  ProjectRequest out = *this;
  out.name = Either(name, other.name);
  out.source = Either(source, other.source);
  out.destination = Either(destination, other.destination);
  out.objects = Either(objects, other.objects);
  out.exclude = Either(exclude, other.exclude);
  out.types = Either(types, other.types);
  out.collations = Either(collations, other.collations);
  out.skipped_checks = Either(skipped_checks, other.skipped_checks);
  out.defer_indexes = Either(defer_indexes, other.defer_indexes);
  out.merge = Either(merge, other.merge);
  out.certain = Either(certain, other.certain);
  out.heartbeat_database = Either(heartbeat_database, other.heartbeat_database);
  out.replicas = Either(replicas, other.replicas);
  out.limits.insert(other.limits.begin(), other.limits.end());
  return out;
}

std::string RedactedEnd(const std::string& end) {
  return end.starts_with('@') ? end : EndpointUrl::Parse(end).Redacted();
}

ProjectSpec MakeSpec(const ProjectRequest& request) {
  std::string missing;
  if (!request.source) missing += " --source";
  if (!request.destination) missing += " --destination";
  if (!request.objects || request.objects->empty()) missing += " --objects";
  if (!missing.empty()) {
    throw Error({.code = "FLAGS_MISSING",
                 .kind = ErrorKind::kBlocked,
                 .message = fmt::format("a new project needs{}", missing),
                 .cause = "there is no stored project that would say it",
                 .remedy = "give them as flags or in a --config file, or name a stored project"});
  }
  ProjectSpec spec;
  spec.source = RedactedEnd(*request.source);
  spec.destination = RedactedEnd(*request.destination);
  spec.types = ParseTypes("schema,full,incremental,verification");
  return Changed(request, std::move(spec));
}

ProjectSpec Changed(const ProjectRequest& request, ProjectSpec stored) {
  stored.rules = ObjectRules(request.objects.value_or(stored.rules.include()),
                             request.exclude.value_or(stored.rules.exclude()));
  if (request.source) stored.source = RedactedEnd(*request.source);
  if (request.destination) stored.destination = RedactedEnd(*request.destination);
  if (request.types) stored.types = *request.types;
  if (request.collations) stored.collations = *request.collations;
  if (request.skipped_checks) stored.skipped_checks = *request.skipped_checks;
  if (request.defer_indexes) stored.defer_indexes = request.defer_indexes;
  if (request.merge) stored.merge = *request.merge;
  if (request.certain) stored.certain = *request.certain;
  if (request.heartbeat_database) stored.heartbeat_database = *request.heartbeat_database;
  if (request.replicas) {
    stored.replicas.clear();
    for (const std::string& url : *request.replicas) stored.replicas.push_back(RedactedEnd(url));
  }
  ApplyLimits(request.limits, stored.limits);
  return stored;
}

std::vector<std::string> Conflicts(const ProjectRequest& request, const ProjectSpec& stored) {
  std::vector<std::string> out;
  auto differs = [&](std::string_view what, std::string_view asked, std::string_view kept) {
    if (asked == kept) {
      out.push_back(fmt::format("{}: column selection, renames or filters differ", what));
    } else {
      out.push_back(fmt::format("{}: asked for {}, the project has {}", what, asked, kept));
    }
  };
  if (request.source) {
    const std::string asked = RedactedEnd(*request.source);
    if (asked != stored.source) differs("source", asked, stored.source);
  }
  if (request.destination) {
    const std::string asked = RedactedEnd(*request.destination);
    if (asked != stored.destination) differs("destination", asked, stored.destination);
  }
  if (request.objects && *request.objects != stored.rules.include()) {
    differs("objects", Words(*request.objects), Words(stored.rules.include()));
  }
  if (request.exclude && *request.exclude != stored.rules.exclude()) {
    differs("exclude", Words(*request.exclude), Words(stored.rules.exclude()));
  }
  if (request.types && *request.types != stored.types) {
    differs("types", Words(*request.types), Words(stored.types));
  }
  if (request.collations && *request.collations != stored.collations) {
    out.push_back("collations: they differ from the project's");
  }
  if (request.defer_indexes && request.defer_indexes != stored.defer_indexes) {
    out.push_back("defer_indexes: differs from the project's");
  }
  return out;
}

std::string DefaultName(const ProjectSpec& spec) {
  std::string all = spec.source + "\n" + spec.destination;
  for (const auto* rules : {&spec.rules.include(), &spec.rules.exclude()}) {
    all += "\n";
    for (const ObjectRule& rule : *rules) all += "\n" + rule.text;
  }
  std::string name;
  for (char c : spec.rules.include().empty() ? "" : spec.rules.include()[0].database_pattern) {
    const bool is_plain =
        (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
    if (is_plain && name.size() < 24) name.push_back(c);
  }
  if (name.empty()) name = "project";
  return fmt::format("{}-{:06x}", name, XXH64(all.data(), all.size(), 0) & 0xffffff);
}

void CheckName(std::string_view name) {
  bool is_good = !name.empty() && name.size() <= 64 && name[0] != '.' && name[0] != '-';
  for (char c : name) {
    is_good = is_good && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                          (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '.');
  }
  if (is_good) return;
  throw Error({.code = "NAME_INVALID",
               .kind = ErrorKind::kBlocked,
               .object = std::string(name),
               .message = fmt::format("'{}' cannot be a name", name),
               .cause = "a name has 1 to 64 letters, digits, '_', '-' and '.', and begins with a "
                        "letter, a digit or '_'",
               .remedy = "choose another name"});
}

}  // namespace godwit
