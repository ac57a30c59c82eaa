// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <cstdio>
#include <fstream>
#include <iterator>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command_context.h"
#include "cli/project_flags.h"
#include "cli/run_events.h"
#include "cli/shown_run.h"
#include "cli/signals.h"
#include "cli/summary_text.h"
#include "cli/text.h"
#include "project/view_json.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

namespace {

struct Arguments {
  std::string name;
  std::string second;
  std::string edit_file;
  bool retry = false;
  bool skip = false;
  bool done = false;
  ProjectFlags run;  // of resume
};
using Action = std::function<int(const CommandContext&, const Arguments&, Projects&)>;

void PrintJson(const json& value) {
  fmt::print("{}\n", value.dump(-1, ' ', false, json::error_handler_t::replace));
}

std::string StateText(const ProjectStatus& status) {
  return status.owner ? fmt::format("{} (process {})", status.view.state, *status.owner)
                      : status.view.state;
}

json StatusJson(const ProjectStatus& status) {
  json out = ToJson(status.view);
  out["name"] = status.project.record.name;
  out["source"] = status.project.spec.source;
  out["destination"] = status.project.spec.destination;
  out["verification"] = json::array();
  for (const JournalEntry& entry : status.verification) {
    json detail = json::parse(entry.detail, nullptr, false);
    if (entry.object.empty() || !detail.is_object()) continue;
    detail["table"] = entry.object;
    out["verification"].push_back(std::move(detail));
  }
  out["changes"] = json::array();
  for (const auto& [table, counts] : status.changes) {
    out["changes"].push_back({{"table", table.ToString()},
                              {"inserts", counts.inserts},
                              {"updates", counts.updates},
                              {"deletes", counts.deletes}});
  }
  if (status.selection) out["selection"] = ToJson(*status.selection);
  out["left_out"] = json::array();
  for (const Finding& finding : status.left_out) out["left_out"].push_back(ToJson(finding));
  out["skipped"] = json::array();
  for (const Finding& finding : status.skipped) out["skipped"].push_back(ToJson(finding));
  out["process"] = status.owner ? json(*status.owner) : json();
  if (!status.project.record.cause.empty()) {
    out["cause"] = json::parse(status.project.record.cause, nullptr, false);
  }
  return out;
}

int List(const CommandContext& context, const Arguments&, Projects& projects) {
  const std::vector<ProjectStatus> all = projects.List();
  if (all.empty()) Say(stderr, fmt::format("no projects in {}", context.state_directory));
  for (const ProjectStatus& status : all) {
    if (context.json) {
      PrintJson(StatusJson(status));
      continue;
    }
    if (status.view.state == "broken") {
      fmt::print("{:<28} {:<24} cannot be read; end it: godwit project release {}\n",
                 status.project.record.name, StateText(status), status.project.record.name);
      continue;
    }
    fmt::print("{:<28} {:<24} {} -> {}\n", status.project.record.name, StateText(status),
               status.project.spec.source, status.project.spec.destination);
  }
  return 0;
}

// What the last comparison of each table found, where that is not all equal.
std::string VerdictText(const JournalEntry& entry) {
  const json detail = json::parse(entry.detail, nullptr, false);
  if (entry.object.empty() || !detail.is_object() || detail.value("consistent", true)) return "";
  if (detail.value("missing", false)) {
    return fmt::format("inconsistent  {}: there is no such table at the destination\n",
                       entry.object);
  }
  auto count = [&](const char* name) { return detail.value(name, int64_t{0}); };
  std::string out =
      fmt::format("inconsistent  {}: of {} rows {} missing, {} different, {} extra", entry.object,
                  CountText(count("rows")), CountText(count("only_source")),
                  CountText(count("different")), CountText(count("only_destination")));
  if (count("refused") > 0) {
    out += fmt::format(", {} could not be corrected (the .diff file says why)",
                       CountText(count("refused")));
  }
  if (count("unsettled") > 0) out += fmt::format(", {} unsettled", CountText(count("unsettled")));
  if (count("computed") > 0) {
    out += fmt::format(
        ", {} different in generated columns only\n"
        "  cause: the destination computes these columns itself, and comes to something else\n"
        "  remedy: correct their expressions at the destination, then compare again; nothing that "
        "is written into rows can",
        CountText(count("computed")));
  }
  return out + fmt::format("\n  rows and statements: {}/\n", detail.value("report", ""));
}

// A statement or an object; 'project ddl' has the definition of the latter.
std::string SkippedText(const Finding& finding) {
  const std::string head = fmt::format("skipped: item {}: {} {} in {}", finding.id, finding.kind,
                                       finding.object, finding.stage);
  if (finding.kind != "ddl") return head;
  const json detail = json::parse(finding.detail, nullptr, false);
  return fmt::format("{}: {}", head, detail.is_object() ? detail.value("statement", "") : "");
}

int Show(const CommandContext& context, const Arguments& arguments, Projects& projects) {
  const ProjectStatus status = projects.Status(arguments.name);
  if (context.json) {
    PrintJson(StatusJson(status));
    return 0;
  }
  const ProjectRecord& record = status.project.record;
  fmt::print("project     {}\nstate       {}\nsource      {}\ndestination {}\nsince       {}\n\n",
             record.name, StateText(status), status.project.spec.source,
             status.project.spec.destination, MomentText(record.created_us));
  for (const StageView& stage : status.view.stages) fmt::print("{}\n", StageText(stage));
  if (status.view.flow.capturing || status.view.flow.replaying) {
    fmt::print("{:<13} {}\n", "changes", FlowText(status.view.flow));
    fmt::print("{:<13} {}\n", "link", LinkText(status.view.flow));
  } else if (status.view.flow.replayed_rows > 0) {
    fmt::print("{:<13} {} replayed in all\n", "changes", CountText(status.view.flow.replayed_rows));
  }
  fmt::print("{}", ChangesText(status.changes, context.names_shown()));
  if (status.selection) {
    fmt::print("{}\n", SelectionText(*status.selection, context.names_shown()));
  }
  for (const JournalEntry& entry : status.verification) fmt::print("{}", VerdictText(entry));
  for (const Finding& finding : status.left_out) fmt::print("{}\n", LeftOutText(finding));
  for (const Finding& finding : status.skipped) fmt::print("{}\n", SkippedText(finding));
  for (const JournalEntry& entry : status.precheck) {
    if (IsObjection(entry)) fmt::print("{}\n", CheckText(entry));
  }
  if (status.view.transient) fmt::print("waiting: {}\n", ErrorText(*status.view.transient));
  for (const Finding& finding : status.view.open_findings) {
    fmt::print("{}\n", FindingText(finding, record.name));
  }
  if (!status.owner && !record.cause.empty()) {
    const json cause = json::parse(record.cause, nullptr, false);
    if (cause.is_object()) fmt::print("error {}\n", ErrorText(ErrorFromJson(cause)));
  }
  return 0;
}

int Ddl(const CommandContext& context, const Arguments& arguments, Projects& projects) {
  for (const DdlView& view : projects.Ddl(arguments.name, arguments.second)) {
    if (context.json) {
      json out = {{"object", view.object}, {"kind", view.kind},   {"status", view.status},
                  {"source", view.source}, {"notes", view.notes}, {"converted", view.converted}};
      if (view.error) out["error"] = ToJson(*view.error);
      PrintJson(out);
      continue;
    }
    fmt::print("-- {} {}: {}\n", view.kind, view.object, view.status);
    for (const std::string& note : view.notes) fmt::print("-- note: {}\n", note);
    if (view.error) fmt::print("/* error {} */\n", ErrorText(*view.error));
    if (!view.source.empty()) fmt::print("-- source\n{}\n", view.source);
    if (!view.converted.empty()) fmt::print("-- destination\n{}\n", view.converted);
  }
  return 0;
}

// They would change nothing, and who gave them waits for an end that does not come.
void RefuseRunFlags(const RunOptions& options, const std::string& name, pid_t owner) {
  if (!options.stop_when_caught_up && !options.accept_warnings && !options.blocked_timeout) return;
  throw Error({.code = "FLAGS_CONTRADICT",
               .kind = ErrorKind::kBlocked,
               .object = name,
               .message = fmt::format("process {} runs project {}: --stop-when-caught-up, "
                                      "--blocked-timeout and --yes do not reach it",
                                      owner, name),
               .cause = "a process obeys the flags that it was started with",
               .remedy = "leave them out, or end that process first"});
}

// Goes on: in the process that runs it, else in this one.
int Resume(const CommandContext& context, const Arguments& arguments, Projects& projects) {
  const ProjectStatus status = projects.Status(arguments.name);
  const RunOptions options = arguments.run.Options();
  if (!status.owner) {
    return RunShown(context, projects, status.project, status.project.spec, options);
  }
  RefuseRunFlags(options, arguments.name, *status.owner);
  projects.Resume(arguments.name);
  Say(stderr, fmt::format("{}: process {} goes on", arguments.name, *status.owner));
  return 0;
}

int Pause(const CommandContext&, const Arguments& arguments, Projects& projects) {
  const ProjectStatus status = projects.Status(arguments.name);
  projects.Pause(arguments.name);
  Say(stderr, fmt::format("{}: {}", arguments.name,
                          status.owner ? "pauses"
                                       : "nobody runs it; it stays as it is until it is resumed"));
  return 0;
}

int Release(const CommandContext&, const Arguments& arguments, Projects& projects) {
  SignalWatch signals(nullptr);
  try {
    projects.Release(arguments.name, signals.stop_token());
  } catch (const Stopped&) {
    return 128 + signals.signal();
  }
  Say(stderr, fmt::format("{}: released; what was migrated stays", arguments.name));
  return 0;
}

std::string ReadStatement(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)), {});
  while (!text.empty() &&
         std::string_view(" \t\r\n;").find(text.back()) != std::string_view::npos) {
    text.pop_back();
  }
  if (!text.empty()) return text;
  throw Error({.code = "CONFIG_UNREADABLE",
               .kind = ErrorKind::kBlocked,
               .object = path,
               .message = fmt::format("{} holds no statement", path),
               .cause = "the file is missing, empty or not readable",
               .remedy = "write the statement that is to be run into it"});
}

int Resolve(const CommandContext&, const Arguments& arguments, Projects& projects) {
  Answer answer;
  if (arguments.skip) answer.choice = Answer::Choice::kSkip;
  if (arguments.done) answer.choice = Answer::Choice::kDone;
  if (!arguments.edit_file.empty()) {
    answer = {Answer::Choice::kEdit, ReadStatement(arguments.edit_file)};
  }
  projects.Resolve(arguments.name, arguments.second, answer);
  const ProjectStatus status = projects.Status(arguments.name);
  if (status.owner) {
    Say(stderr, fmt::format("{}: answered; process {} goes on", arguments.name, *status.owner));
  } else {
    Say(stderr, fmt::format("{}: answered; go on with: godwit project resume {}", arguments.name,
                            arguments.name));
  }
  return 0;
}

std::shared_ptr<Arguments> Add(CLI::App& group, CommandContext& context, const char* word,
                               const char* help, Action action) {
  CLI::App* command = group.add_subcommand(word, help);
  auto arguments = std::make_shared<Arguments>();
  command->callback([&context, arguments, action, word = std::string(word)] {
    context.follows_run = word == "resume";
    const bool watches_signals = word == "resume" || word == "release";
    context.command = [&context, arguments, action, watches_signals] {
      if (!watches_signals) UnblockSignals();
      OpenState state(context);
      return action(context, *arguments, state.projects());
    };
  });
  return arguments;
}

}  // namespace

void AddProject(CLI::App& app, CommandContext& context) {
  CLI::App* group = app.add_subcommand("project", "Look at stored projects and steer them");
  group->require_subcommand(1);
  Add(*group, context, "list", "Every project and its state", List);
  struct Word {
    const char* word;
    const char* help;
    Action action;
  };
  for (const Word& word :
       {Word{"show", "One project: stages, figures, what is blocked", Show},
        Word{"ddl", "Converted definitions of all objects or one", Ddl},
        Word{"resume", "Go on with it: in the process that runs it, else in this one", Resume},
        Word{"pause", "Let the process that runs it pause", Pause},
        Word{"release", "End it and forget all that is stored of it", Release},
        Word{"resolve", "Answer what is blocked", Resolve}}) {
    auto arguments = Add(*group, context, word.word, word.help, word.action);
    CLI::App* command = group->get_subcommand(word.word);
    command->add_option("NAME", arguments->name, "The project")->required();
    if (std::string_view(word.word) == "ddl") {
      command->add_option("OBJECT", arguments->second, "db.table");
    }
    if (std::string_view(word.word) == "resume") arguments->run.AddResumeFlagsTo(*command);
    if (std::string_view(word.word) != "resolve") continue;
    command->add_option("ITEM", arguments->second, "Its number, or the object's name")->required();
    CLI::Option_group* choice = command->add_option_group("choice");
    choice->add_flag("--retry", arguments->retry, "Try it again");
    choice->add_flag("--skip", arguments->skip, "Leave it out");
    choice->add_flag("--done", arguments->done, "It was done by hand");
    choice->add_option("--edit", arguments->edit_file, "Run this file's statement instead");
    choice->require_option(1);
  }
}

}  // namespace godwit
