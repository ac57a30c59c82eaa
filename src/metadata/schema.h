// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "metadata/sqlite.h"

namespace godwit {

// Brings the database to this program's version, step by step, in one transaction. Throws
// METADATA_VERSION where a newer program made it, METADATA_CORRUPT where it is damaged.
void MigrateMetadata(Sqlite& db, const std::string& path);

}  // namespace godwit
