// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <stop_token>
#include <string>
#include <vector>

#include "endpoint/registry.h"
#include "metadata/metadata.h"
#include "pipeline/blocked.h"
#include "project/figures.h"
#include "project/project_request.h"
#include "project/runner.h"
#include "project/state_directory.h"
#include "stage/selection.h"
#include "store/store.h"

namespace godwit {

struct StoredProject {
  ProjectRecord record;
  ProjectSpec spec;
};

struct ProjectStatus {
  StoredProject project;
  std::optional<pid_t> owner;  // who runs it
  ProjectView view;            // the owner's where one answers, else what is stored
  std::vector<JournalEntry> precheck;
  std::vector<JournalEntry> verification;     // by table: the last verdict
  std::optional<SelectionPreview> selection;  // as the last precheck found it
  std::map<TableName, ChangeCounts> changes;  // replayed by all runs, by table of the source
  std::vector<Finding> left_out;              // rows that were skipped
  std::vector<Finding> skipped;               // statements and objects that were
};

// One converted object, for people.
struct DdlView {
  std::string object;
  std::string kind;    // "table", "view", "index", "ddl"
  std::string status;  // the journal's word
  std::string source;
  std::string converted;
  std::vector<std::string> notes;
  std::optional<ErrorFields> error;
};

struct DumpRequest {
  std::optional<int64_t> from_us;  // commit time at the source, µs since 1970 UTC
  std::optional<int64_t> to_us;
  std::string table;  // "db.table" or a pattern of it, empty: all
};

// Whether another statement may be run instead of what is blocked.
bool CanBeEdited(const Finding& finding);

// Everything a person can do with projects and data sources. Commands write wishes and answers to
// the metadata; the process that runs the project watches them. Thread-safe. Owns nothing it is
// given. Throws PROJECT_UNKNOWN for a name that is not stored.
class Projects {
 public:
  Projects(const StateDirectory& directory, Metadata& metadata, const Registry& registry)
      : directory_(directory), metadata_(metadata), registry_(registry) {}

  // --- projects ---
  // The stored project that the request means, brought up to date with it, or a new one. Passwords
  // of its URLs are kept sealed. Throws PROJECT_CONFLICT, FLAGS_MISSING, DATA_SOURCE_UNKNOWN, and
  // PROJECT_BUSY where a process runs what would have to be changed.
  StoredProject Create(const ProjectRequest& request);
  // Throws SPEC_CORRUPT.
  StoredProject Find(const std::string& name) const;
  // One whose spec cannot be read is "broken", its cause is the error.
  std::vector<ProjectStatus> List() const;
  ProjectStatus Status(const std::string& name) const;
  // Both ends with their passwords.
  std::pair<EndpointUrl, EndpointUrl> Ends(const StoredProject& project) const;
  // One of the spec's replicas with its password.
  EndpointUrl Replica(const std::string& name, const std::string& replica) const;

  // Throws RELEASE_UNFINISHED where a release has begun: nothing can follow but its end.
  void CheckKept(const std::string& name) const;
  void Pause(const std::string& name);
  void Resume(const std::string& name);
  // Ends the project for good: waits for the process that runs it, forgets its lanes at the
  // destination and all that is stored of it, also of a broken one. Migrated data stays.
  void Release(const std::string& name, std::stop_token stop);
  // `item` is a finding's number, or the name of an object that is blocked or that precheck has
  // shown and nothing has made. Throws ITEM_UNKNOWN, OBJECT_MADE, PROJECT_BUSY, CHOICE_INVALID.
  void Resolve(const std::string& name, const std::string& item, const Answer& answer);
  // Of one object or, `object` empty, all.
  std::vector<DdlView> Ddl(const std::string& name, const std::string& object) const;
  // What is stored at this moment, also beside the process that runs the project. `on_part` is
  // called with index -1 for a transaction's head, then its parts.
  using OnPart = std::function<void(const LoggedTransaction&, int index, const LogPart*)>;
  void StoreDump(const std::string& name, const DumpRequest& request, const OnPart& on_part,
                 std::stop_token stop) const;

  // --- verification by the process that runs the project ---
  // The order's number; nullopt: nobody runs it. Throws PROJECT_PAUSED and, where its process does
  // not answer, PROJECT_SILENT.
  std::optional<int64_t> OrderVerification(const std::string& name, const VerifyOrder& order) const;
  struct Ordered {
    std::string state;  // waiting, running, done
    ProjectView view;
    std::optional<RunOutcome> outcome;
  };
  // nullopt: the process has ended, or is too busy to answer.
  std::optional<Ordered> LookAtVerification(const std::string& name, int64_t order) const;
  void CallOffVerification(const std::string& name, int64_t order) const;

  // --- data sources ---
  void AddDataSource(const std::string& name, const std::string& url);
  std::vector<DataSource> DataSources() const;
  EndpointInfo TestDataSource(const std::string& name_or_url) const;

  const StateDirectory& directory() const { return directory_; }
  Metadata& metadata() const { return metadata_; }
  const Registry& registry() const { return registry_; }

 private:
  ProjectRecord Record(const std::string& name) const;
  bool HasBegun(const ProjectRecord& record) const;
  StoredProject Update(const std::string& name, const ProjectRequest& request);
  void CheckAgrees(const StoredProject& project, const ProjectRequest& request) const;
  void CheckEnd(const std::string& end, Side side) const;
  DataSource Named(const std::string& end) const;
  void KeepSecrets(const std::string& project, const ProjectRequest& request);
  void KeepSecret(const std::string& project, std::string_view what,
                  const std::optional<std::string>& end);
  EndpointUrl End(const std::string& project, std::string_view what, const std::string& end) const;
  void ForgetLanes(const ProjectRecord& record) const;
  ProjectView StoredView(const StoredProject& project) const;
  void ResolveObject(const StoredProject& project, const std::string& object, const Answer& answer);
  bool ResolvePlanned(const StoredProject& project, const std::string& object,
                      const Answer& answer);
  void NoteSkipped(int64_t project, const JournalEntry& entry);

  const StateDirectory& directory_;
  Metadata& metadata_;
  const Registry& registry_;
};

// One run of a project by this process: its lock, its control socket and its runner.
class ProjectRun {
 public:
  // `spec` may differ from the stored one in what this run is to do. Throws PROJECT_BUSY, and
  // PROJECT_CHANGED where `project` is not what is stored any more.
  ProjectRun(Projects& projects, const StoredProject& project, ProjectSpec spec,
             RunOptions options);
  ~ProjectRun();

  RunOutcome Run(std::stop_token stop);  // one thread
  ProjectView View() const;              // any thread

 private:
  class Door;

  Projects& projects_;
  ProjectLock lock_;
  const StoredProject project_;  // as it is under the lock
  Runner runner_;
  std::unique_ptr<Door> door_;
};

}  // namespace godwit
