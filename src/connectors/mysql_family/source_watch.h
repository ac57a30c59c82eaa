// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>

#include "connectors/mysql_family/session.h"
#include "endpoint/source_watch.h"

namespace godwit::mysql {

// What the server applies of others, a row for each channel.
const char* ReplicaStatusStatement(const ServerInfo& server);

class MysqlSourceWatch : public SourceWatch {
 public:
  MysqlSourceWatch(const EndpointUrl& url, Side side, const ServerInfo& server);

  void Beat(const std::string& database, const std::string& link) override;
  std::optional<uint64_t> HistoryLength() override;
  std::optional<uint64_t> ReplicaLagSeconds() override;

 private:
  const ServerInfo& server_;
  Session session_;
  bool has_table_ = false;
};

}  // namespace godwit::mysql
