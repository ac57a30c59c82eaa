// SPDX-License-Identifier: Apache-2.0
#include "project/run_state.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "stage/journal.h"

namespace godwit {
namespace {

constexpr int64_t kGrowth = 10;
constexpr auto kSpeedOver = std::chrono::seconds(10);

}  // namespace

void RunState::Choose(const ProjectSpec& spec) {
  MutexLock lock(mutex_);
  stages_.clear();
  auto add = [&](const char* name) REQUIRES_LOCK(mutex_) {
    Entry entry;
    entry.view.name = name;
    entry.view.status = "pending";
    stages_.push_back(std::move(entry));
  };
  const bool schema = spec.Has(MigrationType::kSchema);
  const bool full = spec.Has(MigrationType::kFull);
  const bool incremental = spec.Has(MigrationType::kIncremental);
  add("precheck");
  if (schema) add("schema");
  if (incremental) add("capture");
  if (full) add("full");
  if (full || schema) add("indexes");
  if (incremental) add("incremental");
  if (spec.Has(MigrationType::kVerification)) add("verification");
}

void RunState::SetState(const std::string& state) {
  MutexLock lock(mutex_);
  state_ = state;
}

void RunState::SetTransient(const Error* error) {
  MutexLock lock(mutex_);
  if (error == nullptr) {
    transient_.reset();
  } else {
    transient_ = error->fields();
  }
}

RunState::Entry& RunState::Find(const std::string& name) {
  for (Entry& entry : stages_) {
    if (entry.view.name == name) return entry;
  }
  Entry entry;
  entry.view.name = name;
  stages_.push_back(std::move(entry));
  return stages_.back();
}

void RunState::Begin(const std::string& name, const Stage* stage) {
  MutexLock lock(mutex_);
  Entry& entry = Find(name);
  entry.stage = stage;
  entry.begin = Clock::now();
  entry.view.status = "running";
}

void RunState::End(const std::string& name, const std::string& status) {
  MutexLock lock(mutex_);
  Entry& entry = Find(name);
  Refresh(entry);
  entry.stage = nullptr;
  entry.view.status = status;
}

void RunState::Skip(const std::string& name, const std::string& status) {
  MutexLock lock(mutex_);
  Find(name).view.status = status;
}

void RunState::SetRows(const std::string& name, uint64_t rows) {
  MutexLock lock(mutex_);
  Find(name).view.rows = static_cast<int64_t>(rows);
}

void RunState::SetFlow(Flow flow) {
  MutexLock lock(mutex_);
  (flow == Flow::kCapturing ? capturing_ : replaying_) = true;
}

void RunState::Watch(const CaptureCounters* capture, const ReplayCounters* replay, Store* store) {
  MutexLock lock(mutex_);
  capture_ = capture;
  replay_ = replay;
  store_ = store;
  samples_.clear();
}

void RunState::SetReplayer(const Replayer* replayer) {
  MutexLock lock(mutex_);
  replayer_ = replayer;
}

void RunState::Unwatch() {
  MutexLock lock(mutex_);
  last_flow_ = ReadFlow();
  capturing_ = replaying_ = false;
  last_flow_.capturing = last_flow_.replaying = false;
  for (Entry& entry : stages_) {
    const bool is_flow = entry.view.name == "capture" || entry.view.name == "incremental";
    if (is_flow && entry.view.status == "running") {
      Refresh(entry);
      entry.view.status = "stopped";
    }
  }
  capture_ = nullptr;
  replay_ = nullptr;
  replayer_ = nullptr;
  store_ = nullptr;
  samples_.clear();
}

void RunState::Sample() {
  MutexLock lock(mutex_);
  if (capture_ == nullptr) return;
  const auto now = Clock::now();
  while (samples_.size() > 1 && now - samples_[1].at >= kSpeedOver) samples_.pop_front();
  samples_.push_back({now, ReadFlow()});
}

void RunState::Refresh(Entry& entry) {
  if (entry.view.status != "running") return;
  entry.view.seconds = std::chrono::duration<double>(Clock::now() - entry.begin).count();
  if (entry.stage == nullptr) return;
  const StageProgress& progress = entry.stage->progress();
  entry.view.unit = progress.unit;
  entry.view.done = progress.done.Get();
  entry.view.total = progress.total.Get();
  // The total is an estimate that has turned out too low: by how much nobody knows.
  if (entry.view.done > entry.view.total && entry.view.total > 0) {
    entry.view.total = entry.view.done + entry.view.done / kGrowth;
  }
  entry.view.rows = progress.rows.Get();
  entry.view.bytes = progress.bytes.Get();
}

FlowView RunState::ReadFlow() const {
  if (capture_ == nullptr) return last_flow_;
  FlowView flow;
  flow.capturing = capturing_;
  flow.replaying = replaying_;
  flow.captured_transactions = capture_->transactions.Get();
  flow.captured_rows = capture_->rows.Get();
  flow.captured_bytes = capture_->bytes.Get();
  flow.replayed_transactions = replay_->transactions.Get();
  flow.replayed_rows = replay_->rows.Get();
  flow.replayed_bytes = replay_->bytes.Get();
  flow.source_time_us = replay_->source_time_us.Get();
  flow.latency_us = replay_->latency_us.Get();
  flow.log_last = store_->last();
  flow.applied = replayer_ == nullptr ? 0 : replayer_->applied();
  const StoreStatus kept = store_->status();
  flow.store_bytes = kept.bytes;
  flow.store_first_time_us = kept.first_time_us;
  if (samples_.empty()) return flow;
  const FlowView& then = samples_.front().flow;
  const double seconds = std::chrono::duration<double>(Clock::now() - samples_.front().at).count();
  if (seconds < 0.5) return flow;
  auto per_second = [&](int64_t before, int64_t now) {
    return static_cast<double>(std::max<int64_t>(0, now - before)) / seconds;
  };
  flow.captured_bytes_per_second = per_second(then.captured_bytes, flow.captured_bytes);
  flow.replayed_bytes_per_second = per_second(then.replayed_bytes, flow.replayed_bytes);
  flow.replayed_rows_per_second = per_second(then.replayed_rows, flow.replayed_rows);
  return flow;
}

ProjectView RunState::View() const {
  MutexLock lock(mutex_);
  ProjectView view;
  view.state = state_;
  view.transient = transient_;
  for (const Entry& entry : stages_) {
    Entry copy = entry;
    Refresh(copy);
    view.stages.push_back(std::move(copy.view));
  }
  view.flow = ReadFlow();
  return view;
}

std::pair<std::string, std::string> StateAfter(const ProjectRecord& before, bool has_begun,
                                               const RunOptions& options, const RunOutcome& ended) {
  const bool has_verdict = ended.status == "inconsistent" || ended.status == "unsettled";
  const bool had_verdict = before.state == "inconsistent" || before.state == "unsettled";
  const bool is_whole = ended.status == "completed" && options.tables.empty();
  switch (options.purpose) {
    case RunPurpose::kMigrate:
      break;
    case RunPurpose::kPrecheck:
      if (has_begun) return {before.state, before.cause};
      if (ended.status == "completed") return {"not_started", ""};
      break;
    case RunPurpose::kCompare:
      if (!has_begun || has_verdict || (had_verdict && is_whole)) break;
      return {before.state, before.cause};
  }
  std::string cause;
  if (ended.error) {
    cause = ToJson(*ended.error).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
  }
  return {ended.status == "completed_unverified" ? "completed" : ended.status, std::move(cause)};
}

}  // namespace godwit
