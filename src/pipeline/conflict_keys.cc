// SPDX-License-Identifier: Apache-2.0
#include "pipeline/conflict_keys.h"

#include <xxhash.h>

#include <algorithm>

#include "base/byte_writer.h"

namespace godwit {
namespace {

uint64_t HashOf(std::string_view bytes, uint64_t seed) {
  return XXH3_64bits_withSeed(bytes.data(), bytes.size(), seed);
}

void SortUnique(std::vector<uint64_t>& values) {
  std::sort(values.begin(), values.end());
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

bool TellsBytesApart(const ColumnSchema& column) {
  return column.collation == "binary" || column.collation.ends_with("_bin");
}

bool IsTextual(const LogicalType& type) {
  return type.is_text() || type.kind == TypeKind::kEnum || type.kind == TypeKind::kSet;
}

// Whether the destination tells apart every two values that the source does.
bool KeepsValuesApart(const LogicalType& from, const LogicalType& to) {
  if (IsTextual(from) && IsTextual(to)) return true;
  if (from.is_bytes() && to.is_bytes()) return true;
  if (from.kind != to.kind) return false;
  return from.scale == to.scale && from.fsp == to.fsp &&
         (from.kind != TypeKind::kFloat || from.bits == to.bits);
}

std::string_view CutBlanks(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

bool CoversTable(const WritePlan& write) {
  const auto& columns = write.table->columns;
  const auto writable = std::count_if(columns.begin(), columns.end(),
                                      [](const ColumnSchema& c) { return !c.is_generated(); });
  return static_cast<size_t>(writable) == write.columns.size();
}

// Digits stay; letters count as a set, i = j = y and u = v = w as some languages have it; the rest
// is ignored. False where there is more than printable ASCII.
bool AppendFolded(std::string& out, std::string_view text) {
  static constexpr char kClasses[] = "abcdefghiiklmnopqrstuuuxiz";
  uint32_t letters = 0;
  for (unsigned char c : text) {
    if (c < 0x20 || c > 0x7e) return false;
    unsigned char lower = c | 0x20;
    if (lower >= 'a' && lower <= 'z') {
      letters |= 1u << (kClasses[lower - 'a'] - 'a');
    } else if (c >= '0' && c <= '9') {
      out.push_back(static_cast<char>(c));
    }
  }
  AppendFixed(out, letters);
  return true;
}

}  // namespace

void ConflictKeys::Clear() {
  values.clear();
  shared.clear();
  exclusive.clear();
}

void ConflictKeys::Normalize() {
  SortUnique(values);
  SortUnique(shared);
  SortUnique(exclusive);
}

ConflictPlan::ConflictPlan(const TablePlan& plan, uint64_t component,
                           const std::vector<LiveForeignKey>& foreign_keys)
    : component_(component) {
  const WritePlan& write = plan.write();
  table_ = HashOf(write.table->name.ToString(), 1);
  const auto unique = std::count_if(write.table->indexes.begin(), write.table->indexes.end(),
                                    [](const IndexSchema& index) { return index.is_unique(); });
  is_serial_ = write.key.empty() || static_cast<size_t>(unique) != write.unique_keys.size();
  uint64_t ordinal = 0;
  for (const std::vector<int>& cells : write.unique_keys) {
    Key key;
    key.seed = HashOf(std::string_view("key"), table_ + ++ordinal);
    key.group = HashOf(std::string_view("group"), key.seed);
    for (int cell : cells) key.parts.push_back(MakePart(plan, cell));
    keys_.push_back(std::move(key));
  }
  for (const LiveForeignKey& foreign : foreign_keys) {
    ForeignKey out;
    out.is_parent_side = foreign.is_parent_side;
    out.is_known = true;
    out.key.seed = foreign.id;
    out.key.group = component;
    for (const std::string& name : foreign.columns) {
      auto cell =
          std::find(write.columns.begin(), write.columns.end(), write.table->FindColumn(name));
      if (cell == write.columns.end()) {
        out.is_known = false;
        break;
      }
      out.key.parts.push_back(MakePart(plan, static_cast<int>(cell - write.columns.begin())));
    }
    foreign_keys_.push_back(std::move(out));
  }
  is_renewable_ =
      !is_serial_ && foreign_keys_.empty() && HasOneKeyOfBytes(write) && CoversTable(write);
}

bool ConflictPlan::HasOneKeyOfBytes(const WritePlan& write) const {
  if (write.unique_keys.size() != 1) return false;
  const std::vector<int>& only = write.unique_keys[0];
  return std::is_permutation(only.begin(), only.end(), write.key.begin(), write.key.end()) &&
         std::all_of(keys_[0].parts.begin(), keys_[0].parts.end(),
                     [](const Part& part) { return part.fold == Fold::kBytes; });
}

ConflictPlan::Part ConflictPlan::MakePart(const TablePlan& plan, int cell) {
  const auto i = static_cast<size_t>(cell);
  const ColumnSchema& from = plan.source()->columns[static_cast<size_t>(plan.scan().columns[i])];
  const ColumnSchema& to =
      plan.destination()->columns[static_cast<size_t>(plan.write().columns[i])];
  if (!KeepsValuesApart(from.type, to.type)) is_serial_ = true;
  Part part{cell, Fold::kBytes};
  if (IsTextual(from.type) || IsTextual(to.type)) {
    part.fold = TellsBytesApart(from) && TellsBytesApart(to) ? Fold::kBinaryText : Fold::kText;
  } else if (from.type.kind == TypeKind::kFloat) {
    part.fold = Fold::kFloat;
  }
  return part;
}

ConflictPlan::Outcome ConflictPlan::Hash(const Key& key, const RowBatch& rows,
                                         const RowBatch* older, size_t row, std::string& scratch,
                                         uint64_t& value) const {
  scratch.clear();
  for (const Part& part : key.parts) {
    const auto cell = static_cast<size_t>(part.cell);
    const RowBatch* from = &rows;
    if (rows.is_absent(row, cell) && older != nullptr) from = older;
    if (from->is_absent(row, cell)) return Outcome::kAny;
    if (from->is_null(row, cell)) return Outcome::kNull;
    std::string_view bytes = from->cell(row, cell);
    switch (part.fold) {
      case Fold::kBytes:
        break;
      case Fold::kFloat:
        if (bytes == "-0") bytes = "0";
        break;
      case Fold::kBinaryText:
        bytes = CutBlanks(bytes);
        break;
      case Fold::kText:
        if (!AppendFolded(scratch, bytes)) return Outcome::kAny;
        continue;
    }
    AppendLengthPrefixed(scratch, bytes);
  }
  value = HashOf(scratch, key.seed);
  return Outcome::kValue;
}

void ConflictPlan::AppendKey(const Key& key, const MappedChange& change, size_t row,
                             std::string& scratch, ConflictKeys& out) const {
  auto append = [&](Outcome outcome, uint64_t value) {
    if (outcome == Outcome::kValue) out.values.push_back(value);
    if (outcome == Outcome::kAny) out.exclusive.push_back(key.group);
  };
  const ChangeOp op = change.ops[row];
  uint64_t before = 0;
  uint64_t after = 0;
  Outcome had = Outcome::kNull;
  Outcome has = Outcome::kNull;
  if (op != ChangeOp::kInsert) {
    had = Hash(key, change.before, nullptr, row, scratch, before);
    append(had, before);
  }
  if (op != ChangeOp::kDelete) {
    has = Hash(key, change.after, op == ChangeOp::kUpdate ? &change.before : nullptr, row, scratch,
               after);
    if (has != had || after != before) append(has, after);
  }
}

bool ConflictPlan::MayCascade(const ForeignKey& key, const MappedChange& change, size_t row) const {
  if (!key.is_parent_side || change.ops[row] == ChangeOp::kInsert) return false;
  if (change.ops[row] == ChangeOp::kDelete) return true;
  return std::any_of(key.key.parts.begin(), key.key.parts.end(), [&](const Part& part) {
    const auto cell = static_cast<size_t>(part.cell);
    if (change.after.is_absent(row, cell)) return false;
    return change.before.state(row, cell) != change.after.state(row, cell) ||
           change.before.cell(row, cell) != change.after.cell(row, cell);
  });
}

void ConflictPlan::Append(const MappedChange& change, ConflictKeys& out) const {
  if (change.ops.empty()) return;
  std::string scratch;
  AppendShared(out.shared);
  for (size_t row = 0; row < change.ops.size(); ++row) AppendRow(change, row, scratch, out);
}

void ConflictPlan::AppendShared(std::vector<uint64_t>& out) const {
  for (const Key& key : keys_) out.push_back(key.group);
  if (component_ != 0) out.push_back(component_);
}

void ConflictPlan::AppendRow(const MappedChange& change, size_t row, std::string& scratch,
                             ConflictKeys& out) const {
  if (is_serial_) {
    out.values.push_back(table_);
  } else {
    for (const Key& key : keys_) AppendKey(key, change, row, scratch, out);
  }
  for (const ForeignKey& foreign : foreign_keys_) {
    if (!foreign.is_known || MayCascade(foreign, change, row)) {
      out.exclusive.push_back(component_);
    }
    if (foreign.is_known) AppendKey(foreign.key, change, row, scratch, out);
  }
}

}  // namespace godwit
