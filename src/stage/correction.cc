// SPDX-License-Identifier: Apache-2.0
#include "stage/correction.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>

#include "base/crash_point.h"
#include "base/deadline.h"
#include "pipeline/describe_row.h"
#include "stage/cascade_groups.h"
#include "stage/schema.h"

namespace godwit {

namespace {

constexpr size_t kKeysPerRead = 200;
constexpr size_t kKeysPerWrite = 500;
// Replay stands still so long, and its source is locked once for it.
constexpr std::chrono::seconds kLongestHold{2};
// At the source's global lock; replay goes on between them.
constexpr int kLockAttempts = 3;
constexpr std::chrono::seconds kBetweenLocks{5};
// Rows that need each other's values are written in one transaction, or not at all.
constexpr int kQuietAttempts = 10;

constexpr size_t kMostTogether = 2000;
constexpr size_t kMostBytesTogether = 64 << 20;

bool IsSameSet(std::vector<int> a, std::vector<int> b) {
  std::sort(a.begin(), a.end());
  std::sort(b.begin(), b.end());
  return a == b;
}

// The values of one unique key; of rows with a NULL in it none, since they clash with nothing.
std::vector<KeyTuple> ValuesOf(const RowBatch& rows, const std::vector<int>& places) {
  std::vector<KeyTuple> out;
  for (size_t row = 0; row < rows.rows(); ++row) {
    KeyTuple value;
    for (int place : places) {
      const auto cell = static_cast<size_t>(place);
      if (rows.has_value(row, cell)) value.emplace_back(rows.cell(row, cell));
    }
    if (value.size() == places.size()) out.push_back(std::move(value));
  }
  return out;
}

// Whether the destination's table has columns that nothing is carried to.
bool HasOwnColumns(const WritePlan& write) {
  const std::vector<ColumnSchema>& columns = write.table->columns;
  const auto writable =
      std::count_if(columns.begin(), columns.end(),
                    [](const ColumnSchema& column) { return !column.is_generated(); });
  return static_cast<size_t>(writable) != write.columns.size();
}

std::vector<int> OrdinalsOf(const WritePlan& write, const std::vector<int>& places) {
  std::vector<int> columns;
  for (int place : places) columns.push_back(write.columns[static_cast<size_t>(place)]);
  return columns;
}

// Thrown inside: cascades that the source does not log may lie between what replay has done and
// what was read.
struct Disturbed {};

Error CascadesMeanwhile(const ComparePlan& plan) {
  return Error(
      {.code = "CORRECTION_CASCADES",
       .kind = ErrorKind::kData,
       .side = Side::kSource,
       .object = plan.name().ToString(),
       .message = "rows that cascading foreign keys join with this one change all the time",
       .cause = "the source does not log what these keys do, which must not meet a "
                "corrected row",
       .remedy = "correct again when these tables are written to less"});
}

// A row of which only the key is known.
void AddKey(RowBatch& out, const WritePlan& write, const KeyTuple& key) {
  for (size_t cell = 0; cell < out.columns(); ++cell) {
    const auto place = std::find(write.key.begin(), write.key.end(), static_cast<int>(cell));
    if (place == write.key.end()) {
      out.AddAbsent();
    } else {
      out.Add(key[static_cast<size_t>(place - write.key.begin())]);
    }
  }
}

}  // namespace

Corrector::Corrector(Link& link, Capturer* capturer, Replayer* replayer, Options options)
    : link_(link),
      capturer_(capturer),
      replayer_(replayer),
      options_(std::move(options)),
      pair_(link.source, link.destination,
            {.retry = options_.retry, .on_transient = options_.on_transient}) {
  if (replayer_ != nullptr) {
    watch_ = WatchLink(link_, *capturer_, *replayer_, WithoutProof::kFails);
  } else if (link_.spec.Has(MigrationType::kIncremental)) {
    throw Error({.code = "CORRECTION_NEEDS_REPLAY",
                 .kind = ErrorKind::kBlocked,
                 .message = "rows cannot be corrected while the project's replay stands still",
                 .cause = "the changes waiting in its log would meet rows newer than themselves",
                 .remedy = "resume the project and let it correct while it follows changes"});
  }
}

void Corrector::Correct(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                        const OnRefused& on_refused, std::stop_token stop) {
  GODWIT_CHECK(plan.has_key(), "only rows with a key are corrected");
  joined_.clear();
  if (replayer_ != nullptr && !link_.logs_cascades) {
    std::vector<TableSchemaPtr> tables;
    for (const SchemaVersion& known : link_.store.LatestSchemas()) {
      if (known.table) tables.push_back(known.table);
    }
    joined_ = JoinedByCascades(tables, plan.name());
  }
  int disturbed = 0;
  for (size_t at = 0; at < keys.size();) {
    std::optional<Replayer::Pause> pause;
    for (int attempt = 1; replayer_ != nullptr && !pause; ++attempt) {
      watch_->CatchUp(stop);  // replay has its turn before each hold
      pause.emplace(*replayer_, stop);
      try {
        Prove(plan, stop);
      } catch (const Error& error) {
        // A statement of some seconds may be over by the next attempt.
        if (error.code() != "GLOBAL_LOCK_TIMEOUT" || attempt == kLockAttempts) throw;
        pause.reset();
        if (WaitForStop(stop, Deadline::In(kBetweenLocks))) throw Stopped();
      }
    }
    const Deadline end = Deadline::In(kLongestHold);
    do {
      const size_t next = std::min(at + kKeysPerWrite, keys.size());
      try {
        CorrectSome(plan, {keys.begin() + at, keys.begin() + next}, on_refused, stop);
      } catch (const Disturbed&) {
        if (++disturbed < kQuietAttempts) break;
        for (size_t i = at; i < next; ++i) on_refused(keys[i], CascadesMeanwhile(plan));
      }
      disturbed = 0;
      at = next;
    } while (at < keys.size() && !end.has_passed());
  }
}

// Under a hold. Whatever was replayed, by an earlier process too, is in the Log by now.
void Corrector::Prove(const ComparePlan& plan, std::stop_token stop) {
  if (watch_->Prove(watch_->Last(), stop)) return;
  throw Error({.code = "CORRECTION_UNPROVED",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = plan.name().ToString(),
               .message = "rows cannot be corrected while changes flow",
               .cause = "the source cannot prove that a read shows every change already replayed",
               .remedy = "grant what the start point of capture needs, or use the statements that "
                         "verification wrote"});
}

void Corrector::CorrectSome(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                            const OnRefused& on_refused, std::stop_token stop) {
  hopeless_.clear();
  const RowBatch rows = Read(plan, keys, stop);
  CheckDefinitions(plan, stop);
  if (rows.empty()) return;
  if (!Try(plan, rows, stop)) {
    written_ += rows.rows();
    return;
  }
  for (size_t row = 0; row < rows.rows(); ++row) {
    RowBatch one(rows.columns());
    one.AddRow(rows, row);
    std::optional<Error> refusal;
    try {
      refusal = Try(plan, one, stop);
    } catch (const Disturbed&) {
      refusal = CascadesMeanwhile(plan);
    }
    if (refusal) {
      on_refused(plan.KeyOf(one, 0), *refusal);
    } else {
      ++written_;
    }
  }
}

// The source's may have changed at any moment, the destination's by replay before it was held.
void Corrector::CheckDefinitions(const ComparePlan& plan, std::stop_token stop) {
  const bool is_current = RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      if (!source_) source_ = link_.source.OpenCatalog();
      if (!destination_) destination_ = link_.destination.OpenCatalog();
      return plan.IsCurrent(*source_, *destination_);
    } catch (const Error&) {
      source_.reset();
      destination_.reset();
      throw;
    }
  });
  if (is_current) return;
  throw Error({.code = "TABLE_CHANGED",
               .kind = ErrorKind::kTransient,
               .object = plan.name().ToString(),
               .message = "the definition of " + plan.name().ToString() +
                          " is not the one that its rows were compared by",
               .cause = "the table's definition has just changed",
               .remedy = "nothing: it is tried again"});
}

std::optional<Error> Corrector::Try(const ComparePlan& plan, const RowBatch& rows,
                                    std::stop_token stop) {
  try {
    const RowBatch company = Gather(plan, rows, stop);
    if (!company.empty()) CheckDefinitions(plan, stop);  // of its reads
    if (replayer_ != nullptr) {
      const Sequence end = capturer_->SequencePast(watch_->Current(), stop);
      RefuseCascadesUpTo(end, stop);
      replayer_->DisplaceUpTo(plan.name(), end);
      CrashPoint("correction-after-bounds");
    }
    Write(plan, rows, company, stop);
    return std::nullopt;
  } catch (const Error& error) {
    // A definition that is another one by now concerns every row.
    if (error.kind() != ErrorKind::kData || TellsOfDefinitions(error)) throw;
    return error;
  }
}

void Corrector::RefuseCascadesUpTo(Sequence end, std::stop_token stop) {
  const Sequence through = std::min(end, watch_->Last());
  for (const TableName& table : joined_) {
    bool cascades = false;
    const bool has_ddl = watch_->Visit(
        replayer_->applied(), through, table,
        [&](const RowsChange& change) {
          cascades = cascades || (change.op != ChangeOp::kInsert && change.foreign_key_checks);
        },
        stop);
    if (cascades || has_ddl) throw Disturbed();
  }
}

RowBatch Corrector::Read(const ComparePlan& plan, const std::vector<KeyTuple>& keys,
                         std::stop_token stop) {
  RowBatch out;
  pair_.Source(
      [&](RowReader& reader, std::stop_token token) {
        out.Reset(plan.carried);
        RowBatch batch;
        RowBatch scratch;
        for (size_t i = 0; i < keys.size(); i += kKeysPerRead) {
          if (token.stop_requested()) throw Stopped();
          batch.Reset(plan.source.columns.size());
          reader.ReadKeys(
              plan.source,
              {keys.begin() + i, keys.begin() + std::min(i + kKeysPerRead, keys.size())}, batch);
          const RowBatch& rows = plan.Mapped(batch, scratch);
          for (size_t row = 0; row < rows.rows(); ++row) {
            for (size_t cell = 0; cell < plan.carried; ++cell) out.AddCellOf(rows, row, cell);
          }
        }
      },
      stop);
  return out;
}

// Example: the destination has a=(1,'y') and b=(2,'x'), the source a=(1,'x') and b=(2,'y'). Row a
// needs 'x' of b, b needs 'y' of a: both are written together. A third row that only the
// destination has keeps what it holds, and whoever needs it stays as it is.
RowBatch Corrector::Gather(const ComparePlan& plan, const RowBatch& rows, std::stop_token stop) {
  RowBatch company(plan.carried);
  std::set<std::string> written;
  for (size_t row = 0; row < rows.rows(); ++row) written.insert(EncodeKey(plan.KeyOf(rows, row)));
  std::set<std::string> asked;  // the source may know a holder by another text
  RowBatch fresh;
  for (const RowBatch* needy = &rows;; needy = &fresh) {
    std::vector<KeyTuple> holders = Holders(plan, *needy, stop);
    std::erase_if(holders, [&](const KeyTuple& key) {
      const std::string encoded = EncodeKey(key);
      return written.contains(encoded) || !asked.insert(encoded).second;
    });
    if (holders.empty()) return company;
    for (const KeyTuple& holder : holders) {
      if (!hopeless_.contains(EncodeKey(holder))) continue;
      Refuse(plan, company, holder, "that row cannot be corrected either");
    }
    fresh = Read(plan, holders, stop);
    if (auto lone = FindLone(plan, holders, fresh, stop)) {
      Refuse(plan, company, *lone, "that row has no counterpart in the source and is left alone");
    }
    if (rows.rows() + company.rows() + fresh.rows() > kMostTogether ||
        company.bytes() + fresh.bytes() > kMostBytesTogether) {
      Refuse(plan, company, holders[0],
             fmt::format("more than {} rows or {} MB need each other's values", kMostTogether,
                         kMostBytesTogether >> 20));
    }
    for (size_t row = 0; row < fresh.rows(); ++row) {
      if (written.insert(EncodeKey(plan.KeyOf(fresh, row))).second) company.AddRow(fresh, row);
    }
  }
}

// Whoever comes upon one of this company again needs not follow it to its end.
void Corrector::Refuse(const ComparePlan& plan, const RowBatch& company, const KeyTuple& holder,
                       std::string cause) {
  hopeless_.insert(EncodeKey(holder));
  for (size_t row = 0; row < company.rows(); ++row) {
    hopeless_.insert(EncodeKey(plan.KeyOf(company, row)));
  }
  const WritePlan& write = plan.plan->write();
  RowBatch row(plan.carried);
  AddKey(row, write, holder);
  throw Error(
      {.code = "CORRECTION_CLASH",
       .kind = ErrorKind::kData,
       .side = Side::kDestination,
       .object = write.table->name.ToString(),
       .message = "another row holds a unique value that it needs: " + DescribeRow(write, row, 0),
       .cause = std::move(cause),
       .remedy = "delete that row at the destination, or give it another value; then correct "
                 "again"});
}

std::vector<KeyTuple> Corrector::Holders(const ComparePlan& plan, const RowBatch& rows,
                                         std::stop_token stop) {
  const WritePlan& write = plan.plan->write();
  std::vector<KeyTuple> out;
  for (const std::vector<int>& places : write.unique_keys) {
    if (IsSameSet(places, write.key)) continue;  // what has the row's own key is the row
    for (KeyTuple& key : KeysThere(write, places, ValuesOf(rows, places), stop)) {
      out.push_back(std::move(key));
    }
  }
  return out;
}

std::vector<KeyTuple> Corrector::KeysThere(const WritePlan& write, const std::vector<int>& places,
                                           const std::vector<KeyTuple>& values,
                                           std::stop_token stop) {
  std::vector<KeyTuple> out;
  if (values.empty()) return out;
  const ScanPlan scan{write.table, OrdinalsOf(write, write.key), OrdinalsOf(write, places)};
  RowBatch found;
  pair_.Destination(
      [&](RowReader& reader, std::stop_token token) {
        found.Reset(scan.columns.size());
        for (size_t i = 0; i < values.size(); i += kKeysPerRead) {
          if (token.stop_requested()) throw Stopped();
          reader.ReadKeys(
              scan,
              {values.begin() + i, values.begin() + std::min(i + kKeysPerRead, values.size())},
              found);
        }
      },
      stop);
  for (size_t row = 0; row < found.rows(); ++row) {
    KeyTuple& key = out.emplace_back();
    for (size_t cell = 0; cell < found.columns(); ++cell) key.emplace_back(found.cell(row, cell));
  }
  return out;
}

std::set<std::string> Corrector::FindThere(const ComparePlan& plan, const RowBatch& rows,
                                           std::stop_token stop) {
  const WritePlan& write = plan.plan->write();
  const std::vector<KeyTuple> keys = ValuesOf(rows, write.key);
  std::set<std::string> asked;
  for (const KeyTuple& key : keys) asked.insert(EncodeKey(key));
  std::set<std::string> there;
  bool has_other_texts = false;
  for (const KeyTuple& key : KeysThere(write, write.key, keys, stop)) {
    const std::string encoded = EncodeKey(key);
    if (asked.contains(encoded)) {
      there.insert(encoded);
    } else {
      has_other_texts = true;
    }
  }
  // The destination may know a row by a text that is equal to it only: which one, is asked alone.
  for (const KeyTuple& key : keys) {
    if (!has_other_texts || there.contains(EncodeKey(key))) continue;
    const bool is_there = !KeysThere(write, write.key, std::vector<KeyTuple>(1, key), stop).empty();
    if (is_there) there.insert(EncodeKey(key));
  }
  return there;
}

std::optional<KeyTuple> Corrector::FindLone(const ComparePlan& plan,
                                            const std::vector<KeyTuple>& holders,
                                            const RowBatch& found, std::stop_token stop) {
  std::set<std::string> there;
  for (size_t row = 0; row < found.rows(); ++row) there.insert(EncodeKey(plan.KeyOf(found, row)));
  for (const KeyTuple& holder : holders) {
    if (there.contains(EncodeKey(holder))) continue;
    // It may be what the source, too, calls equal.
    if (Read(plan, std::vector<KeyTuple>(1, holder), stop).empty()) return holder;
  }
  return {};
}

void Corrector::Write(const ComparePlan& plan, const RowBatch& rows, const RowBatch& company,
                      std::stop_token stop) {
  const WritePlan& write = plan.plan->write();
  const bool keeps_rows = HasOwnColumns(write);
  std::vector<RowChange> deletes;
  std::vector<RowChange> updates;
  std::vector<RowChange> inserts;
  auto put = [&](const RowBatch& batch) {
    std::set<std::string> there;
    if (keeps_rows) there = FindThere(plan, batch, stop);
    for (size_t row = 0; row < batch.rows(); ++row) {
      if (there.contains(EncodeKey(plan.KeyOf(batch, row)))) {
        updates.push_back({.plan = &write,
                           .op = ChangeOp::kUpdate,
                           .before = &batch,
                           .before_row = row,
                           .after = &batch,
                           .after_row = row});
        continue;
      }
      inserts.push_back(
          {.plan = &write, .op = ChangeOp::kInsert, .after = &batch, .after_row = row});
      if (keeps_rows) continue;
      deletes.push_back(
          {.plan = &write, .op = ChangeOp::kDelete, .before = &batch, .before_row = row});
    }
  };
  put(rows);
  put(company);
  std::reverse(updates.begin(), updates.end());  // who gives a value up stands behind who needs it
  RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      if (!sink_) {
        sink_ = link_.destination.OpenSink();
        sink_->Attach(link_.name, options_.lane, link_.epoch);
      }
      sink_->Begin({.low = replayer_ == nullptr ? 0 : replayer_->applied()});
      sink_->Apply(deletes, ApplyMode::kDisplace,
                   ForeignKeys::kOff);  // a missing row is deleted already
      sink_->Apply(updates, ApplyMode::kExact, ForeignKeys::kOff);
      sink_->Apply(inserts, ApplyMode::kExact, ForeignKeys::kOff);
      sink_->Commit(stop);
    } catch (const Error& error) {
      RollBack(error);
      const bool is_clash = keeps_rows && !company.empty() && error.code() == "CHANGE_ROW_EXISTS";
      if (is_clash && rows.rows() == 1) {
        Refuse(
            plan, company, plan.KeyOf(company, 0),
            "rows that exchange unique values would be written anew, and the destination's table "
            "has columns that nothing is carried to");
      }
      throw error.WithContext("correcting " + plan.name().ToString());
    }
  });
  CrashPoint("correction-after-apply");
}

void Corrector::RollBack(const Error& error) {
  try {
    if (sink_ && error.kind() == ErrorKind::kData) return sink_->Rollback();
  } catch (const Error&) {  // the server rolls back what a lost connection left
  }
  sink_.reset();
}

}  // namespace godwit
