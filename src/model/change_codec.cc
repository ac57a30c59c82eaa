// SPDX-License-Identifier: Apache-2.0
#include "model/change_codec.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/schema_fields.h"

namespace godwit {
namespace {

constexpr uint8_t kTableVersion = 2;  // 1: no check is a column's; written so where none is
constexpr uint8_t kRowsVersion = 1;
// 1: without the moment; 2: without the zone, partitioning; 3: without checks' columns
constexpr uint8_t kSchemaVersion = 4;

constexpr uint8_t kForeignKeyChecks = 1;
constexpr uint8_t kIsCascade = 2;

constexpr std::string_view kRows = "row changes";

void ExpectVersion(uint8_t found, uint8_t known, std::string_view what) {
  if (found != known) FailArchive(what, "format version " + std::to_string(found) + " is unknown");
}

void AppendHead(std::string& out, const RowsChange& change) {
  out.push_back(static_cast<char>(kRowsVersion));
  out.push_back(static_cast<char>(change.op));
  out.push_back(static_cast<char>((change.foreign_key_checks ? kForeignKeyChecks : 0) |
                                  (change.is_cascade ? kIsCascade : 0)));
  AppendVarint(out, change.schema_version);
}

RowsChange DecodeHead(ByteReader& in) {
  ExpectVersion(in.U8(), kRowsVersion, kRows);
  RowsChange change;
  const uint8_t op = in.U8();
  if (op > static_cast<uint8_t>(ChangeOp::kDelete)) FailArchive(kRows, "an operation is unknown");
  change.op = static_cast<ChangeOp>(op);
  const uint8_t flags = in.U8();
  if (flags > (kForeignKeyChecks | kIsCascade)) FailArchive(kRows, "a flag is unknown");
  change.foreign_key_checks = (flags & kForeignKeyChecks) != 0;
  change.is_cascade = (flags & kIsCascade) != 0;
  change.schema_version = in.Varint();
  return change;
}

void CheckImages(const RowsChange& change) {
  const size_t before = change.before.rows();
  const size_t after = change.after.rows();
  const bool fits = change.op == ChangeOp::kInsert   ? before == 0
                    : change.op == ChangeOp::kDelete ? after == 0
                                                     : before == after;
  if (!fits) FailArchive(kRows, "the images do not fit the operation");
}

uint64_t Lacking(const RowBatch& framed) { return framed.framed_bytes() - framed.data().size(); }

// Takes the version byte off the front: any from 1 to the one that is written now.
uint8_t DecodeVersion(ByteReader& head, uint8_t newest, std::string_view what) {
  const uint8_t version = head.U8();
  if (version == 0 || version > newest) ExpectVersion(version, newest, what);
  return version;
}

}  // namespace

constexpr AlterAction::Kind LastOf(AlterAction::Kind) { return AlterAction::Kind::kUnknown; }
constexpr SchemaChange::Kind LastOf(SchemaChange::Kind) { return SchemaChange::Kind::kUnknown; }

template <typename Archive>
void Fields(Archive& a, Is<AlterAction> auto& v) {
  a(v.kind, v.name, v.new_name, v.column, v.first, v.after, v.index, v.foreign_key, v.check,
    v.partitions, v.names, v.text, v.charset, v.collation, v.number, v.new_table);
}
template <typename Archive>
void Fields(Archive& a, Is<SchemaChange> auto& v) {
  a(v.kind, v.statement, v.default_database, v.table, v.tables, v.renames, v.definition,
    v.like_table, v.actions, v.if_exists, v.temporary, v.charset, v.collation, v.problem, v.view);
}
template <typename Archive>
void MomentFields(Archive& a, Is<SchemaChange> auto& v) {
  a(v.moment_utc, v.moment_local);
}
template <typename Archive>
void ZoneFields(Archive& a, Is<SchemaChange> auto& v) {
  a(v.time_zone);
  for (auto& action : v.actions) a(action.partitioning);
}
template <typename Archive>
void ColumnCheckFields(Archive& a, Is<SchemaChange> auto& v) {
  if (v.definition) ColumnCheckFields(a, *v.definition);
  for (auto& action : v.actions) a(action.check.column);
}

// Digests of definitions are kept, so a table that has no column's check keeps its bytes.
std::string EncodeTableSchema(const TableSchema& table) {
  const bool has_column_checks =
      std::any_of(table.checks.begin(), table.checks.end(),
                  [](const CheckSchema& check) { return !check.column.empty(); });
  std::string out(1, static_cast<char>(has_column_checks ? kTableVersion : 1));
  ArchiveWriter writer(out);
  Fields(writer, table);
  if (has_column_checks) ColumnCheckFields(writer, table);
  return out;
}

TableSchema DecodeTableSchema(std::string_view bytes) {
  static constexpr std::string_view kWhat = "table definition";
  ByteReader head(bytes, kWhat);
  const uint8_t version = DecodeVersion(head, kTableVersion, kWhat);
  ArchiveReader in(head.Rest(), kWhat);
  TableSchema table;
  Fields(in, table);
  if (version > 1) ColumnCheckFields(in, table);
  in.ExpectEnd();
  return table;
}

void AppendEncoded(std::string& out, const SchemaChange& change) {
  out.push_back(static_cast<char>(kSchemaVersion));
  ArchiveWriter writer(out);
  Fields(writer, change);
  MomentFields(writer, change);
  ZoneFields(writer, change);
  ColumnCheckFields(writer, change);
}

SchemaChange DecodeSchemaChange(std::string_view bytes) {
  static constexpr std::string_view kWhat = "schema change";
  ByteReader head(bytes, kWhat);
  const uint8_t version = DecodeVersion(head, kSchemaVersion, kWhat);
  ArchiveReader in(head.Rest(), kWhat);
  SchemaChange change;
  Fields(in, change);
  if (version > 1) MomentFields(in, change);
  if (version > 2) ZoneFields(in, change);
  if (version > 3) ColumnCheckFields(in, change);
  in.ExpectEnd();
  return change;
}

void AppendEncoded(std::string& out, const RowsChange& change) {
  AppendHead(out, change);
  // The length of the first batch is known only behind it.
  const size_t at = out.size();
  AppendFixed<uint64_t>(out, 0);
  change.before.AppendEncoded(out);
  const uint64_t length = out.size() - at - sizeof(uint64_t);
  std::memcpy(out.data() + at, &length, sizeof(length));
  change.after.AppendEncoded(out);
}

RowsChange DecodeRowsChange(std::string_view bytes) {
  ByteReader in(bytes, kRows);
  RowsChange change = DecodeHead(in);
  const uint64_t length = in.U64();
  change.before = RowBatch::Decode(in.Bytes(length));
  change.after = RowBatch::Decode(in.Rest());
  CheckImages(change);
  return change;
}

void AppendFrame(std::string& out, const RowsChange& change) {
  AppendHead(out, change);
  change.before.AppendFrame(out);
  change.after.AppendFrame(out);
}

FramedChange::FramedChange(std::string_view frame, uint64_t most) {
  ByteReader in(frame, kRows);
  change_ = DecodeHead(in);
  change_.before = RowBatch::DecodeFrame(in, most);
  change_.after = RowBatch::DecodeFrame(in, most - change_.before.framed_bytes());
  if (!in.empty()) FailArchive(kRows, "a frame has bytes too many");
  CheckImages(change_);
  change_.before.buffer().reserve(change_.before.framed_bytes());
  change_.after.buffer().reserve(change_.after.framed_bytes());
}

void FramedChange::Append(std::string_view piece) {
  for (RowBatch* batch : {&change_.before, &change_.after}) {
    const size_t lacking = Lacking(*batch);
    batch->buffer().append(piece.substr(0, lacking));
    piece.remove_prefix(std::min(lacking, piece.size()));
  }
  if (!piece.empty()) FailArchive(kRows, "pieces hold more than the frame says");
}

uint64_t FramedChange::lacking() const { return Lacking(change_.before) + Lacking(change_.after); }

RowsChange FramedChange::Take() {
  if (lacking() != 0) FailArchive(kRows, "pieces are missing");
  return std::move(change_);
}

}  // namespace godwit
