// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>

#include "model/schema_change.h"

namespace godwit::mysql {

// What of a logged statement's session decides what becomes of a table's rows.
struct AlterSession {
  uint64_t sql_mode = 0;  // as a Query event carries it
  bool is_mariadb = false;
};

// Says what an ALTER TABLE leaves to its table of text, and, as its `problem`, why what it makes of
// the rows would be something else at the destination. What it yields comes after it.
std::optional<SchemaChange> SettleRows(SchemaChange& change, const TableSchema& before,
                                       const AlterSession& session);

}  // namespace godwit::mysql
