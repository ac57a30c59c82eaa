// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <optional>

#include "connectors/mysql_family/session.h"

namespace godwit::mysql {

// How full OceanBase's memory for new rows is, from 0 to 1; nullopt where the server or the
// account's rights do not tell. Throws what is transient.
std::optional<double> MemstoreUse(Session& session);

}  // namespace godwit::mysql
