// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_stream.h"

#include <fmt/format.h>
#include <mysql.h>
// libmariadb's own headers below need mysql.h before them.
#include <ma_pvio.h>
#include <poll.h>

#include <algorithm>
#include <chrono>
#include <random>
#include <string>

#include "base/byte_writer.h"
#include "connectors/mysql_family/gtid_set.h"

namespace godwit::mysql {
namespace {

constexpr auto kComBinlogDump = static_cast<enum_server_command>(0x12);
constexpr auto kComBinlogDumpGtid = static_cast<enum_server_command>(0x1e);
constexpr uint16_t kThroughGtid = 4;
constexpr unsigned long kPacketError = ~0UL;
// The source speaks at least this often; silence of many times as long is a broken connection.
constexpr std::chrono::milliseconds kHeartbeat{500};
constexpr int kSilenceSeconds = 60;
constexpr std::chrono::milliseconds kStopPoll{100};

}  // namespace

uint32_t RandomReplicaId() {
  std::random_device random;
  return 0xe0000000u | (random() & 0x1fffffffu);
}

BinlogStream::BinlogStream(const EndpointUrl& url, Side side, const BinlogPosition& from,
                           const Options& options)
    : session_(url, side, SessionRole::kLog) {
  SetUp();
  Dump(from, options);
}

void BinlogStream::SetUp() {
  session_.Execute(fmt::format("SET @master_heartbeat_period={0}, @source_heartbeat_period={0}",
                               std::chrono::nanoseconds(kHeartbeat).count()));
  session_.Execute(
      "SET @master_binlog_checksum=@@GLOBAL.binlog_checksum, "
      "@source_binlog_checksum=@@GLOBAL.binlog_checksum");
  std::string_view version = mysql_get_server_info(session_.raw());
  if (version.find("MariaDB") != std::string_view::npos) {
    session_.Execute("SET @mariadb_slave_capability=4");
  }
  MARIADB_PVIO* pvio = session_.raw()->net.pvio;
  pvio->methods->set_timeout(pvio, PVIO_READ_TIMEOUT, kSilenceSeconds * 1000);
}

// COM_BINLOG_DUMP carries 32 bits of a place; the other command 64, with or without GTIDs.
void BinlogStream::Dump(const BinlogPosition& from, const Options& options) {
  std::string command;
  const bool is_far = from.offset > 0xffffffffu;
  if (options.by_gtid || is_far) {
    std::string gtids = GtidSet::Parse(options.by_gtid ? from.gtids : "").Encode();
    std::string_view file = options.by_gtid ? std::string_view() : std::string_view(from.file);
    AppendFixed<uint16_t>(command, options.by_gtid ? kThroughGtid : 0);
    AppendFixed<uint32_t>(command, options.server_id);
    AppendFixed<uint32_t>(command, static_cast<uint32_t>(file.size()));
    command += file;
    AppendFixed<uint64_t>(command, options.by_gtid ? 4 : from.offset);
    AppendFixed<uint32_t>(command, static_cast<uint32_t>(gtids.size()));
    command += gtids;
  } else {
    AppendFixed<uint32_t>(command, static_cast<uint32_t>(from.offset));
    AppendFixed<uint16_t>(command, 0);
    AppendFixed<uint32_t>(command, options.server_id);
    command += from.file;
  }
  st_mysql* mysql = session_.raw();
  int failed = mysql->methods->db_command(
      mysql, options.by_gtid || is_far ? kComBinlogDumpGtid : kComBinlogDump, command.data(),
      command.size(), 1, nullptr);
  if (failed != 0) session_.Fail("asking for the binary log");
}

bool BinlogStream::HasBufferedBytes() {
  const MARIADB_PVIO* pvio = session_.raw()->net.pvio;
  return pvio->cache != nullptr && pvio->cache_pos < pvio->cache + pvio->cache_size;
}

// With TLS the library may hold bytes that poll() does not see; a read then waits for a heartbeat
// at most, and a stop cuts the connection.
bool BinlogStream::WaitForBytes(Deadline deadline, std::stop_token stop) {
  if (HasBufferedBytes() || mysql_get_ssl_cipher(session_.raw()) != nullptr) return true;
  pollfd waiting{mysql_get_socket(session_.raw()), POLLIN, 0};
  while (!stop.stop_requested()) {
    auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
        deadline.at() - std::min(deadline.at(), Deadline::Clock::now()));
    left = std::min(left, kStopPoll);
    if (poll(&waiting, 1, static_cast<int>(left.count())) != 0) return true;
    if (deadline.has_passed()) return false;
  }
  return false;
}

std::optional<std::string_view> BinlogStream::Next(Deadline deadline, std::stop_token stop) {
  if (!WaitForBytes(deadline, stop)) return {};
  st_mysql* mysql = session_.raw();
  unsigned long size;
  {
    std::stop_callback cut(stop, [this] { session_.Cancel(); });
    size = mysql_net_read_packet(mysql);
  }
  if (size == kPacketError || size == static_cast<unsigned>(kPacketError)) {
    if (stop.stop_requested()) return {};
    session_.Fail("reading the binary log");
  }
  const auto* bytes = reinterpret_cast<const char*>(mysql->net.read_pos);
  if (size == 0 || (static_cast<uint8_t>(bytes[0]) == 0xfe && size < 9)) {
    throw Error({.code = "CONNECTION_LOST",
                 .kind = ErrorKind::kTransient,
                 .side = session_.side(),
                 .object = session_.url(),
                 .message = "the source ended the stream of its binary log",
                 .cause = "it is shutting down, or another reader uses the same server id",
                 .remedy = "nothing: it is tried again; server_id= in the URL sets another id"});
  }
  return std::string_view(bytes + 1, size - 1);
}

}  // namespace godwit::mysql
