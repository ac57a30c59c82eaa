// SPDX-License-Identifier: Apache-2.0
#include "cli/view_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

namespace godwit {
namespace {

using testing::HasSubstr;
using testing::Not;

size_t Columns(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xc0) != 0x80; }));
}

ProjectView Busy() {
  ProjectView view;
  view.state = "running";
  view.stages = {{.name = "precheck", .status = "done", .seconds = 0.4},
                 {.name = "capture", .status = "running"},
                 {.name = "full",
                  .status = "running",
                  .unit = "rows",
                  .done = 400'000,
                  .total = 1'000'000,
                  .bytes = 80'000'000,
                  .seconds = 8},
                 {.name = "incremental", .status = "pending"},
                 {.name = "verification", .status = "pending"}};
  view.flow.capturing = true;
  view.flow.captured_rows = 1234;
  return view;
}

std::string LineOf(ViewLines& lines, const ProjectView& view, std::string_view stage, double now,
                   size_t columns) {
  for (const ViewLine& line : lines.Make(view, "p", now, columns)) {
    if (line.text.starts_with(stage)) return line.text;
  }
  return "";
}

TEST(ViewLinesTest, ABarPerStageWithRateAndTimeLeft) {
  ViewLines lines;
  ProjectView view = Busy();
  lines.Make(view, "p", 0, 119);
  view.stages[2].done = 500'000;
  view.stages[2].bytes = 100'000'000;
  const std::string full = LineOf(lines, view, "full", 2, 119);
  EXPECT_THAT(full, HasSubstr("████████████░░░░░░░░░░░░    50 %"));
  EXPECT_THAT(full, HasSubstr("500,000 of about 1,000,000 rows"));
  EXPECT_THAT(full, HasSubstr("50,000/s"));
  EXPECT_THAT(full, HasSubstr("10.0 MB/s"));
  EXPECT_THAT(full, HasSubstr("10 s left"));
  EXPECT_THAT(LineOf(lines, view, "precheck", 2, 119), HasSubstr("███"));
  EXPECT_THAT(LineOf(lines, view, "verification", 2, 119), HasSubstr("░░░"));
}

TEST(ViewLinesTest, NarrowTerminalsLoseTheLessImportantWords) {
  ViewLines lines;
  ProjectView view = Busy();
  for (double now : {0.0, 2.0}) {
    view.stages[2].done += 100'000;
    for (size_t columns : {119, 79, 59, 39, 20}) {
      for (const ViewLine& line : lines.Make(view, "p", now, columns)) {
        EXPECT_LE(Columns(line.text), columns) << line.text;
      }
    }
  }
  const std::string full = LineOf(lines, view, "full", 2, 59);
  EXPECT_THAT(full, HasSubstr(" left"));
  EXPECT_THAT(full, Not(HasSubstr("MB/s")));
}

TEST(ViewLinesTest, ReplayShowsLatencyAndHowFarItIs) {
  ViewLines lines;
  ProjectView view = Busy();
  view.stages[3].status = "running";
  view.flow.replaying = true;
  view.flow.applied = 75;
  view.flow.log_last = 100;
  view.flow.latency_us = 1'500'000;
  const std::string line = LineOf(lines, view, "incremental", 0, 119);
  EXPECT_THAT(line, HasSubstr("75 %"));
  EXPECT_THAT(line, HasSubstr("latency 1.5 s"));
  EXPECT_THAT(LineOf(lines, view, "capture", 0, 119), HasSubstr("follows"));
}

TEST(ViewLinesTest, VerificationGoesByRowsWhereTheyAreKnown) {
  ViewLines lines;
  ProjectView view = Busy();
  view.stages[2] = {.name = "full", .status = "done", .rows = 1000};
  view.stages[4] = {.name = "verification",
                    .status = "running",
                    .unit = "tables",
                    .done = 0,
                    .total = 1,
                    .rows = 400};
  EXPECT_THAT(LineOf(lines, view, "verification", 0, 119), HasSubstr("40 %"));
}

TEST(ViewLinesTest, SaysWhatIsBlockedWithItsChoicesAndWhatIsWaitedFor) {
  ViewLines lines;
  ProjectView view = Busy();
  view.open_findings = {{.id = 7, .stage = "incremental", .kind = "ddl", .object = "shop.t"},
                        {.id = 8, .stage = "incremental", .kind = "row", .object = "shop.u"},
                        {.id = 9, .stage = "incremental", .kind = "object", .object = "shop.v"},
                        {.id = 10, .stage = "schema", .kind = "object", .object = "shop.w"}};
  view.transient = ErrorFields{
      .code = "CONNECTION_LOST", .side = Side::kSource, .message = "server has gone away"};
  lines.Make(view, "p --state-dir /s", 0, 119);
  std::string all;
  for (const ViewLine& line : lines.Make(view, "p --state-dir /s", 12, 119)) {
    all += line.text + "\n";
  }
  EXPECT_THAT(all, HasSubstr("item 7: ddl shop.t"));
  EXPECT_THAT(all, HasSubstr("godwit project resolve p --state-dir /s 7 --retry | --skip | --done "
                             "| --edit FILE"));
  EXPECT_THAT(all, HasSubstr("resolve p --state-dir /s 8 --retry | --skip | --done\n"));
  EXPECT_THAT(all, HasSubstr("resolve p --state-dir /s 9 --retry | --skip | --done\n"));
  EXPECT_THAT(all, HasSubstr("/s 10 --retry | --skip | --done | --edit FILE\n"));
  EXPECT_THAT(all, HasSubstr("for the source, since 12 s: CONNECTION_LOST"));
  EXPECT_THAT(all, HasSubstr("server has gone away"));
}

}  // namespace
}  // namespace godwit
