// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql/mysql.h"

#include <memory>

#include "connectors/mysql_family/endpoint.h"
#include "connectors/mysql_family/url_options.h"

namespace godwit {

void RegisterMysql(Registry& registry) {
  auto open = [](const EndpointUrl& url, Side side) -> std::unique_ptr<Endpoint> {
    return std::make_unique<mysql::MysqlEndpoint>(url, side);
  };
  registry.Add("mysql", open, mysql::UrlOptions());
  registry.Add("mariadb", open, mysql::UrlOptions());
}

}  // namespace godwit
