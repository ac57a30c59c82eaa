// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace rocksdb {
class Status;
}

namespace godwit {

// What a failed call means for the user. `doing` says what was tried: "reading the log".
Error StoreError(const rocksdb::Status& status, const std::string& path, const std::string& doing);
Error StoreLocked(const std::string& path);
Error StoreCorrupt(const std::string& path, const std::string& message);
Error StoreReleased(const std::string& path, uint64_t sequence, uint64_t first);

}  // namespace godwit
