// SPDX-License-Identifier: Apache-2.0
#include <gtest/gtest.h>

#include <functional>
#include <random>
#include <string>

#include "base/error.h"
#include "model/change_codec.h"
#include "model/row_batch.h"
#include "model/schema_change.h"
#include "model/table_schema.h"

namespace godwit {
namespace {

// Random values with every field set.
class Maker {
 public:
  explicit Maker(uint32_t seed) : random_(seed) {}

  uint32_t Below(uint32_t limit) { return random_() % limit; }
  bool Flip() { return Below(2) == 0; }
  std::string Text() {
    std::string text(Below(12), 0);
    for (char& c : text) c = static_cast<char>(random_());
    return text;
  }
  template <typename Enum>
  Enum Choice(Enum last) {
    return static_cast<Enum>(Below(static_cast<uint32_t>(last) + 1));
  }
  template <typename Make>
  auto List(Make make) {
    std::vector<decltype(make())> list;
    for (uint32_t n = Below(4); n > 0; --n) list.push_back(make());
    return list;
  }
  std::vector<std::string> Texts() {
    return List([&] { return Text(); });
  }

  TableName Name() { return {Text(), Text()}; }
  ColumnSchema Column() {
    ColumnSchema c;
    c.name = Text();
    c.type = {Choice(TypeKind::kUnknown),
              static_cast<int>(Below(65)),
              Flip(),
              static_cast<int>(Below(66)),
              static_cast<int>(Below(31)),
              static_cast<int>(Below(7)),
              uint64_t{Below(1 << 30)} << Below(30),
              Texts()};
    c.native_type = Text();
    c.nullable = Flip();
    if (Flip()) c.default_value = {Choice(ColumnSchema::Default::Kind::kExpression), Text()};
    c.on_update = Text();
    c.generated = Choice(ColumnSchema::Generated::kStored);
    c.generation_expression = Text();
    c.auto_increment = Flip();
    c.invisible = Flip();
    c.charset = Text();
    c.collation = Text();
    c.comment = Text();
    return c;
  }
  IndexSchema Index() {
    auto part = [&] { return KeyPart{Text(), Text(), Below(1 << 20), Flip()}; };
    return {Text(), Choice(IndexSchema::Kind::kSpatial), List(part), Text(), Text(), Flip()};
  }
  ForeignKeySchema ForeignKey() { return {Text(), Texts(), Name(), Texts(), Text(), Text()}; }
  CheckSchema Check() { return {Text(), Text(), Flip(), Text()}; }
  Partitioning::Partition Partition(int depth) {
    auto sub = [&] { return Partition(depth + 1); };
    return {Text(), Text(), Text(), depth > 0 ? std::vector<Partitioning::Partition>() : List(sub)};
  }
  Partitioning::Level Level() { return {Choice(Partitioning::Method::kKey), Flip(), Text()}; }
  TableSchema Table() {
    TableSchema t;
    t.name = Name();
    t.dialect = Text();
    t.columns = List([&] { return Column(); });
    t.indexes = List([&] { return Index(); });
    t.foreign_keys = List([&] { return ForeignKey(); });
    t.checks = List([&] { return Check(); });
    if (Flip()) {
      t.partitioning.emplace();
      t.partitioning->level = Level();
      if (Flip()) t.partitioning->sub_level = Level();
      t.partitioning->partitions = List([&] { return Partition(0); });
    }
    t.engine = Text();
    t.charset = Text();
    t.collation = Text();
    t.comment = Text();
    t.next_auto_increment = Flip() ? ~uint64_t{0} : Below(100);
    return t;
  }
  AlterAction Action() {
    AlterAction a;
    a.kind = Choice(AlterAction::Kind::kUnknown);
    a.name = Text();
    a.new_name = Text();
    a.column = Column();
    a.first = Flip();
    a.after = Text();
    a.index = Index();
    a.foreign_key = ForeignKey();
    a.check = Check();
    a.partitions = List([&] { return Partition(0); });
    a.names = Texts();
    a.text = Text();
    a.charset = Text();
    a.collation = Text();
    a.number = Below(1000);
    a.new_table = Name();
    if (Flip()) a.partitioning = Table().partitioning;
    return a;
  }
  SchemaChange Change() {
    SchemaChange c;
    c.kind = Choice(SchemaChange::Kind::kUnknown);
    c.statement = Text();
    c.default_database = Text();
    c.table = Name();
    c.tables = List([&] { return Name(); });
    c.renames = List([&] { return std::make_pair(Name(), Name()); });
    if (Flip()) c.definition = Table();
    if (Flip()) c.like_table = Name();
    c.actions = List([&] { return Action(); });
    c.if_exists = Flip();
    c.temporary = Flip();
    c.charset = Text();
    c.collation = Text();
    c.problem = Text();
    c.moment_utc = Text();
    c.moment_local = Text();
    c.time_zone = Text();
    return c;
  }
  RowBatch Rows(size_t columns, size_t rows) {
    RowBatch batch(columns);
    for (size_t i = 0; i < columns * rows; ++i) {
      switch (Below(5)) {
        case 0:
          batch.AddNull();
          break;
        case 1:
          batch.AddAbsent();
          break;
        case 2:
          batch.Add(std::string(Below(1000), 'x'));
          break;
        default:
          batch.Add(Text());
      }
    }
    return batch;
  }
  RowsChange Changes() {
    RowsChange c;
    c.op = Choice(ChangeOp::kDelete);
    c.schema_version = Below(1 << 30);
    c.foreign_key_checks = Flip();
    c.is_cascade = Flip();
    const size_t columns = Below(8) + 1;
    const size_t rows = Below(5);
    c.before = Rows(columns, c.op == ChangeOp::kInsert ? 0 : rows);
    c.after = Rows(columns, c.op == ChangeOp::kDelete ? 0 : rows);
    return c;
  }

 private:
  std::mt19937 random_;
};

std::string Encoded(const RowBatch& batch) {
  std::string out = "before";
  batch.AppendEncoded(out);
  return out.substr(6);
}
template <typename Change>
std::string Encoded(const Change& change) {
  std::string out;
  AppendEncoded(out, change);
  return out;
}

// Damaged bytes are refused or decoded to something, never read beyond their end; cut ones are
// always refused.
void TryDamage(const std::string& bytes, uint32_t seed,
               const std::function<void(std::string_view)>& decode) {
  std::mt19937 random(seed);
  for (size_t size = 0; size < bytes.size(); size += 1 + bytes.size() / 50) {
    // An own allocation, so that a sanitizer sees a read past its end.
    const std::string cut = bytes.substr(0, size);
    EXPECT_THROW(decode(cut), Error) << size << " of " << bytes.size();
  }
  for (int i = 0; i < 50; ++i) {
    std::string damaged = bytes;
    for (int n = 0; n < 3; ++n) damaged[random() % damaged.size()] = static_cast<char>(random());
    try {
      decode(damaged);
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "CORRUPT_BYTES");
    }
  }
}

TEST(Codec, RowBatchReadsBack) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Maker make(seed);
    const RowBatch batch = make.Rows(make.Below(10), make.Below(20));
    const std::string bytes = Encoded(batch);
    EXPECT_EQ(RowBatch::Decode(bytes), batch);
    TryDamage(bytes, seed, [](std::string_view b) { RowBatch::Decode(b); });
  }
  EXPECT_EQ(RowBatch::Decode(Encoded(RowBatch(3))).columns(), 3u);
}

TEST(Codec, RowsChangeReadsBack) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const RowsChange change = Maker(seed).Changes();
    const std::string bytes = Encoded(change);
    const RowsChange back = DecodeRowsChange(bytes);
    EXPECT_EQ(back.op, change.op);
    EXPECT_EQ(back.schema_version, change.schema_version);
    EXPECT_EQ(back.foreign_key_checks, change.foreign_key_checks);
    EXPECT_EQ(back.is_cascade, change.is_cascade);
    EXPECT_EQ(back.before, change.before);
    EXPECT_EQ(back.after, change.after);
    TryDamage(bytes, seed, [](std::string_view b) { DecodeRowsChange(b); });
  }
}

// In pieces cut anywhere.
RowsChange PutTogether(std::string_view frame, std::string_view data, Maker& make) {
  FramedChange framed(frame, data.size());
  while (!data.empty()) {
    const std::string_view piece = data.substr(0, 1 + make.Below(20));
    framed.Append(piece);
    data.remove_prefix(piece.size());
  }
  return framed.Take();
}

TEST(Codec, AFramedChangeReadsBack) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    Maker make(seed);
    const RowsChange change = make.Changes();
    std::string frame;
    AppendFrame(frame, change);
    const std::string data = std::string(change.before.data()) + std::string(change.after.data());
    EXPECT_EQ(Encoded(PutTogether(frame, data, make)), Encoded(change));
    EXPECT_THROW(PutTogether(frame, data + "x", make), Error);
    if (!data.empty()) {
      EXPECT_THROW(FramedChange(frame, data.size() - 1), Error);
      EXPECT_THROW(FramedChange(frame, data.size()).Take(), Error);
    }
    EXPECT_THROW(FramedChange(frame + "x", data.size()), Error);
    TryDamage(frame, seed, [&](std::string_view b) { FramedChange(b, data.size()); });
  }
}

TEST(Codec, TableSchemaReadsBack) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const TableSchema table = Maker(seed).Table();
    const std::string bytes = EncodeTableSchema(table);
    EXPECT_EQ(DecodeTableSchema(bytes), table);
    TryDamage(bytes, seed, [](std::string_view b) { DecodeTableSchema(b); });
  }
  EXPECT_THROW(DecodeTableSchema(EncodeTableSchema({}) + "x"), Error);
}

// A project keeps digests of definitions: what has nothing new to say keeps its bytes.
TEST(Codec, OlderTableSchemasAreReadAndStillWritten) {
  TableSchema table;
  table.name = {"shop", "t"};
  table.checks = {{"c", "(`a` > 0)"}};
  const std::string first = EncodeTableSchema(table);
  EXPECT_EQ(first[0], 1);
  EXPECT_EQ(DecodeTableSchema(first), table);
  table.checks[0].column = "a";
  const std::string second = EncodeTableSchema(table);
  EXPECT_EQ(second, "\2" + first.substr(1) + "\1a");
  EXPECT_EQ(DecodeTableSchema(second), table);
  std::string unknown = second;
  unknown[0] = 3;
  EXPECT_THROW(DecodeTableSchema(unknown), Error);
}

TEST(Codec, SchemaChangeReadsBack) {
  for (uint32_t seed = 0; seed < 300; ++seed) {
    const SchemaChange change = Maker(seed).Change();
    const std::string bytes = Encoded(change);
    // Every field is in the bytes: equal bytes mean an equal change.
    const SchemaChange back = DecodeSchemaChange(bytes);
    EXPECT_EQ(Encoded(back), bytes);
    EXPECT_EQ(back.kind, change.kind);
    EXPECT_EQ(back.statement, change.statement);
    EXPECT_EQ(back.renames, change.renames);
    EXPECT_EQ(back.definition, change.definition);
    EXPECT_EQ(back.like_table, change.like_table);
    EXPECT_EQ(back.problem, change.problem);
    ASSERT_EQ(back.actions.size(), change.actions.size());
    for (size_t i = 0; i < back.actions.size(); ++i) {
      EXPECT_EQ(back.actions[i].kind, change.actions[i].kind);
      EXPECT_EQ(back.actions[i].column, change.actions[i].column);
      EXPECT_EQ(back.actions[i].foreign_key, change.actions[i].foreign_key);
      EXPECT_EQ(back.actions[i].check, change.actions[i].check);
      EXPECT_EQ(back.actions[i].new_table, change.actions[i].new_table);
      EXPECT_EQ(back.actions[i].partitioning, change.actions[i].partitioning);
    }
    EXPECT_EQ(back.moment_local, change.moment_local);
    EXPECT_EQ(back.time_zone, change.time_zone);
    TryDamage(bytes, seed, [](std::string_view b) { DecodeSchemaChange(b); });
  }
}

// A state directory outlives the program: each version ends before what the next one added.
TEST(Codec, OlderSchemaChangesAreRead) {
  SchemaChange change;
  change.kind = SchemaChange::Kind::kAlterTable;
  change.statement = "ALTER TABLE t ADD a INT";
  change.actions.resize(1);
  const std::string newest = Encoded(change);
  // The one action's check is no column's; the zone's empty text and the action's missing
  // partitioning; the moment's two texts.
  std::string third = newest.substr(0, newest.size() - 1);
  third[0] = 3;
  std::string second = third.substr(0, third.size() - 2);
  second[0] = 2;
  std::string first = second.substr(0, second.size() - 2);
  first[0] = 1;
  for (const std::string& bytes : {first, second, third, newest}) {
    const SchemaChange back = DecodeSchemaChange(bytes);
    EXPECT_EQ(back.statement, change.statement);
    EXPECT_EQ(back.actions.size(), 1u);
    EXPECT_EQ(back.time_zone, "");
    EXPECT_FALSE(back.actions[0].partitioning);
  }
  for (const char version : {'\x00', '\x05'}) {
    std::string unknown = newest;
    unknown[0] = version;
    EXPECT_THROW(DecodeSchemaChange(unknown), Error);
  }
}

TEST(Codec, AHugeCountDoesNotAskForMemory) {
  // 2^40 columns of 2^40 rows, in eleven bytes.
  const std::string bytes = "\x80\x80\x80\x80\x80\x20\x80\x80\x80\x80\x80\x20";
  EXPECT_THROW(RowBatch::Decode(bytes), Error);
}

TEST(TableSchema, TheIdentityKeyIsThePrimaryElseTheFirstWholeNotNullUnique) {
  TableSchema table;
  for (const char* name : {"A", "b", "c"}) {
    table.columns.emplace_back().name = name;
    table.columns.back().nullable = false;
  }
  EXPECT_EQ(table.FindColumn("a"), 0);
  EXPECT_EQ(table.FindColumn("d"), -1);
  EXPECT_EQ(table.identity_key(), nullptr);
  EXPECT_TRUE(table.identity_columns().empty());
  using Kind = IndexSchema::Kind;
  table.indexes = {{"plain", Kind::kPlain, {{"a"}}},
                   {"cut", Kind::kUnique, {{"b", "", 4}}},
                   {"functional", Kind::kUnique, {{"", "lower(b)"}}},
                   {"good", Kind::kUnique, {{"c"}, {"a"}}},
                   {"also", Kind::kUnique, {{"b"}}}};
  EXPECT_EQ(table.identity_key()->name, "good");
  EXPECT_EQ(table.identity_columns(), (std::vector<int>{2, 0}));
  table.columns[2].nullable = true;
  EXPECT_EQ(table.identity_key()->name, "also");
  table.columns[1].generated = ColumnSchema::Generated::kStored;
  EXPECT_EQ(table.identity_key(), nullptr);
  table.indexes.push_back({"PRIMARY", Kind::kPrimary, {{"b"}}});
  EXPECT_EQ(table.identity_key()->name, "PRIMARY");
}

}  // namespace
}  // namespace godwit
