// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/dialect_traits.h"

#include "connectors/mysql_family/types.h"

namespace godwit::mysql {
namespace {

// MySQL's release notes.
void SetMySql(DialectTraits& t) {
  t.has_expression_defaults = t.has_text_defaults = t.version >= 80013;
  t.has_functional_indexes = t.version >= 80013;
  t.has_descending_indexes = t.version >= 80000;
  t.has_invisible_columns = t.version >= 80023;
  t.has_invisible_indexes = t.version >= 80000;
  t.has_checks = t.has_check_enforcement = t.version >= 80016;
  t.has_generated_columns = t.version >= 50706;
  t.has_rename_column = t.version >= 80003;
  t.has_json = t.version >= 50708;
  t.has_fulltext_parsers = t.version >= 50706;
  t.has_spatial_indexes = t.version >= 50705;
  t.has_srid = t.version >= 80003;
  t.shows_display_width = t.version < 80019;
  t.shows_utf8mb3 = t.version >= 80030;
  t.honours_inline_references = t.version >= 90000;
  t.explicit_timestamps = t.version >= 80002;
  t.max_index_bytes = t.version >= 50707 ? 3072 : 767;
}

// MariaDB's knowledge base.
void SetMariaDb(DialectTraits& t) {
  t.has_expression_defaults = t.has_text_defaults = t.version >= 100201;
  t.has_functional_indexes = false;
  t.has_descending_indexes = t.version >= 100800;
  t.has_invisible_columns = t.version >= 100303;
  t.has_invisible_indexes = t.version >= 100600;
  t.has_checks = t.version >= 100201;
  t.has_check_enforcement = false;
  t.has_generated_columns = t.version >= 100201;
  t.has_rename_column = t.version >= 100502;
  t.has_json = false;  // a synonym of LONGTEXT with a check
  t.has_fulltext_parsers = false;
  t.has_srid = false;
  t.shows_display_width = true;
  t.shows_utf8mb3 = t.version >= 100600;
  t.honours_inline_references = t.version >= 100500;
  t.has_column_checks = true;
  t.explicit_timestamps = t.version >= 101000;
}

// Tried on the engine in MySQL mode. It takes DESC in an index and stores ascending; of a column's
// SRID only 0 unless the tenant's spatial reference systems are loaded.
void SetOceanBase(DialectTraits& t) {
  t.has_text_defaults = false;
  t.has_descending_indexes = false;
  t.has_srid = false;
  t.has_linear_partitions = false;
  t.has_partition_comments = false;
  t.has_global_indexes = true;
  t.has_partition_reorganization = false;
  t.shows_display_width = true;
  t.shows_utf8mb3 = false;
  t.combines_clauses = false;
  t.max_index_bytes = 16384;
}

}  // namespace

DialectTraits DialectTraits::For(Flavor flavor, int version) {
  DialectTraits t;
  t.flavor = flavor;
  t.version = version;
  switch (flavor) {
    case Flavor::kMySql:
      SetMySql(t);
      break;
    case Flavor::kMariaDb:
      SetMariaDb(t);
      break;
    case Flavor::kOceanBase:
      SetOceanBase(t);
      break;
  }
  return t;
}

DialectTraits DialectTraits::For(const ServerInfo& server) {
  DialectTraits t = For(server.flavor, server.version_number);
  t.lower_case_table_names = server.lower_case_table_names;
  t.explicit_timestamps = server.explicit_timestamps.value_or(t.explicit_timestamps);
  for (const std::string& collation : server.collations) {
    t.collations.insert(t.CanonicalCollation(collation));
  }
  return t;
}

std::string DialectTraits::CanonicalCharset(std::string_view charset) const {
  if (charset == "utf8" || charset == "utf8mb3") return shows_utf8mb3 ? "utf8mb3" : "utf8";
  return std::string(charset);
}

std::string DialectTraits::CanonicalCollation(std::string_view collation) const {
  for (std::string_view prefix : {"utf8mb3_", "utf8_"}) {
    if (!collation.starts_with(prefix)) continue;
    std::string out = shows_utf8mb3 ? "utf8mb3_" : "utf8_";
    return out + std::string(collation.substr(prefix.size()));
  }
  return std::string(collation);
}

std::string DialectTraits::DefaultCollationOf(std::string_view charset) const {
  auto known = default_collations.find(charset);
  if (known != default_collations.end()) return known->second;
  if (flavor == Flavor::kMariaDb && version >= 110600 && charset.starts_with("utf8mb4")) {
    return "utf8mb4_uca1400_ai_ci";
  }
  return DefaultCollation(charset, flavor == Flavor::kMySql && version >= 80000);
}

}  // namespace godwit::mysql
