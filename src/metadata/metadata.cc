// SPDX-License-Identifier: Apache-2.0
#include "metadata/metadata.h"

#include <fmt/format.h>

#include <chrono>
#include <filesystem>

#include "base/byte_reader.h"
#include "base/byte_writer.h"
#include "base/clock.h"
#include "base/error.h"
#include "metadata/group_commit.h"
#include "metadata/schema.h"
#include "metadata/secret_box.h"

namespace godwit {
namespace {

std::string EncodeRange(const KeyRange& range) {
  std::string out;
  for (const auto* end : {&range.after, &range.through}) {
    out.push_back(end->has_value() ? 1 : 0);
    if (!end->has_value()) continue;
    AppendVarint(out, (*end)->size());
    for (const std::string& cell : **end) AppendLengthPrefixed(out, cell);
  }
  return out;
}

KeyRange DecodeRange(std::string_view bytes) {
  ByteReader in(bytes, "chunk range");
  KeyRange range;
  for (auto* end : {&range.after, &range.through}) {
    if (in.U8() == 0) continue;
    KeyTuple& key = end->emplace();
    for (uint64_t n = in.Varint(); n > 0; --n) key.emplace_back(in.LengthPrefixed());
  }
  return range;
}

ProjectRecord ReadProject(const SqliteQuery& q) {
  return {q.Int(0), q.Text(1), q.Text(2), q.Text(3), q.Text(4), q.Text(5), q.Int(6)};
}

Finding ReadFinding(const SqliteQuery& q) {
  return {q.Int(0), q.Text(1), q.Text(2), q.Text(3), q.Text(4), q.Text(5), q.Text(6)};
}

JournalEntry ReadEntry(const SqliteQuery& q) {
  return {q.Text(0), q.Text(1), q.Text(2), q.Text(3), q.Int(4)};
}

class SqliteMetadata : public Metadata {
 public:
  explicit SqliteMetadata(const std::string& path)
      : reader_(path),
        box_((MigrateMetadata(reader_, path),
              std::filesystem::path(path).replace_extension("key").string())),
        writer_(path) {}

  ProjectRecord CreateProject(const std::string& name, const std::string& spec) override {
    ProjectRecord made{.name = name,
                       .spec = spec,
                       .state = "not_started",
                       .desired = "run",
                       .created_us = NowUs()};
    writer_.Run([&](Sqlite& db) {
      if (db.Query("SELECT 1 FROM project WHERE name = ?").Bind(name).Next()) {
        throw Error({.code = "PROJECT_EXISTS",
                     .kind = ErrorKind::kBlocked,
                     .object = name,
                     .message = fmt::format("there is a project {} already", name),
                     .cause = "the name is taken in this state directory",
                     .remedy = "resume that project, or give another --name"});
      }
      db.Query(
            "INSERT INTO project (name, spec, state, desired, cause, created_us)"
            " VALUES (?, ?, ?, ?, '', ?)")
          .Bind(name)
          .Bind(spec)
          .Bind(made.state)
          .Bind(made.desired)
          .Bind(made.created_us)
          .Run();
      made.id = db.last_insert_id();
    });
    return made;
  }

  std::optional<ProjectRecord> FindProject(const std::string& name) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT id, name, spec, state, desired, cause, created_us"
        " FROM project WHERE name = ?");
    if (!q.Bind(name).Next()) return {};
    return ReadProject(q);
  }

  std::vector<ProjectRecord> Projects() override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT id, name, spec, state, desired, cause, created_us"
        " FROM project ORDER BY name");
    std::vector<ProjectRecord> out;
    while (q.Next()) out.push_back(ReadProject(q));
    return out;
  }

  void SetState(int64_t project, const std::string& state, const std::string& cause) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("UPDATE project SET state = ?, cause = ? WHERE id = ?")
          .Bind(state)
          .Bind(cause)
          .Bind(project)
          .Run();
    });
  }

  void SetDesired(int64_t project, const std::string& desired) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("UPDATE project SET desired = ? WHERE id = ?").Bind(desired).Bind(project).Run();
    });
  }

  void SetSpec(int64_t project, const std::string& spec) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("UPDATE project SET spec = ? WHERE id = ?").Bind(spec).Bind(project).Run();
    });
  }

  void DeleteProject(int64_t project) override {
    writer_.Run([&](Sqlite& db) {
      auto name = db.Query("SELECT name FROM project WHERE id = ?");
      if (!name.Bind(project).Next()) return;
      const std::string prefix = OwnDataSource(name.Text(0), "");
      db.Query("DELETE FROM data_source WHERE substr(name, 1, length(?1)) = ?1").Bind(prefix).Run();
      db.Query("DELETE FROM project WHERE id = ?").Bind(project).Run();
    });
  }

  void PutSetting(int64_t project, const std::string& key, const std::string& value) override {
    writer_.Run([&](Sqlite& db) {
      db.Query(
            "INSERT INTO setting VALUES (?, ?, ?)"
            " ON CONFLICT DO UPDATE SET value = excluded.value")
          .Bind(project)
          .Bind(key)
          .BindBlob(value)
          .Run();
    });
  }

  std::optional<std::string> Setting(int64_t project, const std::string& key) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query("SELECT value FROM setting WHERE project = ? AND key = ?");
    if (!q.Bind(project).Bind(key).Next()) return {};
    return q.Text(0);
  }

  std::map<std::string, std::string> Settings(int64_t project, const std::string& prefix) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT key, value FROM setting"
        " WHERE project = ?1 AND substr(key, 1, length(?2)) = ?2");
    q.Bind(project).Bind(prefix);
    std::map<std::string, std::string> out;
    while (q.Next()) out[q.Text(0)] = q.Text(1);
    return out;
  }

  void PutEntry(int64_t project, const JournalEntry& entry) override {
    const int64_t now = NowUs();
    writer_.Run([&](Sqlite& db) {
      db.Query(
            "INSERT INTO journal VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET"
            " status = excluded.status, detail = excluded.detail,"
            " updated_us = excluded.updated_us")
          .Bind(project)
          .Bind(entry.stage)
          .Bind(entry.object)
          .Bind(entry.status)
          .Bind(entry.detail)
          .Bind(now)
          .Run();
    });
  }

  std::optional<JournalEntry> Entry(int64_t project, const std::string& stage,
                                    const std::string& object) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT stage, object, status, detail, updated_us FROM journal"
        " WHERE project = ? AND stage = ? AND object = ?");
    if (!q.Bind(project).Bind(stage).Bind(object).Next()) return {};
    return ReadEntry(q);
  }

  std::vector<JournalEntry> Entries(int64_t project, const std::string& stage) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT stage, object, status, detail, updated_us FROM journal"
        " WHERE project = ? AND stage = ? ORDER BY object");
    q.Bind(project).Bind(stage);
    std::vector<JournalEntry> out;
    while (q.Next()) out.push_back(ReadEntry(q));
    return out;
  }

  void RemoveEntries(int64_t project, const std::string& stage) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("DELETE FROM journal WHERE project = ? AND stage = ?")
          .Bind(project)
          .Bind(stage)
          .Run();
    });
  }

  void PutChunk(int64_t project, const Chunk& chunk) override {
    const std::string range = EncodeRange(chunk.range);
    const int64_t id = static_cast<int64_t>(chunk.id);
    writer_.Run([&](Sqlite& db) {
      db.Query(
            "INSERT INTO chunk (project, id, database_name, table_name, generation, key_range,"
            " is_last) VALUES (?, ?, ?, ?, ?, ?, ?)")
          .Bind(project)
          .Bind(id)
          .Bind(chunk.table.database)
          .Bind(chunk.table.table)
          .Bind(static_cast<int64_t>(chunk.generation))
          .BindBlob(range)
          .Bind(static_cast<int64_t>(chunk.is_last))
          .Run();
      db.Query("UPDATE project SET last_chunk = max(last_chunk, ?) WHERE id = ?")
          .Bind(id)
          .Bind(project)
          .Run();
    });
  }

  void FinishChunk(int64_t project, uint64_t chunk, uint64_t rows) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("UPDATE chunk SET done = 1, row_count = ? WHERE project = ? AND id = ?")
          .Bind(static_cast<int64_t>(rows))
          .Bind(project)
          .Bind(static_cast<int64_t>(chunk))
          .Run();
    });
  }

  std::vector<ChunkRecord> Chunks(int64_t project, const TableName& table) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT id, generation, key_range, is_last, done, row_count FROM chunk"
        " WHERE project = ? AND database_name = ? AND table_name = ?"
        " ORDER BY id");
    q.Bind(project).Bind(table.database).Bind(table.table);
    std::vector<ChunkRecord> out;
    while (q.Next()) {
      Chunk chunk{static_cast<uint64_t>(q.Int(0)), table, static_cast<uint64_t>(q.Int(1)),
                  DecodeRange(q.Text(2)), q.Int(3) != 0};
      out.push_back({std::move(chunk), q.Int(4) != 0, static_cast<uint64_t>(q.Int(5))});
    }
    return out;
  }

  uint64_t LastChunkId(int64_t project) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query("SELECT last_chunk FROM project WHERE id = ?");
    return q.Bind(project).Next() ? static_cast<uint64_t>(q.Int(0)) : 0;
  }

  void RemoveChunks(int64_t project, const TableName& table) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("DELETE FROM chunk WHERE project = ? AND database_name = ? AND table_name = ?")
          .Bind(project)
          .Bind(table.database)
          .Bind(table.table)
          .Run();
    });
  }

  int64_t AddFinding(int64_t project, const Finding& finding) override {
    int64_t id = 0;
    writer_.Run([&](Sqlite& db) {
      db.Query(
            "INSERT INTO finding (project, stage, kind, object, status, detail, answer)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)")
          .Bind(project)
          .Bind(finding.stage)
          .Bind(finding.kind)
          .Bind(finding.object)
          .Bind(finding.status)
          .Bind(finding.detail)
          .Bind(finding.answer)
          .Run();
      id = db.last_insert_id();
    });
    return id;
  }

  std::vector<Finding> Findings(int64_t project, const std::string& status) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT id, stage, kind, object, status, detail, answer FROM finding"
        " WHERE project = ?1 AND (?2 = '' OR status = ?2) ORDER BY id");
    q.Bind(project).Bind(status);
    std::vector<Finding> out;
    while (q.Next()) out.push_back(ReadFinding(q));
    return out;
  }

  std::optional<Finding> FindFinding(int64_t project, int64_t id) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query(
        "SELECT id, stage, kind, object, status, detail, answer FROM finding"
        " WHERE project = ? AND id = ?");
    if (!q.Bind(project).Bind(id).Next()) return {};
    return ReadFinding(q);
  }

  void UpdateFinding(int64_t project, const Finding& finding) override {
    writer_.Run([&](Sqlite& db) {
      db.Query("UPDATE finding SET status = ?, detail = ?, answer = ? WHERE project = ? AND id = ?")
          .Bind(finding.status)
          .Bind(finding.detail)
          .Bind(finding.answer)
          .Bind(project)
          .Bind(finding.id)
          .Run();
    });
  }

  void PutDataSource(const DataSource& source) override {
    const std::string sealed = source.secret.empty() ? "" : box_.Seal(source.secret);
    writer_.Run([&](Sqlite& db) {
      db.Query(
            "INSERT INTO data_source VALUES (?, ?, ?) ON CONFLICT DO UPDATE SET"
            " url = excluded.url, secret = excluded.secret")
          .Bind(source.name)
          .Bind(source.url)
          .BindBlob(sealed)
          .Run();
    });
  }

  std::optional<DataSource> FindDataSource(const std::string& name) override {
    MutexLock lock(mutex_);
    auto q = reader_.Query("SELECT name, url, secret FROM data_source WHERE name = ?");
    if (!q.Bind(name).Next()) return {};
    const std::string sealed = q.Text(2);
    return DataSource{q.Text(0), q.Text(1), sealed.empty() ? "" : box_.Unseal(sealed)};
  }

  std::vector<DataSource> DataSources() override {
    MutexLock lock(mutex_);
    auto q = reader_.Query("SELECT name, url FROM data_source ORDER BY name");
    std::vector<DataSource> out;
    while (q.Next()) out.push_back({q.Text(0), q.Text(1), ""});
    return out;
  }

  void RemoveDataSource(const std::string& name) override {
    writer_.Run(
        [&](Sqlite& db) { db.Query("DELETE FROM data_source WHERE name = ?").Bind(name).Run(); });
  }

 private:
  Mutex mutex_;
  Sqlite reader_ GUARDED_BY(mutex_);
  const SecretBox box_;
  GroupCommit writer_;
};

}  // namespace

std::string OwnDataSource(std::string_view project, std::string_view what) {
  return fmt::format("project/{}/{}", project, what);
}

std::unique_ptr<Metadata> Metadata::Open(const std::string& path) {
  return std::make_unique<SqliteMetadata>(path);
}

}  // namespace godwit
