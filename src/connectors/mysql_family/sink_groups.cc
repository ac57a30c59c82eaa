// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/sink_groups.h"

#include <algorithm>
#include <array>
#include <optional>
#include <set>

namespace godwit::mysql {
namespace {

using Form = ChangeGroup::Form;

// Collations under which two different ASCII texts are equal only by case and trailing blanks.
// Those with a language's own rules may know contractions.
bool FoldsAsciiOnly(std::string_view collation) {
  static constexpr std::array<std::string_view, 5> kEndings = {"_bin", "_general_ci", "_unicode_ci",
                                                               "_unicode_520_ci", "_chinese_ci"};
  static constexpr std::array<std::string_view, 5> kWhole = {
      "binary", "latin1_swedish_ci", "utf8mb4_0900_ai_ci", "utf8mb4_0900_as_ci",
      "utf8mb4_0900_as_cs"};
  if (std::find(kWhole.begin(), kWhole.end(), collation) != kWhole.end()) return true;
  return std::any_of(kEndings.begin(), kEndings.end(),
                     [&](std::string_view ending) { return collation.ends_with(ending); });
}

uint64_t HashByte(uint64_t hash, unsigned char c) { return (hash ^ c) * 0x100000001b3ULL; }

struct KeyValue {
  bool is_null = false;
  bool is_unknown = false;
  uint64_t hash = 0xcbf29ce484222325ULL;
};

void AddText(KeyValue& value, std::string_view cell, const ColumnSchema& column) {
  if (!FoldsAsciiOnly(column.collation)) value.is_unknown = true;
  while (cell.ends_with(' ')) cell.remove_suffix(1);
  for (unsigned char c : cell) {
    if (c < 0x20 || c >= 0x7f) value.is_unknown = true;  // ignorable, or equal to something else
    value.hash = HashByte(value.hash, c >= 'A' && c <= 'Z' ? c + 32 : c);
  }
}

// The value of a unique key in one image, as far as it decides what may clash. A NULL never does;
// an absent cell could be anything.
KeyValue ValueOf(const WritePlan& plan, const std::vector<int>& key, const RowBatch& rows,
                 size_t row) {
  KeyValue value;
  for (int c : key) {
    const ColumnSchema& column = plan.table->columns[plan.columns[c]];
    if (rows.is_null(row, c)) value.is_null = true;
    if (rows.is_absent(row, c)) value.is_unknown = true;
    std::string_view cell = rows.cell(row, c);
    if (column.type.is_text()) {
      AddText(value, cell, column);
    } else if (column.type.kind == TypeKind::kFloat && cell == "-0") {
      value.hash = HashByte(value.hash, '0');
    } else {
      for (unsigned char byte : cell) value.hash = HashByte(value.hash, byte);
    }
    value.hash = HashByte(value.hash, 0xff);
  }
  return value;
}

bool HasAbsent(const RowBatch& rows, size_t row) {
  for (size_t c = 0; c < rows.columns(); ++c) {
    if (rows.is_absent(row, c)) return true;
  }
  return false;
}

bool KeyStays(const RowChange& change) {
  for (int c : change.plan->key) {
    if (change.before->cell(change.before_row, c) != change.after->cell(change.after_row, c)) {
      return false;
    }
  }
  return true;
}

// Whether the plan lists this unique index among its keys with whole columns.
bool IsPlainKey(const WritePlan& plan, const IndexSchema& index) {
  std::set<int> wanted;
  for (const KeyPart& part : index.parts) {
    if (!part.expression.empty() || part.prefix_length != 0) return false;
    int ordinal = plan.table->FindColumn(part.column);
    auto at = std::find(plan.columns.begin(), plan.columns.end(), ordinal);
    if (at == plan.columns.end()) return false;
    wanted.insert(static_cast<int>(at - plan.columns.begin()));
  }
  return std::any_of(
      plan.unique_keys.begin(), plan.unique_keys.end(),
      [&](const std::vector<int>& key) { return std::set<int>(key.begin(), key.end()) == wanted; });
}

template <typename Visit>
void ForEachImage(const RowChange& change, Visit visit) {
  if (change.op != ChangeOp::kInsert) visit(*change.before, change.before_row);
  if (change.op != ChangeOp::kDelete) visit(*change.after, change.after_row);
}

const std::vector<int>& KeyAt(const WritePlan& plan, size_t i) {
  return i < plan.unique_keys.size() ? plan.unique_keys[i] : plan.key;
}

}  // namespace

WriteShape::WriteShape(const WritePlan& plan) : is_keyless(plan.key.empty()) {
  const TableSchema& table = *plan.table;
  size_t writable = 0;
  for (const ColumnSchema& column : table.columns) writable += column.is_generated() ? 0 : 1;
  covers_table = writable == plan.columns.size();
  size_t unique = 0;
  for (const IndexSchema& index : table.indexes) {
    if (!index.is_unique()) continue;
    ++unique;
    if (!IsPlainKey(plan, index)) is_serial = true;
  }
  // Also one of plain ASCII may be another row's to the destination: `mas` is `maß` to general_ci.
  const bool has_odd_texts = std::any_of(plan.key.begin(), plan.key.end(), [&](int c) {
    return std::find(plan.byte_texts.begin(), plan.byte_texts.end(), c) != plan.byte_texts.end() ||
           std::find(plan.case_texts.begin(), plan.case_texts.end(), c) != plan.case_texts.end();
  });
  has_one_key = unique == 1 && !has_odd_texts && !is_keyless && !is_serial &&
                plan.unique_keys.size() == 1 &&
                std::set<int>(plan.key.begin(), plan.key.end()) ==
                    std::set<int>(plan.unique_keys[0].begin(), plan.unique_keys[0].end());
}

Form ChangeGrouper::FormOf(const RowChange& change, const WriteShape& shape, ApplyMode mode,
                           ForeignKeys foreign_keys) const {
  if (change.op == ChangeOp::kInsert) {
    return mode == ApplyMode::kDisplace && !shape.is_keyless ? Form::kReplace : Form::kInsert;
  }
  const bool is_live = foreign_keys == ForeignKeys::kLive;
  if (shape.is_keyless) return Form::kEach;
  if (change.op == ChangeOp::kDelete) return is_live ? Form::kEach : Form::kDelete;
  if (HasAbsent(*change.after, change.after_row)) return Form::kEach;
  // Written anew, a row would lose what is not carried, or its children.
  const bool stays = is_live || !shape.covers_table;
  if (mode == ApplyMode::kDisplace) return stays ? Form::kUpdate : Form::kReplace;
  if (stays || shape.is_serial) return Form::kEach;
  return shape.has_one_key && KeyStays(change) ? Form::kUpsert : Form::kReplace;
}

int ChangeGrouper::LatestShared(TableTrace& trace, const RowChange& change) {
  int latest = -1;
  const WritePlan& plan = *change.plan;
  for (size_t i = 0; i < trace.keys.size(); ++i) {
    KeyTrace& key = trace.keys[i];
    ForEachImage(change, [&](const RowBatch& rows, size_t row) {
      KeyValue value = ValueOf(plan, KeyAt(plan, i), rows, row);
      if (value.is_null) return;
      if (value.is_unknown) {
        latest = std::max(latest, key.by_any);
        return;
      }
      latest = std::max(latest, key.by_unknown);
      auto at = key.by_value.find(value.hash);
      if (at != key.by_value.end()) latest = std::max(latest, at->second);
    });
  }
  return latest;
}

void ChangeGrouper::Touch(TableTrace& trace, const RowChange& change, int group) {
  const WritePlan& plan = *change.plan;
  trace.last = std::max(trace.last, group);
  if (trace.shape.is_serial || trace.shape.is_keyless) return;
  for (size_t i = 0; i < trace.keys.size(); ++i) {
    KeyTrace& key = trace.keys[i];
    ForEachImage(change, [&](const RowBatch& rows, size_t row) {
      KeyValue value = ValueOf(plan, KeyAt(plan, i), rows, row);
      if (value.is_null) return;
      key.by_any = std::max(key.by_any, group);
      int& at = value.is_unknown ? key.by_unknown
                                 : key.by_value.try_emplace(value.hash, -1).first->second;
      at = std::max(at, group);
    });
  }
}

std::vector<ChangeGroup> ChangeGrouper::Group(std::span<const RowChange> changes, ApplyMode mode,
                                              ForeignKeys foreign_keys) {
  groups_.clear();
  traces_.clear();
  for (uint32_t i = 0; i < changes.size(); ++i) {
    const RowChange& change = changes[i];
    TableTrace& trace = traces_.try_emplace(change.plan->table->name, *change.plan).first->second;
    // Two plans into one table (merged tables): their keys' columns are not the same cells.
    if (trace.plan != change.plan) trace.shape.is_serial = true;
    const Form form = FormOf(change, trace.shape, mode, foreign_keys);
    const bool keeps_order = foreign_keys == ForeignKeys::kLive;
    const bool is_serial = keeps_order || trace.shape.is_serial || trace.shape.is_keyless;
    int group = -1;
    if (is_serial) {
      // Only a run of one form, whose statements take their rows in order.
      const int last = keeps_order ? static_cast<int>(groups_.size()) - 1 : trace.last;
      bool joins = last >= 0 && groups_[last].plan == change.plan && groups_[last].form == form &&
                   form != Form::kReplace && form != Form::kUpdate;
      if (joins) group = last;
    } else {
      auto latest = trace.latest.find(form);
      if (latest != trace.latest.end() && latest->second > LatestShared(trace, change)) {
        group = latest->second;
      }
    }
    if (group < 0) {
      group = static_cast<int>(groups_.size());
      groups_.push_back({change.plan, form, {}});
      trace.latest[form] = group;
    }
    groups_[group].changes.push_back(i);
    Touch(trace, change, group);
  }
  return std::move(groups_);
}

}  // namespace godwit::mysql
