// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <stop_token>
#include <string>

#include "base/deadline.h"
#include "endpoint/catalog.h"
#include "model/change.h"
#include "model/position.h"

namespace godwit {

// Definitions of the source's tables as they were at the reader's present place in the log. The
// store keeps it by position; the reader asks it to decode and tells it of DDL.
class SchemaHistory {
 public:
  struct Versioned {
    TableSchemaPtr table;
    uint64_t version = 0;
  };

  virtual ~SchemaHistory() = default;
  // The definition in force, nullopt for a table it does not follow. One without columns stands for
  // a table that is followed although nobody could work out its definition.
  virtual std::optional<Versioned> Find(const TableName& name) = 0;
  // Whether a table that Find does not know ought to be followed: its rows must not be passed over.
  virtual bool IsSelected(const TableName& name) = 0;
  // The database's at that place; empty where the history does not tell them.
  virtual TextDefaults DefaultsOf(const std::string& /*database*/) { return {}; }
};

// A source's change log. One thread at a time, but for Cancel.
class ChangeReader {
 public:
  virtual ~ChangeReader() = default;

  // Commits a row of Godwit's own at the source; empty where none may be written.
  using Mark = std::function<void()>;

  // A position S such that every transaction not wholly in the log from S on is visible to any read
  // that starts after the return. A mark may do where the rights for a lock are missing. Throws
  // START_POINT_* (kBlocked) where that cannot be proved.
  virtual Position ProveStart(const Mark& mark, std::stop_token stop) = 0;
  Position ProveStart(std::stop_token stop) { return ProveStart({}, stop); }
  // The end of the log now: whatever a finished read has seen lies before it.
  virtual Position Current() = 0;
  // -1, 0, 1. Both positions come from this kind of reader.
  virtual int Compare(const Position& a, const Position& b) = 0;
  // For people and the journal: "binlog.000003:4711, gtid …".
  virtual std::string Describe(const Position& position) = 0;

  // Starts delivering from `from` (a restart position). What ends at or before `known` the caller
  // has: it may come again, in part or not at all. `history` outlives the reading.
  virtual void Start(const Position& from, const Position& known, SchemaHistory& history) = 0;
  void Start(const Position& from, SchemaHistory& history) { Start(from, from, history); }
  // The next fragment; nullopt at the deadline. Transient errors: call Start again from the last
  // restart position. LOG_PURGED (kBlocked) when the source has forgotten it, LOG_RESET (kBlocked)
  // when it is the place of another log.
  virtual std::optional<Fragment> Next(Deadline deadline, std::stop_token stop) = 0;
  // The source may forget its log before this position.
  virtual void Release(const Position& position) = 0;

  // Bytes of log read so far, for the traffic figure. Any thread.
  virtual uint64_t bytes_read() const = 0;
};

}  // namespace godwit
