// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "cli/command_context.h"
#include "cli/signals.h"
#include "cli/text.h"

namespace godwit {

using nlohmann::json;

namespace {

struct Arguments {
  std::string name;
  std::string url;
};

int List(const CommandContext& context, Projects& projects) {
  for (const DataSource& source : projects.DataSources()) {
    if (context.json) {
      fmt::print("{}\n", json{{"name", source.name}, {"url", source.url}}.dump());
    } else {
      fmt::print("{:<24} {}\n", source.name, source.url);
    }
  }
  return 0;
}

int Test(const CommandContext& context, Projects& projects, const std::string& name_or_url) {
  const EndpointInfo info = projects.TestDataSource(name_or_url);
  if (context.json) {
    fmt::print(
        "{}\n",
        json{{"kind", info.kind}, {"version", info.version}, {"can_capture", info.can_capture}}
            .dump());
  } else {
    fmt::print("{} {}, changes can {}be followed\n", info.kind, info.version,
               info.can_capture ? "" : "not ");
  }
  return 0;
}

}  // namespace

void AddDataSource(CLI::App& app, CommandContext& context) {
  CLI::App* group = app.add_subcommand("datasource", "Servers by name; passwords are kept sealed");
  group->require_subcommand(1);
  auto arguments = std::make_shared<Arguments>();
  CLI::App* add = group->add_subcommand("add", "Store a server's URL under a name");
  add->add_option("NAME", arguments->name, "The name")->required();
  add->add_option("URL", arguments->url, "The server")->required();
  add->callback([&context, arguments] {
    context.command = [&context, arguments] {
      OpenState state(context);
      state.projects().AddDataSource(arguments->name, arguments->url);
      Say(stderr, fmt::format("stored; name it as @{}", arguments->name));
      return 0;
    };
  });
  group->add_subcommand("list", "Every data source")->callback([&context] {
    context.command = [&context] {
      OpenState state(context);
      return List(context, state.projects());
    };
  });
  CLI::App* test = group->add_subcommand("test", "Connect and say what the server is");
  test->add_option("NAME-or-URL", arguments->name, "The server")->required();
  test->callback([&context, arguments] {
    context.command = [&context, arguments] {
      UnblockSignals();  // a server that says nothing is waited for
      OpenState state(context);
      return Test(context, state.projects(), arguments->name);
    };
  });
}

}  // namespace godwit
