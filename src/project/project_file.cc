// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>
#include <toml++/toml.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <sstream>

#include "base/error.h"
#include "project/project_request.h"
#include "project/spec.h"

namespace godwit {
namespace {

constexpr std::array kLimits = {
    "readers",          "lanes",       "rows_per_second", "bytes_per_second",    "chunk_bytes",
    "store_bytes",      "store_hours", "history_length",  "replica_lag_seconds", "snapshot_seconds",
    "heartbeat_seconds"};

class FileReader {
 public:
  explicit FileReader(const std::string& path) : path_(path) {}

  ProjectRequest Read(const toml::table& table) {
    ProjectRequest out;
    for (const auto& [key_of, node] : table) {
      const std::string_view key = key_of.str();
      if (key == "name")
        out.name = Text(node, key);
      else if (key == "source")
        out.source = Text(node, key);
      else if (key == "destination")
        out.destination = Text(node, key);
      else if (key == "objects")
        out.objects = Rules(node, key);
      else if (key == "exclude")
        out.exclude = Excluded(node);
      else if (key == "types")
        out.types = Types(node);
      else if (key == "collations")
        out.collations = TextMap(node, key);
      else if (key == "skip_checks")
        out.skipped_checks = Texts(node, key);
      else if (key == "defer_indexes")
        out.defer_indexes = Flag(node, key);
      else if (key == "merge")
        out.merge = Flag(node, key);
      else if (key == "certain")
        out.certain = Flag(node, key);
      else if (key == "heartbeat")
        out.heartbeat_database = Text(node, key);
      else if (key == "replicas")
        out.replicas = Texts(node, key);
      else if (key == "limits")
        out.limits = ReadLimits(node);
      else
        Fail(node, fmt::format("'{}' is not known here", key));
    }
    return out;
  }

  [[noreturn]] void Fail(uint32_t line, std::string_view why) const {
    throw Error({.code = "CONFIG_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .object = path_,
                 .message = fmt::format("{}:{}: {}", path_, line, why),
                 .cause = "the project file does not have the form that the user guide describes",
                 .remedy = "correct that line"});
  }

 private:
  [[noreturn]] void Fail(const toml::node& node, std::string_view why) const {
    Fail(node.source().begin.line, why);
  }

  std::string Text(const toml::node& node, std::string_view key) const {
    if (auto text = node.value_exact<std::string>()) return *text;
    Fail(node, fmt::format("'{}' must be a text in quotes", key));
  }

  bool Flag(const toml::node& node, std::string_view key) const {
    if (auto flag = node.value_exact<bool>()) return *flag;
    Fail(node, fmt::format("'{}' must be true or false", key));
  }

  const toml::array& Array(const toml::node& node, std::string_view key) const {
    if (const toml::array* array = node.as_array()) return *array;
    Fail(node, fmt::format("'{}' must be a list in [ ]", key));
  }

  const toml::table& Table(const toml::node& node, std::string_view key) const {
    if (const toml::table* table = node.as_table()) return *table;
    Fail(node, fmt::format("'{}' must be a table", key));
  }

  std::vector<std::string> Texts(const toml::node& node, std::string_view key) const {
    std::vector<std::string> out;
    for (const toml::node& item : Array(node, key)) out.push_back(Text(item, key));
    return out;
  }

  std::map<std::string, std::string> TextMap(const toml::node& node, std::string_view key) const {
    std::map<std::string, std::string> out;
    for (const auto& [name, value] : Table(node, key)) {
      out[std::string(name.str())] = Text(value, name.str());
    }
    return out;
  }

  std::vector<MigrationType> Types(const toml::node& node) const {
    std::string joined;
    if (node.is_string()) {
      joined = Text(node, "types");
    } else {
      for (const std::string& type : Texts(node, "types")) {
        joined += (joined.empty() ? "" : ",") + type;
      }
    }
    try {
      return ParseTypes(joined);
    } catch (const Error& error) {
      Fail(node, error.fields().message);
    }
  }

  std::vector<ObjectRule> Rules(const toml::node& node, std::string_view key) const {
    std::vector<ObjectRule> out;
    for (const toml::node& item : Array(node, key)) {
      try {
        out.push_back(item.is_string() ? ObjectRule::Parse(Text(item, key)) : Rule(item));
      } catch (const Error& error) {
        if (error.code() != "RULE_INVALID") throw;
        Fail(item, error.fields().message);
      }
    }
    return out;
  }

  std::vector<ObjectRule> Excluded(const toml::node& node) const {
    std::vector<ObjectRule> out = Rules(node, "exclude");
    for (const ObjectRule& rule : out) {
      if (!rule.is_pattern_only()) {
        Fail(node, "an excluded rule has nothing but its pattern: " + rule.text);
      }
    }
    return out;
  }

  ObjectRule Rule(const toml::node& node) const {
    const toml::table& table = Table(node, "objects");
    const toml::node* text = table.get("rule");
    if (text == nullptr) Fail(node, "'rule' is missing");
    ObjectRule rule = ObjectRule::Parse(Text(*text, "rule"));
    for (const auto& [key_of, value] : table) {
      const std::string_view key = key_of.str();
      if (key == "rule") continue;
      if (key == "where")
        rule.where = Text(value, key);
      else if (key == "columns")
        rule.columns = Texts(value, key);
      else if (key == "exclude_columns")
        rule.excluded_columns = Texts(value, key);
      else if (key == "rename")
        rule.column_names = TextMap(value, key);
      else
        Fail(value, fmt::format("'{}' is not known in a rule", key));
    }
    return rule;
  }

  std::map<std::string, uint64_t> ReadLimits(const toml::node& node) const {
    std::map<std::string, uint64_t> out;
    for (const auto& [key_of, value] : Table(node, "limits")) {
      const std::string_view key = key_of.str();
      if (std::find(kLimits.begin(), kLimits.end(), key) == kLimits.end()) {
        Fail(value, fmt::format("'{}' is no limit", key));
      }
      auto number = value.value_exact<int64_t>();
      const bool needs_one =
          key == "readers" || key == "lanes" || key == "chunk_bytes" || key == "heartbeat_seconds";
      if (!number || *number < (needs_one ? 1 : 0)) {
        Fail(value, fmt::format("'{}' must be a whole number{}", key,
                                needs_one ? " above 0" : ", 0 for no limit"));
      }
      if (key == "readers" || key == "lanes") {
        if (*number > 256) Fail(value, fmt::format("'{}' must not be above 256", key));
      }
      out[std::string(key)] = static_cast<uint64_t>(*number);
    }
    return out;
  }

  const std::string& path_;
};

}  // namespace

ProjectRequest ParseProjectFile(std::string_view text, const std::string& path) {
  FileReader reader(path);
  toml::table table;
  try {
    table = toml::parse(text, path);
  } catch (const toml::parse_error& error) {
    reader.Fail(error.source().begin.line, error.description());
  }
  return reader.Read(table);
}

ProjectRequest ReadProjectFile(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  if (file) text << file.rdbuf();
  if (!file || (text.fail() && !text.str().empty())) {
    throw Error({.code = "CONFIG_UNREADABLE",
                 .kind = ErrorKind::kBlocked,
                 .object = path,
                 .message = fmt::format("cannot read {}", path),
                 .cause = "the project file is missing or not readable",
                 .remedy = "give --config an existing file"});
  }
  return ParseProjectFile(text.str(), path);
}

}  // namespace godwit
