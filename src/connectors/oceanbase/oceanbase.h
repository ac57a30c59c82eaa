// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "endpoint/registry.h"

namespace godwit {

// The scheme oceanbase://: a MySQL tenant of OceanBase.
void RegisterOceanBase(Registry& registry);

}  // namespace godwit
