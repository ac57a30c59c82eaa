// SPDX-License-Identifier: Apache-2.0
// The one file that names every connector.
#include "cli/command_line.h"
#include "cli/signals.h"
#include "connectors/memory/memory.h"
#include "connectors/mysql/mysql.h"
#include "connectors/oceanbase/oceanbase.h"

int main(int argc, char** argv) {
  std::vector<std::string> args = godwit::TakeArguments(argc, argv);
  godwit::BlockSignals();
  godwit::Registry registry;
  godwit::RegisterMysql(registry);
  godwit::RegisterOceanBase(registry);
  godwit::memory::RegisterMemory(registry);
  return godwit::RunCommandLine(registry, std::move(args));
}
