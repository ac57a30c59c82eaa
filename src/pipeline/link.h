// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string>

#include "endpoint/endpoint.h"
#include "metadata/metadata.h"
#include "model/project_spec.h"
#include "store/store.h"
#include "translate/translator.h"

namespace godwit {

// Fixed wiring of one direction: two endpoints, a Log, a journal, the rules. Owns nothing; what it
// refers to outlives it. It knows no direction of its own: a way back is another Link with the ends
// exchanged.
struct Link {
  std::string name;  // of its lane rows in the destination; unique per project and direction
  int64_t project = 0;
  const ProjectSpec& spec;
  Endpoint& source;
  Endpoint& destination;
  Store& store;
  Metadata& metadata;
  const Translator& translator;
  // Whether what cascading foreign keys do to rows is in the Log: not where it was not when the
  // project began. Where it is all the same, doing it once more changes nothing.
  bool logs_cascades = source.info().logs_cascades;
  uint64_t epoch = 0;  // of this run, raised in the destination before anything is written
};

}  // namespace godwit
