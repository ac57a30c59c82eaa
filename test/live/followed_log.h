// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "endpoint/change_reader.h"
#include "test/live/live_server.h"

namespace godwit::live {

// Follows the tables it is told of, and what DDL makes of them.
class Followed : public SchemaHistory {
 public:
  std::optional<Versioned> Find(const TableName& name) override;
  bool IsSelected(const TableName&) override { return false; }
  void Put(TableSchemaPtr table) { tables_[table->name] = {table, ++version_}; }

 private:
  std::map<TableName, Versioned> tables_;
  uint64_t version_ = 0;
};

// By their first cell.
using RowsByKey = std::map<std::string, std::vector<Cell>>;

// One server's binary log, for the fixtures of tests.
class FollowedLog {
 protected:
  explicit FollowedLog(const std::string& server) : server_(server) {}

  TableSchemaPtr Make(const std::string& name, const std::string& body);
  // What is logged from here on.
  void Start();
  // Everything up to the present end of the log.
  std::vector<Fragment> ReadToEnd();
  // The rows of one table after all changes; the first column is its key.
  static RowsByKey Replay(const std::vector<Fragment>& fragments, const std::string& table);
  RowsByKey Select(const TableSchemaPtr& table);
  void ExpectLogEqualsTable(const TableSchemaPtr& table, const std::vector<Fragment>& fragments);

  Server server_;
  Followed history_;
  std::unique_ptr<ChangeReader> reader_;
  Position start_;
};

}  // namespace godwit::live
