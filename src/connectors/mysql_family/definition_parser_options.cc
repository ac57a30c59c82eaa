// SPDX-License-Identifier: Apache-2.0
// Table options, character sets, partitions.
#include <algorithm>
#include <array>

#include "connectors/mysql_family/definition_parser.h"

namespace godwit::mysql {
namespace {

// Options that take a value and mean nothing to another server.
constexpr std::array<std::string_view, 46> kSkipped = {"row_format",
                                                       "stats_persistent",
                                                       "stats_auto_recalc",
                                                       "stats_sample_pages",
                                                       "checksum",
                                                       "delay_key_write",
                                                       "min_rows",
                                                       "max_rows",
                                                       "avg_row_length",
                                                       "pack_keys",
                                                       "key_block_size",
                                                       "compression",
                                                       "encryption",
                                                       "tablespace",
                                                       "storage",
                                                       "union",
                                                       "insert_method",
                                                       "password",
                                                       "connection",
                                                       "autoextend_size",
                                                       "engine_attribute",
                                                       "secondary_engine_attribute",
                                                       "secondary_engine",
                                                       "page_compressed",
                                                       "page_checksum",
                                                       "transactional",
                                                       "encrypted",
                                                       "encryption_key_id",
                                                       "page_compression_level",
                                                       "block_size",
                                                       "tablet_size",
                                                       "pctfree",
                                                       "replica_num",
                                                       "use_bloom_filter",
                                                       "tablegroup",
                                                       "compression_level",
                                                       "parallel",
                                                       "auto_increment_mode",
                                                       "sequence",
                                                       "table_checksum",
                                                       "lob_inrow_threshold",
                                                       "ttl",
                                                       "organization",
                                                       "itef_quotes",
                                                       "nodegroup",
                                                       "autoinc_cache"};

}  // namespace

std::string DefinitionParser::CharsetName() {
  in_.AcceptSymbol('=');
  std::string name = in_.Peek().kind == Token::Kind::kString ? in_.String() : in_.Name();
  return traits_.CanonicalCharset(Lower(name));
}

std::string DefinitionParser::CollationName(const std::string& charset) {
  in_.AcceptSymbol('=');
  std::string name = in_.Peek().kind == Token::Kind::kString ? in_.String() : in_.Name();
  name = traits_.CanonicalCollation(Lower(name));
  // MariaDB lets the character set go without saying.
  return name.starts_with("uca1400_") ? charset + "_" + name : name;
}

bool DefinitionParser::TableOption(TableSchema& table) {
  in_.AcceptSymbol(',');
  const size_t before = in_.at();
  in_.Accept("default");
  if (in_.Accept({"character", "set"}) || in_.Accept({"char", "set"}) || in_.Accept("charset")) {
    std::string charset = CharsetName();
    if (charset == "default") return true;
    table.charset = std::move(charset);
    return true;
  }
  if (in_.Accept("collate")) {
    const std::string collation = CollationName(table.charset.empty() ? "utf8mb4" : table.charset);
    if (collation == "default") return true;
    table.collation = collation;
    table.charset = CharsetOf(table.collation);
    return true;
  }
  in_.Return(before);
  if (in_.Accept("comment")) {
    in_.AcceptSymbol('=');
    table.comment = in_.String();
    return true;
  }
  if (in_.Accept("auto_increment")) {
    in_.AcceptSymbol('=');
    uint64_t number = in_.Number();
    table.next_auto_increment = number > 1 ? number : 0;
    return true;
  }
  if (in_.Accept("engine") || in_.Accept("type")) {
    in_.AcceptSymbol('=');
    table.engine = in_.Next().text;
    return true;
  }
  if (in_.Accept({"data", "directory"}) || in_.Accept({"index", "directory"})) {
    in_.AcceptSymbol('=');
    in_.String();
    return true;
  }
  if (in_.Accept({"start", "transaction"}) || in_.Accept({"with", "system", "versioning"})) {
    return true;
  }
  for (std::string_view option : kSkipped) {
    if (!in_.Accept(option)) continue;
    in_.AcceptSymbol('=');
    in_.SkipOne();
    return true;
  }
  return false;
}

// A table without a charset of its own has its database's, a column its table's.
void DefinitionParser::SettleCharsets(TableSchema& table) const {
  if (!table.charset.empty() && table.collation.empty()) {
    table.collation = traits_.DefaultCollationOf(table.charset);
  }
  for (ColumnSchema& column : table.columns) {
    auto found = written_.find(column.name);
    if (found == written_.end() || table.charset.empty() || !HasCharset(column.type)) continue;
    const Written& written = found->second;
    if (column.charset.empty()) column.InheritCharset(table.charset, table.collation);
    SettleType(column, written);
  }
}

Partitioning::Level DefinitionParser::PartitionLevel() {
  Partitioning::Level level;
  level.linear = in_.Accept("linear");
  using Method = Partitioning::Method;
  if (in_.Accept({"range", "columns"})) {
    level.method = Method::kRangeColumns;
  } else if (in_.Accept("range")) {
    level.method = Method::kRange;
  } else if (in_.Accept({"list", "columns"})) {
    level.method = Method::kListColumns;
  } else if (in_.Accept("list")) {
    level.method = Method::kList;
  } else if (in_.Accept("hash")) {
    level.method = Method::kHash;
  } else if (in_.Accept("key")) {
    level.method = Method::kKey;
    if (in_.Accept("algorithm")) {
      in_.AcceptSymbol('=');
      in_.Next();
    }
  } else {
    in_.Fail("a kind of partitioning expected");
  }
  level.expression = in_.Parenthesized();
  return level;
}

Partitioning DefinitionParser::Partitions() {
  Partitioning out;
  out.level = PartitionLevel();
  uint64_t count = 0;
  uint64_t sub_count = 0;
  std::vector<Partitioning::Partition> sub_template;
  if (in_.Accept("partitions")) count = in_.Number();
  if (in_.Accept({"subpartition", "by"})) {
    out.sub_level = PartitionLevel();
    if (in_.Accept("subpartitions")) sub_count = in_.Number();
    if (in_.Accept({"subpartition", "template"})) sub_template = PartitionList();  // OceanBase
  }
  if (in_.Accept("partitions")) count = in_.Number();
  if (in_.Peek().IsSymbol('(')) out.partitions = PartitionList();
  constexpr uint64_t kMostPartitions = 65536;
  if (count > kMostPartitions || sub_count > kMostPartitions) in_.Fail("too many partitions");
  if (out.partitions.empty() && count == 0) count = 1;
  for (size_t i = out.partitions.size(); i < count; ++i) {
    out.partitions.push_back({.name = "p" + std::to_string(i)});
  }
  for (Partitioning::Partition& partition : out.partitions) {
    if (!partition.subpartitions.empty()) continue;
    for (Partitioning::Partition sub : sub_template) {
      sub.name = partition.name + "s" + sub.name;  // as the engine names them
      partition.subpartitions.push_back(std::move(sub));
    }
    for (size_t i = partition.subpartitions.size(); i < sub_count; ++i) {
      partition.subpartitions.push_back({.name = partition.name + "sp" + std::to_string(i)});
    }
  }
  return out;
}

std::vector<Partitioning::Partition> DefinitionParser::PartitionList() {
  std::vector<Partitioning::Partition> out;
  in_.ExpectSymbol('(');
  do {
    out.push_back(PartitionDefinition());
  } while (in_.AcceptSymbol(','));
  in_.ExpectSymbol(')');
  return out;
}

Partitioning::Partition DefinitionParser::PartitionDefinition() {
  Partitioning::Partition partition;
  if (!in_.Accept("subpartition")) in_.Expect("partition");
  partition.name = in_.Name();
  if (in_.Accept("values")) {
    if (in_.Accept({"less", "than"})) {
      partition.values = in_.Accept("maxvalue") ? "MAXVALUE" : in_.Parenthesized();
      if (Upper(partition.values) == "MAXVALUE") partition.values = "MAXVALUE";
    } else {
      in_.Accept("in");
      partition.values = in_.Accept("default") ? "DEFAULT" : in_.Parenthesized();
      if (Upper(partition.values) == "DEFAULT") partition.values = "DEFAULT";
    }
  } else if (in_.Accept("default")) {
    partition.values = "DEFAULT";
  } else if (in_.Peek().Is("history") || in_.Peek().Is("current")) {
    in_.Fail("partitions of SYSTEM_TIME are not followed");
  }
  for (;;) {
    if (in_.Accept("comment")) {
      in_.AcceptSymbol('=');
      partition.comment = in_.String();
    } else if (in_.Accept("engine") || in_.Accept({"storage", "engine"}) ||
               in_.Accept("max_rows") || in_.Accept("min_rows") || in_.Accept("tablespace") ||
               in_.Accept({"data", "directory"}) || in_.Accept({"index", "directory"}) ||
               in_.Accept("nodegroup")) {
      in_.AcceptSymbol('=');
      in_.Next();
    } else {
      break;
    }
  }
  if (in_.Peek().IsSymbol('(')) partition.subpartitions = PartitionList();
  return partition;
}

}  // namespace godwit::mysql
