// SPDX-License-Identifier: Apache-2.0
#include "project/projects.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <nlohmann/json.hpp>
#include <thread>

#include "project/ask_user.h"
#include "project/control_socket.h"
#include "project/object_answers.h"
#include "project/spec.h"
#include "project/view_json.h"
#include "stage/journal.h"

namespace godwit {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;
using testing::SizeIs;

constexpr char kFile[] = R"(
source = "mysql://root@a:1/"
destination = "@ob"
types = ["full", "schema"]
merge = true
certain = true
exclude = ["shop.tmp*"]
objects = ["shop.*=store",
           {rule = "shop.orders", where = "id > 10", columns = ["id", "n"], rename = {n = "m"}}]
[collations]
utf8mb4_0900_ai_ci = "utf8mb4_general_ci"
[limits]
readers = 2
rows_per_second = 1000
)";

std::string CodeOf(const std::function<void()>& run) {
  try {
    run();
  } catch (const Error& error) {
    EXPECT_FALSE(error.fields().cause.empty()) << error.what();
    EXPECT_FALSE(error.fields().remedy.empty()) << error.what();
    return error.code();
  }
  return "nothing";
}

TEST(ProjectFileTest, SaysEverything) {
  const ProjectSpec spec = MakeSpec(ParseProjectFile(kFile, "p.toml"));
  EXPECT_EQ(spec.source, "mysql://root@a:1");
  EXPECT_EQ(spec.destination, "@ob");
  EXPECT_THAT(spec.types, ElementsAre(MigrationType::kSchema, MigrationType::kFull));
  EXPECT_TRUE(spec.merge);
  EXPECT_TRUE(spec.certain);
  EXPECT_TRUE(SpecFromJson(ToJsonText(spec)).certain);
  EXPECT_EQ(spec.limits.readers, 2);
  EXPECT_EQ(spec.limits.rows_per_second, 1000u);
  EXPECT_EQ(spec.collations.at("utf8mb4_0900_ai_ci"), "utf8mb4_general_ci");
  auto orders = spec.rules.Find({"shop", "orders"});
  ASSERT_TRUE(orders);
  EXPECT_EQ(orders->where, "id > 10");
  EXPECT_EQ(orders->column_names.at("n"), "m");
  EXPECT_EQ(spec.rules.Find({"shop", "item"})->destination.database, "store");
  EXPECT_FALSE(spec.rules.Find({"shop", "tmp1"}));
  EXPECT_EQ(SpecFromJson(ToJsonText(spec)), spec);
}

TEST(ProjectFileTest, NamesTheLineThatIsWrong) {
  for (const auto& [text, words] : std::map<std::string, std::string>{
           {"\nsorce = \"x\"", "p.toml:2: 'sorce' is not known here"},
           {"merge = 1", "'merge' must be true or false"},
           {"objects = [\"shop\"]", "a '.' must follow"},
           {"[limits]\nreaders = 0", "p.toml:2: 'readers' must be a whole number above 0"},
           {"types = [\"fulll\"]", "'fulll' is no migration type"},
           {"exclude = [{rule = \"a.b\", where = \"x\"}]", "nothing but its pattern: a.b"},
           {"exclude = [\"a.b=c\"]", "nothing but its pattern: a.b=c"},
           {"objects = [", "p.toml:1"}}) {
    try {
      ParseProjectFile(text, "p.toml");
      ADD_FAILURE() << text;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), "CONFIG_INVALID");
      EXPECT_THAT(error.fields().message, HasSubstr(words));
    }
  }
}

TEST(ProjectRequestTest, FlagsWinOverTheFile) {
  ProjectRequest flags;
  flags.types = ParseTypes("verification");
  flags.limits["readers"] = 8;
  const ProjectSpec spec = MakeSpec(flags.Over(ParseProjectFile(kFile, "p.toml")));
  EXPECT_THAT(spec.types, ElementsAre(MigrationType::kVerification));
  EXPECT_EQ(spec.limits.readers, 8);
  EXPECT_EQ(spec.limits.rows_per_second, 1000u);
}

TEST(ProjectRequestTest, NamesDependOnEndsAndObjects) {
  ProjectSpec spec = MakeSpec(ParseProjectFile(kFile, "p.toml"));
  const std::string name = DefaultName(spec);
  CheckName(name);
  EXPECT_THAT(name, testing::StartsWith("shop-"));
  EXPECT_EQ(DefaultName(spec), name);
  spec.destination = "@other";
  EXPECT_NE(DefaultName(spec), name);
  for (const char* bad : {"", "a/b", "..", "-x", "a b"}) {
    EXPECT_EQ(CodeOf([&] { CheckName(bad); }), "NAME_INVALID") << bad;
  }
}

class ProjectsTest : public testing::Test {
 protected:
  ProjectsTest() {
    const auto* test = testing::UnitTest::GetInstance()->current_test_info();
    path_ = testing::TempDir() + "projects_" + std::to_string(getpid()) + test->name();
    std::filesystem::remove_all(path_);
    directory_.emplace(path_);
    metadata_ = Metadata::Open(directory_->metadata());
    for (const char* scheme : {"mysql", "oceanbase"}) {
      registry_.Add(scheme, [](const EndpointUrl&, Side) { return nullptr; });
    }
    projects_.emplace(*directory_, *metadata_, registry_);
  }
  ~ProjectsTest() override {
    metadata_.reset();
    std::filesystem::remove_all(path_);
  }

  static ProjectRequest Asked() {
    ProjectRequest request;
    request.source = "mysql://root:pa%3Ass@a:1/";
    request.destination = "mysql://root@b:2/";
    request.objects = {ObjectRule::Parse("shop.*")};
    return request;
  }
  void Begin(const StoredProject& project) {
    StageJournal(*metadata_, project.record.id, "stages").Put("precheck", "done", json::object());
  }

  std::string path_;
  std::optional<StateDirectory> directory_;
  std::unique_ptr<Metadata> metadata_;
  Registry registry_;
  std::optional<Projects> projects_;
};

TEST_F(ProjectsTest, KeepsPasswordsSealed) {
  const StoredProject project = projects_->Create(Asked());
  EXPECT_THAT(project.record.spec, testing::Not(HasSubstr("pa")));
  EXPECT_EQ(projects_->Ends(projects_->Find(project.record.name)).first.password, "pa:ss");
  EXPECT_THAT(projects_->DataSources(), IsEmpty());
  projects_->AddDataSource("prod", "mysql://root:x@a:1/");
  EXPECT_THAT(projects_->DataSources(), SizeIs(1));
  EXPECT_EQ(CodeOf([&] {
              ProjectRequest request = Asked();
              request.source = "@nope";
              projects_->Create(request);
            }),
            "DATA_SOURCE_UNKNOWN");
}

TEST_F(ProjectsTest, KeepsPasswordsOfReplicasSealed) {
  projects_->AddDataSource("r1", "mysql://watch:x@c:3/");
  ProjectRequest request = Asked();
  request.replicas = std::vector<std::string>{"mysql://watch:hunter2@d:4", "@r1", "mysql://w@e:5"};
  const StoredProject project = projects_->Create(request);
  const std::string& name = project.record.name;
  EXPECT_THAT(project.record.spec, Not(HasSubstr("hunter2")));
  EXPECT_THAT(project.spec.replicas, ElementsAre("mysql://watch@d:4", "@r1", "mysql://w@e:5"));
  auto password = [&](size_t i) {
    return projects_->Replica(name, projects_->Find(name).spec.replicas.at(i)).password;
  };
  EXPECT_EQ(password(0), "hunter2");
  EXPECT_EQ(password(1), "x");
  EXPECT_EQ(projects_->Replica(name, "@r1").host, "c");
  EXPECT_EQ(password(2), "");
  // In another place, and without its password.
  request.replicas = std::vector<std::string>{"mysql://w@e:5", "mysql://watch@d:4"};
  projects_->Create(request);
  EXPECT_EQ(password(0), "");
  EXPECT_EQ(password(1), "hunter2");
  request.replicas = std::vector<std::string>{"@nope"};
  EXPECT_EQ(CodeOf([&] { projects_->Create(request); }), "DATA_SOURCE_UNKNOWN");
  projects_->Release(name, {});
  EXPECT_THAT(metadata_->DataSources(), SizeIs(1));
}

TEST_F(ProjectsTest, OptionsThatNobodyKnowsAreRefusedBeforeAnythingIsStored) {
  const std::string misspelled = "mysql://root:hunter2@a:1/?tsl=verify";
  for (auto end : {&ProjectRequest::source, &ProjectRequest::destination}) {
    ProjectRequest request = Asked();
    request.*end = misspelled;
    EXPECT_EQ(CodeOf([&] { projects_->Create(request); }), "URL_OPTION_INVALID");
  }
  ProjectRequest request = Asked();
  request.replicas = {misspelled};
  EXPECT_EQ(CodeOf([&] { projects_->Create(request); }), "URL_OPTION_INVALID");
  EXPECT_EQ(CodeOf([&] { projects_->AddDataSource("a", misspelled); }), "URL_OPTION_INVALID");
  EXPECT_EQ(CodeOf([&] { projects_->TestDataSource(misspelled); }), "URL_OPTION_INVALID");
  EXPECT_THAT(projects_->List(), IsEmpty());
  EXPECT_THAT(metadata_->DataSources(), IsEmpty());
}

TEST_F(ProjectsTest, WhatAnotherProcessRunsByIsNotChanged) {
  ProjectRequest request = Asked();
  request.name = "p";
  const StoredProject before = projects_->Create(request);
  ProjectRequest only_name;
  only_name.name = "p";
  ProjectRequest other_objects = only_name;
  other_objects.objects = {ObjectRule::Parse("crm.*")};
  ProjectRequest other_password = only_name;
  other_password.source = "mysql://root:other@a:1/";
  {
    ProjectLock owner(directory_->project("p"));
    for (const ProjectRequest* asked : {&other_objects, &other_password}) {
      EXPECT_EQ(CodeOf([&] { projects_->Create(*asked); }), "PROJECT_BUSY");
    }
    EXPECT_EQ(projects_->Create(only_name).spec, before.spec);
    EXPECT_EQ(projects_->Find("p").spec, before.spec);
    EXPECT_EQ(projects_->Ends(before).first.password, "pa:ss");
  }
  projects_->Create(other_password);
  EXPECT_EQ(projects_->Ends(before).first.password, "other");
  projects_->Create(other_objects);
  EXPECT_TRUE(projects_->Find("p").spec.rules.Find({"crm", "t"}));
  // Nor does a run begin by what was stored before.
  EXPECT_EQ(CodeOf([&] { ProjectRun run(*projects_, before, before.spec, {}); }),
            "PROJECT_CHANGED");
}

TEST_F(ProjectsTest, WhatHasBegunKeepsItsObjects) {
  ProjectRequest request = Asked();
  request.name = "p";
  const StoredProject project = projects_->Create(request);
  request.exclude = {ObjectRule::Parse("shop.tmp")};
  EXPECT_EQ(projects_->Create(request).record.id, project.record.id);
  EXPECT_FALSE(projects_->Find("p").spec.rules.Find({"shop", "tmp"}));
  Begin(project);
  request.merge = true;  // may change at any time
  EXPECT_TRUE(projects_->Create(request).spec.merge);
  request.objects = {ObjectRule::Parse("crm.*")};
  EXPECT_EQ(CodeOf([&] { projects_->Create(request); }), "PROJECT_CONFLICT");
  ProjectRequest only_name;
  only_name.name = "p";
  EXPECT_EQ(projects_->Create(only_name).spec.source, "mysql://root@a:1");
  EXPECT_EQ(CodeOf([&] { projects_->Find("q"); }), "PROJECT_UNKNOWN");
}

TEST_F(ProjectsTest, OneProcessRunsAProject) {
  const std::string directory = directory_->project("p");
  {
    ProjectLock lock(directory);
    EXPECT_EQ(CodeOf([&] { ProjectLock second(directory); }), "PROJECT_BUSY");
    EXPECT_EQ(ProjectLock::Owner(directory), getpid());
  }
  EXPECT_FALSE(ProjectLock::Owner(directory));
  ProjectLock again(directory);
}

TEST_F(ProjectsTest, TheOwnerAnswersOnAPathOfAnyLength) {
  for (size_t length : {10, 200}) {
    const std::string path = path_ + "/" + std::string(length, 'd') + "/control.sock";
    std::filesystem::create_directories(std::filesystem::path(path).parent_path());
    EXPECT_FALSE(AskOwner(path, {{"do", "view"}}));
    {
      ControlServer server(path, [](const json& request) -> json {
        if (request["do"] == "view") return {{"view", 7}};
        throw Error({.code = "REQUEST_INVALID", .message = "m", .cause = "c", .remedy = "r"});
      });
      EXPECT_EQ((*AskOwner(path, {{"do", "view"}}))["view"], 7);
      EXPECT_EQ(CodeOf([&] { AskOwner(path, {{"do", "x"}}); }), "REQUEST_INVALID");
      EXPECT_EQ((*AskOwner(path, {{"do", "view"}}))["view"], 7);
    }
    EXPECT_FALSE(std::filesystem::exists(path));
  }
}

TEST_F(ProjectsTest, AnOwnerThatStandsStillIsNotWaitedFor) {
  sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
  const std::string path = path_ + "/control.sock";
  ASSERT_LT(path.size(), sizeof(address.sun_path));
  path.copy(address.sun_path, path.size());
  const auto* where = reinterpret_cast<const sockaddr*>(&address);
  const int owner = socket(AF_UNIX, SOCK_STREAM, 0);
  ASSERT_EQ(bind(owner, where, sizeof(address)), 0);
  ASSERT_EQ(listen(owner, 1), 0);
  std::vector<int> others;  // who asked before, until the queue is full
  do {
    others.push_back(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
  } while (connect(others.back(), where, sizeof(address)) == 0);
  EXPECT_FALSE(AskOwner(path, {{"do", "view"}}));
  for (int other : others) close(other);
  close(owner);
}

TEST_F(ProjectsTest, ABlockedItemWaitsForItsAnswer) {
  const StoredProject project = projects_->Create(Asked());
  const std::string& name = project.record.name;
  const BlockedItem item{.stage = "incremental",
                         .kind = "ddl",
                         .object = "shop.a",
                         .statement = "ALTER …",
                         .error = Error({.code = "DDL_NOT_CONVERTIBLE", .message = "no"})};
  // Nobody answers: its error comes out and the item stays.
  EXPECT_THROW(MakeAskUser(*metadata_, project.record.id, 0ms)(item, {}), Error);
  ASSERT_THAT(projects_->Status(name).view.open_findings, SizeIs(1));
  // Answered while nobody runs: the next run takes it.
  projects_->Resolve(name, "shop.a", {Answer::Choice::kSkip, ""});
  projects_->Resolve(name, "shop.a",
                     {Answer::Choice::kEdit, "ALTER TABLE a"});  // on second thoughts
  const Answer answer = MakeAskUser(*metadata_, project.record.id, 0ms)(item, {});
  EXPECT_EQ(answer.choice, Answer::Choice::kEdit);
  EXPECT_EQ(answer.statement, "ALTER TABLE a");
  // Blocked again: asked again, answered while it waits.
  std::jthread user([&] {
    while (projects_->Status(name).view.open_findings.empty()) std::this_thread::yield();
    const Finding finding = projects_->Status(name).view.open_findings[0];
    projects_->Resolve(name, std::to_string(finding.id), {Answer::Choice::kSkip, ""});
  });
  EXPECT_EQ(MakeAskUser(*metadata_, project.record.id, {})(item, {}).choice, Answer::Choice::kSkip);
  user.join();
  EXPECT_THAT(metadata_->Findings(project.record.id, "open"), IsEmpty());
  std::stop_source stop;
  stop.request_stop();
  EXPECT_THROW(MakeAskUser(*metadata_, project.record.id, {})(item, stop.get_token()), Stopped);
}

BlockedItem StatementAt(Sequence sequence) {
  return {.stage = "incremental",
          .kind = "ddl",
          .object = "shop.a",
          .statement = "DROP TABLE a",
          .span = {sequence, sequence},
          .error = Error({.code = "DDL_FAILED", .message = "no"})};
}

TEST_F(ProjectsTest, AnOldAnswerIsNoAnswerToWhatComesLater) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  const AskUser ask = MakeAskUser(*metadata_, id, 0ms);
  for (const char* kind : {"ddl", "row", "object"}) {
    BlockedItem item = StatementAt(7);
    item.kind = kind;
    EXPECT_THROW(ask(item, {}), Error);
    const Finding finding = projects_->Status(name).view.open_findings.at(0);
    projects_->Resolve(name, std::to_string(finding.id), {Answer::Choice::kSkip, ""});
    BlockedItem later = StatementAt(8);
    later.kind = kind;
    EXPECT_THROW(ask(later, {}), Error) << kind;
    EXPECT_FALSE(ask.Given(later)) << kind;
    // The same transaction in a merged window, and another error.
    item.span = {3, 7};
    item.error = Error({.code = "OTHER", .message = "other"});
    EXPECT_EQ(ask(item, {}).choice, Answer::Choice::kSkip) << kind;
    // It was of no use when the run ended before its commit: of its occasion it stands.
    EXPECT_EQ(ask(item, {}).choice, Answer::Choice::kSkip) << kind;
    EXPECT_THAT(metadata_->Findings(id, "closed"), Not(IsEmpty()));
    CloseFindings(*metadata_, id, "incremental");
    EXPECT_THAT(projects_->Status(name).view.open_findings, IsEmpty());
  }
}

TEST_F(ProjectsTest, AnAnswerIsTakenBeforeAnythingIsTried) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  const AskUser ask = MakeAskUser(*metadata_, id, 0ms);
  EXPECT_FALSE(ask.Given(StatementAt(7)));
  EXPECT_THAT(metadata_->Findings(id, ""), IsEmpty()) << "a look asks nobody";
  Sequence sequence = 7;
  for (const Answer& answer :
       {Answer{Answer::Choice::kRetry, ""}, Answer{Answer::Choice::kEdit, "DROP TABLE b"},
        Answer{Answer::Choice::kSkip, ""}, Answer{Answer::Choice::kDone, ""}}) {
    const BlockedItem item = StatementAt(++sequence);
    EXPECT_THROW(ask(item, {}), Error);
    EXPECT_FALSE(ask.Given(item)) << "nobody has answered";
    projects_->Resolve(name, "shop.a", answer);
    const auto given = ask.Given(item);
    ASSERT_TRUE(given);
    EXPECT_EQ(given->choice, answer.choice);
    EXPECT_EQ(given->statement, answer.statement);
    EXPECT_THAT(metadata_->Findings(id, "open"), IsEmpty());
    // What is given up stays so for a run that comes after a crash; the rest is asked again.
    const bool stands =
        answer.choice == Answer::Choice::kSkip || answer.choice == Answer::Choice::kDone;
    EXPECT_EQ(ask.Given(item).has_value(), stands);
  }
}

TEST_F(ProjectsTest, WhatIsMadeOfRowsCannotBeEdited) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  const AskUser ask = MakeAskUser(*metadata_, id, 0ms);
  for (const char* kind : {"row", "object", "ddl"}) {
    BlockedItem item = StatementAt(7);
    item.kind = kind;
    EXPECT_THROW(ask(item, {}), Error);
    const Finding finding = projects_->Status(name).view.open_findings.at(0);
    const bool is_statement = finding.kind == "ddl";
    EXPECT_EQ(CanBeEdited(finding), is_statement) << kind;
    EXPECT_EQ(CodeOf([&] {
                projects_->Resolve(name, std::to_string(finding.id),
                                   {Answer::Choice::kEdit, "DROP TABLE b"});
              }),
              is_statement ? "nothing" : "CHOICE_INVALID")
        << kind;
    projects_->Resolve(name, std::to_string(finding.id), {Answer::Choice::kSkip, ""});
    EXPECT_EQ(ask(item, {}).choice, Answer::Choice::kSkip);
  }
  EXPECT_TRUE(CanBeEdited({.stage = "schema", .kind = "object"}));
}

TEST_F(ProjectsTest, WhatHasPassedWaitsForNobody) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  const AskUser ask = MakeAskUser(*metadata_, id, 0ms);
  for (Sequence sequence : {5, 6, 7}) EXPECT_THROW(ask(StatementAt(sequence), {}), Error);
  const Finding answered = metadata_->Findings(id, "open").at(0);
  projects_->Resolve(name, std::to_string(answered.id), {Answer::Choice::kSkip, ""});
  EXPECT_TRUE(WaitsForAnswer(*metadata_, id, StatementAt(6).error));
  EXPECT_FALSE(WaitsForAnswer(*metadata_, id, Error({.code = "LOGIN_REFUSED"})));
  CloseFindings(*metadata_, id, "full");
  EXPECT_THAT(metadata_->Findings(id, "open"), SizeIs(2));
  CloseFindings(*metadata_, id, "incremental", 6);
  ASSERT_THAT(metadata_->Findings(id, "open"), SizeIs(1));
  EXPECT_EQ(SpanOf(metadata_->Findings(id, "open")[0]).last, 7u);
  // An answer that was not needed left nothing out.
  EXPECT_THAT(projects_->Status(name).skipped, IsEmpty());
  EXPECT_THAT(metadata_->FindFinding(id, answered.id)->detail, HasSubstr(R"("unused":"skip")"));
}

TEST_F(ProjectsTest, SkippedStatementsAndObjectsAreShown) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  EXPECT_THROW(MakeAskUser(*metadata_, id, 0ms)(StatementAt(7), {}), Error);
  projects_->Resolve(name, "shop.a", {Answer::Choice::kSkip, ""});
  EXPECT_TRUE(MakeAskUser(*metadata_, id, 0ms).Given(StatementAt(7)));
  StageJournal(*metadata_, id, "schema")
      .PutError("shop.v", Error({.code = "X", .message = "bad"}), {{"source", "CREATE VIEW v"}});
  projects_->Resolve(name, "shop.v", {Answer::Choice::kSkip, ""});  // nobody has asked about it
  const ProjectStatus status = projects_->Status(name);
  ASSERT_THAT(status.skipped, SizeIs(2));
  EXPECT_EQ(status.skipped[0].object, "shop.a");
  EXPECT_EQ(status.skipped[1].object, "shop.v");
  EXPECT_THAT(status.left_out, IsEmpty());
  const RunOutcome outcome{.skipped = 2};
  EXPECT_EQ(OutcomeFromJson(ToJson(outcome)).skipped, 2u);
}

TEST_F(ProjectsTest, AFailedObjectObeysWhatWasAnsweredWhileNobodyRan) {
  const int64_t id = projects_->Create(Asked()).record.id;
  const std::string name = projects_->List()[0].project.record.name;
  const AskUser ask = MakeAskUser(*metadata_, id, 0ms);
  StageJournal journal(*metadata_, id, "schema");
  for (const char* object : {"shop.a", "shop.b", "shop.c"}) {
    journal.PutError(object, Error({.code = "X", .message = "bad"}), {{"source", "CREATE"}});
  }
  EXPECT_THROW(AskAboutFailed(*metadata_, id, "schema", ask, {}), Error);  // of the first
  projects_->Resolve(name, "shop.a", {Answer::Choice::kSkip, ""});
  ObeyGivenAnswers(*metadata_, id, "schema", ask);
  EXPECT_EQ(journal.Status("shop.a"), "skipped");
  EXPECT_EQ(journal.Status("shop.b"), "failed");
  EXPECT_THROW(AskAboutFailed(*metadata_, id, "schema", ask, {}), Error);
  projects_->Resolve(name, "shop.b", {Answer::Choice::kEdit, "CREATE b"});
  ObeyGivenAnswers(*metadata_, id, "schema", ask);
  EXPECT_EQ(journal.Status("shop.b"), "pending");
  EXPECT_EQ(journal.Detail("shop.b").value("edited", ""), "CREATE b");
}

TEST_F(ProjectsTest, AReleaseThatWasCutOffLeavesNothingElseToDo) {
  const StoredProject project = projects_->Create(Asked());
  const std::string& name = project.record.name;
  metadata_->SetDesired(project.record.id, "release");
  EXPECT_EQ(CodeOf([&] { projects_->Pause(name); }), "RELEASE_UNFINISHED");
  EXPECT_EQ(CodeOf([&] { projects_->Resume(name); }), "RELEASE_UNFINISHED");
  {
    ProjectRun run(*projects_, project, project.spec, {});
    const RunOutcome outcome = run.Run({});
    EXPECT_EQ(outcome.status, "failed");
    ASSERT_TRUE(outcome.error);
    EXPECT_EQ(outcome.error->code, "RELEASE_UNFINISHED");
  }
  EXPECT_EQ(projects_->Find(name).record.desired, "release");
  projects_->Release(name, {});
  EXPECT_THAT(projects_->List(), IsEmpty());
}

TEST_F(ProjectsTest, ASkippedRowStaysKnown) {
  const StoredProject project = projects_->Create(Asked());
  const std::string& name = project.record.name;
  for (Answer::Choice choice :
       {Answer::Choice::kRetry, Answer::Choice::kSkip, Answer::Choice::kDone}) {
    const BlockedItem item{.stage = "full",
                           .kind = "row",
                           .object = "shop.a",
                           .statement = "copy of id='1'",
                           .error = Error({.code = "VALUE_REFUSED", .message = "too long"})};
    EXPECT_THROW(MakeAskUser(*metadata_, project.record.id, 0ms)(item, {}), Error);
    projects_->Resolve(name, "shop.a", {choice, ""});
    EXPECT_EQ(MakeAskUser(*metadata_, project.record.id, 0ms)(item, {}).choice, choice);
  }
  ASSERT_THAT(projects_->Status(name).left_out, SizeIs(1));
  EXPECT_THAT(projects_->Status(name).view.open_findings, IsEmpty());
}

TEST_F(ProjectsTest, AFailedObjectIsAnsweredInTheJournal) {
  const StoredProject project = projects_->Create(Asked());
  const std::string& name = project.record.name;
  StageJournal journal(*metadata_, project.record.id, "schema");
  journal.PutError("shop.a", Error({.code = "X", .message = "bad"}),
                   {{"source", "CREATE a"}, {"converted", "CREATE b"}, {"kind", "table"}});
  ASSERT_THAT(projects_->Ddl(name, "shop.a"), SizeIs(1));
  EXPECT_EQ(projects_->Ddl(name, "")[0].error->code, "X");
  EXPECT_EQ(CodeOf([&] { projects_->Ddl(name, "shop.b"); }), "OBJECT_UNKNOWN");
  projects_->Resolve(name, "shop.a", {Answer::Choice::kEdit, "CREATE c"});
  EXPECT_EQ(journal.Status("shop.a"), "pending");
  EXPECT_EQ(projects_->Ddl(name, "")[0].converted, "CREATE c");
  EXPECT_EQ(CodeOf([&] { projects_->Resolve(name, "shop.a", {}); }), "ITEM_UNKNOWN");
}

TEST_F(ProjectsTest, ReleaseForgetsAll) {
  const StoredProject project = projects_->Create(Asked());
  std::filesystem::create_directories(directory_->store(project.record.name));
  projects_->Release(project.record.name, {});
  EXPECT_THAT(projects_->List(), IsEmpty());
  EXPECT_FALSE(std::filesystem::exists(directory_->project(project.record.name)));
  EXPECT_THAT(metadata_->DataSources(), IsEmpty());
}

TEST_F(ProjectsTest, ABrokenProjectHidesNoOtherAndCanBeReleased) {
  ProjectRequest request = Asked();
  request.name = "whole";
  projects_->Create(request);
  for (const char* spec : {"{", R"({"source":1})",
                           R"({"source":"@a","destination":"@b",)"
                           R"("objects":[{"rule":"x"}],"exclude":[]})"}) {
    metadata_->CreateProject("broken", spec);
    const std::vector<ProjectStatus> all = projects_->List();
    ASSERT_THAT(all, SizeIs(2));
    EXPECT_EQ(all[0].view.state, "broken");
    EXPECT_THAT(all[0].project.record.cause, HasSubstr("remedy"));
    EXPECT_EQ(all[1].view.state, "not_started");
    EXPECT_NE(CodeOf([&] { projects_->Find("broken"); }), "nothing");
    projects_->Release("broken", {});
    EXPECT_THAT(projects_->List(), SizeIs(1));
  }
}

TEST_F(ProjectsTest, NobodyRunsWhatSaysItRuns) {
  const StoredProject project = projects_->Create(Asked());
  metadata_->SetState(project.record.id, "running", "");
  EXPECT_EQ(projects_->Status(project.record.name).view.state, "interrupted");
  ProjectLock lock(directory_->project(project.record.name));
  EXPECT_EQ(projects_->Status(project.record.name).view.state, "running");
}

TEST(ViewJsonTest, ComesBackWhole) {
  ProjectView view{.state = "running"};
  view.stages = {{"full", "running", "rows", 5, 10, 6, 7, 1.5}};
  view.flow.replaying = true;
  view.flow.latency_us = 77;
  view.open_findings = {{3, "incremental", "row", "a.b", "open", R"({"x":1})", ""}};
  view.transient = ErrorFields{.code = "LOST", .kind = ErrorKind::kTransient};
  const ProjectView back = ViewFromJson(ToJson(view));
  EXPECT_EQ(ToJson(back), ToJson(view));
  EXPECT_EQ(back.stages[0].total, 10);
  EXPECT_EQ(back.transient->code, "LOST");
}

}  // namespace
}  // namespace godwit
