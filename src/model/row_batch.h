// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace godwit {

class ByteReader;

// Rows of one table: every cell's bytes one after another in one buffer, with the end offset of
// each. A cell is a value (canonical form, see LogicalType), NULL, or absent (a row image that does
// not carry the column). No allocation per cell or row once the buffers have grown; Clear keeps
// them. Not thread-safe; moves between threads whole.
class RowBatch {
 public:
  enum class CellState : uint8_t { kValue = 0, kNull = 1, kAbsent = 2 };

  explicit RowBatch(size_t columns = 0) : columns_(columns) {}

  // Forgets the rows, keeps the buffers.
  void Clear() {
    data_.clear();
    ends_.clear();
  }
  void Reset(size_t columns) {
    Clear();
    columns_ = columns;
  }

  size_t columns() const { return columns_; }
  size_t rows() const { return columns_ == 0 ? 0 : ends_.size() / columns_; }
  bool empty() const { return ends_.empty(); }
  // Bytes held, for budgets.
  size_t bytes() const { return data_.size() + ends_.size() * sizeof(uint64_t); }
  // Of one row's cells.
  size_t row_bytes(size_t row) const {
    if (columns_ == 0) return 0;
    const size_t first = row * columns_;
    return (ends_[first + columns_ - 1] >> 2) - (first == 0 ? 0 : ends_[first - 1] >> 2);
  }

  // Building: cells are appended in column order, row after row.
  void Add(std::string_view cell) {
    data_.append(cell);
    ends_.push_back(static_cast<uint64_t>(data_.size()) << 2);
  }
  void AddNull() { AddMark(CellState::kNull); }
  void AddAbsent() { AddMark(CellState::kAbsent); }
  // To write a cell in place: append to buffer(), then EndCell().
  std::string& buffer() { return data_; }
  void EndCell() { ends_.push_back(static_cast<uint64_t>(data_.size()) << 2); }
  // Copies one row of another batch with the same number of columns.
  void AddRow(const RowBatch& from, size_t row) {
    for (size_t c = 0; c < columns_; ++c) AddCellOf(from, row, c);
  }
  void AddCellOf(const RowBatch& from, size_t row, size_t column) {
    switch (from.state(row, column)) {
      case CellState::kValue:
        return Add(from.cell(row, column));
      case CellState::kNull:
        return AddNull();
      case CellState::kAbsent:
        return AddAbsent();
    }
  }

  CellState state(size_t row, size_t column) const {
    return static_cast<CellState>(ends_[row * columns_ + column] & 3);
  }
  bool is_null(size_t row, size_t column) const { return state(row, column) == CellState::kNull; }
  bool is_absent(size_t row, size_t column) const {
    return state(row, column) == CellState::kAbsent;
  }
  bool has_value(size_t row, size_t column) const {
    return state(row, column) == CellState::kValue;
  }
  bool has_absent() const {
    return std::any_of(ends_.begin(), ends_.end(), [](uint64_t end) {
      return static_cast<CellState>(end & 3) == CellState::kAbsent;
    });
  }
  // Valid until the batch changes. Empty for NULL and absent.
  std::string_view cell(size_t row, size_t column) const {
    size_t i = row * columns_ + column;
    size_t begin = i == 0 ? 0 : ends_[i - 1] >> 2;
    return std::string_view(data_).substr(begin, (ends_[i] >> 2) - begin);
  }

  // The cells' bytes, one after another.
  std::string_view data() const { return data_; }

  // The Store's form: columns, rows, offsets, data (docs/formats.md).
  void AppendEncoded(std::string& out) const;
  // Throws CORRUPT_BYTES.
  static RowBatch Decode(std::string_view bytes);

  // The same without the data, which is appended to buffer() apart: framed_bytes() of it.
  void AppendFrame(std::string& out) const;
  // Throws CORRUPT_BYTES, also where the data would be more than `most`.
  static RowBatch DecodeFrame(ByteReader& in, uint64_t most);
  uint64_t framed_bytes() const { return ends_.empty() ? 0 : ends_.back() >> 2; }

  bool operator==(const RowBatch&) const = default;

 private:
  void AddMark(CellState state) {
    ends_.push_back(static_cast<uint64_t>(data_.size()) << 2 | static_cast<uint64_t>(state));
  }

  size_t columns_;
  std::string data_;
  std::vector<uint64_t> ends_;  // end offset << 2 | state
};

}  // namespace godwit
