// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/running_statements.h"

#include <fmt/format.h>

#include <chrono>
#include <thread>

#include "base/deadline.h"

namespace godwit::mysql {
namespace {

constexpr auto kTurn = std::chrono::seconds(3);
constexpr auto kPoll = std::chrono::milliseconds(20);
constexpr size_t kInfo = 7;  // of SHOW FULL PROCESSLIST: the statement's text

// A name could end the comment.
std::string TagOf(std::string_view link) {
  std::string name;
  for (char c : link) name += c == '*' || c == '/' ? '_' : c;
  return fmt::format("/* godwit {} */ ", name);
}

template <typename Find>
void AwaitNone(Session& session, std::string_view what, const Find& find) {
  for (const auto deadline = Deadline::In(kTurn);;) {
    const std::string found = find();
    if (found.empty()) return;
    if (!deadline.has_passed()) {
      std::this_thread::sleep_for(kPoll);
      continue;
    }
    throw Error({.code = "STATEMENT_RUNNING",
                 .kind = ErrorKind::kTransient,
                 .side = session.side(),
                 .object = session.url(),
                 .message = fmt::format("the server still works on {}: {}", what, found),
                 .cause =
                     "the connection that asked for it was lost, or its process has ended; the "
                     "server has not",
                 .remedy = "nothing, it is waited for; or end it at the server"});
  }
}

}  // namespace

RunningStatements::RunningStatements(Session& session, Flavor flavor, const std::string& link)
    : session_(session), flavor_(flavor), tag_(TagOf(link)) {}

std::string RunningStatements::Tagged(std::string_view sql, std::string_view link) {
  return link.empty() ? std::string(sql) : TagOf(link).append(sql);
}

void RunningStatements::Await() {
  AwaitNone(session_, "an earlier statement of this project",
            [this] { return RunningStatement(); });
}

void RunningStatements::AwaitTasks() {
  if (flavor_ != Flavor::kOceanBase) return;
  AwaitNone(session_, "a change of definitions", [this] { return RunningTask(); });
}

std::string RunningStatements::RunningStatement() {
  for (Row& row : session_.Query("SHOW FULL PROCESSLIST")) {
    if (row.size() <= kInfo || !row[kInfo] || !row[kInfo]->starts_with(tag_)) continue;
    return row[kInfo]->substr(tag_.size());
  }
  return "";
}

// An account that may not look is left with what the process list has shown.
std::string RunningStatements::RunningTask() {
  for (const char* view : {"GV$SESSION_LONGOPS", "V$SESSION_LONGOPS"}) {
    try {
      auto rows = session_.Query(
          fmt::format("SELECT OPNAME, TARGET, MESSAGE FROM oceanbase.{} LIMIT 1", view));
      if (rows.empty()) return "";
      return fmt::format("{} {} ({})", rows[0][0].value_or(""), rows[0][1].value_or(""),
                         rows[0][2].value_or(""));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
    }
  }
  return "";
}

}  // namespace godwit::mysql
