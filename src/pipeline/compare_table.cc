// SPDX-License-Identifier: Apache-2.0
#include "pipeline/compare_table.h"

#include <algorithm>

#include "base/error.h"

namespace godwit {

namespace {

constexpr size_t kBatchRows = 2'000;
constexpr size_t kBatchBytes = 1 << 20;
constexpr size_t kKeysPerSettle = 1'000;
constexpr uint64_t kPieces = 8;

}  // namespace

bool TableComparer::CanDigest(const CompareJob& job, std::stop_token stop) {
  if (job.plan->plan->has_filter()) return false;
  const auto& normal = job.plan->normal;
  if (!std::all_of(normal.begin(), normal.end(), IsWrittenAlike)) return false;
  bool source = false;
  bool destination = false;
  pair_.Both(
      [&](RowReader& reader, auto) { source = reader.CanDigest(job.plan->source); },
      [&](RowReader& reader, auto) { destination = reader.CanDigest(job.plan->destination); },
      stop);
  return source && destination;
}

void TableComparer::DigestRange(const CompareJob& job, const KeyRange& range,
                                std::stop_token stop) {
  const ComparePlan& plan = *job.plan;
  const DigestStrength strength = StrengthFor(plan);
  Digest source;
  Digest destination;
  pair_.Both(
      [&](RowReader& reader, auto) { source = reader.DigestRange(plan.source, range, strength); },
      [&](RowReader& reader, auto) {
        destination = reader.DigestRange(plan.destination, range, strength);
      },
      stop);
  if (source == destination) {
    listener_.Compared(job, source.rows, 0);
    return;
  }
  const uint64_t rows = std::max(source.rows, destination.rows);
  if (rows <= sizes_.read_rows) return ReadRange(job, range, stop);
  const End larger = source.rows >= destination.rows ? End::kSource : End::kDestination;
  std::vector<KeyRange> pieces =
      Cut(job, range, larger, std::max<uint64_t>(rows / kPieces, 1), stop);
  if (pieces.size() == 1) return ReadRange(job, range, stop);
  for (const KeyRange& piece : pieces) DigestRange(job, piece, stop);
}

std::vector<KeyRange> TableComparer::Cut(const CompareJob& job, const KeyRange& range, End end,
                                         uint64_t rows, std::stop_token stop) {
  std::vector<KeyRange> out;
  auto cut = [&](RowReader& reader, std::stop_token token) {
    const ScanPlan& scan = end == End::kSource ? job.plan->source : job.plan->destination;
    out.clear();
    KeyRange rest = range;
    while (auto boundary = reader.Boundary(scan, rest, rows)) {
      if (token.stop_requested()) throw Stopped();
      if (rest.after == boundary) break;
      out.push_back({rest.after, boundary});
      rest.after = boundary;
      if (rest.after == rest.through) return;
    }
    out.push_back(rest);
  };
  end == End::kSource ? pair_.Source(cut, stop) : pair_.Destination(cut, stop);
  return out;
}

void TableComparer::ReadSide(const CompareJob& job, End end, RowReader& reader,
                             const OpenRead& open, const TakeRows& take, std::stop_token stop) {
  const ScanPlan& scan = end == End::kSource ? job.plan->source : job.plan->destination;
  RowBatch batch(scan.columns.size());
  RowBatch scratch;
  open(reader, scan);
  for (bool more = true; more;) {
    if (stop.stop_requested()) throw Stopped();
    batch.Clear();
    more = reader.Read(batch, kBatchRows, kBatchBytes);
    if (batch.empty()) continue;
    if (end == End::kSource) throttle_.Pass(batch.rows(), batch.bytes(), stop);
    const RowBatch& rows = end == End::kSource ? job.plan->Mapped(batch, scratch) : batch;
    if (!take(rows, batch.bytes())) return;
  }
}

void TableComparer::ReadRange(const CompareJob& job, const KeyRange& range, std::stop_token stop) {
  struct Side {
    HashedRows rows;
    uint64_t bytes = 0;
    bool is_too_large = false;
  };
  Side source;
  Side destination;
  auto read = [&](RowReader& reader, End end, Side& side, std::stop_token token) {
    side = {};
    ReadSide(
        job, end, reader, [&](RowReader& r, const ScanPlan& scan) { r.Open(scan, range); },
        [&](const RowBatch& rows, uint64_t bytes) {
          side.rows.Add(*job.plan, rows);
          side.bytes += bytes;
          side.is_too_large = side.rows.size() > sizes_.held_rows;
          return !side.is_too_large;
        },
        token);
  };
  pair_.Both([&](RowReader& r, auto token) { read(r, End::kSource, source, token); },
             [&](RowReader& r, auto token) { read(r, End::kDestination, destination, token); },
             stop);
  if (source.is_too_large || destination.is_too_large) {
    const End end = source.is_too_large ? End::kSource : End::kDestination;
    std::vector<KeyRange> pieces = Cut(job, range, end, sizes_.held_rows / 2, stop);
    if (pieces.size() == 1) return ReadSpilled(job, range, stop);
    for (const KeyRange& piece : pieces) ReadRange(job, piece, stop);
    return;
  }
  listener_.Compared(job, std::max(source.rows.size(), destination.rows.size()),
                     source.bytes + destination.bytes);
  Settle(job, Match(source.rows, destination.rows), stop);
}

void TableComparer::Settle(const CompareJob& job, std::vector<Suspect> suspects,
                           std::stop_token stop) {
  for (size_t i = 0; i < suspects.size(); i += kKeysPerSettle) {
    std::vector<Suspect> some(suspects.begin() + i,
                              suspects.begin() + std::min(i + kKeysPerSettle, suspects.size()));
    Rechecker::Outcome outcome = recheck_.Settle(*job.plan, std::move(some), stop);
    for (const Difference& difference : outcome.differences) listener_.Found(job, difference);
    for (const KeyTuple& key : outcome.unsettled) listener_.Unsettled(job, key);
    listener_.Compared(job, 0, outcome.bytes);
  }
}

}  // namespace godwit
