// SPDX-License-Identifier: Apache-2.0
#include "pipeline/lane_writer.h"

#include <fmt/format.h>

#include <algorithm>
#include <iterator>
#include <map>
#include <string_view>

#include "base/crash_point.h"
#include "base/error.h"
#include "pipeline/describe_row.h"

namespace godwit {
namespace {

constexpr std::string_view kStage = "incremental";
constexpr size_t kRunRows = 1000;

// "update of id='5'"
std::string Describe(const RowChange& change) {
  const bool is_insert = change.op == ChangeOp::kInsert;
  return fmt::format("{} of {}",
                     is_insert                        ? "insert"
                     : change.op == ChangeOp::kUpdate ? "update"
                                                      : "delete",
                     is_insert ? DescribeRow(*change.plan, *change.after, change.after_row)
                               : DescribeRow(*change.plan, *change.before, change.before_row));
}

// Of both images, the whole of them; an insert has no old one, a delete no new one.
std::string DigestOf(const RowChange& change) {
  const bool has_before = change.op != ChangeOp::kInsert;
  const bool has_after = change.op != ChangeOp::kDelete;
  return fmt::format("{}:{}", has_before ? DigestRow(*change.before, change.before_row) : "",
                     has_after ? DigestRow(*change.after, change.after_row) : "");
}

}  // namespace

// What is known of a transaction that did not go as a whole. Runs and rows are counted from its
// begin, the same in each attempt.
struct LaneWriter::Attempt {
  LogSpan span;
  std::vector<AskedRow> asked;               // in the span, by earlier runs
  std::set<uint64_t> slow_runs;              // applied row by row
  std::map<uint64_t, std::string> left_out;  // rows the user gave up, and their digests

  uint64_t run = 0;
  uint64_t row = 0;
  bool is_row = false;  // the change being applied is `row` alone
  bool is_applying = false;
  BlockedItem item{.error = Error(ErrorFields{})};  // of `row`

  void Rewind() {
    run = row = 0;
    is_row = is_applying = false;
  }
  bool WasAskedAbout(const RowChange& change) const {
    const std::string digest = DigestOf(change);
    return std::any_of(asked.begin(), asked.end(), [&](const AskedRow& a) {
      return a.row.empty() ? a.statement == Describe(change) : a.row == digest;
    });
  }
  // A table's part that the user gave up meanwhile leaves other rows the numbers of those behind
  // it.
  bool IsLeftOut(uint64_t number, const RowChange& change) {
    const auto found = left_out.find(number);
    if (found == left_out.end()) return false;
    if (found->second == DigestOf(change)) return true;
    left_out.erase(found);
    return false;
  }
  // Its error is still to come.
  BlockedItem ItemOf(uint64_t number, const RowChange& change) const {
    const std::string digest = DigestOf(change);
    const auto alike = std::count_if(left_out.begin(), left_out.end(), [&](const auto& entry) {
      return entry.first < number && entry.second == digest;
    });
    return {.stage = std::string(kStage),
            .kind = "row",
            .object = change.plan->table->name.ToString(),
            .statement = Describe(change),
            .converted = "",
            .span = span,
            .row = digest,
            .alike = static_cast<uint64_t>(alike),
            .error = Error(ErrorFields{})};
  }
};

LaneWriter::LaneWriter(Link& link, int lane, const LaneProgress& found, ReplayProgress& progress,
                       const Options& options)
    : link_(link),
      lane_(lane),
      progress_(progress),
      options_(options),
      done_(found.done.begin(), found.done.end()),
      shares_(found.shares),
      asked_(AskedRows(link.metadata, link.project, kStage, progress.applied())) {}

Sink& LaneWriter::OpenSink() {
  if (!sink_) {
    auto sink = link_.destination.OpenSink();
    sink->Attach(link_.name, lane_, link_.epoch);
    sink_ = std::move(sink);
  }
  return *sink_;
}

void LaneWriter::RollBack() {
  if (!sink_) return;
  try {
    sink_->Rollback();
  } catch (const Error&) {
    sink_.reset();  // the server rolls back what a lost connection left
  }
}

LaneProgress LaneWriter::With(std::span<const Sequence> sequences) {
  LaneProgress progress;
  progress.low = progress_.applied();
  done_.erase(done_.begin(), done_.upper_bound(progress.low));
  std::erase_if(shares_, [&](const AppliedShare& s) { return s.last <= progress.low; });
  std::set<Sequence> done = done_;
  for (Sequence sequence : sequences) {
    if (sequence > progress.low) done.insert(sequence);
  }
  progress.done.assign(done.begin(), done.end());
  progress.shares = shares_;
  return progress;
}

void LaneWriter::CommitOnce(const LaneProgress& done, const std::function<void(Sink&)>& write,
                            std::stop_token stop) {
  try {
    Sink& sink = OpenSink();
    sink.Begin(done);
    write(sink);
    CrashPoint("replay-before-commit");
    sink.Commit(stop);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) {
      sink_.reset();  // its connection may be broken
    } else {
      RollBack();
    }
    throw;
  } catch (...) {
    RollBack();
    throw;
  }
  CrashPoint("replay-after-commit");
  done_ = {done.done.begin(), done.done.end()};
  shares_ = done.shares;
  progress_.NoteDurable(done.low);
}

void LaneWriter::Commit(const LaneProgress& done, const std::function<void(Sink&)>& write,
                        std::stop_token stop) {
  RetryTransient(options_.retry, stop, options_.on_transient,
                 [&] { CommitOnce(done, write, stop); });
}

void LaneWriter::SaveProgress(std::stop_token stop) {
  Commit(With({}), [](Sink&) {}, stop);
}

void LaneWriter::Execute(const Statement& statement, std::stop_token stop) {
  Ask([&](Sink& sink) { sink.Execute(statement, stop); });
}

void LaneWriter::AwaitStatements() {
  Ask([](Sink& sink) { sink.AwaitStatements(Sink::Leftover::kTasksToo); });
}

void LaneWriter::Ask(const std::function<void(Sink&)>& call) {
  try {
    call(OpenSink());
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) sink_.reset();  // its connection may be broken
    throw;
  }
}

void LaneWriter::ApplyBatch(const LaneBatch& batch, std::stop_token stop) {
  const bool was_asked_about =
      std::any_of(batch.transactions.begin(), batch.transactions.end(),
                  [&](const auto& t) { return !AskedIn({t->sequence, t->sequence}).empty(); });
  if (!was_asked_about && TryBatch(batch, stop)) return;
  for (const auto& transaction : batch.transactions) {
    ApplyRuns(
        transaction->sequence,
        [&](const RunVisitor& visit) {
          RunBuilder builder(kRunRows, visit);
          for (const ReplayRows& rows : transaction->parts) builder.Add(rows);
          builder.Flush();
        },
        stop);
  }
}

// False when one of its rows cannot go: nothing of it is in the destination then.
bool LaneWriter::TryBatch(const LaneBatch& batch, std::stop_token stop) {
  std::vector<Sequence> sequences;
  for (const auto& transaction : batch.transactions) sequences.push_back(transaction->sequence);
  try {
    Commit(
        With(sequences),
        [&](Sink& sink) {
          const RunVisitor visit = [&](const ChangeRun& run) {
            sink.Apply(run.changes, run.mode, run.foreign_keys);
          };
          RunBuilder builder(kRunRows, visit);
          for (const auto& transaction : batch.transactions) {
            for (const ReplayRows& rows : transaction->parts) builder.Add(rows);
          }
          builder.Flush();
        },
        stop);
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kData) throw;
    return false;
  }
  progress_.Complete(sequences);
  return true;
}

void LaneWriter::ApplyRuns(Sequence sequence, const Runs& runs, std::stop_token stop) {
  const std::vector<Sequence> sequences{sequence};
  ApplyCarefully({sequence, sequence}, [&] { return With(sequences); }, runs, stop);
  progress_.Complete(sequences);
}

void LaneWriter::ApplyShare(const AppliedShare& share, const Runs& runs, std::stop_token stop) {
  auto done = [&] {
    LaneProgress progress = With({});
    progress.shares.push_back(share);
    return progress;
  };
  ApplyCarefully({share.first, share.last}, done, runs, stop);
}

void LaneWriter::ApplyCarefully(LogSpan span, const std::function<LaneProgress()>& done,
                                const Runs& runs, std::stop_token stop) {
  Attempt attempt;
  attempt.span = span;
  attempt.asked = AskedIn(span);
  for (;;) {
    try {
      Commit(
          done(),
          [&](Sink& sink) {
            attempt.Rewind();
            runs([&](const ChangeRun& run) {
              if (stop.stop_requested()) throw Stopped();
              ApplyRun(sink, run, attempt);
            });
            attempt.is_applying = false;
          },
          stop);
      return;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kData || !attempt.is_applying) throw;
      if (attempt.is_row) {
        AskAbout(attempt, error, stop);
      } else {
        attempt.slow_runs.insert(attempt.run);
      }
    }
  }
}

void LaneWriter::ApplyRun(Sink& sink, const ChangeRun& run, Attempt& attempt) {
  ++attempt.run;
  const uint64_t first = attempt.row + 1;
  if (!attempt.asked.empty()) ObeyGiven(run, attempt);
  attempt.is_applying = true;
  attempt.is_row = attempt.slow_runs.contains(attempt.run);
  if (!attempt.is_row) {
    sink.Apply(run.changes, run.mode, run.foreign_keys);
    attempt.row += run.changes.size();
    return;
  }
  for (size_t i = 0; i < run.changes.size(); ++i) {
    attempt.row = first + i;
    if (attempt.IsLeftOut(attempt.row, run.changes[i])) continue;
    attempt.item = attempt.ItemOf(attempt.row, run.changes[i]);
    sink.Apply(run.changes.subspan(i, 1), run.mode, run.foreign_keys);
  }
}

void LaneWriter::AskAbout(Attempt& attempt, const Error& error, std::stop_token stop) {
  BlockedItem& item = attempt.item;
  item.error = error.WithContext(item.statement);
  if (IsGivenUp(options_.ask(item, stop))) attempt.left_out[attempt.row] = item.row;
}

std::vector<AskedRow> LaneWriter::AskedIn(LogSpan span) const {
  std::vector<AskedRow> found;
  std::copy_if(asked_.begin(), asked_.end(), std::back_inserter(found),
               [&](const AskedRow& asked) { return Overlap(asked.span, span); });
  return found;
}

// Leaves out of a run, before it is tried, what was given up in tables without a key.
void LaneWriter::ObeyGiven(const ChangeRun& run, Attempt& attempt) const {
  for (size_t i = 0; i < run.changes.size(); ++i) {
    const RowChange& change = run.changes[i];
    const uint64_t row = attempt.row + 1 + i;
    if (!change.plan->key.empty() || !attempt.WasAskedAbout(change)) continue;
    if (attempt.IsLeftOut(row, change)) continue;
    const BlockedItem item = attempt.ItemOf(row, change);
    const auto answer = options_.ask.Given(item);
    if (!answer || !IsGivenUp(*answer)) continue;
    attempt.left_out[row] = item.row;
    attempt.slow_runs.insert(attempt.run);
  }
}

}  // namespace godwit
