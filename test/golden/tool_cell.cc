// SPDX-License-Identifier: Apache-2.0
#include "test/golden/tool_cell.h"

#include <fmt/format.h>
#include <iconv.h>

#include <algorithm>
#include <cstdlib>
#include <ctime>
#include <stdexcept>

namespace godwit::golden {
namespace {

std::string Encoded(std::string_view utf8, const std::string& charset) {
  const char* to = charset == "latin1" ? "CP1252" : charset == "gbk" ? "GBK" : nullptr;
  if (to == nullptr) return std::string(utf8);
  iconv_t converter = iconv_open(to, "UTF-8");
  if (converter == reinterpret_cast<iconv_t>(-1)) {
    throw std::runtime_error("no iconv for " + charset);
  }
  std::string in(utf8);
  std::string out(in.size() * 2 + 16, '\0');
  char* from = in.data();
  char* at = out.data();
  size_t left = in.size();
  size_t room = out.size();
  const bool is_good = iconv(converter, &from, &left, &at, &room) != static_cast<size_t>(-1);
  iconv_close(converter);
  if (!is_good) throw std::runtime_error("not in " + charset + ": " + in);
  out.resize(out.size() - room);
  return out;
}

std::string Quoted(std::string_view bytes, Tool tool) {
  std::string out = "'";
  for (char c : bytes) {
    if (static_cast<uint8_t>(c) < 0x20) {
      out += fmt::format("\\x{:02x}", static_cast<uint8_t>(c));
    } else {
      if (tool == Tool::kMysqlbinlog && (c == '\'' || c == '\\')) out.push_back('\\');
      out.push_back(c);
    }
  }
  return out + "'";
}

// The low `count` bits of big-endian bytes.
std::string Bits(std::string_view bytes, size_t count) {
  std::string out;
  for (size_t i = count; i-- > 0;) {
    const auto byte = static_cast<uint8_t>(bytes[bytes.size() - 1 - i / 8]);
    out.push_back((byte >> (i % 8) & 1) != 0 ? '1' : '0');
  }
  return "b'" + out + "'";
}

std::string Integer(const ColumnSchema& column, std::string_view cell) {
  if (column.native_type.starts_with("year")) return cell == "0" ? "1900" : std::string(cell);
  // Both readings of a number whose sign the event does not know.
  const std::string text(cell);
  const uint64_t value = column.type.is_unsigned
                             ? std::strtoull(text.c_str(), nullptr, 10)
                             : static_cast<uint64_t>(std::strtoll(text.c_str(), nullptr, 10));
  const int shift = 64 - column.type.bits;
  const auto read_signed = static_cast<int64_t>(value << shift) >> shift;
  if (read_signed >= 0) return text;
  return fmt::format("{} ({})", read_signed, value << shift >> shift);
}

std::string Timestamp(std::string_view cell) {
  const std::string text(cell);
  const size_t point = std::min(text.find('.'), text.size());
  if (text.starts_with("0000")) return "0" + text.substr(point);
  tm parts{};
  if (strptime(text.c_str(), "%Y-%m-%d %H:%M:%S", &parts) == nullptr) {
    throw std::runtime_error("no timestamp: " + text);
  }
  return std::to_string(timegm(&parts)) + text.substr(point);
}

std::string EnumIndex(const LogicalType& type, std::string_view cell) {
  if (cell == std::string_view("\0", 1)) return "0";
  const auto found = std::find(type.labels.begin(), type.labels.end(), cell);
  return std::to_string(found - type.labels.begin() + 1);
}

std::string SetBits(const LogicalType& type, std::string_view cell) {
  uint64_t bits = 0;
  while (!cell.empty()) {
    const std::string_view label = cell.substr(0, cell.find(','));
    cell.remove_prefix(std::min(cell.size(), label.size() + 1));
    const auto found = std::find(type.labels.begin(), type.labels.end(), label);
    bits |= uint64_t{1} << (found - type.labels.begin());
  }
  const size_t bytes = (type.labels.size() + 7) / 8;
  std::string out;
  for (size_t i = bytes * 8; i-- > 0;) out.push_back((bits >> i & 1) != 0 ? '1' : '0');
  return "b'" + out + "'";
}

std::string Float(const LogicalType& type, std::string_view cell) {
  const std::string text(cell);
  if (type.bits == 32) return fmt::format("{:g}", std::strtof(text.c_str(), nullptr));
  return fmt::format("{:.20g}", std::strtod(text.c_str(), nullptr));
}

}  // namespace

std::string AsToolPrints(const ColumnSchema& column, std::string_view cell, Tool tool) {
  const LogicalType& type = column.type;
  switch (type.kind) {
    case TypeKind::kInteger:
      return Integer(column, cell);
    case TypeKind::kDecimal:
      return std::string(cell);
    case TypeKind::kFloat:
      return Float(type, cell);
    case TypeKind::kBit:
      return Bits(cell, type.length);
    case TypeKind::kDate: {
      std::string text(cell);
      std::replace(text.begin(), text.end(), '-', ':');
      return "'" + text + "'";
    }
    case TypeKind::kTimestamp:
      return Timestamp(cell);
    case TypeKind::kEnum:
      return EnumIndex(type, cell);
    case TypeKind::kSet:
      return SetBits(type, cell);
    case TypeKind::kBinary: {  // the log leaves the padding out
      const size_t end = cell.find_last_not_of('\0');
      return Quoted(cell.substr(0, end == std::string_view::npos ? 0 : end + 1), tool);
    }
    default:
      return Quoted(type.is_text() ? Encoded(cell, column.charset) : std::string(cell), tool);
  }
}

}  // namespace godwit::golden
