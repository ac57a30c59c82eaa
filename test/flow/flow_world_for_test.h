// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gmock/gmock.h>
#include <unistd.h>

#include <filesystem>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "connectors/memory/connection.h"
#include "connectors/memory/endpoint.h"
#include "pipeline/link.h"

namespace godwit {

using memory::Connection;
using memory::MemoryServer;
using memory::Row;

inline constexpr int kRows = 400;
inline constexpr int kLanes = 2;
inline const TableName kTable{"d", "t"};

inline ColumnSchema Column(std::string name, LogicalType type, bool nullable) {
  ColumnSchema column;
  column.name = std::move(name);
  column.type = std::move(type);
  column.nullable = nullable;
  return column;
}

inline TableSchema Table() {
  TableSchema table;
  table.name = kTable;
  table.dialect = "memory";
  const LogicalType text{.kind = TypeKind::kVarchar, .length = 100};
  table.columns = {Column("k", {.kind = TypeKind::kInteger, .bits = 64}, false),
                   Column("a", text, true), Column("b", text, false)};
  IndexSchema primary;
  primary.name = "PRIMARY";
  primary.kind = IndexSchema::Kind::kPrimary;
  primary.parts = {{.column = "k"}};
  table.indexes = {primary};
  return table;
}

inline Row MakeRow(int key, std::string value) {
  return {std::to_string(key), "name " + std::to_string(key), std::move(value)};
}

// Two memory servers with the same rows, and a link between them.
class FlowTest : public ::testing::Test {
 protected:
  FlowTest()
      : directory_(std::filesystem::temp_directory_path() /
                   ("godwit-flow-" + std::to_string(getpid()))),
        source_server_(NewServer("flow-source")),
        destination_server_(NewServer("flow-destination")),
        source_(source_server_),
        destination_(destination_server_) {
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    spec_.limits.readers = spec_.limits.lanes = kLanes;
    spec_.rules = ObjectRules({ObjectRule::Parse("d.*")}, {});
    metadata_ = Metadata::Open(directory_ / "metadata.db");
    project_ = metadata_->CreateProject("p", "{}").id;
    store_ = Store::Open(directory_ / "store", {});
    translator_ = std::make_unique<Translator>(source_.dialect(), destination_.dialect(),
                                               spec_.rules, CharsetOverlay{});
    link_ = std::make_unique<Link>(
        Link{"p", project_, spec_, source_, destination_, *store_, *metadata_, *translator_});
    fence_ = destination_.OpenSink()->RaiseEpoch("p", kLanes + 1);
    link_->epoch = fence_.epoch;
  }
  ~FlowTest() override {
    MemoryServer::Remove("flow-source");
    MemoryServer::Remove("flow-destination");
    store_.reset();
    metadata_.reset();
    std::filesystem::remove_all(directory_);
  }

  static std::shared_ptr<MemoryServer> NewServer(const std::string& name) {
    MemoryServer::Remove(name);
    auto server = MemoryServer::Get(name);
    server->CreateTable(Table());
    Connection connection(server);
    connection.Begin();
    for (int i = 0; i < kRows; ++i) connection.Insert(kTable, MakeRow(i, "v"));
    connection.Commit();
    return server;
  }

  // Keys whose rows are not the same on both sides, without Godwit's help.
  std::vector<std::string> Unequal() {
    std::map<std::string, Row> rows[2];
    int side = 0;
    for (auto& server : {source_server_, destination_server_}) {
      const MemoryServer::Snapshot snapshot = server->TakeSnapshot();
      for (const Row& row : snapshot.rows.at(kTable)) rows[side][*row[0]] = row;
      ++side;
    }
    std::vector<std::string> out;
    for (auto& [key, row] : rows[0]) {
      if (!rows[1].contains(key) || rows[1][key] != row) out.push_back(key);
    }
    for (auto& [key, row] : rows[1]) {
      if (!rows[0].contains(key)) out.push_back(key);
    }
    return out;
  }

  std::filesystem::path directory_;
  std::shared_ptr<MemoryServer> source_server_;
  std::shared_ptr<MemoryServer> destination_server_;
  memory::MemoryEndpoint source_;
  memory::MemoryEndpoint destination_;
  ProjectSpec spec_;
  std::unique_ptr<Metadata> metadata_;
  int64_t project_ = 0;
  std::unique_ptr<Store> store_;
  std::unique_ptr<Translator> translator_;
  std::unique_ptr<Link> link_;
  Sink::Fence fence_;
};

}  // namespace godwit
