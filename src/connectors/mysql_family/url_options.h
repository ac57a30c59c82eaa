// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <vector>

#include "endpoint/registry.h"

namespace godwit::mysql {

// What URLs of the family's servers take.
std::vector<UrlOption> UrlOptions();

}  // namespace godwit::mysql
