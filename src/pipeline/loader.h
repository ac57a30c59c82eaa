// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "base/counter.h"
#include "base/mutex.h"
#include "base/retry.h"
#include "pipeline/blocked.h"
#include "pipeline/chunk_planner.h"
#include "pipeline/copy_job.h"
#include "pipeline/link.h"
#include "pipeline/throttle.h"
#include "pipeline/unfit_rows.h"

namespace godwit {

struct LoadCounters {
  Counter& rows;
  Counter& bytes;
};

// Copies tables in chunks, several at a time. One thread plans: it hands each chunk to the journal
// and then to a bounded queue. Each of `readers` threads takes chunks: reads one from the source
// and writes it in one destination transaction that also notes the chunk in its lane row, then
// notes it as finished in the journal. So after a crash a chunk is either wholly there, and one of
// the two says so, or not at all.
//
// A chunk with a row that the destination does not take is put aside, not written in part: the user
// is asked about the row while the other chunks go on; with the answer the chunk is read and
// written again. Of a snapshot, which is not kept open for an answer, only the row is put aside.
class Loader {
 public:
  struct Options {
    RetryPolicy retry;
    std::function<void(const Error*)> on_transient;
    std::function<Throttle::Rates()> rates;
    std::function<std::optional<Error>(Throttle::Reading)> hold;
    AskUser ask;
  };

  Loader(Link& link, LoadCounters& counters, Options options);

  // Once for a loader. Copies these tables; returns when every chunk is committed. `on_table_read`
  // is called, from any thread, when the last chunk of a table is committed. Chunks that the
  // journal has as done are left out. Throws Stopped.
  void Run(const std::vector<std::shared_ptr<CopyJob>>& jobs,
           std::function<void(const CopyJob&, uint64_t rows)> on_table_read, std::stop_token stop);

  // Copies tables from one snapshot; returns the snapshot's position. The destination's tables must
  // be empty; after a crash they must be emptied and copied again. `rows` of the result are in the
  // order of the jobs. `on_read` is called when all tables are read and the snapshot, which keeps
  // DDL from what it has shown, is still held. A row that gets no answer ends the copy.
  struct SnapshotCopy {
    Position position;
    std::vector<uint64_t> rows;
  };
  SnapshotCopy CopyAtSnapshot(const std::vector<std::shared_ptr<CopyJob>>& jobs,
                              const std::function<void()>& on_read, std::stop_token stop);

 private:
  static constexpr size_t kBatchRows = 4000;
  static constexpr size_t kBatchBytes = 1 << 20;

  struct Work {
    std::shared_ptr<CopyJob> job;
    Chunk chunk;
  };
  struct BlockedWork {
    Work work;
    std::vector<UnfitRow> unfit;
    uint64_t retries = 0;  // the loader's, when the rows were refused
  };
  struct Loaded {
    uint64_t rows = 0;
    std::vector<UnfitRow> unfit;  // that nobody has left out
    bool is_whole = true;         // false: nothing was written
  };
  enum class Care { kBatches, kRows };
  struct TableState {
    std::shared_ptr<CopyJob> job;
    std::unique_ptr<ChunkPlanner> planner;
    uint64_t open_chunks = 0;
    uint64_t rows = 0;
    bool planned = false;
  };

  // A read that the source does not answer, behind a lock of somebody's, ends when stopped. The
  // reader is of no use then.
  template <typename Call>
  static auto UntilStopped(RowReader& reader, std::stop_token stop, Call call) {
    std::stop_callback cancel(stop, [&] { reader.Cancel(); });
    return call();
  }

  void Plan(std::stop_token stop);
  void Push(Work work, std::stop_token stop);
  Chunk NextChunk(TableState& state, std::unique_ptr<RowReader>& reader, std::stop_token stop);
  std::vector<Chunk> TakeUp(TableState& state);
  void Load(int lane, std::stop_token stop);
  Loaded LoadChunk(RowReader& reader, Sink& sink, const Work& work, Care care,
                   std::stop_token stop);
  // False when the chunk cannot be written so.
  bool WriteBatch(Sink& sink, const CopyJob& job, const RowBatch& rows, Care care, Loaded& loaded);
  void Finished(const Work& work, uint64_t rows, std::stop_token stop);
  void CloseWhenThrough();
  void AskAboutChunks(std::stop_token stop);
  void AskAboutRows(const BlockedWork& blocked, std::stop_token stop);
  Answer Ask(const BlockedItem& item, std::stop_token stop);
  void WaitForPressure(Sink& sink, std::stop_token stop);
  void CheckSnapshotAge(const CopyJob& job) const;
  struct SetAside {
    RowBatch rows;
    std::vector<UnfitRow> unfit;
  };
  uint64_t CopyTable(RowReader& reader, Sink& sink, const CopyJob& job, SetAside& aside,
                     std::stop_token stop);
  uint64_t WriteSnapshotBatch(Sink& sink, const CopyJob& job, const RowBatch& rows,
                              SetAside& aside);
  uint64_t LoadSetAside(const CopyJob& job, const SetAside& aside, std::stop_token stop);
  bool LoadRow(const CopyJob& job, const RowBatch& rows, UnfitRow& row, std::stop_token stop);

  Link& link_;
  LoadCounters& counters_;
  const Options options_;
  Throttle throttle_;
  std::function<void(const CopyJob&, uint64_t)> on_table_read_;

  LeftOutRows left_out_;
  BoundedQueue<Work> queue_;
  BoundedQueue<BlockedWork> blocked_;

  Mutex mutex_;
  std::map<TableName, TableState> tables_ GUARDED_BY(mutex_);
  bool is_planned_ GUARDED_BY(mutex_) = false;
  uint64_t unfinished_ GUARDED_BY(mutex_) = 0;  // chunks of this run, those put aside among them
  uint64_t put_aside_ GUARDED_BY(mutex_) = 0;
  uint64_t retries_ GUARDED_BY(mutex_) = 0;
  uint64_t last_chunk_id_ = 0;
  std::chrono::steady_clock::time_point snapshot_begin_;
};

}  // namespace godwit
