// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <stop_token>

#include "base/error.h"
#include "base/mutex.h"

namespace godwit {

// Bounds the load on a source: rows and bytes per second over all readers, and whatever else holds
// reading up. Thread-safe.
class Throttle {
 public:
  struct Rates {
    uint64_t rows_per_second = 0;  // 0: no limit
    uint64_t bytes_per_second = 0;
  };
  // What is to be read. A snapshot that waits only makes the source keep more for it.
  enum class Reading { kChunk, kSnapshot };
  struct Options {
    std::function<Rates()> rates;
    // Why reading must wait now; nullopt: it need not. Cheap; asked again and again.
    std::function<std::optional<Error>(Reading)> hold;
    // Told of the reason while it lasts, nullptr when it is over.
    std::function<void(const Error*)> on_hold;
  };

  explicit Throttle(Options options) : options_(std::move(options)) {}

  // Waits until these may pass. Throws Stopped.
  void Pass(uint64_t rows, uint64_t bytes, std::stop_token stop);
  // Waits while something holds reading up; called with nothing open at the source but what
  // `reading` says. Throws Stopped.
  void WaitWhileHeld(Reading reading, std::stop_token stop);

 private:
  using Clock = std::chrono::steady_clock;

  const Options options_;
  Mutex mutex_;
  Clock::time_point free_at_ GUARDED_BY(mutex_) = Clock::now();
};

}  // namespace godwit
