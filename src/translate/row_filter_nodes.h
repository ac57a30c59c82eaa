// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "model/row_batch.h"
#include "translate/row_filter_values.h"

// The compiled form of a row filter: a tree of conditions over operands. Immutable once built; any
// thread. Evaluating allocates nothing.
namespace godwit::filter {

enum class Truth : uint8_t { kFalse, kTrue, kUnknown };

// One row as conditions see it: the cell of a column by its ordinal in the table.
class RowView {
 public:
  RowView(const RowBatch& rows, size_t row, const std::vector<int>& slot_of,
          const std::vector<int>& cell_of)
      : rows_(rows), row_(row), slot_of_(slot_of), cell_of_(cell_of) {}

  bool is_null(int column) const;
  std::string_view cell(int column) const { return rows_.cell(row_, Place(column)); }

 private:
  size_t Place(int column) const {
    return static_cast<size_t>(
        cell_of_[static_cast<size_t>(slot_of_[static_cast<size_t>(column)])]);
  }

  const RowBatch& rows_;
  size_t row_;
  const std::vector<int>& slot_of_;  // column ordinal → index in RowPredicate::columns()
  const std::vector<int>& cell_of_;
};

struct Arithmetic;

// A column, a literal adapted to what it is compared with, or an integer expression.
struct Operand {
  enum class Kind { kColumn, kLiteral, kNull, kArithmetic };
  Kind kind = Kind::kNull;
  Family family = Family::kOpaque;
  int column = -1;
  TypeKind type = TypeKind::kUnknown;  // of the column
  bool is_whole_number = false;
  int bits = 0;        // upper bound of a whole number's size
  TextRule rule;       // of a text column
  std::string text;    // literal of kExact, kText, kBytes
  double number = 0;   // literal of kDouble
  int64_t moment = 0;  // literal of kTime
  std::shared_ptr<const Arithmetic> arithmetic;
  // What was written, until the operand is adapted.
  enum class Written { kNothing, kNumber, kString, kHex };
  Written written = Written::kNothing;
  size_t at = 0;
};

struct Arithmetic {
  enum class Op { kAdd, kSubtract, kMultiply, kDivide, kModulo };
  Op op = Op::kAdd;
  Operand left;
  Operand right;
};

enum class CompareOp {
  kEqual,
  kNotEqual,
  kLess,
  kLessOrEqual,
  kGreater,
  kGreaterOrEqual,
  kNullSafe
};

class Condition {
 public:
  virtual ~Condition() = default;
  virtual Truth Evaluate(const RowView& row) const = 0;
};
using ConditionPtr = std::unique_ptr<const Condition>;

ConditionPtr MakeConstant(Truth truth);
ConditionPtr MakeNot(ConditionPtr inner);
// All of them (AND), or any (OR).
ConditionPtr MakeAll(std::vector<ConditionPtr> parts);
ConditionPtr MakeAny(std::vector<ConditionPtr> parts);
ConditionPtr MakeIsNull(Operand operand);
ConditionPtr MakeLike(Operand text, LikePattern pattern);
// `family` is what both sides are compared as; `rule` for text.
ConditionPtr MakeComparison(CompareOp op, Operand left, Operand right, Family family,
                            TextRule rule);

}  // namespace godwit::filter
