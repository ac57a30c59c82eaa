// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <functional>
#include <stop_token>
#include <string>
#include <string_view>

#include "base/counter.h"
#include "base/error.h"

namespace godwit {

// How far a stage is; read by the display and the metrics while it runs. `total` may grow.
struct StageProgress {
  Counter done;  // in `unit`s
  Counter total;
  Counter rows;
  Counter bytes;
  std::string unit;  // "rows", "objects", "indexes", "tables"
};

// A finite piece of a project's work. Run may be called again after any crash and goes on from the
// journal; it returns when the stage is done, throws an Error when the attempt cannot go on and
// Stopped when stopped.
class Stage {
 public:
  virtual ~Stage() = default;
  virtual std::string_view name() const = 0;
  virtual void Run(std::stop_token stop) = 0;
  const StageProgress& progress() const { return progress_; }

 protected:
  StageProgress progress_;
};

}  // namespace godwit
