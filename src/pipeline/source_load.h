// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "base/mutex.h"
#include "base/retry.h"
#include "endpoint/endpoint.h"
#include "model/project_spec.h"
#include "pipeline/throttle.h"

namespace godwit {

// Says when the copy must wait for its source: too many old row versions kept there, or a replica
// of it too far behind. Limits are read at each call, the servers asked once a second. Thread-safe.
class SourceLoad {
 public:
  // `open` connects to a replica by its URL. `limits` outlives this.
  SourceLoad(Endpoint& source, std::vector<std::string> replicas, const Limits& limits,
             std::function<std::unique_ptr<Endpoint>(const std::string& url)> open);

  // A transient error that says why, for people; nullopt: go on. A server that cannot be asked is a
  // reason to wait too; throws only what it refuses from the first.
  std::optional<Error> Hold(Throttle::Reading reading);

 private:
  using Clock = std::chrono::steady_clock;
  struct Replica {
    std::string url;
    std::unique_ptr<Endpoint> endpoint;
    std::unique_ptr<SourceWatch> watch;
    bool has_told = false;  // ever
  };

  std::optional<Error> AskHistory() REQUIRES_LOCK(mutex_);
  std::optional<Error> AskReplica(Replica& replica) REQUIRES_LOCK(mutex_);

  Endpoint& source_;
  const Limits& limits_;
  const std::function<std::unique_ptr<Endpoint>(const std::string&)> open_;
  Mutex mutex_;
  std::unique_ptr<SourceWatch> watch_ GUARDED_BY(mutex_);
  bool has_told_history_ GUARDED_BY(mutex_) = false;
  std::vector<Replica> replicas_ GUARDED_BY(mutex_);
  Clock::time_point asked_at_ GUARDED_BY(mutex_);
  std::optional<Error> history_ GUARDED_BY(mutex_);
  std::optional<Error> replica_ GUARDED_BY(mutex_);
};

// Writes the heartbeat row once; empty where the project has none.
ChangeReader::Mark MarkOf(Endpoint& source, const std::string& link, const ProjectSpec& spec);

// Writes the source's heartbeat row every heartbeat_seconds until stopped; what fails is retried
// for as long as it takes, and told to `on_transient`. Throws Stopped.
void RunHeartbeat(Endpoint& source, const std::string& link, const ProjectSpec& spec,
                  const std::function<void(const Error*)>& on_transient, std::stop_token stop);

}  // namespace godwit
