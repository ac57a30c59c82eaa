// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "connectors/mysql_family/draw_for_test.h"
#include "test/live/live_server.h"

namespace godwit::live {

using mysql::Draw;

// A column of some type, and what can be in it: canonical cells, among them the type's ends.
struct RandomColumn {
  std::string name;
  std::string type;     // as it is declared; such a column takes NULL
  std::string charset;  // where it is not its server's own; texts are within this set
  std::function<std::string(Draw&)> draw;
  // Another cell that is as near to this one as the type allows.
  std::function<std::string(const std::string&, Draw&)> nudge;
};

// Columns of one kind behind an INT called id.
struct RandomTable {
  std::string name;
  std::vector<RandomColumn> columns;

  // The table as `server` has it, which may know fewer character sets; `key` is " PRIMARY KEY" or
  // empty.
  TableSchemaPtr Make(Server& server, const std::string& key = " PRIMARY KEY") const;
  // So many rows with the ids 1, 2, …; some cells are NULL.
  std::vector<std::vector<Cell>> DrawRows(int count, Draw& draw) const;
  // Another cell for the place of this one (0 is id's): NULL for a value at times.
  Cell Nudge(size_t place, const Cell& cell, Draw& draw) const;
};

// Tables of every type that all these servers have.
std::vector<RandomTable> RandomTables(const std::vector<Server*>& servers);

}  // namespace godwit::live
