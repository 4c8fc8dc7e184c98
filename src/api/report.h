#pragma once

#include "api/device.h"
#include "pipelines/job.h"
#include "sumi/engine.h"

namespace sumi {

/// What a run is made of, before it runs.
Report report_of(const Model& model, const Device& device, const Job& job, const Request& request);

/// A second run for the same pictures.
void add_times(Report& to, const Report& more);

}  // namespace sumi
