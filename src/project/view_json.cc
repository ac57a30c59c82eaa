// SPDX-License-Identifier: Apache-2.0
#include "project/view_json.h"

#include <nlohmann/json.hpp>

#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

namespace {

json ToJson(const StageView& s) {
  return {{"stage", s.name},  {"status", s.status}, {"unit", s.unit},   {"done", s.done},
          {"total", s.total}, {"rows", s.rows},     {"bytes", s.bytes}, {"seconds", s.seconds}};
}

StageView StageFromJson(const json& j) {
  return {j.value("stage", ""),         j.value("status", ""),        j.value("unit", ""),
          j.value("done", int64_t{0}),  j.value("total", int64_t{0}), j.value("rows", int64_t{0}),
          j.value("bytes", int64_t{0}), j.value("seconds", 0.0)};
}

json ToJson(const FlowView& f) {
  return {{"capturing", f.capturing},
          {"replaying", f.replaying},
          {"captured_transactions", f.captured_transactions},
          {"captured_rows", f.captured_rows},
          {"captured_bytes", f.captured_bytes},
          {"replayed_transactions", f.replayed_transactions},
          {"replayed_rows", f.replayed_rows},
          {"replayed_bytes", f.replayed_bytes},
          {"source_time_us", f.source_time_us},
          {"latency_us", f.latency_us},
          {"captured_bytes_per_second", f.captured_bytes_per_second},
          {"replayed_bytes_per_second", f.replayed_bytes_per_second},
          {"replayed_rows_per_second", f.replayed_rows_per_second},
          {"log_last", f.log_last},
          {"applied", f.applied},
          {"store_bytes", f.store_bytes},
          {"store_first_time_us", f.store_first_time_us}};
}

FlowView FlowFromJson(const json& j) {
  FlowView f;
  f.capturing = j.value("capturing", false);
  f.replaying = j.value("replaying", false);
  f.captured_transactions = j.value("captured_transactions", int64_t{0});
  f.captured_rows = j.value("captured_rows", int64_t{0});
  f.captured_bytes = j.value("captured_bytes", int64_t{0});
  f.replayed_transactions = j.value("replayed_transactions", int64_t{0});
  f.replayed_rows = j.value("replayed_rows", int64_t{0});
  f.replayed_bytes = j.value("replayed_bytes", int64_t{0});
  f.source_time_us = j.value("source_time_us", int64_t{0});
  f.latency_us = j.value("latency_us", int64_t{0});
  f.captured_bytes_per_second = j.value("captured_bytes_per_second", 0.0);
  f.replayed_bytes_per_second = j.value("replayed_bytes_per_second", 0.0);
  f.replayed_rows_per_second = j.value("replayed_rows_per_second", 0.0);
  f.log_last = j.value("log_last", uint64_t{0});
  f.applied = j.value("applied", uint64_t{0});
  f.store_bytes = j.value("store_bytes", uint64_t{0});
  f.store_first_time_us = j.value("store_first_time_us", int64_t{0});
  return f;
}

Finding FindingFromJson(const json& j) {
  return {j.value("item", int64_t{0}), j.value("stage", ""),
          j.value("kind", ""),         j.value("object", ""),
          j.value("status", ""),       j.contains("detail") ? j["detail"].dump() : "{}",
          j.value("answer", "")};
}

}  // namespace

json ToJson(const Finding& f) {
  json detail = json::parse(f.detail, nullptr, false);
  if (detail.is_discarded()) detail = json::object();
  json out = {{"item", f.id},       {"stage", f.stage},   {"kind", f.kind},
              {"object", f.object}, {"status", f.status}, {"detail", std::move(detail)}};
  if (!f.answer.empty()) out["answer"] = f.answer;
  return out;
}

json ToJson(const RunOutcome& o) {
  json out = {{"status", o.status},     {"tables", o.tables},   {"rows", o.rows},
              {"changes", o.changes},   {"seconds", o.seconds}, {"inconsistent", o.inconsistent},
              {"left_out", o.left_out}, {"skipped", o.skipped}};
  if (o.error) out["error"] = ToJson(*o.error);
  return out;
}

RunOutcome OutcomeFromJson(const json& j) {
  RunOutcome out{.status = j.value("status", "failed"),
                 .tables = j.value("tables", uint64_t{0}),
                 .rows = j.value("rows", uint64_t{0}),
                 .changes = j.value("changes", uint64_t{0}),
                 .inconsistent = j.value("inconsistent", uint64_t{0}),
                 .left_out = j.value("left_out", uint64_t{0}),
                 .skipped = j.value("skipped", uint64_t{0}),
                 .seconds = j.value("seconds", 0.0)};
  if (j.contains("error")) out.error = ErrorFromJson(j["error"]);
  return out;
}

json ToJson(const ProjectView& view) {
  json stages = json::array();
  for (const StageView& stage : view.stages) stages.push_back(ToJson(stage));
  json findings = json::array();
  for (const Finding& finding : view.open_findings) findings.push_back(ToJson(finding));
  json out = {{"state", view.state},
              {"stages", std::move(stages)},
              {"flow", ToJson(view.flow)},
              {"blocked", std::move(findings)}};
  if (view.transient) out["transient"] = ToJson(*view.transient);
  return out;
}

ProjectView ViewFromJson(const json& j) {
  ProjectView view;
  view.state = j.value("state", "");
  for (const json& stage : j.value("stages", json::array())) {
    view.stages.push_back(StageFromJson(stage));
  }
  view.flow = FlowFromJson(j.value("flow", json::object()));
  for (const json& finding : j.value("blocked", json::array())) {
    view.open_findings.push_back(FindingFromJson(finding));
  }
  if (j.contains("transient")) view.transient = ErrorFromJson(j["transient"]);
  return view;
}

}  // namespace godwit
