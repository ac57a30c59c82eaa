// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <stop_token>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "pipeline/compare_table.h"

namespace godwit {

// Compares tables of a source and a destination, several pieces at a time. One thread cuts tables
// into pieces, each of `pairs` threads compares pieces over a connection to each side. How a table
// is compared:
//   key both sides order alike, digests     ranges by digests, differing ones read
//   key both sides order alike, no digests  ranges read and matched
//   other key or none, digests              hash buckets, differing ones read
//   other key or none, no digests           both sides read once, matched by row hash
// Suspects are judged at once (Rechecker). Memory is bounded whatever the tables hold.
class Comparer {
 public:
  struct Options {
    int pairs = 4;
    ComparePair::Options pair;
    std::function<Throttle::Rates()> rates;
    CompareOptions compare;
  };

  // `watch`: null where nothing is replayed meanwhile. Owns nothing of what it is given.
  Comparer(Endpoint& source, Endpoint& destination, ChangeWatch* watch, Options options);

  // Returns when every table is compared. Throws Stopped.
  void Run(const std::vector<CompareJob>& jobs, CompareListener& listener, std::stop_token stop);

 private:
  enum class Way { kDigestRange, kReadRange, kBuckets, kReadAll };
  struct Progress;
  struct Work {
    Progress* table = nullptr;
    Way way = Way::kReadAll;
    KeyRange range;
  };

  void Plan(std::vector<std::unique_ptr<Progress>>& tables,
            BoundedQueue<std::unique_ptr<Work>>& queue, CompareListener& listener,
            std::stop_token stop);
  void PlanTable(Progress& table, ComparePair& pair, BoundedQueue<std::unique_ptr<Work>>& queue,
                 TableComparer& comparer, std::stop_token stop);
  void Compare(BoundedQueue<std::unique_ptr<Work>>& queue, CompareListener& listener,
               std::stop_token stop);
  TableComparer MakeComparer(ComparePair& pair, CompareListener& listener);

  Endpoint& source_;
  Endpoint& destination_;
  ChangeWatch* watch_;
  const Options options_;
  Throttle throttle_;
};

}  // namespace godwit
