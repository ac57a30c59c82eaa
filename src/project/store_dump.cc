// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "model/object_rules.h"
#include "project/projects.h"

namespace godwit {
namespace {

constexpr int kAttemptsToDump = 100;

// One pass over the Log as it was when it was opened.
class Dump {
 public:
  Dump(const DumpRequest& request, const Projects::OnPart& on_part)
      : request_(request), on_part_(on_part) {}

  // Throws what reading throws; called again it goes on behind the last whole transaction.
  void Run(Store& store, std::stop_token stop) {
    const Sequence last = store.last();
    const StoreStatus status = store.status();
    if (!begun_) {
      after_ = request_.from_us ? store.FindTime(*request_.from_us - 1) : 0;
      after_ = std::max(after_, status.first == 0 ? last : status.first - 1);
      begun_ = true;
    }
    auto reader = store.Read(after_);
    while (after_ < last) {
      auto transaction = reader->NextTransaction(Deadline::In({}), stop);
      if (!transaction) return;
      if (request_.to_us && transaction->source_time_us > *request_.to_us) return;
      Parts(*transaction, *reader);
      after_ = transaction->sequence;
      parts_told_ = 0;
    }
  }

 private:
  void Parts(const LoggedTransaction& transaction, LogReader& reader) {
    LogPart part;
    for (int index = 0; reader.NextPart(part); ++index) {
      if (index < parts_told_ || !Concerns(part)) continue;
      if (head_of_ != transaction.sequence) on_part_(transaction, -1, nullptr);
      head_of_ = transaction.sequence;
      on_part_(transaction, index, &part);
      parts_told_ = index + 1;
    }
  }

  bool Concerns(const LogPart& part) const {
    if (request_.table.empty()) return true;
    auto matches = [&](const TableName& table) {
      return MatchesPattern(request_.table, table.ToString());
    };
    if (part.kind == LogPart::Kind::kRows) return matches(part.rows.table->name);
    return matches(part.ddl.table) ||
           std::any_of(part.ddl.tables.begin(), part.ddl.tables.end(), matches);
  }

  const DumpRequest& request_;
  const Projects::OnPart& on_part_;
  bool begun_ = false;
  Sequence after_ = 0;
  int parts_told_ = 0;    // of the transaction behind after_
  Sequence head_of_ = 0;  // the transaction whose head was told; sequences begin at 1
};

}  // namespace

void Projects::StoreDump(const std::string& name, const DumpRequest& request, const OnPart& on_part,
                         std::stop_token stop) const {
  Find(name);
  // A directory without this file was never opened to write.
  if (!std::filesystem::exists(directory_.store(name) + "/CURRENT")) {
    throw Error({.code = "STORE_EMPTY",
                 .kind = ErrorKind::kBlocked,
                 .object = name,
                 .message = fmt::format("project {} has stored no changes", name),
                 .cause = "it has not followed its source yet",
                 .remedy = "run it with the type incremental first"});
  }
  Dump dump(request, on_part);
  for (int attempt = 1;; ++attempt) {
    auto store = Store::OpenToRead(directory_.store(name));
    try {
      return dump.Run(*store, stop);
    } catch (const Error& error) {
      // The process that runs the project has replaced a file: a new look finds its successor.
      if (error.code() != "STORE_IO" || attempt == kAttemptsToDump) throw;
    }
  }
}

}  // namespace godwit
