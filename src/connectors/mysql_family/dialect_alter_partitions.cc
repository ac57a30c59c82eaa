// SPDX-License-Identifier: Apache-2.0
// AlterRenderer's clauses about partitions.
#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>
#include <optional>
#include <sstream>
#include <utility>

#include "base/hex.h"
#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/dialect_alter.h"
#include "connectors/mysql_family/token_cursor.h"
#include "model/expression_names.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using Method = Partitioning::Method;

// The one of four bytes that puts what it knows into the same order.
std::string Widest(const std::string& collation) {
  if (collation == "ascii_bin") return "utf8mb4_bin";
  for (const std::string_view prefix : {"utf8mb3_", "utf8_"}) {
    if (collation.starts_with(prefix)) return "utf8mb4_" + collation.substr(prefix.size());
  }
  return collation;
}

// Of two lists with commas.
bool OrderAlike(const std::string& a, const std::string& b) {
  std::stringstream all_a(a);
  std::stringstream all_b(b);
  std::string one_a;
  std::string one_b;
  for (;;) {
    const bool has_a = static_cast<bool>(std::getline(all_a, one_a, ','));
    const bool has_b = static_cast<bool>(std::getline(all_b, one_b, ','));
    if (!has_a || !has_b) return has_a == has_b;
    if (Widest(one_a) != Widest(one_b)) return false;
  }
}

bool IsRange(Method method) { return method == Method::kRange || method == Method::kRangeColumns; }

// Of a text without its time, where that is midnight: servers print a day in both forms.
std::string Day(const std::string& text) {
  constexpr std::string_view kMidnight = " 00:00:00";
  const size_t at = text.find(kMidnight);
  const bool is_day = at != std::string::npos &&
                      text.find_first_not_of(".0", at + kMidnight.size()) == std::string::npos;
  return is_day ? text.substr(0, at) : text;
}

// The values between the parentheses; nullopt where one has to be computed.
std::optional<std::vector<std::string>> Values(const std::string& text) {
  std::vector<std::string> values;
  std::string sign;
  bool is_text = false;  // behind a charset introducer
  for (const Token& token : Tokenize(text, {})) {
    const bool is_hex = token.text.starts_with("0x") || token.text.starts_with("0X");
    switch (token.kind) {
      case Token::Kind::kEnd:
        return values;
      case Token::Kind::kNumber:
        if (is_hex && !is_text) return {};
        values.push_back(is_hex ? FromHex(token.text.substr(2)) : sign + token.text);
        sign.clear();
        break;
      case Token::Kind::kString:
        values.push_back(std::exchange(sign, "") + Day(token.text));
        break;
      case Token::Kind::kSymbol:
        if (token.IsSymbol('-')) sign = "-";
        if (std::string_view("-+,()").find(token.text) == std::string_view::npos) return {};
        break;
      default:
        if (token.text.starts_with('_')) break;
        if (!token.Is("maxvalue") && !token.Is("default") && !token.Is("null")) return {};
        values.push_back(FoldedName(token.text));
    }
    is_text = token.kind == Token::Kind::kWord && token.text.starts_with('_');
  }
  return values;
}

// As far as both can be told.
bool HaveSameValues(const std::string& a, const std::string& b, bool in_order) {
  auto all_a = Values(a);
  auto all_b = Values(b);
  if (!all_a || !all_b) return true;
  if (!in_order) {
    std::sort(all_a->begin(), all_a->end());
    std::sort(all_b->begin(), all_b->end());
  }
  return *all_a == *all_b;
}

// The values of a partition, and for a range of the one before it; nullopt: there is none.
std::optional<std::pair<std::string, std::string>> Bounds(const Partitioning& partitioning,
                                                          const std::string& name) {
  std::string before;
  for (const Partitioning::Partition& partition : partitioning.partitions) {
    if (EqualNames(partition.name, name)) return std::pair(before, partition.values);
    if (IsRange(partitioning.level.method)) before = partition.values;
  }
  return {};
}

}  // namespace

// A table of the user's own may be cut otherwise, and so may one where a statement was skipped.
void AlterRenderer::RefuseOtherBounds(const AlterAction& action) const {
  if (!action.partitioning) return;
  const Partitioning& here = *before_->partitioning;
  const bool is_range = IsRange(here.level.method);
  for (const std::string& name : action.names) {
    const auto ours = Bounds(here, name);
    const auto source = Bounds(*action.partitioning, name);
    if (!ours || !source) continue;  // the server says so itself
    const bool is_same = is_range == IsRange(action.partitioning->level.method) &&
                         HaveSameValues(ours->first, source->first, true) &&
                         HaveSameValues(ours->second, source->second, is_range);
    if (is_same) continue;
    Fail(
        fmt::format("partition {} has other bounds at the destination ({}) than at the source "
                    "({}), so other rows would go",
                    name, ours->second, source->second));
  }
}

std::string AlterRenderer::PartitionClause(const AlterAction& action) {
  std::string names;
  for (const std::string& name : action.names) {
    names += (names.empty() ? "" : ", ") + dialect_.Quote(name);
  }
  switch (action.kind) {
    case Kind::kDropPartitions:
      return "DROP PARTITION " + names;
    case Kind::kTruncatePartitions: {
      if (!action.names.empty()) return "TRUNCATE PARTITION " + names;
      for (const Partitioning::Partition& partition : before_->partitioning->partitions) {
        names += (names.empty() ? "" : ", ") + dialect_.Quote(partition.name);
      }
      return "TRUNCATE PARTITION " + names;
    }
    case Kind::kAddPartitions: {
      if (action.partitions.empty()) {
        return traits_.has_partition_reorganization ? "ADD PARTITION PARTITIONS " + action.text
                                                    : Reorganized(action);
      }
      TableSchema added = *before_;
      added.partitioning->partitions = action.partitions;
      std::vector<DialectNote> notes;
      dialect_.AdaptPartitioning(*added.partitioning, notes);
      std::string list;
      for (const Partitioning::Partition& partition : added.partitioning->partitions) {
        list += list.empty() ? "" : ", ";
        list += dialect_.PartitionTree(partition, *added.partitioning);
      }
      return "ADD PARTITION (" + list + ")";
    }
    default:
      return Reorganized(action);
  }
}

// PARTITION BY as a log of an older version of Godwit holds it.
Partitioning AlterRenderer::Parsed(const std::string& text) const {
  const std::string sql = "ALTER TABLE t " + text;
  TokenCursor cursor(sql, {});
  cursor.Return(5);
  return DefinitionParser(cursor, traits_, "").Partitions();
}

// Moves rows between partitions and changes none. Partitions keep the source's names and bounds, so
// that a later DROP or TRUNCATE of one takes the same rows. Where the server cannot do it piecewise
// the whole table is partitioned anew.
std::string AlterRenderer::Reorganized(const AlterAction& action) {
  if (action.partitioning || action.text.starts_with("PARTITION BY")) {
    std::vector<DialectNote> notes;
    Partitioning partitioning = action.partitioning ? *action.partitioning : Parsed(action.text);
    dialect_.AdaptPartitioning(partitioning, notes);
    return dialect_.Partitions(partitioning);
  }
  if (before_ == nullptr || !before_->partitioning) return "";
  // Without a way to do it, rows stay in partitions that nothing will name again; those to come
  // need one too.
  if (action.text == "REMOVE PARTITIONING") {
    return traits_.has_partition_reorganization ? action.text : CatchAll();
  }
  if (traits_.has_partition_reorganization) return Native(action);
  Partitioning after = *before_->partitioning;
  auto& list = after.partitions;
  if (action.kind == Kind::kAddPartitions) {
    const uint64_t more = std::strtoull(action.text.c_str(), nullptr, 10);
    for (uint64_t i = 0; i < more; ++i) list.push_back({.name = "p" + std::to_string(list.size())});
  } else if (action.text == "COALESCE PARTITION") {
    if (action.number >= list.size()) Fail("the destination has fewer partitions");
    list.resize(list.size() - action.number);
  } else {
    if (action.names.empty()) return "";
    auto at = std::find_if(list.begin(), list.end(), [&](const auto& partition) {
      return EqualNames(partition.name, action.names[0]);
    });
    if (at == list.end()) Fail("the destination has no partition " + action.names[0]);
    const auto index = at - list.begin();
    std::erase_if(list, [&](const auto& partition) {
      return std::any_of(action.names.begin(), action.names.end(),
                         [&](const std::string& name) { return EqualNames(name, partition.name); });
    });
    list.insert(list.begin() + index, action.partitions.begin(), action.partitions.end());
  }
  std::vector<DialectNote> notes;
  dialect_.AdaptPartitioning(after, notes);
  return dialect_.Partitions(after);
}

std::string AlterRenderer::CatchAll() const {
  const Partitioning& now = *before_->partitioning;
  const Method method = now.level.method;
  const bool is_list = method == Method::kList || method == Method::kListColumns;
  if (method == Method::kHash || method == Method::kKey || now.partitions.empty()) return "";
  auto takes_rest = [&](const Partitioning::Partition& partition) {
    return Tokenize(partition.values, {})[0].Is(is_list ? "default" : "maxvalue");
  };
  if (std::any_of(now.partitions.begin(), now.partitions.end(), takes_rest)) return "";
  Partitioning::Partition rest{.name = "rest"};
  while (Has(now.partitions, rest.name)) rest.name += "_";
  rest.values = is_list ? "DEFAULT" : "MAXVALUE";
  if (method == Method::kRangeColumns) {
    for (size_t n = NamesIn(now.level.expression).size(); n > 1; --n) rest.values += ", MAXVALUE";
  }
  for (size_t i = 0; i < now.partitions[0].subpartitions.size(); ++i) {
    rest.subpartitions.push_back({.name = rest.name + "sp" + std::to_string(i)});
  }
  return "ADD PARTITION (" + dialect_.PartitionTree(rest, now) + ")";
}

// A text lies in a partition by its collation, so a partition may hold other rows here.
void AlterRenderer::RefuseOtherOrder(const AlterAction& action) const {
  const std::string here = PartitionCollations(*before_);
  if (here.empty() || OrderAlike(action.text, here)) return;
  Fail(fmt::format(
      "its table's partitions are over text, by the collation {} at the destination and "
      "{} at the source, so they may hold other rows there",
      here, action.text.empty() ? "one that is not known" : action.text));
}

std::string AlterRenderer::Native(const AlterAction& action) const {
  if (action.text == "COALESCE PARTITION")
    return fmt::format("COALESCE PARTITION {}", action.number);
  std::string out = "REORGANIZE PARTITION";
  for (size_t i = 0; i < action.names.size(); ++i) {
    out += (i == 0 ? " " : ", ") + dialect_.Quote(action.names[i]);
  }
  const char* separator = " INTO (";
  for (const Partitioning::Partition& partition : action.partitions) {
    out += separator + dialect_.PartitionTree(partition, *before_->partitioning);
    separator = ", ";
  }
  return action.partitions.empty() ? out : out + ")";
}

}  // namespace godwit::mysql
