// SPDX-License-Identifier: Apache-2.0
#include "test/live/live_server.h"

#include <algorithm>
#include <cstdlib>
#include <stdexcept>

#include "connectors/mysql/mysql.h"
#include "connectors/oceanbase/oceanbase.h"

namespace godwit::live {
namespace {

std::unique_ptr<Endpoint> Open(const EndpointUrl& url) {
  Registry registry;
  RegisterMysql(registry);
  RegisterOceanBase(registry);
  return registry.Open(url, Side::kDestination);
}

}  // namespace

Server::Server(const std::string& name) : name_(name) {
  const std::string variable = "GODWIT_TEST_" + name + "_URL";
  const char* value = std::getenv(variable.c_str());
  if (value == nullptr) throw std::runtime_error(variable + " is not set");
  url_ = EndpointUrl::Parse(value);
  endpoint_ = Open(url_);
  session_ =
      std::make_unique<mysql::Session>(url_, Side::kDestination, mysql::SessionRole::kCatalog);
  session_->Execute(std::string("CREATE DATABASE IF NOT EXISTS ") + kDatabase +
                    " CHARACTER SET utf8mb4");
  session_->Execute(std::string("USE ") + kDatabase);
}

std::unique_ptr<Endpoint> Server::OpenAs(const std::string& user,
                                         const std::string& password) const {
  EndpointUrl url = url_;
  url.user = user;
  url.password = password;
  return Open(url);
}

const mysql::ServerInfo& Server::info() const {
  return static_cast<const mysql::MysqlEndpoint&>(*endpoint_).server();
}

bool Server::is(mysql::Flavor flavor) const { return info().flavor == flavor; }

TableSchemaPtr Server::Make(const std::string& table, const std::string& body) {
  session_->Execute("DROP TABLE IF EXISTS " + table);
  session_->Execute("CREATE TABLE " + table + " " + body);
  auto schema = endpoint_->OpenCatalog()->Table({kDatabase, table});
  if (!schema) throw std::runtime_error("the catalogue does not find " + table);
  return std::make_shared<const TableSchema>(*std::move(schema));
}

std::vector<std::string> AllServers() { return {"MYSQL97", "MYSQL56", "MARIADB", "OCEANBASE"}; }

void AddRow(RowBatch& batch, const std::vector<Cell>& cells) {
  for (const Cell& cell : cells) {
    if (cell) {
      batch.Add(*cell);
    } else {
      batch.AddNull();
    }
  }
}

std::vector<std::vector<Cell>> ToRows(const RowBatch& batch) {
  std::vector<std::vector<Cell>> out;
  for (size_t r = 0; r < batch.rows(); ++r) {
    auto& row = out.emplace_back();
    for (size_t c = 0; c < batch.columns(); ++c) {
      row.push_back(batch.has_value(r, c) ? Cell(std::string(batch.cell(r, c))) : Cell());
    }
  }
  return out;
}

namespace {

std::vector<int> Writable(const TableSchema& table) {
  std::vector<int> out;
  for (size_t c = 0; c < table.columns.size(); ++c) {
    if (!table.columns[c].is_generated()) out.push_back(static_cast<int>(c));
  }
  return out;
}

}  // namespace

ScanPlan ScanAll(const TableSchemaPtr& table) {
  return {table, Writable(*table), table->identity_columns()};
}

WritePlan WriteAll(const TableSchemaPtr& table) {
  WritePlan plan{table, Writable(*table), {}, {}};
  auto at = [&](int ordinal) {
    return static_cast<int>(std::find(plan.columns.begin(), plan.columns.end(), ordinal) -
                            plan.columns.begin());
  };
  for (int ordinal : table->identity_columns()) plan.key.push_back(at(ordinal));
  for (const IndexSchema& index : table->indexes) {
    if (!index.is_unique()) continue;
    auto& key = plan.unique_keys.emplace_back();
    for (const KeyPart& part : index.parts) key.push_back(at(table->FindColumn(part.column)));
  }
  return plan;
}

std::vector<std::vector<Cell>> ReadAll(Server& server, const TableSchemaPtr& table) {
  auto reader = server.endpoint().OpenRowReader();
  ScanPlan plan = ScanAll(table);
  reader->Open(plan, {});
  RowBatch batch(plan.columns.size());
  while (reader->Read(batch, 1'000'000, 1 << 30)) {
  }
  return ToRows(batch);
}

void LoadRows(Server& server, const TableSchemaPtr& table,
              const std::vector<std::vector<Cell>>& rows) {
  auto sink = server.endpoint().OpenSink();
  auto fence = sink->RaiseEpoch("live", 1);
  sink->Attach("live", 0, fence.epoch);
  WritePlan plan = WriteAll(table);
  RowBatch batch(plan.columns.size());
  for (const auto& row : rows) AddRow(batch, row);
  sink->Begin({});
  sink->Load(plan, batch);
  sink->Commit({});
}

}  // namespace godwit::live
