// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/chunk.h"

namespace godwit {

struct ProjectRecord {
  int64_t id = 0;
  std::string name;
  std::string spec;     // JSON of ProjectSpec, without secrets
  std::string state;    // "not_started", "running", …: project/ owns the words
  std::string desired;  // "run", "pause", "release"
  std::string cause;    // why it is in that state, JSON of an Error's fields; empty if none
  int64_t created_us = 0;
};

// One object (or the whole, object "") within one stage.
struct JournalEntry {
  std::string stage;
  std::string object;
  std::string status;  // "pending", "running", "done", "failed", "skipped"
  std::string detail;  // JSON: what was done, statements, error fields, counts
  int64_t updated_us = 0;
};

// A thing that waits for the user or is told to him: a blocked statement or row, a difference.
struct Finding {
  int64_t id = 0;
  std::string stage;
  std::string kind;  // "ddl", "row", "object", "difference"
  std::string object;
  std::string status;  // "open", "retry", "skip", "done", "edited", "closed"
  std::string detail;  // JSON
  std::string answer;  // the edited statement; of a closed one else the status it was closed with
};

struct ChunkRecord {
  Chunk chunk;
  bool done = false;
  uint64_t rows = 0;
};

struct DataSource {
  std::string name;
  std::string url;     // redacted
  std::string secret;  // the password, sealed with the state directory's key; empty if none
};

// The name of a data source that is a project's own and goes with it. Names that users give have
// no '/', so it cannot meet them.
std::string OwnDataSource(std::string_view project, std::string_view what);

// Projects, settings, the stage journal, chunks, findings and data sources, in one database file.
// Every write is durable on return; those of several threads share a sync. Several processes may
// have it open. Thread-safe.
class Metadata {
 public:
  // `path`: the SQLite file. METADATA_CORRUPT, METADATA_DISK_FULL, METADATA_VERSION (made by a
  // newer program).
  static std::unique_ptr<Metadata> Open(const std::string& path);
  virtual ~Metadata() = default;

  // Throws PROJECT_EXISTS.
  virtual ProjectRecord CreateProject(const std::string& name, const std::string& spec) = 0;
  virtual std::optional<ProjectRecord> FindProject(const std::string& name) = 0;
  virtual std::vector<ProjectRecord> Projects() = 0;
  virtual void SetState(int64_t project, const std::string& state, const std::string& cause) = 0;
  virtual void SetDesired(int64_t project, const std::string& desired) = 0;
  virtual void SetSpec(int64_t project, const std::string& spec) = 0;
  // With all that belongs to it, its own data sources among it, or nothing.
  virtual void DeleteProject(int64_t project) = 0;

  // Free-form settings and small facts of a project (start point, exit points, epochs, …).
  virtual void PutSetting(int64_t project, const std::string& key, const std::string& value) = 0;
  virtual std::optional<std::string> Setting(int64_t project, const std::string& key) = 0;
  virtual std::map<std::string, std::string> Settings(int64_t project,
                                                      const std::string& prefix) = 0;

  virtual void PutEntry(int64_t project, const JournalEntry& entry) = 0;
  virtual std::optional<JournalEntry> Entry(int64_t project, const std::string& stage,
                                            const std::string& object) = 0;
  virtual std::vector<JournalEntry> Entries(int64_t project, const std::string& stage) = 0;
  virtual void RemoveEntries(int64_t project, const std::string& stage) = 0;

  virtual void PutChunk(int64_t project, const Chunk& chunk) = 0;
  virtual void FinishChunk(int64_t project, uint64_t chunk, uint64_t rows) = 0;
  virtual std::vector<ChunkRecord> Chunks(int64_t project, const TableName& table) = 0;
  // The highest ever given, removed ones included: an id is never used twice.
  virtual uint64_t LastChunkId(int64_t project) = 0;
  virtual void RemoveChunks(int64_t project, const TableName& table) = 0;

  virtual int64_t AddFinding(int64_t project, const Finding& finding) = 0;
  virtual std::vector<Finding> Findings(int64_t project, const std::string& status) = 0;
  virtual std::optional<Finding> FindFinding(int64_t project, int64_t id) = 0;
  virtual void UpdateFinding(int64_t project, const Finding& finding) = 0;

  // Sealing: `secret` is given and returned in clear, stored sealed (libsodium secretbox, key file
  // beside the database with mode 0600).
  virtual void PutDataSource(const DataSource& source) = 0;
  virtual std::optional<DataSource> FindDataSource(const std::string& name) = 0;
  virtual std::vector<DataSource> DataSources() = 0;  // secrets left out
  virtual void RemoveDataSource(const std::string& name) = 0;
};

}  // namespace godwit
