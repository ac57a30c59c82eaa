// SPDX-License-Identifier: Apache-2.0
#include "translate/row_predicate_parser.h"

#include <fmt/format.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "base/error.h"
#include "translate/row_filter_lexer.h"
#include "translate/row_filter_nodes.h"

namespace godwit {
namespace filter {
namespace {

constexpr int kMaxDepth = 100;  // of nesting; the parser recurses
constexpr int kMaxBits = 126;   // of an integer expression, which is computed in 128

// What a piece of the filter is: a condition, or an operand that may still become one.
struct Piece {
  ConditionPtr condition;
  Operand operand;
  size_t at = 0;
};

std::string_view NameOf(Family family) {
  switch (family) {
    case Family::kExact:
    case Family::kDouble:
      return "a number";
    case Family::kText:
      return "text";
    case Family::kBytes:
      return "bytes";
    case Family::kTime:
      return "a date or time";
    case Family::kOpaque:
      return "a value that can only be tested with IS NULL";
  }
  return "";
}

class Parser {
 public:
  Parser(std::string_view where, const TableSchema& table)
      : table_(table), tokens_(Tokenize(where)) {}

  ConditionPtr Parse() {
    Piece whole = ParseOr();
    if (token().kind != Token::Kind::kEnd) Fail("AND, OR or the end of the filter");
    return ToCondition(std::move(whole));
  }
  std::vector<int> TakeColumns() {
    std::sort(columns_.begin(), columns_.end());
    columns_.erase(std::unique(columns_.begin(), columns_.end()), columns_.end());
    return std::move(columns_);
  }

 private:
  struct Depth {
    explicit Depth(Parser& p) : parser(p) {
      if (++parser.depth_ > kMaxDepth) FailAt(parser.token().at, "it is nested too deeply");
    }
    ~Depth() { --parser.depth_; }
    Parser& parser;
  };

  const Token& token() const { return tokens_[next_]; }
  bool Accept(std::string_view text) {
    if (!token().Is(text)) return false;
    ++next_;
    return true;
  }
  void Expect(std::string_view text) {
    if (!Accept(text)) Fail(text);
  }
  [[noreturn]] void Fail(std::string_view expected) const {
    FailAt(token().at, fmt::format("expected {}, found {}", expected,
                                   token().kind == Token::Kind::kEnd ? "the end" : token().shown));
  }

  Piece ParseOr() {
    Depth depth(*this);
    return ParseChain({"OR", "||"}, [this] { return ParseAnd(); }, MakeAny);
  }
  Piece ParseAnd() {
    return ParseChain({"AND", "&&"}, [this] { return ParseNot(); }, MakeAll);
  }
  template <typename Next, typename Make>
  Piece ParseChain(std::pair<std::string_view, std::string_view> words, Next next, Make make) {
    Piece first = next();
    if (!token().Is(words.first) && !token().Is(words.second)) return first;
    const size_t at = first.at;
    std::vector<ConditionPtr> parts;
    parts.push_back(ToCondition(std::move(first)));
    while (Accept(words.first) || Accept(words.second)) parts.push_back(ToCondition(next()));
    return {.condition = make(std::move(parts)), .at = at};
  }

  Piece ParseNot() {
    const size_t at = token().at;
    if (!Accept("NOT")) return ParsePredicate();
    Depth depth(*this);
    return {.condition = MakeNot(ToCondition(ParseNot())), .at = at};
  }

  Piece ParsePredicate() {
    Piece left = ParseSum();
    if (left.condition) return left;
    const size_t at = left.at;
    if (std::optional<CompareOp> op = AcceptComparison()) {
      Piece right = ParseSum();
      if (right.condition) FailAt(right.at, "a condition cannot be compared");
      if (IsComparison(token()))
        FailAt(token().at, "comparisons cannot be chained; join them by AND");
      return {.condition = Compare(*op, std::move(left.operand), std::move(right.operand)),
              .at = at};
    }
    if (Accept("IS")) {
      const bool is_not = Accept("NOT");
      if (!Accept("NULL")) Fail("NULL");
      return Maybe(is_not, MakeIsNull(std::move(left.operand)), at);
    }
    const bool is_not = Accept("NOT");
    if (Accept("IN")) return Maybe(is_not, ParseIn(std::move(left.operand)), at);
    if (Accept("BETWEEN")) return Maybe(is_not, ParseBetween(std::move(left.operand)), at);
    if (Accept("LIKE")) return Maybe(is_not, ParseLike(std::move(left.operand)), at);
    if (is_not) Fail("IN, BETWEEN or LIKE");
    return left;
  }

  static Piece Maybe(bool is_not, ConditionPtr condition, size_t at) {
    return {.condition = is_not ? MakeNot(std::move(condition)) : std::move(condition), .at = at};
  }

  ConditionPtr ParseIn(const Operand& left) {
    Expect("(");
    std::vector<ConditionPtr> parts;
    do {
      parts.push_back(Compare(CompareOp::kEqual, left, ParseOperand()));
    } while (Accept(","));
    Expect(")");
    return MakeAny(std::move(parts));
  }

  ConditionPtr ParseBetween(const Operand& left) {
    std::vector<ConditionPtr> parts;
    parts.push_back(Compare(CompareOp::kGreaterOrEqual, left, ParseOperand()));
    Expect("AND");
    parts.push_back(Compare(CompareOp::kLessOrEqual, left, ParseOperand()));
    return MakeAll(std::move(parts));
  }

  ConditionPtr ParseLike(Operand left) {
    const bool is_text = left.family == Family::kText || left.family == Family::kBytes;
    if (left.kind != Operand::Kind::kColumn || !is_text) {
      FailAt(left.at, "LIKE needs a column of text or bytes on its left");
    }
    if (token().kind != Token::Kind::kString) Fail("a quoted pattern");
    std::string pattern = tokens_[next_++].text;
    char escape = '\\';
    if (Accept("ESCAPE")) {
      if (token().kind != Token::Kind::kString || token().text.size() > 1) {
        Fail("one quoted ASCII character, or ''");
      }
      const std::string& text = tokens_[next_++].text;
      escape = text.empty() ? '\0' : text[0];
    }
    TextRule rule = left.rule;
    Family family = left.family;
    return MakeLike(std::move(left), LikePattern(pattern, escape, rule, family));
  }

  static std::optional<CompareOp> ComparisonOf(const Token& token) {
    static constexpr std::pair<std::string_view, CompareOp> kOps[] = {
        {"=", CompareOp::kEqual},           {"<>", CompareOp::kNotEqual},
        {"!=", CompareOp::kNotEqual},       {"<", CompareOp::kLess},
        {"<=", CompareOp::kLessOrEqual},    {">", CompareOp::kGreater},
        {">=", CompareOp::kGreaterOrEqual}, {"<=>", CompareOp::kNullSafe}};
    for (const auto& [text, op] : kOps) {
      if (token.Is(text)) return op;
    }
    return {};
  }
  static bool IsComparison(const Token& token) { return ComparisonOf(token).has_value(); }
  std::optional<CompareOp> AcceptComparison() {
    std::optional<CompareOp> op = ComparisonOf(token());
    if (op) ++next_;
    return op;
  }

  Operand ParseOperand() {
    Piece piece = ParseSum();
    if (piece.condition) FailAt(piece.at, "a value is expected here, not a condition");
    return std::move(piece.operand);
  }

  Piece ParseSum() {
    Piece left = ParseProduct();
    for (;;) {
      const size_t at = token().at;
      if (Accept("+")) {
        left = Combine(Arithmetic::Op::kAdd, std::move(left), ParseProduct(), at);
      } else if (Accept("-")) {
        left = Combine(Arithmetic::Op::kSubtract, std::move(left), ParseProduct(), at);
      } else {
        return left;
      }
    }
  }

  Piece ParseProduct() {
    Piece left = ParsePrimary();
    for (;;) {
      const size_t at = token().at;
      if (token().Is("/")) FailAt(at, "'/' is not exact; use DIV on whole numbers");
      if (Accept("*")) {
        left = Combine(Arithmetic::Op::kMultiply, std::move(left), ParsePrimary(), at);
      } else if (Accept("%") || Accept("MOD")) {
        left = Combine(Arithmetic::Op::kModulo, std::move(left), ParsePrimary(), at);
      } else if (Accept("DIV")) {
        left = Combine(Arithmetic::Op::kDivide, std::move(left), ParsePrimary(), at);
      } else {
        return left;
      }
    }
  }

  Piece Combine(Arithmetic::Op op, Piece left, Piece right, size_t at) {
    if (left.condition || right.condition) FailAt(at, "a condition cannot be calculated with");
    for (Operand* side : {&left.operand, &right.operand}) {
      if (side->kind == Operand::Kind::kNull) continue;
      if (!side->is_whole_number) FailAt(side->at, "only whole numbers can be calculated with");
    }
    if (++calculations_ > kMaxDepth) FailAt(at, "it calculates too much");
    const int a = left.operand.bits;
    const int b = right.operand.bits;
    Operand out;
    out.kind = Operand::Kind::kArithmetic;
    out.family = Family::kExact;
    out.is_whole_number = true;
    out.at = left.at;
    switch (op) {
      case Arithmetic::Op::kAdd:
      case Arithmetic::Op::kSubtract:
        out.bits = std::max(a, b) + 1;
        break;
      case Arithmetic::Op::kMultiply:
        out.bits = a + b;
        break;
      case Arithmetic::Op::kDivide:
        out.bits = a;
        break;
      case Arithmetic::Op::kModulo:
        out.bits = std::min(a, b);
        break;
    }
    if (out.bits > kMaxBits) FailAt(at, "the result may have more than 126 bits");
    out.arithmetic = std::make_shared<const Arithmetic>(
        Arithmetic{op, std::move(left.operand), std::move(right.operand)});
    return {.operand = std::move(out), .at = left.at};
  }

  Piece ParsePrimary() {
    Depth depth(*this);
    const Token& t = token();
    const size_t at = t.at;
    if (Accept("(")) {
      Piece inner = ParseOr();
      Expect(")");
      inner.at = at;
      return inner;
    }
    if (Accept("+")) return ParsePrimary();
    if (Accept("-")) return Negate(ParsePrimary(), at);
    Operand operand;
    operand.at = at;
    if (t.kind == Token::Kind::kWord && ReadKeyword(t, operand))
      return {.operand = operand, .at = at};
    switch (t.kind) {
      case Token::Kind::kWord:
      case Token::Kind::kQuotedName:
        operand = Column(t);
        break;
      case Token::Kind::kNumber:
        operand = Number(t.text, at);
        break;
      case Token::Kind::kString:
        operand.kind = Operand::Kind::kLiteral;
        operand.written = Operand::Written::kString;
        operand.text = t.text;
        break;
      case Token::Kind::kHex:
        operand.kind = Operand::Kind::kLiteral;
        operand.written = Operand::Written::kHex;
        operand.text = t.text;
        break;
      default:
        Fail("a column or a value");
    }
    ++next_;
    return {.operand = std::move(operand), .at = at};
  }

  // TRUE, FALSE, NULL, and the type before a date or time.
  bool ReadKeyword(const Token& t, Operand& operand) {
    if (t.Is("NULL")) {
      ++next_;
      return true;
    }
    if (t.Is("TRUE") || t.Is("FALSE")) {
      operand = Number(t.Is("TRUE") ? "1" : "0", t.at);
      ++next_;
      return true;
    }
    const bool is_typed = t.Is("DATE") || t.Is("TIME") || t.Is("TIMESTAMP");
    if (is_typed && tokens_[next_ + 1].kind == Token::Kind::kString) {
      operand.kind = Operand::Kind::kLiteral;
      operand.written = Operand::Written::kString;
      operand.text = tokens_[next_ + 1].text;
      next_ += 2;
      return true;
    }
    static constexpr std::string_view kReserved[] = {
        "AND", "OR",   "NOT",    "IN",     "BETWEEN", "LIKE",  "IS",       "XOR",   "DIV",
        "MOD", "CASE", "SELECT", "EXISTS", "REGEXP",  "RLIKE", "INTERVAL", "BINARY"};
    if (std::find(std::begin(kReserved), std::end(kReserved), t.text) != std::end(kReserved)) {
      Fail("a column or a value");
    }
    return false;
  }

  static Operand Number(const std::string& written, size_t at) {
    std::optional<std::string> decimal = ToDecimal(written);
    if (!decimal) FailAt(at, "the number is out of range");
    Operand operand;
    operand.kind = Operand::Kind::kLiteral;
    operand.family = Family::kExact;
    operand.written = Operand::Written::kNumber;
    operand.is_whole_number = decimal->find('.') == std::string::npos && decimal->size() <= 30;
    operand.bits = static_cast<int>(decimal->size() * 10 / 3) + 1;
    operand.number = ToDouble(*decimal);
    operand.text = std::move(*decimal);
    operand.at = at;
    return operand;
  }

  Piece Negate(Piece piece, size_t at) {
    if (piece.condition) FailAt(at, "a condition has no sign");
    Operand& operand = piece.operand;
    if (operand.written == Operand::Written::kNumber) {
      operand.text = operand.text.starts_with('-') ? operand.text.substr(1) : "-" + operand.text;
      operand.number = -operand.number;
      return piece;
    }
    return Combine(Arithmetic::Op::kSubtract, {.operand = Number("0", at), .at = at},
                   std::move(piece), at);
  }

  Operand Column(const Token& t) {
    const Token& after = tokens_[next_ + 1];
    if (after.Is("("))
      FailAt(t.at, fmt::format("functions such as {} are not known here", t.shown));
    if (after.Is(".")) FailAt(t.at, "a column is named without its table");
    const int ordinal = table_.FindColumn(t.shown);
    if (ordinal < 0) {
      FailAt(t.at, fmt::format("{} has no column {}", table_.name.ToString(), t.shown));
    }
    const ColumnSchema& column = table_.columns[static_cast<size_t>(ordinal)];
    Operand operand;
    operand.kind = Operand::Kind::kColumn;
    operand.family = FamilyOf(column.type);
    operand.column = ordinal;
    operand.type = column.type.kind;
    operand.is_whole_number =
        column.type.kind == TypeKind::kInteger || column.type.kind == TypeKind::kBit;
    operand.bits = column.type.kind == TypeKind::kInteger ? column.type.bits : 64;
    if (operand.family == Family::kText) operand.rule = TextRuleOf(column);
    operand.at = t.at;
    columns_.push_back(ordinal);
    return operand;
  }

  // What was written where a condition must stand: a number is true unless it is 0.
  ConditionPtr ToCondition(Piece piece) {
    if (piece.condition) return std::move(piece.condition);
    if (piece.operand.kind == Operand::Kind::kNull) return MakeConstant(Truth::kUnknown);
    if (piece.operand.family != Family::kExact && piece.operand.family != Family::kDouble) {
      FailAt(piece.at, "a condition is expected here, such as column = value");
    }
    return Compare(CompareOp::kNotEqual, std::move(piece.operand), Number("0", piece.at));
  }

  // Decides as what two operands are compared and turns literals into that.
  ConditionPtr Compare(CompareOp op, Operand left, Operand right) {
    const bool left_is_written = left.written != Operand::Written::kNothing;
    const bool right_is_written = right.written != Operand::Written::kNothing;
    if (left.family == Family::kOpaque && right.family == Family::kOpaque && left_is_written &&
        right_is_written) {
      FailAt(left.at, "a literal can only be compared with a column");
    }
    if (left.kind == Operand::Kind::kNull || right.kind == Operand::Kind::kNull) {
      return MakeComparison(op, std::move(left), std::move(right), Family::kExact, {});
    }
    if (left_is_written && !right_is_written) Adapt(left, right);
    if (right_is_written && !left_is_written) Adapt(right, left);
    for (const Operand* side : {&left, &right}) {
      if (side->family == Family::kOpaque) {
        FailAt(side->at, "this column can only be tested with IS NULL");
      }
    }
    Family family = left.family;
    const bool is_number = IsNumber(left) && IsNumber(right);
    if (is_number && left.family != right.family) family = Family::kDouble;
    if (!is_number && left.family != right.family) {
      FailAt(right.at, fmt::format("{} cannot be compared with {}", NameOf(left.family),
                                   NameOf(right.family)));
    }
    CheckSides(left, right);
    const TextRule rule = left.kind == Operand::Kind::kColumn ? left.rule : right.rule;
    const bool needs_order =
        op != CompareOp::kEqual && op != CompareOp::kNotEqual && op != CompareOp::kNullSafe;
    if (family == Family::kText && needs_order && !rule.has_order) {
      FailAt(left.at, "text is ordered only in columns of a binary collation; use =, IN or LIKE");
    }
    return MakeComparison(op, std::move(left), std::move(right), family, rule);
  }

  static bool IsNumber(const Operand& operand) {
    return operand.family == Family::kExact || operand.family == Family::kDouble;
  }

  static void CheckSides(const Operand& left, const Operand& right) {
    if (left.kind != Operand::Kind::kColumn || right.kind != Operand::Kind::kColumn) return;
    if (left.family == Family::kText && !(left.rule == right.rule)) {
      FailAt(right.at, "the two columns' collations differ");
    }
    if ((left.type == TypeKind::kTime) != (right.type == TypeKind::kTime)) {
      FailAt(right.at, "a time of day cannot be compared with a date");
    }
    if ((left.type == TypeKind::kTimestamp) != (right.type == TypeKind::kTimestamp)) {
      FailAt(right.at, "a timestamp is an instant; it cannot be compared with a local date");
    }
  }

  static void Adapt(Operand& literal, const Operand& other) {
    switch (other.family) {
      case Family::kExact:
      case Family::kDouble:
        return AdaptNumber(literal);
      case Family::kText:
      case Family::kBytes:
        if (literal.written == Operand::Written::kNumber) {
          FailAt(literal.at,
                 fmt::format("{} is compared with a quoted value", NameOf(other.family)));
        }
        literal.family = other.family;
        return;
      case Family::kTime: {
        std::optional<int64_t> moment;
        if (literal.written == Operand::Written::kString) {
          moment =
              other.type == TypeKind::kTime ? ParseTime(literal.text) : ParseMoment(literal.text);
        }
        if (!moment) {
          FailAt(literal.at, other.type == TypeKind::kTime
                                 ? "a time is written 'hh:mm:ss'"
                                 : "a date is written 'YYYY-MM-DD' or 'YYYY-MM-DD hh:mm:ss'");
        }
        literal.moment = *moment;
        literal.family = Family::kTime;
        return;
      }
      case Family::kOpaque:
        return;
    }
  }

  static void AdaptNumber(Operand& literal) {
    if (literal.written == Operand::Written::kString) {
      std::optional<std::string> decimal = ToDecimal(literal.text);
      if (!decimal) FailAt(literal.at, "this is compared with a number, and is none");
      literal.text = std::move(*decimal);
    } else if (literal.written == Operand::Written::kHex) {
      if (literal.text.size() > 8) FailAt(literal.at, "the number has more than 64 bits");
      uint64_t value = 0;
      for (char c : literal.text) value = value << 8 | static_cast<unsigned char>(c);
      literal.text = std::to_string(value);
    }
    literal.family = Family::kExact;
    literal.number = ToDouble(literal.text);
  }

  const TableSchema& table_;
  const std::vector<Token> tokens_;
  size_t next_ = 0;
  int depth_ = 0;
  int calculations_ = 0;
  std::vector<int> columns_;
};

class CompiledFilter : public RowPredicate {
 public:
  CompiledFilter(ConditionPtr condition, std::vector<int> columns, size_t table_columns)
      : condition_(std::move(condition)),
        columns_(std::move(columns)),
        slot_of_(table_columns, -1) {
    for (size_t i = 0; i < columns_.size(); ++i) {
      slot_of_[static_cast<size_t>(columns_[i])] = static_cast<int>(i);
    }
  }

  const std::vector<int>& columns() const override { return columns_; }
  bool Passes(const RowBatch& rows, size_t row, const std::vector<int>& cell_of) const override {
    return condition_->Evaluate(RowView(rows, row, slot_of_, cell_of)) == Truth::kTrue;
  }

 private:
  ConditionPtr condition_;
  std::vector<int> columns_;
  std::vector<int> slot_of_;
};

}  // namespace
}  // namespace filter

std::shared_ptr<const RowPredicate> ParseRowFilter(std::string_view where,
                                                   const TableSchema& table) {
  try {
    filter::Parser parser(where, table);
    filter::ConditionPtr condition = parser.Parse();
    return std::make_shared<filter::CompiledFilter>(std::move(condition), parser.TakeColumns(),
                                                    table.columns.size());
  } catch (const Error& error) {
    throw error.At(Side::kNone, table.name.ToString());
  }
}

}  // namespace godwit
