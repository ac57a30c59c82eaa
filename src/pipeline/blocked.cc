// SPDX-License-Identifier: Apache-2.0
#include "pipeline/blocked.h"

#include <nlohmann/json.hpp>

namespace godwit {

using nlohmann::json;

LogSpan SpanOf(const Finding& finding) {
  const json detail = json::parse(finding.detail, nullptr, false);
  if (!detail.is_object() || !detail.contains("sequences")) return {};
  const json& sequences = detail["sequences"];
  return {.first = sequences.at(0).get<Sequence>(), .last = sequences.at(1).get<Sequence>()};
}

std::vector<AskedRow> AskedRows(Metadata& metadata, int64_t project, std::string_view stage,
                                Sequence applied) {
  std::vector<AskedRow> rows;
  for (const Finding& finding : metadata.Findings(project, "")) {
    if (finding.stage != stage || finding.kind != "row") continue;
    const LogSpan span = SpanOf(finding);
    if (span.last <= applied) continue;
    const json detail = json::parse(finding.detail);
    rows.push_back({span, detail.value("statement", ""), detail.value("row", "")});
  }
  return rows;
}

void CloseFindings(Metadata& metadata, int64_t project, std::string_view stage, Sequence through) {
  for (Finding& finding : metadata.Findings(project, "")) {
    if (finding.status == "closed" || finding.stage != stage) continue;
    if (SpanOf(finding).last > through) continue;
    json detail = json::parse(finding.detail, nullptr, false);
    if (finding.status != "open" && detail.is_object()) {
      detail["unused"] = finding.status;
      finding.detail = detail.dump(-1, ' ', false, json::error_handler_t::replace);
    }
    finding.status = "closed";
    metadata.UpdateFinding(project, finding);
  }
}

}  // namespace godwit
