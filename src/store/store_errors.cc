// SPDX-License-Identifier: Apache-2.0
#include "store/store_errors.h"

#include <rocksdb/status.h>

namespace godwit {

Error StoreError(const rocksdb::Status& status, const std::string& path, const std::string& doing) {
  const std::string message = doing + " failed: " + status.ToString();
  if (status.IsNoSpace()) {
    return Error({.code = "STORE_DISK_FULL",
                  .kind = ErrorKind::kBlocked,
                  .object = path,
                  .message = message,
                  .cause = "the disk of the state directory, or the quota on it, is used up",
                  .remedy = "free space or shorten the retention (store_hours, store_bytes), then "
                            "resume; nothing is lost, the source's log is read again from the last "
                            "durable place"});
  }
  if (status.IsIOError()) {
    return Error({.code = "STORE_IO",
                  .kind = ErrorKind::kBlocked,
                  .object = path,
                  .message = message,
                  .cause = "the disk or file system of the state directory refused the operation",
                  .remedy = "check its permissions and health, then resume"});
  }
  return StoreCorrupt(path, message);
}

Error StoreLocked(const std::string& path) {
  return Error({.code = "STORE_LOCKED",
                .kind = ErrorKind::kBlocked,
                .object = path,
                .message = "the store is in use",
                .cause = "another process runs this project from the same state directory",
                .remedy = "stop that process, or use it to steer the project"});
}

Error StoreCorrupt(const std::string& path, const std::string& message) {
  return Error({.code = "STORE_CORRUPT",
                .kind = ErrorKind::kBlocked,
                .object = path,
                .message = message,
                .cause = "files of the store are damaged, missing, or of a version this program "
                         "does not know",
                .remedy = "restore them from a backup of the state directory, or start the project "
                          "anew; do not delete single files"});
}

Error StoreReleased(const std::string& path, uint64_t sequence, uint64_t first) {
  return Error({.code = "STORE_RELEASED",
                .kind = ErrorKind::kBlocked,
                .object = path,
                .message = "transaction " + std::to_string(sequence) +
                           " is asked for, but the oldest one still held is " +
                           std::to_string(first),
                .cause = "the retention has removed it",
                .remedy = "copy the tables concerned again, and lengthen the retention "
                          "(store_hours, store_bytes)"});
}

}  // namespace godwit
