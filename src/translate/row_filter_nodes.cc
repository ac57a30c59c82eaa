// SPDX-License-Identifier: Apache-2.0
#include "translate/row_filter_nodes.h"

#include <charconv>
#include <utility>

#include "base/error.h"

namespace godwit::filter {
namespace {

using Int128 = __int128;

// A value while one comparison lasts. `text` points into the row, the filter or `buffer`.
struct Scalar {
  bool is_null = false;
  std::string_view text;
  double number = 0;
  int64_t moment = 0;
  char buffer[48];
};

void SetText(Scalar& out, Int128 value) {
  char* end = out.buffer + sizeof(out.buffer);
  char* begin = end;
  const bool is_negative = value < 0;
  unsigned __int128 rest =
      is_negative ? -static_cast<unsigned __int128>(value) : static_cast<unsigned __int128>(value);
  do {
    *--begin = static_cast<char>('0' + static_cast<int>(rest % 10));
    rest /= 10;
  } while (rest != 0);
  if (is_negative) *--begin = '-';
  out.text = {begin, static_cast<size_t>(end - begin)};
}

uint64_t BitsOf(std::string_view cell) {
  uint64_t value = 0;
  for (char c : cell) value = value << 8 | static_cast<unsigned char>(c);
  return value;
}

Int128 WholeNumber(std::string_view text) {
  const bool is_negative = text.starts_with('-');
  if (is_negative) text.remove_prefix(1);
  Int128 value = 0;
  for (char c : text) value = value * 10 + (c - '0');
  return is_negative ? -value : value;
}

struct MaybeInt {
  bool is_null = false;
  Int128 value = 0;
};

MaybeInt Compute(const Operand& operand, const RowView& row);

// Cannot overflow: the parser bounds every expression to 126 bits.
MaybeInt Compute(const Arithmetic& node, const RowView& row) {
  const MaybeInt a = Compute(node.left, row);
  const MaybeInt b = Compute(node.right, row);
  if (a.is_null || b.is_null) return {.is_null = true};
  switch (node.op) {
    case Arithmetic::Op::kAdd:
      return {.value = a.value + b.value};
    case Arithmetic::Op::kSubtract:
      return {.value = a.value - b.value};
    case Arithmetic::Op::kMultiply:
      return {.value = a.value * b.value};
    case Arithmetic::Op::kDivide:
      if (b.value == 0) return {.is_null = true};
      return {.value = a.value / b.value};
    case Arithmetic::Op::kModulo:
      if (b.value == 0) return {.is_null = true};
      return {.value = a.value % b.value};
  }
  return {.is_null = true};
}

MaybeInt Compute(const Operand& operand, const RowView& row) {
  switch (operand.kind) {
    case Operand::Kind::kNull:
      return {.is_null = true};
    case Operand::Kind::kLiteral:
      return {.value = WholeNumber(operand.text)};
    case Operand::Kind::kArithmetic:
      return Compute(*operand.arithmetic, row);
    case Operand::Kind::kColumn:
      break;
  }
  if (row.is_null(operand.column)) return {.is_null = true};
  const std::string_view cell = row.cell(operand.column);
  if (operand.type == TypeKind::kBit) return {.value = static_cast<Int128>(BitsOf(cell))};
  return {.value = WholeNumber(cell)};
}

int64_t MomentOf(const Operand& operand, std::string_view cell) {
  std::optional<int64_t> moment =
      operand.type == TypeKind::kTime ? ParseTime(cell) : ParseMoment(cell);
  GODWIT_CHECK(moment.has_value(), "a cell of a date or time column is in canonical form");
  return *moment;
}

void Resolve(const Operand& operand, Family family, const RowView& row, Scalar& out) {
  switch (operand.kind) {
    case Operand::Kind::kNull:
      out.is_null = true;
      return;
    case Operand::Kind::kLiteral:
      out.text = operand.text;
      out.number = operand.number;
      out.moment = operand.moment;
      return;
    case Operand::Kind::kArithmetic: {
      const MaybeInt value = Compute(*operand.arithmetic, row);
      out.is_null = value.is_null;
      SetText(out, value.value);
      if (family == Family::kDouble) out.number = static_cast<double>(value.value);
      return;
    }
    case Operand::Kind::kColumn:
      break;
  }
  out.is_null = row.is_null(operand.column);
  if (out.is_null) return;
  out.text = row.cell(operand.column);
  if (operand.type == TypeKind::kBit) SetText(out, static_cast<Int128>(BitsOf(out.text)));
  if (family == Family::kDouble) out.number = ToDouble(out.text);
  if (family == Family::kTime) out.moment = MomentOf(operand, out.text);
}

Truth TruthOf(bool value) { return value ? Truth::kTrue : Truth::kFalse; }

class Constant : public Condition {
 public:
  explicit Constant(Truth truth) : truth_(truth) {}
  Truth Evaluate(const RowView&) const override { return truth_; }

 private:
  Truth truth_;
};

class Not : public Condition {
 public:
  explicit Not(ConditionPtr inner) : inner_(std::move(inner)) {}
  Truth Evaluate(const RowView& row) const override {
    const Truth truth = inner_->Evaluate(row);
    if (truth == Truth::kUnknown) return truth;
    return TruthOf(truth == Truth::kFalse);
  }

 private:
  ConditionPtr inner_;
};

// AND stops at the first false, OR at the first true; else one unknown makes the whole unknown.
class Several : public Condition {
 public:
  Several(std::vector<ConditionPtr> parts, Truth decisive)
      : parts_(std::move(parts)), decisive_(decisive) {}
  Truth Evaluate(const RowView& row) const override {
    Truth result = decisive_ == Truth::kTrue ? Truth::kFalse : Truth::kTrue;
    for (const ConditionPtr& part : parts_) {
      const Truth truth = part->Evaluate(row);
      if (truth == decisive_) return truth;
      if (truth == Truth::kUnknown) result = truth;
    }
    return result;
  }

 private:
  std::vector<ConditionPtr> parts_;
  Truth decisive_;
};

class IsNull : public Condition {
 public:
  explicit IsNull(Operand operand) : operand_(std::move(operand)) {}
  Truth Evaluate(const RowView& row) const override {
    if (operand_.kind == Operand::Kind::kColumn) return TruthOf(row.is_null(operand_.column));
    if (operand_.kind == Operand::Kind::kArithmetic) {
      return TruthOf(Compute(*operand_.arithmetic, row).is_null);
    }
    return TruthOf(operand_.kind == Operand::Kind::kNull);
  }

 private:
  Operand operand_;
};

class Like : public Condition {
 public:
  Like(Operand text, LikePattern pattern) : text_(std::move(text)), pattern_(std::move(pattern)) {}
  Truth Evaluate(const RowView& row) const override {
    if (row.is_null(text_.column)) return Truth::kUnknown;
    return TruthOf(pattern_.Matches(row.cell(text_.column)));
  }

 private:
  Operand text_;
  LikePattern pattern_;
};

class Comparison : public Condition {
 public:
  Comparison(CompareOp op, Operand left, Operand right, Family family, TextRule rule)
      : op_(op), left_(std::move(left)), right_(std::move(right)), family_(family), rule_(rule) {}

  Truth Evaluate(const RowView& row) const override {
    Scalar a;
    Scalar b;
    Resolve(left_, family_, row, a);
    Resolve(right_, family_, row, b);
    if (a.is_null || b.is_null) {
      return op_ == CompareOp::kNullSafe ? TruthOf(a.is_null && b.is_null) : Truth::kUnknown;
    }
    const int order = Compare(a, b);
    switch (op_) {
      case CompareOp::kEqual:
      case CompareOp::kNullSafe:
        return TruthOf(order == 0);
      case CompareOp::kNotEqual:
        return TruthOf(order != 0);
      case CompareOp::kLess:
        return TruthOf(order < 0);
      case CompareOp::kLessOrEqual:
        return TruthOf(order <= 0);
      case CompareOp::kGreater:
        return TruthOf(order > 0);
      case CompareOp::kGreaterOrEqual:
        return TruthOf(order >= 0);
    }
    return Truth::kUnknown;
  }

 private:
  int Compare(const Scalar& a, const Scalar& b) const {
    switch (family_) {
      case Family::kExact:
        return CompareDecimals(a.text, b.text);
      case Family::kDouble:
        return a.number < b.number ? -1 : a.number > b.number ? 1 : 0;
      case Family::kTime:
        return a.moment < b.moment ? -1 : a.moment > b.moment ? 1 : 0;
      case Family::kText:
      case Family::kBytes:
      case Family::kOpaque:
        return CompareText(a.text, b.text, rule_);
    }
    return 0;
  }

  CompareOp op_;
  Operand left_;
  Operand right_;
  Family family_;
  TextRule rule_;
};

}  // namespace

bool RowView::is_null(int column) const {
  const RowBatch::CellState state = rows_.state(row_, Place(column));
  // A filter over a partial image would guess which side of it the row is on.
  GODWIT_CHECK(state != RowBatch::CellState::kAbsent,
               "a row image carries every column that the row filter looks at");
  return state == RowBatch::CellState::kNull;
}

ConditionPtr MakeConstant(Truth truth) { return std::make_unique<Constant>(truth); }
ConditionPtr MakeNot(ConditionPtr inner) { return std::make_unique<Not>(std::move(inner)); }
ConditionPtr MakeAll(std::vector<ConditionPtr> parts) {
  return std::make_unique<Several>(std::move(parts), Truth::kFalse);
}
ConditionPtr MakeAny(std::vector<ConditionPtr> parts) {
  return std::make_unique<Several>(std::move(parts), Truth::kTrue);
}
ConditionPtr MakeIsNull(Operand operand) { return std::make_unique<IsNull>(std::move(operand)); }
ConditionPtr MakeLike(Operand text, LikePattern pattern) {
  return std::make_unique<Like>(std::move(text), std::move(pattern));
}
ConditionPtr MakeComparison(CompareOp op, Operand left, Operand right, Family family,
                            TextRule rule) {
  return std::make_unique<Comparison>(op, std::move(left), std::move(right), family, rule);
}

}  // namespace godwit::filter
