// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <gtest/gtest.h>
#include <rocksdb/env.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "store/store.h"

namespace godwit {

namespace fs = std::filesystem;

inline TableSchemaPtr MakeTable(const std::string& name) {
  auto table = std::make_shared<TableSchema>();
  table->name = {"shop", name};
  table->columns.resize(2);
  table->columns[0].name = "id";
  table->columns[1].name = "note";
  return table;
}

// A Store of a table shop.orders (id, note) in a directory of its own.
class StoreTest : public testing::Test {
 protected:
  void SetUp() override {
    const auto* info = testing::UnitTest::GetInstance()->current_test_info();
    path_ = fs::temp_directory_path() / ("godwit_store_test." + std::to_string(getpid())) /
            info->name();
    fs::remove_all(path_);
    fs::create_directories(path_);
    Reopen();
    table_ = MakeTable("orders");
    store_->AddSchemas({{store_->NextSchemaVersion(), table_->name, table_}});
  }
  void TearDown() override {
    store_.reset();
    fs::remove_all(path_);
  }

  void Reopen() {
    store_.reset();
    store_ = Store::Open(path_ / "store", options_);
  }
  // As after a power cut: what the files hold now, opened elsewhere.
  void ReopenCopy() {
    const fs::path copy = path_ / "copy";
    fs::remove_all(copy);
    fs::copy(path_ / "store", copy, fs::copy_options::recursive);
    store_.reset();
    fs::remove_all(path_ / "store");
    fs::rename(copy, path_ / "store");
    Reopen();
  }

  RowsChange Rows(const std::vector<std::string>& notes) {
    RowsChange change;
    change.table = table_;
    change.schema_version = 1;
    change.after.Reset(2);
    for (const std::string& note : notes) {
      change.after.Add(std::to_string(note.size()));
      change.after.Add(note);
    }
    return change;
  }
  LoggedTransaction Info(const std::string& name, int64_t time_us = 0) {
    LoggedTransaction info;
    info.transaction = name;
    info.source_time_us = time_us;
    info.position = {"after " + name};
    info.restart = {"before " + name};
    return info;
  }
  Sequence CommitOne(const std::string& name, const std::vector<std::string>& notes,
                     int64_t time_us = 0) {
    const uint64_t spool = store_->BeginTransaction();
    for (const std::string& note : notes) store_->AppendRows(spool, Rows({note}));
    return store_->Commit(spool, Info(name, time_us), {});
  }
  void Sync() { store_->Sync(store_->position(), store_->restart()); }

  static std::vector<std::string> Notes(LogReader& reader) {
    std::vector<std::string> notes;
    LogPart part;
    while (reader.NextPart(part)) {
      if (part.kind == LogPart::Kind::kDdl) {
        notes.push_back(part.ddl.statement);
        continue;
      }
      EXPECT_EQ(part.rows.table->name.table, "orders");
      for (size_t row = 0; row < part.rows.after.rows(); ++row) {
        notes.emplace_back(part.rows.after.cell(row, 1));
      }
    }
    return notes;
  }
  static std::optional<LoggedTransaction> Next(LogReader& reader) {
    return reader.NextTransaction(Deadline::In(std::chrono::milliseconds(0)), {});
  }
  // "name: note, note; name: …"
  std::string Content(Sequence after = 0) {
    auto reader = store_->Read(after);
    std::string out;
    while (auto transaction = Next(*reader)) {
      out += transaction->transaction + ":";
      const auto notes = Notes(*reader);
      EXPECT_GE(transaction->parts, notes.empty() ? 0u : 1u);
      for (const std::string& note : notes) out += " " + note;
      out += ";";
    }
    return out;
  }
  template <typename Call>
  static std::string CodeOf(Call call) {
    try {
      call();
    } catch (const Error& error) {
      EXPECT_FALSE(error.fields().cause.empty());
      EXPECT_FALSE(error.fields().remedy.empty());
      return error.code();
    }
    return "";
  }

  fs::path path_;
  StoreOptions options_;
  std::unique_ptr<Store> store_;
  TableSchemaPtr table_;
};

// A disk that is full once armed.
class FullDiskEnv : public rocksdb::EnvWrapper {
 public:
  FullDiskEnv() : EnvWrapper(rocksdb::Env::Default()) {}
  const char* Name() const override { return "FullDiskEnv"; }

  rocksdb::Status NewWritableFile(const std::string& name,
                                  std::unique_ptr<rocksdb::WritableFile>* file,
                                  const rocksdb::EnvOptions& options) override {
    rocksdb::Status status = target()->NewWritableFile(name, file, options);
    if (status.ok()) *file = std::make_unique<File>(std::move(*file), is_full);
    return status;
  }

  std::atomic<bool> is_full{false};

 private:
  class File : public rocksdb::WritableFileWrapper {
   public:
    File(std::unique_ptr<rocksdb::WritableFile> file, std::atomic<bool>& is_full)
        : WritableFileWrapper(file.get()), file_(std::move(file)), is_full_(is_full) {}
    rocksdb::Status Append(const rocksdb::Slice& data) override {
      return is_full_ ? rocksdb::Status::NoSpace("armed") : file_->Append(data);
    }
    rocksdb::Status Append(const rocksdb::Slice& data,
                           const rocksdb::DataVerificationInfo& info) override {
      return is_full_ ? rocksdb::Status::NoSpace("armed") : file_->Append(data, info);
    }

   private:
    std::unique_ptr<rocksdb::WritableFile> file_;
    std::atomic<bool>& is_full_;
  };
};

}  // namespace godwit
