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

// The kinds of databases this program knows, by URL scheme. Filled by main/, then read only.
class Registry {
 public:
  // Connects once to learn what the server is; `side` goes into its errors.
  using Opener = std::function<std::unique_ptr<Endpoint>(const EndpointUrl&, Side)>;

  void Add(std::string scheme, Opener opener);
  // Throws URL_SCHEME_UNKNOWN listing the known schemes, as Open does; connects to nothing.
  void CheckScheme(const EndpointUrl& url, Side side) const;
  std::unique_ptr<Endpoint> Open(const EndpointUrl& url, Side side) const;
  std::vector<std::string> schemes() const;

 private:
  std::map<std::string, Opener> openers_;
};

}  // namespace godwit
