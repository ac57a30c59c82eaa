// SPDX-License-Identifier: Apache-2.0
#include "pipeline/throttle.h"

#include <algorithm>

#include "base/deadline.h"
#include "base/error.h"

namespace godwit {
namespace {

constexpr auto kHoldPoll = std::chrono::milliseconds(500);

}  // namespace

void Throttle::Pass(uint64_t rows, uint64_t bytes, std::stop_token stop) {
  if (!options_.rates) return;
  Rates rates = options_.rates();
  double seconds = 0;
  if (rates.rows_per_second != 0) seconds = double(rows) / double(rates.rows_per_second);
  if (rates.bytes_per_second != 0) {
    seconds = std::max(seconds, double(bytes) / double(rates.bytes_per_second));
  }
  if (seconds == 0) return;
  Clock::time_point start;
  {
    MutexLock lock(mutex_);
    start = std::max(free_at_, Clock::now());
    free_at_ =
        start + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(seconds));
  }
  auto wait = std::chrono::duration_cast<std::chrono::milliseconds>(start - Clock::now());
  if (wait.count() > 0 && WaitForStop(stop, Deadline::In(wait))) throw Stopped();
}

void Throttle::WaitWhileHeld(Reading reading, std::stop_token stop) {
  if (!options_.hold) return;
  bool is_held = false;
  while (std::optional<Error> reason = options_.hold(reading)) {
    is_held = true;
    if (options_.on_hold) options_.on_hold(&*reason);
    if (WaitForStop(stop, Deadline::In(kHoldPoll))) throw Stopped();
  }
  if (is_held && options_.on_hold) options_.on_hold(nullptr);
}

}  // namespace godwit
