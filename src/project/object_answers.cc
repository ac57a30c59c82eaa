// SPDX-License-Identifier: Apache-2.0
#include "project/object_answers.h"

#include <nlohmann/json.hpp>
#include <vector>

#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

namespace {

BlockedItem ItemOf(const JournalEntry& entry) {
  const json detail = json::parse(entry.detail);
  return {.stage = entry.stage,
          .kind = "object",
          .object = entry.object,
          .statement = detail.value("source", ""),
          .converted = detail.value("converted", ""),
          .error = Error(ErrorFromJson(detail.value("error", json::object())))};
}

void Obey(Metadata& metadata, int64_t project, const JournalEntry& entry, const Answer& answer) {
  StageJournal journal(metadata, project, entry.stage);
  json detail = json::parse(entry.detail);
  switch (answer.choice) {
    case Answer::Choice::kRetry:
      return journal.Put(entry.object, "pending", detail);
    case Answer::Choice::kSkip:
      return journal.Put(entry.object, "skipped", detail);
    case Answer::Choice::kDone:
      detail["kept"] = true;  // it is the user's now
      return journal.Put(entry.object, "done", detail);
    case Answer::Choice::kEdit:
      detail["edited"] = answer.statement;
      return journal.Put(entry.object, "pending", detail);
  }
}

std::vector<JournalEntry> FailedOf(Metadata& metadata, int64_t project, const std::string& stage) {
  std::vector<JournalEntry> entries = metadata.Entries(project, stage);
  std::erase_if(entries, [](const JournalEntry& entry) { return entry.status != "failed"; });
  return entries;
}

}  // namespace

void ObeyGivenAnswers(Metadata& metadata, int64_t project, const std::string& stage,
                      const AskUser& ask) {
  for (const JournalEntry& entry : FailedOf(metadata, project, stage)) {
    if (auto answer = ask.Given(ItemOf(entry))) Obey(metadata, project, entry, *answer);
  }
}

void AskAboutFailed(Metadata& metadata, int64_t project, const std::string& stage,
                    const AskUser& ask, std::stop_token stop) {
  // What another process has decided while one was waited for is decided.
  auto failed_now = [&](const std::string& object) {
    auto entry = metadata.Entry(project, stage, object);
    return entry && entry->status == "failed" ? entry : std::nullopt;
  };
  for (const JournalEntry& entry : FailedOf(metadata, project, stage)) {
    const auto before = failed_now(entry.object);
    if (!before) continue;
    const Answer answer = ask(ItemOf(*before), stop);
    if (const auto now = failed_now(entry.object)) Obey(metadata, project, *now, answer);
  }
}

}  // namespace godwit
