// SPDX-License-Identifier: Apache-2.0
#include "connectors/memory/errors.h"

namespace godwit::memory {
namespace {

Error Transient(std::string code, std::string object, std::string message, std::string cause) {
  return Error({.code = std::move(code),
                .kind = ErrorKind::kTransient,
                .object = std::move(object),
                .message = std::move(message),
                .cause = std::move(cause),
                .remedy = "nothing: Godwit tries again"});
}

}  // namespace

Error ConnectionLost() {
  return Transient("MEMORY_CONNECTION_LOST", "", "the connection is gone", "the server dropped it");
}
Error LockTimeout(const std::string& object) {
  return Transient("MEMORY_LOCK_TIMEOUT", object, "a lock was not granted in time",
                   "another transaction holds it");
}
Error Deadlock(const std::string& object) {
  return Transient("MEMORY_DEADLOCK", object, "the transaction was rolled back",
                   "it and another one wait for each other");
}
Error Overloaded() {
  return Transient("MEMORY_OVERLOADED", "", "the server refuses work", "it was told to");
}
Error NoSuchTable(const std::string& object) {
  return Error({.code = "TABLE_MISSING",
                .kind = ErrorKind::kBlocked,
                .object = object,
                .message = "there is no such table",
                .cause = "it was dropped or never created",
                .remedy = "create it, or exclude it from the rules"});
}
Error TableExists(const std::string& object) {
  return Error({.code = "TABLE_EXISTS",
                .kind = ErrorKind::kBlocked,
                .object = object,
                .message = "the object exists already",
                .cause = "somebody created it",
                .remedy = "drop it or map to another name"});
}
Error NotNull(const std::string& object, const std::string& column) {
  return Error({.code = "VALUE_NOT_NULL",
                .kind = ErrorKind::kData,
                .object = object,
                .message = "NULL does not go into column " + column,
                .cause = "the column is NOT NULL",
                .remedy = "correct the row or the definition"});
}
Error Duplicate(const std::string& object, const std::string& index) {
  return Error({.code = "DUPLICATE_KEY",
                .kind = ErrorKind::kData,
                .object = object,
                .message = "a value is there already in unique index " + index,
                .cause = "two rows share it",
                .remedy = "correct one of the rows"});
}
Error StatementInvalid(const std::string& statement, const std::string& cause) {
  return Error({.code = "STATEMENT_INVALID",
                .kind = ErrorKind::kBlocked,
                .message = "the server does not understand: " + statement,
                .cause = cause,
                .remedy = "edit the statement"});
}

}  // namespace godwit::memory
