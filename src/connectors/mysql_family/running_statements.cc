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
// Of SHOW FULL PROCESSLIST.
constexpr size_t kId = 0;
constexpr size_t kInfo = 7;  // the statement's text

// A name could end the comment.
std::string TagOf(std::string_view link) {
  std::string name;
  for (char c : link) name += c == '*' || c == '/' ? '_' : c;
  return fmt::format("/* godwit {} */ ", name);
}

// What still runs after some seconds, or nothing.
template <typename Find>
auto LeftAfterTurn(const Find& find) {
  for (const auto deadline = Deadline::In(kTurn);;) {
    auto found = find();
    if (!found || deadline.has_passed()) return found;
    std::this_thread::sleep_for(kPoll);
  }
}

[[noreturn]] void FailRunning(const Session& session, std::string_view what,
                              std::string_view found) {
  throw Error({.code = "STATEMENT_RUNNING",
               .kind = ErrorKind::kTransient,
               .side = session.side(),
               .object = session.url(),
               .message = fmt::format("the server still works on {}: {}", what, found),
               .cause = "the connection that asked for it was lost, or its process has ended; the "
                        "server has not",
               .remedy = "nothing, it is waited for; or end its session at the server"});
}

}  // namespace

RunningStatements::RunningStatements(Session& session, Flavor flavor, const std::string& link)
    : session_(session), flavor_(flavor), tag_(TagOf(link)) {}

std::string RunningStatements::Tagged(std::string_view sql, std::string_view link) {
  return link.empty() ? std::string(sql) : TagOf(link).append(sql);
}

void RunningStatements::Await() {
  if (const auto left = LeftAfterTurn([this] { return Find(); })) FailStatement(*left);
}

void RunningStatements::End() {
  const auto left = LeftAfterTurn([this] { return Find(); });
  if (!left) return;
  if (flavor_ == Flavor::kOceanBase) Kill(*left);
  FailStatement(*left);
}

void RunningStatements::AwaitTasks() {
  if (flavor_ != Flavor::kOceanBase) return;
  const auto left = LeftAfterTurn([this] { return FindTask(); });
  if (left) FailRunning(session_, "a change of definitions", *left);
}

void RunningStatements::FailStatement(const Found& found) const {
  FailRunning(session_, "an earlier statement of this project",
              fmt::format("{} (session {})", found.sql, found.session));
}

std::optional<RunningStatements::Found> RunningStatements::Find() {
  for (Row& row : session_.Query("SHOW FULL PROCESSLIST")) {
    if (row.size() <= kInfo || !row[kInfo] || !row[kInfo]->starts_with(tag_)) continue;
    return Found{.session = row[kId].value_or(""), .sql = row[kInfo]->substr(tag_.size())};
  }
  return std::nullopt;
}

// A session that has ended meanwhile is not known any more; one of another account may not be
// killed and is waited for.
void RunningStatements::Kill(const Found& found) {
  try {
    session_.Execute("KILL " + found.session);
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kTransient) throw;
  }
}

// An account that may not look is left with what the process list has shown.
std::optional<std::string> RunningStatements::FindTask() {
  for (const char* view : {"GV$SESSION_LONGOPS", "V$SESSION_LONGOPS"}) {
    try {
      auto rows = session_.Query(
          fmt::format("SELECT OPNAME, TARGET, MESSAGE FROM oceanbase.{} LIMIT 1", view));
      if (rows.empty()) return std::nullopt;
      return fmt::format("{} {} ({})", rows[0][0].value_or(""), rows[0][1].value_or(""),
                         rows[0][2].value_or(""));
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
    }
  }
  return std::nullopt;
}

}  // namespace godwit::mysql
