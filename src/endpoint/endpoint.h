// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <set>
#include <string>
#include <vector>

#include "base/error.h"
#include "endpoint/catalog.h"
#include "endpoint/change_reader.h"
#include "endpoint/dialect.h"
#include "endpoint/endpoint_url.h"
#include "endpoint/row_reader.h"
#include "endpoint/sink.h"
#include "endpoint/source_watch.h"

namespace godwit {

// One precheck item's outcome.
struct CheckResult {
  enum class Status { kPass, kWarn, kFail };
  std::string item;  // stable name, e.g. "binlog_format"; --skip-check takes it
  Side side = Side::kNone;
  std::string object;  // the table it is about, empty for the server
  Status status = Status::kPass;
  std::string message;
  std::string cause;
  std::string remedy;
};

// What a connector needs to judge whether it can play its role.
struct CheckRequest {
  Side side = Side::kSource;
  std::vector<TableSchemaPtr> tables;    // in this server's terms
  std::vector<std::string> databases;    // this server's, that the tables lie in
  bool captures = false;                 // changes will be read from it / replayed into it
  bool writes = false;                   // it will be written to
  bool creates = false;                  // objects will be created in it
  std::set<std::string> view_databases;  // this server's, in which views will be created
  uint64_t largest_source_row = 0;  // bytes, of the tables that were measured; for packet limits
  size_t unmeasured_tables = 0;     // those whose largest row is not known
  std::set<TableName> filtered;     // tables with a row filter
  bool may_mark = false;            // a row of Godwit's own may be written at the source
};

struct EndpointInfo {
  std::string kind;                // "mysql", "mariadb", "oceanbase-mysql", "memory"
  std::string version;             // as the server says it
  bool folds_table_names = false;  // lower_case_table_names: names that differ in case are one
  std::string identity;            // equal for two URLs of the same server
  bool can_capture = false;
  bool logs_cascades = false;  // child rows written by a parent's change are in its log, always
  bool orders_text_bytewise = false;
  bool logs_full_images = true;  // as its log is set; one session's images may still be partial
};

// Rows that are apart under the source's definition and equal under the destination's.
struct UniqueClash {
  std::string index;
  uint64_t groups = 0;
  std::string example;
};

// One database server in either role. Thread-safe; everything it opens has its own connection and
// belongs to one thread. Outlives what it opened.
class Endpoint {
 public:
  virtual ~Endpoint() = default;

  virtual const EndpointInfo& info() const = 0;
  virtual const Dialect& dialect() const = 0;
  virtual std::unique_ptr<Catalog> OpenCatalog() = 0;
  virtual std::unique_ptr<RowReader> OpenRowReader() = 0;
  virtual std::unique_ptr<ChangeReader> OpenChangeReader() = 0;
  virtual std::unique_ptr<Sink> OpenSink() = 0;
  // Runs every check of this kind of server that applies to the request. Connection failures throw.
  virtual std::vector<CheckResult> Check(const CheckRequest& request) = 0;
  // Null where this kind of server has nothing to tell.
  virtual std::unique_ptr<SourceWatch> OpenSourceWatch() { return nullptr; }
  // As a source: about how many bytes the table's largest row has, or can have; 0 where that cannot
  // be told within `seconds`.
  virtual uint64_t LargestRow(const TableSchemaPtr& table, int seconds) {
    (void)table;
    (void)seconds;
    return 0;
  }
  // As a source: looks, by grouping, for values of unique keys that the collations of `destination`
  // (the same table translated, columns matched by position in the unique keys) would make equal.
  // Empty also where this server cannot evaluate those collations.
  virtual std::vector<UniqueClash> FindUniqueClashes(const TableSchemaPtr& source,
                                                     const TableSchemaPtr& destination) {
    (void)source;
    (void)destination;
    return {};
  }
};

}  // namespace godwit
