// SPDX-License-Identifier: Apache-2.0
#include "pipeline/comparer.h"

#include <atomic>

#include "base/task_group.h"

namespace godwit {

// The planner holds one count of its own, so the last one to let go, planner or worker, has seen
// the whole table.
struct Comparer::Progress {
  const CompareJob& job;
  std::atomic<int64_t> open{1};

  void LetGo(CompareListener& listener) {
    if (open.fetch_sub(1) == 1) listener.Finished(job);
  }
};

Comparer::Comparer(Endpoint& source, Endpoint& destination, ChangeWatch* watch, Options options)
    : source_(source),
      destination_(destination),
      watch_(watch),
      options_(std::move(options)),
      throttle_({.rates = options_.rates}) {}

TableComparer Comparer::MakeComparer(ComparePair& pair, CompareListener& listener) {
  return {pair, watch_, options_.compare, throttle_, listener};
}

void Comparer::Run(const std::vector<CompareJob>& jobs, CompareListener& listener,
                   std::stop_token stop) {
  std::vector<std::unique_ptr<Progress>> tables;
  for (const CompareJob& job : jobs) tables.push_back(std::make_unique<Progress>(job));
  BoundedQueue<std::unique_ptr<Work>> queue(static_cast<size_t>(options_.pairs) * 2);
  TaskGroup group(stop);
  group.Start("compare-plan", [&](std::stop_token token) { Plan(tables, queue, listener, token); });
  for (int i = 0; i < options_.pairs; ++i) {
    group.Start("compare-" + std::to_string(i),
                [&](std::stop_token token) { Compare(queue, listener, token); });
  }
  group.Join();
  if (stop.stop_requested()) throw Stopped();
}

void Comparer::Plan(std::vector<std::unique_ptr<Progress>>& tables,
                    BoundedQueue<std::unique_ptr<Work>>& queue, CompareListener& listener,
                    std::stop_token stop) {
  ComparePair pair(source_, destination_, options_.pair);
  TableComparer comparer = MakeComparer(pair, listener);
  for (auto& table : tables) {
    PlanTable(*table, pair, queue, comparer, stop);
    table->LetGo(listener);
  }
  queue.Close();
}

void Comparer::PlanTable(Progress& table, ComparePair& pair,
                         BoundedQueue<std::unique_ptr<Work>>& queue, TableComparer& comparer,
                         std::stop_token stop) {
  const ComparePlan& plan = *table.job.plan;
  auto push = [&](Way way, KeyRange range) {
    table.open.fetch_add(1);
    auto work = std::make_unique<Work>(Work{&table, way, std::move(range)});
    if (!queue.Push(std::move(work), 1, stop)) throw Stopped();
  };
  const bool can_digest = comparer.CanDigest(table.job, stop);
  if (!plan.orders_alike) return push(can_digest ? Way::kBuckets : Way::kReadAll, {});
  // The ends are open, so that rows below and above all of the source's are found too.
  const Way way = can_digest ? Way::kDigestRange : Way::kReadRange;
  const CompareSizes& sizes = options_.compare.sizes;
  const uint64_t rows = can_digest ? sizes.digest_rows : sizes.read_rows;
  KeyRange rest;
  for (;;) {
    // Counted at the destination, which has less to do than the source; rows that it lacks at the
    // end are found at the source.
    std::optional<KeyTuple> boundary;
    pair.Destination(
        [&](RowReader& reader, auto) { boundary = reader.Boundary(plan.destination, rest, rows); },
        stop);
    if (!boundary) {
      pair.Source(
          [&](RowReader& reader, auto) { boundary = reader.Boundary(plan.source, rest, rows); },
          stop);
    }
    push(way, {rest.after, boundary});
    if (!boundary) return;
    rest.after = boundary;
  }
}

void Comparer::Compare(BoundedQueue<std::unique_ptr<Work>>& queue, CompareListener& listener,
                       std::stop_token stop) {
  ComparePair pair(source_, destination_, options_.pair);
  TableComparer comparer = MakeComparer(pair, listener);
  while (auto popped = queue.Pop(stop)) {
    const std::unique_ptr<Work>& work = *popped;
    const CompareJob& job = work->table->job;
    try {
      switch (work->way) {
        case Way::kDigestRange:
          comparer.DigestRange(job, work->range, stop);
          break;
        case Way::kReadRange:
          comparer.ReadRange(job, work->range, stop);
          break;
        case Way::kBuckets:
          comparer.Buckets(job, stop);
          break;
        case Way::kReadAll:
          comparer.ReadAll(job, stop);
          break;
      }
    } catch (const Error& error) {
      throw error.WithContext("comparing " + job.plan->name().ToString());
    }
    work->table->LetGo(listener);
  }
  if (stop.stop_requested()) throw Stopped();
}

}  // namespace godwit
