// SPDX-License-Identifier: Apache-2.0
#include "pipeline/replay_mapper.h"

#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace godwit {
namespace {

// A row event holds some dozen rows; statements of so few are what a large transaction waits for.
constexpr size_t kStreamRunRows = 2000;
constexpr size_t kStreamRunBytes = 4 << 20;

constexpr std::string_view kStage = "incremental";
constexpr std::string_view kKind = "object";

BlockedItem ItemOf(Sequence sequence, const TableName& name, const Error& error) {
  return {.stage = std::string(kStage),
          .kind = std::string(kKind),
          .object = name.ToString(),
          .statement = "",
          .converted = "",
          .span = {sequence, sequence},
          .error = error};
}

// What earlier runs asked about.
std::set<Sequence> AskedAbout(const Link& link) {
  std::set<Sequence> out;
  for (const Finding& finding : link.metadata.Findings(link.project, "")) {
    if (finding.stage == kStage && finding.kind == kKind) out.insert(SpanOf(finding).first);
  }
  return out;
}

}  // namespace

ReplayMapper::ReplayMapper(Link& link, ReplayTables& tables, const LaneWriter::Options& options)
    : link_(link), tables_(tables), options_(options), asked_(AskedAbout(link)) {}

std::unique_ptr<ReplayTransaction> ReplayMapper::Map(const LoggedTransaction& transaction,
                                                     LogReader& reader, std::stop_token stop) {
  auto out = std::make_unique<ReplayTransaction>();
  out->sequence = transaction.sequence;
  out->source_time_us = transaction.source_time_us;
  LogPart part;
  while (reader.NextPart(part)) {
    GODWIT_CHECK(part.kind == LogPart::Kind::kRows, "a transaction with DDL is marked as such");
    ReplayRows rows;
    if (!MapPart(transaction.sequence, std::move(part.rows), rows, stop)) continue;
    rows.table->conflicts->Append(rows.change, out->keys);
    out->rows += rows.change.ops.size();
    out->bytes += rows.change.before.bytes() + rows.change.after.bytes();
    out->has_live_foreign_keys |= rows.foreign_keys == ForeignKeys::kLive;
    out->parts.push_back(std::move(rows));
  }
  out->keys.Normalize();
  return out;
}

void ReplayMapper::Stream(Sequence sequence, const RunVisitor& visit, std::stop_token stop) {
  RunBuilder builder(kStreamRunRows, visit);
  std::deque<ReplayRows> parts;  // what the builder refers to
  size_t rows = 0;
  size_t bytes = 0;
  auto flush = [&] {
    builder.Flush();
    parts.clear();
    rows = bytes = 0;
  };
  ForEachPart(
      sequence,
      [&](LogPart& part) {
        if (part.kind != LogPart::Kind::kRows) return;
        ReplayRows& mapped = parts.emplace_back();
        if (!MapPart(sequence, std::move(part.rows), mapped, stop)) return parts.pop_back();
        builder.Add(mapped);
        rows += mapped.change.ops.size();
        bytes += mapped.change.before.bytes() + mapped.change.after.bytes();
        if (rows >= kStreamRunRows || bytes >= kStreamRunBytes) flush();
      },
      stop);
  flush();
}

std::vector<SchemaChange> ReplayMapper::SchemaChanges(Sequence sequence, std::stop_token stop) {
  std::vector<SchemaChange> changes;
  bool has_rows = false;
  ForEachPart(
      sequence,
      [&](LogPart& part) {
        if (part.kind == LogPart::Kind::kRows) {
          has_rows = true;
          return;
        }
        GODWIT_CHECK(!has_rows, "a definition precedes the rows it is committed with");
        changes.push_back(std::move(part.ddl));
      },
      stop);
  return changes;
}

void ReplayMapper::ForEachPart(Sequence sequence, const std::function<void(LogPart&)>& visit,
                               std::stop_token stop) {
  auto reader = link_.store.Read(sequence - 1);
  auto transaction = reader->NextTransaction(Deadline::Never(), stop);
  if (!transaction) throw Stopped();
  GODWIT_CHECK(transaction->sequence == sequence, "the Log still holds what is not applied");
  LogPart part;
  while (reader->NextPart(part)) {
    if (stop.stop_requested()) throw Stopped();
    visit(part);
  }
}

bool ReplayMapper::MapPart(Sequence sequence, RowsChange change, ReplayRows& out,
                           std::stop_token stop) {
  out.table = FindTable(sequence, change, stop);
  if (!out.table) return false;
  if (WasGivenUp(sequence, change.table->name)) return false;
  out.mode = tables_.Mode(change.table->name, sequence);
  const bool is_live = out.table->has_live_foreign_keys && change.foreign_key_checks;
  out.foreign_keys = is_live ? ForeignKeys::kLive : ForeignKeys::kOff;
  const bool is_mapped = AskWhileBlocked(
      sequence, change.table->name,
      [&] { out.table->plan->MapChange(std::move(change), out.change); }, stop);
  return is_mapped && !out.change.ops.empty();
}

std::shared_ptr<const ReplayTable> ReplayMapper::FindTable(Sequence sequence,
                                                           const RowsChange& change,
                                                           std::stop_token stop) {
  const TableName& name = change.table->name;
  if (tables_.IsCopied(name, sequence)) return nullptr;
  std::shared_ptr<const ReplayTable> table;
  AskWhileBlocked(
      sequence, name,
      [&] {
        table = RetryTransient(options_.retry, stop, options_.on_transient,
                               [&] { return tables_.Find(change); });
      },
      stop);
  return table;
}

bool ReplayMapper::MayLeaveOut(Sequence sequence) const { return asked_.contains(sequence); }

// Changes that came later may be in place already, and without a key nothing would tell what was
// done by hand from what is done again: an answer is obeyed before that is tried.
bool ReplayMapper::WasGivenUp(Sequence sequence, const TableName& name) {
  if (!asked_.contains(sequence)) return false;
  if (looked_at_.insert({sequence, name}).second) {
    const auto answer = options_.ask.Given(ItemOf(sequence, name, Error(ErrorFields{})));
    if (answer && IsGivenUp(*answer)) left_out_.insert({sequence, name});
  }
  return left_out_.contains({sequence, name});
}

bool ReplayMapper::AskWhileBlocked(Sequence sequence, const TableName& name,
                                   const std::function<void()>& call, std::stop_token stop) {
  for (;;) {
    if (!left_out_.empty() && left_out_.contains({sequence, name})) return false;
    try {
      call();
      return true;
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kBlocked && error.kind() != ErrorKind::kData) throw;
      const Answer answer = options_.ask(ItemOf(sequence, name, error), stop);
      if (IsGivenUp(answer)) left_out_.insert({sequence, name});
    }
  }
}

}  // namespace godwit
