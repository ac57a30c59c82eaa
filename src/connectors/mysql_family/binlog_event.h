// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/byte_reader.h"

namespace godwit::mysql {

enum class EventType : uint8_t {
  kQuery = 2,
  kStop = 3,
  kRotate = 4,
  kIntvar = 5,
  kRand = 13,
  kUserVar = 14,
  kFormatDescription = 15,
  kXid = 16,
  kBeginLoadQuery = 17,
  kExecuteLoadQuery = 18,
  kTableMap = 19,
  kPreGaWriteRows = 20,
  kPreGaDeleteRows = 22,
  kWriteRowsV1 = 23,
  kUpdateRowsV1 = 24,
  kDeleteRowsV1 = 25,
  kIncident = 26,
  kHeartbeat = 27,
  kIgnorable = 28,
  kRowsQuery = 29,
  kWriteRows = 30,
  kUpdateRows = 31,
  kDeleteRows = 32,
  kGtid = 33,
  kAnonymousGtid = 34,
  kPreviousGtids = 35,
  kTransactionContext = 36,
  kViewChange = 37,
  kXaPrepare = 38,
  kPartialUpdateRows = 39,
  kTransactionPayload = 40,
  kHeartbeatV2 = 41,
  kGtidTagged = 42,
  kMariaAnnotateRows = 160,
  kMariaBinlogCheckpoint = 161,
  kMariaGtid = 162,
  kMariaGtidList = 163,
  kMariaStartEncryption = 164,
  kMariaQueryCompressed = 165,
  kMariaWriteRowsCompressedV1 = 166,
  kMariaUpdateRowsCompressedV1 = 167,
  kMariaDeleteRowsCompressedV1 = 168,
  kMariaWriteRowsCompressed = 169,
  kMariaUpdateRowsCompressed = 170,
  kMariaDeleteRowsCompressed = 171,
};

constexpr size_t kEventHeaderSize = 19;
constexpr uint16_t kFlagArtificial = 0x20;
constexpr uint16_t kFlagIgnorable = 0x80;

struct EventHeader {
  uint32_t time = 0;
  EventType type = EventType::kIgnorable;
  uint32_t server_id = 0;
  uint32_t size = 0;
  uint32_t end_position = 0;  // low 32 bits; 0 for events that are not in the file
  uint16_t flags = 0;

  static EventHeader Parse(std::string_view event);
  // Where the event ends, given a place in its file that lies before it by less than 4 GiB: a file
  // may grow beyond 32 bits with its last transaction.
  uint64_t EndBehind(uint64_t place) const;
};

// Knows whether events end in a CRC32, from the last format description. Throws EVENT_DAMAGED.
class EventChecksum {
 public:
  // Looks at every event in order; returns its body, without header and checksum.
  std::string_view Check(const EventHeader& header, std::string_view event);

 private:
  void Learn(std::string_view event);

  bool is_known_ = false;
  bool is_on_ = false;
};

struct QueryEvent {
  std::string_view database;
  std::string_view statement;  // in the client's character set
  uint64_t sql_mode = 0;
  bool foreign_key_checks = true;
  uint16_t client_collation = 0;  // 0: not said
  uint16_t server_collation = 0;  // collation_server; 0: not said
  std::vector<std::string_view> updated_databases;
  std::string_view time_zone;               // of the session, where the statement depends on it
  std::optional<uint32_t> microseconds;     // of its time, likewise
  std::optional<bool> explicit_timestamps;  // explicit_defaults_for_timestamp, likewise
  // MariaDB's character_set_collations and MySQL's default_collation_for_utf8mb4, where the
  // statement depends on it: a character set, by one of its collations, and the one that it gets
  // here without a word.
  std::vector<std::pair<uint16_t, uint16_t>> charset_collations;
  // A status variable that is not known: neither it nor what comes behind it could be read.
  std::optional<uint8_t> unknown_variable;
  bool has_doubtful_text = false;  // its letters beyond ASCII may be of one charset or another

  // `storage` holds what a compressed statement expands to.
  static QueryEvent Parse(EventType type, std::string_view body, std::string& storage);
};

struct GtidEvent {
  std::string source;  // "uuid" or "uuid:tag"; empty for an anonymous one
  uint64_t number = 0;
  int64_t commit_time_us = 0;  // 0: not said

  static GtidEvent Parse(EventType type, std::string_view body);
};

struct MariaGtidEvent {
  uint64_t number = 0;
  uint32_t domain = 0;
  bool is_standalone = false;
  bool completes_xa = false;
  // binlog_alter_two_phase: an ALTER that has begun, or was taken back. Its statement did nothing.
  bool is_open_alter = false;
  std::string xid;  // of a prepared one, as XaEvent names it

  static MariaGtidEvent Parse(std::string_view body);
};

struct XaPrepareEvent {
  bool is_one_phase = false;
  std::string xid;  // "gtrid,bqual,format", the first two in hexadecimal digits

  static XaPrepareEvent Parse(std::string_view body);
};
// The same name from the arguments of an XA statement as the log writes them.
std::string XidOf(std::string_view arguments);

// The protocol's length-encoded integer.
uint64_t ReadPacked(ByteReader& in);
// MariaDB's compressed statements, rows and columns: a byte of algorithm, form and width, the size,
// zlib's stream or the bare one within it.
std::string Uncompress(std::string_view bytes);

}  // namespace godwit::mysql
