// SPDX-License-Identifier: Apache-2.0
// The part of Loader that asks about rows which the destination does not take.
#include "base/deadline.h"
#include "pipeline/loader.h"

namespace godwit {
namespace {

constexpr auto kAskAgain = std::chrono::milliseconds(200);

}  // namespace

// What was refused before the last --retry may fit now, and is tried without a question.
void Loader::AskAboutChunks(std::stop_token stop) {
  while (auto blocked = blocked_.Pop(stop)) {
    bool is_news = false;
    {
      MutexLock lock(mutex_);
      is_news = blocked->retries == retries_;
    }
    if (is_news) AskAboutRows(*blocked, stop);
    {
      MutexLock lock(mutex_);
      --put_aside_;
    }
    if (!queue_.Push(std::move(blocked->work), 1, stop)) throw Stopped();
  }
  if (stop.stop_requested()) throw Stopped();
}

void Loader::AskAboutRows(const BlockedWork& blocked, std::stop_token stop) {
  const CopyJob& job = *blocked.work.job;
  for (const UnfitRow& row : blocked.unfit) {
    left_out_.Note(job.source->name, row, Ask(ItemOf(job.plan->destination()->name, row), stop));
    if (left_out_.Contains(job.source->name, row)) continue;
    MutexLock lock(mutex_);
    ++retries_;
    return;
  }
}

// Without an answer the run ends when nothing else can be copied.
Answer Loader::Ask(const BlockedItem& item, std::stop_token stop) {
  for (;;) {
    bool is_last = false;
    {
      MutexLock lock(mutex_);
      is_last = is_planned_ && unfinished_ == put_aside_;
    }
    try {
      return options_.ask(item, stop);
    } catch (const Error&) {
      if (is_last) throw;
    }
    if (WaitForStop(stop, Deadline::In(kAskAgain))) throw Stopped();
  }
}

}  // namespace godwit
