// SPDX-License-Identifier: Apache-2.0
#include "cli/command_line.h"

#include <fmt/format.h>
#include <signal.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <cstring>
#include <sstream>
#include <system_error>

#include "base/crash_point.h"
#include "cli/command_context.h"
#include "cli/exit_code.h"
#include "cli/run_events.h"
#include "cli/shown_run.h"
#include "cli/text.h"

namespace godwit {
namespace {

void PrintCrashPoints(CommandContext& context) {
  context.command = [] {
    for (std::string_view name : AllCrashPoints()) fmt::print("{}\n", name);
    return 0;
  };
}

// Where the inline password of a URL stands in an argument; empty if there is none.
std::string_view InlinePassword(std::string_view argument) {
  const size_t scheme = argument.find("://");
  if (scheme == std::string_view::npos) return {};
  const size_t begin = scheme + 3;
  // As a URL is read: the last @ before the options.
  size_t at = argument.substr(0, argument.find('?', begin)).rfind('@');
  if (at == std::string_view::npos || at < begin) {
    // A password with a ? in it makes the URL wrong, and must not be seen all the same. A port is
    // no password.
    const size_t port = argument.find_first_not_of("0123456789", argument.find(':', begin) + 1);
    if (port == std::string_view::npos || argument[port] == '/' || argument[port] == '?') return {};
    at = argument.rfind('@');
  }
  if (at == std::string_view::npos || at < begin) return {};
  const size_t colon = argument.find(':', begin);
  if (colon == std::string_view::npos || colon >= at) return {};
  return argument.substr(colon + 1, at - colon - 1);
}

// Keeps the arguments' passwords out of what is said about them.
class PasswordMask {
 public:
  explicit PasswordMask(const std::vector<std::string>& args) {
    for (const std::string& argument : args) {
      const std::string_view password = InlinePassword(argument);
      if (!password.empty()) hidden_.push_back(fmt::format(":{}@", password));
    }
    // One may be the end of another.
    std::sort(hidden_.begin(), hidden_.end(),
              [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  }

  std::string Masked(std::string text) const {
    constexpr std::string_view kMask = ":***@";
    for (const std::string& hidden : hidden_) {
      for (size_t at = 0; (at = text.find(hidden, at)) != std::string::npos; at += kMask.size()) {
        text.replace(at, hidden.size(), kMask);
      }
    }
    return text;
  }

  Error Masked(const Error& error) const {
    ErrorFields fields = error.fields();
    for (std::string* text : {&fields.object, &fields.message, &fields.cause, &fields.remedy}) {
      *text = Masked(std::move(*text));
    }
    return Error(std::move(fields));
  }

 private:
  std::vector<std::string> hidden_;  // with what is around them, for one may be a letter
};

int Parse(CLI::App& app, CommandContext& context, const PasswordMask& mask,
          std::vector<std::string> args) {
  std::reverse(args.begin(), args.end());  // as CLI11 wants them
  try {
    app.parse(args);
  } catch (const CLI::Success& success) {
    return app.exit(success);
  } catch (const CLI::ParseError& error) {
    std::ostringstream text;
    app.exit(error, text, text);
    const std::string said = mask.Masked(text.str());
    fwrite(said.data(), 1, said.size(), stderr);  // which may be closed
    return kExitUsage;
  }
  if (context.command) return -1;
  fmt::print("{}", app.help());
  return kExitUsage;
}

}  // namespace

int RunCommandLine(const Registry& registry, std::vector<std::string> args) {
  const PasswordMask mask(args);
  CommandContext context{.registry = registry, .state_directory = StateDirectory::Default()};
  CLI::App app(
      "Godwit moves live databases: it copies schema and rows, follows the changes, and "
      "proves that both sides are equal.",
      "godwit");
  app.set_version_flag("--version", "godwit " GODWIT_VERSION);
  app.add_option("--state-dir", context.state_directory, "Where projects are kept");
  app.add_flag("--json", context.json, "One JSON object per line on standard output");
  app.add_flag("--verbose", context.verbose, "Lists of objects are shown whole");
  app.add_flag_callback("--crash-points", [&] { PrintCrashPoints(context); })->group("");
  app.fallthrough();
  app.require_subcommand(0, 1);
  AddMigrate(app, context);
  AddPrecheck(app, context);
  AddVerify(app, context);
  AddProject(app, context);
  AddStore(app, context);
  AddDataSource(app, context);
  if (const int code = Parse(app, context, mask, std::move(args)); code >= 0) return code;
  try {
    return context.command();
  } catch (const Error& error) {
    return ReportFailure(context, mask.Masked(error));
  } catch (const std::system_error& error) {
    // Whoever read our output wants no more of it.
    if (error.code() == std::errc::broken_pipe) return 128 + SIGPIPE;
    return ReportFailure(context, Error({.code = "OUTPUT_UNWRITABLE",
                                         .kind = ErrorKind::kBlocked,
                                         .message = mask.Masked(error.what()),
                                         .cause = "standard output cannot be written",
                                         .remedy = "check the file or device it goes to"}));
  } catch (const std::exception& error) {
    return ReportFailure(context, Error({.code = "BUG",
                                         .message = mask.Masked(error.what()),
                                         .cause = "an exception nobody expected",
                                         .remedy = "report it with the log"}));
  }
}

std::vector<std::string> TakeArguments(int argc, char** argv) {
  std::vector<std::string> args(argv + std::min(argc, 1), argv + argc);
  bool had_password = false;
  for (int i = 1; i < argc; ++i) {
    const std::string_view password = InlinePassword(argv[i]);
    if (password.empty()) continue;
    had_password = true;
    memset(argv[i] + (password.data() - argv[i]), 'x', password.size());
  }
  if (had_password) {
    Say(stderr,
        "warning: a password on the command line can be seen by others and stays in "
        "the shell's history; use password_file=, password_env= or 'godwit "
        "datasource add'");
  }
  return args;
}

}  // namespace godwit
