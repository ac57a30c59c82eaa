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
#include <utility>

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

// The file's description is needed; its first event, which names it and this other place, is not.
// Another file, or nothing more for now, shows that this one was made anew or cut off.
BeginningFilter::Verdict BeginningFilter::Look(const EventHeader& header) {
  if (is_done() || header.type == EventType::kFormatDescription) return Verdict::kPass;
  const bool is_first = !std::exchange(has_begun_, true);
  if (header.type == EventType::kRotate) return is_first ? Verdict::kSkip : Verdict::kNotThere;
  if (header.type == EventType::kHeartbeat || header.type == EventType::kHeartbeatV2) {
    return Verdict::kNotThere;
  }
  if ((header.flags & kFlagArtificial) != 0) return Verdict::kSkip;
  if (header.end_position == 0) {  // as BinlogDecoder::Advance
    at_ += header.size;
    return Verdict::kSkip;
  }
  const uint64_t end = header.EndBehind(at_);
  if (end - std::min<uint64_t>(header.size, end - at_) >= to_) {
    at_ = to_;
    return Verdict::kPass;
  }
  at_ = end;
  return at_ > to_ ? Verdict::kNotThere : Verdict::kSkip;
}

BinlogStream::BinlogStream(const EndpointUrl& url, Side side, const BinlogPosition& from,
                           const Options& options)
    : session_(url, side, SessionRole::kLog), from_(from) {
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
  is_mariadb_ = version.find("MariaDB") != std::string_view::npos;
  if (is_mariadb_) session_.Execute("SET @mariadb_slave_capability=4");
  MARIADB_PVIO* pvio = session_.raw()->net.pvio;
  pvio->methods->set_timeout(pvio, PVIO_READ_TIMEOUT, kSilenceSeconds * 1000);
}

void BinlogStream::Dump(const BinlogPosition& from, const Options& options) {
  constexpr uint32_t kBeginning = 4;
  const bool takes_set = options.by_gtid && !is_mariadb_;
  std::string command;
  if (options.by_gtid && is_mariadb_) {
    // Strict: it must not begin in a gap of that server's log.
    session_.Execute(fmt::format(
        "SET @slave_connect_state={}, @slave_gtid_strict_mode=1, @slave_gtid_ignore_duplicates=0",
        Session::Literal(from.gtids)));
    AppendFixed<uint32_t>(command, kBeginning);
    AppendFixed<uint16_t>(command, 0);
    AppendFixed<uint32_t>(command, options.server_id);
  } else if (takes_set) {
    const std::string gtids = GtidSet::Parse(from.gtids).Encode();
    AppendFixed<uint16_t>(command, kThroughGtid);
    AppendFixed<uint32_t>(command, options.server_id);
    AppendFixed<uint32_t>(command, 0);  // the length of a file's name
    AppendFixed<uint64_t>(command, kBeginning);
    AppendFixed<uint32_t>(command, static_cast<uint32_t>(gtids.size()));
    command += gtids;
  } else {
    const bool is_far = from.offset > 0xffffffffu;
    if (is_far) beginning_.emplace(from.offset);
    AppendFixed<uint32_t>(command, is_far ? kBeginning : static_cast<uint32_t>(from.offset));
    AppendFixed<uint16_t>(command, 0);
    AppendFixed<uint32_t>(command, options.server_id);
    command += from.file;
  }
  st_mysql* mysql = session_.raw();
  int failed = mysql->methods->db_command(mysql, takes_set ? kComBinlogDumpGtid : kComBinlogDump,
                                          command.data(), command.size(), 1, nullptr);
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
  for (;;) {
    auto event = Receive(deadline, stop);
    if (!event || !beginning_) return event;
    switch (beginning_->Look(EventHeader::Parse(*event))) {
      case BeginningFilter::Verdict::kPass:
        if (beginning_->is_done()) beginning_.reset();
        return event;
      case BeginningFilter::Verdict::kSkip:
        Forget();
        break;
      case BeginningFilter::Verdict::kNotThere:
        FailNotThere();
    }
    if (deadline.has_passed() || stop.stop_requested()) return {};
  }
}

void BinlogStream::FailNotThere() const {
  throw Error({.code = "LOG_PURGED",
               .kind = ErrorKind::kBlocked,
               .side = session_.side(),
               .object = session_.url(),
               .message = fmt::format("the source cannot go on from {}", Describe(from_)),
               .cause = "it is another server, or its log was reset or purged",
               .remedy =
                   "connect to the server that was read before; or release the project, empty its "
                   "tables at the destination, and migrate again"});
}

std::optional<std::string_view> BinlogStream::Receive(Deadline deadline, std::stop_token stop) {
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
