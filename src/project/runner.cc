// SPDX-License-Identifier: Apache-2.0
#include "project/runner.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "base/deadline.h"
#include "base/mutex.h"
#include "base/task_group.h"
#include "pipeline/capturer.h"
#include "pipeline/replayer.h"
#include "pipeline/source_load.h"
#include "project/ask_user.h"
#include "project/figures.h"
#include "project/log_start.h"
#include "project/object_answers.h"
#include "project/run_state.h"
#include "project/spec.h"
#include "stage/full.h"
#include "stage/indexes.h"
#include "stage/precheck.h"
#include "stage/schema.h"
#include "stage/verification.h"

namespace godwit {

using nlohmann::json;
using namespace std::chrono_literals;

namespace {

constexpr auto kDesiredPoll = 300ms;
constexpr auto kOrderPatience = 10s;
constexpr auto kTallyEvery = 2s;
constexpr auto kSampleEvery = 1s;
constexpr auto kTimeToTell = 2s;

constexpr int kVerificationAttempts = 20;

// Thrown inside: the run ends without a failure of its own.
struct Ended {
  RunOutcome outcome;
};

}  // namespace

struct Runner::Impl {
  const Registry& registry;
  Metadata& metadata;
  ProjectRecord project;
  ProjectSpec spec;
  EndpointUrl source_url;
  EndpointUrl destination_url;
  std::string directory;
  RunOptions options;
  RunState state;
  RunOutcome outcome;
  VerifyOrders orders;

  // Of one attempt.
  std::unique_ptr<Endpoint> source;
  std::unique_ptr<Endpoint> destination;
  std::unique_ptr<Store> store;
  std::unique_ptr<Translator> translator;
  std::unique_ptr<Link> link;
  std::vector<LaneState> lanes;
  std::unique_ptr<CaptureCounters> capture_counters;
  std::unique_ptr<ReplayCounters> replay_counters;
  std::unique_ptr<Capturer> capturer;
  std::unique_ptr<Replayer> replayer;
  Mutex tally_mutex;

  // --- the spine ---
  void Attempt(std::stop_token stop) {
    Open(stop);
    Precheck(stop);
    if (Writes()) RaiseEpoch(stop);
    TaskGroup flows(stop);
    try {
      const std::stop_token token = flows.stop_token();
      if (spec.Has(MigrationType::kSchema)) Schema(token);
      if (spec.Has(MigrationType::kIncremental)) StartCapture(flows);
      if (spec.Has(MigrationType::kSchema)) Views(token);
      if (spec.Has(MigrationType::kFull)) Full(token);
      if (spec.Has(MigrationType::kFull) || spec.Has(MigrationType::kSchema)) Indexes(token);
      if (spec.Has(MigrationType::kIncremental)) StartReplay(flows);
      if (spec.Has(MigrationType::kVerification)) Verification(token);
      replayer ? Follow(token) : ServeWaiting(token);
      flows.RequestStop();
      JoinQuietly(flows);
    } catch (const Stopped&) {
      flows.RequestStop();
      flows.Join();  // throws a flow's error, if that is what stopped the stage
      throw;
    } catch (...) {
      flows.RequestStop();
      JoinQuietly(flows);
      throw;
    }
  }

  // Flows end with Stopped, which TaskGroup swallows; an error of theirs that comes after the
  // stages are through no longer matters: what they wrote is whole.
  static void JoinQuietly(TaskGroup& flows) {
    try {
      flows.Join();
    } catch (const Error&) {
    }
  }

  RetryPolicy retry() const { return {}; }
  std::function<void(const Error*)> on_transient() {
    return [this](const Error* error) { state.SetTransient(error); };
  }

  void Open(std::stop_token stop) {
    Close();
    auto open = [&] {
      source = registry.Open(source_url, Side::kSource);
      destination = registry.Open(destination_url, Side::kDestination);
    };
    // Ends that were never reached are more likely wrong than away for a while.
    if (StageJournal(metadata, project.id, "stages").IsDone("precheck")) {
      RetryTransient(retry(), stop, on_transient(), open);
    } else {
      open();
    }
    store = Store::Open(directory + "/store", {});
    const bool logs_cascades = HoldCascades(metadata, project.id, *source, *store);
    using Cascades = Translator::Cascades;
    translator = std::make_unique<Translator>(
        source->dialect(), destination->dialect(), spec.rules, CharsetOverlay{spec.collations},
        logs_cascades ? Cascades::kLogged : Cascades::kUnlogged);
    link = std::make_unique<Link>(Link{.name = LinkName(),
                                       .project = project.id,
                                       .spec = spec,
                                       .source = *source,
                                       .destination = *destination,
                                       .store = *store,
                                       .metadata = metadata,
                                       .translator = *translator,
                                       .logs_cascades = logs_cascades});
    capture_counters = std::make_unique<CaptureCounters>();
    replay_counters = std::make_unique<ReplayCounters>();
    state.Watch(capture_counters.get(), replay_counters.get(), store.get());
  }

  void Close() {
    state.Unwatch();
    replayer.reset();
    capturer.reset();
    link.reset();
    translator.reset();
    store.reset();
    source.reset();
    destination.reset();
  }

  // Lane rows outlive state directories: a second project of the same name must not find them.
  std::string LinkName() {
    auto name = metadata.Setting(project.id, "link.name");
    if (name) return *name;
    name = fmt::format("{}-{:x}", project.name,
                       std::chrono::system_clock::now().time_since_epoch().count());
    metadata.PutSetting(project.id, "link.name", *name);
    return *name;
  }

  void Precheck(std::stop_token stop) {
    StageJournal journal(metadata, project.id, "stages");
    if (journal.IsDone("precheck") && options.purpose != RunPurpose::kPrecheck) {
      return state.Skip("precheck", "done");
    }
    PrecheckStage stage(*link, {.writes = Writes()});
    try {
      RunStage(stage, stop, StagePolicy::kLeaveOpen);
    } catch (const Error& error) {
      if (error.code() != "PRECHECK_FAILED") throw;
      throw Ended{.outcome = {.status = "precheck_failed", .error = error.fields()}};
    }
    std::vector<std::string> warnings = stage.warnings();
    const bool are_accepted = warnings.empty() || options.accept_warnings ||
                              (options.confirm && options.confirm(warnings));
    if (!are_accepted && stop.stop_requested()) throw Stopped();
    if (!are_accepted) {
      throw Ended{
          .outcome = {.status = "precheck_failed",
                      .error = ErrorFields{.code = "PRECHECK_WARNED",
                                           .kind = ErrorKind::kBlocked,
                                           .message = fmt::format("{} warnings, first: {}",
                                                                  warnings.size(), warnings[0]),
                                           .cause = "warnings were not accepted",
                                           .remedy = "look at them and accept them by --yes"}}};
    }
    if (options.purpose == RunPurpose::kPrecheck) {
      throw Ended{.outcome = {.status = "completed"}};
    }
    journal.Put("precheck", "done", json::object());
  }

  // Comparing alone needs no right to write at the destination.
  bool Writes() const {
    return options.correct || spec.Has(MigrationType::kSchema) || spec.Has(MigrationType::kFull) ||
           spec.Has(MigrationType::kIncremental);
  }

  void RaiseEpoch(std::stop_token stop) {
    RetryTransient(retry(), stop, on_transient(), [&] {
      auto sink = destination->OpenSink();
      Sink::Fence fence = sink->RaiseEpoch(link->name, LaneCount());
      link->epoch = fence.epoch;
      lanes = std::move(fence.lanes);
    });
    CrashPoint("fence-after-raise");
  }

  // The last one is correction's.
  int LaneCount() const { return std::max(spec.limits.readers, spec.limits.lanes) + 1; }

  void Schema(std::stop_token stop) {
    SchemaStage stage(*link);
    RunResolving(stage, "SCHEMA_INCOMPLETE", stop);
  }

  // What became of views before the start of capture is not in its log.
  void Views(std::stop_token stop) {
    SchemaStage stage(*link);
    const bool is_open =
        RetryTransient(retry(), stop, on_transient(), [&] { return stage.ReopenForViews(stop); });
    if (is_open) Schema(stop);
  }

  void StartCapture(TaskGroup& flows) {
    PrepareLog(*link);
    capturer =
        std::make_unique<Capturer>(*source, *store, spec.rules, *capture_counters,
                                   Capturer::Options{.retry = retry(),
                                                     .on_transient = on_transient(),
                                                     .mark = MarkOf(*source, link->name, spec)});
    flows.Start("capture", [this](std::stop_token s) { capturer->Run(s); });
    flows.Start("samples", [this](std::stop_token s) {
      do state.Sample();
      while (!WaitForStop(s, Deadline::In(kSampleEvery)));
    });
    if (!spec.heartbeat_database.empty()) {
      flows.Start("heartbeat", [this](std::stop_token s) {
        RunHeartbeat(*source, link->name, spec, on_transient(), s);
      });
    }
    state.Begin("capture", nullptr);
    capturer->WaitReady(flows.stop_token());
    CrashPoint("capture-before-ready");
    metadata.PutSetting(project.id, "capture.ready", "yes");
    state.SetFlow(RunState::Flow::kCapturing);
    state.End("capture", "running");
  }

  void Full(std::stop_token stop) {
    auto rates = [this] {
      return Throttle::Rates{spec.limits.rows_per_second, spec.limits.bytes_per_second};
    };
    SourceLoad load(*source, spec.replicas, spec.limits, [this](const std::string& replica) {
      return registry.Open(options.replica(replica), Side::kSource);
    });
    FullStage stage(*link, capturer.get(),
                    {.loader = {.retry = retry(),
                                .on_transient = on_transient(),
                                .rates = rates,
                                .hold = [&](Throttle::Reading r) { return load.Hold(r); },
                                .ask = MakeAskUser(metadata, project.id, options.blocked_timeout)},
                     .lanes = lanes});
    RunStage(stage, stop, StagePolicy::kOnce);
    state.SetRows("full", CopiedSoFar(metadata, project.id).rows);
  }

  void Indexes(std::stop_token stop) {
    IndexesStage stage(*link);
    RunResolving(stage, "INDEXES_INCOMPLETE", stop);
  }

  void StartReplay(TaskGroup& flows) {
    replayer = std::make_unique<Replayer>(
        *link, *capturer, lanes, *replay_counters,
        Replayer::Options{.lanes = spec.limits.lanes,
                          .merge = spec.merge,
                          .retry = retry(),
                          .on_transient = on_transient(),
                          .ask = MakeAskUser(metadata, project.id, options.blocked_timeout)});
    Tally();  // before retention takes what a killed run had applied
    state.SetReplayer(replayer.get());
    flows.Start("replay", [this](std::stop_token s) { replayer->Run(s); });
    flows.Start("tally", [this](std::stop_token s) {
      while (!WaitForStop(s, Deadline::In(kTallyEvery))) Tally();
    });
    state.Begin("incremental", nullptr);
    state.SetFlow(RunState::Flow::kReplaying);
    CatchUp(flows.stop_token());
    Tally();  // closes what was skipped, which verification must know of
    state.End("incremental", "running");
  }

  // Replays up to where the source's log ends now.
  void CatchUp(std::stop_token stop) {
    Position now = RetryTransient(retry(), stop, on_transient(),
                                  [&] { return source->OpenChangeReader()->Current(); });
    replayer->WaitApplied(capturer->SequencePast(now, stop), stop);
  }

  void Verification(std::stop_token stop) {
    // A command that only compares wants the present; a migration goes on where it was cut off.
    const bool migrates = spec.Has(MigrationType::kFull) || spec.Has(MigrationType::kSchema);
    const RunOutcome compared = Compare({.tables = options.tables,
                                         .correct = options.correct,
                                         .certain = options.certain,
                                         .goes_on = migrates},
                                        stop);
    outcome.status = compared.status;
    outcome.inconsistent = compared.inconsistent;
    outcome.tables = compared.tables;
    outcome.rows = compared.rows;
  }

  RunOutcome Compare(const VerifyOrder& order, std::stop_token stop) {
    if (order.correct && link->epoch == 0) RaiseEpoch(stop);
    std::set<TableName> tables = RetryTransient(retry(), stop, on_transient(), [&] {
      return ChosenTables(*source->OpenCatalog(), spec.rules, order.tables);
    });
    VerificationStage stage(*link, capturer.get(), replayer.get(),
                            {.directory = directory + "/verification",
                             .tables = std::move(tables),
                             .correct = order.correct,
                             .goes_on = order.goes_on,
                             .lane = LaneCount() - 1,
                             .retry = retry(),
                             .on_transient = on_transient(),
                             .strength = spec.certain || order.certain ? DigestStrength::kCertain
                                                                       : DigestStrength::kQuick});
    for (int attempt = 1;; ++attempt) {
      try {
        RunStage(stage, stop, StagePolicy::kEachTime);
        break;
      } catch (const Error& error) {
        // The two sides were looked at with a DDL between them; it has come through after this.
        if (!replayer || !TellsOfDefinitions(error) || attempt == kVerificationAttempts) throw;
      }
      CatchUp(stop);
    }
    const VerificationTotals& totals = stage.totals();
    return {.status = totals.inconsistent > 0 ? "inconsistent"
                      : totals.unsettled > 0  ? "unsettled"
                                              : "completed",
            .tables = totals.tables,
            .rows = totals.rows,
            .inconsistent = totals.inconsistent};
  }

  // Verifications that were asked for while something else went on.
  void ServeWaiting(std::stop_token stop) {
    while (auto taken = orders.Next(Deadline::In(0ms), stop)) Serve(*taken, stop);
  }

  void Serve(VerifyOrders::Taken& taken, std::stop_token stop) {
    const auto begin = std::chrono::steady_clock::now();
    RunOutcome result;
    {
      std::stop_callback on_stop(stop, [&] { taken.stop.request_stop(); });
      try {
        result = Compare(taken.order, taken.stop.get_token());
      } catch (const Stopped&) {
        result.status = "interrupted";
      } catch (const Error& error) {
        result.status = "failed";
        result.error = error.fields();
      }
    }
    AddFigures(result, RunPurpose::kCompare);
    result.seconds =
        std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
    orders.Finish(taken.id, std::move(result));
    if (stop.stop_requested()) throw Stopped();
  }

  void Follow(std::stop_token stop) {
    if (options.stop_when_caught_up) {
      ServeWaiting(stop);
      CatchUp(stop);
      return ServeWaiting(stop);
    }
    while (!stop.stop_requested()) {
      if (auto taken = orders.Next(Deadline::In(kOrderPatience), stop)) Serve(*taken, stop);
    }
    throw Stopped();
  }

  // --- figures ---
  uint64_t Tally() {
    MutexLock lock(tally_mutex);
    // What replay has passed waits for nobody.
    if (replayer) CloseFindings(metadata, project.id, "incremental", replayer->applied());
    ChangeTally tally(metadata, project.id);
    return replayer && store ? tally.CountOn(*store, replayer->applied()) : tally.count();
  }

  // A run that copies or did tells of all runs; the tables of one that compares are its own.
  void AddFigures(RunOutcome& result, RunPurpose purpose) {
    result.changes = Tally();
    const SkippedItems skipped = SkippedOf(metadata, project.id);
    result.left_out = skipped.rows.size();
    result.skipped = skipped.others.size();
    const CopiedFigures copied = CopiedSoFar(metadata, project.id);
    if (copied.rows > 0 || spec.Has(MigrationType::kFull)) result.rows = copied.rows;
    if (result.tables == 0 && purpose != RunPurpose::kCompare) result.tables = copied.tables;
  }

  // --- stages ---
  enum class StagePolicy {
    kOnce,       // done stays done
    kEachTime,   // runs in every run of the project
    kLeaveOpen,  // the caller says when it is done
  };

  void RunStage(Stage& stage, std::stop_token stop, StagePolicy policy) {
    StageJournal journal(metadata, project.id, "stages");
    const std::string name(stage.name());
    if (policy == StagePolicy::kOnce && journal.IsDone(name)) return state.Skip(name, "done");
    state.Begin(name, &stage);
    try {
      RetryTransient(retry(), stop, on_transient(), [&] { stage.Run(stop); });
    } catch (...) {
      state.End(name, stop.stop_requested() ? "stopped" : "failed");
      throw;
    }
    CrashPoint("stage-before-done");
    if (policy != StagePolicy::kLeaveOpen) journal.Put(name, "done", json::object());
    CrashPoint("stage-after-done");
    state.End(name, "done");
  }

  // Runs a stage whose objects can fail one by one; each failed one is the user's to decide.
  void RunResolving(Stage& stage, std::string_view incomplete, std::stop_token stop) {
    const AskUser ask = MakeAskUser(metadata, project.id, options.blocked_timeout);
    const std::string name(stage.name());
    ObeyGivenAnswers(metadata, project.id, name, ask);
    for (;;) {
      try {
        RunStage(stage, stop, StagePolicy::kOnce);
        return CloseFindings(metadata, project.id, name);
      } catch (const Error& error) {
        if (error.code() != incomplete) throw;
      }
      AskAboutFailed(metadata, project.id, name, ask, stop);
    }
  }

  // --- the frame around attempts ---
  std::string Desired() {
    auto record = metadata.FindProject(project.name);
    return record ? record->desired : "release";
  }

  RunOutcome RunToEnd(std::stop_token stop) {
    for (;;) {
      std::stop_source attempt;
      std::stop_callback on_stop(stop, [&] { attempt.request_stop(); });
      std::jthread watcher([&](std::stop_token done) {
        while (!WaitForStop(done, Deadline::In(kDesiredPoll))) {
          try {
            if (Desired() != "run") attempt.request_stop();
          } catch (const Error&) {  // the run meets it too, and says it
          }
        }
      });
      outcome = {};
      orders.Accept();
      StoreState("running");
      try {
        Attempt(attempt.get_token());
        if (outcome.status.empty()) outcome.status = "completed_unverified";
        return outcome;
      } catch (const Stopped&) {
        if (stop.stop_requested() || Desired() == "release") {
          outcome.status = "interrupted";
          if (!stop.stop_requested()) NoteRelease();
          return outcome;
        }
      } catch (Ended& ended) {
        return std::move(ended.outcome);
      } catch (const Error& error) {
        // What waits for an answer is a finding; it is there when the project is resumed.
        outcome.status = WaitsForAnswer(metadata, project.id, error) ? "blocked" : "failed";
        outcome.error = error.fields();
        return outcome;
      }
      WaitWhilePaused(stop);
      if (stop.stop_requested() || Desired() == "release") {
        outcome.status = "interrupted";
        if (!stop.stop_requested()) NoteRelease();
        return outcome;
      }
    }
  }

  bool MigrationHasBegun() {
    const ProjectSpec stored = SpecFromJson(project.spec);
    const bool migrates = stored.Has(MigrationType::kSchema) || stored.Has(MigrationType::kFull) ||
                          stored.Has(MigrationType::kIncremental);
    return migrates && StageJournal(metadata, project.id, "stages").IsDone("precheck");
  }

  void StoreState(const std::string& word) {
    if (options.purpose == RunPurpose::kMigrate) metadata.SetState(project.id, word, "");
    state.SetState(word);
  }

  void NoteRelease() {
    outcome.error = ErrorFields{.code = "PROJECT_RELEASED",
                                .kind = ErrorKind::kBlocked,
                                .object = project.name,
                                .message = "the project was released while it ran",
                                .cause = "another command has ended it for good",
                                .remedy = "what was migrated stays; migrate again begins anew"};
    outcome.advice = "there is nothing to go on with\n";
  }

  void WaitWhilePaused(std::stop_token stop) {
    orders.Refuse(ProjectPaused());
    state.Unwatch();
    Tally();
    Close();
    StoreState("paused");
    while (Desired() == "pause" && !WaitForStop(stop, Deadline::In(kDesiredPoll))) {
    }
  }
};

Runner::Runner(const Registry& registry, Metadata& metadata, ProjectRecord project,
               ProjectSpec spec, EndpointUrl source, EndpointUrl destination, std::string directory,
               RunOptions options)
    : impl_(new Impl{.registry = registry,
                     .metadata = metadata,
                     .project = std::move(project),
                     .spec = std::move(spec),
                     .source_url = std::move(source),
                     .destination_url = std::move(destination),
                     .directory = std::move(directory),
                     .options = std::move(options)}) {
  impl_->state.Choose(impl_->spec);
}

Runner::~Runner() = default;

RunOutcome Runner::Run(std::stop_token stop) {
  const auto begin = std::chrono::steady_clock::now();
  Impl& r = *impl_;
  RunOutcome outcome;
  try {
    outcome = r.RunToEnd(stop);
    r.state.Unwatch();
    r.AddFigures(outcome, r.options.purpose);
  } catch (const Error& error) {  // the metadata itself
    outcome.status = "failed";
    outcome.error = error.fields();
  } catch (const std::exception& error) {
    outcome.status = "failed";
    outcome.error = ErrorFields{.code = "BUG",
                                .message = error.what(),
                                .cause = "an exception nobody expected",
                                .remedy = "report it with the log; the project can be resumed"};
  }
  outcome.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  outcome.purpose = r.options.purpose;
  r.state.SetState(outcome.status);
  try {
    const auto [word, cause] = StateAfter(r.project, r.MigrationHasBegun(), r.options, outcome);
    r.metadata.SetState(r.project.id, word, cause);
  } catch (const Error& error) {
    if (!outcome.error) outcome.error = error.fields();
  }
  r.orders.Refuse(ProjectEnds());
  r.orders.WaitUntilTold(Deadline::In(kTimeToTell));
  r.Close();
  return outcome;
}

VerifyOrders& Runner::orders() { return impl_->orders; }

ProjectView Runner::View() const {
  ProjectView view = impl_->state.View();
  view.open_findings = impl_->metadata.Findings(impl_->project.id, "open");
  return view;
}

}  // namespace godwit
