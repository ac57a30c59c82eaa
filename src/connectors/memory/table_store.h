// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "connectors/memory/key_order.h"
#include "model/table_schema.h"

namespace godwit::memory {

using Cell = std::optional<std::string>;  // nullopt: NULL
using Row = std::vector<Cell>;            // every column in table order
using TransactionId = uint64_t;           // 0: none

// A place for one row. What everybody sees is `committed`; what the transaction `writer` has made
// of it, and alone sees, is `pending`. Both empty: no row.
struct Slot {
  KeyTuple key;
  std::optional<Row> committed;
  std::optional<Row> pending;
  TransactionId writer = 0;

  const std::optional<Row>& Seen(TransactionId by) const {
    return writer != 0 && writer == by ? pending : committed;
  }
};

// The rows of one table in the order of its identity key (keyless: in that of insertion). Not
// thread-safe: the server's lock guards it.
class TableStore {
 public:
  TableStore(TableSchemaPtr schema, uint64_t identity);

  const TableSchemaPtr& schema() const { return schema_; }
  // Differs between two tables of the same name created at different times.
  uint64_t identity() const { return identity_; }
  bool is_keyless() const { return identity_columns_.empty(); }
  const std::vector<int>& identity_columns() const { return identity_columns_; }
  const KeyLess& order() const { return order_; }
  // Columns of each unique index, the identity first.
  const std::vector<std::vector<int>>& unique_columns() const { return unique_columns_; }
  const std::string& unique_name(size_t index) const { return unique_names_[index]; }

  KeyTuple KeyOf(const Row& row) const;
  // The row's value in unique index `index` as one text; nullopt where a NULL in it says that it
  // clashes with nothing.
  std::optional<std::string> UniqueValue(size_t index, const Row& row) const;

  // A row with this value in the index, as `by` sees them; nullptr if there is none.
  Slot* FindUnique(size_t index, const std::string& value, TransactionId by);
  // The first row whose cells in `columns` are these.
  Slot* FindWhere(const std::vector<int>& columns, const std::vector<Cell>& cells,
                  TransactionId by);

  // The slot where a row with this key is to be put; a new one where there is none.
  Slot& Place(const Row& row);
  void SetPending(Slot& slot, std::optional<Row> row, TransactionId writer);
  // Ends the writer's hold on the slot: its image becomes everybody's, or is forgotten.
  void Commit(Slot& slot);
  void Forget(Slot& slot);

  using Slots = std::multimap<KeyTuple, Slot, KeyLess>;
  const Slots& slots() const { return slots_; }
  uint64_t committed_rows() const;

 private:
  void Enlist(Slot& slot, const std::optional<Row>& row);
  void Unlist(Slot& slot, const std::optional<Row>& row);
  void RemoveIfEmpty(Slot& slot);

  TableSchemaPtr schema_;
  uint64_t identity_;
  std::vector<int> identity_columns_;
  std::vector<std::vector<int>> unique_columns_;
  std::vector<std::string> unique_names_;
  KeyLess order_;
  Slots slots_;
  // Per unique index: value → slots with it in either image.
  std::vector<std::unordered_multimap<std::string, Slot*>> holders_;
};

}  // namespace godwit::memory
