// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/types.h"

#include <algorithm>
#include <array>
#include <cstdlib>

namespace godwit::mysql {
namespace {

struct Synonym {
  std::string_view name;
  std::string_view canonical;
};

// MySQL manual, "Using Data Types from Other Database Engines" and the numeric overview.
constexpr std::array kSynonyms = {
    Synonym{"integer", "int"},
    Synonym{"int1", "tinyint"},
    Synonym{"int2", "smallint"},
    Synonym{"int3", "mediumint"},
    Synonym{"middleint", "mediumint"},
    Synonym{"int4", "int"},
    Synonym{"int8", "bigint"},
    Synonym{"bool", "tinyint"},
    Synonym{"boolean", "tinyint"},
    Synonym{"dec", "decimal"},
    Synonym{"numeric", "decimal"},
    Synonym{"fixed", "decimal"},
    Synonym{"number", "decimal"},
    Synonym{"float4", "float"},
    Synonym{"float8", "double"},
    Synonym{"real", "double"},
    Synonym{"double precision", "double"},
    Synonym{"character", "char"},
    Synonym{"nchar", "char"},
    Synonym{"national char", "char"},
    Synonym{"character varying", "varchar"},
    Synonym{"varcharacter", "varchar"},
    Synonym{"nvarchar", "varchar"},
    Synonym{"national varchar", "varchar"},
    Synonym{"char varying", "varchar"},
    Synonym{"long", "mediumtext"},
    Synonym{"long varchar", "mediumtext"},
    Synonym{"long varbinary", "mediumblob"},
    Synonym{"geomcollection", "geometrycollection"},
};

constexpr std::array<std::string_view, 45> kNames = {"tinyint",
                                                     "smallint",
                                                     "mediumint",
                                                     "int",
                                                     "bigint",
                                                     "decimal",
                                                     "float",
                                                     "double",
                                                     "bit",
                                                     "year",
                                                     "date",
                                                     "time",
                                                     "datetime",
                                                     "timestamp",
                                                     "char",
                                                     "varchar",
                                                     "binary",
                                                     "varbinary",
                                                     "tinytext",
                                                     "text",
                                                     "mediumtext",
                                                     "longtext",
                                                     "tinyblob",
                                                     "blob",
                                                     "mediumblob",
                                                     "longblob",
                                                     "enum",
                                                     "set",
                                                     "json",
                                                     "geometry",
                                                     "point",
                                                     "linestring",
                                                     "polygon",
                                                     "multipoint",
                                                     "multilinestring",
                                                     "multipolygon",
                                                     "geometrycollection",
                                                     "serial",
                                                     "vector",
                                                     "inet4",
                                                     "inet6",
                                                     "uuid",
                                                     "xmltype",
                                                     "long",
                                                     "raw"};

int Argument(const NativeType& type, size_t i, int otherwise) {
  return i < type.arguments.size() ? std::atoi(type.arguments[i].c_str()) : otherwise;
}

bool IsNumeric(std::string_view name) {
  return name.ends_with("int") || name == "decimal" || name == "float" || name == "double";
}

}  // namespace

bool NormalizeType(NativeType& type) {
  bool is_bool = type.name == "bool" || type.name == "boolean";
  for (const Synonym& synonym : kSynonyms) {
    if (synonym.name == type.name) {
      type.name = synonym.canonical;
      break;
    }
  }
  if (std::find(kNames.begin(), kNames.end(), type.name) == kNames.end()) return false;
  if (is_bool) type.arguments = {"1"};
  if (type.name == "decimal") {
    if (type.arguments.empty()) type.arguments = {"10"};
    if (type.arguments.size() == 1) type.arguments.push_back("0");
  }
  if (type.name == "float" && type.arguments.size() == 1) {  // FLOAT(p): p says which of the two
    type.name = Argument(type, 0, 0) > 24 ? "double" : "float";
    type.arguments.clear();
  }
  if ((type.name == "char" || type.name == "binary" || type.name == "bit") &&
      type.arguments.empty()) {
    type.arguments = {"1"};
  }
  // MySQL manual, "2-Digit YEAR(2) Limitations": such a column counts by its last two digits.
  const bool is_short_year = type.name == "year" && Argument(type, 0, 4) == 2;
  if (type.name == "year" && !is_short_year) type.arguments.clear();
  bool has_fsp = type.name == "time" || type.name == "datetime" || type.name == "timestamp";
  if (has_fsp && Argument(type, 0, 0) == 0) type.arguments.clear();
  if (type.zerofill) type.is_unsigned = true;
  if (!IsNumeric(type.name)) type.is_unsigned = type.zerofill = false;
  return true;
}

LogicalType ToLogicalType(const NativeType& type, std::string_view charset) {
  LogicalType t;
  const std::string& name = type.name;
  auto integer = [&](int bits) {
    t.kind = TypeKind::kInteger;
    t.bits = bits;
    t.is_unsigned = type.is_unsigned;
  };
  auto sized = [&](TypeKind text, TypeKind bytes, uint64_t length) {
    t.kind = charset == "binary" ? bytes : text;
    t.length = length;
  };
  if (name == "tinyint") {
    integer(8);
  } else if (name == "smallint") {
    integer(16);
  } else if (name == "mediumint") {
    integer(24);
  } else if (name == "int") {
    integer(32);
  } else if (name == "bigint") {
    integer(64);
  } else if (name == "serial") {
    integer(64);
    t.is_unsigned = true;
  } else if (name == "year") {
    integer(16);
    t.is_unsigned = true;
  } else if (name == "decimal") {
    t.kind = TypeKind::kDecimal;
    t.precision = Argument(type, 0, 10);
    t.scale = Argument(type, 1, 0);
    t.is_unsigned = type.is_unsigned;
  } else if (name == "float" || name == "double") {
    t.kind = TypeKind::kFloat;
    t.bits = name == "float" ? 32 : 64;
    t.is_unsigned = type.is_unsigned;
  } else if (name == "bit") {
    t.kind = TypeKind::kBit;
    t.length = Argument(type, 0, 1);
  } else if (name == "date") {
    t.kind = TypeKind::kDate;
  } else if (name == "time" || name == "datetime" || name == "timestamp") {
    t.kind = name == "time"       ? TypeKind::kTime
             : name == "datetime" ? TypeKind::kDatetime
                                  : TypeKind::kTimestamp;
    t.fsp = Argument(type, 0, 0);
  } else if (name == "char") {
    sized(TypeKind::kChar, TypeKind::kBinary, Argument(type, 0, 1));
  } else if (name == "varchar") {
    sized(TypeKind::kVarchar, TypeKind::kVarbinary, Argument(type, 0, 0));
  } else if (name == "binary") {
    t.kind = TypeKind::kBinary;
    t.length = Argument(type, 0, 1);
  } else if (name == "varbinary") {
    t.kind = TypeKind::kVarbinary;
    t.length = Argument(type, 0, 0);
  } else if (name.ends_with("text") || name.ends_with("blob")) {
    uint64_t limit = name.starts_with("tiny")     ? 0xff
                     : name.starts_with("medium") ? 0xffffff
                     : name.starts_with("long")   ? 0xffffffff
                                                  : 0xffff;
    if (name.ends_with("text")) {
      sized(TypeKind::kText, TypeKind::kBlob, limit);
    } else {
      t.kind = TypeKind::kBlob;
      t.length = limit;
    }
  } else if (name == "enum" || name == "set") {
    t.kind = name == "enum" ? TypeKind::kEnum : TypeKind::kSet;
    t.labels = type.arguments;
    // CHAR comparison rules: labels lose trailing blanks when the table is made.
    for (std::string& label : t.labels) {
      while (label.ends_with(' ')) label.pop_back();
    }
  } else if (name == "json") {
    t.kind = TypeKind::kJson;
  } else if (name == "geometry" || name == "point" || name == "linestring" || name == "polygon" ||
             name.starts_with("multi") || name == "geometrycollection") {
    t.kind = TypeKind::kGeometry;
  } else if (name == "vector") {
    t.kind = TypeKind::kBlob;
    t.length = static_cast<uint64_t>(Argument(type, 0, 2048)) * 4;
  }
  return t;
}

void AddDisplayWidth(NativeType& type) {
  if (!type.arguments.empty()) return;
  if (type.name == "year") type.arguments = {"4"};
  struct Width {
    std::string_view name;
    const char* width;
    const char* unsigned_width;
  };
  static constexpr Width kWidths[] = {{"tinyint", "4", "3"},
                                      {"smallint", "6", "5"},
                                      {"mediumint", "9", "8"},
                                      {"int", "11", "10"},
                                      {"bigint", "20", "20"}};
  for (const Width& width : kWidths) {
    if (width.name == type.name) {
      type.arguments = {type.is_unsigned ? width.unsigned_width : width.width};
    }
  }
}

void DropDisplayWidth(NativeType& type) {
  if (!type.name.ends_with("int")) return;
  if (type.zerofill) return AddDisplayWidth(type);
  bool is_bool = type.name == "tinyint" && !type.is_unsigned &&
                 type.arguments == std::vector<std::string>{"1"};
  if (!is_bool) type.arguments.clear();
}

int MaxCharBytes(std::string_view charset) {
  if (charset == "utf8mb4" || charset == "utf16" || charset == "utf16le" || charset == "utf32" ||
      charset == "gb18030") {
    return 4;
  }
  if (charset == "utf8" || charset == "utf8mb3" || charset == "ujis" || charset == "eucjpms") {
    return 3;
  }
  for (std::string_view two : {"ucs2", "gbk", "gb2312", "big5", "sjis", "cp932", "euckr"}) {
    if (charset == two) return 2;
  }
  return 1;
}

void FitTextLength(NativeType& type, std::string_view charset) {
  if ((type.name != "text" && type.name != "blob") || type.arguments.empty()) return;
  uint64_t bytes = std::strtoull(type.arguments[0].c_str(), nullptr, 10);
  const std::string kind = type.name;
  if (kind == "text") bytes *= charset.empty() ? 4 : MaxCharBytes(charset);
  type.arguments.clear();
  if (bytes <= 0xff) {
    type.name = "tiny" + kind;
  } else if (bytes > 0xffffff) {
    type.name = "long" + kind;
  } else if (bytes > 0xffff) {
    type.name = "medium" + kind;
  }
}

void MakeBinary(NativeType& type) {
  if (type.name == "char") type.name = "binary";
  if (type.name == "varchar") type.name = "varbinary";
  if (type.name.ends_with("text")) type.name.replace(type.name.size() - 4, 4, "blob");
}

std::string ToText(const NativeType& type) {
  std::string out = type.name;
  if (!type.arguments.empty()) {
    bool has_labels = type.name == "enum" || type.name == "set";
    out += '(';
    for (size_t i = 0; i < type.arguments.size(); ++i) {
      if (i != 0) out += ',';
      if (!has_labels) {
        out += type.arguments[i];
        continue;
      }
      out += '\'';
      for (char c : type.arguments[i]) {
        if (c == '\'' || c == '\\') out += c;
        out += c;
      }
      out += '\'';
    }
    out += ')';
  }
  if (type.is_unsigned) out += " unsigned";
  if (type.zerofill) out += " zerofill";
  return out;
}

bool HasCharset(const LogicalType& type) {
  return type.is_text() || type.kind == TypeKind::kEnum || type.kind == TypeKind::kSet;
}

std::string CharsetOf(std::string_view collation) {
  return std::string(collation.substr(0, collation.find('_')));
}

std::string DefaultCollation(std::string_view charset, bool is_mysql8) {
  if (charset == "binary") return "binary";
  if (charset == "latin1") return "latin1_swedish_ci";
  if (charset == "utf8mb4" && is_mysql8) return "utf8mb4_0900_ai_ci";
  if (charset == "gbk") return "gbk_chinese_ci";
  if (charset == "gb2312") return "gb2312_chinese_ci";
  if (charset == "gb18030") return "gb18030_chinese_ci";
  if (charset == "big5") return "big5_chinese_ci";
  if (charset == "sjis") return "sjis_japanese_ci";
  if (charset == "cp932") return "cp932_japanese_ci";
  if (charset == "ujis") return "ujis_japanese_ci";
  if (charset == "eucjpms") return "eucjpms_japanese_ci";
  if (charset == "euckr") return "euckr_korean_ci";
  return std::string(charset) + "_general_ci";
}

}  // namespace godwit::mysql
