// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "model/schema_change.h"
#include "pipeline/link.h"

namespace godwit {

// Whether the destination's table has a definition of the user's: one that was there, that was
// edited, or that the project does not make at all. Copying such a table again does not bring it
// what the source has altered meanwhile.
bool IsUsersOwn(const Link& link, const TableName& source);

// The definition whose rows a table's copy holds; nullopt where it is not done, or found no table.
std::optional<TableSchema> CopiedDefinition(const Link& link, const TableName& source);

// What an ALTER TABLE that happened before the copy still has to do at a table of the user's own;
// nullopt: nothing. The rows there are of a later moment than the statement, so where it could take
// or change some of them, `problem` says that it must not run as it is. `makes_indexes`: those of
// the copied definition are made after the rows.
std::optional<SchemaChange> LeftOverFromCopy(const SchemaChange& change, const TableSchema& copied,
                                             bool makes_indexes);

}  // namespace godwit
