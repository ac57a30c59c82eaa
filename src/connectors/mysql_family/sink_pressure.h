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
    if (use) {
      value_ = *use;
      known_at_ = now;
    } else if (known_at_ && now - *known_at_ > kLongestSilence) {
      value_ = 0;  // it does not tell any more
      known_at_.reset();
    }
    due_ = now + (known_at_ ? kAge : kUnknownAge);
  }
  // The server was asked, and gave up for want of time.
  void NoteTimeout(Time now) { due_ = now + kAge; }
  double value() const { return value_; }

 private:
  static constexpr std::chrono::seconds kAge{1};
  static constexpr std::chrono::seconds kUnknownAge{3600};
  static constexpr std::chrono::seconds kLongestSilence{120};

  double value_ = 0;
  std::optional<Time> known_at_;
  Time due_{};
};

}  // namespace godwit::mysql
