// SPDX-License-Identifier: Apache-2.0
#include "project/projects.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <set>

#include "base/crash_point.h"
#include "project/ask_user.h"
#include "project/control_socket.h"
#include "project/figures.h"
#include "project/run_state.h"
#include "project/spec.h"
#include "project/view_json.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr auto kPatienceWithOwner = std::chrono::seconds(10);

Error Unknown(const char* code, std::string_view what, const std::string& name,
              std::string_view list) {
  return Error(
      {.code = code,
       .kind = ErrorKind::kBlocked,
       .object = name,
       .message = fmt::format("there is no {} '{}'", what, name),
       .cause = "this state directory does not hold it",
       .remedy = fmt::format("'{}' shows what there is; another --state-dir may hold it", list)});
}

// By the URL, not by its place: the list may change.
std::string ReplicaSecret(std::string_view redacted) { return fmt::format("replica/{}", redacted); }

bool GivesPassword(const ProjectRequest& request) {
  std::vector<std::string> ends = request.replicas.value_or(std::vector<std::string>());
  for (const auto* end : {&request.source, &request.destination}) {
    if (*end) ends.push_back(**end);
  }
  return std::any_of(ends.begin(), ends.end(), [](const std::string& end) {
    return !end.starts_with('@') && EndpointUrl::Parse(end).password_was_inline;
  });
}

std::string Joined(const std::vector<std::string>& parts) {
  std::string out;
  for (const std::string& part : parts) out += (out.empty() ? "" : "; ") + part;
  return out;
}

json ParseDetail(const std::string& text) {
  json detail = json::parse(text, nullptr, false);
  return detail.is_object() ? detail : json::object();
}

}  // namespace

bool CanBeEdited(const Finding& finding) {
  if (finding.kind == "row") return false;
  return finding.kind != "object" || finding.stage != "incremental";  // a table's changes: rows
}

// What is stored is written under the project's lock: another process may be running by it.
StoredProject Projects::Create(const ProjectRequest& request) {
  if (request.source) CheckEnd(*request.source, Side::kSource);
  if (request.destination) CheckEnd(*request.destination, Side::kDestination);
  for (const std::string& replica : request.replicas.value_or(std::vector<std::string>())) {
    CheckEnd(replica, Side::kSource);
  }
  if (request.name) CheckName(*request.name);
  const std::string name = request.name ? *request.name : DefaultName(MakeSpec(request));
  if (metadata_.FindProject(name)) return Update(name, request);
  StoredProject out;
  out.spec = MakeSpec(request);
  const ProjectLock lock(directory_.project(name));
  out.record = metadata_.CreateProject(name, ToJsonText(out.spec));
  CrashPoint("project-after-create");
  KeepSecrets(name, request);
  return out;
}

StoredProject Projects::Update(const std::string& name, const ProjectRequest& request) {
  StoredProject out = Find(name);
  CheckAgrees(out, request);
  if (Changed(request, out.spec) == out.spec && !GivesPassword(request)) return out;
  const ProjectLock lock(directory_.project(name));
  out = Find(name);  // who had the lock before may have begun or changed it
  CheckAgrees(out, request);
  out.spec = Changed(request, out.spec);
  out.record.spec = ToJsonText(out.spec);
  metadata_.SetSpec(out.record.id, out.record.spec);
  CrashPoint("project-after-spec");
  KeepSecrets(name, request);
  return out;
}

void Projects::CheckAgrees(const StoredProject& project, const ProjectRequest& request) const {
  if (!HasBegun(project.record)) return;
  const std::vector<std::string> conflicts = Conflicts(request, project.spec);
  if (conflicts.empty()) return;
  const std::string& name = project.record.name;
  throw Error({.code = "PROJECT_CONFLICT",
               .kind = ErrorKind::kBlocked,
               .object = name,
               .message = fmt::format("project {} has begun with other settings: {}", name,
                                      Joined(conflicts)),
               .cause = "what a project carries is fixed once it has begun",
               .remedy = "leave those flags out to go on with it, give another --name, or "
                         "release it first"});
}

bool Projects::HasBegun(const ProjectRecord& record) const {
  return StageJournal(metadata_, record.id, "stages").IsDone("precheck");
}

ProjectRecord Projects::Record(const std::string& name) const {
  auto record = metadata_.FindProject(name);
  if (!record) throw Unknown("PROJECT_UNKNOWN", "project", name, "godwit project list");
  return *std::move(record);
}

StoredProject Projects::Find(const std::string& name) const {
  ProjectRecord record = Record(name);
  ProjectSpec spec = SpecFromJson(record.spec);
  return {std::move(record), std::move(spec)};
}

std::vector<ProjectStatus> Projects::List() const {
  std::vector<ProjectStatus> out;
  for (const ProjectRecord& record : metadata_.Projects()) {
    ProjectStatus status;
    status.project.record = record;
    status.owner = ProjectLock::Owner(directory_.project(record.name));
    try {
      status.project.spec = SpecFromJson(record.spec);
    } catch (const Error& error) {  // it hides none of the others
      status.view.state = "broken";
      status.project.record.cause =
          ToJson(error.fields()).dump(-1, ' ', false, json::error_handler_t::replace);
    }
    if (status.view.state.empty()) status.view = StoredView(status.project);
    out.push_back(std::move(status));
  }
  return out;
}

ProjectStatus Projects::Status(const std::string& name) const {
  ProjectStatus status;
  status.project = Find(name);
  status.owner = ProjectLock::Owner(directory_.project(name));
  status.precheck = metadata_.Entries(status.project.record.id, "precheck");
  status.verification = metadata_.Entries(status.project.record.id, "verification");
  const std::string selection =
      metadata_.Setting(status.project.record.id, kSelectionSetting).value_or("");
  if (!selection.empty()) status.selection = SelectionFromJson(json::parse(selection));
  status.changes = ChangeTally(metadata_, status.project.record.id).tables();
  SkippedItems skipped = SkippedOf(metadata_, status.project.record.id);
  status.left_out = std::move(skipped.rows);
  status.skipped = std::move(skipped.others);
  status.view = StoredView(status.project);
  if (status.owner) {
    if (auto answer = AskOwner(directory_.control(name), {{"do", "view"}})) {
      status.view = ViewFromJson((*answer)["view"]);
    }
  }
  return status;
}

ProjectView Projects::StoredView(const StoredProject& project) const {
  RunState stages;
  stages.Choose(project.spec);
  ProjectView view = stages.View();
  view.state = project.record.state;
  view.flow.replayed_rows = static_cast<int64_t>(ChangeTally(metadata_, project.record.id).count());
  const bool is_owned = ProjectLock::Owner(directory_.project(project.record.name)).has_value();
  if (!is_owned && (view.state == "running" || view.state == "paused")) view.state = "interrupted";
  const bool has_captured = metadata_.Setting(project.record.id, "capture.ready").has_value();
  StageJournal journal(metadata_, project.record.id, "stages");
  for (StageView& stage : view.stages) {
    if (std::string status = journal.Status(stage.name); !status.empty()) stage.status = status;
    const bool is_flow = stage.name == "capture" || stage.name == "incremental";
    if (is_flow && has_captured) stage.status = "stopped";
    if (stage.name == "precheck") continue;
    for (const JournalEntry& entry : metadata_.Entries(project.record.id, stage.name)) {
      if (entry.object.empty()) continue;  // of the stage as a whole
      stage.unit = "objects";
      ++stage.total;
      if (entry.status == "done" || entry.status == "skipped") ++stage.done;
      const json detail = ParseDetail(entry.detail);
      if (detail.contains("rows") && detail["rows"].is_number()) {
        stage.rows += detail["rows"].get<int64_t>();
      }
    }
  }
  view.open_findings = metadata_.Findings(project.record.id, "open");
  return view;
}

std::optional<int64_t> Projects::OrderVerification(const std::string& name,
                                                   const VerifyOrder& order) const {
  Find(name);
  const json request = {{"do", "verify"},
                        {"tables", order.tables},
                        {"correct", order.correct},
                        {"certain", order.certain}};
  // Between its lock and its door, at its begin and end, the owner does not answer.
  const Deadline deadline = Deadline::In(kPatienceWithOwner);
  for (;;) {
    const auto owner = ProjectLock::Owner(directory_.project(name));
    if (!owner) return std::nullopt;
    try {
      if (auto answer = AskOwner(directory_.control(name), request)) {
        return answer->value("id", int64_t{0});
      }
    } catch (const Error& error) {
      if (error.code() != "PROJECT_ENDED") throw;
    }
    if (!deadline.has_passed()) {
      WaitForStop({}, Deadline::In(std::chrono::milliseconds(100)));
      continue;
    }
    throw Error(
        {.code = "PROJECT_SILENT",
         .kind = ErrorKind::kBlocked,
         .object = name,
         .message = fmt::format("process {} runs project {} and does not answer", *owner, name),
         .cause = "it is stopped by a signal, or runs on another machine",
         .remedy = "let it go on or end it, then try again"});
  }
}

std::optional<Projects::Ordered> Projects::LookAtVerification(const std::string& name,
                                                              int64_t order) const {
  auto answer = AskOwner(directory_.control(name), {{"do", "look at verify"}, {"id", order}});
  if (!answer) return std::nullopt;
  Ordered out{.state = answer->value("state", ""), .view = ViewFromJson((*answer)["view"])};
  if (answer->contains("outcome")) out.outcome = OutcomeFromJson((*answer)["outcome"]);
  return out;
}

void Projects::CallOffVerification(const std::string& name, int64_t order) const {
  AskOwner(directory_.control(name), {{"do", "call off verify"}, {"id", order}});
}

void Projects::CheckKept(const std::string& name) const {
  if (Find(name).record.desired != "release") return;
  throw Error({.code = "RELEASE_UNFINISHED",
               .kind = ErrorKind::kBlocked,
               .object = name,
               .message = fmt::format("project {} is being released", name),
               .cause = "a release has begun: the project's lanes at the destination and its log "
                        "may be gone already",
               .remedy = fmt::format("let it end, or end it: godwit project release {}", name)});
}

void Projects::Pause(const std::string& name) {
  CheckKept(name);
  metadata_.SetDesired(Find(name).record.id, "pause");
}

void Projects::Resume(const std::string& name) {
  CheckKept(name);
  metadata_.SetDesired(Find(name).record.id, "run");
}

std::vector<DdlView> Projects::Ddl(const std::string& name, const std::string& object) const {
  const StoredProject project = Find(name);
  std::vector<DdlView> out;
  std::set<std::string> made;
  for (const std::string_view word : {std::string_view("schema"), std::string_view("indexes"),
                                      std::string_view("ddl"), kPlanJournal}) {
    const std::string stage(word);
    for (const JournalEntry& entry : metadata_.Entries(project.record.id, stage)) {
      if (stage == "schema") made.insert(entry.object);
      if (stage == kPlanJournal && made.contains(entry.object)) continue;
      const json detail = ParseDetail(entry.detail);
      if (!object.empty() && entry.object != object && detail.value("destination", "") != object) {
        continue;
      }
      DdlView view{.object = entry.object,
                   .kind = detail.value("kind", stage),
                   .status = entry.status,
                   .source = detail.value("source", ""),
                   .converted = detail.value("edited", detail.value("converted", ""))};
      for (const json& note : detail.value("notes", json::array())) {
        view.notes.push_back(
            fmt::format("{}: {}", note.value("object", ""), note.value("text", "")));
      }
      if (detail.contains("error")) view.error = ErrorFromJson(detail["error"]);
      out.push_back(std::move(view));
    }
  }
  if (out.empty() && !object.empty()) {
    throw Unknown("OBJECT_UNKNOWN", "converted object", object,
                  fmt::format("godwit project ddl {}", name));
  }
  return out;
}

void Projects::Resolve(const std::string& name, const std::string& item, const Answer& answer) {
  const StoredProject project = Find(name);
  std::vector<Finding> meant;
  // Until an answer is taken another one may replace it.
  for (const bool is_answered : {false, true}) {
    for (const Finding& finding : metadata_.Findings(project.record.id, "")) {
      if (finding.status == "closed" || (finding.status != "open") != is_answered) continue;
      if (std::to_string(finding.id) == item || finding.object == item) meant.push_back(finding);
    }
    if (!meant.empty()) break;
  }
  if (meant.empty()) return ResolveObject(project, item, answer);
  if (meant.size() > 1) {
    std::string numbers;
    for (const Finding& finding : meant) numbers += fmt::format(" {}", finding.id);
    throw Error({.code = "ITEM_AMBIGUOUS",
                 .kind = ErrorKind::kBlocked,
                 .object = item,
                 .message = fmt::format("'{}' is blocked by several items:{}", item, numbers),
                 .cause = "each has to be decided by itself",
                 .remedy = "name one by its number"});
  }
  Finding& finding = meant[0];
  if (answer.choice == Answer::Choice::kEdit && !CanBeEdited(finding)) {
    throw Error({.code = "CHOICE_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .object = item,
                 .message = fmt::format("{} cannot be edited here",
                                        finding.kind == "row" ? "a row" : "changes of rows"),
                 .cause = "rows are applied as the source logged them",
                 .remedy = "correct the destination and --retry, write them by hand and choose "
                           "--done, or --skip them"});
  }
  switch (answer.choice) {
    case Answer::Choice::kRetry:
      finding.status = "retry";
      break;
    case Answer::Choice::kSkip:
      finding.status = "skip";
      break;
    case Answer::Choice::kDone:
      finding.status = "done";
      break;
    case Answer::Choice::kEdit:
      finding.status = "edited";
      finding.answer = answer.statement;
      break;
  }
  metadata_.UpdateFinding(project.record.id, finding);
}

// It is shown with those that were asked about.
void Projects::NoteSkipped(int64_t project, const JournalEntry& entry) {
  const json detail = ParseDetail(entry.detail);
  const json shown = {{"statement", detail.value("source", "")},
                      {"converted", detail.value("converted", "")},
                      {"error", detail.value("error", json::object())}};
  metadata_.AddFinding(project,
                       {.stage = entry.stage,
                        .kind = "object",
                        .object = entry.object,
                        .status = "closed",
                        .detail = shown.dump(-1, ' ', false, json::error_handler_t::replace),
                        .answer = "skip"});
}

// An object whose stage failed in a run that nobody waited in.
void Projects::ResolveObject(const StoredProject& project, const std::string& object,
                             const Answer& answer) {
  for (const char* stage : {"schema", "indexes"}) {
    auto entry = metadata_.Entry(project.record.id, stage, object);
    if (!entry || entry->status != "failed") continue;
    json detail = ParseDetail(entry->detail);
    std::string status = "pending";
    if (answer.choice == Answer::Choice::kSkip) {
      status = "skipped";
      NoteSkipped(project.record.id, *entry);
    }
    if (answer.choice == Answer::Choice::kDone) {
      status = "done";
      detail["kept"] = true;  // it is the user's now
    }
    if (answer.choice == Answer::Choice::kEdit) detail["edited"] = answer.statement;
    StageJournal(metadata_, project.record.id, stage).Put(object, status, detail);
    return;
  }
  if (ResolvePlanned(project, object, answer)) return;
  throw Unknown("ITEM_UNKNOWN", "blocked item", object,
                fmt::format("godwit project show {}", project.record.name));
}

// An object that precheck has shown and that nothing has made yet.
bool Projects::ResolvePlanned(const StoredProject& project, const std::string& object,
                              const Answer& answer) {
  const int64_t id = project.record.id;
  const auto plan = metadata_.Entry(id, std::string(kPlanJournal), object);
  if (!plan) return false;
  const auto known = metadata_.Entry(id, "schema", object);
  json detail = ParseDetail(known ? known->detail : plan->detail);
  const bool is_begun = StageJournal(metadata_, id, "stages").IsDone("schema");
  if (is_begun || (known && !detail.value("planned", false))) {
    throw Error({.code = "OBJECT_MADE",
                 .kind = ErrorKind::kBlocked,
                 .object = object,
                 .message = fmt::format("{} is made already, and is not blocked", object),
                 .cause = "a statement can be given for an object before it is made, or where "
                          "making it failed",
                 .remedy = "alter it at the destination, or release the project, drop the object "
                           "there and begin again"});
  }
  if (answer.choice == Answer::Choice::kSkip || answer.choice == Answer::Choice::kDone) {
    throw Error({.code = "CHOICE_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .object = object,
                 .message = fmt::format("{} is not made yet, nor is it blocked", object),
                 .cause = "what is left out is chosen by the rules, and a table that is there and "
                          "empty is taken as it is",
                 .remedy = "leave it out by --exclude, make it by hand before the run, or give the "
                           "statement that makes it by --edit (--retry takes that back)"});
  }
  const ProjectLock lock(directory_.project(project.record.name));  // or it may be made meanwhile
  detail["planned"] = true;
  detail.erase("edited");
  if (answer.choice == Answer::Choice::kEdit) detail["edited"] = answer.statement;
  StageJournal(metadata_, id, "schema").Put(object, "pending", detail);
  return true;
}

void Projects::Release(const std::string& name, std::stop_token stop) {
  const ProjectRecord record = Record(name);
  const std::string directory = directory_.project(name);
  std::optional<ProjectLock> lock;
  while (!lock) {
    metadata_.SetDesired(record.id, "release");  // each time: a run that begins writes its own wish
    try {
      lock.emplace(directory);
    } catch (const Error& error) {
      if (error.code() != "PROJECT_BUSY") throw;
      // Its owner sees the wish and ends.
      if (WaitForStop(stop, Deadline::In(std::chrono::milliseconds(200)))) throw Stopped();
    }
  }
  ForgetLanes(record);
  CrashPoint("release-after-lanes");
  std::error_code failure;
  std::filesystem::remove_all(directory, failure);
  if (failure) {
    throw Error({.code = "STATE_DIRECTORY_UNUSABLE",
                 .kind = ErrorKind::kBlocked,
                 .object = directory,
                 .message = fmt::format("{}: {}", directory, failure.message()),
                 .cause = "the project's directory cannot be removed",
                 .remedy = "check its owner and mode, then release the project again"});
  }
  CrashPoint("release-after-directory");
  metadata_.DeleteProject(record.id);
}

// By the one word of the spec that it takes: what else is wrong with it must not keep the project.
void Projects::ForgetLanes(const ProjectRecord& record) const {
  const auto link = metadata_.Setting(record.id, "link.name");
  if (!link || !HasBegun(record)) return;
  const json spec = ParseDetail(record.spec);
  const auto end = spec.find("destination");
  if (end == spec.end() || !end->is_string()) return;
  const EndpointUrl url = End(record.name, "destination", end->get<std::string>());
  registry_.Open(url, Side::kDestination)->OpenSink()->Forget(*link);
}

// --- data sources ---

void Projects::KeepSecrets(const std::string& project, const ProjectRequest& request) {
  KeepSecret(project, "source", request.source);
  KeepSecret(project, "destination", request.destination);
  for (const std::string& replica : request.replicas.value_or(std::vector<std::string>())) {
    KeepSecret(project, ReplicaSecret(RedactedEnd(replica)), replica);
  }
}

void Projects::KeepSecret(const std::string& project, std::string_view what,
                          const std::optional<std::string>& end) {
  if (!end || end->starts_with('@')) return;
  const EndpointUrl url = EndpointUrl::Parse(*end);
  if (!url.password_was_inline) return;
  metadata_.PutDataSource({OwnDataSource(project, what), url.Redacted(), url.password});
  CrashPoint("project-after-secret");
}

DataSource Projects::Named(const std::string& end) const {
  const std::string name = end.substr(1);  // behind the @
  auto source = metadata_.FindDataSource(name);
  if (!source) throw Unknown("DATA_SOURCE_UNKNOWN", "data source", name, "godwit datasource list");
  return *std::move(source);
}

void Projects::CheckEnd(const std::string& end, Side side) const {
  if (end.starts_with('@')) {
    Named(end);
  } else {
    registry_.Check(EndpointUrl::Parse(end), side);
  }
}

EndpointUrl Projects::End(const std::string& project, std::string_view what,
                          const std::string& end) const {
  if (end.starts_with('@')) {
    const DataSource source = Named(end);
    EndpointUrl url = EndpointUrl::Parse(source.url);
    if (!source.secret.empty()) url.password = source.secret;
    return url;
  }
  EndpointUrl url = EndpointUrl::Parse(end);
  auto kept = metadata_.FindDataSource(OwnDataSource(project, what));
  if (kept && kept->url == end && !kept->secret.empty()) url.password = kept->secret;
  return url;
}

std::pair<EndpointUrl, EndpointUrl> Projects::Ends(const StoredProject& project) const {
  return {End(project.record.name, "source", project.spec.source),
          End(project.record.name, "destination", project.spec.destination)};
}

EndpointUrl Projects::Replica(const std::string& name, const std::string& replica) const {
  return End(name, ReplicaSecret(replica), replica);
}

void Projects::AddDataSource(const std::string& name, const std::string& text) {
  CheckName(name);
  const EndpointUrl url = EndpointUrl::Parse(text);
  registry_.Check(url, Side::kNone);
  metadata_.PutDataSource({name, url.Redacted(), url.password_was_inline ? url.password : ""});
}

std::vector<DataSource> Projects::DataSources() const {
  std::vector<DataSource> out = metadata_.DataSources();
  std::erase_if(
      out, [](const DataSource& source) { return source.name.find('/') != std::string::npos; });
  return out;
}

EndpointInfo Projects::TestDataSource(const std::string& name_or_url) const {
  const bool is_url = name_or_url.find("://") != std::string::npos;
  const std::string end = is_url || name_or_url.starts_with('@') ? name_or_url : "@" + name_or_url;
  return registry_.Open(End("", "source", end), Side::kNone)->info();
}

}  // namespace godwit
