// SPDX-License-Identifier: Apache-2.0
// The part of Loader that copies tables from one snapshot.
#include <fmt/format.h>

#include "base/crash_point.h"
#include "pipeline/loader.h"

namespace godwit {
namespace {

constexpr size_t kSnapshotCommitRows = 50'000;
constexpr size_t kSetAsideRows = 1000;
constexpr size_t kSetAsideBytes = 64 << 20;

}  // namespace

Loader::SnapshotCopy Loader::CopyAtSnapshot(const std::vector<std::shared_ptr<CopyJob>>& jobs,
                                            const std::function<void()>& on_read,
                                            std::stop_token stop) {
  auto sink = link_.destination.OpenSink();
  sink->Attach(link_.name, 0, link_.epoch);
  std::unique_ptr<RowReader> reader;
  SnapshotCopy copy;
  throttle_.WaitWhileHeld(Throttle::Reading::kChunk, stop);
  // The source's writes stand still while its lock is waited for: short waits, many times.
  copy.position = RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      if (!reader) reader = link_.source.OpenRowReader();
      return reader->BeginSnapshot();
    } catch (...) {
      reader.reset();  // with it goes what it holds at the source
      throw;
    }
  });
  snapshot_begin_ = std::chrono::steady_clock::now();
  std::vector<SetAside> aside(jobs.size());
  for (size_t i = 0; i < jobs.size(); ++i) {
    aside[i].rows.Reset(jobs[i]->plan->write().columns.size());
    copy.rows.push_back(CopyTable(*reader, *sink, *jobs[i], aside[i], stop));
  }
  on_read();
  reader->EndSnapshot();
  for (size_t i = 0; i < jobs.size(); ++i) copy.rows[i] += LoadSetAside(*jobs[i], aside[i], stop);
  return copy;
}

void Loader::CheckSnapshotAge(const CopyJob& job) const {
  const uint64_t limit = link_.spec.limits.snapshot_seconds;
  const auto age = std::chrono::duration_cast<std::chrono::seconds>(
      std::chrono::steady_clock::now() - snapshot_begin_);
  if (limit == 0 || static_cast<uint64_t>(age.count()) <= limit) return;
  throw Error(
      {.code = "SNAPSHOT_LIMIT",
       .kind = ErrorKind::kBlocked,
       .side = Side::kSource,
       .object = job.object(),
       .message =
           fmt::format("a snapshot was held for {} s, the limit is {} s", age.count(), limit),
       .cause = "the table can only be copied from one snapshot, for which the source keeps "
                "every old row version",
       .remedy = "raise [limits] snapshot_seconds, or give the table a key and let the "
                 "source log full row images; then resume"});
}

uint64_t Loader::CopyTable(RowReader& reader, Sink& sink, const CopyJob& job, SetAside& aside,
                           std::stop_token stop) {
  UntilStopped(reader, stop, [&] { reader.Open(job.scan, {}); });
  RowBatch batch(job.scan.columns.size());
  RowBatch mapped;
  uint64_t rows = 0;
  uint64_t in_transaction = 0;
  bool is_open = false;
  for (bool more = true; more;) {
    if (stop.stop_requested()) throw Stopped();
    throttle_.WaitWhileHeld(Throttle::Reading::kSnapshot, stop);
    CheckSnapshotAge(job);
    batch.Clear();
    more = UntilStopped(reader, stop, [&] { return reader.Read(batch, kBatchRows, kBatchBytes); });
    if (!batch.empty()) {
      throttle_.Pass(batch.rows(), batch.bytes(), stop);
      if (!std::exchange(is_open, true)) {
        WaitForPressure(sink, stop);
        sink.Begin({});
      }
      const RowBatch& mapped_rows = job.plan->Mapped(batch, mapped);
      const uint64_t written = WriteSnapshotBatch(sink, job, mapped_rows, aside);
      in_transaction += batch.rows();
      rows += written;
      counters_.rows.Add(static_cast<int64_t>(written));
      counters_.bytes.Add(static_cast<int64_t>(batch.bytes()));
    }
    if (is_open && (!more || in_transaction >= kSnapshotCommitRows)) {
      CrashPoint("full-before-snapshot-commit");
      sink.Commit(stop);
      CrashPoint("full-after-snapshot-commit");
      is_open = false;
      in_transaction = 0;
    }
  }
  return rows;
}

uint64_t Loader::WriteSnapshotBatch(Sink& sink, const CopyJob& job, const RowBatch& rows,
                                    SetAside& aside) {
  if (rows.empty()) return 0;
  sink.Savepoint();
  try {
    sink.Load(job.plan->write(), rows);
    return rows.rows();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
  }
  sink.RollbackToSavepoint();
  return LoadWhatFits(sink, job.plan->write(), rows, [&](UnfitRow row) {
    if (left_out_.Contains(job.source->name, row)) return true;
    if (aside.unfit.size() >= kSetAsideRows || aside.rows.bytes() >= kSetAsideBytes) {
      throw row.error.WithContext("one of many rows that do not fit: " + row.description);
    }
    aside.rows.AddRow(rows, row.row);
    row.row = aside.unfit.size();
    aside.unfit.push_back(std::move(row));
    return true;
  });
}

// The rows are of the snapshot, and no change after it is applied before the copy is through. What
// gets no answer ends the copy: groups are copied one after another, so nothing goes on meanwhile.
uint64_t Loader::LoadSetAside(const CopyJob& job, const SetAside& aside, std::stop_token stop) {
  uint64_t loaded = 0;
  bool was_retried = false;
  for (UnfitRow row : aside.unfit) {
    bool is_there = was_retried && LoadRow(job, aside.rows, row, stop);
    while (!is_there) {
      const BlockedItem item = ItemOf(job.plan->destination()->name, row);
      left_out_.Note(job.source->name, row, options_.ask(item, stop));
      if (left_out_.Contains(job.source->name, row)) break;
      was_retried = true;
      is_there = LoadRow(job, aside.rows, row, stop);
    }
    if (is_there) ++loaded;
  }
  counters_.rows.Add(static_cast<int64_t>(loaded));
  return loaded;
}

bool Loader::LoadRow(const CopyJob& job, const RowBatch& rows, UnfitRow& row,
                     std::stop_token stop) {
  RowBatch one(rows.columns());
  one.AddRow(rows, row.row);
  return RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    auto sink = link_.destination.OpenSink();
    sink->Attach(link_.name, 0, link_.epoch);
    sink->Begin({});
    const uint64_t loaded = LoadWhatFits(*sink, job.plan->write(), one, [&](UnfitRow again) {
      row.error = again.error;
      return true;
    });
    sink->Commit(stop);
    return loaded == 1;
  });
}

}  // namespace godwit
