// SPDX-License-Identifier: Apache-2.0
#include "pipeline/replayer.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/clock.h"
#include "base/error.h"
#include "base/task_group.h"
#include "pipeline/ddl_barrier.h"
#include "pipeline/lane_scheduler.h"
#include "pipeline/lane_writer.h"
#include "pipeline/merge_runner.h"
#include "pipeline/replay_mapper.h"
#include "pipeline/replay_progress.h"
#include "pipeline/replay_tables.h"

namespace godwit {
namespace {

constexpr auto kIdleWait = std::chrono::milliseconds(100);
constexpr int64_t kMicrosecondsPerHour = 3'600'000'000;
constexpr Sequence kWindow = 8192;
// How far behind replay must be for transactions to be merged.
constexpr Sequence kMergeBehind = 1000;

LaneProgress ProgressOf(const std::vector<LaneState>& lanes, int lane) {
  for (const LaneState& state : lanes) {
    if (state.lane == lane) return state.progress;
  }
  return {};
}

}  // namespace

// One thread dispatches: it reads the Log in order, maps, and gives transactions to the scheduler.
// One thread per lane applies. DDL, transactions too large to be held and pauses wait until nothing
// is in flight; the dispatcher then uses lane 0 itself.
struct Replayer::Impl {
  Impl(Link& link, Capturer& capturer, const std::vector<LaneState>& found,
       ReplayCounters& counters, Options options);

  void Run(std::stop_token stop);
  void RunLane(int lane, std::stop_token stop);
  void Dispatch(std::stop_token stop);
  void HoldIfPaused(std::stop_token stop);
  void Handle(const LoggedTransaction& transaction, LogReader& reader, std::stop_token stop);
  // The last sequence handled by a merged window from `first` on; 0 where there was none.
  Sequence Merge(Sequence first, std::stop_token stop);
  void RunBarrier(const LoggedTransaction& transaction, std::stop_token stop);
  void Applied(int64_t transactions, int64_t rows, int64_t bytes, int64_t source_time_us);
  void NoteIdle();
  void ReleaseLog(std::stop_token stop);

  Link& link;
  Capturer& capturer;
  ReplayCounters& counters;
  const int lanes;
  const LaneWriter::Options writer_options;
  ReplayProgress progress;
  LaneScheduler scheduler;
  std::vector<std::unique_ptr<LaneWriter>> writers;
  ReplayTables tables;
  ReplayMapper mapper;
  DdlBarrier ddl;
  MergeRunner merger;
  const bool merges;
  const std::chrono::milliseconds release_interval;
  std::chrono::steady_clock::time_point last_release;
  bool has_run = false;
  Sequence merge_again = 0;  // not before this one

  Mutex mutex;
  CondVar changed;
  int pauses GUARDED_BY(mutex) = 0;
  bool is_held GUARDED_BY(mutex) = false;
};

namespace {

std::vector<std::unique_ptr<LaneWriter>> MakeWriters(Link& link, int lanes,
                                                     const std::vector<LaneState>& found,
                                                     ReplayProgress& progress,
                                                     const LaneWriter::Options& options) {
  std::vector<std::unique_ptr<LaneWriter>> writers;
  for (int lane = 0; lane < lanes; ++lane) {
    writers.push_back(
        std::make_unique<LaneWriter>(link, lane, ProgressOf(found, lane), progress, options));
  }
  return writers;
}

}  // namespace

Replayer::Impl::Impl(Link& link, Capturer& capturer, const std::vector<LaneState>& found,
                     ReplayCounters& counters, Options options)
    : link(link),
      capturer(capturer),
      counters(counters),
      lanes(std::max(1, options.lanes)),
      writer_options{options.retry, options.on_transient, options.ask},
      progress(found),
      scheduler(lanes, {}),
      writers(MakeWriters(link, lanes, found, progress, writer_options)),
      tables(link),
      mapper(link, tables, writer_options),
      ddl(link, *writers[0], tables, writer_options),
      merger(link, mapper, progress, writers),
      merges(options.merge),
      release_interval(options.release_interval) {}

void Replayer::Impl::Run(std::stop_token stop) {
  GODWIT_CHECK(!std::exchange(has_run, true), "what is in flight belongs to one run");
  TaskGroup group(stop);
  for (int lane = 0; lane < lanes; ++lane) {
    group.Start("replay-" + std::to_string(lane),
                [this, lane](std::stop_token s) { RunLane(lane, s); });
  }
  group.Start("replay-dispatch", [this](std::stop_token s) { Dispatch(s); });
  group.Join();
  throw Stopped();
}

void Replayer::Impl::RunLane(int lane, std::stop_token stop) {
  LaneWriter& writer = *writers[static_cast<size_t>(lane)];
  while (LaneBatch* batch = scheduler.Next(lane, stop)) {
    writer.ApplyBatch(*batch, stop);
    int64_t rows = 0;
    int64_t bytes = 0;
    for (const auto& transaction : batch->transactions) {
      rows += static_cast<int64_t>(transaction->rows);
      bytes += static_cast<int64_t>(transaction->bytes);
    }
    Applied(static_cast<int64_t>(batch->transactions.size()), rows, bytes,
            batch->transactions.back()->source_time_us);
    scheduler.Committed(batch);
  }
  throw Stopped();
}

void Replayer::Impl::Dispatch(std::stop_token stop) {
  Sequence last = progress.applied();
  if (last > link.store.last()) throw LogGap(link.name);
  auto reader = link.store.Read(last);
  while (!stop.stop_requested()) {
    HoldIfPaused(stop);
    ReleaseLog(stop);
    if (Sequence merged = Merge(last + 1, stop); merged != 0) {
      last = merged;
      reader = link.store.Read(last);
      continue;
    }
    auto transaction = reader->NextTransaction(Deadline::In(kIdleWait), stop);
    if (!transaction) {
      NoteIdle();
      continue;
    }
    if (transaction->sequence != last + 1) throw LogGap(link.name);
    last = transaction->sequence;
    if (!progress.IsDone(last)) Handle(*transaction, *reader, stop);
  }
  throw Stopped();
}

void Replayer::Impl::Handle(const LoggedTransaction& transaction, LogReader& reader,
                            std::stop_token stop) {
  if (transaction.is_ddl || !IsHeld(transaction)) return RunBarrier(transaction, stop);
  auto mapped = mapper.Map(transaction, reader, stop);
  if (!mapped->parts.empty()) {
    // Bounds what the lane rows must list above the watermark while one lane is held up.
    if (transaction.sequence > kWindow) progress.WaitApplied(transaction.sequence - kWindow, stop);
    return scheduler.Add(std::move(mapped), stop);
  }
  progress.Complete(std::vector<Sequence>{transaction.sequence});
  Applied(1, 0, 0, transaction.source_time_us);
}

Sequence Replayer::Impl::Merge(Sequence first, std::stop_token stop) {
  const auto& open = progress.open_window();
  const bool is_unfinished = open && open->first == first && !progress.IsDone(first);
  if (!is_unfinished) {
    bool is_far_behind = link.store.last() >= first + kMergeBehind;
    if (!merges || !is_far_behind || first < merge_again || progress.IsDone(first)) return 0;
    if (mapper.MayLeaveOut(first)) return 0;  // it goes alone
  }
  scheduler.Drain(stop);
  std::optional<MergeRunner::Applied> applied;
  if (is_unfinished) {
    applied = merger.Finish(*open, stop);
  } else {
    applied = merger.Run(first, stop);
  }
  if (!applied) {
    merge_again = first + kMergeBehind;  // what stands here goes the ordinary way
    return 0;
  }
  Applied(static_cast<int64_t>(applied->transactions), static_cast<int64_t>(applied->rows),
          static_cast<int64_t>(applied->bytes), applied->source_time_us);
  return applied->last;
}

void Replayer::Impl::RunBarrier(const LoggedTransaction& transaction, std::stop_token stop) {
  scheduler.Drain(stop);
  const Sequence sequence = transaction.sequence;
  if (transaction.is_ddl) {
    // What came before can be mapped only by the definitions that now go: no restart may read it
    // again, not even where nothing of it had to be written.
    if (progress.durable() + 1 < sequence) writers[0]->SaveProgress(stop);
    ddl.Run(sequence, mapper.SchemaChanges(sequence, stop), stop);
    tables.Refresh();
  }
  writers[0]->ApplyRuns(
      sequence, [&](const RunVisitor& visit) { mapper.Stream(sequence, visit, stop); }, stop);
  Applied(1, static_cast<int64_t>(transaction.rows), static_cast<int64_t>(transaction.bytes),
          transaction.source_time_us);
}

void Replayer::Impl::HoldIfPaused(std::stop_token stop) {
  {
    MutexLock lock(mutex);
    if (pauses == 0) return;
  }
  scheduler.Drain(stop);
  MutexLock lock(mutex);
  is_held = true;
  changed.notify_all();
  bool is_resumed = changed.wait(lock, stop, [&]() REQUIRES_LOCK(mutex) { return pauses == 0; });
  is_held = false;
  if (!is_resumed) throw Stopped();
  for (auto& writer : writers) writer->Disconnect();  // who held us may have written over the lanes
}

void Replayer::Impl::Applied(int64_t transactions, int64_t rows, int64_t bytes,
                             int64_t source_time_us) {
  counters.transactions.Add(transactions);
  counters.rows.Add(rows);
  counters.bytes.Add(bytes);
  counters.source_time_us.Set(source_time_us);
  counters.latency_us.Set(std::max<int64_t>(0, NowUs() - source_time_us));
}

// Caught up, the destination is as far behind as the log has been read.
void Replayer::Impl::NoteIdle() {
  const Sequence applied = progress.applied();
  int64_t source_time_us = 0;
  if (applied >= link.store.last()) {
    source_time_us = capturer.counters().source_time_us.Get();
  } else if (auto next = link.store.Find(applied + 1)) {
    source_time_us = next->source_time_us;
  }
  if (source_time_us == 0) return;
  counters.latency_us.Set(std::max<int64_t>(0, NowUs() - source_time_us));
}

// Forgets what retention no longer asks for, and never what a lane row does not yet say is applied.
void Replayer::Impl::ReleaseLog(std::stop_token stop) {
  const auto now = std::chrono::steady_clock::now();
  if (now - last_release < release_interval) return;
  last_release = now;
  const Limits& limits = link.spec.limits;
  Sequence release = 0;
  if (limits.store_hours != 0) {
    release = link.store.FindTime(NowUs() -
                                  static_cast<int64_t>(limits.store_hours) * kMicrosecondsPerHour);
  }
  const StoreStatus status = link.store.status();
  const bool is_full = limits.store_bytes != 0 && status.bytes > limits.store_bytes;
  if (is_full && status.last >= status.first) {
    // Transactions are taken to be alike; what is missed is released next time.
    double excess =
        static_cast<double>(status.bytes - limits.store_bytes) / static_cast<double>(status.bytes);
    auto count = static_cast<double>(status.last - status.first + 1);
    release = std::max(release, status.first + static_cast<Sequence>(excess * count));
  }
  // Of what need not be written no lane row tells by itself.
  const bool lags = release > progress.durable() && progress.durable() < progress.applied();
  if (lags && scheduler.IsIdle()) writers[0]->SaveProgress(stop);
  release = std::min(release, progress.durable());
  if (release >= status.first) release = std::min(release, capturer.BeforeRestart());
  if (is_full || (release != 0 && release >= status.first)) link.store.Release(release);
}

Error LogGap(const std::string& link) {
  return Error({.code = "LOG_GAP",
                .kind = ErrorKind::kBlocked,
                .side = Side::kSource,
                .object = link,
                .message = "transactions that were not applied are missing in the log store",
                .cause = "the store was removed, or replaced by an older one",
                .remedy = "bring it back; or release the project and migrate the tables anew"});
}

Replayer::Replayer(Link& link, Capturer& capturer, std::vector<LaneState> lanes,
                   ReplayCounters& counters, Options options)
    : impl_(std::make_unique<Impl>(link, capturer, lanes, counters, std::move(options))) {}

Replayer::~Replayer() = default;

void Replayer::Run(std::stop_token stop) { impl_->Run(stop); }

Sequence Replayer::applied() const { return impl_->progress.applied(); }

void Replayer::WaitApplied(Sequence sequence, std::stop_token stop) {
  impl_->progress.WaitApplied(sequence, stop);
}

Replayer::Pause::Pause(Replayer& replayer, std::stop_token stop) : replayer_(replayer) {
  Impl& impl = *replayer_.impl_;
  MutexLock lock(impl.mutex);
  ++impl.pauses;
  if (impl.changed.wait(lock, stop, [&]() REQUIRES_LOCK(impl.mutex) { return impl.is_held; }))
    return;
  --impl.pauses;
  impl.changed.notify_all();
  throw Stopped();
}

Replayer::Pause::~Pause() {
  Impl& impl = *replayer_.impl_;
  MutexLock lock(impl.mutex);
  --impl.pauses;
  impl.changed.notify_all();
}

void Replayer::DisplaceUpTo(const TableName& source_table, Sequence exit) {
  {
    MutexLock lock(impl_->mutex);
    GODWIT_CHECK(impl_->is_held, "bounds are moved under a pause");
  }
  impl_->tables.DisplaceUpTo(source_table, exit);
}

}  // namespace godwit
