// SPDX-License-Identifier: Apache-2.0
// Measures the capture flow alone: capture_bench prepare|stream URL DIRECTORY RULE
// `prepare` proves a start point and reads the definitions into a Store in DIRECTORY; `stream` goes
// on from there to where the source's log ends and prints what that took.
#include <fmt/format.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>

#include "base/task_group.h"
#include "connectors/mysql/mysql.h"
#include "endpoint/registry.h"
#include "pipeline/capturer.h"

namespace godwit {
namespace {

int Run(const std::string& phase, const std::string& url, const std::string& directory,
        const std::string& rule) {
  Registry registry;
  RegisterMysql(registry);
  auto source = registry.Open(EndpointUrl::Parse(url), Side::kSource);
  auto store = Store::Open(directory, {});
  ObjectRules rules({ObjectRule::Parse(rule)}, {});
  CaptureCounters counters;
  Capturer capturer(*source, *store, rules, counters, {});
  std::stop_source stop;
  TaskGroup flow(stop.get_token());
  const Sequence before = store->last();
  const auto begin = std::chrono::steady_clock::now();
  flow.Start("capture", [&](std::stop_token token) { capturer.Run(token); });
  if (phase == "prepare") {
    capturer.WaitReady(flow.stop_token());
  } else {
    capturer.SequencePast(source->OpenChangeReader()->Current(), flow.stop_token());
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - begin;
  stop.request_stop();
  flow.Join();
  fmt::print("{{\"seconds\": {:.3f}, \"transactions\": {}, \"rows\": {}, \"bytes\": {}}}\n",
             time.count(), store->last() - before, counters.rows.Get(), counters.bytes.Get());
  return 0;
}

}  // namespace
}  // namespace godwit

int main(int count, char** words) {
  if (count != 5) {
    fmt::print(stderr, "usage: capture_bench prepare|stream URL DIRECTORY RULE\n");
    return 2;
  }
  try {
    return godwit::Run(words[1], words[2], words[3], words[4]);
  } catch (const std::exception& problem) {
    fmt::print(stderr, "{}\n", problem.what());
    return 1;
  }
}
