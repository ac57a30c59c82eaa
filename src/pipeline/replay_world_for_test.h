// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <algorithm>
#include <chrono>
#include <map>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "base/error.h"
#include "endpoint/dialect_for_test.h"
#include "pipeline/replay_database_for_test.h"
#include "pipeline/replayer.h"

namespace godwit {

// Tests only: the parts of a link that replay uses, in memory.
class TestCatalog : public Catalog {
 public:
  explicit TestCatalog(TestDatabase& database) : database_(database) {}
  std::vector<std::string> Databases() override { return {"d"}; }
  std::vector<CatalogObject> Objects(const std::string&) override { return {}; }
  std::optional<TableSchema> Table(const TableName& name) override {
    TableSchemaPtr table = database_.Find(name);
    if (!table) return {};
    return *table;
  }
  std::optional<ViewSchema> View(const TableName&) override { return {}; }
  TableEstimate Estimate(const TableName&) override { return {}; }
  std::vector<std::pair<TableName, ForeignKeySchema>> ChildrenOf(const TableName&) override {
    return {};
  }
  std::string Fingerprint(const TableName& name) override { return database_.Fingerprint(name); }

 private:
  TestDatabase& database_;
};

class TestDialect : public PlainDialect {
 public:
  std::string DropTable(const TableName& table) const override { return "drop " + table.table; }
  std::vector<Statement> Render(const SchemaChange& change, const TableSchema*) const override {
    std::string sql;
    if (change.kind == SchemaChange::Kind::kTruncateTable) sql = "truncate " + change.table.table;
    if (change.kind == SchemaChange::Kind::kDropTable) sql = "drop " + change.tables[0].table;
    if (change.kind == SchemaChange::Kind::kRenameTable) {
      sql = "rename " + change.renames[0].first.table + " " + change.renames[0].second.table;
    }
    return {{.table = change.table, .sql = sql}};
  }
};

class TestEndpoint : public Endpoint {
 public:
  explicit TestEndpoint(TestDatabase& database) : database_(database) {}
  const EndpointInfo& info() const override { return info_; }
  const Dialect& dialect() const override { return dialect_; }
  std::unique_ptr<Catalog> OpenCatalog() override {
    return std::make_unique<TestCatalog>(database_);
  }
  std::unique_ptr<RowReader> OpenRowReader() override { return nullptr; }
  std::unique_ptr<ChangeReader> OpenChangeReader() override { return nullptr; }
  std::unique_ptr<Sink> OpenSink() override { return database_.OpenSink(); }
  std::vector<CheckResult> Check(const CheckRequest&) override { return {}; }

 private:
  TestDatabase& database_;
  EndpointInfo info_;
  TestDialect dialect_;
};

// A Log that is complete from the start.
class TestStore : public Store {
 public:
  struct Logged {
    LoggedTransaction info;
    std::vector<LogPart> parts;
  };
  std::vector<Logged> log;
  Sequence released = 0;
  uint64_t bytes = 0;  // that status() reports

  Sequence Append(std::vector<LogPart> parts) {
    Logged entry;
    entry.info.sequence = log.size() + 1;
    entry.info.source_time_us = static_cast<int64_t>(log.size() + 1);
    for (const LogPart& part : parts) {
      entry.info.rows += part.rows.rows();
      entry.info.is_ddl = entry.info.is_ddl || part.kind == LogPart::Kind::kDdl;
    }
    entry.parts = std::move(parts);
    log.push_back(std::move(entry));
    return log.size();
  }

  uint64_t BeginTransaction() override { return 0; }
  void AppendRows(uint64_t, const RowsChange&) override {}
  void AppendDdl(uint64_t, const SchemaChange&) override {}
  uint64_t Mark(uint64_t) override { return 0; }
  void RollbackTo(uint64_t, uint64_t) override {}
  void Discard(uint64_t) override {}
  Sequence Commit(uint64_t, LoggedTransaction, const std::vector<SchemaVersion>&) override {
    return 0;
  }
  void Sync(const Position&, const Position&) override {}
  void Reset() override {}
  Position position() override { return {}; }
  Position restart() override { return {}; }
  uint64_t NextSchemaVersion() override { return 1; }
  void AddSchemas(const std::vector<SchemaVersion>&) override {}
  TableSchemaPtr Schema(uint64_t) override { return nullptr; }
  std::vector<SchemaVersion> LatestSchemas() override { return {}; }
  std::vector<SchemaVersion> SchemasBefore(uint64_t) override { return {}; }
  std::unique_ptr<LogReader> Read(Sequence after) override;
  Sequence last() override { return log.size(); }
  std::optional<LoggedTransaction> Find(Sequence sequence) override {
    if (sequence == 0 || sequence > log.size()) return {};
    return log[sequence - 1].info;
  }
  std::string LastTransaction() override { return log.empty() ? "" : log.back().info.transaction; }
  Sequence FindTime(int64_t source_time_us) override {
    Sequence found = 0;
    for (const Logged& entry : log) {
      if (entry.info.source_time_us <= source_time_us) found = entry.info.sequence;
    }
    return found;
  }
  void Release(Sequence through) override { released = std::max(released, through); }
  StoreStatus status() override {
    return {.first = released < log.size() ? released + 1 : 0, .last = log.size(), .bytes = bytes};
  }
};

class TestLogReader : public LogReader {
 public:
  TestLogReader(TestStore& store, Sequence after) : store_(store), at_(after) {}
  std::optional<LoggedTransaction> NextTransaction(Deadline deadline,
                                                   std::stop_token stop) override {
    if (at_ >= store_.log.size()) {
      WaitForStop(stop, deadline);
      return {};
    }
    part_ = 0;
    return store_.log[at_++].info;
  }
  bool NextPart(LogPart& part) override {
    const auto& parts = store_.log[at_ - 1].parts;
    if (part_ >= parts.size()) return false;
    part = parts[part_++];
    return true;
  }

 private:
  TestStore& store_;
  size_t at_;
  size_t part_ = 0;
};

inline std::unique_ptr<LogReader> TestStore::Read(Sequence after) {
  return std::make_unique<TestLogReader>(*this, after);
}

class TestMetadata : public Metadata {
 public:
  std::map<std::string, std::string> settings;

  ProjectRecord CreateProject(const std::string&, const std::string&) override { return {}; }
  std::optional<ProjectRecord> FindProject(const std::string&) override { return {}; }
  std::vector<ProjectRecord> Projects() override { return {}; }
  void SetState(int64_t, const std::string&, const std::string&) override {}
  void SetDesired(int64_t, const std::string&) override {}
  void SetSpec(int64_t, const std::string&) override {}
  void DeleteProject(int64_t) override {}
  void PutSetting(int64_t, const std::string& key, const std::string& value) override {
    settings[key] = value;
  }
  std::optional<std::string> Setting(int64_t, const std::string& key) override {
    auto found = settings.find(key);
    if (found == settings.end()) return {};
    return found->second;
  }
  std::map<std::string, std::string> Settings(int64_t, const std::string& prefix) override {
    std::map<std::string, std::string> out;
    for (const auto& [key, value] : settings) {
      if (key.starts_with(prefix)) out[key] = value;
    }
    return out;
  }
  void PutEntry(int64_t, const JournalEntry&) override {}
  std::optional<JournalEntry> Entry(int64_t, const std::string&, const std::string&) override {
    return {};
  }
  std::vector<JournalEntry> Entries(int64_t, const std::string&) override { return {}; }
  void RemoveEntries(int64_t, const std::string&) override {}
  void PutChunk(int64_t, const Chunk&) override {}
  void FinishChunk(int64_t, uint64_t, uint64_t) override {}
  std::vector<ChunkRecord> Chunks(int64_t, const TableName&) override { return {}; }
  uint64_t LastChunkId(int64_t) override { return 0; }
  void RemoveChunks(int64_t, const TableName&) override {}
  int64_t AddFinding(int64_t, const Finding&) override { return 0; }
  std::vector<Finding> Findings(int64_t, const std::string&) override { return {}; }
  std::optional<Finding> FindFinding(int64_t, int64_t) override { return {}; }
  void UpdateFinding(int64_t, const Finding&) override {}
  void PutDataSource(const DataSource&) override {}
  std::optional<DataSource> FindDataSource(const std::string&) override { return {}; }
  std::vector<DataSource> DataSources() override { return {}; }
  void RemoveDataSource(const std::string&) override {}
};

inline LogPart TruncateOf(const TableName& table) {
  LogPart part;
  part.kind = LogPart::Kind::kDdl;
  part.ddl.kind = SchemaChange::Kind::kTruncateTable;
  part.ddl.table = table;
  part.ddl.statement = "TRUNCATE " + table.table;
  return part;
}

// All of it wired. The destination outlives runs, as a server does.
struct TestWorld {
  TestDatabase database;
  TestStore store;
  TestMetadata metadata;
  ProjectSpec spec;
  TestEndpoint endpoint{database};
  ObjectRules rules{{ObjectRule::Parse("d.*")}, {}};
  Translator translator{endpoint.dialect(), endpoint.dialect(), rules, {}};
  Link link{.name = "link",
            .spec = spec,
            .source = endpoint,
            .destination = endpoint,
            .store = store,
            .metadata = metadata,
            .translator = translator};
  CaptureCounters capture_counters;
  Capturer capturer{endpoint, store, rules, capture_counters, {}};
  AskUser ask = [](const BlockedItem& item, std::stop_token) -> Answer { throw item.error; };

  // Replays until everything is applied; the error that ended the run otherwise.
  std::optional<Error> Replay(int lanes, Replayer::Options options = {});
};

}  // namespace godwit
