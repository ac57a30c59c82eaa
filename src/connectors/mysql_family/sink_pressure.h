// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <optional>

namespace godwit::mysql {

// What was last heard of how full the destination is, from 0 to 1. A server that has told once and
// does not now has no time for it, under load of all things: it is as full as it was, and is asked
// again as soon as ever. One that has never told does not know, or must not say.
class PressureReading {
 public:
  using Time = std::chrono::steady_clock::time_point;

  bool is_due(Time now) const { return now >= due_; }
  void Note(std::optional<double> use, Time now) {
    is_known_ = is_known_ || use.has_value();
    value_ = use.value_or(value_);
    due_ = now + (is_known_ ? kAge : kUnknownAge);
  }
  // The server was asked, and gave up for want of time.
  void NoteTimeout(Time now) { due_ = now + kAge; }
  double value() const { return value_; }

 private:
  static constexpr std::chrono::seconds kAge{1};
  static constexpr std::chrono::seconds kUnknownAge{3600};

  double value_ = 0;
  bool is_known_ = false;
  Time due_{};
};

}  // namespace godwit::mysql
