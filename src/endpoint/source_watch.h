// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace godwit {

// What a source is asked beside its rows and its log, over a connection of its own. One thread at a
// time.
class SourceWatch {
 public:
  virtual ~SourceWatch() = default;
  // Changes the link's row of kHeartbeatTable in this database; makes both where missing.
  virtual void Beat(const std::string& database, const std::string& link) = 0;
  // How many old row versions the server keeps for readers; nullopt where it does not say.
  virtual std::optional<uint64_t> HistoryLength() = 0;
  // How far this server's own replication is behind its source; nullopt where it is not running.
  virtual std::optional<uint64_t> ReplicaLagSeconds() = 0;
};

}  // namespace godwit
