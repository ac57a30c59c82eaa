// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "project/control_socket.h"
#include "project/projects.h"
#include "project/view_json.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

class ProjectRun::Door {
 public:
  Door(const std::string& path, Runner& runner)
      : server_(path, [&runner](const json& request) { return Answer(runner, request); }) {}

 private:
  static json Answer(Runner& runner, const json& request) {
    const std::string wish = request.value("do", "");
    const int64_t id = request.value("id", int64_t{0});
    if (wish == "view") return {{"view", ToJson(runner.View())}};
    if (wish == "verify") {
      VerifyOrder order{.tables = request.value("tables", std::vector<std::string>()),
                        .correct = request.value("correct", false),
                        .certain = request.value("certain", false)};
      return {{"id", runner.orders().Put(std::move(order))}};
    }
    if (wish == "look at verify") {
      const VerifyOrders::Status status = runner.orders().Look(id);
      json answer = {{"state", status.state}, {"view", ToJson(runner.View())}};
      if (status.outcome) answer["outcome"] = ToJson(*status.outcome);
      return answer;
    }
    if (wish == "call off verify") {
      runner.orders().CallOff(id);
      return json::object();
    }
    throw Error({.code = "REQUEST_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .message = fmt::format("a running project does not know '{}'", wish),
                 .cause = "the command comes from another version of Godwit",
                 .remedy = "use the version that runs the project"});
  }

  ControlServer server_;
};

namespace {

Runner MakeRunner(Projects& projects, const StoredProject& project, ProjectSpec spec,
                  RunOptions options) {
  auto [source, destination] = projects.Ends(project);
  options.replica = [&projects, name = project.record.name](const std::string& replica) {
    return projects.Replica(name, replica);
  };
  return Runner(projects.registry(), projects.metadata(), project.record, std::move(spec),
                std::move(source), std::move(destination),
                projects.directory().project(project.record.name), std::move(options));
}

// Between its reading and this run's lock, another command had its way.
StoredProject Unchanged(Metadata& metadata, const StoredProject& project) {
  const ProjectRecord& record = project.record;
  auto stored = metadata.FindProject(record.name);
  if (stored && stored->id == record.id && stored->spec == record.spec) {
    return {*std::move(stored), project.spec};
  }
  throw Error({.code = "PROJECT_CHANGED",
               .kind = ErrorKind::kBlocked,
               .object = record.name,
               .message = fmt::format("project {} is not what it was a moment ago", record.name),
               .cause = "another command gave it other settings, or released it",
               .remedy = "look at it by 'godwit project show', then run the command again"});
}

}  // namespace

ProjectRun::ProjectRun(Projects& projects, const StoredProject& project, ProjectSpec spec,
                       RunOptions options)
    : projects_(projects),
      lock_(projects.directory().project(project.record.name)),
      project_(Unchanged(projects.metadata(), project)),
      runner_(MakeRunner(projects, project_, std::move(spec), std::move(options))) {
  door_ = std::make_unique<Door>(projects.directory().control(project.record.name), runner_);
}

ProjectRun::~ProjectRun() = default;

RunOutcome ProjectRun::Run(std::stop_token stop) {
  const std::string& name = project_.record.name;
  try {
    projects_.CheckKept(name);
  } catch (const Error& error) {
    return {.status = "failed",
            .error = error.fields(),
            .advice = fmt::format("end it: godwit project release {}\n", name)};
  }
  Metadata& metadata = projects_.metadata();
  metadata.SetDesired(project_.record.id, "run");
  if (!StageJournal(metadata, project_.record.id, "stages").IsDone("precheck")) {
    metadata.RemoveEntries(project_.record.id, "precheck");  // of rules that may have changed
  }
  return runner_.Run(stop);
}

ProjectView ProjectRun::View() const { return runner_.View(); }

}  // namespace godwit
