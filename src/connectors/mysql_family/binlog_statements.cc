// SPDX-License-Identifier: Apache-2.0
// The Query events of BinlogDecoder: transaction words, definitions, statements that change rows.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstddef>
#include <map>
#include <utility>

#include "connectors/mysql_family/alter_rows.h"
#include "connectors/mysql_family/binlog_decoder.h"
#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/lexer.h"
#include "connectors/mysql_family/session_zone.h"
#include "connectors/mysql_family/types.h"
#include "model/names.h"

namespace godwit::mysql {
namespace {

using Action = AlterAction::Kind;

// Where a word of a transaction ends and no statement of another kind begins with it.
bool ChangesRows(const Token& first) {
  constexpr std::array kWords = {"INSERT", "UPDATE", "DELETE", "REPLACE", "LOAD",
                                 "WITH",   "CALL",   "DO",     "SELECT"};
  return std::any_of(kWords.begin(), kWords.end(), [&](const char* w) { return first.Is(w); });
}

// The span of tokens among which the tables are that the statement writes to.
std::pair<size_t, size_t> WrittenNames(const std::vector<Token>& tokens) {
  auto is = [&](size_t i, const char* word) { return i < tokens.size() && tokens[i].Is(word); };
  auto up_to = [&](size_t i, std::initializer_list<const char*> words) {
    while (i < tokens.size() &&
           std::none_of(words.begin(), words.end(), [&](const char* w) { return is(i, w); })) {
      ++i;
    }
    return i;
  };
  auto one_name = [&](size_t i) {
    const bool is_qualified = i + 2 < tokens.size() && tokens[i + 1].IsSymbol('.');
    return std::pair{i, std::min(tokens.size(), i + (is_qualified ? 3 : 1))};
  };
  if (is(0, "INSERT") || is(0, "REPLACE")) {
    size_t i = 1;
    for (; is(i, "LOW_PRIORITY") || is(i, "DELAYED") || is(i, "HIGH_PRIORITY") || is(i, "IGNORE") ||
           is(i, "INTO");) {
      ++i;
    }
    return one_name(i);
  }
  if (is(0, "LOAD")) {
    const size_t into = up_to(0, {"INTO"});
    if (is(into + 1, "TABLE")) return one_name(into + 2);
  }
  if (is(0, "UPDATE")) return {1, up_to(1, {"SET"})};
  if (is(0, "DELETE")) return {1, up_to(1, {"WHERE"})};
  return {0, tokens.size()};
}

// IF EXISTS: a rename of a table that is not there does nothing, also where the new name is taken,
// which a server refuses otherwise (MariaDB's check_rename). False: nothing is left. A table that
// is not followed may be there all the same.
bool LeaveOutRenames(SchemaChange& change, SchemaHistory& history) {
  if (change.kind == SchemaChange::Kind::kAlterTable) {
    const bool is_there = history.Find(change.table).has_value();
    return is_there ||
           std::none_of(change.actions.begin(), change.actions.end(), [&](const AlterAction& a) {
             return a.kind == Action::kRenameTable && history.Find(a.new_table).has_value();
           });
  }
  if (change.kind != SchemaChange::Kind::kRenameTable) return true;
  std::map<TableName, bool> moved;  // what the statement itself gave and took
  auto is_there = [&](const TableName& name) {
    const auto found = moved.find(name);
    return found == moved.end() ? history.Find(name).has_value() : found->second;
  };
  std::vector<std::pair<TableName, TableName>> kept;
  for (auto& rename : change.renames) {
    if (!is_there(rename.first) && is_there(rename.second)) continue;
    moved[rename.first] = false;
    moved[rename.second] = true;
    kept.push_back(std::move(rename));
  }
  change.renames = std::move(kept);
  if (change.renames.empty()) return false;
  change.table = change.renames[0].first;
  return true;
}

bool IsAscii(char c) { return static_cast<unsigned char>(c) < 0x80; }

bool IsValidUtf8(std::string_view text) {
  for (size_t i = 0; i < text.size();) {
    const int ones = std::countl_one(static_cast<unsigned char>(text[i++]));
    if (ones == 1 || ones > 4) return false;
    for (int n = 1; n < ones; ++n, ++i) {
      if (i >= text.size() || std::countl_one(static_cast<unsigned char>(text[i])) != 1)
        return false;
    }
  }
  return true;
}

}  // namespace

void BinlogDecoder::HandleQuery(const EventHeader& header, std::string_view body) {
  std::string storage;
  QueryEvent query = QueryEvent::Parse(header.type, body, storage);
  if (query.statement == "BEGIN") return Begin(header);
  if (query.statement == "COMMIT") return End(header, Fragment::Kind::kCommit);
  const std::string statement = TextOf(query);
  LexMode mode = LexMode::FromSqlMode(std::to_string(query.sql_mode));
  mode.is_mariadb = source_.traits.flavor == Flavor::kMariaDb;
  std::vector<Token> tokens = Tokenize(statement, mode);
  if (mode.is_mariadb) {
    const auto begin = static_cast<std::ptrdiff_t>(FindSetStatement(tokens).end);
    tokens.erase(tokens.begin(), tokens.begin() + begin);
  }
  if (tokens.empty() || tokens[0].kind == Token::Kind::kEnd) {
    if (!group_ || !group_->is_begun) End(header, Fragment::Kind::kCommit);
    return;
  }
  if (HandleTransactionWord(header, statement, tokens)) return;
  if (group_ && group_->is_void) return End(header, Fragment::Kind::kCommit);
  if (ChangesRows(tokens[0]) || header.type == EventType::kExecuteLoadQuery) {
    RefuseIfFollowed(query, statement, tokens);
    if (!group_ || !group_->is_begun) End(header, Fragment::Kind::kCommit);
    return;
  }
  HandleDdl(header, query, statement);
}

// CREATE TABLE … SELECT, and … LIKE a temporary table, are logged as a definition that the server
// has written: in UTF-8, whatever the session's character set. The former in its rows' transaction,
// where nothing else creates a table (MySQL from 5.7 to 8.0.20 before it: looks like any other).
std::string BinlogDecoder::TextOf(QueryEvent& query) {
  const std::string charset = Charset(query.client_collation);
  const std::string_view text = query.statement;
  if (IsUtf8(charset)) return std::string(text);
  if (!std::all_of(text.begin(), text.end(), IsAscii) && text.starts_with("CREATE ")) {
    if (group_ && group_->is_begun) return std::string(text);
    query.has_doubtful_text = text.starts_with("CREATE TABLE ") &&
                              text.find("` (\n  `") != std::string_view::npos && IsValidUtf8(text);
  }
  return texts_.Of(charset).Decode(text);
}

bool BinlogDecoder::HandleTransactionWord(const EventHeader& header, const std::string& statement,
                                          const std::vector<Token>& tokens) {
  auto at = [&](size_t i) -> const Token& { return tokens[std::min(i, tokens.size() - 1)]; };
  const Token& first = tokens[0];
  if (first.Is("BEGIN") || (first.Is("START") && at(1).Is("TRANSACTION"))) {
    Begin(header);
    return true;
  }
  if (first.Is("COMMIT")) {
    End(header, Fragment::Kind::kCommit);
    return true;
  }
  if (first.Is("SAVEPOINT")) {
    Begin(header);
    Emit(header, Fragment::Kind::kSavepoint).savepoint = FoldedName(at(1).text);
    return true;
  }
  if (first.Is("RELEASE") && at(1).Is("SAVEPOINT")) return true;
  if (first.Is("ROLLBACK")) {
    size_t to = at(1).Is("WORK") ? 2 : 1;
    if (!at(to).Is("TO")) {
      End(header, Fragment::Kind::kRollback);
      return true;
    }
    const Token& name = at(to + 1).Is("SAVEPOINT") && at(to + 2).IsName() ? at(to + 2) : at(to + 1);
    Emit(header, Fragment::Kind::kRollbackTo).savepoint = FoldedName(name.text);
    return true;
  }
  if (!first.Is("XA")) return false;
  std::string xid = XidOf(std::string_view(statement).substr(at(1).end));
  if (at(1).Is("START") || at(1).Is("BEGIN")) {
    Begin(header);
  } else if (at(1).Is("COMMIT")) {
    CompleteXa(header, xid, Fragment::Kind::kCommit);
  } else if (at(1).Is("ROLLBACK")) {
    CompleteXa(header, xid, Fragment::Kind::kRollback);
  }
  return true;
}

// What a CREATE TABLE leaves to its database is told by the history. The event may carry
// collation_database, but that is a variable of the session, which only LOAD DATA goes by.
SchemaChange BinlogDecoder::Parse(const QueryEvent& query, const std::string& statement) {
  const std::string sql_mode = std::to_string(query.sql_mode);
  std::optional<DialectTraits> session;  // copied only where it differs
  bool is_unknown = false;
  for (const auto& [own, given] : query.charset_collations) {
    const auto charset = source_.collations.find(own);
    const auto collation = source_.collations.find(given);
    if (charset == source_.collations.end() || collation == source_.collations.end()) {
      is_unknown = true;
      continue;
    }
    if (!session) session = source_.traits;
    session->default_collations[session->CanonicalCharset(charset->second.charset)] =
        session->CanonicalCollation(collation->second.name);
  }
  const DialectTraits& traits = session ? *session : source_.traits;
  DdlContext context{.default_database = query.database,
                     .sql_mode = sql_mode,
                     .explicit_timestamps = query.explicit_timestamps};
  SchemaChange change = ParseDdl(statement, context, traits);
  if (is_unknown && change.problem.empty()) {
    change.problem = "its session gives a character set a default collation that is not known";
  }
  if (!change.definition || !change.definition->charset.empty()) return change;
  const TextDefaults defaults = history_.DefaultsOf(change.table.database);
  if (defaults.charset.empty()) return change;
  context.database_charset = defaults.charset;
  context.database_collation = defaults.collation;
  return ParseDdl(statement, context, traits);
}

// A database made without a character set, or with DEFAULT for one, gets collation_server of the
// session.
void BinlogDecoder::SettleDatabase(const QueryEvent& query, SchemaChange& change) const {
  const bool is_made = change.kind == SchemaChange::Kind::kCreateDatabase;
  if (!is_made && change.kind != SchemaChange::Kind::kAlterDatabase) return;
  const bool is_default = change.charset == "default" || change.collation == "default";
  if (change.collation == "default") change.collation.clear();
  if (change.charset == "default") change.charset = CharsetOf(change.collation);
  if (!change.charset.empty() || !(is_made || is_default)) return;
  const std::string collation = CollationName(query.server_collation);
  if (collation.empty()) return;
  change.charset = source_.traits.CanonicalCharset(Charset(query.server_collation));
  change.collation = source_.traits.CanonicalCollation(collation);
}

// Rows that are there get an added column's default, which may be the statement's own time.
void BinlogDecoder::NoteMoment(const EventHeader& header, const QueryEvent& query,
                               SchemaChange& change) const {
  const bool adds =
      std::any_of(change.actions.begin(), change.actions.end(), [](const AlterAction& action) {
        const auto& value = action.column.default_value;
        return action.kind == AlterAction::Kind::kAddColumn && value &&
               value->kind == ColumnSchema::Default::Kind::kExpression;
      });
  if (!adds) return;
  const std::string fraction =
      query.microseconds ? fmt::format(".{:06}", *query.microseconds) : std::string();
  change.moment_utc = fmt::format("{:%F %T}", fmt::gmtime(std::time_t{header.time})) + fraction;
  if (query.time_zone.empty() || !source_.local_time) return;
  change.moment_local = source_.local_time(query.time_zone, header.time);
  if (!change.moment_local.empty()) change.moment_local += fraction;
}

// The statement as one change after another; none if it is not about tables that stay.
std::vector<SchemaChange> BinlogDecoder::ChangesOf(const EventHeader& header,
                                                   const QueryEvent& query,
                                                   const std::string& statement) {
  SchemaChange change = Parse(query, statement);
  if (change.temporary || change.kind == SchemaChange::Kind::kIrrelevant) return {};
  if (change.if_exists && !LeaveOutRenames(change, history_)) return {};
  if (query.unknown_variable && change.problem.empty()) {
    change.problem = fmt::format(
        "its event says something of its session that is not known here (status variable {}), and "
        "more behind that which could not be read",
        *query.unknown_variable);
  }
  if (query.has_doubtful_text && change.problem.empty()) {
    change.kind = SchemaChange::Kind::kUnknown;
    change.definition.reset();
    change.replaces = false;
    change.problem =
        "it may be the server's own text, in UTF-8, or its session's, in another character set";
  }
  SettleDatabase(query, change);
  std::optional<SchemaHistory::Versioned> before;
  if (change.kind == SchemaChange::Kind::kAlterTable) before = history_.Find(change.table);
  const bool has_explicit_timestamps =
      query.explicit_timestamps.value_or(source_.traits.explicit_timestamps);
  if (before && !has_explicit_timestamps) SettleTimestamps(change, *before->table);
  NoteMoment(header, query, change);
  if (!query.time_zone.empty()) {
    SettleTimes(change, before ? before->table.get() : nullptr,
                SessionZone(query.time_zone, source_.local_time));
  }
  std::optional<SchemaChange> next;
  if (before && !before->table->columns.empty()) {
    SettleAlteration(change, *before->table);
    next = SettleRows(
        change, *before->table,
        {.sql_mode = query.sql_mode, .is_mariadb = source_.traits.flavor == Flavor::kMariaDb});
  }
  std::vector<SchemaChange> out;
  if (std::exchange(change.replaces, false)) {
    SchemaChange& drop = out.emplace_back();
    const bool is_database = change.kind == SchemaChange::Kind::kCreateDatabase;
    drop.kind = is_database ? SchemaChange::Kind::kDropDatabase : SchemaChange::Kind::kDropTable;
    drop.statement = change.statement;
    drop.default_database = change.default_database;
    drop.table = change.table;
    if (!is_database) drop.tables = {change.table};
    drop.if_exists = true;
  }
  out.push_back(std::move(change));
  if (next) out.push_back(std::move(*next));
  return out;
}

void BinlogDecoder::HandleDdl(const EventHeader& header, const QueryEvent& query,
                              const std::string& statement) {
  std::vector<SchemaChange> changes = ChangesOf(header, query, statement);
  const bool is_within = group_ && group_->is_begun;
  if (changes.empty()) {
    if (!is_within) End(header, Fragment::Kind::kCommit);
    return;
  }
  Begin(header);
  for (SchemaChange& change : changes) Emit(header, Fragment::Kind::kDdl).ddl = std::move(change);
  if (!is_within) return End(header, Fragment::Kind::kCommit);
  // CREATE TABLE … SELECT is logged as one transaction: the definition, then the rows. A definition
  // is a transaction of its own downstream, so it gets a place of its own within this one's.
  Fragment& commit = Emit(header, Fragment::Kind::kCommit);
  BinlogPosition place = position_;
  if (payload_) place.offset = event_start_.offset + 1;
  commit.position = place.Encode();
  BinlogPosition restart = group_->start;
  for (const auto& [xid, prepared] : prepared_) {
    if (Compare(prepared.start, restart) < 0) restart = prepared.start;
  }
  commit.restart = restart.Encode();
  group_->id += "/rows";
  Emit(header, Fragment::Kind::kBegin);
}

// A change of rows logged as a statement says nothing of the rows. Any name of a followed table
// that it may write to counts, unqualified ones in every database the event names.
void BinlogDecoder::RefuseIfFollowed(const QueryEvent& query, const std::string& statement,
                                     const std::vector<Token>& tokens) {
  std::vector<std::string> databases = {std::string(query.database)};
  for (std::string_view updated : query.updated_databases) databases.emplace_back(updated);
  const auto [first, end] = WrittenNames(tokens);
  for (size_t i = first; i < end; ++i) {
    if (!tokens[i].IsName()) continue;
    std::vector<TableName> names;
    if (i >= 2 && tokens[i - 1].IsSymbol('.') && tokens[i - 2].IsName()) {
      names.push_back({tokens[i - 2].text, tokens[i].text});
    } else {
      for (const std::string& database : databases) names.push_back({database, tokens[i].text});
    }
    for (TableName& name : names) {
      bool is_followed = history_.Find(name).has_value();
      if (!is_followed && source_.traits.lower_case_table_names != 0) {
        is_followed =
            history_.Find({FoldedName(name.database), FoldedName(name.table)}).has_value();
      }
      if (!is_followed) continue;
      Refuse("STATEMENT_LOGGED",
             fmt::format("rows of {} were changed by a statement without row events: {}",
                         name.ToString(), std::string_view(statement).substr(0, 300)),
             "the session that ran it had binlog_format STATEMENT or MIXED",
             "set binlog_format=ROW for every session; load the table again");
    }
  }
}

std::string BinlogDecoder::Charset(uint16_t collation) const {
  auto found = source_.collations.find(collation);
  return found == source_.collations.end() ? "utf8mb4" : found->second.charset;
}

std::string BinlogDecoder::CollationName(uint16_t collation) const {
  auto found = source_.collations.find(collation);
  return found == source_.collations.end() ? "" : found->second.name;
}

}  // namespace godwit::mysql
