// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/logical_type.h"

namespace godwit::mysql {

// A type as the parser or the catalogue found it, before it has a meaning.
struct NativeType {
  std::string name;                    // lower case, canonical: "int", "varchar", "datetime", …
  std::vector<std::string> arguments;  // numbers, or the labels of an enum or set (unquoted)
  bool is_unsigned = false;
  bool zerofill = false;
};

// Gives synonyms ("integer", "bool", "dec", "character varying", …) the name the server itself
// shows, with its implied arguments. False for a name that is no type.
bool NormalizeType(NativeType& type);

LogicalType ToLogicalType(const NativeType& type, std::string_view charset);

// Widths as servers show them that show them (int → int(11)), and as the others do (int(11) → int;
// tinyint(1) and zero-filled ones keep theirs).
void AddDisplayWidth(NativeType& type);
void DropDisplayWidth(NativeType& type);

// TEXT(n) and BLOB(n) become the smallest type that holds n characters of the charset.
void FitTextLength(NativeType& type, std::string_view charset);

// CHAR, VARCHAR, TEXT of the binary character set are BINARY, VARBINARY, BLOB.
void MakeBinary(NativeType& type);

// Bytes of the longest character.
int MaxCharBytes(std::string_view charset);

// "int(10) unsigned zerofill", as SHOW CREATE TABLE prints it.
std::string ToText(const NativeType& type);

bool HasCharset(const LogicalType& type);

// The character set a collation belongs to: what stands before its first '_'.
std::string CharsetOf(std::string_view collation);
std::string DefaultCollation(std::string_view charset, bool is_mysql8);

}  // namespace godwit::mysql
