// SPDX-License-Identifier: Apache-2.0
#include <algorithm>
#include <functional>
#include <optional>
#include <set>

#include "base/byte_writer.h"
#include "base/deadline.h"
#include "pipeline/compare_table.h"

namespace godwit {

namespace {

constexpr size_t kSuspectsListed = 10'000;
constexpr uint64_t kCollectedBytes = 32 << 20;
constexpr uint32_t kSpillParts = 32;
constexpr uint64_t kRowsPerPart = 50'000;

std::string ComparedCell(const ComparePlan& plan, const RowBatch& rows, size_t row, size_t cell) {
  if (!rows.has_value(row, cell)) return {};
  return Normalized(plan.normal[cell], rows.cell(row, cell));
}

}  // namespace

// Rows of suspects of a table without key, found while it is read again.
struct TableComparer::Collected {
  RowBatch rows = RowBatch();
  std::map<RowHash, size_t> places;
};

// What is read of a table that is not cut by key ranges: some buckets, or all of it.
struct TableComparer::Unit {
  std::vector<uint32_t> buckets;  // empty: the range, by default the whole table
  uint32_t of = 0;
  KeyRange range;
  std::set<RowHash> wanted;  // hashes whose rows are collected
  Collected source_rows;
  Collected destination_rows;
  std::unique_ptr<HashSpill> source;
  std::unique_ptr<HashSpill> destination;
  uint64_t bytes[2] = {0, 0};
  uint64_t rows[2] = {0, 0};
};

void TableComparer::Buckets(const CompareJob& job, std::stop_token stop) {
  const ComparePlan& plan = *job.plan;
  const uint32_t count =
      static_cast<uint32_t>(std::clamp<uint64_t>(job.estimate.rows / sizes_.bucket_rows, 1, 1024));
  const DigestStrength strength = StrengthFor(plan);
  std::vector<Digest> source;
  std::vector<Digest> destination;
  pair_.Both(
      [&](RowReader& reader, auto) { source = reader.DigestBuckets(plan.source, count, strength); },
      [&](RowReader& reader, auto) {
        destination = reader.DigestBuckets(plan.destination, count, strength);
      },
      stop);
  GODWIT_CHECK(source.size() == count && destination.size() == count,
               "there is a digest for each bucket");
  Unit unit;
  unit.of = count;
  uint64_t equal_rows = 0;
  for (uint32_t b = 0; b < count; ++b) {
    if (source[b] == destination[b]) {
      equal_rows += source[b].rows;
    } else {
      unit.buckets.push_back(b);
    }
  }
  if (unit.buckets.size() > sizes_.buckets_to_read) return ReadAll(job, stop);
  listener_.Compared(job, equal_rows, 0);
  if (unit.buckets.empty()) return;
  plan.has_key() ? CompareKeyed(job, unit, stop) : CompareWhole(job, unit, stop);
}

void TableComparer::ReadAll(const CompareJob& job, std::stop_token stop) {
  Unit unit;
  job.plan->has_key() ? CompareKeyed(job, unit, stop) : CompareWhole(job, unit, stop);
}

void TableComparer::ReadSpilled(const CompareJob& job, const KeyRange& range,
                                std::stop_token stop) {
  Unit unit;
  unit.range = range;
  CompareKeyed(job, unit, stop);
}

void TableComparer::ReadUnit(const CompareJob& job, Unit& unit, End end, RowReader& reader,
                             std::stop_token stop) {
  const bool is_source = end == End::kSource;
  auto& spill = is_source ? unit.source : unit.destination;
  Collected& collected = is_source ? unit.source_rows : unit.destination_rows;
  const uint64_t parts = std::clamp<uint64_t>(job.estimate.rows / kRowsPerPart, 1, kSpillParts);
  spill = std::make_unique<HashSpill>(options_.spill_directory, static_cast<uint32_t>(parts), 0);
  collected = {};
  collected.rows.Reset(job.plan->destination.columns.size());
  unit.bytes[!is_source] = 0;
  unit.rows[!is_source] = 0;
  HashedRows hashed;
  auto take = [&](const RowBatch& rows, uint64_t bytes) {
    hashed.Clear();
    hashed.Add(*job.plan, rows);
    spill->Add(hashed);
    unit.bytes[!is_source] += bytes;
    unit.rows[!is_source] += rows.rows();
    for (size_t row = 0; row < rows.rows() && !unit.wanted.empty(); ++row) {
      const RowHash& hash = hashed.entries()[row].key;
      if (unit.wanted.count(hash) == 0 || collected.rows.bytes() > kCollectedBytes) continue;
      if (collected.places.emplace(hash, collected.rows.rows()).second) {
        collected.rows.AddRow(rows, row);
      }
    }
    return true;
  };
  if (unit.buckets.empty()) {
    auto open = [&](RowReader& r, const ScanPlan& scan) { r.Open(scan, unit.range); };
    return ReadSide(job, end, reader, open, take, stop);
  }
  for (uint32_t bucket : unit.buckets) {
    auto open = [&](RowReader& r, const ScanPlan& scan) { r.OpenBucket(scan, bucket, unit.of); };
    ReadSide(job, end, reader, open, take, stop);
  }
}

// Part by part; a part with too many rows is spread over files once more, by other bits.
void TableComparer::MatchSpills(HashSpill& source, HashSpill& destination, int level,
                                const std::function<void(std::vector<Suspect>)>& take) {
  for (uint32_t part = 0; part < source.parts(); ++part) {
    if (std::max(source.rows(part), destination.rows(part)) > sizes_.held_rows && level < 4) {
      HashSpill source_again(options_.spill_directory, kSpillParts, level + 1);
      HashSpill destination_again(options_.spill_directory, kSpillParts, level + 1);
      source.Read(part, [&](const HashedRows& rows) { source_again.Add(rows); });
      destination.Read(part, [&](const HashedRows& rows) { destination_again.Add(rows); });
      MatchSpills(source_again, destination_again, level + 1, take);
      continue;
    }
    HashedRows held[2];
    HashSpill* spills[2] = {&source, &destination};
    for (int side = 0; side < 2; ++side) {
      spills[side]->Read(part, [&](const HashedRows& piece) {
        for (const auto& entry : piece.entries()) held[side].Add(entry, piece.key(entry));
      });
    }
    take(Match(held[0], held[1]));
  }
}

void TableComparer::CompareKeyed(const CompareJob& job, Unit& unit, std::stop_token stop) {
  pair_.Both([&](RowReader& r, auto token) { ReadUnit(job, unit, End::kSource, r, token); },
             [&](RowReader& r, auto token) { ReadUnit(job, unit, End::kDestination, r, token); },
             stop);
  listener_.Compared(job, std::max(unit.rows[0], unit.rows[1]), unit.bytes[0] + unit.bytes[1]);
  MatchSpills(*unit.source, *unit.destination, 0,
              [&](std::vector<Suspect> suspects) { Settle(job, std::move(suspects), stop); });
}

// Rows without key are compared as a multiset, in rounds like those of the Rechecker, but over the
// whole unit: any change of the table meanwhile asks for another round. The second round knows
// which hashes differ and collects their rows.
void TableComparer::CompareWhole(const CompareJob& job, Unit& unit, std::stop_token stop) {
  std::vector<Suspect> before;
  std::optional<Sequence> differs_since;
  Sequence needed = 0;  // under a mark below it the table has been changed
  auto wait = options_.settle.first_wait;
  const int rounds = std::max(options_.settle.rounds, 2);
  for (int round = 0; round < rounds; ++round) {
    if (round > 0 && watch_ != nullptr) {
      if (WaitForStop(stop, Deadline::In(wait))) throw Stopped();
      wait *= 2;
    }
    std::optional<Sequence> proved;
    if (watch_ != nullptr && round > 0) proved = watch_->Prove(needed, stop);
    const Sequence mark = proved ? *proved : watch_ != nullptr ? watch_->Last() : 0;
    pair_.Source([&](RowReader& r, auto token) { ReadUnit(job, unit, End::kSource, r, token); },
                 stop);
    if (watch_ != nullptr) watch_->CatchUp(stop);
    pair_.Destination(
        [&](RowReader& r, auto token) { ReadUnit(job, unit, End::kDestination, r, token); }, stop);
    listener_.Compared(job, round == 0 ? std::max(unit.rows[0], unit.rows[1]) : 0,
                       unit.bytes[0] + unit.bytes[1]);
    std::vector<Suspect> suspects;
    MatchSpills(*unit.source, *unit.destination, 0, [&](std::vector<Suspect> some) {
      std::move(some.begin(), some.end(), std::back_inserter(suspects));
    });
    if (suspects.empty()) return;
    bool is_still = true;
    if (watch_ != nullptr) {
      const Sequence after = std::min(mark, differs_since.value_or(mark));
      const Sequence last = watch_->Last();
      bool has_ddl = watch_->Visit(
          after, last, job.plan->name(), [&](const RowsChange&) { is_still = false; }, stop);
      is_still = is_still && !has_ddl;
      if (!is_still) needed = last;
    }
    if (is_still && suspects == before && (watch_ == nullptr || proved || differs_since)) {
      return Report(job, unit, std::move(suspects));
    }
    differs_since = is_still ? std::optional(mark) : std::nullopt;
    unit.wanted.clear();
    for (size_t i = 0; i < suspects.size() && i < kSuspectsListed; ++i) {
      unit.wanted.insert(suspects[i].hash);
    }
    before = std::move(suspects);
  }
  for (const Suspect& suspect : before) {
    for (int64_t n = std::abs(suspect.surplus); n > 0; --n) listener_.Unsettled(job, {});
  }
}

void TableComparer::ReportComputed(const CompareJob& job, const Unit& unit,
                                   std::vector<Suspect>& suspects) {
  const ComparePlan& plan = *job.plan;
  auto carried = [&](const RowBatch& rows, size_t row) {
    std::string image;
    for (size_t cell = 0; cell < plan.carried; ++cell) {
      image.push_back(static_cast<char>(rows.state(row, cell)));
      AppendLengthPrefixed(image, ComparedCell(plan, rows, row, cell));
    }
    return image;
  };
  std::multimap<std::string, Suspect*> extra;
  for (Suspect& suspect : suspects) {
    auto place = unit.destination_rows.places.find(suspect.hash);
    if (suspect.surplus >= 0 || place == unit.destination_rows.places.end()) continue;
    extra.emplace(carried(unit.destination_rows.rows, place->second), &suspect);
  }
  for (Suspect& here : suspects) {
    auto place = unit.source_rows.places.find(here.hash);
    if (here.surplus <= 0 || place == unit.source_rows.places.end()) continue;
    auto [first, last] = extra.equal_range(carried(unit.source_rows.rows, place->second));
    for (auto there = first; there != last; ++there) {
      Difference difference;
      const size_t row = unit.destination_rows.places.at(there->second->hash);
      difference.source.Reset(unit.source_rows.rows.columns());
      difference.source.AddRow(unit.source_rows.rows, place->second);
      difference.destination.Reset(unit.destination_rows.rows.columns());
      difference.destination.AddRow(unit.destination_rows.rows, row);
      for (size_t cell = plan.carried; cell < difference.source.columns(); ++cell) {
        if (plan.CellsEqual(difference.source, 0, difference.destination, 0, cell)) continue;
        difference.cells.push_back(static_cast<int>(cell));
      }
      for (; here.surplus > 0 && there->second->surplus < 0; --here.surplus) {
        ++there->second->surplus;
        listener_.Found(job, difference);
      }
    }
  }
}

void TableComparer::Report(const CompareJob& job, const Unit& unit, std::vector<Suspect> suspects) {
  if (!job.plan->computed.empty()) ReportComputed(job, unit, suspects);
  for (const Suspect& suspect : suspects) {
    const bool at_source = suspect.surplus > 0;
    Difference difference{.kind = at_source ? Difference::Kind::kOnlySource
                                            : Difference::Kind::kOnlyDestination};
    const Collected& rows = at_source ? unit.source_rows : unit.destination_rows;
    auto place = rows.places.find(suspect.hash);
    if (place != rows.places.end()) {
      RowBatch& row = at_source ? difference.source : difference.destination;
      row.Reset(rows.rows.columns());
      row.AddRow(rows.rows, place->second);
    }
    for (int64_t n = std::abs(suspect.surplus); n > 0; --n) listener_.Found(job, difference);
  }
}

}  // namespace godwit
