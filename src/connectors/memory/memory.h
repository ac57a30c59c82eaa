// SPDX-License-Identifier: Apache-2.0
#pragma once

#include "endpoint/registry.h"

namespace godwit::memory {

// The reference connector, to be read first: a small transactional database inside this process,
// reached as memory://NAME. It shows in the fewest words what each port promises; what a real
// server does with sockets, redo logs and SQL is done here with a mutex, a vector and plain calls.
//
//   server.h        the database: tables, transactions, row locks, the log
//   connection.h    one application's or port's connection to it
//   catalog.h dialect.h row_reader.h change_reader.h sink.h endpoint.h    one file per port
void RegisterMemory(Registry& registry);

}  // namespace godwit::memory
