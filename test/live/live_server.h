// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/mysql_family/endpoint.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/endpoint.h"

namespace godwit::live {

// One server of the testbed, by the name in its environment variable GODWIT_TEST_<NAME>_URL.
// A server that is not there is a failure, not a skip.
class Server {
 public:
  explicit Server(const std::string& name);

  Endpoint& endpoint() { return *endpoint_; }
  mysql::Session& session() { return *session_; }
  // The same server under another account.
  std::unique_ptr<Endpoint> OpenAs(const std::string& user, const std::string& password) const;
  const std::string& name() const { return name_; }
  EndpointUrl url() const { return url_; }
  bool is(mysql::Flavor flavor) const;
  const mysql::ServerInfo& info() const;

  // Makes the table anew in the test's database and returns its definition.
  TableSchemaPtr Make(const std::string& table, const std::string& body);
  std::vector<mysql::Row> Rows(const std::string& sql) { return session_->Query(sql); }

 private:
  std::string name_;
  EndpointUrl url_;
  std::unique_ptr<Endpoint> endpoint_;
  std::unique_ptr<mysql::Session> session_;
};

inline constexpr const char* kDatabase = "godwit_live";
// Names for test parameters.
std::vector<std::string> AllServers();

// A cell: text or NULL.
using Cell = std::optional<std::string>;
void AddRow(RowBatch& batch, const std::vector<Cell>& cells);
std::vector<std::vector<Cell>> ToRows(const RowBatch& batch);

// Every column that can be written, the identity key, every unique key.
ScanPlan ScanAll(const TableSchemaPtr& table);
WritePlan WriteAll(const TableSchemaPtr& table);
std::vector<std::vector<Cell>> ReadAll(Server& server, const TableSchemaPtr& table);
// As the copy writes them.
void LoadRows(Server& server, const TableSchemaPtr& table,
              const std::vector<std::vector<Cell>>& rows);

}  // namespace godwit::live
