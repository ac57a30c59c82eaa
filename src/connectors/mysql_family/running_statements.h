// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// The definition statements of a link that a server still works on, also for connections that are
// gone: MySQL ends an ALTER before it looks at its client again; OceanBase gives one up, and for a
// while shows what it has half made. Each statement carries the link's name in a comment, by which
// the process list tells it. One thread.
class RunningStatements {
 public:
  RunningStatements(Session& session, Flavor flavor, const std::string& link);

  // The statement as it is sent.
  static std::string Tagged(std::string_view sql, std::string_view link);

  // Waits some seconds for the link's statements to end; then throws STATEMENT_RUNNING.
  void Await();
  // The same by one who has taken the link over. What OceanBase then still works on has a
  // connection that it does not know to be gone: its session is killed first.
  void End();
  // The same for OceanBase's DDL tasks, which outlive their session. They do not say whose they
  // are, so all are waited for.
  void AwaitTasks();

 private:
  struct Found {
    std::string session;  // its number
    std::string sql;
  };
  std::optional<Found> Find();
  std::optional<std::string> FindTask();
  void Kill(const Found& found);
  [[noreturn]] void FailStatement(const Found& found) const;

  Session& session_;
  const Flavor flavor_;
  const std::string tag_;
};

}  // namespace godwit::mysql
