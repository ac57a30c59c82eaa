// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/binlog_rows.h"

#include <fmt/format.h>

#include <algorithm>

#include "connectors/mysql_family/implicit_value.h"
#include "connectors/mysql_family/json_binary.h"

namespace godwit::mysql {
namespace {

constexpr size_t kFragmentBytes = 1 << 20;
// Of table maps and of plans; what goes beyond is made again.
constexpr size_t kMostKept = 4096;
constexpr uint16_t kEndsStatement = 1;
constexpr uint16_t kNoForeignKeyChecks = 2;
constexpr uint16_t kCascadesAreLogged = 16;
constexpr uint16_t kMapHasForeignKeys = 2;

// MySQL 9.6 and above write the rows of a cascade themselves, with checks off and before the
// parent's rows, which end the statement. Part of a long statement under foreign_key_checks=0 can
// look the same; both are applied without checks.
bool IsCascade(uint16_t flags, uint16_t map_flags) {
  constexpr uint16_t kWanted = kCascadesAreLogged | kNoForeignKeyChecks;
  return (flags & (kWanted | kEndsStatement)) == kWanted && (map_flags & kMapHasForeignKeys) != 0;
}

bool Bit(std::string_view bits, size_t i) {
  return (static_cast<uint8_t>(bits[i >> 3]) >> (i & 7) & 1) != 0;
}

size_t CountBits(std::string_view bits, size_t count) {
  size_t out = 0;
  for (size_t i = 0; i < count; ++i) out += Bit(bits, i) ? 1 : 0;
  return out;
}

[[noreturn]] void Mismatch(const TableName& name, std::string_view what) {
  throw Error({.code = "SCHEMA_MISMATCH",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = name.ToString(),
               .message = fmt::format("a row event of {} does not fit its definition: {}",
                                      name.ToString(), what),
               .cause = "the table was changed in a way the log did not tell, or holds a column "
                        "type that Godwit does not read",
               .remedy = "release the project, empty its tables at the destination, and migrate "
                         "again, with this table excluded if it comes again"});
}

[[noreturn]] void DefinitionUnknown(const TableName& name) {
  throw Error({.code = "LOG_DEFINITION_UNKNOWN",
               .kind = ErrorKind::kBlocked,
               .side = Side::kSource,
               .object = name.ToString(),
               .message = fmt::format("rows of {} changed, and its definition at this place of the "
                                      "log is not known",
                                      name.ToString()),
               .cause = "a statement that made or altered the table could not be worked out, and "
                        "the source's present definition may be a later one",
               .remedy = "start a new project, which reads the definition anew; if its precheck "
                         "does not know it either, leave the table out with --exclude"});
}

[[noreturn]] void NoOldDocument(const TableSchema& table, size_t column) {
  throw Error(
      {.code = "CHANGE_IMAGE_PARTIAL",
       .kind = ErrorKind::kBlocked,
       .side = Side::kSource,
       .object = table.name.ToString(),
       .message = fmt::format("an update of the JSON column {} logs neither its old nor its "
                              "new value",
                              table.columns[column].name),
       .cause = "its session had both partial row images and binlog_row_value_options="
                "PARTIAL_JSON",
       .remedy = "SET GLOBAL binlog_row_value_options='' and start a new project: the value "
                 "is in no log"});
}

// How many bytes of metadata a type has in a TABLE_MAP event.
int MetadataSize(WireType type) {
  switch (type) {
    case WireType::kFloat:
    case WireType::kDouble:
    case WireType::kTimestamp2:
    case WireType::kDatetime2:
    case WireType::kTime2:
    case WireType::kJson:
    case WireType::kBlob:
    case WireType::kGeometry:
    case WireType::kVector:
    case WireType::kCompressedBlob:
      return 1;
    case WireType::kVarchar:
    case WireType::kVarString:
    case WireType::kString:
    case WireType::kEnum:
    case WireType::kSet:
    case WireType::kNewDecimal:
    case WireType::kBit:
    case WireType::kCompressedVarchar:
      return 2;
    default:
      return 0;
  }
}

struct Shape {
  ChangeOp op = ChangeOp::kInsert;
  bool has_extra = false;  // version 2
  bool is_partial = false;
  bool is_compressed = false;
};

Shape ShapeOf(EventType type) {
  switch (type) {
    case EventType::kWriteRowsV1:
      return {ChangeOp::kInsert};
    case EventType::kUpdateRowsV1:
      return {ChangeOp::kUpdate};
    case EventType::kDeleteRowsV1:
      return {ChangeOp::kDelete};
    case EventType::kWriteRows:
      return {ChangeOp::kInsert, true};
    case EventType::kUpdateRows:
      return {ChangeOp::kUpdate, true};
    case EventType::kDeleteRows:
      return {ChangeOp::kDelete, true};
    case EventType::kPartialUpdateRows:
      return {ChangeOp::kUpdate, true, true};
    case EventType::kMariaWriteRowsCompressedV1:
      return {ChangeOp::kInsert, false, false, true};
    case EventType::kMariaUpdateRowsCompressedV1:
      return {ChangeOp::kUpdate, false, false, true};
    case EventType::kMariaDeleteRowsCompressedV1:
      return {ChangeOp::kDelete, false, false, true};
    case EventType::kMariaWriteRowsCompressed:
      return {ChangeOp::kInsert, true, false, true};
    case EventType::kMariaUpdateRowsCompressed:
      return {ChangeOp::kUpdate, true, false, true};
    case EventType::kMariaDeleteRowsCompressed:
      return {ChangeOp::kDelete, true, false, true};
    default:
      GODWIT_CHECK(false, "only row events are decoded as such");
  }
}

// Columns that only the server sees: one behind the others for each functional key part, which
// servers before 8.0.18 wrote to the log.
size_t HiddenColumns(const TableSchema& table) {
  size_t count = 0;
  for (const IndexSchema& index : table.indexes) {
    for (const KeyPart& part : index.parts) count += part.expression.empty() ? 0 : 1;
  }
  return count;
}

}  // namespace

TableMap TableMap::Parse(std::string_view body) {
  ByteReader in(body, "a TABLE_MAP event");
  TableMap map;
  map.id = in.UInt(6);
  map.flags = in.U16();
  map.name.database = in.Bytes(in.U8());
  in.Skip(1);
  map.name.table = in.Bytes(in.U8());
  in.Skip(1);
  size_t count = ReadPacked(in);
  map.types = in.Bytes(count);
  ByteReader metadata(in.Bytes(ReadPacked(in)), "the column types of a TABLE_MAP event");
  map.metadata.reserve(count);
  for (char type : map.types) {
    int size = MetadataSize(static_cast<WireType>(type));
    map.metadata.push_back(size == 0 ? 0 : static_cast<uint16_t>(metadata.UInt(size)));
  }
  return map;
}

void RowDecoder::Map(std::string_view body) {
  TableMap map = TableMap::Parse(body);
  // A statement that ends marks its last row event; without row events ids would pile up.
  if (maps_.size() > kMostKept) maps_.clear();
  maps_[map.id] = std::move(map);
}

RowDecoder::Columns* RowDecoder::Find(uint64_t id) {
  auto map = maps_.find(id);
  if (map == maps_.end()) {
    throw Error({.code = "EVENT_DAMAGED",
                 .kind = ErrorKind::kTransient,
                 .side = Side::kSource,
                 .message = "a row event names a table that no event before it describes",
                 .cause = "the log was not read from the beginning of a transaction",
                 .remedy = "it is read again; if it stays, report it"});
  }
  const TableName& name = map->second.name;
  auto definition = history_.Find(name);
  if (definition ? definition->table->columns.empty() : history_.IsSelected(name)) {
    DefinitionUnknown(name);
  }
  if (!definition) return nullptr;
  auto known = plans_.find(map->second.name);
  if (known != plans_.end() && known->second.version == definition->version &&
      known->second.table == definition->table && known->second.map.types == map->second.types &&
      known->second.map.metadata == map->second.metadata) {
    return &known->second;
  }
  return &Plan(map->second, *definition);
}

RowDecoder::Columns& RowDecoder::Plan(const TableMap& map,
                                      const SchemaHistory::Versioned& definition) {
  const TableSchema& table = *definition.table;
  const size_t count = table.columns.size();
  if (map.types.size() != count && map.types.size() != count + HiddenColumns(table)) {
    Mismatch(map.name, fmt::format("{} columns in the log, {} defined", map.types.size(), count));
  }
  Columns columns;
  columns.map = map;
  columns.table = definition.table;
  columns.version = definition.version;
  columns.plans.resize(count);
  for (size_t i = 0; i < count; ++i) {
    const ColumnSchema& column = table.columns[i];
    CellPlan& plan = columns.plans[i];
    WireType wire = static_cast<WireType>(map.types[i]);
    if (!CellPlan::Make(wire, map.metadata[i], column.type, plan)) {
      Mismatch(map.name, fmt::format("column {} is {}, its type in the log is {}/{}", column.name,
                                     column.native_type, static_cast<int>(wire), map.metadata[i]));
    }
    const bool is_text = plan.op == CellPlan::Op::kText || plan.op == CellPlan::Op::kBlankText ||
                         (plan.op == CellPlan::Op::kCompressed && column.type.is_text());
    if (is_text) {
      std::string charset = column.charset.empty() ? table.charset : column.charset;
      if (column.type.kind == TypeKind::kJson || charset.empty()) charset = "utf8mb4";
      plan.text = &texts_.Of(charset);
    }
    if (wire == WireType::kJson) ++columns.json_columns;
  }
  // Tables that are gone leave theirs behind.
  if (plans_.size() >= kMostKept && !plans_.contains(map.name)) plans_.clear();
  return plans_[map.name] = std::move(columns);
}

void RowDecoder::Decode(EventType type, std::string_view body, std::deque<RowsChange>& out) {
  const Shape shape = ShapeOf(type);
  ByteReader in(body, "a row event");
  const uint64_t id = in.UInt(6);
  const uint16_t flags = in.U16();
  // Closes a statement whose rows came before. An ordinary table's number may come to the same.
  constexpr uint64_t kDummyId = 0xffffff;
  if (id == kDummyId && !maps_.contains(id)) return;
  Columns* columns = Find(id);
  if (columns == nullptr) return;
  const uint16_t map_flags = maps_[id].flags;
  if (shape.has_extra) {
    size_t size = in.U16();
    if (size < 2) Mismatch(columns->map.name, "a row event without its header");
    in.Skip(size - 2);
  }
  const size_t width = ReadPacked(in);
  if (width != columns->map.types.size()) {
    Mismatch(columns->map.name, "a row event and its table map disagree");
  }
  const size_t bitmap = (width + 7) / 8;
  Image first{in.Bytes(bitmap)};
  first.present = CountBits(first.columns, width);
  first.is_new_row = shape.op == ChangeOp::kInsert;
  Image second = first;
  if (shape.op == ChangeOp::kUpdate) {
    second.columns = in.Bytes(bitmap);
    second.present = CountBits(second.columns, width);
    RefuseDoubtful(*columns, second);
  }
  std::string expanded;
  if (shape.is_compressed) {
    expanded = Uncompress(in.Rest());
    in = ByteReader(expanded, "a row event");
  }
  const size_t count = columns->plans.size();
  // Of a large row, at once: growing in steps would copy it. What it does not use is never touched.
  auto reserve = [&](RowBatch& batch) {
    if (in.remaining() > kFragmentBytes) batch.buffer().reserve(in.remaining());
  };
  auto begin = [&] {
    RowsChange& change = out.emplace_back();
    change.op = shape.op;
    change.table = columns->table;
    change.schema_version = columns->version;
    change.foreign_key_checks = (flags & kNoForeignKeyChecks) == 0;
    change.is_cascade = IsCascade(flags, map_flags);
    change.before.Reset(count);
    change.after.Reset(count);
    return &change;
  };
  // INSERT … VALUES () under a minimal image is one row of no bytes; the server refuses to log two.
  if (first.present == 0 && second.present == 0) {
    if (shape.op != ChangeOp::kInsert || !in.empty()) {
      Mismatch(columns->map.name, "images without any column");
    }
    return DecodeRow(*columns, first, in, begin()->after);
  }
  if (in.empty()) return;
  RowsChange* change = begin();
  while (!in.empty()) {
    if (change->before.bytes() + change->after.bytes() >= kFragmentBytes) change = begin();
    if (shape.op == ChangeOp::kInsert) {
      reserve(change->after);
      DecodeRow(*columns, first, in, change->after);
      continue;
    }
    reserve(change->before);
    DecodeRow(*columns, first, in, change->before);
    if (shape.op == ChangeOp::kDelete) continue;
    reserve(change->after);
    if (shape.is_partial) {
      DecodePartialRow(*columns, second, in, change->after);
    } else {
      DecodeRow(*columns, second, in, change->after);
    }
  }
}

// MariaDB logs a REPLACE that meets a row as an update, and under partial images leaves out the
// columns that it set to their defaults (10.11; its own replicas keep the old values). Such an
// update has a column of the key in its new image; so has INSERT … ON DUPLICATE KEY UPDATE, which
// is right, but nothing in the log tells the two apart.
void RowDecoder::RefuseDoubtful(const Columns& columns, const Image& second) const {
  if (flavor_ != Flavor::kMariaDb) return;
  const TableSchema& table = *columns.table;
  bool is_whole = true;
  for (size_t i = 0; i < table.columns.size(); ++i) {
    is_whole = is_whole && (table.columns[i].is_generated() || Bit(second.columns, i));
  }
  if (is_whole) return;
  for (int ordinal : table.identity_columns()) {
    if (!Bit(second.columns, static_cast<size_t>(ordinal))) continue;
    throw Error(
        {.code = "CHANGE_IMAGE_DOUBTFUL",
         .kind = ErrorKind::kBlocked,
         .side = Side::kSource,
         .object = table.name.ToString(),
         .message = "an update with a partial row image may have been a REPLACE, whose image "
                    "leaves out columns that it changed",
         .cause = "the session that changed the row did not log full row images, and this "
                  "server's partial ones cannot be relied on",
         .remedy = "SET GLOBAL binlog_row_image=FULL, let every session reconnect, and start "
                   "a new project"});
  }
}

void RowDecoder::DecodeRow(const Columns& columns, const Image& image, ByteReader& in,
                           RowBatch& batch) {
  DecodeImage(columns, image, {}, in, batch);
}

// Before the image: what it may leave out, and for each JSON column a bit that says whether its
// value is a list of differences.
void RowDecoder::DecodePartialRow(const Columns& columns, const Image& image, ByteReader& in,
                                  RowBatch& batch) {
  constexpr uint64_t kPartialJson = 1;
  std::string_view partial;
  if ((ReadPacked(in) & kPartialJson) != 0) partial = in.Bytes((columns.json_columns + 7) / 8);
  DecodeImage(columns, image, partial, in, batch);
}

// A literal default stays absent: whoever makes the row compares it with his own. The server logs
// what expressions gave.
void RowDecoder::AddUnlogged(const ColumnSchema& column, RowBatch& batch) {
  if (column.default_value || column.is_generated() || column.auto_increment) {
    return batch.AddAbsent();
  }
  if (column.nullable) return batch.AddNull();
  auto value = ImplicitValue(column.type);
  value ? batch.Add(*value) : batch.AddAbsent();
}

// A bitmap of the NULLs among the columns that the image has, then their values.
void RowDecoder::DecodeImage(const Columns& columns, const Image& image, std::string_view partial,
                             ByteReader& in, RowBatch& batch) {
  std::string_view nulls = in.Bytes((image.present + 7) / 8);
  const size_t width = columns.map.types.size();
  const size_t known = columns.plans.size();
  const bool keeps_json = columns.json_columns != 0;
  if (keeps_json) json_before_.resize(known);
  size_t present = 0;
  size_t json = 0;
  for (size_t i = 0; i < width; ++i) {
    const bool is_json = i < known && columns.map.types[i] == static_cast<char>(WireType::kJson);
    const bool is_difference = is_json && !partial.empty() && Bit(partial, json);
    if (is_json) ++json;
    if (!Bit(image.columns, i)) {
      if (is_json) json_before_[i] = {};
      if (i >= known) continue;
      image.is_new_row ? AddUnlogged(columns.table->columns[i], batch) : batch.AddAbsent();
      continue;
    }
    const bool is_null = Bit(nulls, present++);
    if (i >= known) {  // hidden: a value that nobody wants, of a type known only from the map
      if (!is_null) Mismatch(columns.map.name, "values of a hidden column");
      continue;
    }
    if (is_null) {
      if (is_json) json_before_[i] = {};
      batch.AddNull();
      continue;
    }
    const CellPlan& plan = columns.plans[i];
    if (is_json) {
      std::string_view value = in.Bytes(in.UInt(plan.width));
      if (is_difference) {
        if (json_before_[i].empty()) NoOldDocument(*columns.table, i);
        AppendPatchedJsonText(batch.buffer(), json_before_[i], value);
      } else {
        json_before_[i] = value;
        AppendJsonText(batch.buffer(), value);
      }
    } else {
      AppendCell(plan, in, batch.buffer());
    }
    batch.EndCell();
  }
}

}  // namespace godwit::mysql
