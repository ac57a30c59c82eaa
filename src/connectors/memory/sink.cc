// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/sink.h"

#include <algorithm>

#include "connectors/memory/dialect.h"
#include "connectors/memory/errors.h"

namespace godwit::memory {
namespace {

Error Fenced(const std::string& link) {
  return Error({.code = "FENCED",
                .kind = ErrorKind::kBlocked,
                .side = Side::kDestination,
                .object = link,
                .message = "another process has taken over this link",
                .cause = "its lanes have a newer epoch",
                .remedy = "stop one of the two"});
}

std::string DescribeKey(const RowLocator& locator) {
  std::string text;
  for (const Cell& cell : locator.cells) text += (text.empty() ? "" : ",") + cell.value_or("NULL");
  return text;
}

Error RowProblem(const char* code, const RowChange& change, const std::string& message,
                 const RowLocator& locator) {
  return Error(
      {.code = code,
       .kind = ErrorKind::kData,
       .side = Side::kDestination,
       .object = change.plan->table->name.ToString(),
       .message = message + ": " + DescribeKey(locator),
       .cause = "the destination was changed by others, or a change was lost or doubled",
       .remedy = "compare the row on both sides, correct it, then retry or skip the change"});
}

std::vector<int> Ordinals(const WritePlan& plan, const std::vector<int>& places) {
  std::vector<int> out;
  for (int place : places) out.push_back(plan.columns[static_cast<size_t>(place)]);
  return out;
}

// By what the row of an image is found: its key, or in a keyless table everything it holds.
RowLocator LocatorOf(const WritePlan& plan, const RowBatch& batch, size_t row) {
  RowLocator locator;
  auto add = [&](size_t place) {
    GODWIT_CHECK(!batch.is_absent(row, place), "an image holds what its row is found by");
    locator.columns.push_back(plan.columns[place]);
    locator.cells.push_back(batch.is_null(row, place) ? Cell() : Cell(batch.cell(row, place)));
  };
  if (plan.key.empty()) {
    for (size_t i = 0; i < plan.columns.size(); ++i) add(i);
  } else {
    for (int place : plan.key) add(static_cast<size_t>(place));
  }
  return locator;
}

// A unique index that the source does not have: what clashes there is another row.
bool IsOwn(const WritePlan& plan, const std::vector<int>& columns) {
  return std::any_of(plan.own_uniques.begin(), plan.own_uniques.end(), [&](int ordinal) {
    const std::vector<KeyPart>& parts = plan.table->indexes[static_cast<size_t>(ordinal)].parts;
    return std::equal(parts.begin(), parts.end(), columns.begin(), columns.end(),
                      [&](const KeyPart& part, int column) {
                        return part.prefix_length == 0 &&
                               plan.table->FindColumn(part.column) == column;
                      });
  });
}

RowLocator LocatorOf(const std::vector<int>& columns, const Row& row) {
  RowLocator locator{columns, {}};
  for (int c : columns) locator.cells.push_back(row[static_cast<size_t>(c)]);
  return locator;
}

bool HasAbsent(const RowBatch& rows, size_t row) {
  for (size_t c = 0; c < rows.columns(); ++c) {
    if (rows.is_absent(row, c)) return true;
  }
  return false;
}

bool HasNull(const RowLocator& locator) {
  return std::any_of(locator.cells.begin(), locator.cells.end(),
                     [](const Cell& cell) { return !cell; });
}

}  // namespace

// Locking the rows waits for the transactions in flight under the old epoch; once this commits,
// every later one finds itself fenced. What they have committed is in the progress returned.
Sink::Fence MemorySink::RaiseEpoch(const std::string& link, int lanes) {
  connection_.Check();
  MemoryServer& server = connection_.server();
  LaneTable::Create(server);
  connection_.Begin();
  std::vector<int> all = LaneTable::Lanes(server, link);
  for (int lane = 0; lane < lanes; ++lane) all.push_back(lane);
  std::sort(all.begin(), all.end());
  all.erase(std::unique(all.begin(), all.end()), all.end());
  std::vector<LaneTable::RowState> rows;
  uint64_t epoch = 0;
  for (int lane : all) {
    rows.push_back(LaneTable::Lock(connection_, link, lane).value_or(LaneTable::RowState{}));
    epoch = std::max(epoch, rows.back().epoch);
  }
  Fence fence{epoch + 1, {}};
  for (size_t i = 0; i < all.size(); ++i) {
    rows[i].epoch = fence.epoch;
    LaneTable::Put(connection_, link, all[i], rows[i]);
    fence.lanes.push_back({all[i], rows[i].progress});
  }
  connection_.Commit();
  return fence;
}

void MemorySink::Attach(const std::string& link, int lane, uint64_t epoch) {
  link_ = link;
  lane_ = lane;
  epoch_ = epoch;
}

LaneTable::RowState MemorySink::LockOwnRow() {
  std::optional<LaneTable::RowState> row;
  if (connection_.server().Table(LaneTable::name())) {
    row = LaneTable::Lock(connection_, link_, lane_);
  }
  if (!row || row->epoch != epoch_) {
    connection_.Rollback();
    throw Fenced(link_);
  }
  return *row;
}

void MemorySink::Begin(const LaneProgress& progress) {
  GODWIT_CHECK(lane_ >= 0, "a sink is attached to a lane before it writes");
  connection_.Begin();
  LaneTable::RowState row = LockOwnRow();
  row.progress = progress;
  ticks_ = ++row.ticks;
  LaneTable::Put(connection_, link_, lane_, row);
}

void MemorySink::Load(const WritePlan& plan, const RowBatch& rows) {
  GODWIT_CHECK(connection_.is_in_transaction(), "rows are loaded in a transaction");
  for (size_t i = 0; i < rows.rows(); ++i) {
    Displace({.plan = &plan, .op = ChangeOp::kInsert, .after = &rows, .after_row = i});
  }
  bytes_written_ += rows.bytes();
}

void MemorySink::Apply(std::span<const RowChange> changes, ApplyMode mode, ForeignKeys) {
  GODWIT_CHECK(connection_.is_in_transaction(), "changes are applied in a transaction");
  for (const RowChange& change : changes) {
    if (mode == ApplyMode::kExact) {
      ApplyExactly(change);
    } else {
      Displace(change);
    }
    if (change.after != nullptr) {
      for (size_t c = 0; c < change.plan->columns.size(); ++c) {
        bytes_written_ += change.after->cell(change.after_row, c).size();
      }
    }
  }
}

std::optional<Row> MemorySink::Find(const RowChange& change) {
  if (change.op == ChangeOp::kInsert) return {};
  return connection_.Lock(change.plan->table->name,
                          LocatorOf(*change.plan, *change.before, change.before_row));
}

void MemorySink::ApplyExactly(const RowChange& change) {
  const WritePlan& plan = *change.plan;
  const TableName& table = plan.table->name;
  RowLocator old;
  if (change.op != ChangeOp::kInsert) old = LocatorOf(plan, *change.before, change.before_row);
  const std::optional<Row> found = Find(change);
  if (change.op != ChangeOp::kInsert && !found) {
    throw RowProblem("CHANGE_ROW_MISSING", change, "the row to be changed is not there", old);
  }
  if (change.op == ChangeOp::kDelete) {
    connection_.Delete(table, old);
    return;
  }
  const Row row = MakeRow(*plan.table, plan.columns, *change.after, change.after_row,
                          found ? &*found : nullptr);
  const WriteOutcome outcome = change.op == ChangeOp::kInsert ? connection_.Insert(table, row)
                                                              : connection_.Update(table, old, row);
  if (outcome == WriteOutcome::kExists) {
    throw RowProblem("CHANGE_ROW_EXISTS", change, "another row has one of its unique values",
                     LocatorOf(plan.columns, row));
  }
}

// Whatever shares a unique value with the new image goes; then the old row becomes the new one, or
// a new one is made.
void MemorySink::Displace(const RowChange& change) {
  const WritePlan& plan = *change.plan;
  const TableName& table = plan.table->name;
  std::optional<Row> found = Find(change);
  if (change.op == ChangeOp::kDelete) {
    if (found) connection_.Delete(table, LocatorOf(plan, *change.before, change.before_row));
    return;
  }
  if (change.op == ChangeOp::kUpdate && !found && HasAbsent(*change.after, change.after_row)) {
    throw RowProblem("CHANGE_ROW_MISSING", change, "the row to be changed in part is not there",
                     LocatorOf(plan, *change.before, change.before_row));
  }
  const Row row = MakeRow(*plan.table, plan.columns, *change.after, change.after_row,
                          found ? &*found : nullptr);
  DeleteClashing(plan, row, found ? &*found : nullptr);
  const WriteOutcome outcome =
      found ? connection_.Update(table, LocatorOf(plan, *change.before, change.before_row), row)
            : connection_.Insert(table, row);
  if (outcome != WriteOutcome::kDone) {  // on a unique index the plan does not hold
    throw RowProblem("CHANGE_ROW_EXISTS", change, "a row that is not displaced has its value",
                     LocatorOf(plan.columns, row));
  }
}

// `but`: the row that is about to become the new one.
void MemorySink::DeleteClashing(const WritePlan& plan, const Row& row, const Row* but) {
  for (const std::vector<int>& key : plan.unique_keys) {
    const RowLocator locator = LocatorOf(Ordinals(plan, key), row);
    if (HasNull(locator) || IsOwn(plan, locator.columns)) continue;
    const std::optional<Row> other = connection_.Lock(plan.table->name, locator);
    if (other && (but == nullptr || *other != *but)) {
      connection_.Delete(plan.table->name, locator);
    }
  }
}

void MemorySink::Commit(std::stop_token) {
  const CommitFailure failure = connection_.server().TakeCommitFailure();
  if (failure == CommitFailure::kNone) return connection_.Commit();
  if (failure == CommitFailure::kCommittedUnheard) connection_.Commit();
  connection_.Rollback();
  ResolveUnknownCommit();
}

// The answer was lost, not the question: only the server knows. The lane row's lock waits until the
// old transaction has ended either way; then its ticks say how.
void MemorySink::ResolveUnknownCommit() {
  connection_.Begin();
  const LaneTable::RowState row = LockOwnRow();
  connection_.Rollback();
  if (row.ticks != ticks_) throw ConnectionLost();
}

void MemorySink::Execute(const Statement& statement, std::stop_token) {
  connection_.Check();
  if (lane_ >= 0) {
    connection_.Begin();
    LockOwnRow();
    connection_.Rollback();
  }
  const SchemaChange change = MemoryDialect().ParseDdl(statement.sql, "", "");
  if (change.kind == SchemaChange::Kind::kUnknown) {
    throw StatementInvalid(statement.sql, change.problem);
  }
  connection_.Execute(change);
}

void MemorySink::Forget(const std::string& link) {
  connection_.Check();
  MemoryServer& server = connection_.server();
  const std::vector<int> lanes = LaneTable::Lanes(server, link);
  if (lanes.empty()) return;
  connection_.Begin();
  for (int lane : lanes) LaneTable::Delete(connection_, link, lane);
  connection_.Commit();
}

}  // namespace godwit::memory
