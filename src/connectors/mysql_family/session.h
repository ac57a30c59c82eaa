// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/error.h"
#include "endpoint/endpoint_url.h"

struct st_mysql;
struct st_mysql_res;

namespace godwit::mysql {

enum class Flavor { kMySql, kMariaDb, kOceanBase };

// What a connection is for; decides its session settings. kDefiner runs DDL, which may take hours.
enum class SessionRole { kCatalog, kReader, kWriter, kDefiner, kLog };

// One server, as learnt at the first connection.
struct ServerInfo {
  Flavor flavor = Flavor::kMySql;
  std::string version;     // as the server says it
  int version_number = 0;  // 90704 for 9.7.4, 50624, 101119; the MySQL level for OceanBase
  int lower_case_table_names = 0;
  uint64_t max_allowed_packet = 0;
  std::string server_uuid;
  std::vector<std::string> collations;
  std::optional<bool> explicit_timestamps;  // explicit_defaults_for_timestamp, where it is told
};

// The mode of every session. Strict, so that nothing is bent silently; zero dates, zero keys and
// odd dates are legal values.
inline constexpr const char* kStrictMode =
    "SET sql_mode='STRICT_ALL_TABLES,NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";
// What strict mode refuses (an enum's error value) is written under this one.
inline constexpr const char* kLenientMode =
    "SET sql_mode='NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES'";

// Statements and servers' messages as they are shown to people: not a batch of a megabyte, nor the
// bytes of a picture, nor what a terminal would obey.
std::string Shortened(std::string_view text, size_t most);

// Rows of a small result; NULL is nullopt.
using Row = std::vector<std::optional<std::string>>;

// A result that is read while the server sends it. Must be exhausted or destroyed before the
// session is used again; destroying it early reads the rest away.
class StreamingResult {
 public:
  StreamingResult(class Session& session, st_mysql_res* result);
  ~StreamingResult();
  StreamingResult(const StreamingResult&) = delete;
  StreamingResult& operator=(const StreamingResult&) = delete;

  // Moves to the next row; false at the end. The cells point into the client's buffer until then.
  bool Next();
  unsigned columns() const { return columns_; }
  std::string_view name(unsigned column) const;
  bool is_null(unsigned column) const { return row_[column] == nullptr; }
  std::string_view cell(unsigned column) const { return {row_[column], lengths_[column]}; }

 private:
  Session& session_;
  st_mysql_res* result_;
  unsigned columns_;
  char** row_ = nullptr;
  unsigned long* lengths_ = nullptr;
};

// One connection over libmariadb, with the session contract set: UTF-8 names, UTC, a fixed sql_mode
// under which every legal value can be read and written, no foreign key checks for writers, no
// server-side time limits. One thread at a time, but for Cancel. Every failure is an Error with the
// side and the redacted URL; secrets never appear in it.
class Session {
 public:
  Session(const EndpointUrl& url, Side side, SessionRole role);
  ~Session();
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  // Runs one statement without a result, for a writer also several; returns the rows affected by
  // the last.
  uint64_t Execute(std::string_view sql);
  // Runs several statements of a writer in one round trip; `each` gets the rows affected by each
  // and the server's words on it.
  void ExecuteEach(std::string_view sql,
                   const std::function<void(uint64_t affected, std::string_view info)>& each);
  // The server's words on the last statement ("Records: 3  Duplicates: 0 …"), "" if none.
  std::string info() const;
  std::vector<Row> Query(std::string_view sql);
  // First cell of the first row; nullopt if there is none or it is NULL.
  std::optional<std::string> QueryValue(std::string_view sql);
  std::unique_ptr<StreamingResult> Stream(std::string_view sql);

  // Frees what a large packet has left. The one that was read last is gone then.
  void GiveBackPacket();

  // Appends `bytes` escaped for a single-quoted literal under this contract.
  static void AppendEscaped(std::string& out, std::string_view bytes);
  static std::string Quote(std::string_view identifier);
  static std::string Literal(std::string_view text);

  // Makes a statement that runs in another thread fail soon, by cutting the socket. Any thread.
  void Cancel();
  // What is sent next fails as over a lost connection. Any thread.
  void Break();
  bool was_cancelled() const { return cancelled_.load(); }

  const std::string& url() const { return url_; }
  Side side() const { return side_; }
  st_mysql* raw() { return mysql_; }
  [[noreturn]] void Fail(std::string_view doing);

 private:
  void Connect(const EndpointUrl& url, SessionRole role);
  void SetContract(SessionRole role);
  void Send(std::string_view sql);
  void WatchSocket();

  st_mysql* mysql_ = nullptr;
  std::string url_;
  Side side_;
  std::atomic<bool> cancelled_{false};
};

ServerInfo ReadServerInfo(Session& session);

// Turns the server's error number into an Error, the only place that does (errors.cc).
Error Classify(unsigned number, std::string_view message, std::string_view doing, Side side,
               std::string_view object);

}  // namespace godwit::mysql
