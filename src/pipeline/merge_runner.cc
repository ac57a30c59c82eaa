// SPDX-License-Identifier: Apache-2.0
#include "pipeline/merge_runner.h"

#include <atomic>
#include <string>

#include "base/error.h"
#include "base/task_group.h"

namespace godwit {
namespace {

constexpr size_t kWindowBytes = 32 << 20;
constexpr size_t kWindowTransactions = 50'000;
constexpr size_t kWindowRows = 200'000;
constexpr size_t kRunRows = 2000;
// Below this, taking transactions apart is not worth a barrier.
constexpr size_t kFewestTransactions = 16;

bool IsFull(const MergeRunner::Applied& window) {
  return window.bytes >= kWindowBytes || window.transactions >= kWindowTransactions ||
         window.rows >= kWindowRows;
}

}  // namespace

MergeRunner::MergeRunner(Link& link, ReplayMapper& mapper, ReplayProgress& progress,
                         std::vector<std::unique_ptr<LaneWriter>>& writers)
    : link_(link), mapper_(mapper), progress_(progress), writers_(writers) {}

std::optional<MergeRunner::Applied> MergeRunner::Run(Sequence first, std::stop_token stop) {
  if (mapper_.has_left_out()) return {};
  const auto shares = static_cast<uint32_t>(writers_.size());
  Collected collected = Collect(first, {}, shares, stop);
  bool is_worth_it = collected.totals.transactions >= kFewestTransactions;
  if (!is_worth_it || mapper_.has_left_out()) return {};
  Apply(*collected.window, {first, collected.totals.last, shares, collected.window->cut(), {}},
        stop);
  return collected.totals;
}

MergeRunner::Applied MergeRunner::Finish(const ReplayProgress::OpenWindow& open,
                                         std::stop_token stop) {
  Collected collected = Collect(open.first, open.last, open.shares, stop);
  const bool is_same = !mapper_.has_left_out() && collected.totals.last == open.last &&
                       collected.window->cut() == open.cut;
  if (!is_same) {
    throw Error({.code = "MERGE_WINDOW_CHANGED",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = link_.name,
                 .message = "a merged window of transactions cannot be built again as it was",
                 .cause = "it was cut off half-way, and since then a table of it or one of its "
                          "unique keys was changed at the destination, or transactions of it were "
                          "taken from the store",
                 .remedy = "bring back what was changed until the window is through (answer its "
                           "rows with --skip where they are blocked), and resume the project"});
  }
  Apply(*collected.window, open, stop);
  return collected.totals;
}

MergeRunner::Collected MergeRunner::Collect(Sequence first, std::optional<Sequence> last,
                                            uint32_t shares, std::stop_token stop) {
  Collected out{std::make_unique<MergeWindow>(shares), {}};
  const auto& unfinished = progress_.open_window();
  auto reader = link_.store.Read(first - 1);
  while (last ? out.totals.last < *last : !IsFull(out.totals)) {
    auto transaction = reader->NextTransaction(Deadline::In(std::chrono::milliseconds(0)), stop);
    if (!transaction) break;
    if (!last) {
      bool is_apart = transaction->is_ddl || !IsHeld(*transaction) ||
                      progress_.IsDone(transaction->sequence) ||
                      mapper_.MayLeaveOut(transaction->sequence) ||
                      (unfinished && unfinished->first == transaction->sequence);
      if (is_apart) break;
    }
    auto mapped = mapper_.Map(*transaction, *reader, stop);
    if (mapped->has_live_foreign_keys) break;
    out.totals.last = transaction->sequence;
    out.totals.source_time_us = transaction->source_time_us;
    ++out.totals.transactions;
    out.totals.rows += mapped->rows;
    out.totals.bytes += mapped->bytes;
    out.window->Add(std::move(mapped));
  }
  out.window->Cut();
  return out;
}

void MergeRunner::Apply(const MergeWindow& window, const ReplayProgress::OpenWindow& open,
                        std::stop_token stop) {
  std::atomic<uint32_t> finished{0};
  TaskGroup group(stop);
  const size_t lanes = writers_.size();
  for (size_t lane = 0; lane < lanes; ++lane) {
    group.Start("merge-" + std::to_string(lane), [&, lane](std::stop_token s) {
      for (auto share = static_cast<uint32_t>(lane); share < open.shares;
           share += static_cast<uint32_t>(lanes)) {
        if (window.rows_of(share) != 0 && !open.applied.contains(share)) {
          writers_[lane]->ApplyShare(
              {open.first, open.last, open.shares, share, open.cut},
              [&](const RunVisitor& visit) { window.Visit(share, kRunRows, visit); }, s);
        }
        finished.fetch_add(1);
      }
    });
  }
  group.Join();
  if (finished.load() != open.shares) throw Stopped();
  progress_.CompleteAll(open.first, open.last);
  // A share without rows has left no word of itself: without one the window would look unfinished.
  for (uint32_t share = 0; share < open.shares; ++share) {
    if (window.rows_of(share) == 0) return writers_[0]->SaveProgress(stop);
  }
}

}  // namespace godwit
