// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <memory>
#include <stop_token>
#include <string>

#include "endpoint/registry.h"
#include "metadata/metadata.h"
#include "model/project_spec.h"
#include "project/run_types.h"
#include "project/verify_orders.h"

namespace godwit {

// Runs one project: precheck, schema, capture, full, indexes, incremental, verification, in this
// order as far as they were chosen, from wherever the journal says it stands. Obeys the desired
// state in the metadata (pause, resume) while it runs. Run belongs to one thread; View to any.
class Runner {
 public:
  // `directory` is the project's own, under the state directory; its lock is held by the caller.
  Runner(const Registry& registry, Metadata& metadata, ProjectRecord project, ProjectSpec spec,
         EndpointUrl source, EndpointUrl destination, std::string directory, RunOptions options);
  ~Runner();

  // Never throws for what the project meets: the outcome says it. `stop`: save and end.
  RunOutcome Run(std::stop_token stop);
  ProjectView View() const;
  // Verifications that others ask for while it runs.
  VerifyOrders& orders();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace godwit
