// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/endpoint.h"

#include "connectors/memory/catalog.h"
#include "connectors/memory/change_reader.h"
#include "connectors/memory/memory.h"
#include "connectors/memory/row_reader.h"
#include "connectors/memory/sink.h"

namespace godwit::memory {

MemoryEndpoint::MemoryEndpoint(std::shared_ptr<MemoryServer> server) : server_(std::move(server)) {
  info_ = {.kind = "memory",
           .version = "1",
           .identity = "memory:" + server_->name(),
           .can_capture = true,
           .logs_cascades = true,
           .orders_text_bytewise = true};
}

std::unique_ptr<Catalog> MemoryEndpoint::OpenCatalog() {
  return std::make_unique<MemoryCatalog>(server_);
}
std::unique_ptr<RowReader> MemoryEndpoint::OpenRowReader() {
  return std::make_unique<MemoryRowReader>(server_);
}
std::unique_ptr<ChangeReader> MemoryEndpoint::OpenChangeReader() {
  return std::make_unique<MemoryChangeReader>(server_);
}
std::unique_ptr<Sink> MemoryEndpoint::OpenSink() { return std::make_unique<MemorySink>(server_); }

std::vector<CheckResult> MemoryEndpoint::Check(const CheckRequest& request) {
  std::vector<CheckResult> results;
  for (const TableSchemaPtr& table : request.tables) {
    for (const ColumnSchema& column : table->columns) {
      if (column.type.kind != TypeKind::kUnknown) continue;
      results.push_back({.item = "column_types",
                         .side = request.side,
                         .object = table->name.ToString() + "." + column.name,
                         .status = CheckResult::Status::kFail,
                         .message = "the type " + column.native_type + " is not known",
                         .cause = "no code here reads or writes it",
                         .remedy = "exclude the column"});
    }
  }
  if (results.empty()) results.push_back({.item = "column_types", .side = request.side});
  return results;
}

void RegisterMemory(Registry& registry) {
  registry.Add("memory", [](const EndpointUrl& url, Side) -> std::unique_ptr<Endpoint> {
    return std::make_unique<MemoryEndpoint>(MemoryServer::Get(url.host));
  });
}

}  // namespace godwit::memory
