// SPDX-License-Identifier: Apache-2.0
#include "pipeline/source_load.h"

#include <fmt/format.h>

#include "base/deadline.h"

namespace godwit {
namespace {

constexpr auto kAskEvery = std::chrono::seconds(1);

Error Busy(std::string object, std::string message) {
  return Error({.code = "SOURCE_BUSY",
                .kind = ErrorKind::kTransient,
                .side = Side::kSource,
                .object = std::move(object),
                .message = std::move(message),
                .cause = "the copy waits: a limit of the project is reached",
                .remedy =
                    "nothing: it goes on by itself; end long transactions at the source, mend "
                    "the replica, or raise the limit in [limits]"});
}

}  // namespace

SourceLoad::SourceLoad(Endpoint& source, std::vector<std::string> replicas, const Limits& limits,
                       std::function<std::unique_ptr<Endpoint>(const std::string&)> open)
    : source_(source), limits_(limits), open_(std::move(open)) {
  for (std::string& url : replicas) replicas_.push_back({std::move(url), nullptr, nullptr, false});
}

std::optional<Error> SourceLoad::Hold(Throttle::Reading reading) {
  if (limits_.history_length == 0 && limits_.replica_lag_seconds == 0) return {};
  MutexLock lock(mutex_);
  if (Clock::now() - asked_at_ >= kAskEvery) {
    history_ = AskHistory();
    replica_.reset();
    for (Replica& replica : replicas_) {
      if (!replica_) replica_ = AskReplica(replica);
    }
    asked_at_ = Clock::now();
  }
  // A snapshot that waits is itself why the history grows.
  if (history_ && reading == Throttle::Reading::kChunk) return history_;
  return replica_;
}

std::optional<Error> SourceLoad::AskHistory() {
  const uint64_t limit = limits_.history_length;
  if (limit == 0) return {};
  try {
    if (!watch_) watch_ = source_.OpenSourceWatch();
    if (!watch_) return {};
    const uint64_t length = watch_->HistoryLength().value_or(0);
    has_told_history_ = true;
    if (length <= limit) return {};
    return Busy(
        "", fmt::format("the source keeps {} old row versions, the limit is {}", length, limit));
  } catch (const Error& error) {
    // What has worked will again; else nobody would ever learn of it.
    if (error.kind() != ErrorKind::kTransient && !has_told_history_) throw;
    watch_.reset();
    return error;
  }
}

std::optional<Error> SourceLoad::AskReplica(Replica& replica) {
  const uint64_t limit = limits_.replica_lag_seconds;
  if (limit == 0) return {};
  try {
    if (!replica.endpoint) replica.endpoint = open_(replica.url);
    if (!replica.watch) replica.watch = replica.endpoint->OpenSourceWatch();
    if (!replica.watch) return {};
    const auto lag = replica.watch->ReplicaLagSeconds();
    replica.has_told = true;
    if (lag && *lag <= limit) return {};
    return Busy(replica.url,
                lag ? fmt::format("the replica is {} s behind, the limit is {} s", *lag, limit)
                    : "the replica does not replicate");
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kTransient && !replica.has_told) throw;
    replica.watch.reset();
    replica.endpoint.reset();
    return error;
  }
}

ChangeReader::Mark MarkOf(Endpoint& source, const std::string& link, const ProjectSpec& spec) {
  if (spec.heartbeat_database.empty()) return {};
  return [&source, link, database = spec.heartbeat_database] {
    if (auto watch = source.OpenSourceWatch()) watch->Beat(database, link);
  };
}

void RunHeartbeat(Endpoint& source, const std::string& link, const ProjectSpec& spec,
                  const std::function<void(const Error*)>& on_transient, std::stop_token stop) {
  std::unique_ptr<SourceWatch> watch;
  bool has_failed = false;
  for (;;) {
    try {
      if (!watch) watch = source.OpenSourceWatch();
      if (!watch) throw Stopped();
      watch->Beat(spec.heartbeat_database, link);
      if (std::exchange(has_failed, false)) on_transient(nullptr);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kTransient) throw;
      watch.reset();
      has_failed = true;
      on_transient(&error);
    }
    const auto pause = std::chrono::seconds(std::max<uint64_t>(1, spec.limits.heartbeat_seconds));
    if (WaitForStop(stop, Deadline::In(pause))) throw Stopped();
  }
}

}  // namespace godwit
