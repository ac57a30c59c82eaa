// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/dialect_alter.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/lexer.h"
#include "connectors/mysql_family/session_zone.h"

namespace godwit::mysql {
namespace {

constexpr std::array kMoments = {"CURRENT_TIMESTAMP", "NOW", "LOCALTIME", "LOCALTIMESTAMP"};

// Gives another value at another server or moment.
bool IsUncertain(std::string_view expression) {
  for (const Token& token : Tokenize(expression, {})) {
    for (std::string_view word :
         {"uuid",         "uuid_short", "rand",           "random_bytes",   "sys_guid",
          "uuid_v4",      "uuid_v7",    "nextval",        "last_insert_id", "current_timestamp",
          "now",          "localtime",  "localtimestamp", "sysdate",        "curdate",
          "current_date", "curtime",    "current_time",   "unix_timestamp", "utc_timestamp",
          "utc_date",     "utc_time",   "user",           "current_user",   "connection_id"}) {
      if (token.Is(word)) return true;
    }
  }
  return false;
}

// A literal, with or without a character set before it.
bool IsOneValue(std::string_view expression) {
  const std::vector<Token> tokens = Tokenize(expression, {});
  auto is = [&](size_t n, Token::Kind kind) { return n < tokens.size() && tokens[n].kind == kind; };
  const size_t first = is(0, Token::Kind::kWord) && is(1, Token::Kind::kString) ? 1 : 0;
  const bool is_literal = is(first, Token::Kind::kString) || is(first, Token::Kind::kNumber);
  return is_literal && is(first + 1, Token::Kind::kEnd);
}

// CURRENT_TIMESTAMP or one of its other names, with or without a precision.
bool IsPlainMoment(std::string_view expression) {
  const std::vector<Token> tokens = Tokenize(expression, {});
  if (tokens.empty()) return false;
  const bool is_named = std::any_of(kMoments.begin(), kMoments.end(),
                                    [&](const char* name) { return tokens[0].Is(name); });
  return is_named && std::all_of(tokens.begin() + 1, tokens.end(), [](const Token& token) {
           return token.kind == Token::Kind::kEnd || token.kind == Token::Kind::kNumber ||
                  token.IsSymbol('(') || token.IsSymbol(')');
         });
}

}  // namespace

void FailChange(const SchemaChange& change, std::string cause) {
  throw Error({.code = "DDL_NOT_CONVERTIBLE",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = change.table.ToString(),
               .message = "cannot follow: " + change.statement,
               .cause = std::move(cause),
               .remedy = "edit the statement for the destination, skip it, or do it by hand and "
                         "mark it as done"});
}

AlterRenderer::AlterRenderer(const MysqlDialect& dialect, const SchemaChange& change,
                             const TableSchema* before)
    : dialect_(dialect),
      traits_(dialect.traits()),
      change_(change),
      before_(before),
      actions_(NamedActions(dialect, change, before)) {
  const IndexSchema* primary = before == nullptr ? nullptr : before->primary_key();
  for (const AlterAction& action : actions_) {
    if (action.kind != Kind::kDropColumn || primary == nullptr) continue;
    for (const KeyPart& part : primary->parts) {
      if (EqualNames(part.column, action.name)) drops_key_column_ = true;
    }
  }
}

void AlterRenderer::Fail(std::string cause) const { FailChange(change_, std::move(cause)); }

std::vector<Statement> AlterRenderer::Run() {
  for (const AlterAction& action : actions_) Refuse(action);
  RefuseZone();
  Groups groups;
  for (const AlterAction& action : actions_) {
    if (!IsSuperfluous(action)) Sort(action, groups);
  }
  std::string filling = Filling();
  std::vector<Statement> out;
  for (auto& [group, clauses] : groups) {
    // As soon as the column is there: keys and checks to come may be over it.
    if (group > kColumnsGroup && !filling.empty()) out.push_back(Made(std::exchange(filling, "")));
    if (group % 2 == 0) {
      Emit(std::move(clauses), out);
      continue;
    }
    for (std::string& clause : clauses) Emit({std::move(clause)}, out);
  }
  if (!filling.empty()) out.push_back(Made(std::move(filling)));
  return out;
}

void AlterRenderer::Sort(const AlterAction& action, Groups& groups) {
  std::string clause = Clause(action);
  if (clause.empty()) return;
  // Rows that are there have got the source's time; those to come get their own.
  if (action.kind == Kind::kAddColumn && AtItsMoment(action.column)) {
    groups[kDefaultsGroup].push_back("MODIFY COLUMN " + ColumnText(AdaptedColumn(action.column)));
  }
  if (action.kind == Kind::kModifyColumn && !action.check.column.empty()) {
    std::vector<std::string>& group = groups[traits_.combines_clauses ? 0 : 1];
    for (const std::string& check : OwnChecks(action.name)) {
      std::string drop = "DROP CHECK " + dialect_.Quote(check);
      if (std::find(group.begin(), group.end(), drop) == group.end()) {
        group.push_back(std::move(drop));
      }
    }
  }
  if (traits_.combines_clauses) {
    groups[0].push_back(std::move(clause));
    return;
  }
  if (IsRenaming(action)) {
    groups[kRenameGroup].push_back(Renaming(action.name, action.column.name));
  }
  groups[GroupOf(action)].push_back(std::move(clause));
  // ADD KEY … INVISIBLE makes a visible one there.
  if (action.kind == Kind::kAddIndex && action.index.invisible && !action.index.name.empty()) {
    groups[kLastGroup].push_back("ALTER INDEX " + dialect_.Quote(action.index.name) + " INVISIBLE");
  }
}

Statement AlterRenderer::Made(std::string sql) const {
  return {Statement::Part::kAlter, change_.table, "", std::move(sql), change_.time_zone};
}

void AlterRenderer::Emit(std::vector<std::string> clauses, std::vector<Statement>& out) const {
  std::string sql = "ALTER TABLE " + dialect_.Quote(change_.table);
  for (size_t i = 0; i < clauses.size(); ++i) sql += (i == 0 ? " " : ", ") + clauses[i];
  out.push_back(Made(std::move(sql)));
}

bool AlterRenderer::IsRenaming(const AlterAction& action) const {
  return action.kind == Kind::kModifyColumn && action.name != action.column.name;
}

std::string AlterRenderer::Renaming(const std::string& from, const std::string& to) const {
  return "RENAME COLUMN " + dialect_.Quote(from) + " TO " + dialect_.Quote(to);
}

// The groups of the class comment; even: one statement for all of it, odd: one for each.
int AlterRenderer::GroupOf(const AlterAction& action) const {
  switch (action.kind) {
    case Kind::kDropForeignKey:
    case Kind::kDropCheck:
    case Kind::kDropConstraint:
      return 1;
    case Kind::kDropIndex:
      return 2;
    case Kind::kDropColumn:
      return 4;
    case Kind::kRenameColumn:
      return kRenameGroup;
    case Kind::kAddColumn:
    case Kind::kModifyColumn:
      return kColumnsGroup;
    case Kind::kSetDefault:
    case Kind::kDropDefault:
    case Kind::kRenameIndex:
    case Kind::kIndexVisibility:
      return 9;
    case Kind::kDropPrimaryKey:
      return drops_key_column_ ? 3 : 10;
    case Kind::kAddIndex:
      return action.index.kind == IndexSchema::Kind::kPrimary ? 10 : 11;
    default:
      return kLastGroup;
  }
}

// What would leave other rows at the destination than at the source.
void AlterRenderer::Refuse(const AlterAction& action) const {
  switch (action.kind) {
    case Kind::kUnknown:
      Fail("the clause " + action.text + " moves rows that no change in the log shows");
    case Kind::kAddColumn:
      return RefuseColumn(action);
    case Kind::kModifyColumn:
      return RefuseNumbering(action);
    case Kind::kTruncatePartitions:
      if (before_ == nullptr || !before_->partitioning) {
        Fail("the destination's table has no partitions, so which rows go is not known there");
      }
      if (before_->partitioning->level.method == Partitioning::Method::kHash ||
          before_->partitioning->level.method == Partitioning::Method::kKey ||
          before_->partitioning->sub_level) {
        Fail("hash, key and sub-partitions hold other rows at the destination");
      }
      // All of them hold the same rows together.
      if (action.names.empty()) return;
      RefuseOtherBounds(action);
      return RefuseOtherOrder(action);
    case Kind::kDropPartitions:
      if (before_ == nullptr || !before_->partitioning) {
        Fail("the destination's table has no partitions, so which rows go is not known there");
      }
      RefuseOtherBounds(action);
      return RefuseOtherOrder(action);
    case Kind::kAddPartitions:
      if (before_ == nullptr || !before_->partitioning) {
        Fail("the destination's table has no partitions");
      }
      return;
    default:
      return;
  }
}

std::optional<ColumnSchema> AlterRenderer::AtItsMoment(const ColumnSchema& column) const {
  const bool is_timestamp = column.type.kind == TypeKind::kTimestamp;
  if (!is_timestamp && column.type.kind != TypeKind::kDatetime) return {};
  if (!column.default_value || !IsPlainMoment(column.default_value->text)) return {};
  const std::string& moment = is_timestamp ? change_.moment_utc : change_.moment_local;
  constexpr size_t kWholeSeconds = sizeof("2020-01-02 03:04:05") - 1;
  size_t length = kWholeSeconds;
  if (column.type.fsp > 0) length += 1 + static_cast<size_t>(column.type.fsp);
  if (moment.size() < length) return {};
  ColumnSchema fixed = column;
  fixed.default_value = ColumnSchema::Default{.kind = ColumnSchema::Default::Kind::kLiteral,
                                              .text = moment.substr(0, length)};
  fixed.on_update.clear();
  return fixed;
}

void AlterRenderer::RefuseColumn(const AlterAction& action) const {
  if (IsSuperfluous(action)) return;
  const ColumnSchema& column = action.column;
  if (column.auto_increment) {
    Fail(
        "rows that are there get numbers in an order that the destination may not share; copy "
        "the table again instead");
  }
  if (column.default_value &&
      column.default_value->kind == ColumnSchema::Default::Kind::kExpression &&
      IsUncertain(column.default_value->text) && !AtItsMoment(column)) {
    Fail("rows that are there get values from " + column.default_value->text +
         " that this server would not give; copy the table again, or edit the statement");
  }
  LostDefault(action);
}

// The source numbers the rows that have 0 there (without NO_AUTO_VALUE_ON_ZERO), or NULL.
void AlterRenderer::RefuseNumbering(const AlterAction& action) const {
  if (!action.column.auto_increment) return;
  const int at = before_ == nullptr ? -1 : before_->FindColumn(action.name);
  if (at >= 0 && before_->columns[static_cast<size_t>(at)].auto_increment) return;
  Fail(
      "rows that have 0 or NULL there may have got numbers at the source that nothing tells; where "
      "there are none, run it by hand; else copy the table again");
}

// The destination's session can be given an offset; a name it may not know, or know otherwise.
void AlterRenderer::RefuseZone() const {
  if (change_.time_zone.empty() || change_.has_fixed_zone()) return;
  Fail(
      fmt::format("it depends on its session's time zone {}, whose offset from UTC was not always "
                  "the same or is not known; what is run instead runs in UTC",
                  change_.time_zone));
}

std::string AlterRenderer::LostDefault(const AlterAction& action) const {
  const bool adds = action.kind == Kind::kAddColumn && action.column.default_value;
  if (!adds || IsSuperfluous(action) || AtItsMoment(action.column)) return "";
  const ColumnSchema adapted = AdaptedColumn(action.column);
  if (adapted.default_value) return "";
  const ColumnSchema::Default& value = *action.column.default_value;
  if (value.kind == ColumnSchema::Default::Kind::kLiteral) return dialect_.Literal(value.text);
  const std::string expression = dialect_.AdaptExpression(value.text);
  if (IsOneValue(expression)) return expression;
  Fail(
      fmt::format("rows that are there get values from the default ({}), which the destination's "
                  "column cannot have; without it the statement is: ALTER TABLE {} ADD COLUMN {}",
                  value.text, dialect_.Quote(change_.table), dialect_.Column(adapted)));
}

std::string AlterRenderer::Filling() const {
  std::string sets;
  auto set = [&](const std::string& column, const std::string& value) {
    sets += (sets.empty() ? "" : ", ") + dialect_.Quote(column) + " = " + value;
  };
  for (const AlterAction& action : actions_) {
    if (std::string value = LostDefault(action); !value.empty()) set(action.column.name, value);
  }
  if (sets.empty()) return "";
  if (before_ != nullptr) {
    const auto after = AlterTable(*before_, actions_);
    if (!after) Fail("which columns the table has then is not known");
    for (const ColumnSchema& column : after->table.columns) {
      // It would have the time of this statement.
      if (!column.on_update.empty()) set(column.name, dialect_.Quote(column.name));
    }
  }
  return "UPDATE " + dialect_.Quote(change_.table) + " SET " + sets;
}

void AlterRenderer::PutIntoZone(ColumnSchema& column) const {
  const auto offset = ParseOffset(change_.time_zone);
  if (!offset || column.type.kind != TypeKind::kTimestamp || !column.default_value) return;
  if (column.default_value->kind != ColumnSchema::Default::Kind::kLiteral) return;
  auto clock = ClockTime::Parse(column.default_value->text);
  if (!clock) return;  // the zero date, or a form that was left as it is
  clock->seconds += *offset;
  column.default_value->text = clock->ToText();
}

std::string AlterRenderer::ColumnText(ColumnSchema column) const {
  PutIntoZone(column);
  return dialect_.Column(column);
}

// IF EXISTS, IF NOT EXISTS: clauses that the source left out, as far as the table tells.
bool AlterRenderer::IsSuperfluous(const AlterAction& action) const {
  if (!change_.if_exists || before_ == nullptr) return false;
  switch (action.kind) {
    case Kind::kAddColumn:
      return before_->FindColumn(action.column.name) >= 0 &&
             !Drops(Kind::kDropColumn, action.column.name);
    case Kind::kDropColumn:
    case Kind::kModifyColumn:
    case Kind::kRenameColumn:
      return before_->FindColumn(action.name) < 0;
    case Kind::kAddIndex:
      return Has(before_->indexes, action.index.name) &&
             !Drops(Kind::kDropIndex, action.index.name) &&
             !Drops(Kind::kRenameIndex, action.index.name);
    case Kind::kDropIndex:
      return !Has(before_->indexes, action.name);
    case Kind::kAddForeignKey:
      return Has(before_->foreign_keys, action.foreign_key.name) &&
             !Drops(Kind::kDropForeignKey, action.foreign_key.name);
    case Kind::kDropForeignKey:
      return !Has(before_->foreign_keys, action.name);
    default:
      return false;
  }
}

bool AlterRenderer::Drops(Kind kind, const std::string& name) const {
  return std::any_of(actions_.begin(), actions_.end(), [&](const AlterAction& action) {
    return action.kind == kind && EqualNames(action.name, name);
  });
}

ColumnSchema AlterRenderer::AdaptedColumn(const ColumnSchema& column) const {
  TableSchema table;
  if (before_ != nullptr) table = *before_;
  table.name = change_.table;
  table.columns.push_back(column);
  std::vector<DialectNote> notes;
  dialect_.AdaptColumn(table.columns.back(), table, notes);
  return table.columns.back();
}

std::string AlterRenderer::Clause(const AlterAction& action) {
  switch (action.kind) {
    case Kind::kAddColumn:
    case Kind::kDropColumn:
    case Kind::kModifyColumn:
    case Kind::kRenameColumn:
    case Kind::kSetDefault:
    case Kind::kDropDefault:
    case Kind::kSetVisibility:
      return ColumnClause(action);
    case Kind::kAddIndex:
    case Kind::kDropIndex:
    case Kind::kDropPrimaryKey:
    case Kind::kRenameIndex:
    case Kind::kIndexVisibility:
      return IndexClause(action);
    case Kind::kAddForeignKey:
    case Kind::kDropForeignKey:
    case Kind::kAddCheck:
    case Kind::kDropCheck:
    case Kind::kCheckEnforcement:
    case Kind::kDropConstraint:
      return ConstraintClause(action);
    case Kind::kAddPartitions:
    case Kind::kDropPartitions:
    case Kind::kTruncatePartitions:
    case Kind::kReorganize:
      return PartitionClause(action);
    case Kind::kTableComment:
      return "COMMENT = " + dialect_.Literal(action.text);
    case Kind::kTableCharset:
      return "DEFAULT" + dialect_.Charset(action.charset, action.collation);
    case Kind::kConvertCharset:
      return "CONVERT TO" + dialect_.Charset(action.charset, action.collation);
    case Kind::kAutoIncrement:
      return fmt::format("AUTO_INCREMENT = {}", action.number);
    case Kind::kRenameTable:
      return "RENAME TO " + dialect_.Quote(action.new_table);
    case Kind::kNoEffect:
    case Kind::kUnknown:
      return "";
  }
  return "";
}

std::string AlterRenderer::ColumnClause(const AlterAction& action) {
  auto quote = [&](const std::string& name) { return dialect_.Quote(name); };
  std::string place;
  if (action.first) place = " FIRST";
  if (!action.after.empty()) place = " AFTER " + quote(action.after);
  switch (action.kind) {
    case Kind::kAddColumn: {
      const auto fixed = AtItsMoment(action.column);
      return "ADD COLUMN " + ColumnText(AdaptedColumn(fixed ? *fixed : action.column)) + place;
    }
    case Kind::kDropColumn:
      return "DROP COLUMN " + quote(action.name);
    case Kind::kModifyColumn: {
      const std::string text = Modified(AdaptedColumn(action.column), action.name) + place;
      // OceanBase takes a new name alone only: RENAME COLUMN comes before this.
      const bool keeps_name = action.name == action.column.name;
      if (keeps_name || !traits_.combines_clauses) return "MODIFY COLUMN " + text;
      return "CHANGE COLUMN " + quote(action.name) + " " + text;
    }
    case Kind::kRenameColumn:
      return RenamedColumn(action);
    case Kind::kSetDefault:
      return SetDefault(action);
    case Kind::kDropDefault:
      return "ALTER COLUMN " + quote(action.name) + " DROP DEFAULT";
    default:
      break;
  }
  // Visibility. OceanBase and MariaDB set it with the whole column only.
  if (!traits_.has_invisible_columns) return "";
  if (traits_.flavor == Flavor::kMySql) {
    return fmt::format("ALTER COLUMN {} SET {}", quote(action.name),
                       action.column.invisible ? "INVISIBLE" : "VISIBLE");
  }
  int c = before_ == nullptr ? -1 : before_->FindColumn(action.name);
  if (c < 0) Fail("the destination has no column " + action.name);
  ColumnSchema column = before_->columns[c];
  column.invisible = action.column.invisible;
  return "MODIFY COLUMN " + Modified(column, action.name);
}

// Only the table tells the column's type.
std::string AlterRenderer::SetDefault(const AlterAction& action) const {
  const std::string alter = "ALTER COLUMN " + dialect_.Quote(action.name);
  if (!action.column.default_value) return alter + " SET DEFAULT NULL";
  const TableSchema table = before_ == nullptr ? TableSchema{} : *before_;
  ColumnSchema column = action.column;
  if (const int c = table.FindColumn(action.name); c >= 0) {
    column.type = table.columns[c].type;
    column.native_type = table.columns[c].native_type;
  }
  try {
    const bool is_number = action.text == "NUMBER";
    const bool is_raw = !action.text.empty();
    if (is_raw) SettleDefault(column, is_number ? LiteralForm::kNumber : LiteralForm::kText);
  } catch (const ParseProblem& problem) {
    Fail(problem.text);
  }
  std::vector<DialectNote> notes;
  dialect_.AdaptDefault(column, table, notes);
  if (!column.default_value) return alter + " DROP DEFAULT";
  PutIntoZone(column);
  return alter + " SET DEFAULT " + dialect_.Default(column);
}

// A column of OceanBase's that MODIFY does not call VISIBLE stays invisible.
std::string AlterRenderer::Modified(const ColumnSchema& column, const std::string& old_name) const {
  std::string out = ColumnText(column);
  int c = before_ == nullptr ? -1 : before_->FindColumn(old_name);
  const bool was_invisible = c >= 0 && before_->columns[c].invisible;
  if (was_invisible && !column.invisible && !traits_.combines_clauses) out += " VISIBLE";
  return out;
}

std::string AlterRenderer::RenamedColumn(const AlterAction& action) const {
  if (traits_.has_rename_column) {
    return Renaming(action.name, action.new_name);
  }
  int c = before_ == nullptr ? -1 : before_->FindColumn(action.name);
  if (c < 0) Fail("the destination has no column " + action.name);
  ColumnSchema renamed = before_->columns[c];
  renamed.name = action.new_name;
  return "CHANGE COLUMN " + dialect_.Quote(action.name) + " " + ColumnText(renamed);
}

}  // namespace godwit::mysql
