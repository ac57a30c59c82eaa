// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/sink.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdlib>
#include <mutex>
#include <thread>

#include "base/deadline.h"
#include "connectors/mysql_family/memstore.h"
#include "connectors/mysql_family/running_statements.h"

namespace godwit::mysql {
namespace {

constexpr auto kResolveTime = std::chrono::minutes(2);
constexpr auto kResolveWait = std::chrono::milliseconds(250);
// A statement may take hours, while the lane's own connection only holds its lock.
constexpr const char* kStayIdle = "SET ob_trx_idle_timeout=86400000000, wait_timeout=86400";
constexpr auto kCutAfter = std::chrono::seconds(5);
constexpr const char* kForeignKeysLive = "SET foreign_key_checks=1";
constexpr const char* kForeignKeysOff = "SET foreign_key_checks=0";

// Cuts a session's statement off some time after a stop. Most statements end by then, and should:
// seekdb 1.4.0, when it loses the client of a DDL whose new definitions it is about to publish, may
// try to for ever and hold up every later DDL.
class LateCut {
 public:
  LateCut(Session& session, std::stop_token stop)
      : waiter_([this, &session, stop] {
          std::unique_lock lock(mutex_);
          if (changed_.wait(lock, stop, [this] { return has_ended_; })) return;
          if (!changed_.wait_for(lock, kCutAfter, [this] { return has_ended_; })) session.Cancel();
        }) {}
  ~LateCut() {
    {
      std::lock_guard lock(mutex_);
      has_ended_ = true;
    }
    changed_.notify_all();
  }
  LateCut(const LateCut&) = delete;
  LateCut& operator=(const LateCut&) = delete;

 private:
  std::mutex mutex_;
  std::condition_variable_any changed_;
  bool has_ended_ = false;
  std::jthread waiter_;  // last: it is joined before what it uses goes
};

}  // namespace

MysqlSink::MysqlSink(const EndpointUrl& url, Side side, const ServerInfo& server,
                     StatementLimits limits)
    : url_(url), side_(side), server_(server), limits_(limits) {
  Connect();
}

void MysqlSink::Connect() {
  session_ = std::make_unique<Session>(url_, side_, SessionRole::kWriter);
  foreign_keys_ = ForeignKeys::kOff;
}

Sink::Fence MysqlSink::RaiseEpoch(const std::string& link, int lanes) {
  Fence fence = LaneTable::RaiseEpoch(*session_, link, lanes);
  RunningStatements(*session_, server_.flavor, link).End();
  return fence;
}

void MysqlSink::Attach(const std::string& link, int lane, uint64_t epoch) {
  auto row = LaneTable::Read(*session_, link, lane);
  GODWIT_CHECK(row.has_value(), "RaiseEpoch has made the lane's row");
  link_ = link;
  lane_ = lane;
  if (row->epoch != epoch) Fenced();
  lane_state_ = *row;
}

void MysqlSink::Fenced() const {
  throw Error({.code = "FENCED",
               .kind = ErrorKind::kBlocked,
               .side = side_,
               .object = fmt::format("{} lane {}", link_, lane_),
               .message = "another process has taken this link over",
               .cause = "the lane's row in godwit.godwit_lane no longer carries our epoch",
               .remedy = "let the other process work, or stop it and start this one again"});
}

void MysqlSink::Begin(const LaneProgress& progress) {
  GODWIT_CHECK(lane_ >= 0, "the sink is attached to a lane");
  GODWIT_CHECK(!in_transaction_, "the last transaction has ended");
  sql_ = "START TRANSACTION;";
  sql_ += LaneTable::Update(link_, lane_, lane_state_, progress);
  const uint64_t changed = session_->Execute(sql_);
  in_transaction_ = true;
  if (changed != 1) {
    Rollback();
    Fenced();
  }
}

void MysqlSink::Commit(std::stop_token stop) {
  GODWIT_CHECK(in_transaction_, "a transaction is open");
  in_transaction_ = false;
  try {
    session_->Execute("COMMIT");
  } catch (const Error& error) {
    ResolveCommit(error, stop);
  }
  ++lane_state_.ticks;
}

// Whatever the server said to COMMIT, the lane's row knows: it carries the transaction's own tick
// or the one before. Reading it waits until the old connection's transaction has ended.
void MysqlSink::ResolveCommit(const Error& error, std::stop_token stop) {
  auto row = ReadLaneAfterLoss(error, stop);
  if (!row || row->epoch != lane_state_.epoch) Fenced();
  if (row->ticks == lane_state_.ticks + 1) return;
  throw error;
}

std::optional<LaneTable::RowState> MysqlSink::ReadLaneAfterLoss(const Error& error,
                                                                std::stop_token stop) {
  const auto deadline = Deadline::In(kResolveTime);
  for (;;) {
    try {
      Connect();
      return LaneTable::Read(*session_, link_, lane_);
    } catch (const Error& again) {
      if (again.kind() == ErrorKind::kTransient && !deadline.has_passed()) {
        if (WaitForStop(stop, Deadline::In(kResolveWait))) throw Stopped();
        continue;
      }
      throw Error({.code = "COMMIT_UNKNOWN",
                   .kind = ErrorKind::kBlocked,
                   .side = side_,
                   .object = session_ ? session_->url() : url_.Redacted(),
                   .message = fmt::format("COMMIT was not answered ({}), and its outcome cannot be "
                                          "read ({})",
                                          error.fields().message, again.fields().message),
                   .cause = "the connection broke during COMMIT and cannot be made again",
                   .remedy = "make the server reachable and resume: the lane's row will tell"});
    }
  }
}

void MysqlSink::Rollback() {
  in_transaction_ = false;
  session_->Execute("ROLLBACK");
}

// The lane's row stays locked while the statement runs: a process that is frozen between looking at
// its epoch and sending a TRUNCATE would send it to tables that its successor has filled by then.
// Not for indexes, which several threads build under one lane: one too many changes no row.
void MysqlSink::Execute(const Statement& statement, std::stop_token stop) {
  std::optional<LaneHold> hold;
  if (lane_ >= 0) {
    if (server_.flavor == Flavor::kOceanBase) session_->Execute(kStayIdle);
    hold.emplace(*session_, link_, lane_);
    const LaneTable::RowState* row = hold->row();
    if (row == nullptr || row->epoch != lane_state_.epoch) Fenced();
    if (statement.part == Statement::Part::kIndex) hold.reset();
  }
  if (!definer_) definer_ = std::make_unique<Session>(url_, side_, SessionRole::kDefiner);
  const bool has_zone = !statement.time_zone.empty();
  try {
    const LateCut cut(*definer_, stop);
    if (!statement.table.database.empty() && statement.part != Statement::Part::kDatabase) {
      definer_->Execute("USE " + Session::Quote(statement.table.database));
    }
    if (has_zone) definer_->Execute("SET time_zone=" + Session::Literal(statement.time_zone));
    definer_->Execute(RunningStatements::Tagged(statement.sql, link_));
  } catch (const Stopped&) {
    definer_.reset();
    throw;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient || has_zone || definer_->was_cancelled()) {
      definer_.reset();
    }
    if (error.code() != "ENGINE_FAILED") throw;
    ErrorFields fields = error.fields();
    fields.kind = ErrorKind::kBlocked;  // it may be this statement that the engine cannot do
    throw Error(std::move(fields));
  }
  // Cancelled too late, it is done; or its session has another time zone than the others.
  if (definer_->was_cancelled() || has_zone) definer_.reset();
  bytes_written_ += statement.sql.size();
}

void MysqlSink::AwaitStatements(Leftover what) {
  RunningStatements running(*session_, server_.flavor, link_);
  running.Await();
  if (what == Leftover::kTasksToo) running.AwaitTasks();
}

void MysqlSink::Forget(const std::string& link) { LaneTable::Forget(*session_, link); }

// OceanBase shows its memstore to accounts that may read oceanbase.*; where it does not, the engine
// throttles writers by itself and the OCEANBASE_OVERLOAD errors remain.
double MysqlSink::Pressure() {
  if (server_.flavor != Flavor::kOceanBase || in_transaction_) return pressure_.value();
  const auto now = std::chrono::steady_clock::now();
  if (!pressure_.is_due(now)) return pressure_.value();
  try {
    pressure_.Note(MemstoreUse(*session_), now);
  } catch (const Error& error) {
    if (error.code() != "STATEMENT_TIMEOUT") throw;
    pressure_.NoteTimeout(now);
  }
  return pressure_.value();
}

const TableStatements& MysqlSink::StatementsFor(const WritePlan& plan) {
  auto& known = statements_[&plan];
  if (!known || !known->IsFor(plan)) known = std::make_unique<TableStatements>(plan, server_);
  return *known;
}

void MysqlSink::SetForeignKeys(ForeignKeys foreign_keys) {
  if (foreign_keys == foreign_keys_) return;
  session_->Execute(foreign_keys == ForeignKeys::kLive ? kForeignKeysLive : kForeignKeysOff);
  foreign_keys_ = foreign_keys;
}

// The source still has the children of what is only in the way. In one round trip.
void MysqlSink::RunDisplacing(const TableStatements& table, const std::string& sql) {
  if (foreign_keys_ == ForeignKeys::kOff) {
    Run(table, sql, 0);
    return;
  }
  foreign_keys_.reset();  // a statement that fails leaves out those behind it
  Run(table, fmt::format("{};{};{}", kForeignKeysOff, sql, kForeignKeysLive), 0);
  foreign_keys_ = ForeignKeys::kLive;
}

void MysqlSink::Load(const WritePlan& plan, const RowBatch& rows) {
  GODWIT_CHECK(in_transaction_, "a transaction is open");
  SetForeignKeys(ForeignKeys::kOff);
  const TableStatements& table = StatementsFor(plan);
  after_.clear();
  for (size_t row = 0; row < rows.rows(); ++row) after_.push_back({&rows, row});
  // By statement: only what clashes is displaced.
  std::span<const Image> left = after_;
  while (!left.empty()) {
    auto part = left.first(std::min(left.size(), limits_.rows));
    left = left.subspan(part.size());
    try {
      Insert(table, part, InsertForm::kInsert);
    } catch (const Error& error) {
      if (error.code() != "DUPLICATE_KEY") throw;
      Displace(table, part);
      InsertGroup(table, part);
    }
  }
}

void MysqlSink::Apply(std::span<const RowChange> changes, ApplyMode mode,
                      ForeignKeys foreign_keys) {
  GODWIT_CHECK(in_transaction_, "a transaction is open");
  SetForeignKeys(foreign_keys);
  for (const ChangeGroup& group : grouper_.Group(changes, mode, foreign_keys)) {
    ApplyGroup(group, changes, mode);
  }
}

void MysqlSink::ApplyGroup(const ChangeGroup& group, std::span<const RowChange> changes,
                           ApplyMode mode) {
  const TableStatements& table = StatementsFor(*group.plan);
  if (group.form == ChangeGroup::Form::kUpdate) return UpdateGroup(table, group, changes);
  if (group.form == ChangeGroup::Form::kEach) {
    ApplyEach(table, group, changes, mode);
    return;
  }
  before_.clear();
  after_.clear();
  for (uint32_t i : group.changes) {
    const RowChange& change = changes[i];
    if (change.op != ChangeOp::kInsert) before_.push_back({change.before, change.before_row});
    if (change.op != ChangeOp::kDelete) after_.push_back({change.after, change.after_row});
  }
  switch (group.form) {
    case ChangeGroup::Form::kInsert:
      return InsertGroup(table, after_);
    case ChangeGroup::Form::kDelete:
      return DeleteGroup(table, before_, mode);
    case ChangeGroup::Form::kUpsert: {
      // A row that was not there has been inserted, and counts one instead of two.
      Inserted result = Insert(table, after_, InsertForm::kUpsert);
      if (result.affected != 2 * result.changed) RowMissing(table, before_);
      return;
    }
    case ChangeGroup::Form::kReplace:
      DeleteGroup(table, before_, mode);
      if (mode == ApplyMode::kDisplace) Displace(table, after_);
      return InsertGroup(table, after_);
    case ChangeGroup::Form::kUpdate:
    case ChangeGroup::Form::kEach:
      return;
  }
}

void MysqlSink::InsertGroup(const TableStatements& table, std::span<const Image> after) {
  try {
    Insert(table, after, InsertForm::kInsert);
  } catch (const Error& error) {
    if (error.code() == "DUPLICATE_KEY") RowExists(table, after, error);
    throw;
  }
}

void MysqlSink::DeleteGroup(const TableStatements& table, std::span<const Image> before,
                            ApplyMode mode) {
  const uint64_t deleted = DeleteByKey(table, table.identity(), before, Gone::kDeleted);
  if (mode == ApplyMode::kExact && deleted != before.size()) RowMissing(table, before);
}

// No two of the group share a value: once the others are gone, any order will do.
void MysqlSink::UpdateGroup(const TableStatements& table, const ChangeGroup& group,
                            std::span<const RowChange> changes) {
  DisplaceOthers(table, group, changes);
  const std::vector<Image> missing = ApplyEach(table, group, changes, ApplyMode::kDisplace);
  InsertGroup(table, missing);
}

void MysqlSink::RowMissing(const TableStatements& table, std::span<const Image> images) const {
  throw Error({.code = "CHANGE_ROW_MISSING",
               .kind = ErrorKind::kData,
               .side = side_,
               .object = table.name().ToString(),
               .message = images.size() == 1 ? "the row to change is not there: " +
                                                   table.Describe(*images[0].rows, images[0].row)
                                             : fmt::format("of {} rows to change not all are there",
                                                           images.size()),
               .cause = "the destination's rows were changed by somebody else",
               .remedy = "compare the row on both sides; then retry or skip the change"});
}

void MysqlSink::RowExists(const TableStatements& table, std::span<const Image> images,
                          const Error& error) const {
  throw Error(
      {.code = "CHANGE_ROW_EXISTS",
       .kind = ErrorKind::kData,
       .side = side_,
       .object = table.name().ToString(),
       .native = error.fields().native,
       .message =
           images.size() == 1
               ? fmt::format("a row with a unique value of {} is there already: {}",
                             table.Describe(*images[0].rows, images[0].row), error.fields().message)
               : fmt::format("a row with a unique value of these {} is there already: {}",
                             images.size(), error.fields().message),
       .cause = "the destination's rows were changed by somebody else, or its collation "
                "calls two values equal that the source tells apart, or it has a unique key "
                "that the source has not",
       .remedy = "compare the row on both sides; then retry or skip the change"});
}

}  // namespace godwit::mysql
