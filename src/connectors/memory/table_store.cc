// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/table_store.h"

#include <algorithm>
#include <utility>

#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit::memory {

TableStore::TableStore(TableSchemaPtr schema, uint64_t identity)
    : schema_(std::move(schema)),
      identity_(identity),
      identity_columns_(schema_->identity_columns()),
      order_(*schema_, identity_columns_),
      slots_(order_) {
  const IndexSchema* key = schema_->identity_key();
  auto add = [&](const IndexSchema& index) {
    std::vector<int> columns;
    for (const KeyPart& part : index.parts) columns.push_back(schema_->FindColumn(part.column));
    unique_columns_.push_back(std::move(columns));
    unique_names_.push_back(index.name);
  };
  if (key != nullptr) add(*key);
  for (const IndexSchema& index : schema_->indexes) {
    if (index.is_unique() && &index != key) add(index);
  }
  holders_.resize(unique_columns_.size());
}

KeyTuple TableStore::KeyOf(const Row& row) const {
  KeyTuple key;
  for (int c : identity_columns_) key.push_back(row[static_cast<size_t>(c)].value_or(""));
  return key;
}

std::optional<std::string> TableStore::UniqueValue(size_t index, const Row& row) const {
  std::string value;
  for (int c : unique_columns_[index]) {
    const Cell& cell = row[static_cast<size_t>(c)];
    if (!cell) return {};
    AppendLengthPrefixed(value, *cell);
  }
  return value;
}

Slot* TableStore::FindUnique(size_t index, const std::string& value, TransactionId by) {
  auto [begin, end] = holders_[index].equal_range(value);
  for (auto it = begin; it != end; ++it) {
    const std::optional<Row>& row = it->second->Seen(by);
    if (row && UniqueValue(index, *row) == value) return it->second;
  }
  return nullptr;
}

Slot* TableStore::FindWhere(const std::vector<int>& columns, const std::vector<Cell>& cells,
                            TransactionId by) {
  for (auto& [key, slot] : slots_) {
    const std::optional<Row>& row = slot.Seen(by);
    if (!row) continue;
    bool is_equal = true;
    for (size_t i = 0; is_equal && i < columns.size(); ++i) {
      const Cell& cell = (*row)[static_cast<size_t>(columns[i])];
      const LogicalType& type = schema_->columns[static_cast<size_t>(columns[i])].type;
      is_equal =
          cell.has_value() == cells[i].has_value() && (!cell || Equal(type, *cell, *cells[i]));
    }
    if (is_equal) return &slot;
  }
  return nullptr;
}

Slot& TableStore::Place(const Row& row) {
  KeyTuple key = KeyOf(row);
  if (!is_keyless()) {
    auto found = slots_.find(key);
    if (found != slots_.end()) return found->second;
  }
  auto it = slots_.emplace(key, Slot{});
  it->second.key = std::move(key);
  return it->second;
}

void TableStore::SetPending(Slot& slot, std::optional<Row> row, TransactionId writer) {
  GODWIT_CHECK(slot.writer == 0 || slot.writer == writer, "one transaction at a time writes a row");
  if (slot.writer != 0) Unlist(slot, slot.pending);
  slot.writer = writer;
  slot.pending = std::move(row);
  Enlist(slot, slot.pending);
}

void TableStore::Commit(Slot& slot) {
  if (slot.writer == 0) return;
  Unlist(slot, slot.committed);
  slot.committed = std::move(slot.pending);  // stays enlisted, once
  slot.pending.reset();
  slot.writer = 0;
  RemoveIfEmpty(slot);
}

void TableStore::Forget(Slot& slot) {
  if (slot.writer == 0) return;
  Unlist(slot, slot.pending);
  slot.pending.reset();
  slot.writer = 0;
  RemoveIfEmpty(slot);
}

uint64_t TableStore::committed_rows() const {
  return static_cast<uint64_t>(std::count_if(slots_.begin(), slots_.end(), [](const auto& entry) {
    return entry.second.committed.has_value();
  }));
}

void TableStore::Enlist(Slot& slot, const std::optional<Row>& row) {
  if (!row) return;
  for (size_t i = 0; i < holders_.size(); ++i) {
    if (auto value = UniqueValue(i, *row)) holders_[i].emplace(*value, &slot);
  }
}

void TableStore::Unlist(Slot& slot, const std::optional<Row>& row) {
  if (!row) return;
  for (size_t i = 0; i < holders_.size(); ++i) {
    auto value = UniqueValue(i, *row);
    if (!value) continue;
    auto [begin, end] = holders_[i].equal_range(*value);
    auto it = std::find_if(begin, end, [&](const auto& entry) { return entry.second == &slot; });
    GODWIT_CHECK(it != end, "every image of a row is enlisted");
    holders_[i].erase(it);
  }
}

void TableStore::RemoveIfEmpty(Slot& slot) {
  if (slot.committed || slot.writer != 0) return;
  auto [begin, end] = slots_.equal_range(slot.key);
  for (auto it = begin; it != end; ++it) {
    if (&it->second == &slot) {
      slots_.erase(it);
      return;
    }
  }
}

}  // namespace godwit::memory
