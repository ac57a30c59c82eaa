// SPDX-License-Identifier: Apache-2.0
// What people write: URLs, project files, object rules, chosen by the first byte. Any text is
// understood or refused with the one code that says so.
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "base/error.h"
#include "endpoint/endpoint_url.h"
#include "model/object_rules.h"
#include "project/project_request.h"

namespace {

using namespace godwit;

// The text that is shown leads to the same place. A password's file or variable stays unread.
void CheckUrl(std::string_view text) {
  if (text.find("password") != std::string_view::npos || text.find('%') != std::string_view::npos) {
    return;
  }
  const EndpointUrl url = EndpointUrl::Parse(text);
  const EndpointUrl again = EndpointUrl::Parse(url.Redacted());
  if (again.scheme != url.scheme || again.user != url.user || again.host != url.host ||
      again.port != url.port || again.options != url.options || !again.password.empty()) {
    std::abort();
  }
}

void CheckRule(std::string_view text) {
  const ObjectRules rules({ObjectRule::Parse(text)}, {});
  for (const TableName& name : {TableName{"d", "t"}, TableName{"", ""}, TableName{"shop", "ü[a"}}) {
    if (rules.Find(name) && !rules.MaySelect(name.database)) std::abort();
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  static constexpr std::string_view kCodes[] = {"URL_INVALID", "CONFIG_INVALID", "RULE_INVALID"};
  const int kind = data[0] % 3;
  try {
    if (kind == 0) CheckUrl(text);
    if (kind == 1) ParseProjectFile(text, "project.toml");
    if (kind == 2) CheckRule(text);
  } catch (const Error& error) {
    if (error.code() != kCodes[kind]) std::abort();
  }
  return 0;
}
