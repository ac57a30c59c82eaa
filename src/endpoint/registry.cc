// SPDX-License-Identifier: Apache-2.0
#include "endpoint/registry.h"

#include <utility>

#include "base/error.h"

namespace godwit {

void Registry::Add(std::string scheme, Opener opener) {
  const bool is_new = openers_.emplace(std::move(scheme), std::move(opener)).second;
  GODWIT_CHECK(is_new, "every URL scheme has one opener");
}

std::unique_ptr<Endpoint> Registry::Open(const EndpointUrl& url, Side side) const {
  CheckScheme(url, side);
  return openers_.at(url.scheme)(url, side);
}

void Registry::CheckScheme(const EndpointUrl& url, Side side) const {
  if (openers_.contains(url.scheme)) return;
  std::string known;
  for (const std::string& scheme : schemes()) known += (known.empty() ? "" : ", ") + scheme;
  throw Error({.code = "URL_SCHEME_UNKNOWN",
               .kind = ErrorKind::kBlocked,
               .side = side,
               .object = url.Redacted(),
               .message = "no database of kind '" + url.scheme + "' is known",
               .cause = "the word before :// names the kind of database",
               .remedy = "use one of " + known});
}

std::vector<std::string> Registry::schemes() const {
  std::vector<std::string> names;
  for (const auto& [scheme, opener] : openers_) names.push_back(scheme);
  return names;
}

}  // namespace godwit
