// SPDX-License-Identifier: Apache-2.0
#include "stage/verification.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/crash_point.h"
#include "stage/selection.h"

namespace godwit {

using nlohmann::json;

namespace {

constexpr char kLastRound[] = "verification.round";
constexpr char kOpenRound[] = "verification.open";  // while it compares: its mark
constexpr size_t kKeysPerCorrection = 500;
constexpr int kAttempts = 5;  // while definitions keep changing

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
  if (replayer_ != nullptr) watch_ = WatchLink(link_, *capturer_, *replayer_);
  totals_ = {};
  const std::vector<TableName> tables = Tables();
  std::vector<TableName> open = tables;
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
    open = Correct(round, open, stop);
  }
  SumUp(tables);
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
  std::vector<TableName> out;
  StageJournal schema(link_.metadata, link_.project, "schema");
  for (const TableName& name : SelectObjects(*source_, link_.translator.rules()).tables) {
    if (!options_.tables.empty() && !options_.tables.contains(name)) continue;
    if (schema.Status(name.ToString()) == "skipped") continue;
    out.push_back(name);
  }
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

// What was found wrong may have been mended since: it is looked at again.
bool VerificationStage::IsDoneIn(int64_t round, const TableName& table) const {
  if (journal_.Status(table.ToString()) != "done") return false;
  const json detail = journal_.Detail(table.ToString());
  return detail.value("round", int64_t{0}) == round && detail.value("consistent", false);
}

void VerificationStage::Round(int64_t round, const std::vector<TableName>& tables,
                              std::stop_token stop) {
  progress_.total.Set(static_cast<int64_t>(tables.size()));
  progress_.done.Set(0);
  for (int attempt = 1;; ++attempt) {
    // Definitions are read where the destination has what the source had.
    if (watch_) watch_->CatchUp(stop);
    VerificationReport report(
        Directory(round), link_.destination.dialect(), progress_,
        [&](const CompareJob& job, const TableVerdict& verdict) { Conclude(round, job, verdict); });
    std::vector<CompareJob> jobs;
    int64_t done = 0;
    for (const TableName& table : tables) {
      if (IsDoneIn(round, table)) {
        ++done;
        continue;
      }
      report.Restart(table);
      if (auto job = Prepare(round, table)) jobs.push_back(std::move(*job));
    }
    progress_.done.Set(done);
    try {
      Comparer comparer(link_.source, link_.destination, watch_.get(), CompareOptions());
      return comparer.Run(jobs, report, stop);
    } catch (const Error& error) {
      if (error.kind() == ErrorKind::kTransient || attempt == kAttempts || !HaveChanged(jobs)) {
        throw;
      }
    }
  }
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
    progress_.done.Add(1);
    return std::nullopt;
  }
  auto plan = TablePlan::Make(std::make_shared<const TableSchema>(std::move(*here)),
                              std::make_shared<const TableSchema>(std::move(*there)), *mapping);
  return CompareJob{ComparePlan::Make(std::move(plan)), source_->Estimate(table)};
}

bool VerificationStage::HaveChanged(const std::vector<CompareJob>& jobs) {
  auto differs = [](const std::optional<TableSchema>& now, const TableSchema& then) {
    return !now || now->columns != then.columns || now->indexes != then.indexes;
  };
  return std::any_of(jobs.begin(), jobs.end(), [&](const CompareJob& job) {
    const TableSchema& source = *job.plan->source.table;
    const TableSchema& destination = *job.plan->destination.table;
    return differs(source_->Table(source.name), source) ||
           differs(destination_->Table(destination.name), destination);
  });
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
                {"consistent", verdict.inconsistent() == 0 && verdict.unsettled == 0},
                {"report", Directory(round)}});
  progress_.done.Add(1);
}

std::vector<TableName> VerificationStage::Correct(int64_t round,
                                                  const std::vector<TableName>& tables,
                                                  std::stop_token stop) {
  std::vector<TableName> open;
  corrector_.reset();  // its connections have been idle while all was compared
  VerificationReport report(Directory(round), link_.destination.dialect(), progress_, {});
  for (const TableName& table : tables) {
    json detail = journal_.Detail(table.ToString());
    if (detail.value("round", int64_t{0}) != round) continue;
    const uint64_t wrong =
        detail.value("only_source", uint64_t{0}) + detail.value("different", uint64_t{0});
    if (options_.correct && wrong > 0 && detail.value("has_key", false)) {
      const auto job = Prepare(round, table);
      if (!job) continue;
      CorrectTable(*job, report, detail, stop);
      journal_.Put(table.ToString(), "done", detail);
      totals_.corrected += detail.value("corrected", uint64_t{0});
    }
    const bool is_corrected = detail.value("corrected", uint64_t{0}) > 0;
    if (is_corrected || detail.value("unsettled", uint64_t{0}) > 0) open.push_back(table);
  }
  return open;
}

void VerificationStage::CorrectTable(const CompareJob& job, VerificationReport& report,
                                     json& detail, std::stop_token stop) {
  if (!corrector_) {
    const Corrector::Options how{
        .lane = options_.lane, .retry = options_.retry, .on_transient = options_.on_transient};
    corrector_ = std::make_unique<Corrector>(link_, capturer_, replayer_, how);
  }
  uint64_t corrected = 0;
  uint64_t refused = 0;
  auto note = [&](const KeyTuple& key, const Error& why) {
    report.NotCorrected(job, key, why);
    ++refused;
  };
  VerificationReport::ReadKeys(
      report.Path(job.plan->name(), ".keys"), kKeysPerCorrection,
      [&](const auto& keys) { corrected += corrector_->Correct(*job.plan, keys, note, stop); });
  detail["corrected"] = corrected;
  detail["refused"] = refused;
}

void VerificationStage::SumUp(const std::vector<TableName>& tables) {
  for (const TableName& table : tables) {
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
