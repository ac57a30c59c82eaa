// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>

#include "connectors/memory/connection.h"
#include "endpoint/sink.h"

namespace godwit::memory {

// The table godwit.godwit_lane: one row per lane of each link, changed first in every transaction
// that Godwit writes. One row does three things, because it commits with the data: it says how far
// the lane is; it fences, since who finds another epoch than his own must stop; and in the server's
// log it marks the transaction as Godwit's.
class LaneTable {
 public:
  struct RowState {
    uint64_t epoch = 0;
    uint64_t ticks = 0;  // transactions of the lane, so that each leaves the row changed
    LaneProgress progress;
  };

  static const TableName& name();
  static void Create(MemoryServer& server);
  // The rest inside of the connection's transaction.
  // Locks the row; nullopt: there is none.
  static std::optional<RowState> Lock(Connection& connection, const std::string& link, int lane);
  static void Put(Connection& connection, const std::string& link, int lane, const RowState& row);
  static void Delete(Connection& connection, const std::string& link, int lane);
  // Committed lanes of a link, in order.
  static std::vector<int> Lanes(MemoryServer& server, const std::string& link);
};

}  // namespace godwit::memory
