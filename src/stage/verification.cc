// SPDX-License-Identifier: Apache-2.0
#include "stage/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "pipeline/replay_tables.h"
#include "stage/schema.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr char kLastRound[] = "verification.round";
constexpr char kOpenRound[] = "verification.open";  // while it compares: its mark
constexpr size_t kKeysPerCorrection = 5'000;
constexpr int kAttempts = 5;  // while definitions keep changing
// Each finds tables under new names. Where short-lived tables come and go all the time, every one
// of them would find others.
constexpr int kLooksForNewcomers = 4;  // of a round

// Of both sides: what was compared under them says nothing under others.
std::string DefinitionsOf(const ComparePlan& plan) {
  return DefinitionDigest(Essence(*plan.source.table)) +
         DefinitionDigest(Essence(*plan.destination.table));
}

// That the others of the table's wrong rows stay as they are.
void NoteRest(const CompareJob& job, const Error& why, VerificationReport& report, json& detail) {
  auto number = [&](const char* name) { return detail.value(name, uint64_t{0}); };
  const uint64_t wrong = number("only_source") + number("different");
  const uint64_t rest = wrong - std::min(wrong, number("corrected") + number("refused"));
  report.NotCorrected(job, rest, why);
  detail["refused"] = number("refused") + rest;
}

std::vector<TableName> NamesOf(const std::vector<CompareJob>& jobs) {
  std::vector<TableName> names;
  for (const CompareJob& job : jobs) names.push_back(job.plan->name());
  return names;
}

// 0: the Log does not know it, or nothing is followed.
uint64_t VersionOf(const TableName& table, const std::map<TableName, uint64_t>& versions) {
  const auto known = versions.find(table);
  return known == versions.end() ? 0 : known->second;
}

// Of a table whose definition has changed, the name may be another table's by now.
void Append(const std::vector<TableName>& newcomers, std::vector<TableName>& open) {
  open.insert(open.end(), newcomers.begin(), newcomers.end());
}

}  // namespace

VerificationStage::VerificationStage(Link& link, Capturer* capturer, Replayer* replayer,
                                     VerificationOptions options)
    : link_(link),
      capturer_(capturer),
      replayer_(replayer),
      options_(std::move(options)),
      journal_(link.metadata, link.project, "verification"),
      goes_on_(options_.goes_on) {
  progress_.unit = "tables";
}

void VerificationStage::Run(std::stop_token stop) {
  source_ = link_.source.OpenCatalog();
  destination_ = link_.destination.OpenCatalog();
  if (replayer_ != nullptr) {
    watch_ = WatchLink(link_, *capturer_, *replayer_, WithoutProof::kGoesOn);
  }
  totals_ = {};
  std::vector<TableName> open = Tables();
  tables_ = {open.begin(), open.end()};
  for (int i = 0; i < std::max(options_.rounds, 1) && !open.empty(); ++i) {
    int64_t round = std::stoll(link_.metadata.Setting(link_.project, kLastRound).value_or("0"));
    // Only the first round of a run may go on with one that was cut off: it has all tables.
    const bool goes_on =
        goes_on_ && i == 0 && link_.metadata.Setting(link_.project, kOpenRound) == OpenMark(round);
    if (!goes_on) link_.metadata.PutSetting(link_.project, kLastRound, std::to_string(++round));
    link_.metadata.PutSetting(link_.project, kOpenRound, i == 0 ? OpenMark(round) : "");
    goes_on_ = true;  // when this object runs again, after an error that passes
    Round(round, open, stop);
    // Who comes after a correction that failed looks at all of it again.
    link_.metadata.PutSetting(link_.project, kOpenRound, "");
    CrashPoint("verification-after-round");
    open = Correct(round, stop);
    if (!open.empty() && i + 1 < options_.rounds) Append(Newcomers(), open);
  }
  SumUp();
}

// Only who would do the same goes on with a round, and only while nothing more was skipped: that
// may have been in tables that were equal.
std::string VerificationStage::OpenMark(int64_t round) const {
  std::string mark = fmt::format(
      "{} {} {}", round, options_.strength == DigestStrength::kCertain ? "certain" : "quick",
      options_.correct ? "corrects" : "compares");
  for (const TableName& table : options_.tables) mark += " " + table.ToString();
  size_t answered = 0;
  for (const char* status : {"skip", "done", "edited", "closed"}) {
    for (const Finding& finding : link_.metadata.Findings(link_.project, status)) {
      // Closed for itself, or since the change went through after all.
      answered += finding.answer != "open" && finding.answer != "retry";
    }
  }
  return mark + fmt::format(" after {} answers", answered);
}

std::vector<TableName> VerificationStage::Tables() {
  const auto [selected, views] = SelectObjects(*source_, link_.translator.rules());
  const std::set<TableName> now(selected.begin(), selected.end());
  RequireSeen(now, views);
  if (known_.empty()) known_ = now;
  // Nobody can have asked for the new name of a table that was renamed meanwhile.
  const bool takes_new = std::any_of(options_.tables.begin(), options_.tables.end(),
                                     [&](const TableName& name) { return !now.contains(name); });
  std::vector<TableName> out;
  for (const TableName& name : selected) {
    const bool is_asked = options_.tables.contains(name);
    const bool is_new = takes_new && !known_.contains(name);
    if (!options_.tables.empty() && !is_asked && !is_new) continue;
    const auto made = link_.metadata.Entry(link_.project, "schema", name.ToString());
    if (made && IsLeftOutOfShared(*made)) {
      if (is_asked) FailLeftOut(name);
      continue;
    }
    // One that the user has made by hand was copied like the others.
    if (made && made->status == "skipped" && !is_asked) {
      const auto mapping = link_.translator.rules().Find(name);
      if (!mapping || !destination_->Table(mapping->destination)) continue;
    }
    out.push_back(name);
  }
  return out;
}

// A source does not list what is hidden from the account; looking at it says so (ACCESS_DENIED).
void VerificationStage::RequireSeen(const std::set<TableName>& listed,
                                    const std::vector<TableName>& views) {
  std::set<TableName> carried;
  for (const JournalEntry& entry : link_.metadata.Entries(link_.project, "full")) {
    carried.insert(TableName::FromText(entry.object));
  }
  for (const SchemaVersion& known : link_.store.LatestSchemas()) {
    if (known.table) carried.insert(known.name);
  }
  for (const TableName& view : views) carried.erase(view);  // it has taken the table's name
  for (const TableName& name : carried) {
    const bool is_asked = options_.tables.empty() || options_.tables.contains(name);
    if (is_asked && !listed.contains(name) && link_.translator.rules().Find(name)) {
      source_->Table(name);
    }
  }
}

// What is where its rows would be is another table's.
void VerificationStage::FailLeftOut(const TableName& source) const {
  throw Error({.code = "VERIFY_LEFT_OUT",
               .kind = ErrorKind::kBlocked,
               .side = Side::kDestination,
               .object = source.ToString(),
               .message = "there is nothing to compare it with",
               .cause = "it was left out by an answer, since its rows would go into the table "
                        "of another one",
               .remedy = "name other tables; to carry it after all, give it a rule with a "
                         "destination of its own in a new project"});
}

std::vector<TableName> VerificationStage::Newcomers() {
  std::vector<TableName> out;
  if (looks_ >= kLooksForNewcomers) return out;
  for (const TableName& name : Tables()) {
    if (tables_.insert(name).second) out.push_back(name);
  }
  if (!out.empty()) ++looks_;
  progress_.total.Add(static_cast<int64_t>(out.size()));
  return out;
}

std::string VerificationStage::Directory(int64_t round) const {
  return fmt::format("{}/{}", options_.directory, round);
}

Comparer::Options VerificationStage::CompareOptions() const {
  return {.pairs = options_.pairs > 0 ? options_.pairs : std::max(link_.spec.limits.readers, 1),
          .pair = {.retry = options_.retry, .on_transient = options_.on_transient},
          .rates = options_.rates,
          .compare = {.strength = options_.strength,
                      .settle = options_.settle,
                      .sizes = options_.sizes,
                      .spill_directory = options_.directory + "/spill"}};
}

// What was found wrong may have been mended since: it is looked at again. A process that was cut
// off may not have seen any more that a definition had changed.
bool VerificationStage::IsDoneIn(int64_t round, const CompareJob& job) const {
  const std::string table = job.plan->name().ToString();
  if (journal_.Status(table) != "done") return false;
  const json detail = journal_.Detail(table);
  return detail.value("round", int64_t{0}) == round && detail.value("consistent", false) &&
         detail.value("definitions", "") == DefinitionsOf(*job.plan) &&
         detail.value("version", uint64_t{0}) == job.version;
}

// A definition may change at any moment, and nothing fails then: text is read by another character
// set than the one it is in, a new column is not looked at. So they are looked at again afterwards.
void VerificationStage::Round(int64_t round, const std::vector<TableName>& tables,
                              std::stop_token stop) {
  progress_.total.Set(static_cast<int64_t>(tables.size()));
  looks_ = 0;
  std::vector<TableName> open = tables;
  for (int attempt = 1;; ++attempt) {
    if (attempt > 1) Append(Newcomers(), open);
    VerificationReport report(
        Directory(round), link_.destination.dialect(), progress_,
        [&](const CompareJob& job, const TableVerdict& verdict) { Conclude(round, job, verdict); });
    progress_.done.Set(progress_.total.Get() - static_cast<int64_t>(open.size()));
    const std::vector<CompareJob> jobs = Jobs(round, open, report, stop);
    try {
      Comparer comparer(link_.source, link_.destination, watch_.get(), CompareOptions());
      comparer.Run(jobs, report, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient || attempt == kAttempts) throw;
      if (Reopen(round, Changed(jobs, stop)).empty()) throw;
      open = NamesOf(jobs);
      continue;
    }
    const std::vector<CompareJob> changed = Changed(jobs, stop);
    if (changed.empty()) return;
    open = Reopen(round, changed);
    if (attempt < kAttempts) continue;
    for (const CompareJob& job : changed) report.KeptChanging(job);
    return progress_.done.Set(progress_.total.Get());
  }
}

std::vector<CompareJob> VerificationStage::Jobs(int64_t round, std::vector<TableName> tables,
                                                VerificationReport& report, std::stop_token stop) {
  std::vector<CompareJob> jobs;
  std::set<TableName> gone;
  while (!tables.empty()) {
    // Definitions are read where the destination has what the source had.
    if (watch_) watch_->CatchUp(stop);
    const std::map<TableName, uint64_t> versions = Versions();
    bool is_one_gone = false;
    for (const TableName& table : tables) {
      auto job = Prepare(round, table);
      if (job) job->version = VersionOf(table, versions);
      if (job && IsDoneIn(round, *job)) {
        progress_.done.Add(1);
        continue;
      }
      report.Restart(table);
      if (job) {
        jobs.push_back(std::move(*job));
        continue;
      }
      progress_.done.Add(1);
      if (!IsGone(table)) continue;
      is_one_gone = true;
      // Its name may come back. Once: one that is listed may have no definition.
      if (gone.insert(table).second) tables_.erase(table);
    }
    tables = is_one_gone ? Newcomers() : std::vector<TableName>();
  }
  return jobs;
}

std::vector<TableName> VerificationStage::Reopen(int64_t round,
                                                 const std::vector<CompareJob>& jobs) {
  std::vector<TableName> names = NamesOf(jobs);
  for (const TableName& name : names) {
    journal_.Put(name.ToString(), "running", {{"round", round}});
  }
  return names;
}

std::optional<CompareJob> VerificationStage::Prepare(int64_t round, const TableName& table) {
  std::optional<TableSchema> here = source_->Table(table);
  auto mapping = link_.translator.rules().Find(table);
  if (!here || !mapping) {
    journal_.Put(table.ToString(), "skipped", {{"round", round}, {"dropped", true}});
    return std::nullopt;
  }
  std::optional<TableSchema> there = destination_->Table(mapping->destination);
  if (!there) {
    journal_.Put(table.ToString(), "done",
                 {{"round", round}, {"missing", true}, {"consistent", false}});
    return std::nullopt;
  }
  auto plan =
      TablePlan::ForComparing(std::make_shared<const TableSchema>(std::move(*here)),
                              std::make_shared<const TableSchema>(std::move(*there)), *mapping);
  return CompareJob{ComparePlan::Make(std::move(plan)), source_->Estimate(table)};
}

bool VerificationStage::IsGone(const TableName& table) const {
  return journal_.Status(table.ToString()) == "skipped";
}

std::vector<CompareJob> VerificationStage::Changed(const std::vector<CompareJob>& jobs,
                                                   std::stop_token stop) {
  if (jobs.empty()) return {};
  return RetryTransient(options_.retry, stop, options_.on_transient, [&] {
    // Those that were open have been idle while all was compared.
    source_ = link_.source.OpenCatalog();
    destination_ = link_.destination.OpenCatalog();
    std::set<TableName> others;
    for (const CompareJob& job : jobs) {
      if (!job.plan->IsCurrent(*source_, *destination_)) others.insert(job.plan->name());
    }
    if (watch_) watch_->CatchUp(stop);  // what was seen just now is in the Log
    const std::map<TableName, uint64_t> versions = Versions();
    std::vector<CompareJob> changed;
    for (const CompareJob& job : jobs) {
      const TableName& name = job.plan->name();
      const bool is_other = others.contains(name) || VersionOf(name, versions) != job.version;
      if (is_other) changed.push_back(job);
    }
    return changed;
  });
}

std::map<TableName, uint64_t> VerificationStage::Versions() const {
  std::map<TableName, uint64_t> versions;
  if (!watch_) return versions;
  for (const SchemaVersion& known : link_.store.LatestSchemas()) {
    if (known.table) versions.emplace(known.name, known.since);
  }
  return versions;
}

void VerificationStage::Conclude(int64_t round, const CompareJob& job,
                                 const TableVerdict& verdict) {
  const TableName& table = job.plan->name();
  journal_.Put(table.ToString(), "done",
               {{"round", round},
                {"rows", verdict.rows},
                {"only_source", verdict.only_source},
                {"only_destination", verdict.only_destination},
                {"different", verdict.different},
                {"computed", verdict.computed},
                {"unsettled", verdict.unsettled},
                {"bytes", verdict.bytes},
                {"has_key", job.plan->has_key()},
                {"definitions", DefinitionsOf(*job.plan)},
                {"version", job.version},
                {"consistent", verdict.inconsistent() == 0 && verdict.unsettled == 0},
                {"report", Directory(round)}});
  progress_.done.Add(1);
}

std::vector<TableName> VerificationStage::Correct(int64_t round, std::stop_token stop) {
  std::vector<TableName> open;
  corrector_.reset();  // its connections have been idle while all was compared
  locked_.reset();
  VerificationReport report(Directory(round), link_.destination.dialect(), progress_, {});
  for (const TableName& table : tables_) {
    json detail = journal_.Detail(table.ToString());
    if (detail.value("round", int64_t{0}) != round) continue;
    const uint64_t wrong =
        detail.value("only_source", uint64_t{0}) + detail.value("different", uint64_t{0});
    bool is_open = detail.value("unsettled", uint64_t{0}) > 0;
    if (options_.correct && wrong > 0 && detail.value("has_key", false)) {
      auto job = Prepare(round, table);
      if (!job && !IsGone(table)) continue;
      if (job) job->version = detail.value("version", uint64_t{0});
      // The keys that were found are in terms of the definitions that were compared. What was found
      // of a table that is gone counts until it has been looked for under another name.
      if (!job || detail.value("definitions", "") != DefinitionsOf(*job->plan)) {
        is_open = true;
      } else {
        is_open = CorrectTable(*job, report, detail, stop) || is_open;
        totals_.corrected += detail.value("corrected", uint64_t{0});
      }
      journal_.Put(table.ToString(), "done", detail);
    }
    if (is_open) open.push_back(table);
  }
  return open;
}

bool VerificationStage::CorrectTable(const CompareJob& job, VerificationReport& report,
                                     json& detail, std::stop_token stop) {
  if (!corrector_) {
    const Corrector::Options how{
        .lane = options_.lane, .retry = options_.retry, .on_transient = options_.on_transient};
    corrector_ = std::make_unique<Corrector>(link_, capturer_, replayer_, how);
  }
  const uint64_t before = corrector_->written();
  uint64_t refused = 0;
  bool has_changed = false;
  auto note = [&](const KeyTuple& key, const Error& why) {
    report.NotCorrected(job, key, why);
    ++refused;
  };
  auto correct = [&](const std::vector<KeyTuple>& keys) {
    corrector_->Correct(*job.plan, keys, note, stop);
  };
  std::unique_ptr<const Error> ended;  // why nothing more of the table is corrected
  try {
    if (locked_) throw Error(*locked_);
    CheckWritable(*job.plan);
    VerificationReport::ReadKeys(report.Path(job.plan->name(), ".keys"), kKeysPerCorrection,
                                 correct);
  } catch (const Error& error) {
    has_changed = TellsOfDefinitions(error) && !Changed({job}, stop).empty();
    const bool is_locked = error.code() == "GLOBAL_LOCK_TIMEOUT";
    if (!has_changed && !is_locked && error.code() != "PLAN_COLUMN_COARSER") throw;
    if (is_locked) locked_ = std::make_unique<const Error>(error);
    if (!has_changed) ended = std::make_unique<const Error>(error);
  }
  const uint64_t corrected = corrector_->written() - before;
  detail["corrected"] = corrected;
  detail["refused"] = refused;
  if (ended) NoteRest(job, *ended, report, detail);
  return has_changed || corrected > 0;
}

// What may be compared may not be fit to be written: values would not be kept as they are.
void VerificationStage::CheckWritable(const ComparePlan& plan) const {
  const auto mapping = link_.translator.rules().Find(plan.name());
  GODWIT_CHECK(mapping.has_value(), "only selected tables are corrected");
  TablePlan::Make(plan.plan->source(), plan.plan->destination(), *mapping);
}

void VerificationStage::SumUp() {
  for (const TableName& table : tables_) {
    if (journal_.Status(table.ToString()) != "done") continue;
    json detail = journal_.Detail(table.ToString());
    auto number = [&](const char* name) { return detail.value(name, uint64_t{0}); };
    ++totals_.tables;
    if (detail.value("consistent", false)) ++totals_.consistent_tables;
    if (detail.value("missing", false)) ++totals_.missing_tables;
    totals_.rows += number("rows");
    totals_.only_source += number("only_source");
    totals_.only_destination += number("only_destination");
    totals_.different += number("different");
    totals_.computed += number("computed");
    totals_.unsettled += number("unsettled");
    totals_.refused += number("refused");
  }
  totals_.inconsistent = totals_.only_source + totals_.only_destination + totals_.different +
                         totals_.computed + totals_.missing_tables;
  journal_.Put("", "done",
               {{"tables", totals_.tables},
                {"consistent_tables", totals_.consistent_tables},
                {"missing_tables", totals_.missing_tables},
                {"rows", totals_.rows},
                {"only_source", totals_.only_source},
                {"only_destination", totals_.only_destination},
                {"different", totals_.different},
                {"computed", totals_.computed},
                {"unsettled", totals_.unsettled},
                {"corrected", totals_.corrected},
                {"refused", totals_.refused}});
}

}  // namespace godwit
