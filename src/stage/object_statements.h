// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <vector>

#include "pipeline/link.h"

namespace godwit {

// What makes an object at the destination, by the user's own words (`edited` of `detail`) where
// there are any. The journal's `detail` of the object is told of it: kind, destination, statements,
// converted, source and, of what was translated, notes. Throws what the translation throws.
std::vector<Statement> StatementsOf(const Link& link, const TableSchema& table, bool defers_indexes,
                                    nlohmann::json& detail);
std::vector<Statement> StatementsOf(const Link& link, const ViewSchema& view,
                                    nlohmann::json& detail);

// The source's own statement, as people are shown it.
std::string SourceStatement(const Link& link, const ViewSchema& view);

// Whether the table's plain indexes come after its rows: by the spec, else by the table's size.
bool DefersIndexes(const Link& link, Catalog& source, const TableName& table);

}  // namespace godwit
