// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "endpoint/registry.h"

namespace godwit {

// The schemes mysql:// and mariadb://; each takes servers of both kinds.
void RegisterMysql(Registry& registry);

}  // namespace godwit
