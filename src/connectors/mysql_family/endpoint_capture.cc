// SPDX-License-Identifier: Apache-2.0
// How an endpoint of the family opens its change log.
#include "connectors/mysql_family/change_reader.h"
#include "connectors/mysql_family/endpoint.h"

namespace godwit::mysql {

std::unique_ptr<ChangeReader> MysqlEndpoint::OpenChangeReader() {
  if (server_.flavor != Flavor::kOceanBase) {
    return std::make_unique<BinlogChangeReader>(url_, side_, server_, charsets_);
  }
  throw Error({.code = "CAPTURE_UNSUPPORTED",
               .kind = ErrorKind::kBlocked,
               .side = side_,
               .object = url_.Redacted(),
               .message = "changes cannot be captured from this server",
               .cause = "Godwit has no way to read its change log",
               .remedy = "leave incremental migration out, or use a server that can be captured"});
}

}  // namespace godwit::mysql
