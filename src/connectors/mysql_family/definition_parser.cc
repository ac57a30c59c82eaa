// SPDX-License-Identifier: Apache-2.0
// Columns.
#include "connectors/mysql_family/definition_parser.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include "model/names.h"

namespace godwit::mysql {

std::string Lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return out;
}

std::string Upper(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = static_cast<char>(std::toupper(static_cast<unsigned char>(c)));
  return out;
}

TableName DefinitionParser::NameIn(const std::string& database) {
  if (in_.AcceptSymbol('.')) return {database, in_.Name()};
  TableName name{database, in_.Name()};
  if (in_.AcceptSymbol('.')) {
    name.database = name.table;
    name.table = in_.Name();
  }
  if (traits_.lower_case_table_names != 0) {
    name.database = FoldedName(name.database);
    name.table = FoldedName(name.table);
  }
  return name;
}

ColumnSchema DefinitionParser::Column(TableSchema& table) {
  std::string name = in_.Name();
  if (in_.AcceptSymbol('.')) name = in_.Name();  // t.c, as the grammar allows
  return ColumnAfterName(std::move(name), table);
}

namespace {

bool TakesNoLiteral(TypeKind kind) {
  return kind == TypeKind::kText || kind == TypeKind::kBlob || kind == TypeKind::kJson ||
         kind == TypeKind::kGeometry;
}

}  // namespace

ColumnSchema DefinitionParser::ColumnAfterName(std::string name, TableSchema& table) {
  ColumnSchema column;
  column.name = std::move(name);
  Written written;
  written.type = TypeName();
  TypeArguments(written);
  const std::string as_written = written.type.name;
  bool is_national = as_written.starts_with("national") || as_written.starts_with("nchar") ||
                     as_written == "nvarchar";
  if (is_national) column.charset = traits_.CanonicalCharset("utf8");
  if (as_written == "real" && in_.mode().real_as_float) written.type.name = "float";
  bool is_json = as_written == "json";
  if (!NormalizeType(written.type)) in_.Fail("type '" + as_written + "' is not known");
  if (is_json && traits_.flavor == Flavor::kMariaDb) {
    // A synonym there: LONGTEXT of the binary collation with a check.
    written.type = {"longtext", {}, false, false};
    column.charset = "utf8mb4";
    column.collation = "utf8mb4_bin";
  }
  SettleType(column, written);
  Attributes(column, written, table);
  if (is_json) JsonCheck(column, table);
  if (as_written == "serial") SettleSerial(column, written, table);
  if (column.collation.empty() && written.is_binary_text && column.charset != "binary") {
    column.collation = column.charset + kBinaryText;
  } else if (column.collation.empty() && !column.charset.empty()) {
    column.collation = traits_.DefaultCollationOf(column.charset);
  }
  SettleType(column, written);
  const bool is_timestamp = column.type.kind == TypeKind::kTimestamp && !column.is_generated();
  if (is_timestamp && !traits_.explicit_timestamps && !written.takes_null) column.nullable = false;
  // MySQL manual, "The BLOB and TEXT Types": a session that is not strict forgets such a default.
  const bool forgets = (traits_.flavor == Flavor::kMySql || !traits_.has_text_defaults) &&
                       TakesNoLiteral(column.type.kind) && column.default_value &&
                       column.default_value->kind == ColumnSchema::Default::Kind::kLiteral;
  if (forgets) column.default_value.reset();
  try {
    SettleDefault(column, written.default_form);
  } catch (const ParseProblem& problem) {  // rows are decoded all the same
    doubt_ = problem.text;
  }
  written_[column.name] = std::move(written);
  return column;
}

NativeType DefinitionParser::TypeName() {
  NativeType type;
  type.name = Lower(in_.Name());
  auto accept = [&](std::initializer_list<std::string_view> words) {
    for (std::string_view word : words) {
      if (!in_.Accept(word)) continue;
      type.name += " " + std::string(word == "character" ? "char" : word);
      return true;
    }
    return false;
  };
  if (type.name == "national") {
    accept({"character", "char", "varchar", "varcharacter"});
    accept({"varying"});
  } else if (type.name == "character" || type.name == "char" || type.name == "nchar") {
    accept({"varying", "varchar", "varcharacter"});
  } else if (type.name == "double") {
    accept({"precision"});
  } else if (type.name == "long") {
    if (accept({"varbinary", "varchar"})) return type;
    if (accept({"character", "char"})) accept({"varying"});
  }
  return type;
}

void DefinitionParser::TypeArguments(Written& written) {
  NativeType& type = written.type;
  if (in_.AcceptSymbol('(')) {
    while (!in_.AcceptSymbol(')')) {
      if (in_.AtEnd()) in_.Fail("')' expected");
      if (ByteLabel(written)) {
        in_.AcceptSymbol(',');
        continue;
      }
      if (in_.Peek().kind == Token::Kind::kWord && in_.Peek(1).kind == Token::Kind::kString) {
        in_.Next();  // a charset introducer
      }
      if (in_.Peek().kind == Token::Kind::kString) {
        type.arguments.push_back(in_.String());
      } else {
        type.arguments.push_back(in_.Next().text);
      }
      in_.AcceptSymbol(',');
    }
  }
  for (;;) {
    if (in_.Accept("unsigned")) {
      type.is_unsigned = true;
    } else if (in_.Accept("zerofill")) {
      type.zerofill = true;
    } else if (!in_.Accept("signed")) {
      break;
    }
  }
}

void DefinitionParser::SettleSerial(ColumnSchema& column, Written& written,
                                    TableSchema& table) const {
  written.type = {"bigint", {}, true, false};
  column.nullable = false;
  column.auto_increment = true;
  table.indexes.push_back({.kind = IndexSchema::Kind::kUnique, .parts = {{.column = column.name}}});
}

// Meaning and native text from what was written and the charset as far as it is known.
void DefinitionParser::SettleType(ColumnSchema& column, const Written& written) const {
  NativeType type = written.type;
  // Two bytes of UCS-2 are one character.
  const bool is_wide =
      column.charset == "ucs2" || column.charset.starts_with("utf16") || column.charset == "utf32";
  if (written.has_byte_labels && is_wide) in_.Fail("a label given by bytes of " + column.charset);
  if (traits_.shows_display_width)
    AddDisplayWidth(type);
  else
    DropDisplayWidth(type);
  FitTextLength(type, column.charset);
  if (column.charset == "binary" && HasCharset(ToLogicalType(type, ""))) {
    MakeBinary(type);
    column.charset.clear();
    column.collation.clear();
  }
  column.type = ToLogicalType(type, column.charset);
  std::string reference;
  if (size_t at = column.native_type.find(" srid "); at != std::string::npos) {
    reference = column.native_type.substr(at);
  }
  column.native_type = ToText(type) + reference;
  if (!HasCharset(column.type)) {
    column.charset.clear();
    column.collation.clear();
  }
}

std::string DefinitionParser::TimestampFunction() {
  in_.Next();
  std::string text = "CURRENT_TIMESTAMP";
  if (in_.Peek().IsSymbol('(')) {
    std::string fsp = in_.Parenthesized();
    if (!fsp.empty() && fsp != "0") text += "(" + fsp + ")";
  }
  return text;
}

// The srid goes with the native type; the model has no other place for it.
void DefinitionParser::SpatialReference(ColumnSchema& column) {
  in_.AcceptSymbol('=');
  if (in_.Peek().kind != Token::Kind::kNumber) in_.Fail("a number expected");
  column.native_type += " srid " + in_.Next().text;
}

bool DefinitionParser::CharsetAttribute(ColumnSchema& column, Written& written) {
  if (in_.Accept({"character", "set"}) || in_.Accept({"char", "set"}) || in_.Accept("charset")) {
    column.charset = CharsetName();
    if (column.has_open_collation()) column.collation.insert(0, column.charset);
  } else if (in_.Accept("collate")) {
    column.collation = CollationName(column.charset);
    if (!column.has_open_collation()) column.charset = CharsetOf(column.collation);
  } else if (in_.Accept("ascii")) {
    column.charset = "latin1";
  } else if (in_.Accept("unicode")) {
    column.charset = "ucs2";
  } else if (in_.Accept("byte")) {
    column.charset = "binary";
  } else if (in_.Accept("binary")) {
    written.is_binary_text = true;
  } else {
    return false;
  }
  return true;
}

bool DefinitionParser::KeyAttribute(ColumnSchema& column, TableSchema& table) {
  IndexSchema index{
      .name = "PRIMARY", .kind = IndexSchema::Kind::kPrimary, .parts = {{.column = column.name}}};
  if (in_.Accept("unique")) {
    in_.Accept("key");
    index.kind = IndexSchema::Kind::kUnique;
    index.name.clear();
  } else if (in_.Accept("primary")) {
    in_.Accept("key");
    column.nullable = false;
  } else if (in_.Accept("key")) {
    column.nullable = false;
  } else {
    return false;
  }
  table.indexes.push_back(std::move(index));
  return true;
}

bool DefinitionParser::ConstraintAttribute(ColumnSchema& column, TableSchema& table) {
  if (in_.Peek().Is("constraint") || in_.Peek().Is("check")) {
    std::string name;
    if (in_.Accept("constraint") && !in_.Peek().Is("check")) name = in_.Name();
    if (!in_.Accept("check")) in_.Fail("CHECK expected");
    Check(std::move(name), column.name, table);
    return true;
  }
  if (!in_.Accept("references")) return false;
  ForeignKeySchema key;
  key.columns = {column.name};
  Reference(key);
  if (traits_.honours_inline_references) table.foreign_keys.push_back(std::move(key));
  return true;
}

void DefinitionParser::Attributes(ColumnSchema& column, Written& written, TableSchema& table) {
  using Generated = ColumnSchema::Generated;
  while (!in_.AtEnd()) {
    if (in_.Accept({"not", "null"})) {
      column.nullable = false;
    } else if (in_.Accept("null")) {
      column.nullable = true;
      written.takes_null = true;
    } else if (in_.Accept({"serial", "default", "value"})) {
      column.nullable = false;
      column.auto_increment = true;
      table.indexes.push_back(
          {.kind = IndexSchema::Kind::kUnique, .parts = {{.column = column.name}}});
    } else if (in_.Accept("default")) {
      column.default_value.reset();
      if (!in_.Accept("null")) {
        WrittenDefault value = DefaultValue();
        column.default_value = std::move(value.value);
        written.default_form = value.form;
      }
    } else if (in_.Accept({"on", "update"})) {
      column.on_update = TimestampFunction();
    } else if (in_.Accept("auto_increment")) {
      column.auto_increment = true;
      column.nullable = false;
    } else if (in_.Accept("comment")) {
      column.comment = in_.String();
    } else if (in_.Accept("invisible")) {
      column.invisible = true;
    } else if (in_.Accept("visible")) {
      column.invisible = false;
    } else if (in_.Accept({"generated", "always", "as"}) || in_.Accept("as")) {
      column.generation_expression = in_.Parenthesized();
      column.generated = Generated::kVirtual;
    } else if (in_.Accept("virtual")) {
      column.generated = Generated::kVirtual;
    } else if (in_.Accept("stored") || in_.Accept("persistent")) {
      column.generated = Generated::kStored;
    } else if (in_.Accept("srid") || in_.Accept("ref_system_id")) {
      SpatialReference(column);
    } else if (in_.Accept("column_format") || in_.Accept("storage") ||
               in_.Accept("engine_attribute") || in_.Accept("secondary_engine_attribute") ||
               in_.Accept("skip_index")) {
      in_.AcceptSymbol('=');
      in_.SkipOne();
    } else if (in_.Accept("compressed")) {  // MariaDB: rows say themselves that they are
      if (in_.AcceptSymbol('=')) in_.Name();
    } else if (in_.Accept({"not", "secondary"}) ||
               in_.Accept({"without", "system", "versioning"}) ||
               in_.Accept({"with", "system", "versioning"})) {
      continue;
    } else if (!CharsetAttribute(column, written) && !KeyAttribute(column, table) &&
               !ConstraintAttribute(column, table)) {
      return;
    }
  }
}

}  // namespace godwit::mysql
