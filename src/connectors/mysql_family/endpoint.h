// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/mysql_family/charset_table.h"
#include "connectors/mysql_family/dialect.h"
#include "connectors/mysql_family/session.h"
#include "endpoint/endpoint.h"

namespace godwit::mysql {

// A server of the family in either role. What differs between its kinds is in ServerInfo.
class MysqlEndpoint : public Endpoint {
 public:
  // Connects once. Throws SERVER_KIND_MISMATCH where the server is not what the URL's scheme says.
  MysqlEndpoint(const EndpointUrl& url, Side side);

  const EndpointInfo& info() const override { return info_; }
  const Dialect& dialect() const override { return *dialect_; }
  std::unique_ptr<Catalog> OpenCatalog() override;
  std::unique_ptr<RowReader> OpenRowReader() override;
  std::unique_ptr<ChangeReader> OpenChangeReader() override;
  std::unique_ptr<Sink> OpenSink() override;
  std::unique_ptr<SourceWatch> OpenSourceWatch() override;
  uint64_t LargestRow(const TableSchemaPtr& table, int seconds) override;
  std::vector<CheckResult> Check(const CheckRequest& request) override;
  std::vector<UniqueClash> FindUniqueClashes(const TableSchemaPtr& source,
                                             const TableSchemaPtr& destination) override;

  const ServerInfo& server() const { return server_; }

 private:
  const EndpointUrl url_;
  const Side side_;
  ServerInfo server_;
  EndpointInfo info_;
  std::unique_ptr<MysqlDialect> dialect_;
  std::shared_ptr<Charsets> charsets_;
};

}  // namespace godwit::mysql
