// SPDX-License-Identifier: Apache-2.0
// Row events whose images leave columns out, written here as the server writes them.
#include "connectors/mysql_family/binlog_rows.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <vector>

#include "base/byte_writer.h"
#include "base/error.h"

namespace godwit::mysql {
namespace {

constexpr char kLongType = 3;
constexpr char kVarcharType = 15;

// t(id INT PRIMARY KEY, a INT NOT NULL, b INT, c INT DEFAULT 7, s VARCHAR(20)).
TableSchemaPtr Table() {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  for (const char* name : {"id", "a", "b", "c"}) {
    ColumnSchema column;
    column.name = name;
    column.type = {.kind = TypeKind::kInteger, .bits = 32};
    table->columns.push_back(column);
  }
  table->columns[0].nullable = table->columns[1].nullable = false;
  table->columns[3].default_value =
      ColumnSchema::Default{.kind = ColumnSchema::Default::Kind::kLiteral, .text = "7"};
  ColumnSchema text;
  text.name = "s";
  text.type = {.kind = TypeKind::kVarchar, .length = 20};
  text.charset = "utf8mb4";
  table->columns.push_back(text);
  return table;
}

class OneTable : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName&) override { return Versioned{table_, 1}; }
  bool IsSelected(const TableName&) override { return true; }

 private:
  TableSchemaPtr table_ = Table();
};

// What a history says of a table that it has no definition of.
struct NoTable : SchemaHistory {
  std::optional<Versioned> Find(const TableName&) override { return found; }
  bool IsSelected(const TableName&) override { return is_selected; }

  std::optional<Versioned> found;
  bool is_selected = false;
};

std::string TableMapBody() {
  std::string out;
  AppendFixed(out, uint32_t{9});
  out += std::string(2, '\0');  // the id's upper bytes
  out += std::string(2, '\0');  // flags
  out += std::string("\1d\0\1t\0", 6);
  out += '\5';
  out += std::string(4, kLongType) + kVarcharType;
  out += std::string("\2\x50\0", 3);  // the varchar's 80 bytes
  out += '\x1e';                      // which may be NULL
  return out;
}

std::string Int(int32_t value) {
  std::string out;
  AppendFixed(out, value);
  return out;
}

// Version 1: id, flags, width, the bitmaps of the images, the rows.
std::string RowsBody(std::string_view bitmaps, std::string_view rows) {
  std::string out;
  AppendFixed(out, uint32_t{9});
  out += std::string(2, '\0') + std::string("\1\0", 2) + '\5';
  return out + std::string(bitmaps) + std::string(rows);
}

std::string Text(const RowBatch& rows, size_t row) {
  std::string out;
  for (size_t c = 0; c < rows.columns(); ++c) {
    out += c != 0 ? "," : "";
    out += rows.is_absent(row, c) ? "?"
           : rows.is_null(row, c) ? "NULL"
                                  : std::string(rows.cell(row, c));
  }
  return out;
}

RowsChange Decode(EventType type, const std::string& body) {
  OneTable history;
  TextDecoders texts(std::make_shared<Charsets>());
  RowDecoder decoder(history, texts);
  decoder.Map(TableMapBody());
  std::deque<RowsChange> out;
  decoder.Decode(type, body, out);
  EXPECT_EQ(out.size(), 1u);
  return std::move(out.at(0));
}

TEST(PartialRowImages, AnUpdateLogsItsKeyAndWhatChanged) {
  // Old image: id. New image: b, s.
  RowsChange change = Decode(EventType::kUpdateRowsV1,
                             RowsBody("\x01\x14", std::string(1, '\0') + Int(1) +  //
                                                      std::string(1, '\0') + Int(5) + "\2hi" +
                                                      std::string(1, '\0') + Int(2) +  //
                                                      std::string(1, '\1') + "\3you"));
  ASSERT_EQ(change.rows(), 2u);
  EXPECT_EQ(Text(change.before, 0), "1,?,?,?,?");
  EXPECT_EQ(Text(change.after, 0), "?,?,5,?,hi");
  EXPECT_EQ(Text(change.before, 1), "2,?,?,?,?");
  EXPECT_EQ(Text(change.after, 1), "?,?,NULL,?,you");
  EXPECT_TRUE(change.has_partial_images());
}

TEST(PartialRowImages, AnInsertLeavesOutWhatNobodyGave) {
  RowsChange change =
      Decode(EventType::kWriteRowsV1, RowsBody("\x01", std::string(1, '\0') + Int(1)));
  // NOT NULL without a default is 0 in lenient mode; a literal default is left to who makes the
  // row.
  EXPECT_EQ(Text(change.after, 0), "1,0,NULL,?,NULL");
}

// INSERT … VALUES (): an event of no bytes of rows is a row all the same.
TEST(PartialRowImages, ARowOfNoColumnsIsARow) {
  RowsChange change = Decode(EventType::kWriteRowsV1, RowsBody(std::string(1, '\0'), ""));
  ASSERT_EQ(change.rows(), 1u);
  EXPECT_EQ(Text(change.after, 0), "0,0,NULL,?,NULL");
  // More than one cannot be told apart, and would never end.
  EXPECT_THROW(Decode(EventType::kWriteRowsV1, RowsBody(std::string(1, '\0'), "x")), Error);
  EXPECT_THROW(Decode(EventType::kDeleteRowsV1, RowsBody(std::string(1, '\0'), "")), Error);
}

std::string OutcomeOf(SchemaHistory& history) {
  TextDecoders texts(std::make_shared<Charsets>());
  RowDecoder decoder(history, texts);
  decoder.Map(TableMapBody());
  std::deque<RowsChange> out;
  try {
    decoder.Decode(EventType::kWriteRowsV1, RowsBody("\x01", std::string(1, '\0') + Int(1)), out);
  } catch (const Error& error) {
    return error.code();
  }
  return out.empty() ? "passed over" : "decoded";
}

TEST(UnknownDefinitions, RowsOfASelectedTableAreNotPassedOver) {
  OneTable known;
  EXPECT_EQ(OutcomeOf(known), "decoded");
  NoTable history;
  EXPECT_EQ(OutcomeOf(history), "passed over");
  history.is_selected = true;
  EXPECT_EQ(OutcomeOf(history), "LOG_DEFINITION_UNKNOWN");
  history.is_selected = false;
  history.found = SchemaHistory::Versioned{std::make_shared<const TableSchema>(), 2};
  EXPECT_EQ(OutcomeOf(history), "LOG_DEFINITION_UNKNOWN");
}

// Columns of these types, as numbers of at most one byte, with what the event says besides.
std::string MapOf(const std::string& table, const std::string& types, const std::string& metadata) {
  std::string out;
  AppendFixed(out, uint32_t{9});
  out += std::string(4, '\0');  // the id's upper bytes, flags
  out += std::string("\1d\0", 3) + static_cast<char>(table.size()) + table + '\0';
  out += static_cast<char>(types.size()) + types;
  out += static_cast<char>(metadata.size()) + metadata;
  return out + '\xff';  // any may be NULL
}

// One row of an insert with all of up to eight columns.
std::string WholeRow(size_t columns, std::string_view cells) {
  std::string out;
  AppendFixed(out, uint32_t{9});
  out += std::string(2, '\0') + std::string("\1\0", 2) + static_cast<char>(columns);
  out += static_cast<char>((1 << columns) - 1);
  return out + '\0' + std::string(cells);
}

TEST(CompressedColumns, TextIsOfItsColumnsCharacterSet) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"d", "t"};
  table->columns.resize(3);
  table->columns[0].type = {.kind = TypeKind::kInteger, .bits = 32};
  table->columns[1].type = {.kind = TypeKind::kVarchar, .length = 20};
  table->columns[1].charset = "latin1";
  table->columns[2].type = {.kind = TypeKind::kBlob};
  NoTable history;
  history.found = SchemaHistory::Versioned{table, 1};
  TextDecoders texts(std::make_shared<Charsets>());
  RowDecoder decoder(history, texts, Flavor::kMariaDb);
  decoder.Map(MapOf("t", "\x03\x8d\x8c", std::string("\x15\0\x02", 3)));
  std::deque<RowsChange> out;
  decoder.Decode(EventType::kWriteRowsV1,
                 WholeRow(3, Int(1) + std::string("\3\0\xe9\xe8", 4) + std::string("\3\0\0ab", 5)),
                 out);
  ASSERT_EQ(out.size(), 1u);
  EXPECT_EQ(Text(out[0].after, 0), "1,éè,ab");
}

// What it keeps of a table's columns holds on to the definition too.
TEST(RowDecoderMemory, TablesThatAreGoneAreNotKept) {
  NoTable history;
  TextDecoders texts(std::make_shared<Charsets>());
  RowDecoder decoder(history, texts);
  std::vector<std::weak_ptr<const TableSchema>> made;
  for (int i = 0; i < 10000; ++i) {
    auto table = std::make_shared<TableSchema>();
    table->name = {"d", "t" + std::to_string(i)};
    table->columns.resize(1);
    table->columns[0].type = {.kind = TypeKind::kInteger, .bits = 32};
    made.push_back(table);
    history.found = SchemaHistory::Versioned{table, 1};
    decoder.Map(MapOf(table->name.table, "\x03", ""));
    std::deque<RowsChange> out;
    decoder.Decode(EventType::kWriteRowsV1, WholeRow(1, Int(i)), out);
    ASSERT_EQ(out.size(), 1u);
  }
  const auto kept =
      std::count_if(made.begin(), made.end(), [](const auto& table) { return !table.expired(); });
  EXPECT_LE(kept, 4097);
}

TEST(PartialRowImages, ADeleteLogsItsKey) {
  RowsChange change =
      Decode(EventType::kDeleteRowsV1, RowsBody("\x01", std::string(1, '\0') + Int(3)));
  EXPECT_EQ(Text(change.before, 0), "3,?,?,?,?");
  EXPECT_FALSE(change.has_partial_images());
}

}  // namespace
}  // namespace godwit::mysql
