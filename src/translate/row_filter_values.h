// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/table_schema.h"

// How a row filter understands and compares values (docs/row-filter.md). Nothing here allocates
// but the functions that return strings, which run once per filter.
namespace godwit::filter {

// What a column's cells are compared as.
enum class Family {
  kExact,  // decimal text of any length
  kDouble,
  kText,
  kBytes,
  kTime,    // microseconds on one scale per kind
  kOpaque,  // only IS NULL
};

Family FamilyOf(const LogicalType& type);

struct TextRule {
  bool folds_case = false;
  bool pads_blanks = false;  // trailing blanks do not count
  bool has_order = true;     // < and > mean the order of bytes

  bool operator==(const TextRule&) const = default;
};
TextRule TextRuleOf(const ColumnSchema& column);

// -1, 0, 1 for two decimal texts "[-]digits[.digits]".
int CompareDecimals(std::string_view a, std::string_view b);
// The decimal text of a number as written, with or without exponent and sign; nullopt if it is none
// or its exponent goes beyond 400.
std::optional<std::string> ToDecimal(std::string_view written);
double ToDouble(std::string_view text);

// Microseconds of a date, datetime or timestamp, or of a time; nullopt if it is none. The scale
// only orders: months and years are counted with gaps, so that zero dates have their place.
std::optional<int64_t> ParseMoment(std::string_view text);
std::optional<int64_t> ParseTime(std::string_view text);

int CompareText(std::string_view a, std::string_view b, const TextRule& rule);

// A LIKE pattern, compiled once.
class LikePattern {
 public:
  // escape '\0': none. `as_bytes`: a character is a byte.
  LikePattern(std::string_view pattern, char escape, TextRule rule, Family family);
  bool Matches(std::string_view text) const;

 private:
  struct Unit {
    enum class Kind { kCharacter, kOne, kAny } kind;
    uint32_t character = 0;
  };
  uint32_t Take(std::string_view text, size_t& at) const;

  std::vector<Unit> units_;
  bool folds_case_;
  bool is_bytes_;
};

}  // namespace godwit::filter
