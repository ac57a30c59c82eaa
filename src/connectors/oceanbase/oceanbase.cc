// SPDX-License-Identifier: Apache-2.0
#include "connectors/oceanbase/oceanbase.h"

#include <memory>

#include "connectors/mysql_family/endpoint.h"

namespace godwit {

void RegisterOceanBase(Registry& registry) {
  registry.Add("oceanbase", [](const EndpointUrl& url, Side side) -> std::unique_ptr<Endpoint> {
    return std::make_unique<mysql::MysqlEndpoint>(url, side);
  });
}

}  // namespace godwit
