// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_event.h"

#include <fmt/format.h>
#include <zlib.h>

#include <algorithm>
#include <cctype>

#include "connectors/mysql_family/gtid_set.h"

namespace godwit::mysql {
namespace {

constexpr uint32_t kFlagNoForeignKeyChecks = 1u << 26;
constexpr size_t kChecksumSize = 4;

[[noreturn]] void Damaged(std::string_view what) {
  throw Error({.code = "EVENT_DAMAGED",
               .kind = ErrorKind::kTransient,
               .side = Side::kSource,
               .message = fmt::format("an event of the binary log {}", what),
               .cause = "it was damaged on its way, or in the file",
               .remedy = "it is read again; if it stays, check the file with mysqlbinlog "
                         "--verify-binlog-checksum"});
}

bool HasValidChecksum(std::string_view event) {
  if (event.size() < kEventHeaderSize + kChecksumSize) return false;
  size_t size = event.size() - kChecksumSize;
  uint32_t wanted = ByteReader(event.substr(size), "a checksum").U32();
  auto bytes = reinterpret_cast<const Bytef*>(event.data());
  if (static_cast<EventType>(event[4]) == EventType::kFormatDescription) {
    // The mark of a file in use came after the checksum.
    std::string copy(event.substr(0, size));
    copy[17] = static_cast<char>(copy[17] & ~1);
    return crc32_z(0, reinterpret_cast<const Bytef*>(copy.data()), size) == wanted;
  }
  return crc32_z(0, bytes, size) == wanted;
}

std::string Hex(std::string_view bytes) {
  std::string out;
  for (char c : bytes) fmt::format_to(std::back_inserter(out), "{:02x}", static_cast<uint8_t>(c));
  return out;
}

std::string Xid(ByteReader& in, size_t gtrid, size_t bqual, uint32_t format) {
  std::string first = Hex(in.Bytes(gtrid));
  return first + "," + Hex(in.Bytes(bqual)) + "," + std::to_string(static_cast<int32_t>(format));
}

// Fills all of `out` with what the whole stream holds; false where it holds less or more.
bool Inflate(std::string_view packed, int window_bits, std::string& out) {
  z_stream stream{};
  if (inflateInit2(&stream, window_bits) != Z_OK) return false;
  stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(packed.data()));
  stream.avail_in = static_cast<uInt>(packed.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  const int end = inflate(&stream, Z_FINISH);
  const bool is_full = stream.avail_out == 0;
  inflateEnd(&stream);
  return end == Z_STREAM_END && is_full;
}

// One status variable of a Query event; false for one whose size nobody knows: it ends the list.
bool ReadStatusVariable(ByteReader& in, QueryEvent& query) {
  // MariaDB's log_event.h, FL_COMMIT_ALTER_E1 and FL_ROLLBACK_ALTER_E1.
  constexpr uint8_t kEndsAlter = 4 | 8;
  const uint8_t code = in.U8();
  switch (code) {
    case 0:  // flags2
      query.foreign_key_checks = (in.U32() & kFlagNoForeignKeyChecks) == 0;
      return true;
    case 1:  // sql_mode
      query.sql_mode = in.U64();
      return true;
    case 2:  // catalog, with a zero byte
      in.Skip(in.U8() + 1u);
      return true;
    case 3:   // auto_increment
    case 10:  // master_data_written
      in.Skip(4);
      return true;
    case 4:  // client, connection and server collation
      query.client_collation = in.U16();
      in.Skip(2);
      query.server_collation = in.U16();
      return true;
    case 5:
      query.time_zone = in.Bytes(in.U8());
      return true;
    case 6:  // catalog
      in.Skip(in.U8());
      return true;
    case 7:  // lc_time_names
    case 8:  // collation_database
      in.Skip(2);
      return true;
    case 18: {  // default_collation_for_utf8mb4, which a replica has of its source
      const uint16_t collation = in.U16();
      query.charset_collations.emplace_back(collation, collation);
      return true;
    }
    case 9:    // table_map_for_update
    case 17:   // ddl_xid
    case 129:  // MariaDB: xid
      in.Skip(8);
      return true;
    case 11:  // invoker
      in.Skip(in.U8());
      in.Skip(in.U8());
      return true;
    case 12: {  // updated databases
      uint8_t count = in.U8();
      if (count == 254) return true;  // more than are listed
      for (int i = 0; i < count; ++i) {
        std::string_view rest = ByteReader(in).Rest();
        size_t end = rest.find('\0');
        if (end == std::string_view::npos) Damaged("names no end of a database");
        query.updated_databases.push_back(in.Bytes(end));
        in.Skip(1);
      }
      return true;
    }
    case 13:
    case 128:  // MariaDB's
      query.microseconds = static_cast<uint32_t>(in.UInt(3));
      return true;
    case 16:
      query.explicit_timestamps = in.U8() != 0;
      return true;
    case 19:  // sql_require_primary_key
    case 20:  // default_table_encryption
      in.Skip(1);
      return true;
    case 130:  // MariaDB: an ALTER in two phases; its end names its beginning
      if ((in.U8() & kEndsAlter) != 0) in.Skip(8);
      return true;
    case 131:  // MariaDB 11.2 and above; comes before those of smaller numbers
      for (int left = in.U8(); left > 0; --left) {
        const uint16_t charset = in.U16();
        query.charset_collations.emplace_back(charset, in.U16());
      }
      return true;
    default:
      query.unknown_variable = code;
      return false;
  }
}

// The serialization library's variable-length integers: as many low one-bits as bytes follow.
uint64_t ReadVariable(ByteReader& in) {
  uint8_t first = in.U8();
  int more = 0;
  while (more < 8 && (first >> more & 1) != 0) ++more;
  if (more == 8) return in.U64();
  uint64_t value = first;
  if (more > 0) value |= in.UInt(static_cast<size_t>(more)) << 8;
  return value >> (more + 1);
}

int64_t ReadSignedVariable(ByteReader& in) {
  uint64_t value = ReadVariable(in);
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Fields by number: 0 flags, 1 uuid, 2 gno, 3 tag, 4 last_committed, 5 sequence_number, 6 commit
// time here, then what is not needed (mysql::binlog::event::Gtid_event).
GtidEvent ParseTagged(std::string_view body) {
  ByteReader in(body, "a tagged GTID event");
  GtidEvent out;
  std::string uuid;
  std::string tag;
  ReadVariable(in);  // version
  ReadVariable(in);  // size
  ReadVariable(in);  // last field that must be understood
  while (!in.empty()) {
    uint64_t field = ReadVariable(in);
    if (field > 6) break;
    switch (field) {
      case 0:
        ReadVariable(in);
        break;
      case 1:
        for (int i = 0; i < 16; ++i) uuid.push_back(static_cast<char>(ReadVariable(in)));
        break;
      case 2:
        out.number = static_cast<uint64_t>(ReadSignedVariable(in));
        break;
      case 3:
        tag = in.Bytes(ReadVariable(in));
        if (!GtidSet::IsTag(tag)) Damaged("has an impossible tag in its GTID");
        break;
      case 4:
      case 5:
        ReadSignedVariable(in);
        break;
      default:
        out.commit_time_us = static_cast<int64_t>(ReadVariable(in));
    }
  }
  if (uuid.empty() || !GtidSet::IsNumber(out.number)) Damaged("has no GTID in it");
  out.source = UuidText(uuid);
  if (!tag.empty()) out.source += ":" + tag;
  return out;
}

}  // namespace

EventHeader EventHeader::Parse(std::string_view event) {
  ByteReader in(event, "an event of the binary log");
  EventHeader header;
  header.time = in.U32();
  header.type = static_cast<EventType>(in.U8());
  header.server_id = in.U32();
  header.size = in.U32();
  header.end_position = in.U32();
  header.flags = in.U16();
  if (header.size != event.size()) Damaged("is not as long as it says");
  return header;
}

uint64_t EventHeader::EndBehind(uint64_t place) const {
  constexpr uint64_t kLap = uint64_t{1} << 32;
  const uint64_t end = place / kLap * kLap + end_position;
  return end < place ? end + kLap : end;
}

std::string_view EventChecksum::Check(const EventHeader& header, std::string_view event) {
  bool is_on = is_on_;
  if (header.type == EventType::kFormatDescription) {
    Learn(event);
    is_on = is_on_;
    if (is_on && !HasValidChecksum(event)) Damaged("has a wrong checksum");
  } else if (!is_known_) {
    // Before the first description only the made-up rotation comes; it has a checksum or not.
    is_on = HasValidChecksum(event);
  } else if (is_on && !HasValidChecksum(event)) {
    Damaged("has a wrong checksum");
  }
  event.remove_prefix(kEventHeaderSize);
  if (is_on) event.remove_suffix(kChecksumSize);
  return event;
}

// Behind the table of header lengths: a byte for the algorithm and room for a checksum, in servers
// since 5.6.1 and MariaDB 5.3, which is every server that is read from.
void EventChecksum::Learn(std::string_view event) {
  constexpr size_t kFixed = kEventHeaderSize + 2 + 50 + 4 + 1;
  if (event.size() < kFixed + kChecksumSize + 1) Damaged("describes no format");
  uint8_t algorithm = static_cast<uint8_t>(event[event.size() - kChecksumSize - 1]);
  if (algorithm > 1) Damaged("names an unknown checksum");
  is_known_ = true;
  is_on_ = algorithm == 1;
}

QueryEvent QueryEvent::Parse(EventType type, std::string_view body, std::string& storage) {
  ByteReader in(body, "a Query event");
  QueryEvent query;
  in.Skip(8);  // thread, execution time
  size_t database = in.U8();
  in.Skip(2);  // error code
  size_t status = in.U16();
  if (type == EventType::kExecuteLoadQuery) in.Skip(13);
  ByteReader variables(in.Bytes(status), "the status of a Query event");
  while (!variables.empty() && ReadStatusVariable(variables, query)) {
  }
  query.database = in.Bytes(database);
  in.Skip(1);
  query.statement = in.Rest();
  if (type == EventType::kMariaQueryCompressed) {
    storage = Uncompress(query.statement);
    query.statement = storage;
  }
  return query;
}

GtidEvent GtidEvent::Parse(EventType type, std::string_view body) {
  if (type == EventType::kGtidTagged) return ParseTagged(body);
  ByteReader in(body, "a GTID event");
  GtidEvent out;
  in.Skip(1);
  std::string_view uuid = in.Bytes(16);
  out.number = in.U64();
  if (type == EventType::kGtid) {
    out.source = UuidText(uuid);
    if (!GtidSet::IsNumber(out.number)) Damaged("has an impossible number in its GTID");
  }
  // Since 5.7 logical clocks follow, since 8.0 the commit time in seven bytes.
  if (in.remaining() >= 17 + 7 && in.U8() == 2) {
    in.Skip(16);
    out.commit_time_us = static_cast<int64_t>(in.UInt(7) & ~(uint64_t{1} << 55));
  }
  return out;
}

MariaGtidEvent MariaGtidEvent::Parse(std::string_view body) {
  constexpr uint8_t kStandalone = 1;
  constexpr uint8_t kGroupCommit = 2;
  constexpr uint8_t kPreparedXa = 64;
  constexpr uint8_t kCompletedXa = 128;
  // MariaDB's log_event.h, FL_START_ALTER_E1 and FL_ROLLBACK_ALTER_E1.
  constexpr uint8_t kStartAlter = 2;
  constexpr uint8_t kRollbackAlter = 8;
  ByteReader in(body, "a GTID event");
  MariaGtidEvent out;
  out.number = in.U64();
  out.domain = in.U32();
  uint8_t flags = in.U8();
  out.is_standalone = (flags & kStandalone) != 0;
  out.completes_xa = (flags & kCompletedXa) != 0;
  if ((flags & kGroupCommit) != 0) in.Skip(8);
  if ((flags & (kPreparedXa | kCompletedXa)) != 0) {
    uint32_t format = in.U32();
    size_t gtrid = in.U8();
    size_t bqual = in.U8();
    out.xid = Xid(in, gtrid, bqual, format);
  }
  // Older servers fill the event up with zeros.
  const uint8_t more = in.remaining() == 0 ? 0 : in.U8();
  out.is_open_alter = (more & (kStartAlter | kRollbackAlter)) != 0;
  return out;
}

XaPrepareEvent XaPrepareEvent::Parse(std::string_view body) {
  ByteReader in(body, "an XA PREPARE event");
  XaPrepareEvent out;
  out.is_one_phase = in.U8() != 0;
  uint32_t format = in.U32();
  uint32_t gtrid = in.U32();
  uint32_t bqual = in.U32();
  out.xid = Xid(in, gtrid, bqual, format);
  return out;
}

std::string XidOf(std::string_view arguments) {
  std::string out;
  for (char c : arguments) {
    if (c == ' ' || c == '\'' || c == 'X' || c == 'x') continue;
    if (std::isalpha(static_cast<unsigned char>(c)) &&
        !std::isxdigit(static_cast<unsigned char>(c))) {
      break;  // ONE PHASE
    }
    out.push_back(static_cast<char>(std::tolower(static_cast<unsigned char>(c))));
  }
  return out;
}

uint64_t ReadPacked(ByteReader& in) {
  uint8_t first = in.U8();
  if (first < 251) return first;
  if (first == 252) return in.U16();
  if (first == 253) return in.UInt(3);
  if (first == 254) return in.U64();
  Damaged("has an impossible length in it");
}

std::string Uncompress(std::string_view bytes) {
  ByteReader in(bytes, "a compressed event");
  uint8_t head = in.U8();
  size_t width = head & 7;
  if ((head & 0xf0) != 0x80 || width < 1 || width > 4) Damaged("is compressed in an unknown way");
  const bool is_bare = (head & 8) != 0;  // of columns: without zlib's header and checksum
  uLongf size = in.UIntBigEndian(width);
  constexpr uLongf kLargest = uLongf{1} << 30;  // the largest packet of any server
  constexpr uLongf kBestRatio = 1032;           // of deflate
  std::string_view packed = in.Rest();
  if (size > kLargest || size / kBestRatio > packed.size()) Damaged("is too large");
  std::string out(size, '\0');
  if (!Inflate(packed, is_bare ? -MAX_WBITS : MAX_WBITS, out)) Damaged("cannot be uncompressed");
  return out;
}

}  // namespace godwit::mysql
