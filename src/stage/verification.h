// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <map>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "pipeline/comparer.h"
#include "stage/correction.h"
#include "stage/journal.h"
#include "stage/stage.h"
#include "stage/verification_report.h"

namespace godwit {

struct VerificationOptions {
  std::string directory;       // the reports go to <round>/ in it
  std::set<TableName> tables;  // source names; empty: every selected one
  bool correct = false;
  // With the round of an earlier process that did the same and was cut off while it compared.
  // Without it the first Run begins anew.
  bool goes_on = false;
  int lane = 0;    // that corrections are written in; replay does not use it
  int rounds = 3;  // most that one run makes
  int pairs = 0;   // pieces compared at a time; 0: as many as the project's readers
  RetryPolicy retry;
  std::function<void(const Error*)> on_transient;
  std::function<Throttle::Rates()> rates;
  DigestStrength strength = DigestStrength::kQuick;
  CompareSizes sizes;
  SettleOptions settle;
};

// What a run came to, over the last verdict of each table.
struct VerificationTotals {
  uint64_t tables = 0;
  uint64_t consistent_tables = 0;
  uint64_t missing_tables = 0;  // not there at the destination
  uint64_t rows = 0;
  uint64_t only_source = 0;
  uint64_t only_destination = 0;
  uint64_t different = 0;
  uint64_t computed = 0;  // different in generated columns only
  uint64_t unsettled = 0;
  uint64_t corrected = 0;
  uint64_t refused = 0;       // that the last round's correction had to leave as they were
  uint64_t inconsistent = 0;  // rows, and tables that are missing
};

// Compares every selected table, once incremental has caught up or with nothing running. The first
// round takes all tables; another one those that were corrected or left unsettled. A first round
// that was cut off while it compared may be gone on with: what it had found equal is not looked at
// again. A table whose definition has changed on either side while it was compared is compared once
// more; one that keeps changing is unsettled. Where one is gone, it may have been renamed: tables
// that were not there at first are compared too. Left out is what the user has skipped, as far as
// the destination does not have it and it was not asked for. Journal: an entry per table with its
// verdict, entry "" with the totals.
class VerificationStage : public Stage {
 public:
  // `capturer` and `replayer` are both null where nothing is followed.
  VerificationStage(Link& link, Capturer* capturer, Replayer* replayer,
                    VerificationOptions options);
  std::string_view name() const override { return "verification"; }
  void Run(std::stop_token stop) override;
  const VerificationTotals& totals() const { return totals_; }

 private:
  std::vector<TableName> Tables();
  void RequireSeen(const std::set<TableName>& listed, const std::vector<TableName>& views);
  // Of what there is now, the tables that this run does not have yet; it has them from now on.
  [[noreturn]] void FailLeftOut(const TableName& source) const;
  std::vector<TableName> Newcomers();
  void Round(int64_t round, const std::vector<TableName>& tables, std::stop_token stop);
  // What is to be compared of these tables, and of those that have come where one of them is gone;
  // those that the round has found equal count as done.
  std::vector<CompareJob> Jobs(int64_t round, std::vector<TableName> tables,
                               VerificationReport& report, std::stop_token stop);
  // nullopt: the table is gone at the source, or not at the destination.
  std::optional<CompareJob> Prepare(int64_t round, const TableName& table);
  // Of a table that Prepare had nothing for: whether it is gone at the source.
  bool IsGone(const TableName& table) const;
  // Those whose definition, on either side, is another one since they were made.
  std::vector<CompareJob> Changed(const std::vector<CompareJob>& jobs, std::stop_token stop);
  // Takes back what was said of these tables; returns their names.
  std::vector<TableName> Reopen(int64_t round, const std::vector<CompareJob>& jobs);
  void Conclude(int64_t round, const CompareJob& job, const TableVerdict& verdict);
  // Tables of the round that another one would say more about.
  std::vector<TableName> Correct(int64_t round, std::stop_token stop);
  void SumUp();
  // Corrects the table's rows and notes in `detail` how many were and could not be. Whether another
  // round would say more about it.
  bool CorrectTable(const CompareJob& job, VerificationReport& report, nlohmann::json& detail,
                    std::stop_token stop);
  // Throws PLAN_COLUMN_COARSER.
  void CheckWritable(const ComparePlan& plan) const;
  bool IsDoneIn(int64_t round, const CompareJob& job) const;
  // By table, of the definitions that the Log has; empty where nothing is followed.
  std::map<TableName, uint64_t> Versions() const;
  std::string OpenMark(int64_t round) const;
  std::string Directory(int64_t round) const;
  Comparer::Options CompareOptions() const;

  Link& link_;
  Capturer* capturer_;
  Replayer* replayer_;
  VerificationOptions options_;
  StageJournal journal_;
  std::unique_ptr<ChangeWatch> watch_;
  std::unique_ptr<Catalog> source_;
  std::unique_ptr<Catalog> destination_;
  std::unique_ptr<Corrector> corrector_;
  std::unique_ptr<const Error> locked_;  // why nothing more can be corrected in this round
  std::set<TableName> known_;            // selected when the first Run began
  std::set<TableName> tables_;           // of this Run
  int looks_ = 0;                        // for newcomers, in this round
  bool goes_on_;
  VerificationTotals totals_;
};

}  // namespace godwit
