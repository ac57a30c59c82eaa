// SPDX-License-Identifier: Apache-2.0
#include "endpoint/registry.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace godwit {
namespace {

// Without the options: one that is not known may hold a password.
std::string Place(const EndpointUrl& url) { return url.scheme + "://" + url.host; }

std::string Listed(const std::vector<std::string>& names) {
  std::string out;
  for (const std::string& name : names) out += (out.empty() ? "" : ", ") + name;
  return out;
}

}  // namespace

void Registry::Add(std::string scheme, Opener opener, std::vector<UrlOption> options) {
  const bool is_new =
      kinds_.emplace(std::move(scheme), Kind{std::move(opener), std::move(options)}).second;
  GODWIT_CHECK(is_new, "every URL scheme has one opener");
}

std::unique_ptr<Endpoint> Registry::Open(const EndpointUrl& url, Side side) const {
  Check(url, side);
  return kinds_.at(url.scheme).opener(url, side);
}

void Registry::Check(const EndpointUrl& url, Side side) const {
  if (!kinds_.contains(url.scheme)) {
    throw Error({.code = "URL_SCHEME_UNKNOWN",
                 .kind = ErrorKind::kBlocked,
                 .side = side,
                 .object = Place(url),
                 .message = "no database of kind '" + url.scheme + "' is known",
                 .cause = "the word before :// names the kind of database",
                 .remedy = "use one of " + Listed(schemes())});
  }
  for (const auto& [name, value] : url.options) CheckOption(url, name, side);
}

// A misspelled option must not be taken for one that was left out: a connection meant to be
// encrypted would be in clear.
void Registry::CheckOption(const EndpointUrl& url, const std::string& name, Side side) const {
  std::vector<std::string> known = {"password_file", "password_env"};
  if (std::find(known.begin(), known.end(), name) != known.end()) return;
  for (const UrlOption& option : kinds_.at(url.scheme).options) {
    known.push_back(option.name);
    if (option.name != name) continue;
    const std::string& value = url.options.at(name);
    if (option.takes(url, value)) return;
    throw Error({.code = "URL_OPTION_INVALID",
                 .kind = ErrorKind::kBlocked,
                 .side = side,
                 .object = Place(url),
                 .message = "the URL's option " + name + " cannot be '" + value + "'",
                 .cause = name + " takes " + option.values,
                 .remedy = "write it so, or leave the option out"});
  }
  throw Error({.code = "URL_OPTION_INVALID",
               .kind = ErrorKind::kBlocked,
               .side = side,
               .object = Place(url),
               .message = "the URL's option '" + name + "' is not known",
               .cause = url.scheme + ":// takes the options " + Listed(known),
               .remedy = "write one of these, or leave the option out"});
}

std::vector<std::string> Registry::schemes() const {
  std::vector<std::string> names;
  for (const auto& [scheme, kind] : kinds_) names.push_back(scheme);
  return names;
}

}  // namespace godwit
