// SPDX-License-Identifier: Apache-2.0
#include "connectors/mysql_family/memstore.h"

#include <cstdlib>

namespace godwit::mysql {

std::optional<double> MemstoreUse(Session& session) {
  // The view of OceanBase 4, and what it is made from: the single-node engine has that only, with
  // one line, and adds nothing up from it ("size overflow").
  for (const char* query :
       {"SELECT MAX(memstore_used / memstore_limit) FROM oceanbase.GV$OB_MEMSTORE",
        "SELECT memstore_used / memstore_limit FROM oceanbase.__all_virtual_memstore_info LIMIT "
        "1"}) {
    try {
      auto use = session.QueryValue(query);
      if (use) return std::strtod(use->c_str(), nullptr);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient) throw;
    }
  }
  return {};
}

}  // namespace godwit::mysql
