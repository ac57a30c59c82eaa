// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/error.h"
#include "endpoint/endpoint_url.h"
#include "metadata/metadata.h"

namespace godwit {

enum class RunPurpose {
  kMigrate,
  kPrecheck,  // ends after precheck, which is not noted as done
  kCompare,   // a stored project's rows, whatever else the project is doing or has left to do
};

struct RunOptions {
  RunPurpose purpose = RunPurpose::kMigrate;
  bool stop_when_caught_up = false;
  bool accept_warnings = false;     // --yes, or a person said yes
  bool correct = false;             // verification corrects what it finds
  bool certain = false;             // it compares by the surer sum, whatever the project says
  std::vector<std::string> tables;  // verification's, db.table or patterns; empty: all
  // How long a blocked item waits for an answer before the run ends; nullopt: for ever.
  std::optional<std::chrono::milliseconds> blocked_timeout;
  // Asked on a terminal when precheck warns; absent: a warning without accept_warnings ends the
  // run.
  std::function<bool(const std::vector<std::string>& warnings)> confirm;
  // One of the project's replicas with its password; any thread.
  std::function<EndpointUrl(const std::string& replica)> replica;
};

// How a run ended; the words of `status` are those of the summary line (docs/user-guide.md).
struct RunOutcome {
  std::string status;    // completed, completed_unverified, failed, precheck_failed, blocked,
                         // interrupted, inconsistent, unsettled
  uint64_t tables = 0;   // copied, or compared where the run was to compare only
  uint64_t rows = 0;     // copied by all runs of the project; compared where it copies none
  uint64_t changes = 0;  // the source's row changes that all runs have replayed
  uint64_t inconsistent = 0;
  // Skipped as blocked items, in all runs of the project.
  uint64_t left_out = 0;  // rows
  uint64_t skipped = 0;   // statements, objects, and a table's changes in one transaction
  double seconds = 0;
  std::optional<ErrorFields> error;
  std::string advice;  // how to go on, where it is not the usual
  RunPurpose purpose = RunPurpose::kMigrate;
};

// What a verification is to compare.
struct VerifyOrder {
  std::vector<std::string> tables;  // of the source, db.table or patterns; empty: all selected
  bool correct = false;
  bool certain = false;  // as in RunOptions
  bool goes_on = false;  // with what the same comparison had seen when it was cut off
};

// One stage as the display shows it.
struct StageView {
  std::string name;
  std::string status;  // pending, running, done, failed, skipped
  std::string unit;
  int64_t done = 0;
  int64_t total = 0;
  int64_t rows = 0;
  int64_t bytes = 0;
  double seconds = 0;  // since it started; frozen when it ended
};

// The link's flows at one moment.
struct FlowView {
  bool capturing = false;
  bool replaying = false;
  int64_t captured_transactions = 0;
  int64_t captured_rows = 0;
  int64_t captured_bytes = 0;
  int64_t replayed_transactions = 0;
  int64_t replayed_rows = 0;
  int64_t replayed_bytes = 0;
  int64_t source_time_us = 0;  // of the last applied transaction
  int64_t latency_us = 0;
  // Over the last seconds.
  double captured_bytes_per_second = 0;
  double replayed_bytes_per_second = 0;
  double replayed_rows_per_second = 0;
  uint64_t log_last = 0;  // last sequence in the Log
  uint64_t applied = 0;   // last sequence in the destination without a gap
  uint64_t store_bytes = 0;
  int64_t store_first_time_us = 0;  // source time of the oldest transaction kept; 0: none
};

struct ProjectView {
  std::string state;  // running, paused, blocked …
  std::vector<StageView> stages;
  FlowView flow;
  std::optional<ErrorFields> transient;  // a server is being waited for
  std::vector<Finding> open_findings;    // blocked items
};

}  // namespace godwit
