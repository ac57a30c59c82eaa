// SPDX-License-Identifier: Apache-2.0
#include "connectors/oceanbase/oceanbase.h"

#include <memory>

#include "connectors/mysql_family/endpoint.h"
#include "connectors/mysql_family/url_options.h"

namespace godwit {

void RegisterOceanBase(Registry& registry) {
  auto open = [](const EndpointUrl& url, Side side) -> std::unique_ptr<Endpoint> {
    return std::make_unique<mysql::MysqlEndpoint>(url, side);
  };
  registry.Add("oceanbase", open, mysql::UrlOptions());
}

}  // namespace godwit
