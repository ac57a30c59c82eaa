// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "base/error.h"

namespace godwit::memory {

// The failures of a memory server, classified in one place as every connector does.
Error ConnectionLost();                                                // transient
Error LockTimeout(const std::string& object);                          // transient
Error Deadlock(const std::string& object);                             // transient
Error Overloaded();                                                    // transient, injected
Error NoSuchTable(const std::string& object);                          // blocked
Error TableExists(const std::string& object);                          // blocked
Error NotNull(const std::string& object, const std::string& column);   // data
Error Duplicate(const std::string& object, const std::string& index);  // data
Error StatementInvalid(const std::string& statement, const std::string& cause);  // blocked

}  // namespace godwit::memory
