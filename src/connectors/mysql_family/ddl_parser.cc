// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/ddl_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "base/error.h"
#include "connectors/mysql_family/ddl_parser_alter.h"
#include "connectors/mysql_family/definition_parser.h"
#include "connectors/mysql_family/token_cursor.h"
#include "model/expression_names.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using Kind = SchemaChange::Kind;
using Action = AlterAction::Kind;

// First words of statements that change neither definitions nor rows of tables.
constexpr std::array<std::string_view, 37> kIrrelevantWords = {
    "grant",    "revoke",    "set",       "flush",   "analyze",    "optimize", "repair",
    "check",    "install",   "uninstall", "reset",   "use",        "kill",     "commit",
    "begin",    "savepoint", "lock",      "unlock",  "purge",      "change",   "start",
    "stop",     "cache",     "rollback",  "release", "xa",         "show",     "explain",
    "describe", "help",      "checksum",  "prepare", "deallocate", "clone",    "shutdown",
    "restart",  "backup"};

// First words behind CREATE, ALTER or DROP of things that Godwit does not carry.
constexpr std::array<std::string_view, 20> kOtherObjects = {
    "procedure",  "function", "trigger", "event",      "user",      "role",    "server",
    "tablespace", "resource", "logfile", "undo",       "aggregate", "package", "sequence",
    "instance",   "library",  "outline", "tablegroup", "restore",   "prepare"};

class StatementParser {
 public:
  StatementParser(std::string_view sql, const DdlContext& context, LexMode mode,
                  const DialectTraits& traits, SchemaChange& out)
      : in_(sql, mode),
        definitions_(in_, traits, context.default_database),
        context_(context),
        traits_(traits),
        out_(out) {}

  void Run() {
    const std::string setting = SetStatementAhead();
    Statement();
    in_.AcceptSymbol(';');
    if (out_.kind != Kind::kIrrelevant && !in_.AtEnd())
      in_.Fail("something that is not understood");
    if (out_.kind == Kind::kIrrelevant) return;
    // The server read the text before it set the mode, which the event shows as the session's.
    const bool has_quotes = out_.statement.find_first_of("\"\\", begin_) != std::string::npos;
    if (setting == "sql_mode" && has_quotes) {
      throw ParseProblem{
          "SET STATEMENT gave it another sql_mode: what its quotes mean is not known"};
    }
    if (!setting.empty()) {
      out_.problem =
          fmt::format("SET STATEMENT gave it another {}, which may change what it makes", setting);
    }
    if (out_.problem.empty()) out_.problem = in_.OtherReading();
    if (out_.problem.empty()) out_.problem = definitions_.doubt();
  }

 private:
  // Moves behind it. Of the variables that may matter to the statement the one that matters most,
  // in lower case; empty: none.
  std::string SetStatementAhead() {
    const bool is_ahead = in_.Peek().Is("set") && in_.Peek(1).Is("statement");
    if (!is_ahead || !in_.mode().is_mariadb) return "";
    const SetStatement set = FindSetStatement(Tokenize(out_.statement, in_.mode()));
    in_.Return(set.end);
    begin_ = in_.Peek().begin;
    std::string setting;
    for (const std::string& variable : set.variables) {
      const bool counts = setting.empty() ? !LeavesMeaning(variable) : variable == "sql_mode";
      if (counts) setting = variable;
    }
    return setting;
  }

  void Statement() {
    if (in_.AtEnd()) return Finish(Kind::kIrrelevant);  // a comment alone
    if (in_.Accept("create")) return Create();
    if (in_.Accept("alter")) return Alter();
    if (in_.Accept("drop")) return Drop();
    if (in_.Accept("truncate")) {
      in_.Accept("table");
      out_.table = definitions_.Name();
      in_.Accept("nowait");
      if (in_.Accept("wait")) in_.Next();
      return Finish(Kind::kTruncateTable);
    }
    if (in_.Accept("rename")) return Rename();
    if (in_.Accept({"load", "index"})) return Finish(Kind::kIrrelevant);
    for (std::string_view word : kIrrelevantWords) {
      if (in_.Peek().Is(word)) return Finish(Kind::kIrrelevant);
    }
    for (const char* word :
         {"insert", "update", "delete", "replace", "load", "call", "with", "select", "do"}) {
      if (in_.Peek().Is(word)) in_.Fail("a change of rows that was logged as a statement");
    }
    in_.Fail("a statement that is not known");
  }

  void Finish(Kind kind) { out_.kind = kind; }

  bool IfExists() {
    bool found = in_.Accept({"if", "exists"}) || in_.Accept({"if", "not", "exists"});
    out_.if_exists = out_.if_exists || found;
    return found;
  }

  bool IsOtherObject() const {
    for (std::string_view word : kOtherObjects) {
      if (in_.Peek().Is(word)) return true;
    }
    if (in_.Peek().Is("spatial")) return in_.Peek(1).Is("reference");
    if (in_.Peek().Is("external") || in_.Peek().Is("masking")) return true;
    if (!in_.Peek().Is("definer")) return false;
    for (size_t n = 0; n < 16; ++n) {
      if (in_.Peek(n).Is("view")) return false;
      for (const char* word : {"procedure", "function", "trigger", "event", "aggregate"}) {
        if (in_.Peek(n).Is(word)) return true;
      }
    }
    return false;
  }

  bool IsViewAhead() const {
    if (in_.Peek().Is("view")) return true;
    if (!in_.Peek().Is("algorithm") && !in_.Peek().Is("definer") && !in_.Peek().Is("sql")) {
      return false;
    }
    for (size_t n = 0; n < 20; ++n) {
      if (in_.Peek(n).Is("view")) return true;
    }
    return false;
  }

  void Create() {
    bool replaces = in_.Accept({"or", "replace"});
    if (IsOtherObject()) return Finish(Kind::kIrrelevant);
    if (in_.Accept("temporary")) out_.temporary = true;
    if (in_.Accept({"global", "temporary"})) out_.temporary = true;
    if (in_.Accept("database") || in_.Accept("schema")) {
      IfExists();
      out_.table.database = DatabaseName();
      DatabaseOptions();
      out_.replaces = replaces;
      return Finish(Kind::kCreateDatabase);
    }
    if (in_.Accept("table")) return CreateTable(replaces);
    if (IsViewAhead()) return View();
    CreateIndex(replaces);
  }

  std::string DatabaseName() {
    std::string name = in_.Name();
    return traits_.lower_case_table_names != 0 ? FoldedName(name) : name;
  }

  void DatabaseOptions() {
    while (!in_.AtEnd()) {
      in_.Accept("default");
      if (in_.Accept({"character", "set"}) || in_.Accept({"char", "set"}) ||
          in_.Accept("charset")) {
        out_.charset = definitions_.CharsetName();
      } else if (in_.Accept("collate")) {
        out_.collation =
            definitions_.CollationName(out_.charset.empty() ? "utf8mb4" : out_.charset);
        if (out_.charset.empty()) out_.charset = CharsetOf(out_.collation);
      } else {
        in_.Next();
      }
    }
  }

  void CreateTable(bool replaces) {
    IfExists();
    out_.table = definitions_.Name();
    definitions_.UseTable(out_.table);
    out_.replaces = replaces;
    out_.creates_table = true;
    if (out_.temporary) {
      while (!in_.AtEnd()) in_.Next();
      return Finish(Kind::kCreateTable);
    }
    bool has_parenthesis = in_.Peek().IsSymbol('(') && in_.Peek(1).Is("like");
    if (has_parenthesis) in_.Next();
    if (in_.Accept("like")) {
      out_.like_table = definitions_.Name();
      // MySQL's manual, "CREATE TABLE ... LIKE Statement": names of checks are generated.
      if (!definitions_.has_column_checks()) out_.check_names = definitions_.CheckNames(out_.table);
      if (has_parenthesis) in_.ExpectSymbol(')');
      return Finish(Kind::kCreateTable);
    }
    TableSchema table;
    table.name = out_.table;
    table.dialect = "mysql";
    in_.ExpectSymbol('(');
    do {
      if (definitions_.TableElement(table)) continue;
      if (in_.Peek().Is("period") && in_.Peek(1).Is("for")) in_.Fail("periods are not followed");
      ColumnSchema column = definitions_.Column(table);
      table.columns.push_back(std::move(column));
    } while (in_.AcceptSymbol(','));
    in_.ExpectSymbol(')');
    TableOptions(table);
    if (!in_.AtEnd()) {
      // CREATE TABLE … SELECT: in row format the log has the definition without the SELECT and the
      // rows follow as events; with one here the columns cannot be known.
      in_.Fail("something that is not understood");
    }
    if (table.charset.empty() && table.collation.empty()) {
      table.charset = traits_.CanonicalCharset(context_.database_charset);
      table.collation = traits_.CanonicalCollation(context_.database_collation);
      if (table.charset.empty()) table.charset = CharsetOf(table.collation);
    }
    definitions_.FinishTable(table);
    out_.definition = std::move(table);
    Finish(Kind::kCreateTable);
  }

  void TableOptions(TableSchema& table) {
    for (;;) {
      if (in_.Peek().Is("with") && in_.Peek(1).Is("system")) {
        in_.Fail("SYSTEM VERSIONING is not followed");
      }
      if (in_.Accept({"partition", "by"})) {
        table.partitioning = definitions_.Partitions();
      } else if (!definitions_.TableOption(table)) {
        return;
      }
    }
  }

  // OR REPLACE: the one of this name goes first, if there is one (MariaDB).
  void CreateIndex(bool replaces) {
    IndexSchema index;
    if (!in_.Accept("online")) in_.Accept("offline");
    if (in_.Accept("unique")) {
      index.kind = IndexSchema::Kind::kUnique;
    } else if (in_.Accept("fulltext")) {
      index.kind = IndexSchema::Kind::kFullText;
    } else if (in_.Accept("spatial")) {
      index.kind = IndexSchema::Kind::kSpatial;
    }
    in_.Expect("index");
    IfExists();
    index.name = in_.Name();
    if (in_.Accept("using") || in_.Accept("type")) in_.Next();
    in_.Expect("on");
    out_.table = definitions_.Name();
    if (in_.Accept("wait")) in_.Next();
    in_.Accept("nowait");
    index.parts = definitions_.KeyParts();
    definitions_.IndexOptions(index);
    if (replaces) {
      AlterAction& drop = out_.actions.emplace_back();
      drop.kind = Action::kDropIndex;
      drop.name = index.name;
      out_.if_exists = true;
    }
    AlterAction& action = out_.actions.emplace_back();
    action.kind = Action::kAddIndex;
    action.index = std::move(index);
    OnlineOptions();
    Finish(Kind::kAlterTable);
  }

  // ALGORITHM and LOCK behind CREATE INDEX and DROP INDEX.
  void OnlineOptions() {
    while (in_.Accept("algorithm") || in_.Accept("lock")) {
      in_.AcceptSymbol('=');
      in_.Next();
    }
  }

  void Drop() {
    if (IsOtherObject()) return Finish(Kind::kIrrelevant);
    if (in_.Accept("temporary")) out_.temporary = true;
    if (in_.Accept("database") || in_.Accept("schema")) {
      IfExists();
      out_.table.database = DatabaseName();
      return Finish(Kind::kDropDatabase);
    }
    bool is_view = in_.Peek().Is("view");
    if (is_view || in_.Peek().Is("table") || in_.Peek().Is("tables")) {
      in_.Next();
      IfExists();
      do {
        out_.tables.push_back(definitions_.Name());
      } while (in_.AcceptSymbol(','));
      out_.table = out_.tables[0];
      if (in_.Accept("wait")) in_.Next();
      in_.Accept("nowait");
      if (!in_.Accept("restrict")) in_.Accept("cascade");
      return Finish(is_view ? Kind::kDropView : Kind::kDropTable);
    }
    if (!in_.Accept("online")) in_.Accept("offline");
    in_.Expect("index");
    IfExists();
    AlterAction action;
    action.kind = Action::kDropIndex;
    action.name = in_.Name();
    if (Upper(action.name) == "PRIMARY") action.kind = Action::kDropPrimaryKey;
    in_.Expect("on");
    out_.table = definitions_.Name();
    if (in_.Accept("wait")) in_.Next();
    in_.Accept("nowait");
    out_.actions.push_back(std::move(action));
    OnlineOptions();
    Finish(Kind::kAlterTable);
  }

  void Rename() {
    if (in_.Peek().Is("user")) return Finish(Kind::kIrrelevant);
    if (!in_.Accept("table")) in_.Expect("tables");
    IfExists();
    do {
      TableName from = definitions_.Name();
      if (out_.table.table.empty()) out_.table = from;
      if (in_.Accept("wait")) in_.Next();
      in_.Accept("nowait");
      in_.Expect("to");
      out_.renames.emplace_back(from, definitions_.Name());
    } while (in_.AcceptSymbol(','));
    Finish(Kind::kRenameTable);
  }

  void Alter() {
    if (IsOtherObject()) return Finish(Kind::kIrrelevant);
    if (IsViewAhead()) return View();
    if (in_.Accept("database") || in_.Accept("schema")) {
      const Token& next = in_.Peek();
      bool is_option = next.Is("default") || next.Is("character") || next.Is("charset") ||
                       next.Is("collate") || next.Is("encryption") || next.Is("read") ||
                       next.Is("comment");
      out_.table.database = is_option ? out_.default_database : DatabaseName();
      DatabaseOptions();
      return Finish(Kind::kAlterDatabase);
    }
    if (!in_.Accept("online")) in_.Accept("offline");
    const bool ignores = in_.Accept("ignore");
    in_.Expect("table");
    IfExists();
    out_.table = definitions_.Name();
    definitions_.UseTable(out_.table);
    if (in_.Accept("wait")) in_.Next();
    in_.Accept("nowait");
    AlterParser(in_, definitions_, out_).Clauses();
    for (AlterAction& action : out_.actions) {
      const bool is_charset =
          action.kind == Action::kTableCharset || action.kind == Action::kConvertCharset;
      if (!is_charset || !action.collation.empty()) continue;
      action.collation = traits_.DefaultCollationOf(action.charset);
    }
    Finish(Kind::kAlterTable);
    const bool is_bent =
        ignores && std::any_of(out_.actions.begin(), out_.actions.end(), [](const auto& action) {
          return action.kind == Action::kModifyColumn || action.kind == Action::kConvertCharset ||
                 action.kind == Action::kReorganize ||
                 (action.kind == Action::kAddIndex && action.index.is_unique());
        });
    if (is_bent) {
      out_.problem = "IGNORE may have removed or changed rows that no change in the log shows";
    }
  }

  void View() {
    ViewSchema view;
    view.dialect = "mysql";
    while (!in_.Accept("view")) {
      if (in_.AtEnd()) in_.Fail("VIEW expected");
      if (in_.Accept({"sql", "security"})) {
        in_.Next();
      } else if (in_.Accept("definer")) {
        in_.AcceptSymbol('=');
        view.definer = in_.Next().text;
        while (!in_.AtEnd() && !in_.Peek().Is("view") && !in_.Peek().Is("sql")) {
          view.definer += in_.Next().text;
        }
        std::erase(view.definer, '`');  // a host's quotes stay within its token
      } else {
        in_.Next();
      }
    }
    IfExists();
    view.name = out_.table = definitions_.Name();
    if (in_.AcceptSymbol('(')) {
      do {
        view.columns.push_back(in_.Name());
      } while (in_.AcceptSymbol(','));
      in_.ExpectSymbol(')');
    }
    in_.Expect("as");
    view.select = Select(view.check_option);
    out_.view = std::move(view);
    Finish(Kind::kCreateView);
  }

  std::string Select(std::string& check_option) {
    const size_t begin = in_.at();
    size_t end = begin;
    while (!in_.AtEnd()) {
      end = in_.at() + 1;
      if (in_.Peek().Is("with") && in_.at() > begin) {
        size_t n = in_.Peek(1).Is("local") || in_.Peek(1).Is("cascaded") ? 2 : 1;
        if (in_.Peek(n).Is("check") && in_.Peek(n + 1).Is("option")) {
          end = in_.at();
          in_.Next();
          check_option = n == 1 ? "CASCADED" : Upper(in_.Next().text);
          in_.Accept({"check", "option"});
          break;
        }
      }
      in_.Next();
    }
    if (end == begin) in_.Fail("a SELECT expected");
    return in_.SourceOf(begin, end);
  }

  TokenCursor in_;
  DefinitionParser definitions_;
  const DdlContext& context_;
  const DialectTraits& traits_;
  SchemaChange& out_;
  size_t begin_ = 0;  // of the statement itself, behind SET STATEMENT … FOR
};

[[noreturn]] void FailDefinition(const SchemaChange& change, std::string_view what) {
  throw Error(
      {.code = "DEFINITION_NOT_UNDERSTOOD",
       .kind = ErrorKind::kBlocked,
       .object = change.table.ToString(),
       .message = fmt::format("the {}'s definition cannot be read: {}", what,
                              change.problem.empty() ? "not such a statement" : change.problem),
       .cause = "the server prints a form that this version does not know",
       .remedy = fmt::format("leave the {} out, and report its definition", what)});
}

}  // namespace

SchemaChange ParseDdl(std::string_view statement, const DdlContext& context,
                      const DialectTraits& traits) {
  std::optional<DialectTraits> session;  // copied only where it differs
  if (context.explicit_timestamps && *context.explicit_timestamps != traits.explicit_timestamps) {
    session = traits;
    session->explicit_timestamps = *context.explicit_timestamps;
  }
  SchemaChange change;
  change.statement = statement;
  change.default_database = context.default_database;
  LexMode mode = LexMode::FromSqlMode(context.sql_mode);
  mode.version = traits.version;
  mode.is_mariadb = traits.flavor == Flavor::kMariaDb;
  // OceanBase wraps what is newer than the level it names itself (/*!80000 INVISIBLE */).
  if (traits.flavor == Flavor::kOceanBase) mode.version = 999999;
  try {
    StatementParser(statement, context, mode, session ? *session : traits, change).Run();
  } catch (const ParseProblem& problem) {
    change.kind = Kind::kUnknown;
    change.definition.reset();
    change.view.reset();
    change.replaces = false;
    change.problem = problem.text;
  }
  return change;
}

void SettleTimestamps(SchemaChange& change, const TableSchema& before) {
  const auto altered = AlterTable(before, change.actions);
  if (!altered) return;
  TimestampRank rank = TimestampRank::kFirst;
  for (const ColumnSchema& column : altered->table.columns) {
    if (column.type.kind != TypeKind::kTimestamp || column.is_generated()) continue;
    for (AlterAction& action : change.actions) {
      const bool defines =
          action.kind == Action::kAddColumn || action.kind == Action::kModifyColumn;
      if (defines && EqualNames(action.column.name, column.name)) {
        FillTimestamp(action.column, rank);
      }
    }
    rank = TimestampRank::kLater;
  }
}

namespace {

// What the source makes of the literal, by its column's type. One that it cannot be is left to the
// renderer's own words.
void SettleSetDefault(AlterAction& action, const TableSchema& before) {
  const int at = before.FindColumn(action.name);
  if (at < 0 || action.text.empty() || !action.column.default_value) return;
  ColumnSchema column = action.column;
  column.type = before.columns[static_cast<size_t>(at)].type;
  column.native_type = before.columns[static_cast<size_t>(at)].native_type;
  try {
    SettleDefault(column, action.text == "NUMBER" ? LiteralForm::kNumber : LiteralForm::kText);
  } catch (const ParseProblem&) {
    return;
  }
  action.column.default_value = column.default_value;
  action.text.clear();
}

// Empty: the table's engine, that of the statement's end, has foreign keys.
std::string ForgottenKeyOf(const SchemaChange& change, const TableSchema& before) {
  const auto altered = AlterTable(before, change.actions);
  const std::string& engine = altered ? altered->table.engine : before.engine;
  if (HasForeignKeys(engine)) return "";
  return fmt::format("engine {} has no foreign keys: the source forgot this one", engine);
}

}  // namespace

void SettleAlteration(SchemaChange& change, const TableSchema& before) {
  change.actions = WithNames(before, change.actions);
  for (AlterAction& action : change.actions) {
    const bool has_check =
        std::any_of(before.checks.begin(), before.checks.end(), [&](const CheckSchema& check) {
          return !check.column.empty() && EqualNames(check.column, action.name);
        });
    if (action.kind == Action::kModifyColumn && !has_check) action.check.column.clear();
    if (action.kind == Action::kSetDefault) SettleSetDefault(action, before);
    if (action.kind == Action::kAddForeignKey && change.problem.empty()) {
      change.problem = ForgottenKeyOf(change, before);
    }
    const bool empties =
        action.kind == Action::kDropPartitions || action.kind == Action::kTruncatePartitions;
    if (!empties) continue;
    action.text = PartitionCollations(before);
    action.partitioning = before.partitioning;
  }
}

std::string PartitionCollations(const TableSchema& table) {
  using Method = Partitioning::Method;
  if (!table.partitioning) return "";
  const Partitioning::Level& level = table.partitioning->level;
  if (level.method != Method::kRangeColumns && level.method != Method::kListColumns) return "";
  std::string out;
  for (const NameInExpression& name : NamesIn(level.expression)) {
    const int column = table.FindColumn(name.name);
    if (column < 0 || !HasCharset(table.columns[column].type)) continue;
    out += (out.empty() ? "" : ",") + table.columns[column].collation;
  }
  return out;
}

// What the server prints says everything itself.
TableSchema ParseCreateTable(std::string_view sql, std::string_view database,
                             const DialectTraits& traits) {
  SchemaChange change =
      ParseDdl(sql, {.default_database = database, .explicit_timestamps = true}, traits);
  if (!change.definition || !change.problem.empty()) FailDefinition(change, "table");
  return std::move(*change.definition);
}

ViewSchema ParseCreateView(std::string_view sql, const DdlContext& context,
                           const DialectTraits& traits) {
  SchemaChange change = ParseDdl(sql, context, traits);
  if (!change.view) FailDefinition(change, "view");
  return std::move(*change.view);
}

}  // namespace godwit::mysql
