// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <optional>
#include <stop_token>
#include <utility>

#include "base/deadline.h"
#include "base/mutex.h"
#include "model/position.h"

namespace godwit {

// One proof for all who need one: to make it a source is locked for a moment. Thread-safe.
//
// A proved mark says that every read which begins later sees all transactions up to it. That never
// ceases to be true, so any number of reads may follow one proof. As it gets older only more of the
// Log lies behind it: a key that was changed there is not decided by it, and whoever has such a key
// asks for a mark that is not below that change. Example: proved is 100, now the Log ends with 150.
// A key without a change in (100, 150] is as it was at 100; one that was changed by 120 needs a
// mark from 120 on.
class SharedProof {
 public:
  struct Options {
    // Then a new one is made: the Log behind a mark is looked through again and again.
    std::chrono::milliseconds lasts{5'000};
    // At least so long from one to the next.
    std::chrono::milliseconds apart{500};
    // None is tried so long after one that failed.
    std::chrono::milliseconds without{300'000};
  };
  // Proves the mark of this moment; nullopt where the source cannot, or cannot now.
  using Make = std::function<std::optional<Sequence>(std::stop_token)>;

  SharedProof(Make make, Options options) : make_(std::move(make)), options_(options) {}

  // A proved mark not below `at_least`, which is in the Log already; nullopt where there is none.
  std::optional<Sequence> Get(Sequence at_least, std::stop_token stop);

 private:
  const Make make_;
  const Options options_;
  Mutex mutex_;  // held while a proof is made: who comes meanwhile can use that one
  std::optional<Sequence> mark_ GUARDED_BY(mutex_);
  std::optional<Deadline::Clock::time_point> made_ GUARDED_BY(mutex_);  // also one that failed
};

}  // namespace godwit
