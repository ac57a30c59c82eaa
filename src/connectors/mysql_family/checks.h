// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "connectors/mysql_family/session.h"
#include "endpoint/endpoint.h"

namespace godwit::mysql {

// Collects results; each is a pass, a warning or a failure of one item.
class CheckList {
 public:
  explicit CheckList(Side side) : side_(side) {}

  void Pass(std::string item, std::string message, std::string object = "");
  void Warn(std::string item, std::string message, std::string cause, std::string remedy,
            std::string object = "");
  void Fail(std::string item, std::string message, std::string cause, std::string remedy,
            std::string object = "");
  // A pass for the item unless it has failed or warned already.
  void PassIfQuiet(const std::string& item, std::string message);
  // Runs a trial: a pass, with this message, unless it is refused.
  void Try(const std::string& item, std::string message, std::string remedy,
           const std::function<void()>& trial);
  std::vector<CheckResult> Take() { return std::move(results_); }

 private:
  void Add(CheckResult::Status status, std::string item, std::string message, std::string cause,
           std::string remedy, std::string object);

  Side side_;
  std::vector<CheckResult> results_;
};

std::vector<CheckResult> CheckSource(const EndpointUrl& url, const ServerInfo& server,
                                     const CheckRequest& request);
std::vector<CheckResult> CheckDestination(const EndpointUrl& url, const ServerInfo& server,
                                          const CheckRequest& request);

// What both sides are asked: version, clock, names, charsets, tables' types and keys.
void CheckBoth(CheckList& list, Session& session, const ServerInfo& server,
               const CheckRequest& request);

// Items that no server need be asked for once these values are known.
void CheckVersion(CheckList& list, const ServerInfo& server);
// Whether the source's largest rows fit, as far as they were measured.
void CheckPacket(CheckList& list, const ServerInfo& server, const CheckRequest& request);
// False where there is no log to follow.
bool CheckLogBin(CheckList& list, const std::string& log_bin);
// Names that tables are to be made by and the server will keep in another form.
void CheckNames(CheckList& list, const ServerInfo& server, const CheckRequest& request);
// The mode of a server whose statements are followed.
void CheckSqlMode(CheckList& list, const std::string& mode);
// The share in use, from 0 to 1, of what stops writers when it is full; nullopt: it is not told.
void CheckUse(CheckList& list, const std::string& item, std::string_view what,
              std::optional<double> share, std::string remedy);

// Whether under this binlog_row_image the log says every row's every column.
bool LogsFullImages(std::string_view binlog_row_image);

// A system variable's value; empty where the server does not have it.
std::string Variable(Session& session, std::string_view name);

}  // namespace godwit::mysql
