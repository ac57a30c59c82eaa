// SPDX-License-Identifier: Apache-2.0
#include "test/contract/subject.h"

#include <algorithm>

namespace godwit::contract {

void Contract::Write(const TableSchema& table, const std::vector<Cells>& rows) {
  auto application = subject_->Connect();
  application->Begin();
  for (const Cells& row : rows) application->Insert(table, row);
  application->Commit();
}

std::vector<Cells> Contract::ReadAll(const TableSchemaPtr& table) {
  return Read(*endpoint().OpenRowReader(), ScanOf(table), {});
}

void AddRow(RowBatch& batch, const Cells& row) {
  for (const Cell& cell : row) {
    if (cell) {
      batch.Add(*cell);
    } else {
      batch.AddNull();
    }
  }
}

RowBatch BatchOf(const std::vector<Cells>& rows) {
  RowBatch batch(rows.empty() ? 1 : rows[0].size());
  for (const Cells& row : rows) AddRow(batch, row);
  return batch;
}

std::vector<Cells> ToRows(const RowBatch& batch) {
  std::vector<Cells> rows;
  for (size_t r = 0; r < batch.rows(); ++r) {
    Cells row;
    for (size_t c = 0; c < batch.columns(); ++c) {
      row.push_back(batch.has_value(r, c) ? Cell(std::string(batch.cell(r, c))) : Cell());
    }
    rows.push_back(std::move(row));
  }
  return rows;
}

ScanPlan ScanOf(const TableSchemaPtr& table) {
  ScanPlan plan{table, {}, table->identity_columns()};
  for (size_t c = 0; c < table->columns.size(); ++c) plan.columns.push_back(static_cast<int>(c));
  return plan;
}

WritePlan WriteOf(const TableSchemaPtr& table) {
  WritePlan plan{table, ScanOf(table).columns, table->identity_columns(), {}};
  for (const IndexSchema& index : table->indexes) {
    if (!index.is_unique()) continue;
    std::vector<int> key;
    for (const KeyPart& part : index.parts) key.push_back(table->FindColumn(part.column));
    plan.unique_keys.push_back(std::move(key));
  }
  return plan;
}

std::vector<Cells> Read(RowReader& reader, const ScanPlan& plan, const KeyRange& range) {
  reader.Open(plan, range);
  std::vector<Cells> rows;
  RowBatch batch(plan.columns.size());
  for (bool more = true; more;) {
    batch.Clear();
    more = reader.Read(batch, 3, 1 << 20);
    for (Cells& row : ToRows(batch)) rows.push_back(std::move(row));
  }
  return rows;
}

}  // namespace godwit::contract
