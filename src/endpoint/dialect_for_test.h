// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "endpoint/dialect.h"

namespace godwit {

// Takes every name as it is and writes no statements.
class PlainDialect : public Dialect {
 public:
  std::string_view family() const override { return "plain"; }
  std::string Quote(std::string_view identifier) const override { return std::string(identifier); }
  std::string Literal(std::string_view text) const override { return std::string(text); }
  std::string FoldTableName(std::string_view name) const override { return std::string(name); }
  bool HasCollation(std::string_view) const override { return true; }
  std::string CreateDatabase(std::string_view, std::string_view, std::string_view) const override {
    return "";
  }
  std::vector<Statement> CreateTable(const TableSchema&, const CreateOptions&) const override {
    return {};
  }
  std::vector<Statement> CreateIndexes(const TableSchema&) const override { return {}; }
  std::vector<Statement> CreateForeignKeys(const TableSchema&) const override { return {}; }
  std::vector<Statement> CreateView(const ViewSchema&) const override { return {}; }
  std::string DropTable(const TableName&) const override { return ""; }
  std::vector<Statement> Render(const SchemaChange&, const TableSchema*) const override {
    return {};
  }
  SchemaChange ParseDdl(std::string_view, std::string_view, std::string_view) const override {
    return {};
  }
};

}  // namespace godwit
