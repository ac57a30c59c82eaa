// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "connectors/memory/dialect.h"
#include "connectors/memory/server.h"
#include "endpoint/endpoint.h"

namespace godwit::memory {

class MemoryEndpoint : public Endpoint {
 public:
  explicit MemoryEndpoint(std::shared_ptr<MemoryServer> server);

  const EndpointInfo& info() const override { return info_; }
  const Dialect& dialect() const override { return dialect_; }
  std::unique_ptr<Catalog> OpenCatalog() override;
  std::unique_ptr<RowReader> OpenRowReader() override;
  std::unique_ptr<ChangeReader> OpenChangeReader() override;
  std::unique_ptr<Sink> OpenSink() override;
  std::vector<CheckResult> Check(const CheckRequest& request) override;

 private:
  std::shared_ptr<MemoryServer> server_;
  EndpointInfo info_;
  MemoryDialect dialect_;
};

}  // namespace godwit::memory
