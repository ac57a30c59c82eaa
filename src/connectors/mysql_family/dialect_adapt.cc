// SPDX-License-Identifier: Apache-2.0
// What a server can have of a definition that another one wrote.
#include <fmt/format.h>

#include <algorithm>
#include <array>

#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/dialect.h"
#include "connectors/mysql_family/token_cursor.h"
#include "connectors/mysql_family/types.h"
#include "model/expression_names.h"

namespace godwit::mysql {
namespace {

using DefaultKind = ColumnSchema::Default::Kind;
using IndexKind = IndexSchema::Kind;

[[noreturn]] void FailDefinition(const TableName& table, std::string_view what, std::string cause) {
  throw Error({.code = "DDL_NOT_CONVERTIBLE",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = table.ToString(),
               .message = fmt::format("{} cannot be created as it is", what),
               .cause = std::move(cause),
               .remedy = "edit the statement for the destination, leave the object out, or create "
                         "it by hand"});
}

bool IsLarge(const LogicalType& type) {
  return type.kind == TypeKind::kText || type.kind == TypeKind::kBlob ||
         type.kind == TypeKind::kJson || type.kind == TypeKind::kGeometry;
}

// Of a generated column: moments of TIMESTAMP are put into the session's zone.
bool DependsOnZone(const ColumnSchema& column, const TableSchema& table) {
  const std::string& expression = column.generation_expression;
  if (Upper(expression).find("UNIX") != std::string::npos) return true;  // FROM_UNIXTIME
  return std::any_of(table.columns.begin(), table.columns.end(), [&](const ColumnSchema& other) {
    return other.type.kind == TypeKind::kTimestamp && Mentions(expression, other.name);
  });
}

bool MentionsColumn(std::string_view expression, const TableSchema& table) {
  std::vector<Token> tokens = Tokenize(expression, {});
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    if (!tokens[i].IsName() || tokens[i + 1].IsSymbol('(')) continue;
    if (table.FindColumn(tokens[i].text) >= 0) return true;
  }
  return false;
}

}  // namespace

// String literals with the character set of a server that has more of them: the text of a
// definition is UTF-8 whatever the introducer says.
std::string MysqlDialect::AdaptExpression(std::string_view expression) const {
  std::string out;
  size_t from = 0;
  std::vector<Token> tokens = Tokenize(expression, {});
  for (size_t i = 0; i + 1 < tokens.size(); ++i) {
    const Token& token = tokens[i];
    if (token.kind != Token::Kind::kWord || !token.text.starts_with('_') ||
        tokens[i + 1].kind != Token::Kind::kString) {
      continue;
    }
    const std::string charset = Lower(token.text.substr(1));
    if (charset == "binary" || charset == "utf8mb4") continue;
    if (traits_.flavor != Flavor::kOceanBase && charset != "utf8mb3") continue;
    out += expression.substr(from, token.begin - from);
    out += traits_.flavor == Flavor::kOceanBase ? "_utf8mb4" : "_utf8";
    from = token.end;
  }
  out += expression.substr(from);
  return out;
}

TableSchema MysqlDialect::Adapted(const TableSchema& source,
                                  std::vector<DialectNote>& notes) const {
  TableSchema table = source;
  table.dialect = family();
  for (ColumnSchema& column : table.columns) AdaptColumn(column, source, notes);
  std::erase_if(table.indexes,
                [&](IndexSchema& index) { return !AdaptIndex(index, source, notes); });
  AdaptChecks(table, notes);
  if (table.partitioning) AdaptPartitioning(*table.partitioning, notes);
  static constexpr std::array<std::string_view, 2> kEngines = {"INNODB", "MYISAM"};
  if (traits_.flavor == Flavor::kOceanBase) {
    table.engine.clear();
  } else if (std::find(kEngines.begin(), kEngines.end(), Upper(table.engine)) == kEngines.end()) {
    if (!table.engine.empty()) {
      notes.push_back({"", fmt::format("engine {} becomes InnoDB", table.engine)});
    }
    table.engine = "InnoDB";
  }
  return table;
}

void MysqlDialect::AdaptColumn(ColumnSchema& column, const TableSchema& table,
                               std::vector<DialectNote>& notes) const {
  AdaptType(column, table.name, notes);
  if (column.is_generated()) {
    if (!traits_.has_generated_columns) {
      FailDefinition(table.name, "column " + column.name,
                     "the destination has no generated columns");
    }
    if (column.generated == ColumnSchema::Generated::kStored && DependsOnZone(column, table)) {
      notes.push_back({column.name,
                       "what is stored depends on the time zone of the session that writes the "
                       "row: at the destination that is Godwit's, UTC"});
    }
    column.generation_expression = AdaptExpression(column.generation_expression);
  }
  if (column.default_value) AdaptDefault(column, table, notes);
  if (column.invisible && !traits_.has_invisible_columns) {
    column.invisible = false;
    notes.push_back({column.name, "becomes visible: SELECT * shows it"});
  }
}

void MysqlDialect::AdaptType(ColumnSchema& column, const TableName& table,
                             std::vector<DialectNote>& notes) const {
  if (column.type.kind == TypeKind::kUnknown) {
    FailDefinition(table, "column " + column.name,
                   fmt::format("its type {} has no counterpart", column.native_type));
  }
  if (size_t at = column.native_type.find(" srid "); at != std::string::npos && !traits_.has_srid) {
    notes.push_back(
        {column.name,
         fmt::format("{} is no longer enforced", Upper(column.native_type.substr(at + 1))), true});
    column.native_type.resize(at);
  }
  const bool has_vector = traits_.flavor == Flavor::kMySql && traits_.version >= 90000;
  if (column.native_type.starts_with("vector") && !has_vector) {
    notes.push_back({column.name, column.native_type + " becomes VARBINARY with the same bytes"});
    column.native_type = fmt::format("varbinary({})", column.type.length);
    column.type.kind = TypeKind::kVarbinary;
  }
  if (column.type.kind == TypeKind::kJson && !traits_.has_json) {
    notes.push_back({column.name, "JSON becomes LONGTEXT"});
    column.native_type = "longtext";
    column.type = {.kind = TypeKind::kText, .length = 0xffffffff};
    column.charset = "utf8mb4";
    column.collation = "utf8mb4_bin";
    return;
  }
  if (column.native_type.starts_with("year")) column.native_type = "year";  // of four digits
  // The same type in this server's words: widths shown or not.
  const std::string text = "c " + column.native_type;
  TokenCursor cursor(text, {});
  TableSchema unused;
  try {
    ColumnSchema written = DefinitionParser(cursor, traits_, "").Column(unused);
    column.native_type = written.native_type;
  } catch (const ParseProblem& problem) {
    FailDefinition(table, "column " + column.name,
                   fmt::format("its type {}: {}", column.native_type, problem.text));
  }
}

void MysqlDialect::AdaptDefault(ColumnSchema& column, const TableSchema& table,
                                std::vector<DialectNote>& notes) const {
  ColumnSchema::Default& value = *column.default_value;
  auto drop = [&](std::string_view why) {
    notes.push_back(
        {column.name, fmt::format("its default {} is left out: {}", value.text, why), true});
    column.default_value.reset();
  };
  if (value.kind == DefaultKind::kLiteral) {
    if (!IsLarge(column.type)) return;
    if (!traits_.has_text_defaults) return drop("the destination has none for this type");
    if (traits_.flavor != Flavor::kMariaDb) {
      value = {DefaultKind::kExpression, Literal(value.text)};
    }
    return;
  }
  value.text = AdaptExpression(value.text);
  if (IsPlainDefault(column) && !IsLarge(column.type)) return;
  if (!traits_.has_expression_defaults) return drop("the destination has no expressions there");
  if (IsLarge(column.type) && !traits_.has_text_defaults) {
    return drop("the destination has none for this type");
  }
  if (traits_.flavor == Flavor::kOceanBase && MentionsColumn(value.text, table)) {
    drop("the destination takes no column in it");
  }
}

// False: the index is left out.
bool MysqlDialect::AdaptIndex(IndexSchema& index, const TableSchema& table,
                              std::vector<DialectNote>& notes) const {
  auto leave_out = [&](std::string_view why) {
    notes.push_back({"", fmt::format("index {} is left out: {}", index.name, why), true});
    return false;
  };
  bool was_descending = false;
  for (KeyPart& part : index.parts) {
    if (!part.expression.empty()) {
      if (!traits_.has_functional_indexes) {
        if (index.is_unique()) {
          FailDefinition(table.name, "unique key " + index.name,
                         "the destination has no keys over expressions");
        }
        return leave_out("the destination has none over expressions");
      }
      part.expression = AdaptExpression(part.expression);
    }
    if (part.descending && !traits_.has_descending_indexes) {
      part.descending = false;
      was_descending = true;
    }
    if (part.prefix_length != 0 && index.kind == IndexKind::kPrimary &&
        traits_.flavor == Flavor::kOceanBase) {
      FailDefinition(
          table.name, "the primary key",
          fmt::format("the destination takes no prefix of a column ({}) in it", part.column));
    }
  }
  if (index.kind == IndexKind::kFullText && !traits_.has_fulltext) {
    return leave_out("the destination has no full-text indexes");
  }
  if (index.kind == IndexKind::kSpatial && !traits_.has_spatial_indexes) {
    return leave_out("the destination has no spatial indexes");
  }
  if (was_descending) {
    notes.push_back({"", fmt::format("index {} ascends in all its columns: a matter of speed only",
                                     index.name)});
  }
  const bool knows_parser = traits_.has_fulltext_parsers && Lower(index.parser) == "ngram";
  if (!index.parser.empty() && !knows_parser) {
    notes.push_back({"",
                     fmt::format("index {} gets the default parser instead of {}: searches may "
                                 "find other rows",
                                 index.name, index.parser),
                     true});
    index.parser.clear();
  }
  if (index.invisible && !traits_.has_invisible_indexes) {
    index.invisible = false;
    notes.push_back({"", fmt::format("index {} becomes visible to the optimizer", index.name)});
  }
  return true;
}

void MysqlDialect::AdaptChecks(TableSchema& table, std::vector<DialectNote>& notes) const {
  std::erase_if(table.checks, [&](const CheckSchema& check) {
    const bool is_kept = traits_.has_checks && (check.enforced || traits_.has_check_enforcement);
    if (!is_kept) {
      notes.push_back({"",
                       fmt::format("check ({}) is left out: the destination {}", check.expression,
                                   traits_.has_checks ? "would enforce it" : "has no checks"),
                       true});
    }
    return !is_kept;
  });
  for (CheckSchema& check : table.checks) {
    check.expression = AdaptExpression(check.expression);
    check.name = CheckName(check.name, table.name);
    if (!traits_.has_column_checks) check.column.clear();
  }
}

void MysqlDialect::AdaptPartitioning(Partitioning& partitioning,
                                     std::vector<DialectNote>& notes) const {
  auto adapt = [&](Partitioning::Level& level) {
    if (!level.linear || traits_.has_linear_partitions) return;
    level.linear = false;
    notes.push_back({"", "LINEAR partitioning becomes plain: rows lie in other partitions"});
  };
  adapt(partitioning.level);
  if (partitioning.sub_level) adapt(*partitioning.sub_level);
  if (traits_.has_partition_comments) return;
  for (Partitioning::Partition& partition : partitioning.partitions) {
    partition.comment.clear();
    for (Partitioning::Partition& sub : partition.subpartitions) sub.comment.clear();
  }
}

}  // namespace godwit::mysql
