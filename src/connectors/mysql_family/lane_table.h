// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "connectors/mysql_family/session.h"
#include "endpoint/sink.h"

namespace godwit::mysql {

// The table godwit.godwit_lane in a destination: one row for each lane of each link, updated first
// in every transaction that Godwit writes there. `ticks` counts a lane's transactions, so that each
// of them changes the row, is seen in the server's log, and can be told from the one before it.
class LaneTable {
 public:
  static constexpr const char* kDatabase = "godwit";
  static constexpr const char* kTable = "godwit_lane";

  struct RowState {
    uint64_t epoch = 0;
    uint64_t ticks = 0;
  };

  static void Create(Session& session);  // where it is not there
  static Sink::Fence RaiseEpoch(Session& session, const std::string& link, int lanes);
  // Waits for a transaction of this lane in flight; nullopt: there is no such row.
  static std::optional<RowState> Read(Session& session, const std::string& link, int lane);
  static void Forget(Session& session, const std::string& link);

  // The statement every transaction begins with; it changes one row, or none when fenced.
  static std::string Update(const std::string& link, int lane, const RowState& before,
                            const LaneProgress& progress);
};

// A transaction that rolls back unless told that all is well.
class LaneTransaction {
 public:
  explicit LaneTransaction(Session& session);
  ~LaneTransaction();
  LaneTransaction(const LaneTransaction&) = delete;
  LaneTransaction& operator=(const LaneTransaction&) = delete;
  void Commit();

 private:
  Session& session_;
  bool is_done_ = false;
};

// A lane's row, locked as long as this lives: nobody raises the epoch meanwhile. Waits for a
// transaction of the lane in flight. The session must not be used otherwise.
class LaneHold {
 public:
  LaneHold(Session& session, const std::string& link, int lane);
  // nullptr: there is no such row.
  const LaneTable::RowState* row() const { return has_row_ ? &row_ : nullptr; }

 private:
  LaneTransaction transaction_;
  bool has_row_ = false;
  LaneTable::RowState row_;
};

}  // namespace godwit::mysql
