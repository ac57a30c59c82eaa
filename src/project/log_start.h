// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "pipeline/link.h"

namespace godwit {

// Before definitions are translated by it: whether what cascades do is in the project's Log (see
// Link). Throws CASCADES_CHANGED where it counts on that and the source's log lacks it now.
bool HoldCascades(Metadata& metadata, int64_t project, const Endpoint& source, Store& store);

// Before capture: an empty Log for a project that begins. Throws LOG_GAP where one that goes on has
// lost its Log.
void PrepareLog(Link& link);

}  // namespace godwit
