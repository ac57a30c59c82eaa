// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <vector>

#include "connectors/mysql_family/cell_sql.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/sink.h"

namespace godwit::mysql {

// Writes the statements of one WritePlan. Copies what it needs of the plan; immutable.
class TableStatements {
 public:
  // A unique index by which rows are found; `columns` are ordinals of the plan's columns. A prefix
  // of 0 is the whole column.
  struct Key {
    std::vector<int> columns;
    std::vector<uint32_t> prefixes;
    bool has_prefix = false;
    bool has_odd_texts = false;  // that the two sides compare differently
  };

  TableStatements(const WritePlan& plan, const ServerInfo& server);
  bool IsFor(const WritePlan& plan) const;

  const TableName& name() const { return table_->name; }
  const Key& identity() const { return identity_; }
  // By which others are displaced: every unique index whose columns the plan holds, but those that
  // only the destination has; the identity is one of them.
  const std::vector<Key>& unique_keys() const { return unique_keys_; }

  // "INSERT INTO t (a,b) VALUES "; then rows with commas between.
  const std::string& insert_head() const { return insert_head_; }
  // What makes an INSERT update rows that are there.
  const std::string& upsert_tail() const { return upsert_tail_; }
  // "DELETE FROM t WHERE "
  const std::string& delete_head() const { return delete_head_; }

  // As AppendUpdate it throws VALUE_REFUSED (kData) for a value that the server would cut without
  // an error.
  void AppendRow(std::string& out, const RowBatch& rows, size_t row) const;
  // How many cells hold an enum's error value, which only a lenient mode stores.
  int EnumErrors(const RowBatch& rows, size_t row) const;

  // A condition for many rows by this key: KeyHead, rows with KeySeparator between, KeyTail. False
  // from AppendKey, and nothing appended, where a NULL in it says that nothing can clash.
  std::string KeyHead(const Key& key) const;
  const char* KeySeparator(const Key& key) const;
  std::string KeyTail(const Key& key) const;
  bool AppendKey(std::string& out, const Key& key, const RowBatch& rows, size_t row) const;
  // A condition for the rows that have an update's new value in this key, but for the updated row;
  // several go with OR between. False, and nothing appended, where there can be none.
  bool AppendOthers(std::string& out, const Key& key, const RowChange& update) const;

  // The statement for one change by key, or by the whole image in a keyless table.
  void AppendUpdate(std::string& out, const RowChange& change) const;
  void AppendDelete(std::string& out, const RowChange& change) const;
  // The identity for people: "id=7"; the table's name where there is no key.
  std::string Describe(const RowBatch& rows, size_t row) const;

 private:
  struct Column {
    std::string name;  // quoted
    const ColumnSchema* definition;
    CellForm form;
    uint64_t limit = UINT64_MAX;  // of text: a cell with no more bytes than this fits
    bool is_byte_text = false;    // see WritePlan
    bool is_case_text = false;
    bool is_odd_text() const { return is_byte_text || is_case_text; }
  };

  void AddToKey(Key& key, int column, uint32_t prefix) const;
  void AppendValue(std::string& out, const Column& column, std::string_view cell) const;
  void CheckBlanks(const Column& column, std::string_view cell) const;
  bool ListsKey(const Key& key) const;
  static bool HasValues(const Key& key, const RowBatch& rows, size_t row);
  bool HoldsIdentity(const Key& key, const RowChange& update) const;
  static void AppendTextMatch(std::string& out, const Column& column, const std::string& value,
                              const std::string& literal, std::string_view cell);
  void AppendKeyPart(std::string& out, const Column& column, uint32_t prefix,
                     std::string_view cell) const;
  void AppendWhere(std::string& out, const RowBatch& rows, size_t row) const;

  TableSchemaPtr table_;
  std::vector<int> ordinals_;
  std::vector<int> byte_texts_;
  std::vector<int> case_texts_;
  std::vector<int> own_uniques_;
  std::vector<Column> columns_;
  Key identity_;
  std::vector<Key> unique_keys_;
  std::string insert_head_;
  std::string upsert_tail_;
  std::string delete_head_;
  std::string update_head_;
  bool lists_tuples_;
};

}  // namespace godwit::mysql
