// SPDX-License-Identifier: Apache-2.0
#include "test/live/random_columns.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <utility>

#include "model/logical_type.h"
#include "test/live/random_values.h"

namespace godwit::live {
namespace {

using mysql::Flavor;
using Columns = std::vector<RandomColumn>;
using Drawer = std::function<std::string(Draw&)>;

constexpr const char* kVector = "VECTOR(5)";
constexpr const char* kVectorElsewhere = "VARBINARY(20)";

// What the servers at hand have in common.
struct Abilities {
  bool other_charsets = true;
  bool gb18030 = true;
  bool json = true;
  bool vector = true;
  bool srids = true;
  bool negative_zero = true;
};

Abilities AbilitiesOf(const std::vector<Server*>& servers) {
  Abilities all;
  all.other_charsets = false;
  for (Server* server : servers) {
    if (server->info().version_number < 50700) all.json = false;
    if (server->is(Flavor::kOceanBase)) {
      all.srids = false;  // this engine has no spatial reference systems
      continue;
    }
    all.other_charsets = true;  // of a source: OceanBase has the same text in utf8mb4
    if (!server->is(Flavor::kMySql) || server->info().version_number < 80000) {
      all.gb18030 = all.vector = false;
    }
    // MariaDB stores -0 as 0.
    if (server->is(Flavor::kMariaDb)) all.negative_zero = false;
  }
  return all;
}

// The last digit, as far as it can be changed without a change of sign or beyond the type's end: no
// type ends in 0 or 1 but those at zero.
std::string NudgeDigit(std::string cell, Draw&) {
  const char digit = cell.back();
  cell.back() = digit == '0' ? '1' : digit == '1' ? '2' : static_cast<char>(digit - 1);
  return cell;
}

std::string NudgeBit(std::string cell, Draw& draw) {
  if (cell.empty()) return std::string(1, '\0');
  cell[draw.Below(cell.size())] ^= static_cast<char>(1 << draw.Below(8));
  return cell;
}

std::function<std::string(const std::string&, Draw&)> DrawAnother(Drawer draw_cell) {
  return [draw_cell = std::move(draw_cell)](const std::string& cell, Draw& draw) {
    for (;;) {
      std::string other = draw_cell(draw);
      if (other != cell) return other;
    }
  };
}

void AddIntegers(Columns& out) {
  using Type = std::pair<const char*, int>;
  for (const auto& [name, bits] : {Type{"TINYINT", 8}, Type{"SMALLINT", 16}, Type{"MEDIUMINT", 24},
                                   Type{"INT", 32}, Type{"BIGINT", 64}}) {
    out.push_back(
        {fmt::format("i{}", bits), name, "",
         [bits](Draw& draw) { return mysql::SignedText(mysql::DrawInteger(bits, draw), bits); },
         NudgeDigit});
    out.push_back({fmt::format("u{}", bits), fmt::format("{} UNSIGNED", name), "",
                   [bits](Draw& draw) { return fmt::format("{}", mysql::DrawInteger(bits, draw)); },
                   NudgeDigit});
  }
  out.push_back({"zero_filled", "INT(6) UNSIGNED ZEROFILL", "",
                 [](Draw& draw) { return fmt::format("{}", mysql::DrawInteger(32, draw)); },
                 NudgeDigit});
  auto year = [](Draw& draw) {
    const uint64_t number = draw.UpTo(255);
    return fmt::format("{}", number == 0 ? 0 : 1900 + number);
  };
  out.push_back({"y", "YEAR", "", year, DrawAnother(year)});
}

std::string DrawDecimal(int precision, int scale, Draw& draw) {
  const std::string digits = mysql::DrawDigits(precision, draw);
  const auto point = static_cast<size_t>(precision - scale);
  return mysql::DecimalText(std::string_view(digits).substr(0, point),
                            std::string_view(digits).substr(point), draw.Flip());
}

void AddDecimals(Columns& out) {
  using Type = std::pair<int, int>;
  for (const auto& [precision, scale] :
       {Type{1, 0}, Type{5, 5}, Type{9, 2}, Type{18, 9}, Type{38, 0}, Type{65, 0}, Type{65, 30}}) {
    auto draw_cell = [precision, scale](Draw& draw) { return DrawDecimal(precision, scale, draw); };
    out.push_back({fmt::format("d{}_{}", precision, scale),
                   fmt::format("DECIMAL({},{})", precision, scale), "", draw_cell, NudgeDigit});
  }
}

template <typename Float>
std::string FloatText(Float value) {
  std::string out;
  sizeof(Float) == 4 ? AppendFloat(out, static_cast<float>(value)) : AppendDouble(out, value);
  return out;
}

template <typename Float, typename Raw>
Float DrawFloat(bool has_negative_zero, Draw& draw) {
  using Limits = std::numeric_limits<Float>;
  Float value{};
  switch (draw.Below(8)) {
    case 0:
      value = Limits::denorm_min();
      break;
    case 1:
      value = draw.Flip() ? Limits::min() : Limits::max();
      break;
    case 2:
      return has_negative_zero && draw.Flip() ? -Float{0} : Float{0};
    case 3:  // what people store: prices and counts
      value = static_cast<Float>(draw.UpTo(20000000)) / Float{100};
      break;
    case 4:
      value = static_cast<Float>(draw.Bits() >> draw.Below(64));
      break;
    default:
      do {
        value = std::bit_cast<Float>(static_cast<Raw>(draw.Bits()));
      } while (!std::isfinite(value));
  }
  return value != 0 && draw.Flip() ? -value : value;
}

template <typename Float, typename Raw>
void AddFloat(Columns& out, const std::string& type, bool has_negative_zero) {
  auto draw_cell = [=](Draw& draw) {
    return FloatText(DrawFloat<Float, Raw>(has_negative_zero, draw));
  };
  auto nudge = [](const std::string& cell, Draw&) {
    const auto value = static_cast<Float>(std::strtod(cell.c_str(), nullptr));
    if (value == 0) return FloatText(std::numeric_limits<Float>::denorm_min());
    const Float next = std::nextafter(value, Float{0});
    return FloatText(next == 0 ? Float{0} : next);
  };
  out.push_back({type, type, "", draw_cell, nudge});
}

void AddBits(Columns& out) {
  for (uint64_t bits : {1, 7, 8, 9, 12, 33, 63, 64}) {
    auto draw_cell = [bits](Draw& draw) {
      return mysql::Big(draw.UpTo(mysql::kAllBits >> (64 - bits)), (bits + 7) / 8);
    };
    auto nudge = [](std::string cell, Draw&) {
      cell.back() ^= 1;
      return cell;
    };
    out.push_back({fmt::format("b{}", bits), fmt::format("BIT({})", bits), "", draw_cell, nudge});
  }
}

std::string WithFraction(const char* type, int fsp) {
  return fsp == 0 ? type : fmt::format("{}({})", type, fsp);
}

void AddTime(Columns& out, int fsp) {
  auto draw_cell = [fsp](Draw& draw) {
    mysql::Parts p = mysql::DrawParts(draw, 838, fsp);
    if (p.hour == 838 && p.minute == 59 && p.second == 59) p.micros = 0;
    const bool is_zero = mysql::ClockBits(p) + p.micros == 0;
    return (draw.Flip() && !is_zero ? "-" : "") + mysql::ClockText(p, fsp);
  };
  auto nudge = [=](const std::string& cell, Draw& draw) {
    const bool is_end = cell.find("838:59:59") != std::string::npos;
    return is_end ? DrawAnother(draw_cell)(cell, draw) : NudgeDigit(cell, draw);
  };
  out.push_back({fmt::format("t{}", fsp), WithFraction("TIME", fsp), "", draw_cell, nudge});
}

void AddDatetime(Columns& out, int fsp) {
  auto draw_cell = [fsp](Draw& draw) {
    const mysql::Parts p = draw.Below(8) == 0 ? mysql::Parts{} : mysql::DrawParts(draw, 23, fsp);
    return fmt::format("{} {}", mysql::DateText(p), mysql::ClockText(p, fsp));
  };
  out.push_back(
      {fmt::format("dt{}", fsp), WithFraction("DATETIME", fsp), "", draw_cell, NudgeDigit});
}

void AddTimestamp(Columns& out, int fsp) {
  auto draw_cell = [fsp](Draw& draw) {
    const uint64_t seconds = draw.Below(8) == 0 ? 0 : 1 + draw.UpTo(0x7ffffffe);
    const uint64_t micros = seconds == 0 ? 0 : mysql::DrawParts(draw, 23, fsp).micros;
    return mysql::InstantText(seconds) + mysql::FractionText(micros, fsp);
  };
  auto nudge = [=](const std::string& cell, Draw& draw) {
    return cell.starts_with('0') ? DrawAnother(draw_cell)(cell, draw) : NudgeDigit(cell, draw);
  };
  out.push_back({fmt::format("ts{}", fsp), WithFraction("TIMESTAMP", fsp), "", draw_cell, nudge});
}

void AddDate(Columns& out) {
  auto draw_cell = [](Draw& draw) {
    return mysql::DateText(draw.Below(8) == 0 ? mysql::Parts{} : mysql::DrawParts(draw, 0, 0));
  };
  auto nudge = [](std::string cell, Draw&) {  // of 31 the day before
    cell.back() = cell.back() == '0' ? '1' : static_cast<char>(cell.back() - 1);
    return cell;
  };
  out.push_back({"da", "DATE", "", draw_cell, nudge});
}

void AddTexts(Columns& out, const std::string& charset, const std::string& type, size_t most) {
  const bool is_char = type.starts_with("CHAR");
  auto draw_cell = [=](Draw& draw) {
    std::string text = DrawText(charset, most, draw);
    while (is_char && text.ends_with(' ')) text.pop_back();
    return text;
  };
  auto nudge = [=](const std::string& cell, Draw& draw) {
    for (;;) {
      std::string text = NudgeText(charset, cell, most, draw);
      while (is_char && text.ends_with(' ')) text.pop_back();
      if (text != cell) return text;
    }
  };
  std::string name = charset + "_" + type;
  std::replace_if(name.begin(), name.end(), [](char c) { return c == '(' || c == ')'; }, '_');
  out.push_back({name, type, charset, draw_cell, nudge});
}

void AddLabels(Columns& out, const std::string& name, const std::string& charset,
               const std::vector<std::string>& labels, bool is_set) {
  std::string type = is_set ? "SET(" : "ENUM(";
  for (const std::string& label : labels) type += mysql::Session::Literal(label) + ",";
  type.back() = ')';
  auto draw_enum = [labels](Draw& draw) {
    const size_t index = draw.UpTo(labels.size());
    return index == 0 ? std::string(1, '\0') : labels[index - 1];
  };
  auto draw_set = [labels](Draw& draw) {
    const uint64_t bits =
        draw.UpTo(mysql::kAllBits >> (64 - labels.size())) >> draw.Below(labels.size());
    std::string cell;
    for (size_t i = 0; i < labels.size(); ++i) {
      if (((bits >> i) & 1) != 0) cell += (cell.empty() ? "" : ",") + labels[i];
    }
    return cell;
  };
  const Drawer draw_cell = is_set ? Drawer(draw_set) : Drawer(draw_enum);
  out.push_back({name, type, charset, draw_cell, DrawAnother(draw_cell)});
}

std::vector<std::string> ManyLabels(size_t count) {
  std::vector<std::string> labels;
  for (size_t i = 0; i < count; ++i) labels.push_back(fmt::format("étiquette {}", i));
  return labels;
}

void AddBytes(Columns& out, const std::string& name, const std::string& type, size_t least,
              size_t most) {
  auto draw_cell = [=](Draw& draw) {
    std::string bytes = draw.Bytes(least == most ? most : draw.UpTo(most));
    // Zeros at the end, where BINARY is filled up with them.
    const size_t zeros = draw.UpTo(bytes.size());
    if (draw.Flip()) bytes.replace(bytes.size() - zeros, zeros, zeros, '\0');
    return bytes;
  };
  out.push_back({name, type, "", draw_cell, NudgeBit});
}

RandomTable Numbers(const Abilities& abilities) {
  RandomTable table{"random_numbers", {}};
  AddIntegers(table.columns);
  AddDecimals(table.columns);
  AddFloat<float, uint32_t>(table.columns, "FLOAT", abilities.negative_zero);
  AddFloat<double, uint64_t>(table.columns, "DOUBLE", abilities.negative_zero);
  AddBits(table.columns);
  return table;
}

RandomTable Times() {
  RandomTable table{"random_times", {}};
  AddDate(table.columns);
  for (int fsp = 0; fsp <= 6; ++fsp) {
    AddTime(table.columns, fsp);
    AddDatetime(table.columns, fsp);
    AddTimestamp(table.columns, fsp);
  }
  return table;
}

RandomTable Texts(const Abilities& abilities) {
  RandomTable table{"random_texts", {}};
  AddTexts(table.columns, "utf8mb4", "CHAR(10)", 10);
  AddTexts(table.columns, "utf8mb4", "VARCHAR(40)", 40);
  AddTexts(table.columns, "utf8mb4", "TINYTEXT", 60);
  AddTexts(table.columns, "utf8mb4", "TEXT", 1000);
  if (!abilities.other_charsets) return table;
  for (const std::string& charset : OtherCharsets()) {
    if (charset == "gb18030" && !abilities.gb18030) continue;
    AddTexts(table.columns, charset, "CHAR(10)", 10);
    AddTexts(table.columns, charset, "VARCHAR(30)", 30);
  }
  AddTexts(table.columns, "latin1", "TEXT", 400);
  AddTexts(table.columns, "gbk", "TEXT", 400);
  return table;
}

RandomTable BytesAndLabels(const Abilities& abilities) {
  RandomTable table{"random_bytes", {}};
  AddBytes(table.columns, "bn1", "BINARY(1)", 1, 1);
  AddBytes(table.columns, "bn", "BINARY(20)", 20, 20);
  AddBytes(table.columns, "vb", "VARBINARY(300)", 0, 300);
  AddBytes(table.columns, "tb", "TINYBLOB", 0, 255);
  AddBytes(table.columns, "bl", "BLOB", 0, 2000);
  if (abilities.vector) {
    table.columns.push_back({"v", kVector, "", DrawVector, DrawAnother(DrawVector)});
  }
  const std::vector<std::string> odd = {"ä", "b", "", "it's \\ \"q\"", "c,d", "?", "\n%_"};
  AddLabels(table.columns, "e", "utf8mb4", odd, false);
  AddLabels(table.columns, "e255", "utf8mb4", ManyLabels(255), false);
  AddLabels(table.columns, "e300", "utf8mb4", ManyLabels(300), false);
  AddLabels(table.columns, "s1", "utf8mb4", {"日本"}, true);
  AddLabels(table.columns, "s", "utf8mb4", {"ä", "b \\'", "?", "c"}, true);
  AddLabels(table.columns, "s64", "utf8mb4", ManyLabels(64), true);
  if (!abilities.other_charsets) return table;
  AddLabels(table.columns, "e_latin1", "latin1", odd, false);
  AddLabels(table.columns, "s_gbk", "gbk", {"中", "文", "誠"}, true);
  return table;
}

// What servers cannot digest, or not all of them, or not as much of it as there may be.
RandomTable Documents(const Abilities& abilities) {
  RandomTable table{"random_documents", {}};
  AddTexts(table.columns, "utf8mb4", "MEDIUMTEXT", 20000);
  AddTexts(table.columns, "utf8mb4", "LONGTEXT", 300);
  AddBytes(table.columns, "mb", "MEDIUMBLOB", 0, 70000);
  AddBytes(table.columns, "lb", "LONGBLOB", 0, 100);
  auto add = [&](const std::string& name, const std::string& type, Drawer draw_cell) {
    table.columns.push_back({name, type, "", draw_cell, DrawAnother(draw_cell)});
  };
  const bool has_srids = abilities.srids;
  add("g", "GEOMETRY", [=](Draw& draw) { return DrawGeometry(has_srids, draw); });
  add("f7_3", "FLOAT(7,3)",
      [](Draw& draw) { return FloatText(std::strtof(DrawDecimal(7, 3, draw).c_str(), nullptr)); });
  add("d14_3", "DOUBLE(14,3)", [](Draw& draw) {
    // Servers round what is above the next lower whole number.
    const double value = std::strtod(DrawDecimal(14, 3, draw).c_str(), nullptr);
    const double whole = std::floor(value);
    return FloatText(whole + std::rint((value - whole) * 1000) / 1000);
  });
  if (abilities.json) add("j", "JSON", DrawJson);
  return table;
}

}  // namespace

TableSchemaPtr RandomTable::Make(Server& server, const std::string& key) const {
  std::string body = "(id INT NOT NULL" + key;
  const bool is_mysql = server.is(Flavor::kMySql);
  for (const RandomColumn& column : columns) {
    const std::string type = column.type == kVector && !is_mysql ? kVectorElsewhere : column.type;
    body += fmt::format(", {} {}", mysql::Session::Quote(column.name), type);
    if (!column.charset.empty() && !server.is(Flavor::kOceanBase)) {
      body += " CHARACTER SET " + column.charset;
    }
    body += " NULL";  // a TIMESTAMP does not take it else
  }
  return server.Make(name, body + ") DEFAULT CHARSET=utf8mb4");
}

std::vector<std::vector<Cell>> RandomTable::DrawRows(int count, Draw& draw) const {
  std::vector<std::vector<Cell>> rows;
  for (int id = 1; id <= count; ++id) {
    auto& row = rows.emplace_back();
    row.push_back(fmt::format("{}", id));
    for (const RandomColumn& column : columns) {
      row.push_back(draw.Below(16) == 0 ? Cell() : column.draw(draw));
    }
  }
  return rows;
}

Cell RandomTable::Nudge(size_t place, const Cell& cell, Draw& draw) const {
  const RandomColumn& column = columns.at(place - 1);
  if (!cell) return column.draw(draw);
  if (draw.Below(8) == 0) return {};
  return column.nudge(*cell, draw);
}

std::vector<RandomTable> RandomTables(const std::vector<Server*>& servers) {
  const Abilities abilities = AbilitiesOf(servers);
  return {Numbers(abilities), Times(), Texts(abilities), BytesAndLabels(abilities),
          Documents(abilities)};
}

}  // namespace godwit::live
