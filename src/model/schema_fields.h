// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "model/archive.h"
#include "model/table_schema.h"

// What the definitions consist of, for ArchiveWriter and ArchiveReader. The order is the stored
// format (docs/formats.md): new fields go to the end, under a new version byte.
namespace godwit {

constexpr TypeKind LastOf(TypeKind) { return TypeKind::kUnknown; }
constexpr ColumnSchema::Default::Kind LastOf(ColumnSchema::Default::Kind) {
  return ColumnSchema::Default::Kind::kExpression;
}
constexpr ColumnSchema::Generated LastOf(ColumnSchema::Generated) {
  return ColumnSchema::Generated::kStored;
}
constexpr IndexSchema::Kind LastOf(IndexSchema::Kind) { return IndexSchema::Kind::kSpatial; }
constexpr Partitioning::Method LastOf(Partitioning::Method) { return Partitioning::Method::kKey; }

template <typename Archive>
void Fields(Archive& a, Is<TableName> auto& v) {
  a(v.database, v.table);
}
template <typename Archive>
void Fields(Archive& a, Is<LogicalType> auto& v) {
  a(v.kind, v.bits, v.is_unsigned, v.precision, v.scale, v.fsp, v.length, v.labels);
}
template <typename Archive>
void Fields(Archive& a, Is<ColumnSchema::Default> auto& v) {
  a(v.kind, v.text);
}
template <typename Archive>
void Fields(Archive& a, Is<ColumnSchema> auto& v) {
  a(v.name, v.type, v.native_type, v.nullable, v.default_value, v.on_update, v.generated,
    v.generation_expression, v.auto_increment, v.invisible, v.charset, v.collation, v.comment);
}
template <typename Archive>
void Fields(Archive& a, Is<KeyPart> auto& v) {
  a(v.column, v.expression, v.prefix_length, v.descending);
}
template <typename Archive>
void Fields(Archive& a, Is<IndexSchema> auto& v) {
  a(v.name, v.kind, v.parts, v.comment, v.parser, v.invisible);
}
template <typename Archive>
void Fields(Archive& a, Is<ForeignKeySchema> auto& v) {
  a(v.name, v.columns, v.referenced, v.referenced_columns, v.on_delete, v.on_update);
}
template <typename Archive>
void Fields(Archive& a, Is<CheckSchema> auto& v) {
  a(v.name, v.expression, v.enforced);
}
template <typename Archive>
void Fields(Archive& a, Is<Partitioning::Partition> auto& v) {
  a(v.name, v.values, v.comment, v.subpartitions);
}
template <typename Archive>
void Fields(Archive& a, Is<Partitioning::Level> auto& v) {
  a(v.method, v.linear, v.expression);
}
template <typename Archive>
void Fields(Archive& a, Is<Partitioning> auto& v) {
  a(v.level, v.sub_level, v.partitions);
}
template <typename Archive>
void Fields(Archive& a, Is<TableSchema> auto& v) {
  a(v.name, v.dialect, v.columns, v.indexes, v.foreign_keys, v.checks, v.partitioning, v.engine,
    v.charset, v.collation, v.comment, v.next_auto_increment);
}

// What a table definition has beyond its Fields, where it has any of it.
template <typename Archive>
void ColumnCheckFields(Archive& a, Is<TableSchema> auto& v) {
  for (auto& check : v.checks) a(check.column);
}

template <typename Archive>
void Fields(Archive& a, Is<ViewSchema> auto& v) {
  a(v.name, v.dialect, v.select, v.columns, v.check_option, v.definer);
}

}  // namespace godwit
