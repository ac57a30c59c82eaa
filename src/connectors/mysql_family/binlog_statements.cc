// SPDX-License-Identifier: Apache-2.0
// The Query events of BinlogDecoder: transaction words, definitions, statements that change rows.
#include <fmt/chrono.h>
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "connectors/mysql_family/binlog_decoder.h"
#include "connectors/mysql_family/ddl_parser.h"
#include "connectors/mysql_family/lexer.h"
#include "connectors/mysql_family/session_zone.h"

namespace godwit::mysql {
namespace {

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

std::string FoldedName(std::string name) {
  for (char& c : name) {
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  }
  return name;
}

}  // namespace

void BinlogDecoder::HandleQuery(const EventHeader& header, std::string_view body) {
  std::string storage;
  QueryEvent query = QueryEvent::Parse(header.type, body, storage);
  if (query.statement == "BEGIN") return Begin(header);
  if (query.statement == "COMMIT") return End(header, Fragment::Kind::kCommit);
  std::string charset = Charset(query.client_collation);
  std::string statement;
  if (IsUtf8(charset)) {
    statement = query.statement;
  } else {
    statement = texts_.Of(charset).Decode(query.statement);
  }
  LexMode mode = LexMode::FromSqlMode(std::to_string(query.sql_mode));
  mode.is_mariadb = source_.traits.flavor == Flavor::kMariaDb;
  std::vector<Token> tokens = Tokenize(statement, mode);
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
  HandleDdl(header, query, std::move(statement));
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

void BinlogDecoder::HandleDdl(const EventHeader& header, const QueryEvent& query,
                              std::string statement) {
  std::string database(query.database);
  std::string sql_mode = std::to_string(query.sql_mode);
  std::string collation = CollationName(query.database_collation);
  std::string charset = collation.empty() ? "" : Charset(query.database_collation);
  SchemaChange change = ParseDdl(statement,
                                 {.default_database = database,
                                  .sql_mode = sql_mode,
                                  .database_charset = charset,
                                  .database_collation = collation,
                                  .explicit_timestamps = query.explicit_timestamps},
                                 source_.traits);
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
  const bool is_within = group_ && group_->is_begun;
  if (change.temporary || change.kind == SchemaChange::Kind::kIrrelevant) {
    if (!is_within) End(header, Fragment::Kind::kCommit);
    return;
  }
  Begin(header);
  if (std::exchange(change.replaces, false)) {
    SchemaChange& drop = Emit(header, Fragment::Kind::kDdl).ddl;
    drop.kind = SchemaChange::Kind::kDropTable;
    drop.statement = change.statement;
    drop.default_database = change.default_database;
    drop.tables = {change.table};
    drop.if_exists = true;
  }
  if (!is_within) {
    Emit(header, Fragment::Kind::kDdl).ddl = std::move(change);
    return End(header, Fragment::Kind::kCommit);
  }
  // CREATE TABLE … SELECT is logged as one transaction: the definition, then the rows. A definition
  // is a transaction of its own downstream, so it gets a place of its own within this one's.
  Emit(header, Fragment::Kind::kDdl).ddl = std::move(change);
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
