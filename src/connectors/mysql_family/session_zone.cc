// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/session_zone.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <utility>

#include "connectors/mysql_family/lexer.h"

namespace godwit::mysql {
namespace {

using DefaultKind = ColumnSchema::Default::Kind;

constexpr int64_t kMinute = 60;
constexpr int64_t kHour = 60 * kMinute;
constexpr int64_t kDay = 24 * kHour;
constexpr int kFirstYear = 1970;
constexpr int kLastYear = 2037;  // the last whole one that every server's TIMESTAMP has

bool IsDigit(char c) { return c >= '0' && c <= '9'; }

// Takes a number of at most so many digits off the front; -1 if there is none.
int TakeNumber(std::string_view& text, size_t most) {
  size_t digits = 0;
  int value = 0;
  for (; digits < std::min(most, text.size()) && IsDigit(text[digits]); ++digits) {
    value = value * 10 + (text[digits] - '0');
  }
  text.remove_prefix(digits);
  return digits == 0 ? -1 : value;
}

// Takes what stands between two numbers off the front; MySQL takes any punctuation.
void TakeSeparator(std::string_view& text) {
  while (!text.empty() && !IsDigit(text[0])) text.remove_prefix(1);
}

int64_t SecondsOf(int year, int month, int day) {
  using namespace std::chrono;
  const year_month_day date{std::chrono::year{year},
                            std::chrono::month{static_cast<unsigned>(month)},
                            std::chrono::day{static_cast<unsigned>(day)}};
  return int64_t{sys_days{date}.time_since_epoch().count()} * kDay;
}

bool IsDate(int year, int month, int day) {
  return std::chrono::year_month_day{std::chrono::year{year},
                                     std::chrono::month{static_cast<unsigned>(month)},
                                     std::chrono::day{static_cast<unsigned>(day)}}
      .ok();
}

int64_t MiddleOf(int year, int month) { return SecondsOf(year, month, 15); }

std::string OffsetText(int64_t seconds) {
  const int64_t minutes = std::abs(seconds) / kMinute;
  return fmt::format("{}{:02}:{:02}", seconds < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

}  // namespace

std::optional<int64_t> ParseOffset(std::string_view text) {
  const bool is_offset = text.size() == 6 && (text[0] == '+' || text[0] == '-') &&
                         IsDigit(text[1]) && IsDigit(text[2]) && text[3] == ':' &&
                         IsDigit(text[4]) && IsDigit(text[5]);
  if (!is_offset) return {};
  std::string_view hours = text.substr(1, 2);
  std::string_view minutes = text.substr(4, 2);
  const int64_t seconds = TakeNumber(hours, 2) * kHour + TakeNumber(minutes, 2) * kMinute;
  return text[0] == '-' ? -seconds : seconds;
}

// MySQL manual, "Date and Time Literals": numbers with anything between them, or all digits
// together; a year of two digits is one from 1970 to 2069.
std::optional<ClockTime> ClockTime::Parse(std::string_view text) {
  constexpr size_t kOffsetSize = 6;
  ClockTime out;
  if (text.size() > kOffsetSize) {
    const std::string_view clock = text.substr(0, text.size() - kOffsetSize);
    // Only behind a time: "2020-01-02-03:04" has another sign there.
    if (clock.find(':') != std::string_view::npos) {
      out.offset = ParseOffset(text.substr(clock.size()));
    }
    if (out.offset) text = clock;
  }
  const size_t digits = std::min(text.find_first_not_of("0123456789"), text.size());
  const bool is_packed = digits == 6 || digits == 8 || digits == 12 || digits == 14;
  const bool has_short_year = digits <= 2 || digits == 6 || digits == 12;
  const size_t count = is_packed && digits <= 8 ? 3 : 6;
  int parts[6] = {};
  size_t n = 0;
  for (; n < count && !text.empty(); ++n) {
    if (n > 0 && !is_packed) TakeSeparator(text);
    parts[n] = TakeNumber(text, n == 0 && !has_short_year ? 4 : 2);
    if (parts[n] < 0) return {};
  }
  if (n < 3) return {};
  if (!text.empty()) {
    const bool is_fraction =
        n == 6 && text[0] == '.' && std::all_of(text.begin() + 1, text.end(), IsDigit);
    if (!is_fraction) return {};
    if (text.size() > 1) out.fraction = text;
  }
  if (has_short_year) parts[0] += parts[0] < 70 ? 2000 : 1900;
  const bool is_time = parts[3] < 24 && parts[4] < 60 && parts[5] < 60;
  if (!is_time || !IsDate(parts[0], parts[1], parts[2])) return {};
  out.seconds =
      SecondsOf(parts[0], parts[1], parts[2]) + parts[3] * kHour + parts[4] * kMinute + parts[5];
  return out;
}

std::string ClockTime::ToText() const {
  using namespace std::chrono;
  const sys_days day = std::chrono::floor<days>(sys_seconds{std::chrono::seconds{seconds}});
  const year_month_day date{day};
  const int64_t rest = seconds - int64_t{day.time_since_epoch().count()} * kDay;
  return fmt::format("{:04}-{:02}-{:02} {:02}:{:02}:{:02}{}", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                     rest / kHour, rest % kHour / kMinute, rest % kMinute, fraction);
}

SessionZone::SessionZone(std::string_view name, LocalTime local_time)
    : name_(name), offset_(ParseOffset(name)), local_time_(std::move(local_time)) {}

std::optional<int64_t> SessionZone::OffsetAt(int64_t moment) const {
  if (offset_) return offset_;
  if (!local_time_) return {};
  moment = std::max<int64_t>(moment, 0);
  const auto shown = ClockTime::Parse(local_time_(name_, static_cast<uint32_t>(moment)));
  if (!shown) return {};
  return shown->seconds - moment;
}

std::optional<int64_t> SessionZone::OffsetAtAll(const std::vector<int64_t>& moments) const {
  std::optional<int64_t> offset;
  for (int64_t moment : moments) {
    const auto here = OffsetAt(moment);
    if (!here || offset.value_or(*here) != *here) return {};
    offset = here;
  }
  return offset;
}

// Clocks are changed for half a year, so the middles of two seasons show it.
std::optional<std::string> SessionZone::FixedOffset() const {
  if (offset_) return OffsetText(*offset_);
  std::vector<int64_t> moments;
  for (int year = kFirstYear; year <= kLastYear; ++year) {
    moments.push_back(MiddleOf(year, 1));
    moments.push_back(MiddleOf(year, 7));
  }
  const auto offset = OffsetAtAll(moments);
  if (!offset || *offset % kMinute != 0) return {};
  return OffsetText(*offset);
}

std::optional<int64_t> SessionZone::MomentOf(const ClockTime& clock) const {
  if (clock.offset) return clock.seconds - *clock.offset;
  const bool is_known = clock.seconds + kDay < MiddleOf(kLastYear, 12);
  // Later than a server can be asked, the last year's rule goes on.
  const auto offset =
      OffsetAtAll(is_known ? std::vector{clock.seconds - kDay, clock.seconds + kDay}
                           : std::vector{MiddleOf(kLastYear, 1), MiddleOf(kLastYear, 7)});
  if (!offset) return {};
  return clock.seconds - *offset;
}

namespace {

class TimeSettler {
 public:
  TimeSettler(const TableSchema* before, const SessionZone& zone) : before_(before), zone_(zone) {}

  void Settle(SchemaChange& change) {
    if (change.definition) {
      for (ColumnSchema& column : change.definition->columns) Default(column, column.type.kind);
      if (change.definition->partitioning) Bounds(change.definition->partitioning->partitions);
    }
    bool depends = false;
    for (AlterAction& action : change.actions) {
      const bool sets_default = action.kind == AlterAction::Kind::kSetDefault;
      Default(action.column, sets_default ? OldKind(action.name) : action.column.type.kind);
      Bounds(action.partitions);
      if (action.partitioning) Bounds(action.partitioning->partitions);
      depends = depends || Depends(action);
    }
    if (!depends && !is_unsettled_) return;
    const std::string zone = zone_.FixedOffset().value_or(zone_.name());
    if (zone != "+00:00") change.time_zone = zone;
  }

 private:
  TypeKind OldKind(const std::string& name) const {
    const int column = before_ == nullptr ? -1 : before_->FindColumn(name);
    return column < 0 ? TypeKind::kUnknown
                      : before_->columns[static_cast<size_t>(column)].type.kind;
  }

  // Rows that are there are converted, or get what the server computes for them.
  bool Depends(const AlterAction& action) const {
    const ColumnSchema& column = action.column;
    const bool is_timestamp = column.type.kind == TypeKind::kTimestamp;
    if (action.kind == AlterAction::Kind::kModifyColumn) {
      return is_timestamp != (OldKind(action.name) == TypeKind::kTimestamp);
    }
    if (action.kind != AlterAction::Kind::kAddColumn || !column.default_value) return false;
    // The moment itself has its own place in the change.
    const std::string& text = column.default_value->text;
    return column.default_value->kind == DefaultKind::kExpression &&
           !text.starts_with("CURRENT_TIMESTAMP") && !IsBytes(text);
  }

  // b'101', x'41', 0x41: the same value at any time.
  static bool IsBytes(std::string_view text) {
    const std::vector<Token> tokens = Tokenize(text, {});
    const auto is = [&](size_t n, Token::Kind kind) { return tokens[n].kind == kind; };
    if (tokens.size() < 2) return false;
    if (is(0, Token::Kind::kNumber)) return is(1, Token::Kind::kEnd);
    return tokens.size() > 2 && (tokens[0].Is("b") || tokens[0].Is("x")) &&
           is(1, Token::Kind::kString) && is(2, Token::Kind::kEnd);
  }

  void Default(ColumnSchema& column, TypeKind kind) {
    if (kind != TypeKind::kTimestamp || !column.default_value) return;
    std::string& text = column.default_value->text;
    if (column.default_value->kind != DefaultKind::kLiteral || IsZero(text)) return;
    auto clock = ClockTime::Parse(text);
    const auto moment = clock ? zone_.MomentOf(*clock) : std::nullopt;
    if (!moment) {
      is_unsettled_ = true;
      return;
    }
    clock->seconds = *moment;
    text = clock->ToText();
  }

  // The zero date is zero everywhere.
  static bool IsZero(std::string_view text) {
    return text.find_first_of("123456789") == std::string_view::npos;
  }

  void Bounds(std::vector<Partitioning::Partition>& partitions) {
    for (Partitioning::Partition& partition : partitions) Values(partition.values);
  }

  void Values(std::string& values) {
    const std::vector<Token> tokens = Tokenize(values, {});
    auto at = [&](size_t n) -> const Token& { return tokens[std::min(n, tokens.size() - 1)]; };
    std::string out;
    size_t copied = 0;
    for (size_t i = 0; i < tokens.size(); ++i) {
      if (!at(i).Is("unix_timestamp") || !at(i + 1).IsSymbol('(')) continue;
      const bool is_named = at(i + 2).Is("timestamp") || at(i + 2).Is("date");
      const size_t literal = i + (is_named ? 3 : 2);
      const auto moment = at(literal + 1).IsSymbol(')') ? MomentOf(at(literal)) : std::nullopt;
      if (!moment) {
        is_unsettled_ = true;
        continue;
      }
      out += values.substr(copied, at(i).begin - copied) + std::to_string(*moment);
      copied = at(literal + 1).end;
    }
    if (copied != 0) values = out + values.substr(copied);
  }

  std::optional<int64_t> MomentOf(const Token& token) const {
    if (token.kind != Token::Kind::kString && token.kind != Token::Kind::kNumber) return {};
    const auto clock = ClockTime::Parse(token.text);
    if (!clock || !clock->fraction.empty()) return {};
    return zone_.MomentOf(*clock);
  }

  const TableSchema* const before_;
  const SessionZone& zone_;
  bool is_unsettled_ = false;
};

}  // namespace

void SettleTimes(SchemaChange& change, const TableSchema* before, const SessionZone& zone) {
  TimeSettler(before, zone).Settle(change);
}

}  // namespace godwit::mysql
