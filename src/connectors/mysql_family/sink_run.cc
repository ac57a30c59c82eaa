// SPDX-License-Identifier: Apache-2.0
// The part of MysqlSink that sends statements.
#include <fmt/format.h>
#include <mysql.h>

#include <charconv>

#include "base/large_buffer.h"
#include "connectors/mysql_family/sink.h"

namespace godwit::mysql {
namespace {

constexpr size_t kPacketReserve = 1024;

// "Records: 3  Duplicates: 1  Warnings: 0", "Rows matched: 1  Changed: 0 …"
std::optional<uint64_t> NumberAfter(std::string_view info, std::string_view label) {
  size_t at = info.find(label);
  if (at == std::string_view::npos) return {};
  at = info.find_first_not_of(' ', at + label.size());
  if (at == std::string_view::npos) return {};
  uint64_t value = 0;
  auto [end, problem] = std::from_chars(info.data() + at, info.data() + info.size(), value);
  if (problem != std::errc()) return {};
  return value;
}

// An enum's error value is refused in strict mode. In lenient mode the server warns instead of
// refusing, so the caller checks that it warned of nothing else.
class LenientMode {
 public:
  LenientMode(Session& session, int enum_errors) : session_(session), is_on_(enum_errors != 0) {
    if (is_on_) session_.Execute(kLenientMode);
  }
  ~LenientMode() {
    if (!is_on_) return;
    try {
      session_.Execute(kStrictMode);
    } catch (const std::exception&) {
      session_.Break();  // nothing may be written in this mode unseen
    }
  }

 private:
  Session& session_;
  const bool is_on_;
};

}  // namespace

// OceanBase's lenient mode bends values without a warning. So the statement is tried in strict mode
// first, with a label in place of the error value: what passes has nothing to bend.
void MysqlSink::TryStrictly(std::string sql) {
  for (size_t at = sql.find(kEnumErrorLiteral); at != std::string::npos;
       at = sql.find(kEnumErrorLiteral, at + 1)) {
    sql.replace(at, kEnumErrorLiteral.size(), "1");
  }
  session_->Execute("SAVEPOINT godwit_trial");
  try {
    session_->Execute(sql);
  } catch (const Error& error) {
    if (error.code() != "DUPLICATE_KEY")
      throw;  // the label may clash where the error value does not
  }
  session_->Execute("ROLLBACK TO SAVEPOINT godwit_trial");
}

// In the lenient mode that an enum's error value needs, whatever else does not fit is bent too.
void MysqlSink::CheckWarnings(const TableStatements& table, int enum_errors) {
  const bool is_bent =
      enum_errors != 0 && mysql_warning_count(session_->raw()) > static_cast<unsigned>(enum_errors);
  if (!is_bent) return;
  std::string text;
  for (const Row& row : session_->Query("SHOW WARNINGS")) {
    text += row.size() > 2 ? row[2].value_or("") + "; " : "";
  }
  throw Error({.code = "VALUE_REFUSED",
               .kind = ErrorKind::kData,
               .side = side_,
               .object = table.name().ToString(),
               .message = "a value does not fit the column: " + text,
               .cause = "the destination's column is narrower than the source's",
               .remedy = "widen the column"});
}

MysqlSink::Outcome MysqlSink::Run(const TableStatements& table, const std::string& sql,
                                  int enum_errors) {
  bytes_written_ += sql.size();
  if (enum_errors != 0 && server_.flavor == Flavor::kOceanBase) TryStrictly(sql);
  LenientMode lenient(*session_, enum_errors);
  Outcome outcome;
  outcome.affected = session_->Execute(sql);
  outcome.info = session_->info();
  CheckWarnings(table, enum_errors);
  return outcome;
}

void MysqlSink::CheckPacket(const TableStatements& table, const RowBatch& rows, size_t row,
                            size_t bytes) {
  if (bytes + kPacketReserve <= server_.max_allowed_packet) return;
  throw Error({.code = "PACKET_TOO_LARGE",
               .kind = ErrorKind::kData,
               .side = side_,
               .object = table.name().ToString(),
               .message = fmt::format("{} needs a statement of {} bytes, the server takes {}",
                                      table.Describe(rows, row), bytes, server_.max_allowed_packet),
               .cause = "max_allowed_packet of the destination is too small for this row",
               .remedy = "raise max_allowed_packet there, then migrate again"});
}

MysqlSink::Inserted MysqlSink::Insert(const TableStatements& table, std::span<const Image> images,
                                      InsertForm form) {
  Inserted result;
  const std::string& tail = table.upsert_tail();
  const size_t most_rows = form == InsertForm::kUpsert ? limits_.upserts : limits_.rows;
  size_t in_statement = 0;
  int enum_errors = 0;
  auto send = [&] {
    if (in_statement == 0) return;
    if (form == InsertForm::kUpsert) sql_ += tail;
    const Outcome outcome = Run(table, sql_, enum_errors);
    result.affected += outcome.affected;
    // For a single row the server says nothing; two rows affected is one changed.
    result.changed += in_statement == 1 ? outcome.affected / 2
                                        : NumberAfter(outcome.info, "Duplicates:").value_or(0);
    result.rows += in_statement;
    in_statement = 0;
    enum_errors = 0;
    GiveBackIfLarge(sql_);
  };
  for (const Image& image : images) {
    // A large row is not even written behind others, to be taken out again.
    if (in_statement != 0 && sql_.size() + image.rows->row_bytes(image.row) > limits_.bytes) send();
    if (in_statement == 0) sql_ = table.insert_head();
    const size_t before = sql_.size();
    if (in_statement != 0) sql_ += ',';
    table.AppendRow(sql_, *image.rows, image.row);
    const size_t row_bytes = sql_.size() - before;
    if (in_statement != 0 && sql_.size() > limits_.bytes) {
      std::string row = sql_.substr(before + 1);
      sql_.resize(before);
      send();
      sql_ = table.insert_head() + row;
    }
    CheckPacket(table, *image.rows, image.row,
                table.insert_head().size() + row_bytes + tail.size());
    ++in_statement;
    enum_errors += table.EnumErrors(*image.rows, image.row);
    if (in_statement >= most_rows) send();
  }
  send();
  return result;
}

uint64_t MysqlSink::Delete(const TableStatements& table, const DeleteParts& parts, size_t rows,
                           const AppendCondition& append, Gone gone) {
  uint64_t deleted = 0;
  size_t in_statement = 0;
  auto send = [&] {
    if (in_statement == 0) return;
    sql_ += parts.tail;
    if (gone == Gone::kDisplaced) {
      RunDisplacing(table, sql_);
    } else {
      deleted += Run(table, sql_, 0).affected;
    }
    in_statement = 0;
    GiveBackIfLarge(sql_);
  };
  for (size_t row = 0; row < rows; ++row) {
    if (in_statement == 0) sql_ = parts.head;
    const size_t before = sql_.size();
    if (in_statement != 0) sql_ += parts.separator;
    if (!append(sql_, row)) {
      sql_.resize(before);
      continue;
    }
    ++in_statement;
    if (in_statement >= limits_.keys || sql_.size() > limits_.bytes) send();
  }
  send();
  return deleted;
}

uint64_t MysqlSink::DeleteByKey(const TableStatements& table, const TableStatements::Key& key,
                                std::span<const Image> images, Gone gone) {
  const DeleteParts parts{.head = table.delete_head() + table.KeyHead(key),
                          .separator = table.KeySeparator(key),
                          .tail = table.KeyTail(key)};
  auto append = [&](std::string& sql, size_t i) {
    return table.AppendKey(sql, key, *images[i].rows, images[i].row);
  };
  return Delete(table, parts, images.size(), append, gone);
}

void MysqlSink::Displace(const TableStatements& table, std::span<const Image> images) {
  for (const TableStatements::Key& key : table.unique_keys()) {
    DeleteByKey(table, key, images, Gone::kDisplaced);
  }
}

void MysqlSink::DisplaceOthers(const TableStatements& table, const ChangeGroup& group,
                               std::span<const RowChange> changes) {
  const DeleteParts parts{.head = table.delete_head()};
  for (const TableStatements::Key& key : table.unique_keys()) {
    auto append = [&](std::string& sql, size_t i) {
      return table.AppendOthers(sql, key, changes[group.changes[i]]);
    };
    Delete(table, parts, group.changes.size(), append, Gone::kDisplaced);
  }
}

std::vector<MysqlSink::Image> MysqlSink::ApplyEach(const TableStatements& table,
                                                   const ChangeGroup& group,
                                                   std::span<const RowChange> changes,
                                                   ApplyMode mode) {
  std::vector<Image> missing;
  std::vector<const RowChange*> sent;
  std::string sql;
  std::string statement;
  auto note = [&](const RowChange& change) {
    if (group.form == ChangeGroup::Form::kUpdate) {
      missing.push_back({change.after, change.after_row});
    } else if (mode == ApplyMode::kExact || change.op != ChangeOp::kDelete) {
      const Image gone{change.before, change.before_row};
      RowMissing(table, {&gone, 1});
    }
  };
  auto send = [&](int enum_errors) {
    if (!sent.empty()) {
      for (const RowChange* change : SendEach(table, sent, sql, enum_errors)) note(*change);
    }
    sent.clear();
    sql.clear();
    GiveBackIfLarge(sql);
  };
  for (uint32_t i : group.changes) {
    const RowChange& change = changes[i];
    const bool is_update = change.op == ChangeOp::kUpdate;
    const int enum_errors = is_update ? table.EnumErrors(*change.after, change.after_row) : 0;
    statement.clear();
    if (is_update) {
      table.AppendUpdate(statement, change);
    } else {
      table.AppendDelete(statement, change);
    }
    CheckPacket(table, *change.before, change.before_row, statement.size());
    if (enum_errors != 0 || !limits_.TakesAnother(sent.size(), sql.size(), statement.size())) {
      send(0);
    }
    if (sent.empty()) {
      sql.swap(statement);  // a large one is not held twice
    } else {
      sql += ';';
      sql += statement;
    }
    sent.push_back(&change);
    if (enum_errors != 0) send(enum_errors);
  }
  send(0);
  return missing;
}

std::vector<const RowChange*> MysqlSink::SendEach(const TableStatements& table,
                                                  std::span<const RowChange* const> sent,
                                                  const std::string& sql, int enum_errors) {
  bytes_written_ += sql.size();
  size_t done = 0;
  std::vector<const RowChange*> missing;
  if (enum_errors != 0 && server_.flavor == Flavor::kOceanBase) TryStrictly(sql);
  LenientMode lenient(*session_, enum_errors);
  try {
    session_->ExecuteEach(sql, [&](uint64_t affected, std::string_view info) {
      const uint64_t found = NumberAfter(info, "matched:").value_or(affected);
      if (found != 1 && done < sent.size()) missing.push_back(sent[done]);
      ++done;
    });
  } catch (const Error& error) {
    if (error.code() != "DUPLICATE_KEY" || done >= sent.size()) throw;
    const Image clashing{sent[done]->after, sent[done]->after_row};
    RowExists(table, {&clashing, 1}, error);
  }
  GODWIT_CHECK(done == sent.size(), "the server answers every statement");
  CheckWarnings(table, enum_errors);
  return missing;
}

}  // namespace godwit::mysql
