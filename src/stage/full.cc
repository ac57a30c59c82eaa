// SPDX-License-Identifier: Apache-2.0
#include "stage/full.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "base/hex.h"
#include "base/task_group.h"
#include "pipeline/unfit_rows.h"
#include "stage/cascade_groups.h"
#include "stage/indexes.h"
#include "stage/schema.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

FullStage::FullStage(Link& link, Capturer* capturer, Options options)
    : link_(link),
      capturer_(capturer),
      options_(std::move(options)),
      journal_(link.metadata, link.project, "full"),
      counters_{progress_.done, progress_.bytes} {
  progress_.unit = "rows";
}

void FullStage::Run(std::stop_token stop) {
  source_ = link_.source.OpenCatalog();
  destination_ = link_.destination.OpenCatalog();
  const bool is_again = sink_ != nullptr;  // after a lost connection, perhaps
  sink_ = link_.destination.OpenSink();
  sink_->Attach(link_.name, 0, link_.epoch);
  if (is_again) sink_->AwaitStatements(Sink::Leftover::kStatements);
  progress_.bytes.Set(0);
  LoadPrechecked();
  std::set<TableName> changed;
  for (bool is_through = false; !is_through;) {
    try {
      if (!changed.empty()) CopyAgain(std::exchange(changed, {}), stop);
      const Sequence known = link_.store.last();
      // All that is not done, also what the source made or renamed meanwhile.
      const std::vector<TableSchemaPtr> tables = Tables();
      TakeOutLost(tables, stop);
      progress_.done.Set(0);
      CopyAll(tables, known, stop);
      if (capturer_ == nullptr) break;
      ResolveBounds(stop);
      changed = Changed(stop);
      is_through = changed.empty();
    } catch (const Error& error) {
      if (capturer_ == nullptr || !TellsOfDefinitions(error)) throw;
      changed = ChangedUnderCopy(stop);
      if (changed.empty()) throw;
    }
  }
  CloseFindings();
}

// Rows that fit without an answer: of tables that were widened, or made again, before a resume.
void FullStage::CloseFindings() { godwit::CloseFindings(link_.metadata, link_.project, name()); }

CopyTraits FullStage::Traits() const {
  CopyTraits traits;
  traits.follows_changes = capturer_ != nullptr;
  traits.logs_cascades = link_.logs_cascades;
  traits.logs_full_images = link_.source.info().logs_full_images;
  for (const auto& [key, text] :
       link_.metadata.Settings(link_.project, std::string(kPartialPrefix))) {
    traits.with_partial_images.insert(TableName::FromText(key.substr(kPartialPrefix.size())));
  }
  return traits;
}

std::vector<TableSchemaPtr> FullStage::Tables() {
  std::vector<TableSchemaPtr> tables;
  if (capturer_ != nullptr) {
    for (SchemaVersion& version : link_.store.LatestSchemas()) {
      // One that came into the selection by its name has columns that the log does not tell.
      const bool is_known = version.table && !version.table->columns.empty();
      if (is_known && link_.translator.rules().Find(version.name)) tables.push_back(version.table);
    }
    return tables;
  }
  for (const TableName& name : SelectObjects(*source_, link_.translator.rules()).tables) {
    if (auto table = source_->Table(name)) {
      tables.push_back(std::make_shared<const TableSchema>(std::move(*table)));
    }
  }
  return tables;
}

void FullStage::CopyAll(const std::vector<TableSchemaPtr>& tables, Sequence known,
                        std::stop_token stop) {
  auto is_done = [&](const TableSchemaPtr& table) {
    return journal_.IsDone(table->name.ToString());
  };
  CopyPlan plan = PlanCopies(tables, Traits());
  const std::set<TableName> born = BornInLog(stop);
  auto is_left_to_replay = [&](const TableSchemaPtr& table) {
    return is_done(table) || (born.contains(table->name) && !IsTouched(table->name));
  };
  std::erase_if(plan.keyed, is_left_to_replay);
  // A group is copied whole or again.
  std::erase_if(plan.at_snapshot, [&](const std::vector<TableSchemaPtr>& group) {
    return std::all_of(group.begin(), group.end(), is_done) ||
           (group.size() == 1 && is_left_to_replay(group[0]));
  });
  std::set<TableName> open;
  for (const TableSchemaPtr& table : plan.keyed) open.insert(table->name);
  for (const auto& group : plan.at_snapshot) {
    for (const TableSchemaPtr& table : group) open.insert(table->name);
  }
  const int64_t before = progress_.done.Get();  // of a copy that is made again in part
  int64_t estimated = 0;
  for (const TableSchemaPtr& table : tables) {
    if (open.contains(table->name)) {
      estimated += static_cast<int64_t>(source_->Estimate(table->name).rows);
      continue;
    }
    int64_t rows =
        static_cast<int64_t>(journal_.Detail(table->name.ToString()).value("rows", uint64_t{0}));
    progress_.done.Add(rows);
    estimated += rows;
  }
  progress_.total.Set(before + estimated);
  Jobs keyed;
  for (const TableSchemaPtr& table : plan.keyed) {
    const std::string object = table->name.ToString();
    // A snapshot that was cut off left rows, and by now the table is read by its key.
    if (journal_.Status(object) == "running" && !journal_.Detail(object).contains("generation")) {
      Empty(table, stop);
    }
    auto job = Prepare(table, stop);
    if (!job) continue;
    // A change that comes again finds its row, or what it clashes with, by the destination's keys.
    if (capturer_ != nullptr && !job->plan->can_displace()) {
      plan.at_snapshot.push_back({table});
    } else {
      keyed.push_back(std::move(job));
    }
  }
  TakeUpLaneChunks(keyed);
  CopyKeyed(keyed, stop);
  for (const auto& group : plan.at_snapshot) CopyGroup(group, known, stop);
}

std::shared_ptr<CopyJob> FullStage::Prepare(const TableSchemaPtr& source, std::stop_token stop) {
  if (!IsOursToMake(source->name) && !IsTouched(source->name) &&
      !prechecked_.contains(source->name)) {
    CheckIsEmpty(source->name);
  }
  MatchDefinition(source, stop);
  auto mapping = link_.translator.rules().Find(source->name);
  GODWIT_CHECK(mapping.has_value(), "only selected tables are copied");
  std::optional<TableSchema> there = destination_->Table(mapping->destination);
  StageJournal schema(link_.metadata, link_.project, "schema");
  if (!there && schema.Status(source->name.ToString()) == "skipped") {
    journal_.Put(source->name.ToString(), "skipped", {{"rows", 0}});
    return nullptr;
  }
  if (!there) {
    throw Error({.code = "TABLE_UNKNOWN",
                 .kind = ErrorKind::kBlocked,
                 .side = Side::kDestination,
                 .object = mapping->destination.ToString(),
                 .message = "the table to copy into does not exist",
                 .cause = "it was dropped, or schema migration was not chosen",
                 .remedy = "create it and resume the project"});
  }
  auto job = std::make_shared<CopyJob>();
  job->source = source;
  job->plan =
      TablePlan::Make(source, std::make_shared<const TableSchema>(std::move(*there)), *mapping);
  job->scan = job->plan->scan();
  job->estimate = source_->Estimate(source->name);
  job->generation = Bounds(source->name).generation;
  return job;
}

// Neither the user's own table nor one that was left out.
bool FullStage::IsOursToMake(const TableName& source) const {
  StageJournal schema(link_.metadata, link_.project, "schema");
  const std::string object = source.ToString();
  return link_.spec.Has(MigrationType::kSchema) && schema.Status(object) != "skipped" &&
         !schema.Detail(object).value("kept", false);
}

// The schema stage may have converted an older definition than capture found, or none.
void FullStage::MatchDefinition(const TableSchemaPtr& source, std::stop_token stop) {
  StageJournal schema(link_.metadata, link_.project, "schema");
  if (!IsOursToMake(source->name)) return;
  const json detail = schema.Detail(source->name.ToString());
  if (detail.value("definition", "") == DefinitionDigest(*source)) return;
  if (stop.stop_requested()) throw Stopped();
  link_.metadata.RemoveChunks(link_.project, source->name);
  ForgetDone(source->name);
  SchemaStage::Recreate(link_, *destination_, *sink_, *source, stop);
}

// Lets the destination's table be made again when its copy begins.
void FullStage::ForgetDefinition(const TableName& source) {
  StageJournal schema(link_.metadata, link_.project, "schema");
  json detail = schema.Detail(source.ToString());
  detail["definition"] = "";
  schema.Put(source.ToString(), "done", detail);
}

// Takes all rows out of the destination's table.
void FullStage::Empty(const TableSchemaPtr& source, std::stop_token stop) {
  if (!IsOursToMake(source->name)) return Truncate(source->name, stop);
  ForgetDefinition(source->name);
  MatchDefinition(source, stop);
}

// Before the rows go: a crash between the two must not leave answers that speak of rows not there.
void FullStage::ForgetDone(const TableName& source) {
  LeftOutRows(link_.metadata, link_.project)
      .ForgetDone(source, link_.translator.rules().Find(source)->destination);
}

void FullStage::Truncate(const TableName& source, std::stop_token stop) {
  ForgetDone(source);
  SchemaChange truncate;
  truncate.kind = SchemaChange::Kind::kTruncateTable;
  truncate.table = link_.translator.rules().Find(source)->destination;
  if (!destination_->Table(truncate.table)) return;
  for (const Statement& statement : link_.destination.dialect().Render(truncate, nullptr)) {
    sink_->Execute(statement, stop);
  }
}

// A chunk may be committed, as its lane row says, without the journal knowing.
void FullStage::TakeUpLaneChunks(const Jobs& jobs) {
  std::set<uint64_t> committed;
  for (const LaneState& lane : options_.lanes) {
    committed.insert(lane.progress.chunks.begin(), lane.progress.chunks.end());
  }
  if (committed.empty()) return;
  for (const auto& job : jobs) {
    for (const ChunkRecord& record : link_.metadata.Chunks(link_.project, job->source->name)) {
      if (record.done || !committed.contains(record.chunk.id)) continue;
      auto reader = link_.destination.OpenRowReader();
      RowBatch batch(job->plan->destination_scan().columns.size());
      reader->Open(job->plan->destination_scan(), record.chunk.range);
      uint64_t rows = 0;
      for (bool more = true; more;) {
        batch.Clear();
        more = reader->Read(batch, 10'000, 1 << 20);
        rows += batch.rows();
      }
      link_.metadata.FinishChunk(link_.project, record.chunk.id, rows);
    }
  }
}

void FullStage::CopyKeyed(const Jobs& jobs, std::stop_token stop) {
  if (jobs.empty()) return;
  for (const auto& job : jobs) {
    journal_.Put(job->object(), "running", {{"generation", job->generation}});
  }
  BoundedQueue<TableSchemaPtr> read(jobs.size() + 1);
  TaskGroup indexes(stop);
  for (int i = 0; i < std::max(1, link_.spec.limits.readers); ++i) {
    indexes.Start("early-indexes-" + std::to_string(i),
                  [&](std::stop_token s) { MakeIndexes(read, s); });
  }
  Loader loader(link_, counters_, options_.loader);
  loader.Run(
      jobs,
      [&](const CopyJob& job, uint64_t rows) {
        Position exit;
        if (capturer_ != nullptr) {
          exit = WithPositions([](ChangeReader& reader) { return reader.Current(); }, stop);
        }
        Finish(*job.source, exit, rows);
        NoteCounted(job, rows);
        read.Push(job.source, 1, stop);
      },
      stop);
  read.Close();
  indexes.Join();
}

// Of tables as they become complete. What fails is left to the indexes stage.
void FullStage::MakeIndexes(BoundedQueue<TableSchemaPtr>& read, std::stop_token stop) {
  std::unique_ptr<Sink> sink;
  while (auto table = read.Pop(stop)) {
    try {
      if (!sink) {
        sink = link_.destination.OpenSink();
        // Not a loader's lane, whose row is locked while a chunk is written.
        sink->Attach(link_.name, std::max(link_.spec.limits.readers, link_.spec.limits.lanes),
                     link_.epoch);
      }
      IndexesStage::MakeEarly(link_, *sink, **table, stop);
    } catch (const Error&) {
      sink.reset();
    }
  }
}

void FullStage::CopyGroup(const std::vector<TableSchemaPtr>& tables, Sequence known,
                          std::stop_token stop) {
  for (const TableSchemaPtr& table : tables) {
    // A copy that was cut off left rows behind.
    if (!journal_.Status(table->name.ToString()).empty()) {
      Empty(table, stop);
      CrashPoint("full-after-emptied");
    }
    link_.metadata.RemoveChunks(link_.project, table->name);
  }
  Jobs jobs;
  for (const TableSchemaPtr& table : tables) {
    if (auto job = Prepare(table, stop)) jobs.push_back(std::move(job));
  }
  if (jobs.empty()) return;
  for (const auto& job : jobs) journal_.Put(job->object(), "running", json::object());
  Position end;  // of the reading
  auto on_read = [&] {
    if (capturer_ == nullptr) return;
    end = WithPositions([](ChangeReader& reader) { return reader.Current(); }, stop);
  };
  Loader loader(link_, counters_, options_.loader);
  const Loader::SnapshotCopy copy = loader.CopyAtSnapshot(jobs, on_read, stop);
  if (capturer_ != nullptr) PutGroupBounds(jobs, copy, {known, end}, stop);
  CrashPoint("full-after-group-bounds");
  for (size_t i = 0; i < jobs.size(); ++i) {
    NoteCounted(*jobs[i], copy.rows[i]);
    journal_.Put(jobs[i]->object(), "done",
                 {{"rows", copy.rows[i]},
                  {"at_snapshot", true},
                  {"copied", ToHex(EncodeTableSchema(*jobs[i]->source))}});
    CrashPoint("full-after-group-table");
  }
}

// Each table by itself: what a DDL has taken out of the group is copied again without it, and the
// rest stays as exact as the snapshot.
void FullStage::PutGroupBounds(const Jobs& jobs, const Loader::SnapshotCopy& copy,
                               const GroupReading& reading, std::stop_token stop) {
  const Sequence at = capturer_->SequenceAt(copy.position, stop);
  const Sequence through = capturer_->SequenceAt(reading.end, stop);
  const std::set<TableName> overtaken = NamedByDdl(reading.known, through, stop);
  for (size_t i = 0; i < jobs.size(); ++i) {
    const TableName& name = jobs[i]->source->name;
    const bool is_overtaken = overtaken.contains(name);
    CopyBounds bounds = Bounds(name);
    bounds.start_position = bounds.exit_position = copy.position;
    bounds.start = is_overtaken ? reading.known : at;
    bounds.exit = is_overtaken ? through : at;
    bounds.rows = copy.rows[i];
    PutBounds(name, bounds);
  }
}

// The table's rows are no estimate any more.
void FullStage::NoteCounted(const CopyJob& job, uint64_t rows) {
  progress_.total.Add(static_cast<int64_t>(rows) - static_cast<int64_t>(job.estimate.rows));
}

void FullStage::Finish(const TableSchema& table, const Position& exit, uint64_t rows) {
  CopyBounds bounds = Bounds(table.name);
  bounds.exit_position = exit;
  bounds.exit.reset();
  bounds.rows = rows;
  if (capturer_ != nullptr) PutBounds(table.name, bounds);
  CrashPoint("full-after-exit-point");
  journal_.Put(table.name.ToString(), "done",
               {{"rows", rows},
                {"generation", bounds.generation},
                {"copied", ToHex(EncodeTableSchema(table))}});
}

Position FullStage::WithPositions(const std::function<Position(ChangeReader&)>& ask,
                                  std::stop_token stop) {
  return RetryTransient(options_.loader.retry, stop, options_.loader.on_transient, [&] {
    MutexLock lock(positions_mutex_);
    try {
      if (!positions_) positions_ = link_.source.OpenChangeReader();
      return ask(*positions_);
    } catch (...) {
      positions_.reset();  // its connection may be broken
      throw;
    }
  });
}

CopyBounds FullStage::Bounds(const TableName& table) const {
  auto text = link_.metadata.Setting(link_.project, CopyBounds::SettingKey(table));
  return text ? CopyBounds::FromText(*text) : CopyBounds{};
}

void FullStage::PutBounds(const TableName& table, const CopyBounds& bounds) {
  link_.metadata.PutSetting(link_.project, CopyBounds::SettingKey(table), bounds.ToText());
}

}  // namespace godwit
