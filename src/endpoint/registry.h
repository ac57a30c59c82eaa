// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "endpoint/endpoint.h"
#include "endpoint/endpoint_url.h"

namespace godwit {

// An option that the URLs of a kind take besides password_file and password_env, which all take.
struct UrlOption {
  std::string name;
  std::string values;  // what it takes, for people
  std::function<bool(const EndpointUrl&, const std::string& value)> takes;
};

// The kinds of databases this program knows, by URL scheme. Filled by main/, then read only.
class Registry {
 public:
  // Connects once to learn what the server is; `side` goes into its errors.
  using Opener = std::function<std::unique_ptr<Endpoint>(const EndpointUrl&, Side)>;

  void Add(std::string scheme, Opener opener, std::vector<UrlOption> options = {});
  // Throws URL_SCHEME_UNKNOWN and URL_OPTION_INVALID listing what is known, as Open does; connects
  // to nothing.
  void Check(const EndpointUrl& url, Side side) const;
  std::unique_ptr<Endpoint> Open(const EndpointUrl& url, Side side) const;
  std::vector<std::string> schemes() const;

 private:
  struct Kind {
    Opener opener;
    std::vector<UrlOption> options;
  };

  void CheckOption(const EndpointUrl& url, const std::string& name, Side side) const;

  std::map<std::string, Kind> kinds_;
};

}  // namespace godwit
