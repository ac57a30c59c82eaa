// SPDX-License-Identifier: Apache-2.0
#include "cli/text.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <nlohmann/json.hpp>

#include "project/projects.h"
#include "stage/journal.h"

namespace godwit {

using nlohmann::json;

std::string CountText(int64_t n) {
  std::string digits = std::to_string(n < 0 ? -n : n);
  for (int at = static_cast<int>(digits.size()) - 3; at > 0; at -= 3) digits.insert(at, ",");
  return n < 0 ? "-" + digits : digits;
}

std::string BytesText(int64_t bytes) {
  constexpr std::array kUnits = {"B", "kB", "MB", "GB", "TB", "PB"};
  double value = static_cast<double>(bytes);
  size_t unit = 0;
  while (value >= 1000 && unit + 1 < kUnits.size()) {
    value /= 1000;
    ++unit;
  }
  return unit == 0 ? fmt::format("{} B", bytes) : fmt::format("{:.1f} {}", value, kUnits[unit]);
}

std::string TimeText(double seconds) {
  if (seconds < 10) return fmt::format("{:.1f} s", seconds);
  const auto whole = static_cast<int64_t>(seconds);
  if (whole < 60) return fmt::format("{} s", whole);
  if (whole < 3600) return fmt::format("{}:{:02}", whole / 60, whole % 60);
  return fmt::format("{}:{:02}:{:02}", whole / 3600, whole / 60 % 60, whole % 60);
}

std::string MomentText(int64_t us) {
  int64_t fraction = us % 1'000'000;
  time_t seconds = us / 1'000'000;
  if (fraction < 0) {
    fraction += 1'000'000;
    --seconds;
  }
  tm parts{};
  gmtime_r(&seconds, &parts);
  char text[64];
  strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &parts);
  return fmt::format("{}.{:06} UTC", text, fraction);
}

int64_t ParseMoment(std::string_view given) {
  std::string text(given);
  if (text.ends_with(" UTC")) text.resize(text.size() - 4);
  if (text.ends_with('Z')) text.pop_back();
  std::replace(text.begin(), text.end(), 'T', ' ');
  const bool is_number = !text.empty() && text.size() <= 18 &&
                         text.find_first_not_of("0123456789") == std::string::npos;
  if (is_number && text.size() > 8) return std::stoll(text);
  int64_t fraction = 0;
  if (size_t dot = text.find('.'); dot != std::string::npos) {
    std::string digits = text.substr(dot + 1);
    text.resize(dot);
    if (digits.empty() || digits.size() > 6 ||
        digits.find_first_not_of("0123456789") != std::string::npos) {
      text.clear();
    } else {
      digits.resize(6, '0');
      fraction = std::stoll(digits);
    }
  }
  for (const char* format : {"%Y-%m-%d %H:%M:%S", "%Y-%m-%d %H:%M", "%Y-%m-%d"}) {
    tm parts{};
    const char* end = strptime(text.c_str(), format, &parts);
    if (end != nullptr && *end == '\0') return timegm(&parts) * int64_t{1'000'000} + fraction;
  }
  throw Error({.code = "TIME_INVALID",
               .kind = ErrorKind::kBlocked,
               .message = fmt::format("'{}' is no time", given),
               .cause = "a time is written as 2024-05-01 12:00:00, in UTC",
               .remedy = "write it so, or give microseconds since 1970"});
}

std::string ErrorText(const ErrorFields& error) {
  std::string out = fmt::format("{}: {}", error.code, error.message);
  if (error.native != 0) out += fmt::format(" ({})", error.native);
  if (error.side != Side::kNone) out += fmt::format(" [{}]", ToString(error.side));
  if (!error.object.empty() && error.message.find(error.object) == std::string::npos) {
    out += fmt::format(" [{}]", error.object);
  }
  if (!error.cause.empty()) out += "\n  cause:  " + error.cause;
  if (!error.remedy.empty()) out += "\n  remedy: " + error.remedy;
  return out;
}

std::string AnswerCommand(const Finding& finding, std::string_view project) {
  return fmt::format("godwit project resolve {} {} --retry | --skip | --done{}", project,
                     finding.id, CanBeEdited(finding) ? " | --edit FILE" : "");
}

std::string FindingText(const Finding& finding, std::string_view project) {
  const json detail = json::parse(finding.detail, nullptr, false);
  std::string out = fmt::format("blocked: item {}: {} {} in {}", finding.id, finding.kind,
                                finding.object, finding.stage);
  if (detail.is_object()) {
    if (auto error = detail.find("error"); error != detail.end()) {
      out += "\n  " + ErrorText(ErrorFromJson(*error));
    }
    for (const char* part : {"statement", "converted"}) {
      const std::string text = detail.value(part, "");
      if (!text.empty()) out += fmt::format("\n  {}: {}", part, text);
    }
  }
  return out + "\n  answer: " + AnswerCommand(finding, project);
}

std::string LeftOutText(const Finding& finding) {
  const json detail = json::parse(finding.detail, nullptr, false);
  return fmt::format("skipped: item {}: row {} in {}: {}", finding.id, finding.object,
                     finding.stage, detail.is_object() ? detail.value("statement", "") : "");
}

std::string StageText(const StageView& stage) {
  std::string out = fmt::format("{:<13} {:<8}", stage.name, stage.status);
  if (stage.total > 0) {
    const bool is_estimate = stage.unit == "rows" && stage.status == "running";
    out += fmt::format("  {} of {}{} {}", CountText(stage.done), is_estimate ? "about " : "",
                       CountText(stage.total), stage.unit);
  }
  if (stage.rows > 0 && stage.unit != "rows")
    out += fmt::format("  {} rows", CountText(stage.rows));
  if (stage.bytes > 0) out += "  " + BytesText(stage.bytes);
  if (stage.seconds > 0) out += "  " + TimeText(stage.seconds);
  return out;
}

std::string FlowText(const FlowView& flow) {
  std::string out = fmt::format("captured {} rows, applied {} rows in {} transactions",
                                CountText(flow.captured_rows), CountText(flow.replayed_rows),
                                CountText(flow.replayed_transactions));
  if (flow.replaying) {
    out += fmt::format(", latency {}", TimeText(static_cast<double>(flow.latency_us) / 1e6));
  }
  out += fmt::format(", store {}", BytesText(static_cast<int64_t>(flow.store_bytes)));
  if (flow.store_first_time_us != 0) out += " since " + MomentText(flow.store_first_time_us);
  return out;
}

void Say(std::FILE* file, std::string_view text) {
  const std::string line = fmt::format("{}\n", text);
  fwrite(line.data(), 1, line.size(), file);
  fflush(file);
}

}  // namespace godwit
