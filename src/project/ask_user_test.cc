// SPDX-License-Identifier: Apache-2.0
#include "project/ask_user.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <string>

namespace godwit {
namespace {

using namespace std::chrono_literals;
using testing::SizeIs;

constexpr LogSpan kTransaction{.first = 7, .last = 7};

// Rows of this table all look like this.
BlockedItem RowOf(const std::string& digest, LogSpan span = kTransaction, uint64_t alike = 0) {
  return {.stage = "incremental",
          .kind = "row",
          .object = "d.t",
          .statement = "insert of a='1'",
          .converted = "",
          .span = span,
          .row = digest,
          .alike = alike,
          .error = Error({.code = "VALUE_REFUSED", .message = "too long"})};
}

std::string TextOf(const std::optional<Answer>& answer) {
  if (!answer) return "no answer";
  switch (answer->choice) {
    case Answer::Choice::kRetry:
      return "retry";
    case Answer::Choice::kSkip:
      return "skip";
    case Answer::Choice::kDone:
      return "done";
    case Answer::Choice::kEdit:
      return "edit";
  }
  return "";
}

class AskUserTest : public testing::Test {
 protected:
  AskUserTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    directory_ = testing::TempDir() + "ask_user_" + std::to_string(getpid()) + test->name();
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    metadata_ = Metadata::Open(directory_ + "/godwit.db");
    Begin("p");
  }
  ~AskUserTest() override {
    metadata_.reset();
    std::filesystem::remove_all(directory_);
  }

  void Begin(const std::string& project) { id_ = metadata_->CreateProject(project, "{}").id; }
  // Nobody is there to answer now.
  std::string Ask(const BlockedItem& item) {
    try {
      return TextOf(MakeAskUser(*metadata_, id_, 0ms)(item, {}));
    } catch (const Error&) {
      return "no answer";
    }
  }
  std::string Given(const BlockedItem& item) {
    return TextOf(MakeAskUser(*metadata_, id_, 0ms).Given(item));
  }
  // To the only open item, while nobody runs.
  void Resolve(const std::string& choice) {
    std::vector<Finding> open = metadata_->Findings(id_, "open");
    ASSERT_THAT(open, SizeIs(1));
    open[0].status = choice;
    metadata_->UpdateFinding(id_, open[0]);
  }

  std::string directory_;
  std::unique_ptr<Metadata> metadata_;
  int64_t id_ = 0;
};

TEST_F(AskUserTest, AnAnswerIsForOneOfTheRowsThatLookTheSame) {
  EXPECT_EQ(Ask(RowOf("a")), "no answer");
  Resolve("done");
  EXPECT_EQ(Ask(RowOf("a")), "done");
  EXPECT_EQ(Ask(RowOf("b")), "no answer");
  Resolve("skip");
  EXPECT_EQ(Given(RowOf("b")), "skip");
  EXPECT_EQ(Given(RowOf("c")), "no answer");
  // After a crash before their commit.
  EXPECT_EQ(Given(RowOf("a")), "done");
  EXPECT_EQ(Ask(RowOf("b")), "skip");
  EXPECT_THAT(metadata_->Findings(id_, ""), SizeIs(2));
}

TEST_F(AskUserTest, RowsThatAreTheSameHaveAnAnswerEach) {
  for (uint64_t alike : {0, 1}) {
    EXPECT_EQ(Ask(RowOf("a", kTransaction, alike)), "no answer");
    Resolve("skip");
    EXPECT_EQ(Ask(RowOf("a", kTransaction, alike)), "skip");
  }
  for (uint64_t alike : {0, 1}) EXPECT_EQ(Given(RowOf("a", kTransaction, alike)), "skip");
  EXPECT_EQ(Given(RowOf("a", kTransaction, 2)), "no answer");
  EXPECT_THAT(SkippedOf(*metadata_, id_).rows, SizeIs(2));
}

TEST_F(AskUserTest, ARowThatIsTriedAgainLeavesTheOthersTheirAnswers) {
  EXPECT_EQ(Ask(RowOf("a")), "no answer");
  Resolve("retry");
  EXPECT_EQ(Given(RowOf("a")), "retry");
  EXPECT_EQ(Ask(RowOf("a")), "no answer");
  Resolve("done");
  EXPECT_EQ(Given(RowOf("a")), "done");
  EXPECT_EQ(Given(RowOf("a", kTransaction, 1)), "no answer");
}

TEST_F(AskUserTest, WhatAnEarlierVersionAskedIsAboutTheRowThatTakesIt) {
  for (const char* text : {"open", "done", "closed"}) {
    const std::string status = text;
    Begin(status);
    metadata_->AddFinding(id_, {.stage = "incremental",
                                .kind = "row",
                                .object = "d.t",
                                .status = status,
                                .detail = R"({"statement":"insert of a='1'","sequences":[7,7]})",
                                .answer = status == "closed" ? "done" : ""});
    if (status == "open") {
      EXPECT_EQ(Ask(RowOf("a")), "no answer");
      Resolve("done");
    }
    EXPECT_EQ(Given(RowOf("a")), "done") << status;
    EXPECT_EQ(Given(RowOf("b")), "no answer") << status;
    EXPECT_EQ(Ask(RowOf("b")), "no answer") << status;
    EXPECT_EQ(Ask(RowOf("a")), "done") << status;
    EXPECT_THAT(metadata_->Findings(id_, ""), SizeIs(2)) << status;
  }
}

TEST_F(AskUserTest, AnAnswerWithinAMergedWindowIsForOneOfItsTransactions) {
  EXPECT_EQ(Ask(RowOf("a", {3, 7})), "no answer");
  Resolve("skip");
  EXPECT_EQ(Ask(RowOf("a", {3, 9})), "skip");
  EXPECT_EQ(Given(RowOf("a", {4, 4})), "skip");
  EXPECT_EQ(Ask(RowOf("a", {6, 6})), "no answer");
  EXPECT_EQ(Ask(RowOf("a", {4, 4})), "skip");
}

// The run that took the answer may end before it has noted so.
TEST_F(AskUserTest, ARowOfACopyIsGivenUpOnce) {
  EXPECT_EQ(Ask(RowOf("a", {})), "no answer");
  Resolve("skip");
  for (int run = 0; run < 2; ++run) EXPECT_EQ(Ask(RowOf("a", {})), "skip");
  EXPECT_THAT(SkippedOf(*metadata_, id_).rows, SizeIs(1));
  EXPECT_EQ(Ask(RowOf("b", {})), "no answer");
  Resolve("done");  // the row may be taken out again
  EXPECT_EQ(Ask(RowOf("b", {})), "done");
  EXPECT_EQ(Ask(RowOf("b", {})), "no answer");
}

TEST_F(AskUserTest, ARowIsKnownWhateverItsTextHolds) {
  BlockedItem item = RowOf("a");
  item.statement = "insert of a='\xff'";  // is not kept
  for (const LogSpan& span : {kTransaction, LogSpan{}}) {
    item.span = span;
    item.error = item.error.WithContext(item.statement);
    EXPECT_EQ(Ask(item), "no answer");
    Resolve("done");
    EXPECT_EQ(Ask(item), "done");
  }
}

}  // namespace
}  // namespace godwit
