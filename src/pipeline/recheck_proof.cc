// SPDX-License-Identifier: Apache-2.0
#include "pipeline/recheck_proof.h"

#include "base/error.h"

namespace godwit {

std::optional<Sequence> SharedProof::Get(Sequence at_least, std::stop_token stop) {
  MutexLock lock(mutex_);
  if (made_) {
    const auto age =
        std::chrono::duration_cast<std::chrono::milliseconds>(Deadline::Clock::now() - *made_);
    if (!mark_ && age < options_.without) return std::nullopt;
    if (mark_ && *mark_ >= at_least && age < options_.lasts) return mark_;
    const auto rest = mark_ ? options_.apart - age : std::chrono::milliseconds(0);
    if (rest.count() > 0 && WaitForStop(stop, Deadline::In(rest))) throw Stopped();
  }
  mark_ = make_(stop);
  made_ = Deadline::Clock::now();
  return mark_;
}

}  // namespace godwit
