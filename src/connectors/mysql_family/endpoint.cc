// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/endpoint.h"

#include <fmt/format.h>

#include "connectors/mysql_family/catalog.h"
#include "connectors/mysql_family/checks.h"
#include "connectors/mysql_family/row_reader.h"
#include "connectors/mysql_family/sink.h"
#include "connectors/mysql_family/source_watch.h"

namespace godwit::mysql {
namespace {

constexpr int kLogsCascadesSince = 90600;

std::string KindOf(Flavor flavor) {
  switch (flavor) {
    case Flavor::kMySql:
      return "mysql";
    case Flavor::kMariaDb:
      return "mariadb";
    case Flavor::kOceanBase:
      return "oceanbase-mysql";
  }
  return "mysql";
}

// What is the same for two URLs of one server: its own identity where it has one.
std::string IdentityOf(Session& session, const ServerInfo& server, const EndpointUrl& url) {
  if (!server.server_uuid.empty()) return server.server_uuid;
  auto row = session.Query("SELECT @@hostname, @@port, @@datadir");
  std::string host = row.at(0).at(0).value_or("");
  if (host.empty()) host = url.host;
  return fmt::format("{}:{}:{}", host, row[0].at(1).value_or(""), row[0].at(2).value_or(""));
}

// Not those that InnoDB does by itself, nor those of an older server whose log this one repeats.
// MySQL 9.6 manual, "innodb_native_foreign_keys".
bool LogsCascades(Session& session, const ServerInfo& server) {
  if (server.flavor != Flavor::kMySql || server.version_number < kLogsCascadesSince) return false;
  if (Variable(session, "innodb_native_foreign_keys") == "ON") return false;
  try {
    return session.Query("SHOW REPLICA STATUS").empty();
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
    return false;  // the account may not know
  }
}

}  // namespace

MysqlEndpoint::MysqlEndpoint(const EndpointUrl& url, Side side)
    : url_(url), side_(side), charsets_(std::make_shared<Charsets>([url, side] {
        return std::make_unique<Session>(url, side, SessionRole::kCatalog);
      })) {
  Session session(url, side, SessionRole::kCatalog);
  server_ = ReadServerInfo(session);
  const bool is_oceanbase = server_.flavor == Flavor::kOceanBase;
  if (is_oceanbase != (url.scheme == "oceanbase")) {
    throw Error({.code = "SERVER_KIND_MISMATCH",
                 .kind = ErrorKind::kBlocked,
                 .side = side,
                 .object = session.url(),
                 .message = fmt::format("the server says it is {}", server_.version),
                 .cause = fmt::format("the URL says {}://", url.scheme),
                 .remedy = is_oceanbase ? "write oceanbase:// for it" : "write mysql:// for it"});
  }
  info_.kind = KindOf(server_.flavor);
  info_.version = server_.version;
  info_.identity = IdentityOf(session, server_, url);
  info_.folds_table_names = server_.lower_case_table_names != 0;
  info_.can_capture = !is_oceanbase;
  info_.logs_cascades = LogsCascades(session, server_);
  info_.logs_full_images = LogsFullImages(Variable(session, "binlog_row_image"));
  dialect_ = std::make_unique<MysqlDialect>(server_);
}

std::unique_ptr<Catalog> MysqlEndpoint::OpenCatalog() {
  return std::make_unique<MysqlCatalog>(
      std::make_unique<Session>(url_, side_, SessionRole::kCatalog), DialectTraits::For(server_));
}

std::unique_ptr<RowReader> MysqlEndpoint::OpenRowReader() {
  return std::make_unique<MysqlRowReader>(url_, side_, server_, charsets_);
}

std::unique_ptr<Sink> MysqlEndpoint::OpenSink() {
  return std::make_unique<MysqlSink>(url_, side_, server_);
}

std::unique_ptr<SourceWatch> MysqlEndpoint::OpenSourceWatch() {
  return std::make_unique<MysqlSourceWatch>(url_, side_, server_);
}

std::vector<CheckResult> MysqlEndpoint::Check(const CheckRequest& request) {
  return request.side == Side::kSource ? CheckSource(url_, server_, request)
                                       : CheckDestination(url_, server_, request);
}

}  // namespace godwit::mysql
