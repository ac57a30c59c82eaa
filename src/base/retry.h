// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <exception>
#include <functional>
#include <optional>
#include <stop_token>
#include <type_traits>

#include "base/deadline.h"
#include "base/error.h"

namespace godwit {

struct RetryPolicy {
  std::chrono::milliseconds first_wait{200};
  std::chrono::milliseconds longest_wait{5000};
  // How long transient errors may go on before they reach the user.
  std::chrono::milliseconds give_up_after{std::chrono::minutes(10)};
  // An attempt that lasted this long had worked: its error is the first one again.
  std::chrono::milliseconds works_after{std::chrono::minutes(2)};

  // What to wait after this wait, while errors go on.
  std::chrono::milliseconds Next(std::chrono::milliseconds wait) const {
    return std::min(wait * 2, longest_wait);
  }
};

// Runs `attempt` until it returns; transient errors are told to `on_transient` (shown while they
// last; called with nullptr once it works again) and retried with exponential back-off. Other
// errors, and the last one after give_up_after, pass through. Throws Stopped on stop. An attempt
// that goes on after it has recovered takes a `const std::function<void()>&` and calls it then.
template <typename Attempt>
auto RetryTransient(const RetryPolicy& policy, std::stop_token stop,
                    const std::function<void(const Error*)>& on_transient, Attempt attempt) {
  using SteadyClock = std::chrono::steady_clock;
  auto wait = policy.first_wait;
  std::optional<Deadline> give_up;  // set while errors go on
  const std::function<void()> works = [&] {
    if (!give_up) return;
    give_up.reset();
    wait = policy.first_wait;
    if (on_transient) on_transient(nullptr);
  };
  struct Recovered {
    const std::function<void()>& works;
    int exceptions = std::uncaught_exceptions();
    ~Recovered() {
      if (std::uncaught_exceptions() == exceptions) works();
    }
  } recovered{works};
  for (;;) {
    if (stop.stop_requested()) throw Stopped();
    const auto begin = SteadyClock::now();
    try {
      if constexpr (std::is_invocable_v<Attempt, const std::function<void()>&>) {
        return attempt(works);
      } else {
        return attempt();
      }
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kTransient) throw;
      if (SteadyClock::now() - begin >= policy.works_after) {
        give_up.reset();
        wait = policy.first_wait;
      }
      if (!give_up) give_up = Deadline::In(policy.give_up_after);
      if (give_up->has_passed()) throw;
      if (on_transient) on_transient(&error);
    }
    if (WaitForStop(stop, Deadline::In(wait))) throw Stopped();
    wait = policy.Next(wait);
  }
}

}  // namespace godwit
