// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/byte_reader.h"
#include "connectors/mysql_family/binlog_cells.h"
#include "connectors/mysql_family/binlog_event.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/change_reader.h"
#include "model/change.h"

namespace godwit::mysql {

// A TABLE_MAP event: the table behind an id and its columns' types on the wire.
struct TableMap {
  uint64_t id = 0;
  uint16_t flags = 0;
  TableName name;
  std::string types;
  std::vector<uint16_t> metadata;

  static TableMap Parse(std::string_view body);
};

// Decodes row events with the table maps before them and the definitions in force. One thread.
class RowDecoder {
 public:
  RowDecoder(SchemaHistory& history, TextDecoders& texts, Flavor flavor = Flavor::kMySql)
      : history_(history), texts_(texts), flavor_(flavor) {}

  void Map(std::string_view body);
  // Table maps hold until the end of their statement; another log numbers anew.
  void ForgetMaps() { maps_.clear(); }

  // Appends one or more changes of bounded size; none for a table that is not followed.
  // Throws SCHEMA_MISMATCH, LOG_DEFINITION_UNKNOWN (kBlocked).
  void Decode(EventType type, std::string_view body, std::deque<RowsChange>& out);

 private:
  struct Columns {
    TableMap map;
    TableSchemaPtr table;
    uint64_t version = 0;
    std::vector<CellPlan> plans;  // one per column of the definition
    size_t json_columns = 0;
  };
  struct Image {
    std::string_view columns;  // bitmap
    size_t present = 0;
    bool is_new_row = false;  // of an insert
  };

  Columns* Find(uint64_t id);
  Columns& Plan(const TableMap& map, const SchemaHistory::Versioned& definition);
  void DecodeRow(const Columns& columns, const Image& image, ByteReader& in, RowBatch& batch);
  void DecodePartialRow(const Columns& columns, const Image& image, ByteReader& in,
                        RowBatch& batch);
  // A cell that the log leaves out of a new row although it is known: nobody gave a value for it.
  void AddUnlogged(const ColumnSchema& column, RowBatch& batch);
  void DecodeImage(const Columns& columns, const Image& image, std::string_view partial,
                   ByteReader& in, RowBatch& batch);

  void RefuseDoubtful(const Columns& columns, const Image& second) const;

  SchemaHistory& history_;
  TextDecoders& texts_;
  const Flavor flavor_;
  std::map<uint64_t, TableMap> maps_;
  std::map<TableName, Columns> plans_;
  std::vector<std::string_view> json_before_;  // of the row being decoded, by column
  std::string scratch_;
};

}  // namespace godwit::mysql
