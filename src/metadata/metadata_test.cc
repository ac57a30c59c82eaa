// SPDX-License-Identifier: Apache-2.0
#include "metadata/metadata.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>

#include "base/error.h"
#include "metadata/sqlite.h"

namespace godwit {
namespace {

using testing::ElementsAre;
using testing::SizeIs;

class MetadataTest : public testing::Test {
 protected:
  MetadataTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = testing::TempDir() + "metadata_" + std::to_string(getpid()) + test->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
  }
  ~MetadataTest() override { std::filesystem::remove_all(directory_); }

  std::string path() const { return directory_ + "/godwit.db"; }
  std::unique_ptr<Metadata> Open() const { return Metadata::Open(path()); }
  std::string CodeOfOpen() const {
    try {
      Open();
    } catch (const Error& error) {
      EXPECT_FALSE(error.fields().cause.empty());
      EXPECT_FALSE(error.fields().remedy.empty());
      return error.code();
    }
    return "opened";
  }

  std::string directory_;
};

TEST_F(MetadataTest, KeepsProjectsOverAReopen) {
  int64_t id = Open()->CreateProject("shop", R"({"a":1})").id;
  {
    auto metadata = Open();
    metadata->SetState(id, "running", "");
    metadata->SetDesired(id, "pause");
    metadata->PutSetting(id, "copy.a.b", std::string("x\0y", 3));
    metadata->PutEntry(id, {"schema", "a.b", "failed", "{}"});
    metadata->PutEntry(id, {"schema", "a.b", "done", R"({"n":1})"});
  }
  auto metadata = Open();
  auto project = metadata->FindProject("shop");
  ASSERT_TRUE(project);
  EXPECT_EQ(project->spec, R"({"a":1})");
  EXPECT_EQ(project->state, "running");
  EXPECT_EQ(project->desired, "pause");
  EXPECT_EQ(metadata->Setting(id, "copy.a.b"), std::string("x\0y", 3));
  EXPECT_THAT(metadata->Settings(id, "copy."), SizeIs(1));
  EXPECT_THAT(metadata->Settings(id, "other."), SizeIs(0));
  EXPECT_EQ(metadata->Entry(id, "schema", "a.b")->status, "done");
  EXPECT_THAT(metadata->Entries(id, "schema"), SizeIs(1));
}

TEST_F(MetadataTest, ANameIsGivenOnce) {
  auto metadata = Open();
  metadata->CreateProject("shop", "{}");
  try {
    metadata->CreateProject("shop", "{}");
    FAIL() << "made twice";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "PROJECT_EXISTS");
  }
  EXPECT_THAT(metadata->Projects(), SizeIs(1));
}

TEST_F(MetadataTest, AProjectTakesItsThingsWithIt) {
  auto metadata = Open();
  int64_t id = metadata->CreateProject("shop", "{}").id;
  metadata->PutSetting(id, "k", "v");
  metadata->PutChunk(id, {.id = 1, .table = {"a", "b"}});
  metadata->AddFinding(id, {.stage = "schema", .status = "open"});
  for (const std::string& name : {OwnDataSource("shop", "source"), OwnDataSource("shop", "a/b"),
                                  OwnDataSource("shop2", "source"), std::string("shop")}) {
    metadata->PutDataSource({name, "mysql://root@h:1", "hunter2"});
  }
  metadata->DeleteProject(id);
  EXPECT_FALSE(metadata->Setting(id, "k"));
  EXPECT_THAT(metadata->Chunks(id, {"a", "b"}), SizeIs(0));
  EXPECT_THAT(metadata->Findings(id, ""), SizeIs(0));
  EXPECT_FALSE(metadata->FindDataSource(OwnDataSource("shop", "source")));
  EXPECT_FALSE(metadata->FindDataSource(OwnDataSource("shop", "a/b")));
  EXPECT_THAT(metadata->DataSources(), SizeIs(2)) << "another's and the user's";
  EXPECT_NE(metadata->CreateProject("shop", "{}").id, id);
}

TEST_F(MetadataTest, KeepsChunksWithAnyBytes) {
  auto metadata = Open();
  int64_t id = metadata->CreateProject("shop", "{}").id;
  const Chunk first{.id = 1,
                    .table = {"a", "b"},
                    .generation = 2,
                    .range = {std::nullopt, KeyTuple{std::string("\0\xff", 2), ""}}};
  const Chunk second{.id = 2,
                     .table = {"a", "b"},
                     .generation = 2,
                     .range = {first.range.through, std::nullopt},
                     .is_last = true};
  metadata->PutChunk(id, first);
  metadata->PutChunk(id, second);
  metadata->FinishChunk(id, 2, 77);
  auto chunks = Open()->Chunks(id, {"a", "b"});
  ASSERT_THAT(chunks, SizeIs(2));
  EXPECT_EQ(chunks[0].chunk.range, first.range);
  EXPECT_EQ(chunks[0].chunk.generation, 2u);
  EXPECT_FALSE(chunks[0].done);
  EXPECT_EQ(chunks[1].chunk.range, second.range);
  EXPECT_TRUE(chunks[1].chunk.is_last);
  EXPECT_TRUE(chunks[1].done);
  EXPECT_EQ(chunks[1].rows, 77u);
}

TEST_F(MetadataTest, AChunkIdIsNeverUsedTwice) {
  auto metadata = Open();
  int64_t id = metadata->CreateProject("shop", "{}").id;
  metadata->PutChunk(id, {.id = 9, .table = {"a", "b"}});
  EXPECT_THROW(metadata->PutChunk(id, {.id = 9, .table = {"a", "c"}}), Error);
  metadata->RemoveChunks(id, {"a", "b"});
  EXPECT_THAT(metadata->Chunks(id, {"a", "b"}), SizeIs(0));
  EXPECT_EQ(Open()->LastChunkId(id), 9u);
}

TEST_F(MetadataTest, WritesOfManyThreadsAllHold) {
  auto metadata = Open();
  int64_t id = metadata->CreateProject("shop", "{}").id;
  std::vector<std::jthread> threads;
  std::atomic<int> refused{0};
  for (uint64_t t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (uint64_t i = 0; i < 50; ++i) {
        metadata->PutChunk(id, {.id = t * 50 + i + 1, .table = {"a", "b"}});
        // One that fails takes no other with it.
        try {
          metadata->CreateProject("shop", "{}");
        } catch (const Error&) {
          ++refused;
        }
      }
    });
  }
  threads.clear();
  EXPECT_THAT(Open()->Chunks(id, {"a", "b"}), SizeIs(400));
  EXPECT_EQ(refused, 400);
}

TEST_F(MetadataTest, TwoOpensSeeEachOther) {
  auto one = Open();
  auto other = Open();
  int64_t id = one->CreateProject("shop", "{}").id;
  int64_t finding = one->AddFinding(
      id,
      {.stage = "incremental", .kind = "ddl", .object = "a.b", .status = "open", .detail = "{}"});
  auto seen = other->FindFinding(id, finding);
  ASSERT_TRUE(seen);
  seen->status = "edited";
  seen->answer = "ALTER TABLE b ADD c INT";
  other->UpdateFinding(id, *seen);
  EXPECT_EQ(one->FindFinding(id, finding)->answer, "ALTER TABLE b ADD c INT");
  EXPECT_THAT(one->Findings(id, "open"), SizeIs(0));
  EXPECT_THAT(one->Findings(id, ""), SizeIs(1));
}

// The end of another process must not take the log file away under this one.
TEST_F(MetadataTest, OutlivesAnotherProcess) {
  int64_t id = Open()->CreateProject("shop", "{}").id;
  int go[2];
  ASSERT_EQ(pipe(go), 0);
  const pid_t child = fork();
  ASSERT_GE(child, 0);
  if (child == 0) {
    char byte;
    const bool told = read(go[0], &byte, 1) == 1;
    if (told) Open()->SetDesired(id, "pause");
    _exit(told ? 0 : 1);
  }
  auto metadata = Open();
  metadata->SetState(id, "running", "");
  ASSERT_EQ(write(go[1], "x", 1), 1);
  int status = -1;
  ASSERT_EQ(waitpid(child, &status, 0), child);
  EXPECT_EQ(status, 0);
  close(go[0]);
  close(go[1]);
  EXPECT_EQ(metadata->FindProject("shop")->desired, "pause");
  metadata->SetState(id, "paused", "");
  EXPECT_TRUE(std::filesystem::exists(path() + "-wal"));
  metadata.reset();
  EXPECT_EQ(Open()->FindProject("shop")->state, "paused");
}

TEST_F(MetadataTest, SealsSecrets) {
  Open()->PutDataSource({"prod", "mysql://root@h:1/", "hunter2"});
  struct stat status;
  ASSERT_EQ(stat((directory_ + "/godwit.key").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  ASSERT_EQ(stat(path().c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  auto metadata = Open();
  EXPECT_EQ(metadata->FindDataSource("prod")->secret, "hunter2");
  EXPECT_EQ(metadata->DataSources()[0].secret, "");
  EXPECT_FALSE(metadata->FindDataSource("test"));
  metadata->PutDataSource({"gone", "mysql://root@h:1/", "x"});
  metadata->RemoveDataSource("gone");
  EXPECT_FALSE(metadata->FindDataSource("gone"));
  for (const auto& file : std::filesystem::directory_iterator(directory_)) {
    std::ifstream in(file.path(), std::ios::binary);
    std::string bytes((std::istreambuf_iterator<char>(in)), {});
    EXPECT_EQ(bytes.find("hunter2"), std::string::npos) << file.path();
  }
}

TEST_F(MetadataTest, AnotherKeyDoesNotOpenASecret) {
  Open()->PutDataSource({"prod", "mysql://root@h:1/", "hunter2"});
  std::filesystem::remove(directory_ + "/godwit.key");
  auto metadata = Open();
  EXPECT_THROW(metadata->FindDataSource("prod"), Error);
}

TEST_F(MetadataTest, TellsOfACorruptFile) {
  std::ofstream(path()) << std::string(8192, 'x');
  EXPECT_EQ(CodeOfOpen(), "METADATA_CORRUPT");
}

TEST_F(MetadataTest, TellsOfADamagedPage) {
  {
    auto metadata = Open();
    int64_t id = metadata->CreateProject("shop", "{}").id;
    for (uint64_t i = 1; i <= 200; ++i) metadata->PutChunk(id, {.id = i, .table = {"a", "b"}});
  }
  {
    std::fstream file(path(), std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 12; ++page) {
      file.seekp(page * 4096);
      file << std::string(64, '\xee');
    }
  }
  EXPECT_EQ(CodeOfOpen(), "METADATA_CORRUPT");
}

TEST_F(MetadataTest, RefusesAFileOfANewerProgram) {
  Open();
  Sqlite(path()).Execute("UPDATE schema_version SET version = 99");
  EXPECT_EQ(CodeOfOpen(), "METADATA_VERSION");
}

TEST_F(MetadataTest, TellsOfADirectoryThatIsNotThere) {
  std::filesystem::remove_all(directory_);
  EXPECT_EQ(CodeOfOpen(), "METADATA_UNWRITABLE");
}

TEST_F(MetadataTest, TellsOfAFullDisk) {
  auto metadata = Open();
  int64_t id = metadata->CreateProject("shop", "{}").id;
  Sqlite db(path());
  db.Execute("PRAGMA max_page_count=40");
  try {
    for (int i = 0; i < 1000; ++i) {
      db.Query("INSERT INTO setting VALUES (?, ?, ?)")
          .Bind(id)
          .Bind("k" + std::to_string(i))
          .BindBlob(std::string(4096, 'x'))
          .Run();
    }
    FAIL() << "the file grew past its limit";
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), "METADATA_DISK_FULL");
  }
  metadata->PutSetting(id, "after", "1");
  EXPECT_EQ(metadata->Setting(id, "after"), "1");
}

}  // namespace
}  // namespace godwit
