// SPDX-License-Identifier: Apache-2.0
#include "pipeline/loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>

#include "base/crash_point.h"
#include "base/task_group.h"

namespace godwit {
namespace {

constexpr double kPressureToWait = 0.9;
constexpr auto kPressurePoll = std::chrono::milliseconds(500);
constexpr size_t kAskedOfChunk = 100;

int LanesOf(const Link& link) { return std::max(1, link.spec.limits.readers); }

}  // namespace

Loader::Loader(Link& link, LoadCounters& counters, Options options)
    : link_(link),
      counters_(counters),
      options_(std::move(options)),
      throttle_({options_.rates, options_.hold, options_.on_transient}),
      left_out_(link.metadata, link.project),
      queue_(static_cast<size_t>(LanesOf(link)) * 2),
      blocked_(std::numeric_limits<size_t>::max()) {}

void Loader::Run(const std::vector<std::shared_ptr<CopyJob>>& jobs,
                 std::function<void(const CopyJob&, uint64_t)> on_table_read,
                 std::stop_token stop) {
  on_table_read_ = std::move(on_table_read);
  last_chunk_id_ = link_.metadata.LastChunkId(link_.project);
  {
    MutexLock lock(mutex_);
    tables_.clear();
    for (const auto& job : jobs) tables_[job->source->name].job = job;
  }
  TaskGroup group(stop);
  group.Start("plan", [&](std::stop_token s) { Plan(s); });
  group.Start("blocked", [&](std::stop_token s) { AskAboutChunks(s); });
  for (int lane = 0; lane < LanesOf(link_); ++lane) {
    group.Start("load-" + std::to_string(lane), [&, lane](std::stop_token s) { Load(lane, s); });
  }
  group.Join();
  if (stop.stop_requested()) throw Stopped();
}

// Largest tables first, one after another: a table that is complete gets its indexes while the next
// ones are copied, and the last one's indexes are all that is left at the end.
void Loader::Plan(std::stop_token stop) {
  std::vector<TableState*> states;
  {
    MutexLock lock(mutex_);
    for (auto& [name, state] : tables_) states.push_back(&state);
  }
  std::sort(states.begin(), states.end(), [](const TableState* a, const TableState* b) {
    return a->job->estimate.bytes > b->job->estimate.bytes;
  });
  std::vector<TableState*> unplanned;
  for (TableState* state : states) {
    std::vector<Chunk> unfinished = TakeUp(*state);
    if (!state->planned) unplanned.push_back(state);
    if (state->planned && unfinished.empty()) on_table_read_(*state->job, state->rows);
    for (const Chunk& chunk : unfinished) Push({state->job, chunk}, stop);
  }
  std::unique_ptr<RowReader> reader;
  for (TableState* state : unplanned) {
    for (bool is_last = false; !is_last;) {
      Chunk chunk = NextChunk(*state, reader, stop);
      is_last = chunk.is_last;
      Push({state->job, std::move(chunk)}, stop);
    }
  }
  {
    MutexLock lock(mutex_);
    is_planned_ = true;
  }
  CloseWhenThrough();
}

void Loader::Push(Work work, std::stop_token stop) {
  {
    MutexLock lock(mutex_);
    ++unfinished_;
  }
  if (!queue_.Push(std::move(work), 1, stop)) throw Stopped();
}

void Loader::CloseWhenThrough() {
  {
    MutexLock lock(mutex_);
    if (!is_planned_ || unfinished_ != 0) return;
  }
  queue_.Close();
  blocked_.Close();
}

Chunk Loader::NextChunk(TableState& state, std::unique_ptr<RowReader>& reader,
                        std::stop_token stop) {
  KeyRange range = RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    try {
      if (!reader) reader = link_.source.OpenRowReader();
      return UntilStopped(*reader, stop, [&] { return state.planner->Next(*reader); });
    } catch (const Error& error) {
      reader.reset();
      throw error.WithContext("planning " + state.job->object());
    }
  });
  const bool is_last = !range.through.has_value();
  Chunk chunk{++last_chunk_id_, state.job->source->name, state.job->generation, std::move(range),
              is_last};
  link_.metadata.PutChunk(link_.project, chunk);
  CrashPoint("full-after-chunk-planned");
  MutexLock lock(mutex_);
  ++state.open_chunks;
  state.planned = is_last;
  return chunk;
}

// What earlier runs planned and did of this table; returns what is left of it.
std::vector<Chunk> Loader::TakeUp(TableState& state) {
  std::optional<KeyTuple> after;
  std::vector<Chunk> unfinished;
  MutexLock lock(mutex_);
  for (const ChunkRecord& record : link_.metadata.Chunks(link_.project, state.job->source->name)) {
    if (record.chunk.generation != state.job->generation) continue;
    if (record.chunk.is_last) state.planned = true;
    after = record.chunk.range.through;  // chunks come in id order, which is key order
    if (record.done) {
      state.rows += record.rows;
      counters_.rows.Add(static_cast<int64_t>(record.rows));
    } else {
      unfinished.push_back(record.chunk);
      ++state.open_chunks;
    }
  }
  const TableEstimate& estimate = state.job->estimate;
  uint64_t row_bytes = estimate.rows == 0 ? 100 : estimate.bytes / estimate.rows;
  state.planner = std::make_unique<ChunkPlanner>(
      state.job->scan, row_bytes, ChunkPlanner::Goal{.bytes = link_.spec.limits.chunk_bytes},
      after);
  return unfinished;
}

void Loader::Load(int lane, std::stop_token stop) {
  std::unique_ptr<RowReader> reader;
  std::unique_ptr<Sink> sink;
  while (auto work = queue_.Pop(stop)) {
    uint64_t retries = 0;
    {
      MutexLock lock(mutex_);
      retries = retries_;
    }
    Loaded loaded = RetryTransient(options_.retry, stop, options_.on_transient, [&] {
      try {
        if (!sink) {
          sink = link_.destination.OpenSink();
          sink->Attach(link_.name, lane, link_.epoch);
        }
        Loaded out;
        for (Care care : {Care::kBatches, Care::kRows}) {
          if (!reader) reader = link_.source.OpenRowReader();
          out = LoadChunk(*reader, *sink, *work, care, stop);
          if (out.is_whole) break;
          reader.reset();
        }
        return out;
      } catch (const Error& error) {
        reader.reset();  // a half-read result or a broken connection is not used again
        sink.reset();
        throw error.WithContext("copying " + work->job->object());
      }
    });
    if (loaded.is_whole) {
      Finished(*work, loaded.rows, stop);
      continue;
    }
    {
      MutexLock lock(mutex_);
      ++put_aside_;
    }
    blocked_.Push({std::move(*work), std::move(loaded.unfit), retries}, 1, stop);
  }
  if (stop.stop_requested()) throw Stopped();
}

Loader::Loaded Loader::LoadChunk(RowReader& reader, Sink& sink, const Work& work, Care care,
                                 std::stop_token stop) {
  WaitForPressure(sink, stop);
  throttle_.WaitWhileHeld(Throttle::Reading::kChunk, stop);
  const auto begin = std::chrono::steady_clock::now();
  const CopyJob& job = *work.job;
  LaneProgress progress;
  progress.chunks = {work.chunk.id};
  sink.Begin(progress);
  UntilStopped(reader, stop, [&] { reader.Open(job.scan, work.chunk.range); });
  RowBatch batch(job.scan.columns.size());
  RowBatch mapped;
  Loaded loaded;
  uint64_t bytes = 0;
  for (bool more = true; more && loaded.is_whole;) {
    if (stop.stop_requested()) throw Stopped();  // the open transaction goes with the sink
    batch.Clear();
    more = UntilStopped(reader, stop, [&] { return reader.Read(batch, kBatchRows, kBatchBytes); });
    if (batch.empty()) continue;
    throttle_.Pass(batch.rows(), batch.bytes(), stop);
    loaded.is_whole = WriteBatch(sink, job, job.plan->Mapped(batch, mapped), care, loaded);
    bytes += batch.bytes();
    counters_.bytes.Add(static_cast<int64_t>(batch.bytes()));
  }
  if (!loaded.unfit.empty()) loaded.is_whole = false;
  if (!loaded.is_whole) {
    sink.Rollback();
    counters_.bytes.Add(-static_cast<int64_t>(bytes));
    return loaded;
  }
  CrashPoint("full-before-chunk-commit");
  sink.Commit(stop);
  CrashPoint("full-after-chunk-commit-before-journal");
  auto time = std::chrono::duration_cast<std::chrono::milliseconds>(
      std::chrono::steady_clock::now() - begin);
  MutexLock lock(mutex_);
  tables_.at(job.source->name).planner->Measured(loaded.rows, bytes, time);
  return loaded;
}

bool Loader::WriteBatch(Sink& sink, const CopyJob& job, const RowBatch& rows, Care care,
                        Loaded& loaded) {
  if (care == Care::kRows) {
    loaded.rows += LoadWhatFits(sink, job.plan->write(), rows, [&](UnfitRow row) {
      if (left_out_.Contains(job.source->name, row)) return true;
      loaded.unfit.push_back(std::move(row));
      return loaded.unfit.size() < kAskedOfChunk;
    });
    return loaded.unfit.size() < kAskedOfChunk;
  }
  try {
    if (!rows.empty()) sink.Load(job.plan->write(), rows);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
    return false;
  }
  loaded.rows += rows.rows();
  return true;
}

void Loader::Finished(const Work& work, uint64_t rows, std::stop_token stop) {
  // Once whatever else ends meanwhile, and tried again here: a chunk that is copied again leaves
  // its rows twice where no key displaces them.
  const auto finish = [&] { link_.metadata.FinishChunk(link_.project, work.chunk.id, rows); };
  try {
    finish();
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kTransient) throw;
    RetryTransient(options_.retry, stop, options_.on_transient, finish);
  }
  CrashPoint("full-after-chunk-journal");
  counters_.rows.Add(static_cast<int64_t>(rows));
  bool is_complete = false;
  uint64_t table_rows = 0;
  {
    MutexLock lock(mutex_);
    TableState& state = tables_.at(work.job->source->name);
    state.rows += rows;
    is_complete = --state.open_chunks == 0 && state.planned;
    table_rows = state.rows;
  }
  if (is_complete) on_table_read_(*work.job, table_rows);
  {
    MutexLock lock(mutex_);
    --unfinished_;
  }
  CloseWhenThrough();
}

void Loader::WaitForPressure(Sink& sink, std::stop_token stop) {
  while (sink.Pressure() >= kPressureToWait) {
    if (WaitForStop(stop, Deadline::In(kPressurePoll))) throw Stopped();
  }
}

}  // namespace godwit
