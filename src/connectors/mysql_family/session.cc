// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/session.h"

#include <errmsg.h>
#include <fmt/format.h>
#include <mysql.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <cstring>
#include <mutex>

#include "base/large_buffer.h"

namespace godwit::mysql {
namespace {

// How long a statement may be silent. A peer that is gone is noticed sooner, by keep-alive probes.
unsigned SilenceSeconds(SessionRole role) {
  switch (role) {
    case SessionRole::kCatalog:
      return 120;
    case SessionRole::kReader:
    case SessionRole::kWriter:
      return 3600;
    case SessionRole::kDefiner:
    case SessionRole::kLog:  // silent as long as the source is; its reader polls the socket itself
      return 0;
  }
  return 0;
}

unsigned TimeoutOption(const EndpointUrl& url, const char* name, unsigned otherwise) {
  std::string text = url.Option(name);
  unsigned value = otherwise;
  if (!text.empty()) std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// The ways to log in that do not show the password to who answers.
constexpr const char* kHashedPasswords =
    "mysql_native_password,caching_sha2_password,sha256_password,client_ed25519,parsec";

// The bytes of the UTF-8 character at `at`; 0 if there is none, or one that a terminal obeys.
size_t CharacterAt(std::string_view text, size_t at) {
  constexpr uint32_t kLeast[] = {0, 0, 0xa0, 0x800, 0x10000};
  const auto lead = static_cast<unsigned char>(text[at]);
  const size_t length = lead < 0x80       ? 1
                        : lead >> 5 == 6  ? 2
                        : lead >> 4 == 14 ? 3
                        : lead >> 3 == 30 ? 4
                                          : 0;
  if (length == 0 || at + length > text.size()) return 0;
  uint32_t code = length == 1 ? lead : lead & (0x7fu >> length);
  for (size_t i = at + 1; i < at + length; ++i) {
    const auto next = static_cast<unsigned char>(text[i]);
    if ((next & 0xc0) != 0x80) return 0;
    code = code << 6 | (next & 0x3f);
  }
  const bool is_surrogate = code >= 0xd800 && code <= 0xdfff;
  return code < kLeast[length] || code > 0x10ffff || is_surrogate ? 0 : length;
}

constexpr size_t kShownStatement = 300;
constexpr size_t kShownMessage = 1000;

// What stands behind the backslash for this byte; 0 where it needs none.
char EscapeOf(char byte) {
  switch (byte) {
    case '\0':
      return '0';
    case '\'':
      return '\'';
    case '\\':
      return '\\';
    case '\n':
      return 'n';
    case '\r':
      return 'r';
    case '\x1a':
      return 'Z';
    default:
      return 0;
  }
}

// Most of a cell needs no escape: eight bytes at a time that hold no quote, no backslash and no
// control character. The rest is looked at byte by byte.
size_t PlainLength(std::string_view bytes) {
  constexpr uint64_t kOnes = 0x0101010101010101;
  constexpr uint64_t kHighs = 0x8080808080808080;
  auto has_zero = [](uint64_t word) { return (word - kOnes) & ~word & kHighs; };
  size_t at = 0;
  for (uint64_t word = 0; at + sizeof(word) <= bytes.size(); at += sizeof(word)) {
    std::memcpy(&word, bytes.data() + at, sizeof(word));
    const uint64_t has_control = (word - kOnes * 0x20) & ~word & kHighs;
    if ((has_control | has_zero(word ^ kOnes * '\'') | has_zero(word ^ kOnes * '\\')) != 0) break;
  }
  return at;
}

}  // namespace

std::string Shortened(std::string_view text, size_t most) {
  std::string out;
  size_t at = 0;
  while (at < text.size() && at < most) {
    const size_t length = CharacterAt(text, at);
    const bool is_shown = length > 1 || (length == 1 && text[at] >= ' ' && text[at] != 0x7f);
    is_shown ? out += text.substr(at, length) : out += length == 1 ? ' ' : '?';
    at += std::max<size_t>(length, 1);
  }
  if (at < text.size()) out += fmt::format("… ({} bytes)", text.size());
  return out;
}

Session::Session(const EndpointUrl& url, Side side, SessionRole role)
    : url_(url.Redacted()), side_(side) {
  static std::once_flag once;
  std::call_once(once, [] { mysql_library_init(0, nullptr, nullptr); });
  mysql_ = mysql_init(nullptr);
  GODWIT_CHECK(mysql_ != nullptr, "there is memory for a connection");
  try {
    Connect(url, role);
    SetContract(role);
  } catch (...) {
    mysql_close(mysql_);
    throw;
  }
}

Session::~Session() { mysql_close(mysql_); }

void Session::Connect(const EndpointUrl& url, SessionRole role) {
  unsigned connect_timeout = TimeoutOption(url, "connect_timeout", 10);
  unsigned network_timeout = SilenceSeconds(role);
  if (network_timeout != 0)
    network_timeout = TimeoutOption(url, "network_timeout", network_timeout);
  mysql_options(mysql_, MYSQL_OPT_CONNECT_TIMEOUT, &connect_timeout);
  if (network_timeout != 0) {
    mysql_options(mysql_, MYSQL_OPT_READ_TIMEOUT, &network_timeout);
    mysql_options(mysql_, MYSQL_OPT_WRITE_TIMEOUT, &network_timeout);
  }
  mysql_options(mysql_, MYSQL_SET_CHARSET_NAME, "utf8mb4");
  unsigned long packet = 1UL << 30;
  mysql_options(mysql_, MYSQL_OPT_MAX_ALLOWED_PACKET, &packet);
  my_bool yes = 1;
  my_bool no = 0;
  // A server could ask for any file of this machine otherwise.
  unsigned int local_files = 0;
  mysql_options(mysql_, MYSQL_OPT_LOCAL_INFILE, &local_files);
  const std::string tls = url.Option("tls", "off");
  // Nor for the password in clear, but by a connection that proves whom it speaks with.
  if (tls != "verify") mysql_options(mysql_, MARIADB_OPT_RESTRICTED_AUTH, kHashedPasswords);
  if (tls != "off") {
    mysql_options(mysql_, MYSQL_OPT_SSL_ENFORCE, &yes);
    const std::string ca = url.Option("tls_ca");
    if (!ca.empty()) mysql_options(mysql_, MYSQL_OPT_SSL_CA, ca.c_str());
    mysql_options(mysql_, MYSQL_OPT_SSL_VERIFY_SERVER_CERT, tls == "on" ? &no : &yes);
  }
  unsigned long flags = role == SessionRole::kWriter ? CLIENT_MULTI_STATEMENTS : 0;
  uint16_t port = url.port == 0 ? 3306 : url.port;
  if (mysql_real_connect(mysql_, url.host.c_str(), url.user.c_str(), url.password.c_str(), nullptr,
                         port, nullptr, flags) == nullptr) {
    Fail("connecting");
  }
  // The library goes on in clear where the server has no TLS.
  if (tls != "off" && mysql_get_ssl_cipher(mysql_) == nullptr) {
    throw Classify(CR_SSL_CONNECTION_ERROR, "the server offers no TLS", "connecting", side_, url_);
  }
  WatchSocket();
}

// A host that has gone away is noticed within a minute, also in the middle of a long statement.
void Session::WatchSocket() {
  const int socket = static_cast<int>(mysql_get_socket(mysql_));
  const int on = 1, idle = 30, interval = 10, probes = 3;
  setsockopt(socket, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPIDLE, &idle, sizeof(idle));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
  setsockopt(socket, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
}

void Session::SetContract(SessionRole role) {
  Execute("SET NAMES utf8mb4");
  Execute("SET time_zone='+00:00'");
  Execute(kStrictMode);
  // Whatever the server's own are: results would be cut off, and work undone at the session's end.
  Execute("SET autocommit=1, sql_select_limit=9223372036854775807, sql_safe_updates=0");
  const std::string_view version = mysql_get_server_info(mysql_);
  const bool is_oceanbase = version.find("OceanBase") != std::string_view::npos;
  if (is_oceanbase) {
    // A lock is not waited for in silence: the wait ends, is told and tried again. And a TIMESTAMP
    // gets no values that its definition does not tell.
    Execute(
        "SET ob_query_timeout=86400000000, ob_trx_timeout=86400000000, "
        "ob_trx_lock_timeout=5000000, explicit_defaults_for_timestamp=1");
  } else {
    Execute("SET SESSION net_write_timeout=3600, net_read_timeout=3600, wait_timeout=86400");
    if (version.find("MariaDB") != std::string_view::npos) {
      Execute("SET SESSION max_statement_time=0");
    } else if (mysql_get_server_version(mysql_) >= 50708) {
      Execute("SET SESSION max_execution_time=0");
    }
  }
  if (role == SessionRole::kWriter || role == SessionRole::kDefiner) {
    Execute("SET foreign_key_checks=0, unique_checks=1");
  }
  if (role == SessionRole::kWriter) {
    // No gap locks: lanes that write neighbouring keys do not wait for one another.
    Execute("SET SESSION TRANSACTION ISOLATION LEVEL READ COMMITTED");
  }
  if (role == SessionRole::kReader && !is_oceanbase) {
    Execute("SET SESSION TRANSACTION ISOLATION LEVEL REPEATABLE READ");
  }
  if (auto mode = QueryValue("SELECT @@session.sql_mode");
      !mode || mode->find("NO_AUTO_VALUE_ON_ZERO") == std::string::npos) {
    throw Error({.code = "SESSION_CONTRACT",
                 .kind = ErrorKind::kBlocked,
                 .side = side_,
                 .object = url_,
                 .message = "the server did not take the session's sql_mode",
                 .cause = "a proxy or an init_connect changes it",
                 .remedy = "connect to the server itself"});
  }
}

void Session::Send(std::string_view sql) {
  if (mysql_real_query(mysql_, sql.data(), sql.size()) != 0) Fail(Shortened(sql, kShownStatement));
}

uint64_t Session::Execute(std::string_view sql) {
  uint64_t last = 0;
  ExecuteEach(sql, [&](uint64_t affected, std::string_view) { last = affected; });
  return last;
}

void Session::ExecuteEach(
    std::string_view sql,
    const std::function<void(uint64_t affected, std::string_view info)>& each) {
  Send(sql);
  for (;;) {
    if (st_mysql_res* result = mysql_use_result(mysql_)) mysql_free_result(result);
    const char* info = mysql_info(mysql_);
    each(mysql_affected_rows(mysql_), info == nullptr ? "" : info);
    int next = mysql_next_result(mysql_);
    if (next > 0) Fail(Shortened(sql, kShownStatement));
    if (next < 0) return;
  }
}

std::string Session::info() const {
  const char* text = mysql_info(mysql_);
  return text == nullptr ? "" : text;
}

std::vector<Row> Session::Query(std::string_view sql) {
  std::vector<Row> rows;
  auto result = Stream(sql);
  while (result->Next()) {
    Row& row = rows.emplace_back();
    for (unsigned c = 0; c < result->columns(); ++c) {
      if (result->is_null(c)) {
        row.emplace_back();
      } else {
        row.emplace_back(std::string(result->cell(c)));
      }
    }
  }
  return rows;
}

std::optional<std::string> Session::QueryValue(std::string_view sql) {
  std::vector<Row> rows = Query(sql);
  if (rows.empty() || rows[0].empty()) return {};
  return rows[0][0];
}

std::unique_ptr<StreamingResult> Session::Stream(std::string_view sql) {
  Send(sql);
  st_mysql_res* result = mysql_use_result(mysql_);
  if (result == nullptr) Fail(Shortened(sql, kShownStatement));
  return std::make_unique<StreamingResult>(*this, result);
}

// The library's buffer grows with the largest packet and never shrinks.
void Session::GiveBackPacket() {
  constexpr size_t kSmall = 64 << 10;
  constexpr size_t kReserve = 16;  // the library writes its headers and a zero there
  NET& net = mysql_->net;
  if (net.max_packet <= kLargeBuffer || net.remain_in_buf != 0) return;
  auto* buffer = static_cast<unsigned char*>(std::realloc(net.buff, kSmall + kReserve));
  if (buffer == nullptr) return;
  net.buff = net.write_pos = net.read_pos = buffer;
  net.buff_end = buffer + kSmall;
  net.max_packet = kSmall;
}

// A large cell is counted through first: growing in steps would copy it, and hold two of it.
// Without NO_BACKSLASH_ESCAPES (the contract) and in UTF-8 these are all that can end or change a
// literal.
void Session::AppendEscaped(std::string& out, std::string_view bytes) {
  constexpr size_t kLarge = 1 << 20;
  if (bytes.size() > kLarge) {
    const auto escapes = static_cast<size_t>(
        std::count_if(bytes.begin(), bytes.end(), [](char c) { return EscapeOf(c) != 0; }));
    out.reserve(out.size() + bytes.size() + escapes + kLarge);
  }
  size_t from = 0;
  for (size_t i = 0; i < bytes.size(); ++i) {
    i += PlainLength(bytes.substr(i));
    if (i == bytes.size()) break;
    const char escape = EscapeOf(bytes[i]);
    if (escape == 0) continue;
    out.append(bytes.substr(from, i - from));
    out.push_back('\\');
    out.push_back(escape);
    from = i + 1;
  }
  out.append(bytes.substr(from));
}

std::string Session::Quote(std::string_view identifier) {
  std::string out = "`";
  for (char c : identifier) {
    if (c == '`') out.push_back('`');
    out.push_back(c);
  }
  out.push_back('`');
  return out;
}

std::string Session::Literal(std::string_view text) {
  std::string out = "'";
  AppendEscaped(out, text);
  out.push_back('\'');
  return out;
}

void Session::Cancel() {
  cancelled_.store(true);
  Break();
}

void Session::Break() { shutdown(mysql_get_socket(mysql_), SHUT_RDWR); }

void Session::Fail(std::string_view doing) {
  if (cancelled_.load()) throw Stopped();
  throw Classify(mysql_errno(mysql_), Shortened(mysql_error(mysql_), kShownMessage), doing, side_,
                 url_);
}

StreamingResult::StreamingResult(Session& session, st_mysql_res* result)
    : session_(session), result_(result), columns_(mysql_num_fields(result)) {}

StreamingResult::~StreamingResult() { mysql_free_result(result_); }

std::string_view StreamingResult::name(unsigned column) const {
  const MYSQL_FIELD* field = mysql_fetch_field_direct(result_, column);
  return {field->name, field->name_length};
}

bool StreamingResult::Next() {
  row_ = mysql_fetch_row(result_);
  if (row_ == nullptr) {
    if (mysql_errno(session_.raw()) != 0) session_.Fail("reading rows");
    return false;
  }
  lengths_ = mysql_fetch_lengths(result_);
  return true;
}

// An OceanBase tenant speaks this protocol in either mode, and says which one when asked so.
void RefuseOracleTenant(Session& session) {
  for (const Row& row : session.Query("SHOW VARIABLES LIKE 'ob_compatibility_mode'")) {
    if (row.size() < 2 || row[1].value_or("") != "ORACLE") continue;
    throw Error({.code = "ORACLE_TENANT",
                 .kind = ErrorKind::kBlocked,
                 .side = session.side(),
                 .object = session.url(),
                 .message = "the tenant is in Oracle mode",
                 .cause = "Godwit knows OceanBase tenants of MySQL mode only",
                 .remedy = "connect to a tenant of MySQL mode (user@tenant#cluster in the URL)"});
  }
}

ServerInfo ReadServerInfo(Session& session) {
  RefuseOracleTenant(session);
  ServerInfo info;
  info.version = session.QueryValue("SELECT VERSION()").value_or("");
  if (info.version.find("OceanBase") != std::string::npos) {
    info.flavor = Flavor::kOceanBase;
  } else if (info.version.find("MariaDB") != std::string::npos) {
    info.flavor = Flavor::kMariaDb;
  }
  int parts[3] = {0, 0, 0};
  std::sscanf(info.version.c_str(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
  info.version_number = parts[0] * 10000 + parts[1] * 100 + parts[2];
  info.lower_case_table_names =
      std::atoi(session.QueryValue("SELECT @@lower_case_table_names").value_or("0").c_str());
  info.max_allowed_packet = std::strtoull(
      session.QueryValue("SELECT @@max_allowed_packet").value_or("0").c_str(), nullptr, 10);
  for (Row& row : session.Query("SHOW VARIABLES LIKE 'server_uuid'")) {
    info.server_uuid = row[1].value_or("");
  }
  for (Row& row : session.Query("SHOW GLOBAL VARIABLES LIKE 'explicit_defaults_for_timestamp'")) {
    info.explicit_timestamps = row[1] == "ON";
  }
  for (Row& row : session.Query("SHOW COLLATION")) {
    if (row[0]) info.collations.push_back(*row[0]);
  }
  return info;
}

}  // namespace godwit::mysql
