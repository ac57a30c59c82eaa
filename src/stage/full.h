// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/bounded_queue.h"
#include "endpoint/sink.h"
#include "pipeline/capturer.h"
#include "pipeline/loader.h"
#include "stage/cascade_groups.h"
#include "stage/journal.h"
#include "stage/stage.h"

namespace godwit {

// Copies the rows of every selected table and leaves each table's copy bounds in the journal.
//
// 1. Which tables: where changes are followed, those that the schema history has, but for what the
//    log itself makes; a table whose definition there is not the one the schema stage converted is
//    made again first. One that the source has lost since the schema stage goes at the destination,
//    too.
// 2. Tables with a key are copied in chunks; the exit point is read after a table's last chunk. Its
//    plain indexes are made then, while other tables are copied.
// 3. Tables without one, and those joined by cascades that the source does not log, are copied from
//    one snapshot of known position: start and exit point are the same. After a crash such a group
//    begins again with empty tables. So do tables whose changes have partial row images. A DDL that
//    came after the definitions were taken and before the last table was read lies within the
//    table's copy, for step 4: the source shows the snapshot's rows under its newest names.
// 4. A table whose definition changed at the source between its start and its exit, or of which the
//    log then had a partial row image, is made and copied again from a newly proved start; until
//    none is left. So are both ends of a rename of which one's copy holds it and the other's not,
//    and the children of a parent that it renames.
class FullStage : public Stage {
 public:
  struct Options {
    Loader::Options loader;
    std::vector<LaneState> lanes;  // as found when the epoch was raised
  };

  // `capturer` is null where changes are not followed.
  FullStage(Link& link, Capturer* capturer, Options options);
  std::string_view name() const override { return "full"; }
  void Run(std::stop_token stop) override;

 private:
  // Of the project's settings, by table: the log has had partial row images of it.
  static constexpr std::string_view kPartialPrefix = "partial-images.";
  using Jobs = std::vector<std::shared_ptr<CopyJob>>;

  std::vector<TableSchemaPtr> Tables();
  // Makes the destination's table what the definition asks for; null: the user left it out.
  std::shared_ptr<CopyJob> Prepare(const TableSchemaPtr& source, std::stop_token stop);
  bool IsOursToMake(const TableName& source) const;
  void ForgetDefinition(const TableName& source);
  void Truncate(const TableName& source, std::stop_token stop);
  void MatchDefinition(const TableSchemaPtr& source, std::stop_token stop);
  void Empty(const TableSchemaPtr& source, std::stop_token stop);
  void ForgetDone(const TableName& source);
  void CloseFindings();
  void TakeUpLaneChunks(const Jobs& jobs);
  // Those the schema stage has made and the source, which has `tables`, has no longer: they go, as
  // far as they were made or filled by the project.
  void TakeOutLost(const std::vector<TableSchemaPtr>& tables, std::stop_token stop);
  std::set<TableName> LostOf(const std::vector<TableSchemaPtr>& tables);
  void DropLost(const TableName& source, std::stop_token stop);
  // `known`: up to there the log's DDL is in the definitions.
  void CopyAll(const std::vector<TableSchemaPtr>& tables, Sequence known, std::stop_token stop);
  void CopyKeyed(const Jobs& jobs, std::stop_token stop);
  void MakeIndexes(BoundedQueue<TableSchemaPtr>& read, std::stop_token stop);
  void CopyGroup(const std::vector<TableSchemaPtr>& tables, Sequence known, std::stop_token stop);
  struct GroupReading {
    Sequence known = 0;  // up to there the log's DDL is in the definitions it went by
    Position end;        // when the last table had been read
  };
  void PutGroupBounds(const Jobs& jobs, const Loader::SnapshotCopy& copy,
                      const GroupReading& reading, std::stop_token stop);
  // What the DDL of this stretch of the log names.
  std::set<TableName> NamedByDdl(Sequence after, Sequence through, std::stop_token stop);
  void ResolveBounds(std::stop_token stop);
  // A DDL of the log and whom it concerns, of the selected tables.
  struct Met {
    Sequence at = 0;
    std::vector<TableName> names;
    std::vector<TableName> gone;  // from before the log, and the source has them no longer
    bool moves = false;           // rows from one of the names to another
  };
  std::vector<Met> MetDdl(std::stop_token stop);
  // The selected tables that a DDL names, and those whose foreign keys follow what it renames.
  std::vector<TableName> Joined(const SchemaChange& change,
                                const std::vector<TableSchemaPtr>& tables) const;
  // Tables with a DDL or a partial row image between their start and exit, those that a rename
  // joins with them, and those that are gone without ever having been copied.
  std::set<TableName> Changed(std::stop_token stop);
  // What the log makes, and so replay as well, as long as nobody has begun to copy it.
  std::set<TableName> BornInLog(std::stop_token stop);
  bool IsTouched(const TableName& table) const;
  // Those whose copy is open and that a DDL has overtaken.
  std::set<TableName> ChangedUnderCopy(std::stop_token stop);
  void EachDdl(const std::function<void(Sequence, const SchemaChange&)>& visit,
               std::stop_token stop);
  void EachPart(const std::function<bool(const LoggedTransaction&)>& is_wanted,
                const std::function<void(Sequence, const LogPart&)>& visit, std::stop_token stop);
  CopyTraits Traits() const;
  void CopyAgain(const std::set<TableName>& tables, std::stop_token stop);
  bool IsMadeOrFilled(const TableName& source) const;
  void LoadPrechecked();
  void CheckIsEmpty(const TableName& source);
  void DropMade(const TableName& source, std::stop_token stop);
  std::set<TableName> WithCascadeGroups(std::set<TableName> tables);
  Position WithPositions(const std::function<Position(ChangeReader&)>& ask, std::stop_token stop);
  void NoteCounted(const CopyJob& job, uint64_t rows);
  void Finish(const TableSchema& table, const Position& exit, uint64_t rows);
  CopyBounds Bounds(const TableName& table) const;
  void PutBounds(const TableName& table, const CopyBounds& bounds);

  Link& link_;
  Capturer* capturer_;
  const Options options_;
  StageJournal journal_;
  std::set<TableName> prechecked_;  // what the destination has under these names was looked at
  LoadCounters counters_;
  std::unique_ptr<Catalog> source_;
  std::unique_ptr<Catalog> destination_;
  std::unique_ptr<Sink> sink_;
  Mutex positions_mutex_;
  std::unique_ptr<ChangeReader> positions_ GUARDED_BY(positions_mutex_);
};

}  // namespace godwit
