// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/table_schema.h"

namespace godwit {

struct CatalogObject {
  // kTemporary: of one session. kOther: of a kind that nobody here carries, such as a sequence.
  enum class Kind { kTable, kView, kTemporary, kOther };
  TableName name;
  Kind kind = Kind::kTable;
  std::string type = "";  // kOther: the server's word for it
};

// The server's guess; only for sizing and progress, never for correctness.
struct TableEstimate {
  uint64_t rows = 0;
  uint64_t bytes = 0;
};

// What tables get that name no character set. Empty where servers of that kind have none.
struct TextDefaults {
  std::string charset;
  std::string collation;

  bool operator==(const TextDefaults&) const = default;
};

// Reads definitions from one server over its own connection. One thread at a time.
class Catalog {
 public:
  virtual ~Catalog() = default;

  // Without the server's own (information_schema, …) and without Godwit's.
  virtual std::vector<std::string> Databases() = 0;
  virtual std::vector<CatalogObject> Objects(const std::string& database) = 0;
  // Complete definition; nullopt if there is no such base table.
  virtual std::optional<TableSchema> Table(const TableName& name) = 0;
  virtual std::optional<ViewSchema> View(const TableName& name) = 0;
  virtual TableEstimate Estimate(const TableName& name) = 0;
  // Foreign keys of any table of the server that refer to this one (name of the child with each).
  virtual std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName& name) = 0;
  // The database's own, as they are now; nullopt if there is no such database.
  virtual std::optional<TextDefaults> DefaultsOf(const std::string& /*database*/) {
    return TextDefaults{};
  }
  // Something that differs between two tables of the same name created at different times
  // (identity, creation time), and with every change of the definition. Empty: no such table.
  virtual std::string Fingerprint(const TableName& name) = 0;
};

}  // namespace godwit
