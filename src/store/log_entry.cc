// SPDX-License-Identifier: Apache-2.0
#include "store/log_entry.h"

#include "model/archive.h"

namespace godwit {
template <typename Archive>
void Fields(Archive& a, Is<Position> auto& v) {
  a(v.bytes);
}
template <typename Archive>
void Fields(Archive& a, Is<TableChanges> auto& v) {
  a(v.schema_version, v.inserts, v.updates, v.deletes);
}
template <typename Archive>
void Fields(Archive& a, Is<LogEntry> auto& v) {
  auto& i = v.info;
  a(i.transaction, i.source_time_us, i.position, i.restart, i.rows, i.bytes, i.parts, i.is_ddl,
    v.spool, v.oldest_open_spool, v.highest_time_us);
  if (v.version >= 2) a(i.has_partial_images, i.first_schema_version);
  if (v.version >= 3) a(i.changes);
}

std::string EncodeLogEntry(const LogEntry& entry) {
  GODWIT_CHECK(entry.version == kLogEntryVersion, "entries are written in the newest version");
  std::string out(1, static_cast<char>(kLogEntryVersion));
  ArchiveWriter writer(out);
  Fields(writer, entry);
  return out;
}

LogEntry DecodeLogEntry(Sequence sequence, std::string_view bytes) {
  static constexpr std::string_view kWhat = "entry of the log";
  ByteReader head(bytes, kWhat);
  LogEntry entry;
  entry.version = head.U8();
  if (entry.version == 0 || entry.version > kLogEntryVersion) {
    FailArchive(kWhat, "its format version is unknown");
  }
  ArchiveReader in(head.Rest(), kWhat);
  Fields(in, entry);
  in.ExpectEnd();
  entry.info.sequence = sequence;
  return entry;
}

std::string EncodePlace(const Position& position, const Position& restart) {
  std::string out;
  ArchiveWriter{out}(position.bytes, restart.bytes);
  return out;
}

void DecodePlace(std::string_view bytes, Position& position, Position& restart) {
  ArchiveReader in(bytes, "place of capture");
  in(position.bytes, restart.bytes);
  in.ExpectEnd();
}

std::string EncodeSchemaVersion(const SchemaVersion& schema) {
  std::string out;
  const std::string table = schema.table ? EncodeTableSchema(*schema.table) : "";
  ArchiveWriter{out}(schema.name.database, schema.name.table, table);
  return out;
}

SchemaVersion DecodeSchemaVersion(uint64_t version, std::string_view bytes) {
  ArchiveReader in(bytes, "schema history");
  SchemaVersion schema;
  std::string table;
  in(schema.name.database, schema.name.table, table);
  in.ExpectEnd();
  schema.version = version;
  if (!table.empty()) {
    schema.table = std::make_shared<const TableSchema>(DecodeTableSchema(table));
  }
  return schema;
}

std::string Key(uint64_t number) {
  std::string key;
  AppendBigEndian64(key, number);
  return key;
}

std::string PartKey(uint64_t spool, uint64_t part) {
  std::string key;
  AppendBigEndian64(key, spool);
  AppendBigEndian64(key, part);
  return key;
}

uint64_t NumberOfKey(std::string_view key) {
  return ByteReader(key, "key of the store").UIntBigEndian(8);
}

}  // namespace godwit
